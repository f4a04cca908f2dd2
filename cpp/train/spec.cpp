// What the compiler should make of a Layer in one place only.
#include "densekit/spec.h"

namespace densekit {

Layer::Layer() : is(Dense{}) {}
Layer::Layer(const Layer&) = default;
Layer::Layer(Layer&&) noexcept = default;
Layer& Layer::operator=(const Layer&) = default;
Layer& Layer::operator=(Layer&&) noexcept = default;
Layer::~Layer() = default;

}  // namespace densekit
