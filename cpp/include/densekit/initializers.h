// Initial values of parameters: docs/network.md, "Initialisers".
#pragma once
#include <array>
#include <variant>

#include "densekit/record.h"

namespace densekit {

enum class Fan : int { fan_in, fan_out, fan_avg };
constexpr auto words(Fan) { return std::array<std::string_view, 3>{"fan_in", "fan_out", "fan_avg"}; }
enum class DrawnFrom : int { uniform, normal, truncated_normal };
constexpr auto words(DrawnFrom) { return std::array<std::string_view, 3>{"uniform", "normal", "truncated_normal"}; }

struct Zeros {
  static constexpr auto kind() { return record("zeros"); }
};
struct Ones {
  static constexpr auto kind() { return record("ones"); }
};
struct Constant {
  double value = 0;
  static constexpr auto kind() { return record("constant", field("value", &Constant::value)); }
};
struct Uniform {
  double low = 0, high = 0;
  static constexpr auto kind() { return record("uniform", field("low", &Uniform::low), field("high", &Uniform::high)); }
};
struct Normal {
  double mean = 0, std = 1;
  static constexpr auto kind() { return record("normal", field("mean", &Normal::mean), field("std", &Normal::std, at_least(0))); }
};
struct TruncatedNormal {  // outside of two deviations numbers are drawn again; std is that before
  double mean = 0, std = 1;
  static constexpr auto kind() {
    return record("truncated_normal", field("mean", &TruncatedNormal::mean), field("std", &TruncatedNormal::std, at_least(0)));
  }
};
struct VarianceScaling {  // variance scale / fan; the defaults are Glorot's uniform
  double scale = 1;
  Fan mode = Fan::fan_avg;
  DrawnFrom distribution = DrawnFrom::uniform;
  static constexpr auto kind() {
    return record("variance_scaling", field("scale", &VarianceScaling::scale, at_least(0)), field("mode", &VarianceScaling::mode),
                  field("distribution", &VarianceScaling::distribution));
  }
};
struct Orthogonal {
  double gain = 1;
  static constexpr auto kind() { return record("orthogonal", field("gain", &Orthogonal::gain)); }
};
struct Given {  // zeros until the caller writes them
  static constexpr auto kind() { return record("given"); }
};

using Initializer = std::variant<VarianceScaling, Zeros, Ones, Constant, Uniform, Normal, TruncatedNormal, Orthogonal, Given>;

}  // namespace densekit
