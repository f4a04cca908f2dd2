// What a kind of layer, loss, optimizer or initializer is called, and its fields: one record each. Reading, writing, checking and
// listing of specs follow from the records; docs/network.md has the table.
#pragma once
#include <cstdint>
#include <limits>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <variant>

namespace densekit {

// Which numbers a field may be; infinities and NaN never.
struct Range {
  double low = -std::numeric_limits<double>::infinity(), high = std::numeric_limits<double>::infinity();
  bool open_low = false, open_high = false;  // whether low and high themselves are outside
  constexpr bool has(double x) const { return x - x == 0 && (open_low ? x > low : x >= low) && (open_high ? x < high : x <= high); }
};
inline constexpr Range any_number{};
constexpr Range at_least(double low) { return {.low = low}; }
constexpr Range above(double low) { return {.low = low, .open_low = true}; }
constexpr Range between(double low, double high) { return {.low = low, .high = high}; }
inline constexpr Range unit_interval{.low = 0, .high = 1}, half_open_unit{.low = 0, .high = 1, .open_high = true},
    open_unit{.low = 0, .high = 1, .open_low = true, .open_high = true};
// Of elements: all arrays of a network together stay far below what an index can count.
inline constexpr std::int64_t most_elements = std::int64_t{1} << 48;
inline constexpr Range element_count{.low = 1, .high = static_cast<double>(most_elements)};

// A field of the struct S by the name that it has in a spec. since: the first version of the spec that has it; in older specs it is
// absent and has its default, which is that of the struct.
template <class S, class V> struct Field {
  std::string_view name;
  V S::* member;
  Range range;
  int since;
};
template <class S, class V> constexpr Field<S, V> field(std::string_view name, V S::* member, Range range = {}, int since = 1) {
  return {name, member, range, since};
}

template <class... F> struct Record {
  std::string_view name;  // "" for what has no kinds
  std::tuple<F...> fields;
};
template <class... F> constexpr Record<F...> record(std::string_view name, F... fields) { return {name, {fields...}}; }

// A struct with a record.
template <class S>
concept Recorded = requires { S::kind().fields; };

// An enumeration whose values 0, 1, … have these words in a spec.
template <class E>
concept Worded = std::is_enum_v<E> && requires(E e) { words(e); };
template <Worded E> constexpr std::string_view word(E e) { return words(e)[static_cast<std::size_t>(e)]; }

template <class K, class Kinds> inline constexpr bool is_one_of = false;
template <class K, class... Kinds> inline constexpr bool is_one_of<K, std::variant<Kinds...>> = (std::is_same_v<K, Kinds> || ...);

// The name of the kind that a variant of kinds is.
template <class... Kinds> std::string_view kind_name(const std::variant<Kinds...>& is) {
  return std::visit([](const auto& kind) { return std::remove_cvref_t<decltype(kind)>::kind().name; }, is);
}

}  // namespace densekit
