// The range of each channel, for min-max scaling. The map itself is normalize() of ops/channels.h.
#pragma once
#include "ops/channels.h"

namespace densekit {

// low, high (channels); NaN in a channel gives NaN. count() > 0.
template <class T> Bytes channel_range_scratch_bytes(const ChannelShape& shape);
template <class T> void channel_range(const Context& context, const T* x, ChannelShape shape, T* low, T* high, void* scratch);

// y into [low, high], in place.
template <class T> void clamp(const Context& context, T* y, index n, double low, double high);

}  // namespace densekit
