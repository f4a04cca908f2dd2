// y: some columns of x.
#pragma once
#include <set>
#include <string>
#include <vector>

#include "ops/columns.h"
#include "train/builder.h"
#include "train/step.h"

namespace densekit {

struct ColumnsOperation : NoParameters, NoScratch, KeepsNothing {
  std::vector<index> columns;
  static constexpr OperationTraits traits{.gradient_in_place = false, .takes_epilogue = false};

  template <class T> void forward(const Step<T>& s) const {
    take_columns<T>(s.context(), {s.x(), s.inputs()}, columns, {s.y(), s.outputs()}, s.rows());
  }
  template <class T> void backward(const Step<T>& s, T* dy, T* dx, T*) const {
    put_columns<T>(s.context(), {dy, s.outputs()}, columns, {dx, s.inputs()}, s.rows(), s.inputs());
  }
};

inline int emit(Builder& b, const Columns& layer, int input) {
  const index width = b.width(input);
  std::set<index> seen;
  if (layer.columns.empty()) b.fail(".columns", "is empty: a layer puts out one column at least");
  for (std::size_t k = 0; k < layer.columns.size(); ++k) {
    const std::string place = ".columns[" + std::to_string(k) + "]";
    const index column = layer.columns[k];
    if (column < 0 || column >= width)
      b.fail(place, "is " + std::to_string(column) + ", expected a column from 0 to " + std::to_string(width - 1));
    if (!seen.insert(column).second) b.fail(place, "is " + std::to_string(column) + ", as another of them");
  }
  return b.emit(ColumnsOperation{{}, {}, {}, layer.columns}, input, static_cast<index>(layer.columns.size()));
}

}  // namespace densekit
