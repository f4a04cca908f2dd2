// Whether a spec means a network: each field in its range, names that differ, widths that fit, sizes that can be counted.
#pragma once
#include "densekit/spec.h"

namespace densekit {

// std::invalid_argument begins with "spec: " and the path of the field, e.g. `spec: layers[2].units must be …`.
void validate(const Spec& spec);
void validate(const Initializer& initializer, const std::string& path);

// Of the text of one initializer.
Initializer initializer_from_json(const std::string& text);

// Every kind of layer, loss, optimizer, initializer and activation with its fields, their types, defaults and ranges, as JSON.
std::string kinds_json();

}  // namespace densekit
