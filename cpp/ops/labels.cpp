#include "ops/labels.h"

#include <stdexcept>
#include <string>

#include "core/read_once.h"

namespace densekit {
namespace {

[[noreturn]] void refuse_label(std::int64_t label, std::int64_t row, const Classes& classes) {
  std::string text = "label " + std::to_string(label) + " in row " + std::to_string(row) + " is not a class: expected 0 to " +
                     std::to_string(classes.count - 1);
  if (classes.ignored) text += ", or " + std::to_string(*classes.ignored) + ", which is ignored";
  throw std::invalid_argument(text);
}
[[noreturn]] void refuse_row(std::int64_t row, index place, index rows) {
  throw std::invalid_argument("order[" + std::to_string(place) + "] is " + std::to_string(row) + ", expected the number of one of " +
                              std::to_string(rows) + " rows, from 0");
}

}  // namespace

void take_labels(const std::int64_t* labels, const std::int64_t* order, index rows, const Classes& classes, std::int64_t* to) {
  for (index i = 0; i < rows; ++i) {
    const std::int64_t row = order ? order[i] : i, label = read_once(labels + row);
    if (!classes.has(label)) refuse_label(label, row, classes);
    to[i] = label;
  }
}

void take_order(const std::int64_t* order, index first, index count, index rows, std::int64_t* to) {
  for (index i = 0; i < count; ++i) {
    const std::int64_t row = read_once(order + i);
    if (row < 0 || row >= rows) refuse_row(row, first + i, rows);
    to[i] = row;
  }
}

}  // namespace densekit
