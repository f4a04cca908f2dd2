// How a family adds its benchmarks: one call of add() each, for every instruction set, on one thread and on all.
//
//   static const bool added = family([] {
//     const index n = 65536;
//     add("square/f32/65536", {.bytes = 8.0 * n, .traffic = Traffic::copy}, [=](const Context& context) {
//       auto x = std::make_shared<Buffer<float>>(n), y = ...;
//       return [=] { square(context, x->get(), y->get(), n); };
//     });
//   });
#pragma once
#include <functional>
#include <memory>
#include <string>

#include "buffer.h"
#include "core/context.h"
#include "roofline.h"

namespace densekit::bench {

// What one call does at least. The limit is the slower of computing and moving; the data's home follows from `footprint`.
struct Work {
  double flops = 0;  // by FMA, two each; exp and the like are not counted
  double bytes = 0;  // read and written, each array once
  Traffic traffic = Traffic::triad;
  double footprint = 0;  // bytes of the arrays; 0: the same as bytes (for updates in place: two thirds of it)
  bool float64 = false;  // which FMA peak
};

// Sets up the arrays and returns the call that is timed.
using Make = std::function<std::function<void()>(const Context&)>;

void add(const std::string& name, const Work& work, const Make& make);

// Registers a function that calls add(); main runs them all once the machine has been probed.
bool family(void (*add_all)());

template <class T> constexpr const char* type_name = sizeof(T) == 4 ? "f32" : "f64";

// Lengths of arrays that live in L2, in L3 and in memory.
inline constexpr index array_lengths[] = {index{1} << 16, index{1} << 21, index{1} << 25};

}  // namespace densekit::bench
