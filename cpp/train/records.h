// What is done with records in general: their fields, and the kinds of a variant.
#pragma once
#include <array>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "densekit/spec.h"

namespace densekit {

inline constexpr int spec_version = 2;  // raised with the first field whose `since` is above it

template <class T> inline constexpr bool is_list = false;
template <class T> inline constexpr bool is_list<std::vector<T>> = true;
template <class T> inline constexpr bool is_optional = false;
template <class T> inline constexpr bool is_optional<std::optional<T>> = true;
template <class T> inline constexpr bool is_variant = false;
template <class... K> inline constexpr bool is_variant<std::variant<K...>> = true;
// A struct that holds a variant of kinds, `is`, and what all of them have.
template <class T>
concept HoldsKind = requires(T t) { t.is; } && !is_variant<T>;

// Calls body(field) for each field of a record, in its order.
template <class... F, class Body> void for_fields(const Record<F...>& record, const Body& body) {
  std::apply([&](const auto&... field) { (body(field), ...); }, record.fields);
}

// Calls body(kind) with a default of each kind of the variant.
template <class Kinds, class Body> void for_kinds(const Body& body) {
  [&]<class... K>(std::type_identity<std::variant<K...>>) { (body(K{}), ...); }(std::type_identity<Kinds>{});
}

// "zeros, ones, constant, …"
template <class Kinds> std::string kind_list() {
  std::string list;
  for_kinds<Kinds>([&](const auto& kind) { (list += list.empty() ? "" : ", ") += kind.kind().name; });
  return list;
}
inline std::string word_list(std::span<const std::string_view> words) {
  std::string list;
  for (const std::string_view word : words) (list += list.empty() ? "" : ", ") += word;
  return list;
}

// Sets `is` to the default of the kind of this name; false: there is none.
template <class Kinds> bool set_kind(Kinds& is, std::string_view name) {
  bool found = false;
  for_kinds<Kinds>([&](const auto& kind) {
    if (kind.kind().name == name) is = kind, found = true;
  });
  return found;
}

// The layers inside a layer; null if its kind has none.
inline const std::vector<Layer>* layers_inside(const Layer& layer) {
  return std::visit(
      [](const auto& kind) -> const std::vector<Layer>* {
        if constexpr (requires { kind.layers; }) return &kind.layers;
        else return nullptr;
      },
      layer.is);
}
inline std::vector<Layer>* layers_inside(Layer& layer) {
  return const_cast<std::vector<Layer>*>(layers_inside(static_cast<const Layer&>(layer)));
}

// The fields that the structs with a variant have beside those of the kind, as a record without a name.
constexpr auto common_fields(const Layer*) { return record("", field("name", &Layer::name), field("trainable", &Layer::trainable)); }
constexpr auto common_fields(const Loss*) {
  return record("", field("reduction", &Loss::reduction), field("factor", &Loss::factor), field("link", &Loss::link),
                field("missing", &Loss::missing, any_number, 2));
}
constexpr auto common_fields(const Optimizer*) {
  return record("", field("lr", &Optimizer::lr, at_least(0)), field("weight_decay", &Optimizer::weight_decay, at_least(0)),
                field("maximize", &Optimizer::maximize), field("compat", &Optimizer::compat),
                field("decay_biases", &Optimizer::decay_biases, {}, 2));
}

}  // namespace densekit
