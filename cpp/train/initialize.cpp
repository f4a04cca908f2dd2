#include "train/initialize.h"

#include <algorithm>
#include <cmath>
#include <memory>
#include <numbers>
#include <stdexcept>

#include "core/arena.h"
#include "core/portable_math.h"
#include "ops/matmul.h"

namespace densekit {
namespace {

constexpr std::uint64_t no_update = ~std::uint64_t{0};  // the step of the random numbers: no update has this number
constexpr std::int64_t most_drawn = std::int64_t{1} << 34;

std::uint32_t low(std::uint64_t word) { return static_cast<std::uint32_t>(word); }

struct Stream {
  const Context& context;
  std::uint64_t seed;
  index segment;

  // The words of elements first, first + 1, ...; first is a multiple of 4, out has room for whole blocks.
  void words(index first, index n, std::uint32_t* out, index attempt = 0) const {
    const auto layer = low(static_cast<std::uint64_t>(segment) + (static_cast<std::uint64_t>(attempt) << 20));
    const std::uint32_t counter[4] = {low(static_cast<std::uint64_t>(first / 4)), layer, low(no_update), low(no_update >> 32)};
    const std::uint32_t key[2] = {low(seed), low(seed >> 32)};
    context.kernels<float>().dropout.philox(counter, key, out, (n + 3) / 4);
  }

  // Calls body(i, w) with the block of words of elements i to i + 3, whole blocks, the last one perhaps beyond n.
  template <class F> void blocks(index n, const F& body) const {
    context.parallel_pieces(n, 10, [&](index begin, index length, int) {
      constexpr index some = 256;
      std::uint32_t w[some];
      for (index i = 0; i < length; i += some) {
        const index count = std::min(some, length - i);
        words(begin + i, count, w);
        for (index j = 0; j < count; j += 4) body(begin + i + j, w + j);
      }
    });
  }
};
static_assert(Context::piece % 4 == 0);

double middle(std::uint32_t word) { return (word + 0.5) / 4294967296.0; }

// Box and Muller, Ann. Math. Statist. 29 (1958): four words, four standard normal numbers.
void normal_block(const std::uint32_t* w, double* z) {
  const double u[2] = {middle(w[0]), middle(w[2])}, turns[2] = {w[1] / 4294967296.0, w[3] / 4294967296.0};
  double logs[2], cosines[2], sines[2];
  portable::apply(MathFunction::log, u, logs, 2);
  portable::apply(MathFunction::cos2pi, turns, cosines, 2);
  portable::apply(MathFunction::sin2pi, turns, sines, 2);
  for (int pair = 0; pair < 2; ++pair) {
    const double radius = std::sqrt(-2 * logs[pair]);
    z[2 * pair] = radius * cosines[pair];
    z[2 * pair + 1] = radius * sines[pair];
  }
}

template <class T> void uniform(const Stream& stream, double from, double width, T* out, index n) {
  stream.blocks(n, [&](index i, const std::uint32_t* w) {
    for (index j = 0; j < 4 && i + j < n; ++j) out[i + j] = static_cast<T>(from + width * middle(w[j]));
  });
}

template <class T> void normal(const Stream& stream, double mean, double std, T* out, index n) {
  stream.blocks(n, [&](index i, const std::uint32_t* w) {
    double z[4];
    normal_block(w, z);
    for (index j = 0; j < 4 && i + j < n; ++j) out[i + j] = static_cast<T>(mean + std * z[j]);
  });
}

template <class T> void truncated_normal(const Stream& stream, double mean, double std, T* out, index n) {
  stream.blocks(n, [&](index i, const std::uint32_t* w) {
    double z[4], again[4];
    normal_block(w, z);
    const auto outside = [](double x) { return std::abs(x) > 2; };
    for (index attempt = 1; std::any_of(z, z + 4, outside); ++attempt) {
      std::uint32_t other[4];
      stream.words(i, 4, other, attempt);
      normal_block(other, again);
      for (int j = 0; j < 4; ++j)
        if (outside(z[j])) z[j] = again[j];
    }
    for (index j = 0; j < 4 && i + j < n; ++j) out[i + j] = static_cast<T>(mean + std * z[j]);
  });
}

// Orthonormalises the rows of q (rows, cols), rows <= cols, in order; what is left of a row keeps its direction, so the
// result is unique. Block Gram-Schmidt: a panel of rows against all before it by two products, then within itself; twice,
// because one sweep leaves rounding errors in proportion to the condition of the panel.
void orthonormalize(const Context& context, double* q, index rows, index cols) {
  const index most = std::min<index>(32, rows);
  std::vector<double> overlap(static_cast<std::size_t>(most * rows)), shadow(static_cast<std::size_t>(most * cols));
  Arena scratch;
  const auto product = [&](View<double> a, View<double> b, double* c) {
    matmul<double>(context, a, b, c, {}, scratch.reserve(matmul_scratch_bytes<double>(context, a.rows, b.cols, a.cols)));
  };
  for (index done = 0; done < rows; done += most) {
    const index count = std::min(most, rows - done);
    check_interrupt(context);
    double* panel = q + done * cols;
    const View<double> before{q, done, cols, cols, 1}, mine{panel, count, cols, cols, 1};
    for (int sweep = 0; sweep < 2; ++sweep) {
      if (done > 0) {
        product(mine, before.transposed(), overlap.data());
        product({overlap.data(), count, done, done, 1}, before, shadow.data());
        for (index i = 0; i < count * cols; ++i) panel[i] -= shadow[static_cast<std::size_t>(i)];
      }
      for (index i = 0; i < count; ++i) {
        double* row = panel + i * cols;
        const auto dot = [&](const double* other) {
          double sum = 0;
          for (index k = 0; k < cols; ++k) sum += row[k] * other[k];
          return sum;
        };
        for (const double* other = panel; other < row; other += cols) {
          const double along = dot(other);
          for (index k = 0; k < cols; ++k) row[k] -= along * other[k];
        }
        const double length = std::sqrt(dot(row));
        for (index k = 0; k < cols; ++k) row[k] /= length;
      }
    }
  }
}

template <class T> void orthogonal(const Stream& stream, double gain, index rows, index cols, T* out) {
  const bool tall = rows >= cols;
  const index shorter = std::min(rows, cols), longer = std::max(rows, cols);
  const index n = rows * cols;
  // Not zeroed: new memory is touched where signals are asked for.
  std::unique_ptr<double[]> drawn(new double[static_cast<std::size_t>(n)]), q(new double[static_cast<std::size_t>(n)]);
  normal(stream, 0, 1, drawn.get(), n);
  const auto transpose = [&](const double* from, index r, index c, double* to) {
    for (index i = 0; i < r; ++i) {
      check_interrupt(stream.context);
      for (index j = 0; j < c; ++j) to[j * r + i] = from[i * c + j];
    }
  };
  if (tall) transpose(drawn.get(), rows, cols, q.get());
  else q.swap(drawn);
  orthonormalize(stream.context, q.get(), shorter, longer);
  if (tall) transpose(q.get(), cols, rows, drawn.get());
  else q.swap(drawn);
  for (index i = 0; i < n; ++i) out[i] = static_cast<T>(gain * drawn[static_cast<std::size_t>(i)]);
}

// What each kind of initializer puts into a parameter.
template <class T> struct Parameter {
  const Context& context;
  const Stream& stream;
  const std::vector<index>& shape;
  index n;
  double fan_in, fan_out;
  T* out;

  void operator()(const Zeros&) const { std::fill_n(out, n, T(0)); }
  void operator()(const Given&) const { std::fill_n(out, n, T(0)); }
  void operator()(const Ones&) const { std::fill_n(out, n, T(1)); }
  void operator()(const Constant& s) const { std::fill_n(out, n, static_cast<T>(s.value)); }
  void operator()(const Uniform& s) const { uniform(stream, s.low, s.high - s.low, out, n); }
  void operator()(const Normal& s) const { normal(stream, s.mean, s.std, out, n); }
  void operator()(const TruncatedNormal& s) const { truncated_normal(stream, s.mean, s.std, out, n); }
  void operator()(const VarianceScaling& s) const {
    const double fan = s.mode == Fan::fan_in ? fan_in : s.mode == Fan::fan_out ? fan_out : (fan_in + fan_out) / 2;
    const double variance = s.scale / fan, limit = std::sqrt(3 * variance), std = std::sqrt(variance);
    if (s.distribution == DrawnFrom::uniform) uniform(stream, -limit, 2 * limit, out, n);
    else if (s.distribution == DrawnFrom::normal) normal(stream, 0, std, out, n);
    else truncated_normal(stream, 0, std / 0.87962566103423978, out, n);  // the deviation of a normal number within [-2, 2]
  }
  void operator()(const Orthogonal& s) const {
    if (shape.size() != 2) throw std::invalid_argument("an orthogonal initializer needs a matrix");
    orthogonal(stream, s.gain, shape[0], shape[1], out);
  }
};

}  // namespace

template <class T> void initialize(const Context& context, const Initializer& initializer, std::uint64_t seed, index segment,
                                   const std::vector<index>& shape, double fan_in, double fan_out, T* out) {
  index n = 1;
  for (const index length : shape)
    if (__builtin_mul_overflow(n, length, &n) || n > most_drawn)
      throw std::invalid_argument("an initializer can draw 2^34 elements for one parameter, not more");
  const Stream stream{context, seed, segment};
  std::visit(Parameter<T>{context, stream, shape, n, fan_in, fan_out, out}, initializer);
}

template void initialize<float>(const Context&, const Initializer&, std::uint64_t, index, const std::vector<index>&, double, double,
                                float*);
template void initialize<double>(const Context&, const Initializer&, std::uint64_t, index, const std::vector<index>&, double, double,
                                 double*);

}  // namespace densekit
