// Turns layers into operations. Each kind of layer has, in train/layers/, a function
//
//   int emit(Builder& b, const RmsNorm& layer, int input);   // returns the buffer with what the layer puts out
//
// that asks for parameters and statistics and emits operations.
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
  int output;      // the buffer with what the layer puts out
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
struct Operation;

class Builder {
 public:
  Builder(const Spec& spec, Plan& plan) : spec_(spec), plan_(plan) {}

  // For the layers.
  index width(int buffer) const;
  int parameter(ParameterOf description);  // a segment
  // follows: whether the batches of a training change it.
  int statistic(const char* name, std::vector<index> shape, double initial, bool follows = true);
  // The operation behind `input`, with `outputs` columns; returns its output.
  template <class O> int emit(O operation, int input, index outputs, int second = -1);
  int block(const std::vector<Layer>& layers, int input);  // the layers one after another
  void needs_two_rows();                                   // in training
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
  int add_layer(const Layer& layer, const std::string& path, int input);
  int add_operation(Operation operation);
  int buffer(index width);
  int segment(std::vector<Segment>& all, index& count, Segment s);
  void unlink();
  int readers(int buffer) const;
  void merge_elementwise();
  void save_slopes();
  void share_block_moments();
  void place_gradients();
  void place_inference();

  const Spec& spec_;
  Plan& plan_;
  Here here_{"", 0, true};
};

}  // namespace densekit
