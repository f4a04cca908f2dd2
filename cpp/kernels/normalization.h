// Batch and layer normalisation: statistics, the affine map and their backward passes.
#pragma once
#include "kernels/stored_lanes.h"
#include "simd/lane_sums.h"
#include "simd/math.h"

DENSEKIT_BEGIN

// Calls body(i, constant) for rows in groups of four, then for each that is left; constant.count says which. What belongs to
// a column is then loaded once for four rows, and memory is read along four rows at a time.
template <int n> struct RowGroup {
  static constexpr int count = n;
};
template <class F> inline void for_row_groups(index rows, F&& body) {
  index i = 0;
  for (; i + 4 <= rows; i += 4) body(i, RowGroup<4>{});
  for (; i < rows; ++i) body(i, RowGroup<1>{});
}

// Two sums for each column of a matrix, each a chain over the rows; step(row, column, count, made, sum, dot) adds to both,
// begin(column, count) makes what step needs of a column, end(column, count, made, sum, dot) stores.
template <class Begin, class Step, class End> inline void column_sums(index rows, index cols, Begin&& begin, Step&& step, End&& end) {
  using D = vec<double>;
  constexpr index w = width<double>, vectors = 64;
  D made[vectors], sum[vectors], dot[vectors];  // in the first cache
  for (index first = 0; first < cols; first += vectors * w) {
    const index n = cols - first < vectors * w ? cols - first : vectors * w;
    for_lanes<double>(n, [&](index j, index count) {
      made[j / w] = begin(first + j, count);
      sum[j / w] = dot[j / w] = D{};
    });
    for_row_groups(rows, [&](index i, auto group) {
      for_lanes<double>(n, [&](index j, index count) {
        const D m = made[j / w];
        D s = sum[j / w], d = dot[j / w];
#pragma GCC unroll 4
        for (index r = 0; r < group.count; ++r) step(i + r, first + j, count, m, s, d);
        sum[j / w] = s;
        dot[j / w] = d;
      });
    });
    for_lanes<double>(n, [&](index j, index count) { end(first + j, count, made[j / w], sum[j / w], dot[j / w]); });
  }
}

template <class V> inline bits<V> is_finite(V x) { return abs(x) < constant<V>::infinity; }

// Sums are taken about a pivot, an element of the column itself. Then (pivot - mean)^2 <= m2, so that the subtraction
// below loses at most a factor `rows` (64) of float64's digits whatever the data; a constant column gives exactly 0.
template <class T> void column_moments(const T* x, index rows, index cols, index ldx, double* mean, double* m2, bool far) {
  using D = vec<double>;
  const double inverse = 1 / static_cast<double>(rows);
  column_sums(
      rows, cols,
      [&](index j, index count) {
        const D pivot = load_as_double(x + j, count);
        return select<D>(is_finite(pivot), pivot, D{});  // so that the mean of a column with an infinity is that infinity
      },
      [&](index i, index j, index count, D pivot, D& sum, D& squares) {
        if (far && j % (cache_line / sizeof(T)) == 0) __builtin_prefetch(x + (i + 4) * ldx + j);  // a row of the next group
        const D d = load_as_double(x + i * ldx + j, count) - pivot;
        sum += d;
        squares = fma(d, d, squares);
      },
      [&](index j, index count, D pivot, D sum, D squares) {
        const D about_mean = squares - sum * sum * inverse;
        // Squares that overflow are infinitely many; only a column that holds an infinity has no spread at all.
        const bits<D> overflow = is_finite(sum) & (squares == constant<D>::infinity);
        store_any<D>(mean + j, fma(sum, D{} + inverse, pivot), count);
        store_any<D>(m2 + j, select<D>(overflow, squares, about_mean), count);
      });
}

template <class T> void run_moments(const T* x, index n, double* mean, double* m2) {
  using D = vec<double>;
  const double pivot = is_finite(D{} + double(x[0]))[0] ? double(x[0]) : 0;
  if (n <= most_tiny_row) {  // summed one by one, so that several runs are under way at a time
    double sum = 0, squares = 0;
    for (index i = 0; i < n; ++i) sum += double(x[i]) - pivot;
    const double shift = sum / static_cast<double>(n);
    for (index i = 0; i < n; ++i) {
      const double d = double(x[i]) - pivot - shift;
      squares += d * d;
    }
    *mean = pivot + shift;
    *m2 = squares;
    return;
  }
  const auto sum = sum_lanes<double, 1, 4>(
      n, [&](index i, index count, auto& lanes) DENSEKIT_INLINE { lanes.add(only_first(count, load_as_double(x + i, count) - pivot)); });
  const double shift = sum.total[0] / static_cast<double>(n);
  const auto squares = sum_lanes<double, 1, 4>(n, [&](index i, index count, auto& lanes) DENSEKIT_INLINE {
    const D d = load_as_double(x + i, count) - pivot - shift;
    lanes.add(only_first(count, d * d));
  });
  *mean = pivot + shift;
  *m2 = squares.total[0];
}

template <class T>
void merge_moments(double* mean_a, double* m2_a, double count_a, const double* mean_b, const double* m2_b, double count_b, index n) {
  using D = vec<double>;
  const double share = count_b / (count_a + count_b);
  for_lanes<double>(n, [&](index i, index count) {
    const D a = load_any<D>(mean_a + i, count), b = load_any<D>(mean_b + i, count), delta = b - a;
    // Infinite means add up to what NumPy's sum would be; the spread is NaN already.
    store_any<D>(mean_a + i, select<D>(is_finite(delta), fma(delta, D{} + share, a), a + b), count);
    store_any<D>(m2_a + i, load_any<D>(m2_a + i, count) + load_any<D>(m2_b + i, count) + delta * delta * (count_a * share), count);
  });
}

// x - high - low: the first difference is exact where x is near the mean, and rounded once elsewhere.
template <class V> inline V centered(V x, V high, V low) { return (x - high) - low; }

// A mean in two parts, for one run.
template <class T> struct Center {
  T high, low;
  explicit Center(double mean) : high(T(mean)), low(T(mean - double(high))) {
    if (low != low) low = 0;  // an infinite mean has no low part
  }
};

// 1 / std of a row as stretch * scale, as in ops/centers.h: for the spread of denormal or huge rows has no inverse in T.
template <class T> struct Inverse {
  T stretch = 1, scale;
  explicit Inverse(double inverse) : scale(T(inverse)) {
    if (scale == constant<vec<T>>::infinity) stretch = T(0x1p64);
    else if (scale < constant<vec<T>>::smallest_normal) stretch = T(0x1p-64);
    if (stretch != 1) scale = T(inverse / double(stretch));
  }
};

template <class T> void column_affine(const T* x, index rows, index cols, index ldx, const Affine<T>& map, T* y, index ldy, Store store) {
  using V = vec<T>;
  const Affine<T> m = map;                                       // a copy that no store can change
  if (ldy * sizeof(T) % cache_line != 0) store = Store::cached;  // rows that begin at different places in a line
  for_row_groups(rows, [=](index i, auto group) {
    for_stored_lanes(y + i * ldy, cols, store, [=](index j, index count, auto put) {
      const V high = load_any<V>(m.mean.high + j, count), low = load_any<V>(m.mean.low + j, count);
      const V scale = load_any<V>(m.scale + j, count), shift = load_any<V>(m.shift + j, count);
      const V stretch = m.stretch ? load_any<V>(m.stretch + j, count) : V{};
#pragma GCC unroll 4
      for (index r = 0; r < group.count && put.past; ++r) __builtin_prefetch(x + (i + r + group.count) * ldx + j);  // the next group
#pragma GCC unroll 4
      for (index r = 0; r < group.count; ++r) {
        V v = load_any<V>(x + (i + r) * ldx + j, count);
        if (m.stretch) v *= stretch;
        put(y + (i + r) * ldy + j, fma(centered(v, high, low), scale, shift), count);
      }
    });
  });
  finish(store);
}

template <class T> void run_affine(const T* x, index n, double mean, T stretch, T scale, T shift, T* y, Store store) {
  using V = vec<T>;
  const Center<T> center(mean * double(stretch));
  const V high = V{} + center.high, low = V{} + center.low, factor = V{} + scale, offset = V{} + shift;
  for_stored_lanes(y, n, store, [=](index i, index count, auto put) {
    put(y + i, fma(centered(load_any<V>(x + i, count) * stretch, high, low), factor, offset), count);
  });
  finish(store);
}

template <class T> void layer_affine(const T* x, index n, double mean, double inverse, const T* gamma, const T* beta, T* y) {
  using V = vec<T>;
  const Inverse<T> by(inverse);
  const Center<T> center(mean * double(by.stretch));
  const V high = V{} + center.high, low = V{} + center.low, factor = V{} + by.scale;
  for_lanes<T>(n, [&](index i, index count) {
    const V scale = gamma ? load_any<V>(gamma + i, count) : V{} + 1, shift = beta ? load_any<V>(beta + i, count) : V{};
    store_any<V>(y + i, fma(centered(load_any<V>(x + i, count) * by.stretch, high, low) * factor, scale, shift), count);
  });
}

template <class T>
void column_gradient_sums(const T* dy, const T* x, index rows, index cols, index ldx, const double* mean, double* sum, double* dot) {
  using D = vec<double>;
  column_sums(
      rows, cols, [&](index j, index count) { return load_any<D>(mean + j, count); },
      [&](index i, index j, index count, D center, D& s, D& d) {
        const D upstream = load_as_double(dy + i * ldx + j, count);
        s += upstream;
        d = fma(upstream, load_as_double(x + i * ldx + j, count) - center, d);
      },
      [&](index j, index count, D, D s, D d) {
        store_any<D>(sum + j, s, count);
        store_any<D>(dot + j, d, count);
      });
}

template <class T> void run_gradient_sums(const T* dy, const T* x, index n, double mean, double* sum, double* dot) {
  const auto sums = sum_lanes<double, 2, 2>(n, [&](index i, index count, auto& lanes) DENSEKIT_INLINE {
    const vec<double> upstream = load_as_double(dy + i, count);
    lanes.template add<0>(upstream);
    lanes.template add<1>(only_first(count, upstream * (load_as_double(x + i, count) - mean)));
  });
  *sum = sums.total[0];
  *dot = sums.total[1];
}

template <class T> void layer_gradient_sums(const T* dy, const T* x, index rows, index cols, index ldx, const double* mean,
                                            const double* inverse, double* sum, double* dot) {
  using D = vec<double>;
  column_sums(
      rows, cols, [](index, index) { return D{}; },
      [&](index i, index j, index count, D, D& s, D& d) {
        const D upstream = load_as_double(dy + i * ldx + j, count);
        s += upstream;
        d = fma(upstream, (load_as_double(x + i * ldx + j, count) - mean[i]) * inverse[i], d);
      },
      [&](index j, index count, D, D s, D d) {
        store_any<D>(sum + j, s, count);
        store_any<D>(dot + j, d, count);
      });
}

template <class T> void column_backward(const T* dy, const T* x, index rows, index cols, index ldx, Centers<T> mean, const T* stretch,
                                        const T* a, const T* b, const T* c, T* dx, Store store) {
  using V = vec<T>;
  if (ldx * sizeof(T) % cache_line != 0) store = Store::cached;
  for_row_groups(rows, [=](index i, auto group) {
    for_stored_lanes(dx + i * ldx, cols, store, [=](index j, index count, auto put) {
      const V high = load_any<V>(mean.high + j, count), low = load_any<V>(mean.low + j, count);
      const V va = load_any<V>(a + j, count), vb = load_any<V>(b + j, count), vc = load_any<V>(c + j, count);
      const V stretched = stretch ? load_any<V>(stretch + j, count) : V{};
#pragma GCC unroll 4
      for (index r = 0; r < group.count; ++r) {
        const index at = (i + r) * ldx + j;
        V sum = load_any<V>(dy + at, count) + fma(centered(load_any<V>(x + at, count), high, low), vb, vc);
        if (stretch) sum *= stretched;
        put(dx + at, sum * va, count);
      }
    });
  });
  finish(store);
}

template <class T> void run_backward(const T* dy, const T* x, index n, double mean, T stretch, T a, T b, T c, T* dx) {
  using V = vec<T>;
  const Center<T> center(mean);
  const V high = V{} + center.high, low = V{} + center.low, va = V{} + a, vb = V{} + b, vc = V{} + c;
  for_lanes<T>(n, [&](index i, index count) {
    const V d = centered(load_any<V>(x + i, count), high, low);
    store_any<V>(dx + i, (load_any<V>(dy + i, count) + fma(d, vb, vc)) * stretch * va, count);
  });
}

// With g = dy gamma and z = (x - mean) inverse: dx = inverse (g - mean(g) - z mean(g z)), without mean(g) where the mean is a constant.
template <class T> void layer_backward(const T* dy, const T* x, index n, double mean, double inverse, const T* gamma, bool centers, T* dx) {
  using V = vec<T>;
  using D = vec<double>;
  const auto sums = sum_lanes<double, 2, 2>(n, [&](index i, index count, auto& lanes) DENSEKIT_INLINE {
    D g = load_as_double(dy + i, count);
    if (gamma) g *= load_as_double(gamma + i, count);
    lanes.template add<0>(g);
    lanes.template add<1>(only_first(count, g * (load_as_double(x + i, count) - mean)));
  });
  const double each = 1 / static_cast<double>(n);
  const Inverse<T> by(inverse);
  const Center<T> center(mean * double(by.stretch));
  const V high = V{} + center.high, low = V{} + center.low, factor = V{} + by.scale;
  const V level = V{} + T(centers ? -each * sums.total[0] : 0), tilt = V{} + T(-each * sums.total[1] * inverse);
  for_lanes<T>(n, [&](index i, index count) {
    V g = load_any<V>(dy + i, count);
    if (gamma) g *= load_any<V>(gamma + i, count);
    const V z = centered(load_any<V>(x + i, count) * by.stretch, high, low) * factor;
    store_any<V>(dx + i, (g + fma(z, tilt, level)) * by.stretch * factor, count);
  });
}

template <class T> constexpr NormalizationKernels<T> normalization_kernels{
    .column_moments = column_moments<T>,
    .moments = run_moments<T>,
    .merge_moments = merge_moments<T>,
    .column_affine = column_affine<T>,
    .affine = run_affine<T>,
    .layer_affine = layer_affine<T>,
    .column_gradient_sums = column_gradient_sums<T>,
    .gradient_sums = run_gradient_sums<T>,
    .layer_gradient_sums = layer_gradient_sums<T>,
    .column_backward = column_backward<T>,
    .backward = run_backward<T>,
    .layer_backward = layer_backward<T>,
};

DENSEKIT_END
