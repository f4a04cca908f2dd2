// Means in float64 as the two parts that the kernels subtract.
#pragma once
#include "core/arena.h"
#include "core/context.h"

namespace densekit {

template <class T> Centers<T> split_means(const double* mean, index n, Carver& carver) {
  T* high = carver.take<T>(n);
  T* low = carver.take<T>(n);
  for (index i = 0; i < n; ++i) {
    high[i] = static_cast<T>(mean[i]);
    const T rest = static_cast<T>(mean[i] - static_cast<double>(high[i]));
    low[i] = rest == rest ? rest : T(0);  // an infinite mean has no low part
  }
  return {high, low};
}

}  // namespace densekit
