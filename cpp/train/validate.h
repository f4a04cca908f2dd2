// The rules of docs/network.md that a spec must keep, whoever made it.
#pragma once
#include "densekit/spec.h"

namespace densekit {

// std::invalid_argument names the place, e.g. "spec: layers[2].rate must be in [0, 1], got 1.5". What depends on how layers
// work together (which activation a linked loss belongs to) is asked where they are put together.
void validate(const Spec& spec);

// Whether the kind is one that there is.
void validate_kind(const std::string& path, const LayerSpec& layer);
void validate_kind(const std::string& path, const InitializerSpec& initializer);
void validate_kind(const std::string& path, const LossSpec& loss);
void validate_kind(const std::string& path, const OptimizerSpec& optimizer);

// The number of outputs of a layer with that many inputs.
index outputs_of(const LayerSpec& layer, index inputs);

}  // namespace densekit
