// The kinds of layers. What each computes: docs/network.md, "Layers".
#pragma once
#include <array>
#include <cstddef>
#include <string>
#include <vector>

#include "densekit/activation_function.h"
#include "densekit/dropout_mode.h"
#include "densekit/initializers.h"
#include "densekit/row_shape.h"

namespace densekit {

struct Layer;

// l1 sum |w| + l2 / 2 sum w², the first by soft thresholding after the update if proximal.
struct Penalty {
  double l1 = 0, l2 = 0;
  bool proximal = true;
  static constexpr auto kind() {
    return record("", field("l1", &Penalty::l1, at_least(0)), field("l2", &Penalty::l2, at_least(0)),
                  field("proximal", &Penalty::proximal));
  }
};

struct Dense {
  index units = 0;
  ActivationFunction activation{};
  bool bias = true;
  Initializer kernel_initializer = VarianceScaling{}, bias_initializer = Zeros{};
  Penalty kernel_penalty{}, bias_penalty{};
  static constexpr auto kind() {
    return record("dense", field("units", &Dense::units, element_count), field("bias", &Dense::bias),
                  field("activation", &Dense::activation), field("kernel_initializer", &Dense::kernel_initializer),
                  field("bias_initializer", &Dense::bias_initializer), field("kernel_penalty", &Dense::kernel_penalty),
                  field("bias_penalty", &Dense::bias_penalty));
  }
};

struct ActivationLayer {
  ActivationFunction activation{};
  static constexpr auto kind() { return record("activation", field("activation", &ActivationLayer::activation)); }
};

struct BatchNorm {
  double eps = 1e-5, stats_decay = 0.9;
  bool unbiased = false, scale = true, center = true;
  double initial_variance = 1;
  Penalty gamma_penalty{}, beta_penalty{};
  static constexpr auto kind() {
    return record("batch_norm", field("eps", &BatchNorm::eps, at_least(0)), field("stats_decay", &BatchNorm::stats_decay, unit_interval),
                  field("unbiased", &BatchNorm::unbiased), field("scale", &BatchNorm::scale), field("center", &BatchNorm::center),
                  field("initial_variance", &BatchNorm::initial_variance, at_least(0)),
                  field("gamma_penalty", &BatchNorm::gamma_penalty, {}, 2), field("beta_penalty", &BatchNorm::beta_penalty, {}, 2));
  }
};

struct LayerNorm {
  double eps = 1e-5;
  bool scale = true, center = true;
  Penalty gamma_penalty{}, beta_penalty{};
  static constexpr auto kind() {
    return record("layer_norm", field("eps", &LayerNorm::eps, at_least(0)), field("scale", &LayerNorm::scale),
                  field("center", &LayerNorm::center), field("gamma_penalty", &LayerNorm::gamma_penalty, {}, 2),
                  field("beta_penalty", &LayerNorm::beta_penalty, {}, 2));
  }
};

struct RmsNorm {
  double eps = 1e-6;
  bool scale = true;
  Penalty gamma_penalty{};
  static constexpr auto kind() {
    return record("rms_norm", field("eps", &RmsNorm::eps, at_least(0)), field("scale", &RmsNorm::scale),
                  field("gamma_penalty", &RmsNorm::gamma_penalty));
  }
};

struct Scale {  // y = scale x, a trained factor for each column
  Penalty scale_penalty{};
  static constexpr auto kind() { return record("scale", field("scale_penalty", &Scale::scale_penalty)); }
};

struct PRelu {  // y = x where x > 0, else alpha x: a trained alpha, from init, for each column or one for all
  bool shared = false;
  double init = 0.25;
  Penalty alpha_penalty{};
  static constexpr auto kind() {
    return record("prelu", field("shared", &PRelu::shared), field("init", &PRelu::init), field("alpha_penalty", &PRelu::alpha_penalty));
  }
};

struct Rescaling {  // y = scale x + offset
  double scale = 1, offset = 0;
  static constexpr auto kind() { return record("rescaling", field("scale", &Rescaling::scale), field("offset", &Rescaling::offset)); }
};

// y = (x - mean) / max(√variance, eps) by column. mean and variance are statistics that no training changes: NaN, and an error to
// compute with, until they are written (Python's adapt and first fit do it).
struct Normalization {
  double eps = 1e-7;
  static constexpr auto kind() { return record("normalization", field("eps", &Normalization::eps, above(0))); }
};

constexpr auto words(DropoutMode) { return std::array<std::string_view, 2>{"inverted", "classic"}; }

struct Dropout {
  double rate = 0;
  DropoutMode mode = DropoutMode::inverted;
  static constexpr auto kind() { return record("dropout", field("rate", &Dropout::rate, unit_interval), field("mode", &Dropout::mode)); }
};

struct GaussianNoise {
  double std = 0;
  static constexpr auto kind() { return record("gaussian_noise", field("std", &GaussianNoise::std, at_least(0))); }
};

struct Columns {  // y: these columns of x, in this order
  std::vector<index> columns;
  static constexpr auto kind() { return record("columns", field("columns", &Columns::columns)); }
};

struct Block {  // its layers one after another; without any, y = x
  std::vector<Layer> layers;
  static constexpr auto kind() { return record("block", field("layers", &Block::layers)); }
};

struct Parallel {  // each layer, a branch, on the same x; what they put out side by side
  std::vector<Layer> layers;
  static constexpr auto kind() { return record("parallel", field("layers", &Parallel::layers)); }
};

struct Residual {  // y = x + block(x)
  std::vector<Layer> layers;
  static constexpr auto kind() { return record("residual", field("layers", &Residual::layers)); }
};

struct Flatten {  // a row of several axes as a plain one; no number moves
  static constexpr auto kind() { return record("flatten"); }
};

struct Reshape {  // the numbers of a row in another shape of the same size
  std::vector<index> shape;
  static constexpr auto kind() { return record("reshape", field("shape", &Reshape::shape)); }
};

// A layer in another language: number `index` of the LayerCallbacks that the network is given.
struct CallbackLayer {
  struct Parameter {
    std::string name;
    std::vector<index> shape;
    static constexpr auto kind() { return record("", field("name", &Parameter::name), field("shape", &Parameter::shape)); }
  };
  int index = 0;
  RowShape outputs{};  // it is given whole rows, and makes such ones
  std::vector<Parameter> parameters{};
  static constexpr auto kind() {
    return record("host", field("index", &CallbackLayer::index, at_least(0)), field("outputs", &CallbackLayer::outputs, element_count),
                  field("parameters", &CallbackLayer::parameters));
  }
};

using LayerKind = std::variant<Dense, ActivationLayer, BatchNorm, LayerNorm, RmsNorm, Scale, PRelu, Rescaling, Normalization, Dropout,
                               GaussianNoise, Flatten, Reshape, Columns, Block, Parallel, Residual, CallbackLayer>;

// A layer of a network: layers = {Dense{128, relu}, Dropout{0.1}, {Dense{10}, "head"}}. Without a name it gets one.
struct Layer {
  LayerKind is;
  std::string name;
  bool trainable = true;  // false: for the layers inside it, too
  Layer();
  template <class K>
    requires is_one_of<K, LayerKind>
  Layer(K kind, std::string called = {}, bool trained = true) : is(std::move(kind)), name(std::move(called)), trainable(trained) {}
  // Defined in one place: inlined, GCC 12 believes that parts of the variant are not initialised.
  Layer(const Layer&);
  Layer(Layer&&) noexcept;
  Layer& operator=(const Layer&);
  Layer& operator=(Layer&&) noexcept;
  ~Layer();
};

}  // namespace densekit
