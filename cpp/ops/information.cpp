#include "ops/information.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/arena.h"

namespace densekit {
namespace {

constexpr index block = 4096, partial_sums = 65536;
constexpr double nanoseconds_each = 3.0;

index blocks_of(index n) { return (n + block - 1) / block; }
// How many points are summed at a time, so that the partial sums stay bounded.
index points_at_once(index n) { return std::max<index>(1, partial_sums / std::max<index>(1, blocks_of(n))); }

// nats[i] of each row of p (and q), in tasks of about 4,096 elements.
template <class T>
void for_rows(const Context& context, RowInformation kind, const T* p, const T* q, double* nats, index rows, index cols) {
  const auto& kernels = context.kernels<T>().information;
  const index per_task = std::max<index>(1, block / std::max<index>(1, cols));
  context.parallel((rows + per_task - 1) / per_task, nanoseconds_each * static_cast<double>(rows * cols), [&](index task, int) {
    const index first = task * per_task, end = std::min(rows, first + per_task);
    if (cols <= most_short_row)
      kernels.short_rows[static_cast<int>(kind)](p + first * cols, q ? q + first * cols : nullptr, nats + first, end - first, cols);
    else
      for (index i = first; i < end; ++i) nats[i] = kernels.row[static_cast<int>(kind)](p + i * cols, q ? q + i * cols : nullptr, cols);
  });
}

// sums[s] = the sum over blocks of x of what kernel(x, n, sums of the block) gives, added in order.
template <int count, class T, class F>
void sum_blocks(const Context& context, const T* x, index n, double* sums, double* partials, const F& kernel) {
  const index blocks = blocks_of(n);
  context.parallel(blocks, nanoseconds_each * static_cast<double>(n),
                   [&](index task, int) { kernel(x + task * block, std::min(block, n - task * block), partials + task * count); });
  for (int s = 0; s < count; ++s) {
    sums[s] = 0;
    for (index i = 0; i < blocks; ++i) sums[s] += partials[i * count + s];
  }
}

// What a log-likelihood is where it came out as no number: parts that overflow may be infinities of both signs.
// total: the sum of the data, which are numbers; a, b: parameters in their ranges.
double at_the_limit(Distribution kind, double value, double total, double a, double b) {
  constexpr double infinity = std::numeric_limits<double>::infinity();
  if (!std::isnan(value) || std::isnan(total)) return value;
  // A sum of squares is infinite if one of its parts is. Infinite mean and std together say nothing.
  if (kind == Distribution::gaussian) return std::isinf(a) && std::isinf(b) ? value : -infinity;
  if (kind == Distribution::poisson && std::isinf(a)) return -infinity;  // a rate grows faster than its logarithm
  if (kind == Distribution::exponential && std::isinf(a)) return total > 0 ? -infinity : infinity;
  return value;
}

// sums (points): the kernel's sums over x, block by block, the blocks added in order.
template <class T> void sum_log_density(const Context& context, Distribution kind, const T* x, index n, const double* a, const double* b,
                                        double* sums, index points, double* partials) {
  const auto kernel = context.kernels<T>().information.log_density[static_cast<int>(kind)];
  const index blocks = blocks_of(n), group = points_at_once(n);
  for (index first = 0; first < points; first += group) {
    const index here = std::min(group, points - first);
    context.parallel(here * blocks, nanoseconds_each * static_cast<double>(here) * static_cast<double>(n), [&](index task, int) {
      const index point = first + task / blocks, begin = task % blocks * block;
      const index length = std::min(block, n - begin);
      partials[task] = kernel(x + begin, length, a[point], b[point]);
      // Twice the scale, whose logarithm Laplace's density has, may be infinite: then from a quarter of the scale.
      if (kind == Distribution::laplace && std::isfinite(b[point]) && std::isinf(2 * b[point])) {
        const double logs = static_cast<double>(length) * std::log(b[point] / 2);
        partials[task] =
            (kernel(x + begin, length, a[point], b[point] / 4) + logs) / 4 - logs - static_cast<double>(length) * std::log(4.0);
      }
    });
    for (index i = 0; i < here; ++i) {
      double sum = 0;
      for (index j = 0; j < blocks; ++j) sum += partials[i * blocks + j];
      sums[first + i] = sum;
    }
  }
}

}  // namespace

template <class T> void surprisal(const Context& context, const T* p, T* y, index n, double factor) {
  context.parallel_pieces(n, nanoseconds_each, [&](index i, index length, int) {
    context.kernels<T>().information.surprisal(p + i, y + i, length, static_cast<T>(factor));
  });
}

Bytes information_scratch_bytes(index rows) { return Carver::bytes<double>(rows); }
template <class T> void information(const Context& context, RowInformation kind, const T* p, const T* q, T* y, index rows, index cols,
                                    double factor, bool exponential, void* scratch) {
  double* nats = static_cast<double*>(scratch);
  for_rows(context, kind, p, q, nats, rows, cols);
  context.kernels<T>().information.from_nats(nats, y, rows, factor, exponential);
}

Bytes log_likelihood_scratch_bytes(index n, index points) {
  const index partials = std::max<index>(2, std::min(points, points_at_once(n))) * std::max<index>(1, blocks_of(n));
  return Carver::bytes<double>(points) + Carver::bytes<double>(partials);
}
template <class T> void log_likelihood(const Context& context, Distribution kind, const T* x, index n, const double* a, const double* b,
                                       T* y, index points, bool exponential, void* scratch) {
  Carver carver(scratch);
  double* sums = carver.take<double>(points);
  double* partials = carver.take<double>(0);
  if (points == 0) return;
  double constant = 0;  // what does not depend on the parameters is summed once
  if (kind == Distribution::poisson) {
    sum_log_density(context, Distribution::log_factorial, x, n, a, b, sums, 1, partials);
    constant = sums[0];
  }
  const auto& kernels = context.kernels<T>().information;
  if (const auto of_sums = kernels.log_density_of_sums[static_cast<int>(kind)]; of_sums && n > 0) {
    // The data are looked at once, whatever the number of points.
    double all[3] = {};
    const auto sum = [&](const T* part, index length, double* to) { *to = kernels.sum(part, length); };
    sum_blocks<1>(context, x, n, all, partials, sum);
    bool enough = true;
    if (kind == Distribution::gaussian) {
      const double center = all[0] /= static_cast<double>(n);
      const auto deviate = [&](const T* part, index length, double* to) { kernels.deviations(part, length, center, to); };
      sum_blocks<2>(context, x, n, all + 1, partials, deviate);
      enough = all[2] > 1e-270 && all[2] < 1e300;  // else squares are lost or not finite: divided by std they need not be
    }
    if (kind == Distribution::exponential && std::isinf(all[0])) {  // the sum of the data overflows; times a rate it need not
      for (index i = 0; i < points; ++i) {
        double total = 0;
        for (index j = 0; j < n; ++j) total += std::isinf(a[i]) && x[j] == 0 ? 0 : a[i] * static_cast<double>(x[j]);
        sums[i] = std::isinf(total) ? -total : static_cast<double>(n) * std::log(a[i]) - total;
      }
      kernels.from_nats(sums, y, points, 1, exponential);
      return;
    }
    if (enough) {
      constexpr index together = 16;
      context.parallel((points + together - 1) / together, 30.0 * static_cast<double>(points), [&](index task, int) {
        for (index i = task * together; i < std::min(points, (task + 1) * together); ++i)
          sums[i] = at_the_limit(kind, of_sums(static_cast<double>(n), all, a[i], b[i]) - constant, all[0], a[i], b[i]);
      });
      kernels.from_nats(sums, y, points, 1, exponential);
      return;
    }
  }
  if (kernels.log_density[static_cast<int>(kind)]) sum_log_density(context, kind, x, n, a, b, sums, points, partials);
  else std::fill_n(sums, points, 0.0);  // no data
  for (index i = 0; i < points; ++i) sums[i] -= constant;
  context.kernels<T>().information.from_nats(sums, y, points, 1, exponential);
}

template <class T> void categorical_log_likelihood(const Context& context, const double* counts, const double* p, T* y, index points,
                                                   index classes, bool exponential, void* scratch) {
  double* nats = static_cast<double*>(scratch);
  context.parallel(points, nanoseconds_each * static_cast<double>(points * classes), [&](index i, int) {
    nats[i] = -context.kernels<double>().information.row[static_cast<int>(RowInformation::cross_entropy)](counts, p + i * classes, classes);
  });
  context.kernels<T>().information.from_nats(nats, y, points, 1, exponential);
}

template <class T> void log_gamma(const Context& context, const T* x, T* y, index n) {
  context.parallel_pieces(n, 10 * nanoseconds_each,
                          [&](index i, index length, int) { context.kernels<T>().information.log_gamma(x + i, y + i, length); });
}

#define INSTANTIATE(T)                                                                                                                  \
  template void surprisal<T>(const Context&, const T*, T*, index, double);                                                              \
  template void information<T>(const Context&, RowInformation, const T*, const T*, T*, index, index, double, bool, void*);              \
  template void log_likelihood<T>(const Context&, Distribution, const T*, index, const double*, const double*, T*, index, bool, void*); \
  template void categorical_log_likelihood<T>(const Context&, const double*, const double*, T*, index, index, bool, void*);             \
  template void log_gamma<T>(const Context&, const T*, T*, index);
INSTANTIATE(float)
INSTANTIATE(double)
#undef INSTANTIATE

}  // namespace densekit
