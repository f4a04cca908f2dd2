// Minkowski distances between rows. Lanes run over the rows of y, which are packed in panels and in float64 beforehand;
// an element's sum is a chain over the columns, so its bits do not depend on where in a tile it falls.
#pragma once
#include "kernels/norms.h"

DENSEKIT_BEGIN

namespace distances {

using norms::D;
constexpr int tile_rows = 4, tile_vectors = 2;
constexpr index tile_cols = tile_vectors * width<double>;

template <class T> void pack(index cols, index depth, const T* y, double* packed) {
  for (index p = 0; p < depth; ++p)
    for (index j = 0; j < tile_cols; ++j) packed[p * tile_cols + j] = j < cols ? double(y[j * depth + p]) : 0.0;
}

inline bool any(bits<D> condition) {
  std::int64_t seen = 0;
  for (int i = 0; i < width<double>; ++i) seen |= condition[i];
  return seen != 0;
}

template <int rows> struct Sums {
  D of[rows][tile_vectors] = {};
};

// step(row, vector, sum, x - y) along the columns.
template <class T, int rows, class Step> Sums<rows> along(index depth, const T* x, const double* packed, Step step) {
  Sums<rows> sum;
  for (index p = 0; p < depth; ++p) {
    D y[tile_vectors];
    for (int v = 0; v < tile_vectors; ++v) y[v] = load<D>(packed + p * tile_cols + v * width<double>);
#pragma GCC unroll 4
    for (int i = 0; i < rows; ++i) {
      const D element = broadcast<D>(double(x[i * depth + p]));
#pragma GCC unroll 2
      for (int v = 0; v < tile_vectors; ++v) sum.of[i][v] = step(i, v, sum.of[i][v], element - y[v]);
    }
  }
  return sum;
}

template <class T, int rows> Sums<rows> largest_difference(index depth, const T* x, const double* packed) {
  return along<T, rows>(depth, x, packed, [](int, int, D sum, D gap) { return max_nan(abs(gap), sum); });
}

// Divided by the largest difference, nothing overflows; a largest difference of 0, infinity or NaN is the answer itself.
template <class T, int rows> Sums<rows> scaled(index depth, const T* x, const double* packed, double p) {
  const Sums<rows> scale = largest_difference<T, rows>(depth, x, packed);
  Sums<rows> sum = along<T, rows>(depth, x, packed, [&](int i, int v, D sum, D gap) {
    if (p != 2) return sum + norms::ratio_power(abs(gap), scale.of[i][v], p);
    const D q = gap / scale.of[i][v];
    return fma(q, q, sum);
  });
  for (int i = 0; i < rows; ++i)
    for (int v = 0; v < tile_vectors; ++v) {
      const D s = scale.of[i][v];
      sum.of[i][v] = select<D>((s > 0) & (s < constant<D>::infinity), norms::scaled_root(s, sum.of[i][v], p), s);
    }
  return sum;
}

// A sum of squares outside may have lost digits, or overflowed, on the way. (Squares of float32 never do in float64.)
template <class V> inline bits<V> squares_unsafe(V sum) { return (sum < 0x1p-900) | (sum > 0x1p1000); }

template <class T, int rows> Sums<rows> euclidean(index depth, const T* x, const double* packed) {
  Sums<rows> sum = along<T, rows>(depth, x, packed, [](int, int, D sum, D gap) { return fma(gap, gap, sum); });
  bits<D> unsafe{};
  if constexpr (!is_float<T>)
    for (int i = 0; i < rows; ++i)
      for (int v = 0; v < tile_vectors; ++v) unsafe |= squares_unsafe(sum.of[i][v]);
  Sums<rows> careful;
  if (any(unsafe)) careful = scaled<T, rows>(depth, x, packed, 2);
  for (int i = 0; i < rows; ++i)
    for (int v = 0; v < tile_vectors; ++v) {
      const D s = sum.of[i][v];
      sum.of[i][v] = sqrt(s);
      if constexpr (!is_float<T>) sum.of[i][v] = select<D>(squares_unsafe(s), careful.of[i][v], sum.of[i][v]);
    }
  return sum;
}

template <class T, int rows, Metric metric> Sums<rows> distance(index depth, const T* x, const double* packed, double p) {
  if constexpr (metric == Metric::l1) return along<T, rows>(depth, x, packed, [](int, int, D sum, D gap) { return sum + abs(gap); });
  else if constexpr (metric == Metric::l2) return euclidean<T, rows>(depth, x, packed);
  else if constexpr (metric == Metric::linf) return largest_difference<T, rows>(depth, x, packed);
  else return scaled<T, rows>(depth, x, packed, p);
}

template <class T, int rows, Metric metric>
void strip(index cols, index depth, const T* x, const double* packed, double p, T* out, index ldo) {
  const Sums<rows> result = distance<T, rows, metric>(depth, x, packed, p);
  for (int i = 0; i < rows; ++i)
    for (int v = 0; v < tile_vectors; ++v) {
      const index first = v * width<double>, rest = cols - first;
      if (rest > 0) store_from_double(out + i * ldo + first, result.of[i][v], rest < width<double> ? rest : width<double>);
    }
}
template <class T, Metric metric>
void tile(index rows, index cols, index depth, const T* x, const double* packed, double p, T* out, index ldo) {
  if (rows == tile_rows) return strip<T, tile_rows, metric>(cols, depth, x, packed, p, out, ldo);
  for (index i = 0; i < rows; ++i) strip<T, 1, metric>(cols, depth, x + i * depth, packed, p, out + i * ldo, ldo);
}

// One Euclidean distance from the differences.
template <class T> double pair(const T* x, const T* y, index n) {
  D largest{};
  const double total = sum_lanes<double, 1>(n, [&](index i, index count, auto& sum) DENSEKIT_INLINE {
                         const D gap = load_as_double(x + i, count) - load_as_double(y + i, count);
                         sum.of[0][0] = fma(gap, gap, sum.of[0][0]);
                         largest = max_nan(abs(gap), largest);
                       }).total[0];
  const double scale = hmax_nan(largest);
  if (is_float<T> || (total >= 0x1p-900 && total <= 0x1p1000) || !(scale > 0 && scale < constant<D>::infinity))
    return total == 0 || scale == constant<D>::infinity || scale != scale ? scale : sqrt(D{} + total)[0];
  const double sum = sum_lanes<double, 1>(n, [&](index i, index count, auto& lanes) DENSEKIT_INLINE {
                       const D q = (load_as_double(x + i, count) - load_as_double(y + i, count)) / scale;
                       lanes.of[0][0] = fma(q, q, lanes.of[0][0]);
                     }).total[0];
  return scale * sqrt(D{} + sum)[0];
}

template <class T> void from_products(const T* x, double xx, const T* y, const double* yy, index n, index depth, T* out) {
  constexpr double tiny = is_float<T> ? 0x1p-100 : 0x1p-960;
  for_lanes<double>(n, [&](index j, index count) {
    const D whole = load_any<D>(yy + j, count) + xx, square = whole - 2 * load_as_double(out + j, count);
    const bits<D> good = (square > whole * 0x1p-6) & (square < constant<D>::infinity) & (whole > tiny);
    D result = sqrt(square);
    if (any(~good & first_lanes<D>(count)))
      for (index i = 0; i < count; ++i)
        if (!good[i]) result[i] = pair(x, y + (j + i) * depth, depth);
    store_from_double(out + j, result, count);
  });
}

}  // namespace distances

template <class T> constexpr DistanceKernels<T> distance_kernels{
    distances::tile_rows,
    static_cast<int>(distances::tile_cols),
    distances::pack<T>,
    {distances::tile<T, Metric::l1>, distances::tile<T, Metric::l2>, distances::tile<T, Metric::linf>, distances::tile<T, Metric::lp>},
    distances::from_products<T>};

DENSEKIT_END
