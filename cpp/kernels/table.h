// What an instruction set offers: serial functions over raw pointers, one struct a family, and the contract of each.
// kernels.cpp is compiled once per level and fills in one Table. Unless a line says otherwise: arrays are contiguous,
// n counts elements and may be 0, an output may be the same array as an input of its length but not overlap it in part.
#pragma once
#include <cstddef>
#include <cstdint>

#include "densekit/activation.h"

namespace densekit {

using index = std::ptrdiff_t;

constexpr int activation_count = 0  // of one element
#define ACTIVATION(name, Functor, saves, parameter, usual, range) +1
#include "densekit/activations.def"
#undef ACTIVATION
    ;

enum class UpdateRule : int {
#define OPTIMIZER(name, Functor, slots) name,
#include "kernels/optimizers.def"
#undef OPTIMIZER
  count
};
constexpr int optimizer_count = static_cast<int>(UpdateRule::count);
constexpr int optimizer_slots[] = {
#define OPTIMIZER(name, Functor, slots) slots,
#include "kernels/optimizers.def"
#undef OPTIMIZER
};
constexpr int most_slots = 3;

enum class PointwiseLoss : int {
#define LOSS(name, Functor) name,
#include "kernels/losses.def"
#undef LOSS
  count
};
constexpr int pointwise_loss_count = static_cast<int>(PointwiseLoss::count);
enum class DensityLoss : int { gaussian, laplace, count };
enum class RowInformation : int { entropy, cross_entropy, kl, count };
enum class Distribution : int { gaussian, laplace, bernoulli, poisson, exponential, log_factorial, count };

// A matrix product is a sum over blocks of this many products; it is part of the result's definition.
constexpr index k_block = 256;
constexpr index most_row_tile = 2;

// Blocks of memory that will be needed soon. A tile asks for one cache line at each step of k, because processors drop what is
// asked for in bursts.
struct Ahead {
  struct Block {
    const char* at;
    index lines, jump, runs;  // runs of lines; bytes from the end of one to the start of the next
  };
  Block blocks[3];
};
template <class T> struct GemmKernels {
  int packed_rows, direct_rows, tile_width;  // the largest tiles
  index resident;                            // elements of A that are packed at a time and stay in L2
  // a (rows, k) by strides -> packed[p * rows + i], rows <= packed_rows.
  void (*pack_a)(index rows, index k, const T* a, index row_stride, index depth_stride, T* packed);
  // b (k, cols) by strides -> packed[p * tile_width + j], cols <= tile_width, padded with zeros.
  void (*pack_b)(index k, index cols, const T* b, index depth_stride, index column_stride, T* packed);
  // c (m, n), rows ldc apart, = a b or += a b; m <= packed_rows, n <= tile_width, k <= k_block, both packed. n, m > 0.
  void (*packed_tile)(index m, index n, index k, const T* a, const T* b, T* c, index ldc, bool accumulate, const Ahead* ahead);
  // The same with n = tile_width and b as it lies, rows b_depth apart, which is copied to `packed` on the way.
  void (*packing_tile)(index m, index k, const T* a, const T* b, index b_depth, T* packed, T* c, index ldc, bool accumulate,
                       const Ahead* ahead);
  // The same from a by strides and b with unit column stride, rows b_depth apart; m <= direct_rows.
  void (*direct_tile)(index m, index n, index k, const T* a, index a_row, index a_depth, const T* b, index b_depth, T* c, index ldc,
                      bool accumulate);
  // The same for m <= most_row_tile and any n; reads b along its rows.
  void (*row_tile)(index m, index n, index k, const T* a, index a_row, index a_depth, const T* b, index b_depth, T* c, index ldc,
                   bool accumulate);
};

// How results are stored that are only written: as usual, or past the caches.
enum class Store { cached, past };

template <class T> struct ActivationKernels {
  // y[i] = f(z[i])
  void (*forward[activation_count])(const T* z, T* y, index n, T parameter, Store store);
  // dz[i] = dy[i] * f'(z[i]); saved is z or y, as activations.def says
  void (*backward[activation_count])(const T* dy, const T* saved, T* dz, index n, T parameter, Store store);
};

template <class T> struct ElementwiseKernels {
  void (*add)(const T* a, const T* b, T* y, index n);  // y = a + b
};

// Rectified linear units with a slope alpha below 0: one a column, or alpha[0] for all of them if `shared`. Matrices are (rows, cols),
// rows ldx apart.
template <class T> struct PreluKernels {
  void (*forward)(const T* x, index rows, index cols, index ldx, const T* alpha, bool shared, T* y);  // y = x > 0 ? x : alpha x
  // dx = x > 0 ? dy : alpha dy
  void (*backward)(const T* dy, const T* x, index rows, index cols, index ldx, const T* alpha, bool shared, T* dx);
  // sums[j] = the sum of dy x over the rows where x > 0 is false, a chain in float64 from zero, in the order of the rows.
  void (*sums)(const T* dy, const T* x, index rows, index cols, index ldx, double* sums);
};

template <class T> struct ColumnKernels {
  // sums[j] = sum over rows of x (rows, cols), rows ldx apart: a chain in float64 from zero, in the order of the rows.
  void (*sum)(const T* x, index rows, index cols, index ldx, double* sums);
};

constexpr index most_short_row = 32;  // classes
constexpr index most_tiny_row = 16;   // elements of a row that is summed one by one

// One row of n elements; scale multiplies z first (the inverse of the temperature).
template <class T> struct SoftmaxKernels {
  void (*softmax)(const T* z, T* y, index n, T scale);
  void (*log_softmax)(const T* z, T* y, index n, T scale, T* scratch);  // scratch (n) is not z
  void (*softmax_backward)(const T* dy, const T* y, T* dz, index n, T scale);
  void (*log_softmax_backward)(const T* dy, const T* y, T* dz, index n, T scale);
  // The loss against the distribution q, or if q is null against label, smoothed; dz = weight (softmax(z) sum(q) - q).
  double (*cross_entropy)(const T* z, const T* q, index label, double smoothing, double weight, T* dz, index n);
  // Rows of n <= most_short_row against labels, without smoothing. losses holds the weights of the rows (0: the row gets a
  // gradient of zeros) and receives weight * loss; dz = weight / divisor (softmax(z) - 1 at the label). dz may be z.
  void (*cross_entropy_of_short_rows)(const T* z, const std::int64_t* labels, double divisor, double* losses, T* dz, index rows, index n);
};

// A factor that a running value is multiplied by, also as whole + part: whole is 0 or 1, whichever is nearer, and part
// the rest, which keeps digits that a value near 1 loses.
template <class T> struct Factor {
  T value, whole, part;
};

// One step of an update rule in numbers. Rates are signed: they are added. Which fields a rule reads, its functor says.
template <class T> struct OptimizerNumbers {
  Factor<T> keep{1, 1, 0};    // p <- keep p + step
  Factor<T> first{0, 0, 0};   // m <- first m + first_add g
  Factor<T> second{0, 0, 0};  // v <- second v + second_add g^2
  T first_add = 0, second_add = 0;
  T rate = 0, direct = 0;  // the step: rate times a state, and direct times g itself
  T inner = 0, eps = 0;    // added to the square before its root is taken, and to the denominator after
  T mean_add = 0;          // m <- second m + mean_add g, the mean beside a mean square
};

template <class T> struct OptimizerKernels {
  // Updates p and the states, as many as the rule's slots, from g. Nothing may overlap; g may be p or a state.
  void (*update[optimizer_count])(T* p, const T* g, T* const* states, index n, const OptimizerNumbers<T>& numbers);
};

// Losses and their gradients. An element counts weights[i], or scale if weights is null; one that counts zero gives zero
// whatever it holds. The gradient may be pred. Sums are in float64.
template <class T> struct LossKernels {
  // gradient[i] = weight * slope; losses[i] = weights[i] * loss unless losses is null.
  // Returns the sum of weights[i] * loss; without weights the plain sum. a, b: as the functor says.
  double (*pointwise[pointwise_loss_count])(const T* pred, const T* target, const T* weights, T scale, T a, T b, T* losses, T* gradient,
                                            index n);
  // The same for a location and the logarithm of a scale; constant is added to each loss.
  double (*density[static_cast<int>(DensityLoss::count)])(const T* location, const T* log_scale, const T* target, const T* weights, T scale,
                                                          T constant, T* losses, T* d_location, T* d_log_scale, index n);
  double (*sum_of_squares)(const T* pred, const T* target, const T* weights, index n);  // of pred - target, weighted
  // gradient = weight (pred - target) / root, 0 if root is 0
  void (*root_gradient)(const T* pred, const T* target, const T* weights, T scale, T root, T* gradient, index n);
  // One row of n scores: returns the loss, not weighted; the gradient is weighted.
  double (*nll)(const T* log_p, const T* q, T weight, T* gradient, index n);  // against the distribution q
  double (*hinge)(const T* scores, index label, T margin, T weight, T* gradient, index n);
  double (*kl)(const T* pred, const T* target, bool log_input, T weight, T* gradient, index n);
};

// Entropies and log-likelihoods, in nats; sums are computed in float64.
template <class T> struct InformationKernels {
  void (*surprisal)(const T* p, T* y, index n, T factor);  // y = -factor log p
  // -sum p log p, -sum p log q, sum p log(p / q) of one row, 0 log 0 being 0. q is null for the entropy.
  double (*row[static_cast<int>(RowInformation::count)])(const T* p, const T* q, index n);
  // The same of rows of n <= most_short_row, in nats (rows): terms are computed across rows, and added in order.
  void (*short_rows[static_cast<int>(RowInformation::count)])(const T* p, const T* q, double* nats, index rows, index n);
  double (*sum)(const T* x, index n);
  void (*deviations)(const T* x, index n, double center, double* sums);  // sums of x - center, and of its square
  // The log-density of n data with parameters a, b, from their sum; gaussian: from a center and the deviations' two sums.
  // Null where each x is needed. Poisson's lacks the factorials, which log_factorial sums.
  double (*log_density_of_sums[static_cast<int>(Distribution::count)])(double n, const double* sums, double a, double b);
  double (*log_density[static_cast<int>(Distribution::count)])(const T* x, index n, double a, double b);  // the same from x, or null
  void (*from_nats)(const double* nats, T* y, index n, double factor, bool exponential);  // y = factor nats, or its exponential
  void (*log_gamma)(const T* x, T* y, index n);                                           // x > 0
};

// x - mean by column, the mean in two parts, high + low, so that float32 keeps every digit of the difference where the
// mean is large beside the spread.
template <class T> struct Centers {
  const T *high, *low;
};

// y = (x stretch - mean) scale + shift by column, the mean being that of x stretch. stretch is null (1) unless a scale
// would not be a normal number of T, like 1 / std for float32 data near either end of the range: then a power of two.
template <class T> struct Affine {
  Centers<T> mean;
  const T *stretch, *scale, *shift;
};

// Batch and layer normalisation: statistics, the affine map and their backward passes. "Columns" are of a matrix
// (rows, cols) whose rows are ldx (ldy) apart: a block of samples, or a finished tile of a product. A "run" is n
// contiguous elements that share one mean. Means and sums are float64.
template <class T> struct NormalizationKernels {
  // mean[j], and m2[j] = sum of (x - mean)^2, of each column; rows > 0. One sweep about the first row as a pivot.
  // far: x is too large for the caches, so that rows are asked for in advance (where it is near, that only costs).
  void (*column_moments)(const T* x, index rows, index cols, index ldx, double* mean, double* m2, bool far);
  // The same of a run of n > 0 elements, in two sweeps.
  void (*moments)(const T* x, index n, double* mean, double* m2);
  // Merges the moments of count_b more values into those of count_a, for n channels (Chan, Golub and LeVeque 1983).
  void (*merge_moments)(double* mean_a, double* m2_a, double count_a, const double* mean_b, const double* m2_b, double count_b, index n);

  void (*column_affine)(const T* x, index rows, index cols, index ldx, const Affine<T>& map, T* y, index ldy, Store store);
  void (*affine)(const T* x, index n, double mean, T stretch, T scale, T shift, T* y, Store store);  // mean is that of x
  // y = (x - mean) inverse gamma[i] + beta[i]; gamma and beta may be null: 1 and 0.
  void (*layer_affine)(const T* x, index n, double mean, double inverse, const T* gamma, const T* beta, T* y);

  // sum = sum of dy, dot = sum of dy (x - mean); dy and x lie alike.
  void (*column_gradient_sums)(const T* dy, const T* x, index rows, index cols, index ldx, const double* mean, double* sum, double* dot);
  void (*gradient_sums)(const T* dy, const T* x, index n, double mean, double* sum, double* dot);
  // The same with a mean and an inverse deviation for each row: sum of dy, and of dy (x - mean) inverse.
  void (*layer_gradient_sums)(const T* dy, const T* x, index rows, index cols, index ldx, const double* mean, const double* inverse,
                              double* sum, double* dot);
  // dx = (dy + b (x - mean) + c) stretch a; the factor comes last, so that an infinite gamma meets a finite sum.
  void (*column_backward)(const T* dy, const T* x, index rows, index cols, index ldx, Centers<T> mean, const T* stretch, const T* a,
                          const T* b, const T* c, T* dx, Store store);
  void (*backward)(const T* dy, const T* x, index n, double mean, T stretch, T a, T b, T c, T* dx);
  // The gradient of layer_affine with the statistics of x itself; gamma may be null. centers: whether the mean is one of them.
  void (*layer_backward)(const T* dy, const T* x, index n, double mean, double inverse, const T* gamma, bool centers, T* dx);
};

// Element e is kept if word e % 4 of the Philox 4x32-10 block with counter (e / 4, layer, step) exceeds `limit`.
struct DropoutStream {
  std::uint32_t key[2], layer, step[2], limit;
};

// Dropout masks from Philox 4x32-10, regenerated wherever they are needed. first: the number of element 0; n elements.
template <class T> struct DropoutKernels {
  // The four words of each of `blocks` consecutive counters; the first word of the counter counts, modulo 2^32.
  void (*philox)(const std::uint32_t counter[4], const std::uint32_t key[2], std::uint32_t* words, index blocks);
  void (*mask)(const DropoutStream& stream, std::uint64_t first, std::uint8_t* kept, index n);             // 1: kept, 0: dropped
  void (*dropout)(const DropoutStream& stream, std::uint64_t first, const T* x, T* y, index n, T factor);  // kept ? x factor : 0
  void (*scale)(const T* x, T* y, index n, T factor);                                                      // y = x factor
};

// y = x + std z, z standard normal: element e is number e % 4 of those that Box and Muller make of the four words of its
// block, which are drawn as for dropout. first: the number of element 0.
template <class T> struct NoiseKernels {
  void (*gaussian)(const DropoutStream& stream, std::uint64_t first, const T* x, T* y, index n, T std);
};

// Penalties on weights, soft thresholding and clipping.
template <class T> struct PenaltyKernels {
  // gradient = a sign(w) + b w (L1, L2, both); sums[0] = sum |w|, sums[1] = sum w^2 in float64, of what the penalty has.
  void (*gradient[3])(const T* w, T* gradient, index n, T a, T b, double* sums);
  void (*add_gradient[3])(const T* w, T* gradient, index n, T a, T b, double* sums);  // gradient += the same
  void (*soft_threshold)(const T* w, T* y, index n, T threshold);                     // sign(w) max(|w| - threshold, 0)
  void (*clip)(const T* x, T* y, index n, T low, T high);                             // low <= high, infinities allowed
  double (*sum_of_squares)(const T* x, index n, double factor);                       // of factor x, in float64
  void (*scale)(const T* x, T* y, index n, double factor);                            // factor x, multiplied in float64, rounded once
};

// Sums of powers, extremes: what norms are made of. Results are float64, NaN if an element is NaN (but for nonzeros).
template <class T> struct NormKernels {
  double (*largest)(const T* x, index n);   // of abs(x); 0 if n is 0
  double (*smallest)(const T* x, index n);  // of abs(x); infinity if n is 0
  double (*nonzeros)(const T* x, index n);  // how many; NaN counts
  double (*sum)(const T* x, index n);       // of abs(x)
  double (*squares)(const T* x, index n);   // their sum
  // Sum of (abs(x) / scale)^p. 0 < scale < infinity is the largest abs(x) if p > 0, the smallest if p < 0; p is not 0.
  double (*powers)(const T* x, index n, double p, double scale);
  double (*root)(double scale, double sum, double p);  // scale * sum^(1 / p)
  // For the singular values, which are always worked out in float64: <x, x>, <y, y>, <x, y>;
  void (*products)(const double* x, const double* y, index n, double* xx, double* yy, double* xy);
  // x <- cosine x - sine y and y <- sine x + cosine y. x and y are apart.
  void (*rotate)(double* x, double* y, index n, double cosine, double sine);
};

// Minkowski distances: l1 sum, l2 Euclidean, linf largest, lp any p > 0 of the absolute differences.
enum class Metric : int { l1, l2, linf, lp };

template <class T> struct DistanceKernels {
  int tile_rows, tile_cols;  // the largest tile
  // y (cols, depth), cols <= tile_cols -> packed[p * tile_cols + j], padded with zeros.
  void (*pack)(index cols, index depth, const T* y, double* packed);
  // out (rows, cols), rows ldo apart: distances of the rows of x (rows, depth) from those of a packed panel.
  void (*tile[4])(index rows, index cols, index depth, const T* x, const double* packed, double p, T* out, index ldo);
  // out[j] holds <x, row j of y> and becomes the Euclidean distance, from xx = <x, x> and yy[j]. Where the square is less
  // than 1/64 of xx + yy, or something left the range, it is computed again from the differences.
  void (*from_products)(const T* x, double xx, const T* y, const double* yy, index n, index depth, T* out);
};

// y[i] = f(x[i]): what the vocabulary (simd/math.h) offers, for its tests.
enum class MathFunction : int {
#define MATH_FUNCTION(name) name,
#include "kernels/math.def"
#undef MATH_FUNCTION
  count
};
template <class T> struct MathKernels {
  void (*function[static_cast<int>(MathFunction::count)])(const T* x, T* y, index n);
};

// Ranges for column-wise scaling of data; a column (a run) with a NaN has the range NaN, NaN.
template <class T> struct ScalingKernels {
  void (*column_range)(const T* x, index rows, index cols, index ldx, T* low, T* high);  // rows > 0
  void (*range)(const T* x, index n, T* low, T* high);                                   // n > 0
  void (*merge_ranges)(T* low, T* high, const T* low_b, const T* high_b, index n);
  void (*clamp)(T* y, index n, T low, T high);  // y into [low, high], in place; NaN stays
};

template <class T> struct Kernels {
  GemmKernels<T> gemm;
  ActivationKernels<T> activation;
  ElementwiseKernels<T> elementwise;
  ColumnKernels<T> column;
  PreluKernels<T> prelu;
  SoftmaxKernels<T> softmax;
  OptimizerKernels<T> optimizer;
  LossKernels<T> loss;
  InformationKernels<T> information;
  NormalizationKernels<T> normalization;
  DropoutKernels<T> dropout;
  NoiseKernels<T> noise;
  PenaltyKernels<T> penalty;
  NormKernels<T> norm;
  DistanceKernels<T> distance;
  MathKernels<T> math;
  ScalingKernels<T> scaling;
};

struct Table {
  Kernels<float> f32;
  Kernels<double> f64;
  template <class T> const Kernels<T>& of() const {
    if constexpr (sizeof(T) == sizeof(float)) return f32;
    else return f64;
  }
};

}  // namespace densekit
