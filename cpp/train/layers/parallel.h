// Blocks of layers: one after another, and side by side.
#pragma once
#include <string>
#include <vector>

#include "ops/columns.h"
#include "train/builder.h"
#include "train/step.h"

namespace densekit {

inline int emit(Builder& b, const Block& layer, int input) { return b.block(layer.layers, input); }

// Copies what a branch puts out into its columns of the output, which the branches share.
struct PlaceOperation : NoParameters, NoScratch, KeepsNothing {
  index first;  // column
  static constexpr OperationTraits traits{.gradient_in_place = false, .takes_epilogue = false};

  template <class T> void forward(const Step<T>& s) const {
    copy_columns<T>(s.context(), {s.x(), s.inputs()}, {s.y() + first, s.outputs()}, s.rows(), s.inputs());
  }
  template <class T> void backward(const Step<T>& s, T* dy, T* dx, T*) const {
    copy_columns<T>(s.context(), {dy + first, s.outputs()}, {dx, s.inputs()}, s.rows(), s.inputs());
  }
};

inline int emit(Builder& b, const Parallel& layer, int input) {
  if (layer.layers.empty()) b.fail(".layers", "is empty: there must be one branch at least");
  const std::vector<int>& ends = b.branches(layer.layers, input);
  RowShape all = b.shape(ends.front());
  index width = 0;
  for (std::size_t i = 0; i < ends.size(); ++i) {
    RowShape of_branch = b.shape(ends[i]);
    width += of_branch.last();
    of_branch.axes.back() = all.last();
    if (of_branch != all)
      b.fail(".layers[" + std::to_string(i) + "]", "puts out rows of shape " + b.shape(ends[i]).text() +
                                                       ", which do not go beside rows of " + "shape " + b.shape(ends.front()).text() +
                                                       ": all axes but the last must agree");
  }
  if (ends.size() == 1) return ends.front();
  all.axes.back() = width;
  const int output = b.shared(all);
  index first = 0;
  for (const int end : ends) {
    b.emit_into(PlaceOperation{{}, {}, {}, first}, end, output);
    first += b.width(end);
  }
  return output;
}

}  // namespace densekit
