// Arrays that arrive as (outer, channels, inner), and arrays of one value a channel.
#pragma once
#include <optional>

#include "bindings/arrays.h"
#include "ops/channels.h"

namespace densekit::bindings {

inline ChannelShape channel_shape(const py::array& x, const char* name) {
  require(x.ndim() == 3, std::string(name) + " is " + shape_text(x) + ", expected (outer, channels, inner)");
  return {x.shape(0), x.shape(1), x.shape(2)};
}
inline void require_values(const ChannelShape& shape, const py::array& x) {
  require(shape.count() > 0 || shape.channels == 0, "x is " + shape_text(x) + ": no values in a channel");
}
template <class T> const T* optional_input(const std::optional<Contiguous<T>>& a, const char* name, index length) {
  if (!a) return nullptr;
  require_shape(*a, name, {length});
  return input(*a, name);
}
template <class T> T* optional_output(std::optional<Contiguous<T>>& a, const char* name, index length) {
  if (!a) return nullptr;
  require_shape(*a, name, {length});
  return output(*a, name);
}

}  // namespace densekit::bindings
