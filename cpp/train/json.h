// JSON by RFC 8259, strictly: UTF-8, no duplicate keys, nothing after the value. Numbers keep what they say: whole numbers
// of 64 bits are exact, and a double written here reads back with the same bits.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace densekit::json {

struct Value;
using Array = std::vector<Value>;
using Object = std::vector<std::pair<std::string, Value>>;  // in the order of the text

// A whole number without sign is unsigned, with a minus sign signed; with a fraction or an exponent, or beyond 64 bits, double.
struct Value {
  using Data = std::variant<std::nullptr_t, bool, std::uint64_t, std::int64_t, double, std::string, Array, Object>;
  Data data;

  // Defined in json.cpp: inlined, GCC 12 believes that parts of the variant are not initialised.
  Value(Data data = nullptr);
  Value(const Value&);
  Value(Value&&) noexcept;
  Value& operator=(const Value&);
  Value& operator=(Value&&) noexcept;
  ~Value();

  template <class T> const T* as() const { return std::get_if<T>(&data); }
  const Value* find(std::string_view key) const;  // null if this is no object or has no such key
};

constexpr int deepest = 64;  // levels of arrays and objects in one another

// std::invalid_argument with line and column.
Value parse(std::string_view text);

// Compact, keys in the order of the object. std::invalid_argument for NaN and infinities, which JSON does not have.
std::string text(const Value& value);

// What a value is, for messages: `a string "relu"`, `the number 0.5`, `an array`.
std::string describe(const Value& value);

}  // namespace densekit::json
