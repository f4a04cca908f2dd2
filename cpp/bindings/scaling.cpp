// Moments and ranges of channels, for column-wise scaling.
#include "ops/scaling.h"

#include "bindings/channels.h"

namespace densekit::bindings {

// moments (2, channels): means, and sums of squared differences from them.
template <class T> static void channel_moments(const Contiguous<T>& x, Contiguous<double>& moments) {
  const ChannelShape shape = channel_shape(x, "x");
  require_values(shape, x);
  require_shape(moments, "moments", {2, shape.channels});
  const T* in = input(x, "x");
  double* out = output(moments, "moments");
  const Scratch scratch(channel_moments_scratch_bytes(shape));
  interruptible([&](const Context& context) { densekit::channel_moments(context, in, shape, out, out + shape.channels, scratch.get()); });
}

template <class T> static void channel_range(const Contiguous<T>& x, Contiguous<T>& low, Contiguous<T>& high) {
  const ChannelShape shape = channel_shape(x, "x");
  require_values(shape, x);
  require_shape(low, "low", {shape.channels});
  require_shape(high, "high", {shape.channels});
  const T* in = input(x, "x");
  T *least = output(low, "low"), *most = output(high, "high");
  const Scratch scratch(channel_range_scratch_bytes<T>(shape));
  interruptible([&](const Context& context) { densekit::channel_range(context, in, shape, least, most, scratch.get()); });
}

template <class T> static void clamp(Contiguous<T>& y, double low, double high) {
  T* target = output(y, "y");
  const index n = y.size();
  interruptible([&](const Context& context) { densekit::clamp(context, target, n, low, high); });
}

void bind_scaling(py::module_& m) {
  DENSEKIT_DEF(m, "channel_moments", channel_moments, py::arg("x").noconvert(), py::arg("moments").noconvert());
  DENSEKIT_DEF(m, "channel_range", channel_range, py::arg("x").noconvert(), py::arg("low").noconvert(), py::arg("high").noconvert());
  DENSEKIT_DEF(m, "clamp", clamp, py::arg("y").noconvert(), py::arg("low"), py::arg("high"));
}

}  // namespace densekit::bindings
