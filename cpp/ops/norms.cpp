#include "ops/norms.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <limits>

#include "core/arena.h"
#include "ops/pieces.h"

namespace densekit {
namespace {

constexpr index elements_per_partial = 4096;
constexpr double infinity = std::numeric_limits<double>::infinity();

// What vector_norms shares between its passes: rows cut into partials, whose results are combined in order.
template <class T> struct Rows {
  const Context& context;
  const T* x;
  index rows, cols;
  double* partial;

  index per_row() const { return ceil_div(cols, elements_per_partial); }

  // result[i] = combine(… combine(first, body(i, partial 0)) …) for the rows that are wanted.
  template <class Wanted, class Body, class Combine>
  void reduce(double nanoseconds, double first, double* result, const Wanted& wanted, const Body& body, const Combine& combine) const {
    const index each = per_row(), total = rows * each, per_task = std::max<index>(1, elements_per_partial / std::max<index>(1, cols));
    context.parallel(ceil_div(total, per_task), nanoseconds * static_cast<double>(rows * cols), [&](index task, int) {
      for (index s = task * per_task; s < std::min(total, (task + 1) * per_task); ++s) {
        const index row = s / each, begin = s % each * elements_per_partial;
        if (wanted(row)) partial[s] = body(row, x + row * cols + begin, std::min(elements_per_partial, cols - begin));
      }
    });
    for (index row = 0; row < rows; ++row) {
      if (!wanted(row)) continue;
      double value = first;
      for (index s = 0; s < each; ++s) value = combine(value, partial[row * each + s]);
      result[row] = value;
    }
  }
};

bool every(index) { return true; }
double add(double a, double b) { return a + b; }
double largest(double a, double b) { return a != a || a > b ? a : b; }  // NaN wins
double smallest(double a, double b) { return a != a || a < b ? a : b; }

}  // namespace

template <class T> Bytes vector_norms_scratch_bytes(index rows, index cols) {
  return Carver::bytes<double>(rows, ceil_div(cols, elements_per_partial)) + Carver::bytes<double>(rows) + Carver::bytes<bool>(rows);
}

template <class T> void vector_norms(const Context& context, const T* x, index rows, index cols, double p, double* norms, void* scratch) {
  const NormKernels<T>& kernels = context.kernels<T>().norm;
  Carver carver(scratch);
  const Rows<T> all{context, x, rows, cols, carver.take<double>(rows * ceil_div(cols, elements_per_partial))};
  double* scale = carver.take<double>(rows);
  bool* again = carver.take<bool>(rows);
  const auto plain = [](auto kernel) { return [kernel](index, const T* piece, index n) { return kernel(piece, n); }; };
  if (p == infinity) return all.reduce(0.2, 0, norms, every, plain(kernels.largest), largest);
  if (p == -infinity) return all.reduce(0.2, infinity, norms, every, plain(kernels.smallest), smallest);
  if (p == 0) return all.reduce(0.3, 0, norms, every, plain(kernels.nonzeros), add);
  if (p == 1) return all.reduce(0.3, 0, norms, every, plain(kernels.sum), add);
  std::fill(again, again + rows, true);
  bool any = true;
  if (p == 2) {
    all.reduce(0.3, 0, norms, every, plain(kernels.squares), add);
    any = false;
    for (index i = 0; i < rows; ++i) {
      // Squares of float32 are safe in float64; those of float64 may have left the range, or lost digits below it.
      again[i] = sizeof(T) == sizeof(double) && !(norms[i] > 0x1p-900 && norms[i] < 0x1p1000);
      any = any || again[i];
      if (!again[i]) norms[i] = std::sqrt(norms[i]);
    }
  }
  if (!any) return;
  const auto wanted = [again](index row) { return again[row]; };
  if (p > 0) all.reduce(0.2, 0, scale, wanted, plain(kernels.largest), largest);
  else all.reduce(0.2, infinity, scale, wanted, plain(kernels.smallest), smallest);
  for (index i = 0; i < rows; ++i)
    if (again[i] && !(scale[i] > 0 && scale[i] < infinity)) {  // 0, infinity and NaN are the answer themselves
      norms[i] = scale[i];
      again[i] = false;
    } else if (again[i] && p == 2) {
      scale[i] = std::ldexp(1.0, std::ilogb(scale[i]));  // a power of two: quotients are exact
    }
  all.reduce(5, 0, norms, wanted, [&](index row, const T* piece, index n) { return kernels.powers(piece, n, p, scale[row]); }, add);
  for (index i = 0; i < rows; ++i)
    if (again[i]) norms[i] = kernels.root(scale[i], norms[i], p);
}

Bytes singular_values_scratch_bytes(index rows, index cols) { return Carver::bytes<double>(rows, cols); }

// Hestenes' method: pairs of vectors are rotated until all are orthogonal; their lengths are the singular values.
// Round k of a tournament pairs every vector with another one, so that the rotations of a round do not meet.
template <class T> bool singular_values(const Context& context, View<T> a, double* values, void* scratch) {
  constexpr int most_sweeps = 60;
  const NormKernels<double>& kernels = context.kernels<double>().norm;
  const View<T> v = a.rows <= a.cols ? a : a.transposed();
  const index count = v.rows, length = v.cols;
  double* work = static_cast<double*>(scratch);
  const auto vector = [=](index i) { return work + i * length; };
  const double nanoseconds = static_cast<double>(count * length);
  context.parallel(count, nanoseconds, [&](index i, int) {
    for (index j = 0; j < length; ++j) vector(i)[j] = static_cast<double>(*v.at(i, j));
    values[i] = kernels.largest(vector(i), length);
  });
  double top = 0;
  for (index i = 0; i < count; ++i) top = std::max(top, values[i]);
  if (top == 0) return true;
  // By a power of two, so that squares stay in range and no digit is lost.
  const int exponent = std::max(-1022, std::ilogb(top));
  const double down = std::ldexp(1.0, -exponent);
  context.parallel(count, nanoseconds, [&](index i, int) {
    for (index j = 0; j < length; ++j) vector(i)[j] *= down;
  });
  const double orthogonal = std::numeric_limits<double>::epsilon() * std::sqrt(static_cast<double>(length));
  const index players = count + count % 2;  // with an odd one, somebody rests
  std::atomic<bool> rotated{count > 1};
  for (int sweep = 0; rotated && sweep < most_sweeps; ++sweep) {
    rotated = false;
    for (index round = 0; round < players - 1; ++round)
      context.parallel(players / 2, nanoseconds, [&](index game, int) {
        const index i = game == 0 ? players - 1 : (round + game) % (players - 1), j = (round + players - 1 - game) % (players - 1);
        if (i >= count || j >= count) return;
        double xx, yy, xy;
        kernels.products(vector(i), vector(j), length, &xx, &yy, &xy);
        if (!(std::abs(xy) > orthogonal * std::sqrt(xx) * std::sqrt(yy))) return;
        const double zeta = (yy - xx) / (2 * xy);
        const double tangent = std::copysign(1 / (std::abs(zeta) + std::sqrt(1 + zeta * zeta)), zeta);
        const double cosine = 1 / std::sqrt(1 + tangent * tangent), sine = cosine * tangent;
        if (sine == 0) return;
        kernels.rotate(vector(i), vector(j), length, cosine, sine);
        rotated.store(true, std::memory_order_relaxed);
      });
  }
  context.parallel(count, nanoseconds,
                   [&](index i, int) { values[i] = std::ldexp(std::sqrt(kernels.squares(vector(i), length)), exponent); });
  return !rotated;
}

#define INSTANTIATE(T)                                                                           \
  template Bytes vector_norms_scratch_bytes<T>(index, index);                                    \
  template void vector_norms<T>(const Context&, const T*, index, index, double, double*, void*); \
  template bool singular_values<T>(const Context&, View<T>, double*, void*);
INSTANTIATE(float)
INSTANTIATE(double)
#undef INSTANTIATE

}  // namespace densekit
