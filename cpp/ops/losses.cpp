#include "ops/losses.h"

#include <algorithm>
#include <cmath>

namespace densekit {
namespace {

constexpr index block = 4096, strip = 512;
constexpr double nanoseconds_each = 1.5;

// Runs body(begin, length) -> double over strips of n elements; the results are added in order, first those of a block.
// No chain of additions is longer than strip / lanes + block / strip + n / block.
template <class F> double sum_blocks(const Context& context, index n, void* scratch, const F& body) {
  double* sums = static_cast<double*>(scratch);
  const index blocks = (n + block - 1) / block;
  context.parallel(blocks, nanoseconds_each * static_cast<double>(n), [&](index task, int) {
    const index end = std::min(n, (task + 1) * block);
    double sum = 0;
    for (index i = task * block; i < end; i += strip) sum += body(i, std::min(strip, end - i));
    sums[task] = sum;
  });
  double total = 0;
  for (index i = 0; i < blocks; ++i) total += sums[i];
  return total;
}

// What an element counts: its row's sample weight times the scale that the reduction asks for.
struct ElementWeights {
  const double* sample_weight;
  index cols;
  double scale = 1;

  ElementWeights(const double* sample_weight, Reduction reduction, index rows, index cols) : sample_weight(sample_weight), cols(cols) {
    if (reduction != Reduction::mean) return;
    double total = sample_weight ? 0 : static_cast<double>(rows);
    if (sample_weight)
      for (index i = 0; i < rows; ++i) total += sample_weight[i];
    scale = 1 / (total * static_cast<double>(cols));
  }
  // Writes the weights of `length` elements from `begin`; null if all of them are `scale`.
  template <class T> const T* fill(T* weights, index begin, index length) const {
    if (!sample_weight) return nullptr;
    index row = begin / cols, column = begin % cols;
    for (index i = 0; i < length; ++i) {
      weights[i] = static_cast<T>(sample_weight[row] * scale);
      if (++column == cols) column = 0, ++row;
    }
    return weights;
  }
  // A sum that the kernels made: weighted already, or plain.
  double finish(double sum) const { return sample_weight ? sum : sum * scale; }
};

// Runs body(row, weight) -> loss over rows that count, in tasks of about 4,096 elements. losses: the weights of the rows
// on entry, the weighted losses on return. weight: that of the gradient. Rows that do not count may hold anything.
template <class T, class F> double weighted_rows(const Context& context, const CrossEntropyTargets<T>& targets, Reduction reduction,
                                                 double* losses, T* gradient, index rows, index cols, const F& body) {
  const double total = row_weights(targets, losses, rows, cols);
  const double divisor = reduction == Reduction::mean ? total : 1;
  const index per_task = std::max<index>(1, block / std::max<index>(1, cols));
  context.parallel((rows + per_task - 1) / per_task, nanoseconds_each * static_cast<double>(rows * cols), [&](index task, int) {
    for (index i = task * per_task; i < std::min(rows, (task + 1) * per_task); ++i) {
      T* row = gradient + i * cols;
      if (losses[i] == 0) std::fill(row, row + cols, T(0));
      else losses[i] *= body(i, static_cast<T>(losses[i] / divisor), row);
    }
  });
  return divisor;
}

}  // namespace

Bytes loss_scratch_bytes(index n) { return (n + block - 1) / block * static_cast<index>(sizeof(double)); }

template <class T> double pointwise_loss(const Context& context, PointwiseLoss kind, const T* pred, const T* target,
                                         const double* sample_weight, Reduction reduction, double a, double b, T* losses, T* gradient,
                                         index rows, index cols, void* scratch) {
  const auto kernel = context.kernels<T>().loss.pointwise[static_cast<int>(kind)];
  const ElementWeights elements(sample_weight, reduction, rows, cols);
  return elements.finish(sum_blocks(context, rows * cols, scratch, [&](index i, index length) {
    T buffer[strip];
    return kernel(pred + i, target + i, elements.fill(buffer, i, length), static_cast<T>(elements.scale), static_cast<T>(a),
                  static_cast<T>(b), losses ? losses + i : nullptr, gradient + i, length);
  }));
}

template <class T> double root_mean_square(const Context& context, const T* pred, const T* target, const double* sample_weight,
                                           Reduction reduction, T* gradient, index rows, index cols, void* scratch) {
  const auto& kernels = context.kernels<T>().loss;
  const ElementWeights elements(sample_weight, reduction, rows, cols);
  const double root = std::sqrt(elements.finish(sum_blocks(context, rows * cols, scratch, [&](index i, index length) {
    T buffer[strip];
    return kernels.sum_of_squares(pred + i, target + i, elements.fill(buffer, i, length), length);
  })));
  sum_blocks(context, rows * cols, scratch, [&](index i, index length) {
    T buffer[strip];
    kernels.root_gradient(pred + i, target + i, elements.fill(buffer, i, length), static_cast<T>(elements.scale), static_cast<T>(root),
                          gradient + i, length);
    return 0.0;
  });
  return root;
}

template <class T> double density_loss(const Context& context, DensityLoss kind, const T* pred, const T* target,
                                       const double* sample_weight, Reduction reduction, double constant, T* losses, T* gradient,
                                       index rows, index cols, void* scratch) {
  const auto kernel = context.kernels<T>().loss.density[static_cast<int>(kind)];
  const ElementWeights elements(sample_weight, reduction, rows, cols);
  // The two halves of a row are gathered into two arrays, so that a row of one target still fills the vectors.
  return elements.finish(sum_blocks(context, rows * cols, scratch, [&](index begin, index length) {
    T weights[strip] = {}, location[strip], log_scale[strip];
    const index start = begin / cols * 2 * cols + begin % cols, first_column = begin % cols;
    const auto for_each = [&](const auto& body) {  // body(i, at): element i of the strip is element `at` of pred
      for (index i = 0, at = start, column = first_column; i < length; ++i, ++at) {
        body(i, at);
        if (++column == cols) column = 0, at += cols;
      }
    };
    for_each([&](index i, index at) { location[i] = pred[at], log_scale[i] = pred[at + cols]; });
    const double sum = kernel(location, log_scale, target + begin, elements.fill(weights, begin, length), static_cast<T>(elements.scale),
                              static_cast<T>(constant), losses ? losses + begin : nullptr, location, log_scale, length);
    for_each([&](index i, index at) { gradient[at] = location[i], gradient[at + cols] = log_scale[i]; });
    return sum;
  }));
}

template <class T> double nll(const Context& context, const T* log_p, const CrossEntropyTargets<T>& targets, Reduction reduction,
                              double* losses, T* gradient, index rows, index cols) {
  return weighted_rows(context, targets, reduction, losses, gradient, rows, cols, [&](index i, T weight, T* row) {
    if (targets.soft) return context.kernels<T>().loss.nll(log_p + i * cols, targets.soft + i * cols, weight, row, cols);
    const index label = static_cast<index>(targets.labels[i]);
    const double loss = -static_cast<double>(log_p[i * cols + label]);
    std::fill(row, row + cols, T(0));
    row[label] = -weight;
    return loss;
  });
}

template <class T> double multiclass_hinge(const Context& context, const T* scores, const CrossEntropyTargets<T>& targets, double margin,
                                           Reduction reduction, double* losses, T* gradient, index rows, index cols) {
  return weighted_rows(context, targets, reduction, losses, gradient, rows, cols, [&](index i, T weight, T* row) {
    return context.kernels<T>().loss.hinge(scores + i * cols, static_cast<index>(targets.labels[i]), static_cast<T>(margin), weight, row,
                                           cols);
  });
}

template <class T> double kl_divergence(const Context& context, const T* pred, const CrossEntropyTargets<T>& targets, bool log_input,
                                        Reduction reduction, double* losses, T* gradient, index rows, index cols) {
  return weighted_rows(context, targets, reduction, losses, gradient, rows, cols, [&](index i, T weight, T* row) {
    return context.kernels<T>().loss.kl(pred + i * cols, targets.soft + i * cols, log_input, weight, row, cols);
  });
}

#define INSTANTIATE(T)                                                                                                                     \
  template double pointwise_loss<T>(const Context&, PointwiseLoss, const T*, const T*, const double*, Reduction, double, double, T*, T*,   \
                                    index, index, void*);                                                                                  \
  template double root_mean_square<T>(const Context&, const T*, const T*, const double*, Reduction, T*, index, index, void*);              \
  template double density_loss<T>(const Context&, DensityLoss, const T*, const T*, const double*, Reduction, double, T*, T*, index, index, \
                                  void*);                                                                                                  \
  template double nll<T>(const Context&, const T*, const CrossEntropyTargets<T>&, Reduction, double*, T*, index, index);                   \
  template double multiclass_hinge<T>(const Context&, const T*, const CrossEntropyTargets<T>&, double, Reduction, double*, T*, index,      \
                                      index);                                                                                              \
  template double kl_divergence<T>(const Context&, const T*, const CrossEntropyTargets<T>&, bool, Reduction, double*, T*, index, index);
INSTANTIATE(float)
INSTANTIATE(double)
#undef INSTANTIATE

}  // namespace densekit
