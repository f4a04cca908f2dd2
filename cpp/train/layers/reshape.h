// The numbers of a row in another shape: no operation, the value is the same buffer.
#pragma once
#include <string>

#include "train/builder.h"

namespace densekit {

inline int emit(Builder& b, const Flatten&, int input) { return b.reshaped(input, b.shape(input).size()); }

inline int emit(Builder& b, const Reshape& layer, int input) {
  if (layer.shape.empty() || layer.shape.size() > most_axes)
    b.fail(".shape", "has " + std::to_string(layer.shape.size()) + " axes, expected 1 to " + std::to_string(most_axes));
  for (const index length : layer.shape)
    if (length < 1) b.fail(".shape", "has the length " + std::to_string(length) + ", expected at least 1");
  const RowShape wanted(layer.shape), given = b.shape(input);
  if (wanted.size() != given.size())
    b.fail(".shape", "is " + wanted.text() + ", which is " + std::to_string(wanted.size()) + " numbers, but rows of shape " + given.text() +
                         " have " + std::to_string(given.size()));
  return b.reshaped(input, wanted);
}

}  // namespace densekit
