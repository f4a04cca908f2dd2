// Batch normalisation (Ioffe and Szegedy, arXiv 1502.03167) and layer normalisation (Ba, Kiros and Hinton, arXiv 1607.06450).
#pragma once
#include "ops/channels.h"

namespace densekit {

// Running statistics, updated in place: r <- decay r + (1 - decay) batch; unbiased: the batch's variance times n / (n - 1).
template <class T> struct RunningStatistics {
  T *mean = nullptr, *variance = nullptr;  // (channels), or null
  double decay = 0.9;
  bool unbiased = false;
};

// y = (x - mean) inverse gamma + beta with the batch's mean (channels) and inverse = 1 / sqrt(variance + eps) (channels), the
// variance biased; gamma and beta may be null: 1 and 0. y may be x.
template <class T> Bytes batch_norm_scratch_bytes(const ChannelShape& shape);
template <class T> void batch_norm(const Context& context, const T* x, const ChannelShape& shape, double eps,
                                   const RunningStatistics<T>& running, const T* gamma, const T* beta, double* mean, double* inverse, T* y,
                                   void* scratch);

template <class T> struct NormGradients {
  T *dx, *dgamma, *dbeta;  // like x; (channels), or the length of a row
};

// training: mean and inverse are functions of x; otherwise constants. gamma may be null (1). dx may be dy or x.
template <class T> Bytes batch_norm_backward_scratch_bytes(const ChannelShape& shape);
template <class T> void batch_norm_backward(const Context& context, const T* dy, const T* x, const ChannelShape& shape, const double* mean,
                                            const double* inverse, const T* gamma, bool training, const NormGradients<T>& out,
                                            void* scratch);

// x, y (rows, cols): each row by its own mean and 1 / sqrt(variance + eps), which mean and inverse (rows) receive.
// gamma, beta (cols) may be null. y may be x. The epilogue has no bias.
template <class T> void layer_norm(const Context& context, const T* x, index rows, index cols, double eps, const T* gamma, const T* beta,
                                   double* mean, double* inverse, T* y, const Epilogue<T>& epilogue = {});
// y = gamma x / sqrt(mean(x²) + eps) of each row, likewise; mean receives zeros. Zhang and Sennrich, arXiv 1910.07467.
template <class T> void rms_norm(const Context& context, const T* x, index rows, index cols, double eps, const T* gamma, double* mean,
                                 double* inverse, T* y, const Epilogue<T>& epilogue = {});
// Of both; centers: false for rms_norm, whose mean is no function of x. dx may be dy or x.
Bytes layer_norm_backward_scratch_bytes(index rows, index cols);
template <class T> void layer_norm_backward(const Context& context, const T* dy, const T* x, index rows, index cols, const double* mean,
                                            const double* inverse, const T* gamma, const NormGradients<T>& out, void* scratch,
                                            bool centers = true);

}  // namespace densekit
