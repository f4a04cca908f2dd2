// Surprisal, entropies and log-likelihoods. Sums are computed in float64 throughout, whatever the type of the data.
#pragma once
#include "kernels/softmax.h"
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
struct DivergenceTerm {  // p log(p / q)
  template <class D> static D term(D p, D q) { return p * (log(p) - log(q)); }
};
template <class T, class Term> double row_information(const T* p, const T* q, index n) {
  using D = vec<double>;
  D sum{};
  for_lanes<double>(n, [&](index i, index count) {  // lanes past the end have p = 0
    const D share = load_as_double(p + i, count), other = q ? load_as_double(q + i, count) : share;
    sum += select<D>(share == 0, D{}, Term::term(share, other));
  });
  return hsum(sum);
}

// Sums over data of the logarithm of a density or probability with parameters a and b.
template <class T, class F> double sum_over(const T* x, index n, const F& term) {
  using D = vec<double>;
  D sum{};
  for_lanes<double>(n, [&](index i, index count) { sum += select<D>(first_lanes<D>(count), term(load_as_double(x + i, count)), D{}); });
  return hsum(sum);
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
template <class T> double bernoulli_log_density(const T* x, index n, double p, double) {
  const double ones = sum_of(x, n);
  return times_log(ones, scalar_log<T>(p)) + times_log(double(n) - ones, log1p(vec<double>{} - p)[0]);
}
template <class T> double poisson_log_density(const T* x, index n, double rate, double) {  // without the factorials
  return times_log(sum_of(x, n), scalar_log<T>(rate)) - double(n) * rate;
}
template <class T> double exponential_log_density(const T* x, index n, double rate, double) {
  return double(n) * scalar_log<T>(rate) - rate * sum_of(x, n);
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
    {row_information<T, EntropyTerm>, row_information<T, CrossEntropyTerm>, row_information<T, DivergenceTerm>},
    {gaussian_log_density<T>, laplace_log_density<T>, bernoulli_log_density<T>, poisson_log_density<T>, exponential_log_density<T>,
     log_factorials<T>},
    from_nats<T>,
    log_gamma_of<T>};

DENSEKIT_END
