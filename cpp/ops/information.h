// Surprisal, entropies and log-likelihoods.
#pragma once
#include "core/arena.h"
#include "core/context.h"

namespace densekit {

template <class T> void surprisal(const Context& context, const T* p, T* y, index n, double factor);  // y = -factor log p

// y (rows) from p, q (rows, cols); q is null for the entropy. y = factor * nats, or e^(factor * nats).
Bytes information_scratch_bytes(index rows);
template <class T> void information(const Context& context, RowInformation kind, const T* p, const T* q, T* y, index rows, index cols,
                                    double factor, bool exponential, void* scratch);

// y (points): the log-likelihood of x (n) at each pair of parameters a, b (points), or its exponential.
Bytes log_likelihood_scratch_bytes(index n, index points);
template <class T> void log_likelihood(const Context& context, Distribution kind, const T* x, index n, const double* a, const double* b,
                                       T* y, index points, bool exponential, void* scratch);

// y (points): sum over classes of counts log p, p (points, classes). Scratch: information_scratch_bytes(points).
template <class T> void categorical_log_likelihood(const Context& context, const double* counts, const double* p, T* y, index points,
                                                   index classes, bool exponential, void* scratch);

template <class T> void log_gamma(const Context& context, const T* x, T* y, index n);  // x > 0

}  // namespace densekit
