// The one file that is compiled once per instruction set. CMake defines DENSEKIT_LEVEL and DENSEKIT_ISA_HEADER.
#include "kernels/table.h"

#include "kernels/activations.h"
#include "kernels/distances.h"
#include "kernels/dropout.h"
#include "kernels/elementwise.h"
#include "kernels/gemm.h"
#include "kernels/information.h"
#include "kernels/losses.h"
#include "kernels/math_functions.h"
#include "kernels/noise.h"
#include "kernels/normalization.h"
#include "kernels/norms.h"
#include "kernels/optimizers.h"
#include "kernels/penalties.h"
#include "kernels/prelu.h"
#include "kernels/scaling.h"
#include "kernels/softmax.h"

namespace densekit::DENSEKIT_LEVEL {

template <class T> static constexpr Kernels<T> kernels{
    .gemm = gemm_kernels<T>,
    .activation = activation_kernels<T>,
    .elementwise = elementwise_kernels<T>,
    .column = column_kernels<T>,
    .prelu = prelu_kernels<T>,
    .softmax = softmax_kernels<T>,
    .optimizer = optimizer_kernels<T>,
    .loss = loss_kernels<T>,
    .information = information_kernels<T>,
    .normalization = normalization_kernels<T>,
    .dropout = dropout_kernels<T>,
    .noise = noise_kernels<T>,
    .penalty = penalty_kernels<T>,
    .norm = norm_kernels<T>,
    .distance = distance_kernels<T>,
    .math = math_kernels<T>,
    .scaling = scaling_kernels<T>,
};

extern const Table table;
const Table table{kernels<float>, kernels<double>};

}  // namespace densekit::DENSEKIT_LEVEL
