// The operations, listed once.
#pragma once
#include <variant>

#include "train/layers/activation.h"
#include "train/layers/batch_norm.h"
#include "train/layers/callback.h"
#include "train/layers/columns.h"
#include "train/layers/dense.h"
#include "train/layers/dropout.h"
#include "train/layers/gaussian_noise.h"
#include "train/layers/layer_norm.h"
#include "train/layers/normalization.h"
#include "train/layers/parallel.h"
#include "train/layers/prelu.h"
#include "train/layers/rescaling.h"
#include "train/layers/reshape.h"
#include "train/layers/residual.h"
#include "train/layers/rms_norm.h"
#include "train/layers/scale.h"
#include "train/operation.h"

namespace densekit {

using OperationKind =
    std::variant<DenseOperation, ActivationOperation, ScaleOperation, SoftmaxOperation, LogSoftmaxOperation, BatchNormOperation,
                 LayerNormOperation, RmsNormOperation, ScaleLayerOperation, PReluOperation, NormalizationOperation, RescalingOperation,
                 DropoutOperation, NoiseOperation, ColumnsOperation, PlaceOperation, AddOperation, CallbackOperation>;

struct Operation : Wiring {
  OperationKind is;
};

}  // namespace densekit
