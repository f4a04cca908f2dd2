// An activation with its number: a slope, an alpha, a temperature.
#pragma once
#include <array>
#include <string_view>

#include "densekit/activation.h"
#include "densekit/record.h"

namespace densekit {

struct ActivationRecord {
  std::string_view name, parameter;  // parameter: the word for its number, "" if it has none
  double usual;                      // the number where nobody gives it
  Range range;
};
inline constexpr ActivationRecord activation_records[] = {
#define ACTIVATION(name, Functor, saves, parameter, usual, range) {#name, parameter, usual, range},
#define ROW_ACTIVATION(name, parameter, usual, range) {#name, parameter, usual, range},
#include "densekit/activations.def"
#undef ROW_ACTIVATION
#undef ACTIVATION
};
constexpr const ActivationRecord& record_of(Activation kind) { return activation_records[static_cast<int>(kind)]; }
constexpr auto words(Activation) {
  std::array<std::string_view, std::size(activation_records)> all;
  for (std::size_t i = 0; i < all.size(); ++i) all[i] = activation_records[i].name;
  return all;
}

// As in dense.activation = {leaky_relu, 0.2}; the name alone takes the usual number.
struct ActivationFunction {
  Activation name = Activation::identity;
  double parameter = record_of(Activation::identity).usual;
  constexpr ActivationFunction() = default;
  constexpr ActivationFunction(Activation function) : name(function), parameter(record_of(function).usual) {}
  constexpr ActivationFunction(Activation function, double number) : name(function), parameter(number) {}
};

}  // namespace densekit
