#include "ops/optimizers.h"

#include <cmath>
#include <limits>

namespace densekit {
namespace {

constexpr double nanoseconds_per_array = 0.3;

template <class T> Factor<T> rounded(const Factor<double>& f) {
  return {static_cast<T>(f.value), static_cast<T>(f.whole), static_cast<T>(f.part)};
}
template <class T> OptimizerNumbers<T> rounded(const OptimizerNumbers<double>& c) {
  return {.keep = rounded<T>(c.keep),
          .first = rounded<T>(c.first),
          .second = rounded<T>(c.second),
          .first_add = static_cast<T>(c.first_add),
          .second_add = static_cast<T>(c.second_add),
          .rate = static_cast<T>(c.rate),
          .direct = static_cast<T>(c.direct),
          .inner = static_cast<T>(c.inner),
          .eps = static_cast<T>(c.eps),
          .mean_add = static_cast<T>(c.mean_add)};
}

}  // namespace

template <class T> OptimizerNumbers<T> rounded_numbers(const OptimizerNumbers<double>& c) { return rounded<T>(c); }

template <class T> bool numbers_fit(const OptimizerNumbers<double>& c) {
  for (const double x :
       {c.keep.value, c.first.value, c.second.value, c.first_add, c.second_add, c.mean_add, c.rate, c.direct, c.inner, c.eps})
    if (!(std::abs(x) <= static_cast<double>(std::numeric_limits<T>::max()))) return false;
  return true;
}

template <class T> void optimizer_update(const Context& context, UpdateRule rule, T* p, const T* g, T* const* states, index n,
                                         const OptimizerNumbers<double>& numbers) {
  const int which = static_cast<int>(rule), slots = optimizer_slots[which];
  const auto kernel = context.kernels<T>().optimizer.update[which];
  const OptimizerNumbers<T> c = rounded<T>(numbers);
  context.parallel_pieces(n, nanoseconds_per_array * (2 + slots), [&](index i, index length, int) {
    T* piece[most_slots]{};
    for (int k = 0; k < slots; ++k) piece[k] = states[k] + i;
    kernel(p + i, g + i, piece, length, c);
  });
}

#define INSTANTIATE(T)                                                              \
  template OptimizerNumbers<T> rounded_numbers<T>(const OptimizerNumbers<double>&); \
  template bool numbers_fit<T>(const OptimizerNumbers<double>&);                    \
  template void optimizer_update<T>(const Context&, UpdateRule, T*, const T*, T* const*, index, const OptimizerNumbers<double>&);
INSTANTIATE(float)
INSTANTIATE(double)
#undef INSTANTIATE

}  // namespace densekit
