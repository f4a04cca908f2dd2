// Means and scales in float64 as the parts that the kernels work with: see Centers and Affine in kernels/table.h.
#pragma once
#include <cmath>
#include <limits>

#include "core/arena.h"
#include "core/context.h"

namespace densekit {

// The means times stretch (null: 1).
template <class T> Centers<T> split_means(const double* mean, const T* stretch, index n, Carver& carver) {
  T* high = carver.take<T>(n);
  T* low = carver.take<T>(n);
  for (index i = 0; i < n; ++i) {
    const double whole = stretch ? mean[i] * static_cast<double>(stretch[i]) : mean[i];
    high[i] = static_cast<T>(whole);
    const T rest = static_cast<T>(whole - static_cast<double>(high[i]));
    low[i] = rest == rest ? rest : T(0);  // an infinite mean has no low part
  }
  return {high, low};
}

// A factor as stretch * scale, the scale being a normal number of T; the stretch is 1 as a rule.
template <class T> struct Scales {
  T *stretch, *scale;
  bool stretches = false;

  Scales(index n, Carver& carver) : stretch(carver.take<T>(n)), scale(carver.take<T>(n)) {}
  void set(index i, double factor) {
    const double size = std::abs(factor);
    stretch[i] = 1;
    if (size > static_cast<double>(std::numeric_limits<T>::max()) && std::isfinite(size)) stretch[i] = static_cast<T>(0x1p64);
    if (size < static_cast<double>(std::numeric_limits<T>::min()) && size > 0) stretch[i] = static_cast<T>(0x1p-64);
    stretches = stretches || stretch[i] != 1;
    scale[i] = static_cast<T>(factor / static_cast<double>(stretch[i]));
  }
  const T* stretch_from(index first) const { return stretches ? stretch + first : nullptr; }
};

}  // namespace densekit
