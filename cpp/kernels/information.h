// Surprisal, entropies and log-likelihoods. Sums are computed in float64 throughout, whatever the type of the data.
#pragma once
#include "kernels/softmax.h"
#include "simd/lane_sums.h"
#include "simd/math.h"

DENSEKIT_BEGIN

template <class T> void surprisal(const T* p, T* y, index n, T factor) {
  using V = vec<T>;
  for_lanes<T>(n, [&](index i, index count) { store_any<V>(y + i, V{} - log(load_any<V>(p + i, count)) * factor, count); });
}

// Sums over a row, 0 log 0 being 0.
struct EntropyTerm {  // -p log p
  template <class D> static D term(D p, D) { return D{} - p * log(p); }
};
struct CrossEntropyTerm {  // -p log q
  template <class D> static D term(D p, D q) { return D{} - p * log(q); }
};
template <class T> struct DivergenceTerm {  // p log(p / q)
  template <class D> static D term(D p, D q) {
    if constexpr (is_float<T>) return p * log(p / q);  // of float32 the quotient neither overflows nor underflows in float64
    else return p * (log(p) - log(q));
  }
};
template <class T, class Term> double row_information(const T* p, const T* q, index n) {
  using D = vec<double>;
  return sum_lanes<double, 1>(n,
                              [&](index i, index count, auto& sum) DENSEKIT_INLINE {  // lanes past the end have p = 0
                                const D share = load_as_double(p + i, count), other = q ? load_as_double(q + i, count) : share;
                                sum.add(select<D>(share == 0, D{}, Term::term(share, other)));
                              })
      .total[0];
}

template <class T, class Term> void short_rows(const T* p, const T* q, double* nats, index rows, index n) {
  using D = vec<double>;
  constexpr index most = 1024;
  alignas(64) double terms[most];
  const index together = n > 0 ? most / n : rows;
  for (index first = 0; first < rows; first += together) {
    const index count = rows - first < together ? rows - first : together, at = first * n;
    for_lanes<double>(count * n, [&](index i, index lanes) {
      const D share = load_as_double(p + at + i, lanes), other = q ? load_as_double(q + at + i, lanes) : share;
      store_any<D>(terms + i, select<D>(share == 0, D{}, Term::term(share, other)), lanes);
    });
    for (index i = 0; i < count; ++i) {
      double sum = 0;
      for (index j = 0; j < n; ++j) sum += terms[i * n + j];
      nats[first + i] = sum;
    }
  }
}

// Sums over data of the logarithm of a density or probability with parameters a and b.
template <class T, class F> double sum_over(const T* x, index n, const F& term) {
  return sum_lanes<double, 1>(
             n, [&](index i, index count, auto& sum) DENSEKIT_INLINE { sum.add(only_first(count, term(load_as_double(x + i, count)))); })
      .total[0];
}
template <class T> double sum_of(const T* x, index n) {
  return sum_over(x, n, [](vec<double> v) { return v; });
}
inline double times_log(double count, double log_p) { return count == 0 ? 0 : count * log_p; }

template <class T> double gaussian_log_density(const T* x, index n, double mean, double std) {
  const double squares = sum_over(x, n, [&](vec<double> v) {
    v = (v - mean) / std;
    return v * v;
  });
  return -0.5 * squares - double(n) * (scalar_log<T>(std) + 0.91893853320467274178);  // log(2 pi) / 2
}
template <class T> double laplace_log_density(const T* x, index n, double mean, double scale) {
  return -sum_over(x, n, [&](vec<double> v) { return abs(v - mean) / scale; }) - double(n) * scalar_log<T>(2 * scale);
}
// From sums over all data.
template <class T> void deviations(const T* x, index n, double center, double* sums) {
  using D = vec<double>;
  const auto found = sum_lanes<double, 2>(n, [&](index i, index count, auto& lanes) DENSEKIT_INLINE {
    const D d = only_first(count, load_as_double(x + i, count) - center);
    lanes.of[0][0] += d;
    lanes.of[1][0] = fma(d, d, lanes.of[1][0]);
  });
  sums[0] = found.total[0];
  sums[1] = found.total[1];
}
template <class T> double gaussian_of_sums(double n, const double* sums, double mean, double std) {
  const double gap = (sums[0] - mean) / std;  // of the center, which need not be the mean of the data to the last digit
  const double squares = sums[2] / std / std + 2 * gap * (sums[1] / std) + n * gap * gap;
  return -0.5 * squares - n * (scalar_log<T>(std) + 0.91893853320467274178);
}
template <class T> double bernoulli_of_sums(double n, const double* sums, double p, double) {
  return times_log(sums[0], scalar_log<T>(p)) + times_log(n - sums[0], log1p(vec<double>{} - p)[0]);
}
template <class T> double poisson_of_sums(double n, const double* sums, double rate, double) {  // without the factorials
  return times_log(sums[0], scalar_log<T>(rate)) - n * rate;
}
template <class T> double exponential_of_sums(double n, const double* sums, double rate, double) {
  return n * scalar_log<T>(rate) - rate * sums[0];
}
template <class T> double log_factorials(const T* x, index n, double, double) {
  return sum_over(x, n, [](vec<double> v) { return log_gamma(v + 1); });
}

template <class T> void from_nats(const double* nats, T* y, index n, double factor, bool exponential) {
  using D = vec<double>;
  for_lanes<double>(n, [&](index i, index count) {
    D v = load_any<D>(nats + i, count) * factor;
    if (exponential) v = exp(v);
    store_from_double(y + i, v, count);
  });
}

template <class T> void log_gamma_of(const T* x, T* y, index n) {
  using V = vec<T>;
  for_lanes<T>(n, [&](index i, index count) { store_any<V>(y + i, log_gamma(load_any<V>(x + i, count)), count); });
}

template <class T> constexpr InformationKernels<T> information_kernels{
    surprisal<T>,
    {row_information<T, EntropyTerm>, row_information<T, CrossEntropyTerm>, row_information<T, DivergenceTerm<T>>},
    {short_rows<T, EntropyTerm>, short_rows<T, CrossEntropyTerm>, short_rows<T, DivergenceTerm<T>>},
    sum_of<T>,
    deviations<T>,
    {gaussian_of_sums<T>, nullptr, bernoulli_of_sums<T>, poisson_of_sums<T>, exponential_of_sums<T>, nullptr},
    {gaussian_log_density<T>, laplace_log_density<T>, nullptr, nullptr, nullptr, log_factorials<T>},
    from_nats<T>,
    log_gamma_of<T>};

DENSEKIT_END
