// What callers give to a network, checked: lengths, null pointers, memory that is read and written at once.
#pragma once
#include <cmath>
#include <cstdint>
#include <limits>
#include <span>
#include <stdexcept>
#include <string>
#include <type_traits>

#include "densekit/spec.h"

namespace densekit {

template <class T> std::span<T> whole(T* data, index count) { return {data, static_cast<std::size_t>(count)}; }

// Messages are only put together where they are needed.
template <class Text> void require(bool condition, const Text& message) {
  if (condition) return;
  if constexpr (std::is_invocable_v<Text>) throw std::invalid_argument(message());
  else throw std::invalid_argument(message);
}

template <class U> void require_there(std::span<U> a, const char* name) {
  require(a.empty() || a.data(), [&] { return std::string(name) + " is a null pointer to " + std::to_string(a.size()) + " numbers"; });
}

// How many rows of `width` numbers there are.
template <class U> index rows_of(std::span<U> a, index width, const char* name) {
  require_there(a, name);
  const index n = static_cast<index>(a.size());
  require(n % width == 0,
          [&] { return std::string(name) + " has " + std::to_string(n) + " numbers, expected whole rows of " + std::to_string(width); });
  return n / width;
}

template <class U> void require_rows(std::span<U> a, const char* name, index rows, index width = 1) {
  require_there(a, name);
  const index n = static_cast<index>(a.size());
  // Without a product, which might overflow.
  require(width == 0 ? n == 0 : n % width == 0 && n / width == rows, [&] {
    return std::string(name) + " has " + std::to_string(n) + " numbers, expected " + std::to_string(rows) +
           (width == 1 ? "" : " rows of " + std::to_string(width));
  });
}

template <class U, class V> void require_apart(std::span<U> a, const char* a_name, std::span<V> b, const char* b_name) {
  const auto begin = [](const auto& s) { return reinterpret_cast<std::uintptr_t>(s.data()); };
  const auto end = [&](const auto& s) { return begin(s) + s.size_bytes(); };
  require(a.empty() || b.empty() || end(a) <= begin(b) || end(b) <= begin(a),
          [&] { return std::string(a_name) + " and " + b_name + " share memory; give the result an array of its own"; });
}

// A learning rate as it was given, for one step.
inline double checked_rate(double lr, const char* name = "lr") {
  require(std::isfinite(lr) && lr >= 0,
          [&] { return std::string(name) + " is " + std::to_string(lr) + ", expected a finite number of at least 0"; });
  return lr;
}

}  // namespace densekit
