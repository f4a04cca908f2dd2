// Turns layers into operations. Each kind of layer has, in train/layers/, a function
//
//   int emit(Builder& b, const RmsNorm& layer, int input);   // returns the number of what the layer puts out
//
// that asks for parameters and statistics and emits operations. What flows between layers are values: a buffer, and the shape of the
// rows in it. Of a row of several axes an operation sees the last: b.width(input) columns, and as many rows as the others make.
#pragma once
#include <stdexcept>
#include <string>
#include <vector>

#include "train/operation.h"

namespace densekit {

// A named array inside the flat parameters (or statistics).
struct Segment {
  std::string layer, name;
  std::vector<index> shape;
  Initializer initializer = Zeros{};
  Penalty penalty{};
  bool decays = false;  // by decoupled weight decay
  double fan_in = 1, fan_out = 1;
  index offset = 0, size = 0;
  bool trainable = true;
  bool follows_batches = false;  // a statistic of a layer that is trained
};

struct PlanLayer {
  const Layer* spec;  // inside the Spec of the network
  std::string name;
  int number;      // depth first: the layer of the random streams
  int output;      // the buffer with what the layer puts out,
  RowShape shape;  // and the shape of a row in it
  bool trainable;  // it and the blocks around it
};

// A parameter as its layer describes it; the builder gives it a place.
struct ParameterOf {
  const char* name;
  std::vector<index> shape;
  Initializer initializer = Zeros{};
  Penalty penalty{};
  bool decays = false;
  double fan_in = 1, fan_out = 1;
};

struct Plan;
struct PlanHead;
struct Operation;

class Builder {
 public:
  Builder(const Spec& spec, Plan& plan) : spec_(spec), plan_(plan) {}

  // For the layers.
  index width(int value) const { return shape(value).last(); }
  const RowShape& shape(int value) const { return values_[static_cast<std::size_t>(value)].shape; }
  int parameter(ParameterOf description);  // a segment
  // follows: whether the batches of a training change it.
  int statistic(const char* name, std::vector<index> shape, double initial, bool follows = true);
  // The operation behind `input`, with `outputs` columns; returns its output.
  template <class O> int emit(O operation, int input, index outputs, int second = -1);
  // The same for an operation that sees whole rows.
  template <class O> int emit_of_rows(O operation, int input, RowShape outputs);
  // An operation that fills a part of a buffer that several fill.
  template <class O> void emit_into(O operation, int input, int output);
  int shared(RowShape shape);
  // The same numbers as rows of another shape of the same size.
  int reshaped(int value, RowShape shape);
  int block(const std::vector<Layer>& layers, int input);                         // the layers one after another
  const std::vector<int>& branches(const std::vector<Layer>& layers, int input);  // each of them on the same input
  void needs_two_rows(int input);                                                 // in training, unless one of its rows is several
  // std::invalid_argument; where: "" or a field of the layer, as in ".units".
  [[noreturn]] void fail(const std::string& where, const std::string& what) const;

  void layers();          // all of them
  void build(bool fuse);  // and everything that follows

 private:
  struct Here {
    std::string path;
    int layer;
    bool trainable;
  };
  struct Value {
    int buffer;
    RowShape shape;
  };
  int value(int buffer, RowShape shape);
  int buffer_of(int value) const { return values_[static_cast<std::size_t>(value)].buffer; }
  int add_layer(const Layer& layer, const std::string& path, int input);
  int add_operation(Operation operation, RowShape outputs);
  void append(Operation operation, int output);
  RowShape checked(RowShape shape) const;
  int buffer(index width);
  int segment(std::vector<Segment>& all, index& count, Segment s);
  void add_heads(int last);
  void add_head(std::string name, const Loss& loss, double weight, int value);
  void unlink(PlanHead& head);
  int readers(int buffer) const;
  void merge_elementwise();
  void put_scores_first();
  void save_slopes();
  void share_block_moments();
  void mark_trained();
  void place_gradients();
  void place_inference();

  const Spec& spec_;
  Plan& plan_;
  Here here_{"", 0, true};
  std::vector<Value> values_;
  std::vector<int> branches_;  // what those of the last Parallel put out
};

}  // namespace densekit
