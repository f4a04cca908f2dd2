// What a network is, in plain structs: the same words, defaults and meaning as docs/network.md, which defines them.
#pragma once
#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "densekit/layers.h"
#include "densekit/losses.h"
#include "densekit/optimizers.h"

namespace densekit {

enum class DType : int { float32, float64 };
constexpr auto words(DType) { return std::array<std::string_view, 2>{"float32", "float64"}; }
template <class T> inline constexpr DType dtype_of = sizeof(T) == 4 ? DType::float32 : DType::float64;

// The least precision of the products of float32 in training: docs/network.md.
enum class Precision : int { highest, high, medium };
constexpr auto words(Precision) { return std::array<std::string_view, 3>{"highest", "high", "medium"}; }

// The loss of one branch of a network that ends in a Parallel. What is minimised is the sum of weight · loss over the heads.
struct Head {
  std::string name;  // of the branch
  Loss loss{};
  double weight = 1;
  static constexpr auto kind() {
    return record("", field("name", &Head::name), field("weight", &Head::weight, at_least(0)), field("loss", &Head::loss));
  }
};

struct Spec {
  RowShape inputs{};  // 784, or {28, 28, 1}
  std::uint64_t seed = 0;
  std::vector<Layer> layers{};
  std::optional<Loss> loss{};  // of what the network puts out, or:
  std::vector<Head> heads{};   // one for each branch of the last layer, in their order
  std::optional<Optimizer> optimizer{};
  std::optional<double> clip_norm{}, clip_value{};
  bool penalty_per_weight = false;
  bool fuse = true;
  DType dtype = DType::float32;
  Precision precision = Precision::highest;
  static constexpr auto kind() {
    return record("", field("dtype", &Spec::dtype), field("seed", &Spec::seed), field("inputs", &Spec::inputs, element_count),
                  field("layers", &Spec::layers), field("loss", &Spec::loss), field("heads", &Spec::heads, any_number, 2),
                  field("optimizer", &Spec::optimizer), field("clip_norm", &Spec::clip_norm, above(0)),
                  field("clip_value", &Spec::clip_value, above(0)), field("penalty_per_weight", &Spec::penalty_per_weight),
                  field("fuse", &Spec::fuse), field("precision", &Spec::precision));
  }
};

// The spec as the text of a JSON object, and back. std::invalid_argument says what is wrong, and where.
std::string to_json(const Spec& spec);
Spec spec_from_json(const std::string& text);

}  // namespace densekit
