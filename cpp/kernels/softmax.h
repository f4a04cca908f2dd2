// Softmax, its logarithm and its cross-entropy, one row at a time. The largest element is subtracted first, so nothing
// overflows; sums are carried in float64, so that a row of 100,000 classes still sums to 1 within 1e-6.
#pragma once
#include "kernels/transpose.h"
#include "simd/lane_sums.h"
#include "simd/math.h"

DENSEKIT_BEGIN

template <class T> T row_max(const T* z, index n) {
  using V = vec<T>;
  const V lowest = V{} - constant<V>::infinity;
  V largest[4] = {lowest, lowest, lowest, lowest};  // four chains, so that none waits for the one before it
  const index whole = for_fours<T>(n, [&](index i, int k) { largest[k] = max_nan(load<V>(z + i), largest[k]); });
  for_lanes<T>(n - whole, [&](index i, index count) {
    const V x = select<V>(first_lanes<V>(count), load_any<V>(z + whole + i, count), lowest);
    largest[0] = max_nan(x, largest[0]);
  });
  return hmax_nan(max_nan(max_nan(largest[0], largest[1]), max_nan(largest[2], largest[3])));
}

// x scale, and 0 where x is: scale, the inverse of a temperature, may be infinite.
template <class V> inline V scaled(V x, V scale) { return select<V>(x == 0, x, x * scale); }

// y = e^argument(z - max); returns the sum of y: of four blocks of virtual lanes in T, rounded twice, of those sums in float64.
template <class T, class F> double exponentials_of(const T* z, T* y, index n, T max, F&& argument) {
  using V = vec<T>;
  if (n <= most_tiny_row) {  // summed one by one, so that several rows are under way at a time
    for_lanes<T>(n, [&](index i, index count) { store_any<V>(y + i, exp(argument(load_any<V>(z + i, count) - max)), count); });
    double sum = 0;
    for (index i = 0; i < n; ++i) sum += double(y[i]);
    return sum;
  }
  constexpr int vectors = virtual_vectors;
  constexpr index block = virtual_lanes<T>;
  Lanes<T, 1> sums[vectors];
  const auto exponential = [&](index i) DENSEKIT_INLINE {
    const V e = exp(argument(load<V>(z + i) - max));
    store<V>(y + i, e);
    return e;
  };
  index i = 0;
  for (; i + 4 * block <= n; i += 4 * block)
    unrolled<vectors>([&](auto v) {
      const index at = i + v.value * width<T>;
      const V a = exponential(at), b = exponential(at + block), c = exponential(at + 2 * block), d = exponential(at + 3 * block);
      sums[v.value].add((a + b) + (c + d));
    });
  const double rest = sum_lanes<T, 1>(n - i, [&](index j, index count, auto& lanes) DENSEKIT_INLINE {
                        const V last = exp(argument(load_any<V>(z + i + j, count) - max));
                        store_any<V>(y + i + j, last, count);
                        lanes.add(only_first(count, last));
                      }).total[0];
  return i == 0 ? rest : tree<vectors>(sums).total[0] + rest;
}
// y = e^((z - max) scale)
template <class T> double exponentials(const T* z, T* y, index n, T max, T scale) {
  using V = vec<T>;
  if (scale == 1) return exponentials_of(z, y, n, max, [](V x) { return x; });
  return exponentials_of(z, y, n, max, [&](V x) { return scaled(x, V{} + scale); });
}

template <class T> void softmax(const T* z, T* y, index n, T scale) {
  using V = vec<T>;
  if (n == 0) return;
  const T inverse = T(1 / exponentials(z, y, n, row_max(z, n), scale));
  for_lanes<T>(n, [&](index i, index count) { store_any<V>(y + i, load_any<V>(y + i, count) * inverse, count); });
}

template <class T> double scalar_log(double x) { return log(vec<double>{} + x)[0]; }

template <class T> void log_softmax(const T* z, T* y, index n, T scale, T* scratch) {
  using V = vec<T>;
  if (n == 0) return;
  const T max = row_max(z, n);
  const T log_sum = T(scalar_log<T>(exponentials(z, scratch, n, max, scale)));
  for_lanes<T>(n,
               [&](index i, index count) { store_any<V>(y + i, scaled(load_any<V>(z + i, count) - max, V{} + scale) - log_sum, count); });
}

template <class T> double dot(const T* a, const T* b, index n) {
  return sum_lanes<double, 1>(
             n, [&](index i, index count, auto& sum)
                    DENSEKIT_INLINE { sum.of[0][0] = fma(load_as_double(a + i, count), load_as_double(b + i, count), sum.of[0][0]); })
      .total[0];
}

// Sums of short rows are made one by one, so that several rows are under way at a time.
template <class T, class F> double sum_of_row(index n, const F& in_lanes, const T* a, const T* b) {
  if (n > most_short_row) return in_lanes();
  double sum = 0;
  for (index j = 0; j < n; ++j) sum += b ? double(a[j]) * double(b[j]) : double(a[j]);
  return sum;
}

// dz = scale y (dy - <dy, y>): the Jacobian is diag(y) - y y'.
template <class T> void softmax_backward(const T* dy, const T* y, T* dz, index n, T scale) {
  using V = vec<T>;
  const T along = T(sum_of_row(n, [&] { return dot(dy, y, n); }, dy, y));
  for_lanes<T>(n, [&](index i, index count) {
    store_any<V>(dz + i, scaled(load_any<V>(y + i, count) * (load_any<V>(dy + i, count) - along), V{} + scale), count);
  });
}

// dz = scale (dy - e^y sum(dy)), y the logarithm of the softmax.
template <class T> void log_softmax_backward(const T* dy, const T* y, T* dz, index n, T scale) {
  using V = vec<T>;
  const auto in_lanes = [&] {
    return sum_lanes<double, 1>(n, [&](index i, index count, auto& sum) DENSEKIT_INLINE { sum.add(load_as_double(dy + i, count)); })
        .total[0];
  };
  const T sum = T(sum_of_row(n, in_lanes, dy, static_cast<const T*>(nullptr)));
  for_lanes<T>(n, [&](index i, index count) {
    store_any<V>(dz + i, scaled(load_any<V>(dy + i, count) - exp(load_any<V>(y + i, count)) * sum, V{} + scale), count);
  });
}

// The loss of one row against the distribution q, or, if q is null, against (1 - smoothing) at label + smoothing / n
// everywhere. dz = weight * (softmax(z) sum(q) - q); it may be z.
template <class T> double softmax_cross_entropy(const T* z, const T* q, index label, double smoothing, double weight, T* dz, index n) {
  using V = vec<T>;
  const T max = row_max(z, n);
  double total = 0, loss = 0;  // sum of q, sum of q (max - z)
  if (q || smoothing > 0) {
    const auto sums = sum_lanes<double, 2>(n, [&](index i, index count, auto& lanes) DENSEKIT_INLINE {
      vec<double> part = only_first(count, vec<double>{} + smoothing / static_cast<double>(n));
      if (q) part = load_as_double(q + i, count) * (1 - smoothing) + part;
      lanes.template add<0>(part);
      const vec<double> gap = double(max) - load_as_double(z + i, count);
      lanes.template add<1>(select<vec<double>>(part == 0, vec<double>{}, part * gap));  // 0 * infinity is 0 here
    });
    total = sums.total[0];
    loss = sums.total[1];
  }
  if (!q) {
    const double rest = 1 - smoothing;
    loss += rest == 0 ? 0 : rest * (double(max) - double(z[label]));
    total = 1;
  }
  // q may not share memory with dz; z may, and is not read again.
  const double sum = exponentials(z, dz, n, max, T(1));
  const T scale = T(weight * total / sum), rest = T(weight * (1 - smoothing)), even = T(weight * smoothing / static_cast<double>(n));
  for_lanes<T>(n, [&](index i, index count) {
    V target = V{} + even;
    if (q) target = fma(load_any<V>(q + i, count), V{} + rest, target);
    store_any<V>(dz + i, load_any<V>(dz + i, count) * scale - target, count);
  });
  if (!q) dz[label] -= rest;
  return loss + total * scalar_log<T>(sum);
}

// The same against labels without smoothing, for rows so short that one of them does not fill a vector: lanes run over rows.
// losses holds the weights of the rows and receives weight * loss; dz = weight / divisor * (softmax(z) - 1 at the label).
template <class T>
void cross_entropy_of_short_rows(const T* z, const std::int64_t* labels, double divisor, double* losses, T* dz, index rows, index n) {
  using V = vec<T>;
  constexpr index w = width<T>, half = width<double>;
  alignas(64) T column[most_short_row][w], at_label[w], largest[w], scale[w];
  alignas(64) double sums[w], logs[w];
  for (index first = 0; first < rows; first += w, z += w * n, dz += w * n, labels += w, losses += w) {
    const index count = rows - first < w ? rows - first : w;
    for (index i = 0; i < count; ++i)  // now, for dz may be z; an ignored label need not be one
      at_label[i] = losses[i] == 0 ? T(0) : z[i * n + labels[i]];
    transpose_strip(count, n, z, n, column[0], w, w);
    V max = V{} - constant<V>::infinity;
    for (index j = 0; j < n; ++j) max = max_nan(load<V>(column[j]), max);
    vec<double> sum[w / half] = {};
    for (index j = 0; j < n; ++j) {
      store<V>(column[j], exp(load<V>(column[j]) - max));
      for (index h = 0; h < w / half; ++h) sum[h] += load_as_double(column[j] + h * half, half);
    }
    store<V>(largest, max);
    for (index h = 0; h < w / half; ++h) {
      store<vec<double>>(sums + h * half, sum[h]);
      store<vec<double>>(logs + h * half, log(sum[h]));
    }
    for (index i = 0; i < w; ++i) scale[i] = i < count ? T(losses[i] / divisor / sums[i]) : T(0);
    for (index j = 0; j < n; ++j) store<V>(column[j], load<V>(column[j]) * load<V>(scale));
    for (index j = 0; j < n; j += w) {
      const index lanes = n - j < w ? n - j : w;
      transpose_strip(lanes, count, column[j], w, dz + j, n, lanes);
    }
    for (index i = 0; i < count; ++i) {
      if (losses[i] == 0) {  // selected, not multiplied: an ignored row may hold anything
        for (index j = 0; j < n; ++j) dz[i * n + j] = T(0);
        continue;
      }
      dz[i * n + labels[i]] -= T(losses[i] / divisor);
      losses[i] *= (double(largest[i]) - double(at_label[i])) + logs[i];
    }
  }
}

template <class T> constexpr SoftmaxKernels<T> softmax_kernels{
    softmax<T>, log_softmax<T>, softmax_backward<T>, log_softmax_backward<T>, softmax_cross_entropy<T>, cross_entropy_of_short_rows<T>};

DENSEKIT_END
