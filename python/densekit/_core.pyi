"""
Compiled kernels. Strict about dtypes and layouts; densekit.functional is the kind face.
"""

from __future__ import annotations

import collections.abc
import typing

import numpy
import numpy.typing

__all__: list[str] = [
    "Activation",
    "DensityLoss",
    "Distribution",
    "DropoutMode",
    "Metric",
    "NetworkFloat32",
    "NetworkFloat64",
    "Optimizer",
    "Penalty",
    "PointwiseLoss",
    "Reduction",
    "RowInformation",
    "StepNumbers",
    "TapeFloat32",
    "TapeFloat64",
    "activation_backward",
    "activation_forward",
    "active_level",
    "adadelta_numbers",
    "adagrad_numbers",
    "adam_numbers",
    "adamax_numbers",
    "batch_norm",
    "batch_norm_backward",
    "categorical_log_likelihood",
    "channel_moments",
    "channel_range",
    "clamp",
    "clip",
    "compiler",
    "dense",
    "dense_backward",
    "density_loss",
    "distances",
    "dropout",
    "dropout_mask",
    "gaussian_noise",
    "has_bfloat16",
    "information",
    "initialize",
    "kinds",
    "kl_divergence",
    "last_workers",
    "layer_norm",
    "layer_norm_backward",
    "levels",
    "lion_numbers",
    "log_gamma",
    "log_likelihood",
    "math",
    "math_functions",
    "momentum_numbers",
    "multiclass_hinge",
    "nadam_numbers",
    "nesterov_numbers",
    "nll",
    "normalize",
    "normalize_spec",
    "optimizer_update",
    "penalty",
    "philox",
    "plain_dense",
    "pointwise_loss",
    "prelu",
    "prelu_backward",
    "ready",
    "rmse",
    "rmsprop_numbers",
    "saves_input",
    "scale_by",
    "serial_threshold",
    "set_all_hands",
    "set_road",
    "set_serial_threshold",
    "set_threads",
    "sgd_numbers",
    "singular_values",
    "soft_threshold",
    "softmax",
    "softmax_backward",
    "softmax_cross_entropy",
    "spec_layout",
    "sum_of_squares",
    "surprisal",
    "thread_backend",
    "thread_backends",
    "threads",
    "use_level",
    "use_thread_backend",
    "vector_bytes",
    "vector_norms",
]

class Activation:
    """
    Members:

      identity

      relu

      leaky_relu

      elu

      selu

      gelu

      gelu_tanh

      silu

      mish

      sigmoid

      hard_sigmoid

      tanh

      softplus

      softsign

      hard_swish

      relu6

      hard_tanh

      softshrink
    """

    __members__: typing.ClassVar[dict[str, Activation]]
    elu: typing.ClassVar[Activation]
    gelu: typing.ClassVar[Activation]
    gelu_tanh: typing.ClassVar[Activation]
    hard_sigmoid: typing.ClassVar[Activation]
    hard_swish: typing.ClassVar[Activation]
    hard_tanh: typing.ClassVar[Activation]
    identity: typing.ClassVar[Activation]
    leaky_relu: typing.ClassVar[Activation]
    mish: typing.ClassVar[Activation]
    relu: typing.ClassVar[Activation]
    relu6: typing.ClassVar[Activation]
    selu: typing.ClassVar[Activation]
    sigmoid: typing.ClassVar[Activation]
    silu: typing.ClassVar[Activation]
    softplus: typing.ClassVar[Activation]
    softshrink: typing.ClassVar[Activation]
    softsign: typing.ClassVar[Activation]
    tanh: typing.ClassVar[Activation]
    @typing.overload
    def __eq__(self, other: Activation) -> bool: ...
    @typing.overload
    def __eq__(self, other: typing.Any) -> bool: ...
    def __getstate__(self) -> int: ...
    def __hash__(self) -> int: ...
    def __index__(self) -> int: ...
    def __init__(self, value: typing.SupportsInt | typing.SupportsIndex) -> None: ...
    def __int__(self) -> int: ...
    @typing.overload
    def __ne__(self, other: Activation) -> bool: ...
    @typing.overload
    def __ne__(self, other: typing.Any) -> bool: ...
    def __repr__(self) -> str: ...
    def __setstate__(self, state: typing.SupportsInt | typing.SupportsIndex) -> None: ...
    def __str__(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def value(self) -> int: ...

class Reduction:
    """
    Members:

      none

      sum

      mean
    """

    __members__: typing.ClassVar[dict[str, Reduction]]
    mean: typing.ClassVar[Reduction]
    none: typing.ClassVar[Reduction]
    sum: typing.ClassVar[Reduction]
    @typing.overload
    def __eq__(self, other: Reduction) -> bool: ...
    @typing.overload
    def __eq__(self, other: typing.Any) -> bool: ...
    def __getstate__(self) -> int: ...
    def __hash__(self) -> int: ...
    def __index__(self) -> int: ...
    def __init__(self, value: typing.SupportsInt | typing.SupportsIndex) -> None: ...
    def __int__(self) -> int: ...
    @typing.overload
    def __ne__(self, other: Reduction) -> bool: ...
    @typing.overload
    def __ne__(self, other: typing.Any) -> bool: ...
    def __repr__(self) -> str: ...
    def __setstate__(self, state: typing.SupportsInt | typing.SupportsIndex) -> None: ...
    def __str__(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def value(self) -> int: ...

class Optimizer:
    """
    Members:

      sgd

      momentum

      rmsprop

      adadelta

      adam

      adamax

      lion

      rmsprop_momentum

      rmsprop_centered

      rmsprop_centered_momentum

      amsgrad

      yogi
    """

    __members__: typing.ClassVar[dict[str, Optimizer]]
    adadelta: typing.ClassVar[Optimizer]
    adam: typing.ClassVar[Optimizer]
    adamax: typing.ClassVar[Optimizer]
    amsgrad: typing.ClassVar[Optimizer]
    lion: typing.ClassVar[Optimizer]
    momentum: typing.ClassVar[Optimizer]
    rmsprop: typing.ClassVar[Optimizer]
    rmsprop_centered: typing.ClassVar[Optimizer]
    rmsprop_centered_momentum: typing.ClassVar[Optimizer]
    rmsprop_momentum: typing.ClassVar[Optimizer]
    sgd: typing.ClassVar[Optimizer]
    yogi: typing.ClassVar[Optimizer]
    @typing.overload
    def __eq__(self, other: Optimizer) -> bool: ...
    @typing.overload
    def __eq__(self, other: typing.Any) -> bool: ...
    def __getstate__(self) -> int: ...
    def __hash__(self) -> int: ...
    def __index__(self) -> int: ...
    def __init__(self, value: typing.SupportsInt | typing.SupportsIndex) -> None: ...
    def __int__(self) -> int: ...
    @typing.overload
    def __ne__(self, other: Optimizer) -> bool: ...
    @typing.overload
    def __ne__(self, other: typing.Any) -> bool: ...
    def __repr__(self) -> str: ...
    def __setstate__(self, state: typing.SupportsInt | typing.SupportsIndex) -> None: ...
    def __str__(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def value(self) -> int: ...

class StepNumbers:
    """
    What one step of an update rule needs, derived from an optimizer's settings.
    """

class PointwiseLoss:
    """
    Members:

      binary_cross_entropy_logits

      binary_cross_entropy

      mse

      mae

      huber

      log_cosh

      pinball

      poisson_log

      poisson_log_full

      poisson

      poisson_full

      gamma

      gamma_full

      hinge
    """

    __members__: typing.ClassVar[dict[str, PointwiseLoss]]
    binary_cross_entropy: typing.ClassVar[PointwiseLoss]
    binary_cross_entropy_logits: typing.ClassVar[PointwiseLoss]
    gamma: typing.ClassVar[PointwiseLoss]
    gamma_full: typing.ClassVar[PointwiseLoss]
    hinge: typing.ClassVar[PointwiseLoss]
    huber: typing.ClassVar[PointwiseLoss]
    log_cosh: typing.ClassVar[PointwiseLoss]
    mae: typing.ClassVar[PointwiseLoss]
    mse: typing.ClassVar[PointwiseLoss]
    pinball: typing.ClassVar[PointwiseLoss]
    poisson: typing.ClassVar[PointwiseLoss]
    poisson_full: typing.ClassVar[PointwiseLoss]
    poisson_log: typing.ClassVar[PointwiseLoss]
    poisson_log_full: typing.ClassVar[PointwiseLoss]
    @typing.overload
    def __eq__(self, other: PointwiseLoss) -> bool: ...
    @typing.overload
    def __eq__(self, other: typing.Any) -> bool: ...
    def __getstate__(self) -> int: ...
    def __hash__(self) -> int: ...
    def __index__(self) -> int: ...
    def __init__(self, value: typing.SupportsInt | typing.SupportsIndex) -> None: ...
    def __int__(self) -> int: ...
    @typing.overload
    def __ne__(self, other: PointwiseLoss) -> bool: ...
    @typing.overload
    def __ne__(self, other: typing.Any) -> bool: ...
    def __repr__(self) -> str: ...
    def __setstate__(self, state: typing.SupportsInt | typing.SupportsIndex) -> None: ...
    def __str__(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def value(self) -> int: ...

class DensityLoss:
    """
    Members:

      gaussian

      laplace
    """

    __members__: typing.ClassVar[dict[str, DensityLoss]]
    gaussian: typing.ClassVar[DensityLoss]
    laplace: typing.ClassVar[DensityLoss]
    @typing.overload
    def __eq__(self, other: DensityLoss) -> bool: ...
    @typing.overload
    def __eq__(self, other: typing.Any) -> bool: ...
    def __getstate__(self) -> int: ...
    def __hash__(self) -> int: ...
    def __index__(self) -> int: ...
    def __init__(self, value: typing.SupportsInt | typing.SupportsIndex) -> None: ...
    def __int__(self) -> int: ...
    @typing.overload
    def __ne__(self, other: DensityLoss) -> bool: ...
    @typing.overload
    def __ne__(self, other: typing.Any) -> bool: ...
    def __repr__(self) -> str: ...
    def __setstate__(self, state: typing.SupportsInt | typing.SupportsIndex) -> None: ...
    def __str__(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def value(self) -> int: ...

class RowInformation:
    """
    Members:

      entropy

      cross_entropy

      kl
    """

    __members__: typing.ClassVar[dict[str, RowInformation]]
    cross_entropy: typing.ClassVar[RowInformation]
    entropy: typing.ClassVar[RowInformation]
    kl: typing.ClassVar[RowInformation]
    @typing.overload
    def __eq__(self, other: RowInformation) -> bool: ...
    @typing.overload
    def __eq__(self, other: typing.Any) -> bool: ...
    def __getstate__(self) -> int: ...
    def __hash__(self) -> int: ...
    def __index__(self) -> int: ...
    def __init__(self, value: typing.SupportsInt | typing.SupportsIndex) -> None: ...
    def __int__(self) -> int: ...
    @typing.overload
    def __ne__(self, other: RowInformation) -> bool: ...
    @typing.overload
    def __ne__(self, other: typing.Any) -> bool: ...
    def __repr__(self) -> str: ...
    def __setstate__(self, state: typing.SupportsInt | typing.SupportsIndex) -> None: ...
    def __str__(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def value(self) -> int: ...

class Distribution:
    """
    Members:

      gaussian

      laplace

      bernoulli

      poisson

      exponential
    """

    __members__: typing.ClassVar[dict[str, Distribution]]
    bernoulli: typing.ClassVar[Distribution]
    exponential: typing.ClassVar[Distribution]
    gaussian: typing.ClassVar[Distribution]
    laplace: typing.ClassVar[Distribution]
    poisson: typing.ClassVar[Distribution]
    @typing.overload
    def __eq__(self, other: Distribution) -> bool: ...
    @typing.overload
    def __eq__(self, other: typing.Any) -> bool: ...
    def __getstate__(self) -> int: ...
    def __hash__(self) -> int: ...
    def __index__(self) -> int: ...
    def __init__(self, value: typing.SupportsInt | typing.SupportsIndex) -> None: ...
    def __int__(self) -> int: ...
    @typing.overload
    def __ne__(self, other: Distribution) -> bool: ...
    @typing.overload
    def __ne__(self, other: typing.Any) -> bool: ...
    def __repr__(self) -> str: ...
    def __setstate__(self, state: typing.SupportsInt | typing.SupportsIndex) -> None: ...
    def __str__(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def value(self) -> int: ...

class DropoutMode:
    """
    Members:

      inverted

      classic
    """

    __members__: typing.ClassVar[dict[str, DropoutMode]]
    classic: typing.ClassVar[DropoutMode]
    inverted: typing.ClassVar[DropoutMode]
    @typing.overload
    def __eq__(self, other: DropoutMode) -> bool: ...
    @typing.overload
    def __eq__(self, other: typing.Any) -> bool: ...
    def __getstate__(self) -> int: ...
    def __hash__(self) -> int: ...
    def __index__(self) -> int: ...
    def __init__(self, value: typing.SupportsInt | typing.SupportsIndex) -> None: ...
    def __int__(self) -> int: ...
    @typing.overload
    def __ne__(self, other: DropoutMode) -> bool: ...
    @typing.overload
    def __ne__(self, other: typing.Any) -> bool: ...
    def __repr__(self) -> str: ...
    def __setstate__(self, state: typing.SupportsInt | typing.SupportsIndex) -> None: ...
    def __str__(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def value(self) -> int: ...

class Penalty:
    """
    Members:

      l1

      l2

      elastic_net
    """

    __members__: typing.ClassVar[dict[str, Penalty]]
    elastic_net: typing.ClassVar[Penalty]
    l1: typing.ClassVar[Penalty]
    l2: typing.ClassVar[Penalty]
    @typing.overload
    def __eq__(self, other: Penalty) -> bool: ...
    @typing.overload
    def __eq__(self, other: typing.Any) -> bool: ...
    def __getstate__(self) -> int: ...
    def __hash__(self) -> int: ...
    def __index__(self) -> int: ...
    def __init__(self, value: typing.SupportsInt | typing.SupportsIndex) -> None: ...
    def __int__(self) -> int: ...
    @typing.overload
    def __ne__(self, other: Penalty) -> bool: ...
    @typing.overload
    def __ne__(self, other: typing.Any) -> bool: ...
    def __repr__(self) -> str: ...
    def __setstate__(self, state: typing.SupportsInt | typing.SupportsIndex) -> None: ...
    def __str__(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def value(self) -> int: ...

class Metric:
    """
    Members:

      l1

      l2

      linf

      lp
    """

    __members__: typing.ClassVar[dict[str, Metric]]
    l1: typing.ClassVar[Metric]
    l2: typing.ClassVar[Metric]
    linf: typing.ClassVar[Metric]
    lp: typing.ClassVar[Metric]
    @typing.overload
    def __eq__(self, other: Metric) -> bool: ...
    @typing.overload
    def __eq__(self, other: typing.Any) -> bool: ...
    def __getstate__(self) -> int: ...
    def __hash__(self) -> int: ...
    def __index__(self) -> int: ...
    def __init__(self, value: typing.SupportsInt | typing.SupportsIndex) -> None: ...
    def __int__(self) -> int: ...
    @typing.overload
    def __ne__(self, other: Metric) -> bool: ...
    @typing.overload
    def __ne__(self, other: typing.Any) -> bool: ...
    def __repr__(self) -> str: ...
    def __setstate__(self, state: typing.SupportsInt | typing.SupportsIndex) -> None: ...
    def __str__(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def value(self) -> int: ...

class TapeFloat32:
    def pullback(
        self, dy: numpy.typing.NDArray[numpy.float32]
    ) -> tuple[numpy.typing.NDArray[numpy.float32], numpy.typing.NDArray[numpy.float32]]: ...
    @property
    def output(self) -> numpy.typing.NDArray[numpy.float32]: ...

class NetworkFloat32:
    def __init__(self, spec: str, hosts: list[typing.Any]) -> None: ...
    def apply_gradients(
        self,
        gradients: numpy.typing.NDArray[numpy.float32],
        lr: typing.SupportsFloat | typing.SupportsIndex,
        weight: typing.SupportsFloat | typing.SupportsIndex | None = None,
    ) -> float: ...
    def commit(self) -> None: ...
    def epoch(
        self,
        x: numpy.ndarray,
        y: typing.Any,
        weights: typing.Any,
        order: numpy.typing.NDArray[numpy.int64],
        batch_size: typing.SupportsInt | typing.SupportsIndex,
        lr: numpy.typing.NDArray[numpy.float64],
        drop_last: bool = False,
        outputs: numpy.typing.NDArray[numpy.float32] | None = None,
        stop_on_divergence: bool = True,
        accumulate: typing.SupportsInt | typing.SupportsIndex = 1,
    ) -> dict[str, typing.Any]: ...
    def forward(
        self, x: numpy.typing.NDArray[numpy.float32], training: bool = False, track: bool = False
    ) -> numpy.typing.NDArray[numpy.float32]: ...
    def gradient(
        self,
        x: numpy.typing.NDArray[numpy.float32],
        y: typing.Any,
        weights: typing.Any,
        training: bool = True,
        track: bool = False,
    ) -> tuple[float, float]: ...
    def hidden(
        self, x: numpy.typing.NDArray[numpy.float32], layer: str, training: bool = False
    ) -> numpy.typing.NDArray[numpy.float32]: ...
    def loss(
        self,
        x: numpy.typing.NDArray[numpy.float32],
        y: typing.Any,
        weights: typing.Any,
        training: bool = False,
        outputs: numpy.typing.NDArray[numpy.float32] | None = None,
        head_losses: numpy.typing.NDArray[numpy.float64] | None = None,
    ) -> tuple[float, float]: ...
    def loss_and_gradients(
        self,
        x: numpy.typing.NDArray[numpy.float32],
        y: typing.Any,
        weights: typing.Any,
        outputs: numpy.typing.NDArray[numpy.float32] | None = None,
        head_losses: numpy.typing.NDArray[numpy.float64] | None = None,
    ) -> tuple[float, numpy.typing.NDArray[numpy.float32], str | None]: ...
    def set_statistics(self, x: numpy.typing.NDArray[numpy.float32]) -> None: ...
    def snapshot(
        self, states: bool = True
    ) -> tuple[
        numpy.typing.NDArray[numpy.float32],
        numpy.typing.NDArray[numpy.float32],
        list[numpy.typing.NDArray[numpy.float32]],
        int,
    ]: ...
    def step_on(
        self,
        x: numpy.typing.NDArray[numpy.float32],
        y: typing.Any,
        weights: typing.Any,
        lr: typing.SupportsFloat | typing.SupportsIndex,
    ) -> tuple[float, float]: ...
    def tape(
        self, x: numpy.typing.NDArray[numpy.float32], training: bool = False, track: bool = False
    ) -> TapeFloat32: ...
    @property
    def gradients(self) -> numpy.typing.NDArray[numpy.float32]: ...
    @property
    def inputs(self) -> int: ...
    @property
    def outputs(self) -> int: ...
    @property
    def parameters(self) -> numpy.typing.NDArray[numpy.float32]: ...
    @property
    def pending(self) -> numpy.typing.NDArray[numpy.float32] | None: ...
    @pending.setter
    def pending(self, arg1: typing.Annotated[numpy.typing.ArrayLike, numpy.float32] | None) -> None: ...
    @property
    def segments(self) -> list[dict[str, typing.Any]]: ...
    @property
    def states(self) -> list[numpy.typing.NDArray[numpy.float32]]: ...
    @property
    def statistics(self) -> numpy.typing.NDArray[numpy.float32]: ...
    @property
    def step(self) -> int: ...
    @step.setter
    def step(self, arg1: typing.SupportsInt | typing.SupportsIndex) -> None: ...

class TapeFloat64:
    def pullback(
        self, dy: numpy.typing.NDArray[numpy.float64]
    ) -> tuple[numpy.typing.NDArray[numpy.float64], numpy.typing.NDArray[numpy.float64]]: ...
    @property
    def output(self) -> numpy.typing.NDArray[numpy.float64]: ...

class NetworkFloat64:
    def __init__(self, spec: str, hosts: list[typing.Any]) -> None: ...
    def apply_gradients(
        self,
        gradients: numpy.typing.NDArray[numpy.float64],
        lr: typing.SupportsFloat | typing.SupportsIndex,
        weight: typing.SupportsFloat | typing.SupportsIndex | None = None,
    ) -> float: ...
    def commit(self) -> None: ...
    def epoch(
        self,
        x: numpy.ndarray,
        y: typing.Any,
        weights: typing.Any,
        order: numpy.typing.NDArray[numpy.int64],
        batch_size: typing.SupportsInt | typing.SupportsIndex,
        lr: numpy.typing.NDArray[numpy.float64],
        drop_last: bool = False,
        outputs: numpy.typing.NDArray[numpy.float64] | None = None,
        stop_on_divergence: bool = True,
        accumulate: typing.SupportsInt | typing.SupportsIndex = 1,
    ) -> dict[str, typing.Any]: ...
    def forward(
        self, x: numpy.typing.NDArray[numpy.float64], training: bool = False, track: bool = False
    ) -> numpy.typing.NDArray[numpy.float64]: ...
    def gradient(
        self,
        x: numpy.typing.NDArray[numpy.float64],
        y: typing.Any,
        weights: typing.Any,
        training: bool = True,
        track: bool = False,
    ) -> tuple[float, float]: ...
    def hidden(
        self, x: numpy.typing.NDArray[numpy.float64], layer: str, training: bool = False
    ) -> numpy.typing.NDArray[numpy.float64]: ...
    def loss(
        self,
        x: numpy.typing.NDArray[numpy.float64],
        y: typing.Any,
        weights: typing.Any,
        training: bool = False,
        outputs: numpy.typing.NDArray[numpy.float64] | None = None,
        head_losses: numpy.typing.NDArray[numpy.float64] | None = None,
    ) -> tuple[float, float]: ...
    def loss_and_gradients(
        self,
        x: numpy.typing.NDArray[numpy.float64],
        y: typing.Any,
        weights: typing.Any,
        outputs: numpy.typing.NDArray[numpy.float64] | None = None,
        head_losses: numpy.typing.NDArray[numpy.float64] | None = None,
    ) -> tuple[float, numpy.typing.NDArray[numpy.float64], str | None]: ...
    def set_statistics(self, x: numpy.typing.NDArray[numpy.float64]) -> None: ...
    def snapshot(
        self, states: bool = True
    ) -> tuple[
        numpy.typing.NDArray[numpy.float64],
        numpy.typing.NDArray[numpy.float64],
        list[numpy.typing.NDArray[numpy.float64]],
        int,
    ]: ...
    def step_on(
        self,
        x: numpy.typing.NDArray[numpy.float64],
        y: typing.Any,
        weights: typing.Any,
        lr: typing.SupportsFloat | typing.SupportsIndex,
    ) -> tuple[float, float]: ...
    def tape(
        self, x: numpy.typing.NDArray[numpy.float64], training: bool = False, track: bool = False
    ) -> TapeFloat64: ...
    @property
    def gradients(self) -> numpy.typing.NDArray[numpy.float64]: ...
    @property
    def inputs(self) -> int: ...
    @property
    def outputs(self) -> int: ...
    @property
    def parameters(self) -> numpy.typing.NDArray[numpy.float64]: ...
    @property
    def pending(self) -> numpy.typing.NDArray[numpy.float64] | None: ...
    @pending.setter
    def pending(self, arg1: typing.Annotated[numpy.typing.ArrayLike, numpy.float64] | None) -> None: ...
    @property
    def segments(self) -> list[dict[str, typing.Any]]: ...
    @property
    def states(self) -> list[numpy.typing.NDArray[numpy.float64]]: ...
    @property
    def statistics(self) -> numpy.typing.NDArray[numpy.float64]: ...
    @property
    def step(self) -> int: ...
    @step.setter
    def step(self, arg1: typing.SupportsInt | typing.SupportsIndex) -> None: ...

@typing.overload
def activation_backward(
    kind: Activation,
    dy: numpy.typing.NDArray[numpy.float32],
    saved: numpy.typing.NDArray[numpy.float32],
    dz: numpy.typing.NDArray[numpy.float32],
    parameter: typing.SupportsFloat | typing.SupportsIndex,
) -> None: ...
@typing.overload
def activation_backward(
    kind: Activation,
    dy: numpy.typing.NDArray[numpy.float64],
    saved: numpy.typing.NDArray[numpy.float64],
    dz: numpy.typing.NDArray[numpy.float64],
    parameter: typing.SupportsFloat | typing.SupportsIndex,
) -> None: ...
@typing.overload
def activation_forward(
    kind: Activation,
    z: numpy.typing.NDArray[numpy.float32],
    y: numpy.typing.NDArray[numpy.float32],
    parameter: typing.SupportsFloat | typing.SupportsIndex,
) -> None: ...
@typing.overload
def activation_forward(
    kind: Activation,
    z: numpy.typing.NDArray[numpy.float64],
    y: numpy.typing.NDArray[numpy.float64],
    parameter: typing.SupportsFloat | typing.SupportsIndex,
) -> None: ...
def active_level() -> str: ...
def adadelta_numbers(
    arg0: typing.SupportsFloat | typing.SupportsIndex,
    arg1: typing.SupportsFloat | typing.SupportsIndex,
    arg2: bool,
    arg3: typing.SupportsFloat | typing.SupportsIndex,
    arg4: typing.SupportsFloat | typing.SupportsIndex,
) -> StepNumbers: ...
def adagrad_numbers(
    arg0: typing.SupportsFloat | typing.SupportsIndex,
    arg1: typing.SupportsFloat | typing.SupportsIndex,
    arg2: bool,
    arg3: typing.SupportsFloat | typing.SupportsIndex,
) -> StepNumbers: ...
def adam_numbers(
    arg0: typing.SupportsFloat | typing.SupportsIndex,
    arg1: typing.SupportsFloat | typing.SupportsIndex,
    arg2: bool,
    arg3: typing.SupportsFloat | typing.SupportsIndex,
    arg4: typing.SupportsFloat | typing.SupportsIndex,
    arg5: typing.SupportsFloat | typing.SupportsIndex,
    arg6: typing.SupportsFloat | typing.SupportsIndex,
) -> StepNumbers: ...
def adamax_numbers(
    arg0: typing.SupportsFloat | typing.SupportsIndex,
    arg1: typing.SupportsFloat | typing.SupportsIndex,
    arg2: bool,
    arg3: typing.SupportsFloat | typing.SupportsIndex,
    arg4: typing.SupportsFloat | typing.SupportsIndex,
    arg5: typing.SupportsFloat | typing.SupportsIndex,
    arg6: typing.SupportsFloat | typing.SupportsIndex,
) -> StepNumbers: ...
@typing.overload
def batch_norm(
    x: numpy.typing.NDArray[numpy.float32],
    gamma: numpy.typing.NDArray[numpy.float32] | None,
    beta: numpy.typing.NDArray[numpy.float32] | None,
    eps: typing.SupportsFloat | typing.SupportsIndex,
    running_mean: numpy.typing.NDArray[numpy.float32] | None,
    running_var: numpy.typing.NDArray[numpy.float32] | None,
    decay: typing.SupportsFloat | typing.SupportsIndex,
    unbiased: bool,
    saved: numpy.typing.NDArray[numpy.float64],
    y: numpy.typing.NDArray[numpy.float32],
) -> None: ...
@typing.overload
def batch_norm(
    x: numpy.typing.NDArray[numpy.float64],
    gamma: numpy.typing.NDArray[numpy.float64] | None,
    beta: numpy.typing.NDArray[numpy.float64] | None,
    eps: typing.SupportsFloat | typing.SupportsIndex,
    running_mean: numpy.typing.NDArray[numpy.float64] | None,
    running_var: numpy.typing.NDArray[numpy.float64] | None,
    decay: typing.SupportsFloat | typing.SupportsIndex,
    unbiased: bool,
    saved: numpy.typing.NDArray[numpy.float64],
    y: numpy.typing.NDArray[numpy.float64],
) -> None: ...
@typing.overload
def batch_norm_backward(
    dy: numpy.typing.NDArray[numpy.float32],
    x: numpy.typing.NDArray[numpy.float32],
    saved: numpy.typing.NDArray[numpy.float64],
    gamma: numpy.typing.NDArray[numpy.float32] | None,
    training: bool,
    dx: numpy.typing.NDArray[numpy.float32],
    dgamma: numpy.typing.NDArray[numpy.float32],
    dbeta: numpy.typing.NDArray[numpy.float32],
) -> None: ...
@typing.overload
def batch_norm_backward(
    dy: numpy.typing.NDArray[numpy.float64],
    x: numpy.typing.NDArray[numpy.float64],
    saved: numpy.typing.NDArray[numpy.float64],
    gamma: numpy.typing.NDArray[numpy.float64] | None,
    training: bool,
    dx: numpy.typing.NDArray[numpy.float64],
    dgamma: numpy.typing.NDArray[numpy.float64],
    dbeta: numpy.typing.NDArray[numpy.float64],
) -> None: ...
@typing.overload
def categorical_log_likelihood(
    counts: numpy.typing.NDArray[numpy.float64],
    p: numpy.typing.NDArray[numpy.float64],
    y: numpy.typing.NDArray[numpy.float32],
    exponential: bool,
) -> None: ...
@typing.overload
def categorical_log_likelihood(
    counts: numpy.typing.NDArray[numpy.float64],
    p: numpy.typing.NDArray[numpy.float64],
    y: numpy.typing.NDArray[numpy.float64],
    exponential: bool,
) -> None: ...
@typing.overload
def channel_moments(x: numpy.typing.NDArray[numpy.float32], moments: numpy.typing.NDArray[numpy.float64]) -> None: ...
@typing.overload
def channel_moments(x: numpy.typing.NDArray[numpy.float64], moments: numpy.typing.NDArray[numpy.float64]) -> None: ...
@typing.overload
def channel_range(
    x: numpy.typing.NDArray[numpy.float32],
    low: numpy.typing.NDArray[numpy.float32],
    high: numpy.typing.NDArray[numpy.float32],
) -> None: ...
@typing.overload
def channel_range(
    x: numpy.typing.NDArray[numpy.float64],
    low: numpy.typing.NDArray[numpy.float64],
    high: numpy.typing.NDArray[numpy.float64],
) -> None: ...
@typing.overload
def clamp(
    y: numpy.typing.NDArray[numpy.float32],
    low: typing.SupportsFloat | typing.SupportsIndex,
    high: typing.SupportsFloat | typing.SupportsIndex,
) -> None: ...
@typing.overload
def clamp(
    y: numpy.typing.NDArray[numpy.float64],
    low: typing.SupportsFloat | typing.SupportsIndex,
    high: typing.SupportsFloat | typing.SupportsIndex,
) -> None: ...
@typing.overload
def clip(
    x: numpy.typing.NDArray[numpy.float32],
    y: numpy.typing.NDArray[numpy.float32],
    low: typing.SupportsFloat | typing.SupportsIndex,
    high: typing.SupportsFloat | typing.SupportsIndex,
) -> None: ...
@typing.overload
def clip(
    x: numpy.typing.NDArray[numpy.float64],
    y: numpy.typing.NDArray[numpy.float64],
    low: typing.SupportsFloat | typing.SupportsIndex,
    high: typing.SupportsFloat | typing.SupportsIndex,
) -> None: ...
@typing.overload
def dense(
    x: numpy.typing.NDArray[numpy.float32],
    w: numpy.typing.NDArray[numpy.float32],
    b: numpy.typing.NDArray[numpy.float32] | None,
    activation: Activation,
    parameter: typing.SupportsFloat | typing.SupportsIndex,
    y: numpy.typing.NDArray[numpy.float32],
    saved: numpy.typing.NDArray[numpy.float32] | None,
    bfloat16s: typing.SupportsInt | typing.SupportsIndex = 0,
) -> None: ...
@typing.overload
def dense(
    x: numpy.typing.NDArray[numpy.float64],
    w: numpy.typing.NDArray[numpy.float64],
    b: numpy.typing.NDArray[numpy.float64] | None,
    activation: Activation,
    parameter: typing.SupportsFloat | typing.SupportsIndex,
    y: numpy.typing.NDArray[numpy.float64],
    saved: numpy.typing.NDArray[numpy.float64] | None,
    bfloat16s: typing.SupportsInt | typing.SupportsIndex = 0,
) -> None: ...
@typing.overload
def dense_backward(
    dz: numpy.typing.NDArray[numpy.float32],
    x: numpy.typing.NDArray[numpy.float32],
    w: numpy.typing.NDArray[numpy.float32],
    dx: numpy.typing.NDArray[numpy.float32],
    dw: numpy.typing.NDArray[numpy.float32],
    db: numpy.typing.NDArray[numpy.float32],
) -> None: ...
@typing.overload
def dense_backward(
    dz: numpy.typing.NDArray[numpy.float64],
    x: numpy.typing.NDArray[numpy.float64],
    w: numpy.typing.NDArray[numpy.float64],
    dx: numpy.typing.NDArray[numpy.float64],
    dw: numpy.typing.NDArray[numpy.float64],
    db: numpy.typing.NDArray[numpy.float64],
) -> None: ...
@typing.overload
def density_loss(
    kind: DensityLoss,
    pred: numpy.typing.NDArray[numpy.float32],
    target: numpy.typing.NDArray[numpy.float32],
    sample_weight: numpy.typing.NDArray[numpy.float64] | None,
    reduction: Reduction,
    constant: typing.SupportsFloat | typing.SupportsIndex,
    losses: numpy.typing.NDArray[numpy.float32] | None,
    gradient: numpy.typing.NDArray[numpy.float32],
) -> float: ...
@typing.overload
def density_loss(
    kind: DensityLoss,
    pred: numpy.typing.NDArray[numpy.float64],
    target: numpy.typing.NDArray[numpy.float64],
    sample_weight: numpy.typing.NDArray[numpy.float64] | None,
    reduction: Reduction,
    constant: typing.SupportsFloat | typing.SupportsIndex,
    losses: numpy.typing.NDArray[numpy.float64] | None,
    gradient: numpy.typing.NDArray[numpy.float64],
) -> float: ...
@typing.overload
def distances(
    x: numpy.typing.NDArray[numpy.float32],
    y: numpy.typing.NDArray[numpy.float32],
    metric: Metric,
    p: typing.SupportsFloat | typing.SupportsIndex,
    precise: bool,
    out: numpy.typing.NDArray[numpy.float32],
) -> None: ...
@typing.overload
def distances(
    x: numpy.typing.NDArray[numpy.float64],
    y: numpy.typing.NDArray[numpy.float64],
    metric: Metric,
    p: typing.SupportsFloat | typing.SupportsIndex,
    precise: bool,
    out: numpy.typing.NDArray[numpy.float64],
) -> None: ...
@typing.overload
def dropout(
    x: numpy.typing.NDArray[numpy.float32],
    y: numpy.typing.NDArray[numpy.float32],
    rate: typing.SupportsFloat | typing.SupportsIndex,
    mode: DropoutMode,
    training: bool,
    seed: typing.SupportsInt | typing.SupportsIndex,
    step: typing.SupportsInt | typing.SupportsIndex,
    layer: typing.SupportsInt | typing.SupportsIndex,
    first: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
@typing.overload
def dropout(
    x: numpy.typing.NDArray[numpy.float64],
    y: numpy.typing.NDArray[numpy.float64],
    rate: typing.SupportsFloat | typing.SupportsIndex,
    mode: DropoutMode,
    training: bool,
    seed: typing.SupportsInt | typing.SupportsIndex,
    step: typing.SupportsInt | typing.SupportsIndex,
    layer: typing.SupportsInt | typing.SupportsIndex,
    first: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
def dropout_mask(
    rate: typing.SupportsFloat | typing.SupportsIndex,
    seed: typing.SupportsInt | typing.SupportsIndex,
    step: typing.SupportsInt | typing.SupportsIndex,
    layer: typing.SupportsInt | typing.SupportsIndex,
    first: typing.SupportsInt | typing.SupportsIndex,
    kept: numpy.typing.NDArray[numpy.bool],
) -> None: ...
@typing.overload
def gaussian_noise(
    x: numpy.typing.NDArray[numpy.float32],
    y: numpy.typing.NDArray[numpy.float32],
    std: typing.SupportsFloat | typing.SupportsIndex,
    training: bool,
    seed: typing.SupportsInt | typing.SupportsIndex,
    step: typing.SupportsInt | typing.SupportsIndex,
    layer: typing.SupportsInt | typing.SupportsIndex,
    first: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
@typing.overload
def gaussian_noise(
    x: numpy.typing.NDArray[numpy.float64],
    y: numpy.typing.NDArray[numpy.float64],
    std: typing.SupportsFloat | typing.SupportsIndex,
    training: bool,
    seed: typing.SupportsInt | typing.SupportsIndex,
    step: typing.SupportsInt | typing.SupportsIndex,
    layer: typing.SupportsInt | typing.SupportsIndex,
    first: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
def has_bfloat16(parts: typing.SupportsInt | typing.SupportsIndex = 1) -> bool: ...
@typing.overload
def information(
    kind: RowInformation,
    p: numpy.typing.NDArray[numpy.float32],
    q: numpy.typing.NDArray[numpy.float32] | None,
    y: numpy.typing.NDArray[numpy.float32],
    factor: typing.SupportsFloat | typing.SupportsIndex,
    exponential: bool,
) -> None: ...
@typing.overload
def information(
    kind: RowInformation,
    p: numpy.typing.NDArray[numpy.float64],
    q: numpy.typing.NDArray[numpy.float64] | None,
    y: numpy.typing.NDArray[numpy.float64],
    factor: typing.SupportsFloat | typing.SupportsIndex,
    exponential: bool,
) -> None: ...
@typing.overload
def initialize(
    initializer: dict[str, typing.Any],
    seed: typing.SupportsInt | typing.SupportsIndex,
    segment: typing.SupportsInt | typing.SupportsIndex,
    fan_in: typing.SupportsFloat | typing.SupportsIndex,
    fan_out: typing.SupportsFloat | typing.SupportsIndex,
    out: numpy.typing.NDArray[numpy.float32],
) -> None: ...
@typing.overload
def initialize(
    initializer: dict[str, typing.Any],
    seed: typing.SupportsInt | typing.SupportsIndex,
    segment: typing.SupportsInt | typing.SupportsIndex,
    fan_in: typing.SupportsFloat | typing.SupportsIndex,
    fan_out: typing.SupportsFloat | typing.SupportsIndex,
    out: numpy.typing.NDArray[numpy.float64],
) -> None: ...
def kinds() -> dict[str, typing.Any]: ...
@typing.overload
def kl_divergence(
    pred: numpy.typing.NDArray[numpy.float32],
    target: numpy.typing.NDArray[numpy.float32],
    sample_weight: numpy.typing.NDArray[numpy.float64] | None,
    log_input: bool,
    reduction: Reduction,
    losses: numpy.typing.NDArray[numpy.float64],
    gradient: numpy.typing.NDArray[numpy.float32],
) -> float: ...
@typing.overload
def kl_divergence(
    pred: numpy.typing.NDArray[numpy.float64],
    target: numpy.typing.NDArray[numpy.float64],
    sample_weight: numpy.typing.NDArray[numpy.float64] | None,
    log_input: bool,
    reduction: Reduction,
    losses: numpy.typing.NDArray[numpy.float64],
    gradient: numpy.typing.NDArray[numpy.float64],
) -> float: ...
def last_workers() -> int: ...
@typing.overload
def layer_norm(
    x: numpy.typing.NDArray[numpy.float32],
    eps: typing.SupportsFloat | typing.SupportsIndex,
    gamma: numpy.typing.NDArray[numpy.float32] | None,
    beta: numpy.typing.NDArray[numpy.float32] | None,
    saved: numpy.typing.NDArray[numpy.float64],
    y: numpy.typing.NDArray[numpy.float32],
) -> None: ...
@typing.overload
def layer_norm(
    x: numpy.typing.NDArray[numpy.float64],
    eps: typing.SupportsFloat | typing.SupportsIndex,
    gamma: numpy.typing.NDArray[numpy.float64] | None,
    beta: numpy.typing.NDArray[numpy.float64] | None,
    saved: numpy.typing.NDArray[numpy.float64],
    y: numpy.typing.NDArray[numpy.float64],
) -> None: ...
@typing.overload
def layer_norm_backward(
    dy: numpy.typing.NDArray[numpy.float32],
    x: numpy.typing.NDArray[numpy.float32],
    saved: numpy.typing.NDArray[numpy.float64],
    gamma: numpy.typing.NDArray[numpy.float32] | None,
    dx: numpy.typing.NDArray[numpy.float32],
    dgamma: numpy.typing.NDArray[numpy.float32],
    dbeta: numpy.typing.NDArray[numpy.float32],
) -> None: ...
@typing.overload
def layer_norm_backward(
    dy: numpy.typing.NDArray[numpy.float64],
    x: numpy.typing.NDArray[numpy.float64],
    saved: numpy.typing.NDArray[numpy.float64],
    gamma: numpy.typing.NDArray[numpy.float64] | None,
    dx: numpy.typing.NDArray[numpy.float64],
    dgamma: numpy.typing.NDArray[numpy.float64],
    dbeta: numpy.typing.NDArray[numpy.float64],
) -> None: ...
def levels() -> list[tuple[str, bool]]: ...
def lion_numbers(
    arg0: typing.SupportsFloat | typing.SupportsIndex,
    arg1: typing.SupportsFloat | typing.SupportsIndex,
    arg2: bool,
    arg3: typing.SupportsFloat | typing.SupportsIndex,
    arg4: typing.SupportsFloat | typing.SupportsIndex,
) -> StepNumbers: ...
@typing.overload
def log_gamma(x: numpy.typing.NDArray[numpy.float32], y: numpy.typing.NDArray[numpy.float32]) -> None: ...
@typing.overload
def log_gamma(x: numpy.typing.NDArray[numpy.float64], y: numpy.typing.NDArray[numpy.float64]) -> None: ...
@typing.overload
def log_likelihood(
    kind: Distribution,
    x: numpy.typing.NDArray[numpy.float32],
    a: numpy.typing.NDArray[numpy.float64],
    b: numpy.typing.NDArray[numpy.float64],
    y: numpy.typing.NDArray[numpy.float32],
    exponential: bool,
) -> None: ...
@typing.overload
def log_likelihood(
    kind: Distribution,
    x: numpy.typing.NDArray[numpy.float64],
    a: numpy.typing.NDArray[numpy.float64],
    b: numpy.typing.NDArray[numpy.float64],
    y: numpy.typing.NDArray[numpy.float64],
    exponential: bool,
) -> None: ...
@typing.overload
def math(name: str, x: numpy.typing.NDArray[numpy.float32], y: numpy.typing.NDArray[numpy.float32]) -> None: ...
@typing.overload
def math(name: str, x: numpy.typing.NDArray[numpy.float64], y: numpy.typing.NDArray[numpy.float64]) -> None: ...
def momentum_numbers(
    arg0: typing.SupportsFloat | typing.SupportsIndex,
    arg1: typing.SupportsFloat | typing.SupportsIndex,
    arg2: bool,
    arg3: typing.SupportsFloat | typing.SupportsIndex,
    arg4: typing.SupportsFloat | typing.SupportsIndex,
) -> StepNumbers: ...
@typing.overload
def multiclass_hinge(
    scores: numpy.typing.NDArray[numpy.float32],
    labels: numpy.typing.NDArray[numpy.int64],
    sample_weight: numpy.typing.NDArray[numpy.float64] | None,
    margin: typing.SupportsFloat | typing.SupportsIndex,
    reduction: Reduction,
    losses: numpy.typing.NDArray[numpy.float64],
    gradient: numpy.typing.NDArray[numpy.float32],
) -> float: ...
@typing.overload
def multiclass_hinge(
    scores: numpy.typing.NDArray[numpy.float64],
    labels: numpy.typing.NDArray[numpy.int64],
    sample_weight: numpy.typing.NDArray[numpy.float64] | None,
    margin: typing.SupportsFloat | typing.SupportsIndex,
    reduction: Reduction,
    losses: numpy.typing.NDArray[numpy.float64],
    gradient: numpy.typing.NDArray[numpy.float64],
) -> float: ...
def nadam_numbers(
    arg0: typing.SupportsFloat | typing.SupportsIndex,
    arg1: typing.SupportsFloat | typing.SupportsIndex,
    arg2: bool,
    arg3: typing.SupportsFloat | typing.SupportsIndex,
    arg4: typing.SupportsFloat | typing.SupportsIndex,
    arg5: typing.SupportsFloat | typing.SupportsIndex,
    arg6: typing.SupportsFloat | typing.SupportsIndex,
    arg7: typing.SupportsFloat | typing.SupportsIndex,
) -> StepNumbers: ...
def nesterov_numbers(
    arg0: typing.SupportsFloat | typing.SupportsIndex,
    arg1: typing.SupportsFloat | typing.SupportsIndex,
    arg2: bool,
    arg3: typing.SupportsFloat | typing.SupportsIndex,
) -> StepNumbers: ...
@typing.overload
def nll(
    log_p: numpy.typing.NDArray[numpy.float32],
    labels: numpy.typing.NDArray[numpy.int64] | None,
    soft: numpy.typing.NDArray[numpy.float32] | None,
    sample_weight: numpy.typing.NDArray[numpy.float64] | None,
    class_weight: numpy.typing.NDArray[numpy.float64] | None,
    ignore_index: typing.SupportsInt | typing.SupportsIndex | None,
    reduction: Reduction,
    losses: numpy.typing.NDArray[numpy.float64],
    gradient: numpy.typing.NDArray[numpy.float32],
) -> float: ...
@typing.overload
def nll(
    log_p: numpy.typing.NDArray[numpy.float64],
    labels: numpy.typing.NDArray[numpy.int64] | None,
    soft: numpy.typing.NDArray[numpy.float64] | None,
    sample_weight: numpy.typing.NDArray[numpy.float64] | None,
    class_weight: numpy.typing.NDArray[numpy.float64] | None,
    ignore_index: typing.SupportsInt | typing.SupportsIndex | None,
    reduction: Reduction,
    losses: numpy.typing.NDArray[numpy.float64],
    gradient: numpy.typing.NDArray[numpy.float64],
) -> float: ...
@typing.overload
def normalize(
    x: numpy.typing.NDArray[numpy.float32],
    mean: numpy.typing.NDArray[numpy.float64],
    inverse: numpy.typing.NDArray[numpy.float64],
    gamma: numpy.typing.NDArray[numpy.float32] | None,
    beta: numpy.typing.NDArray[numpy.float32] | None,
    y: numpy.typing.NDArray[numpy.float32],
) -> None: ...
@typing.overload
def normalize(
    x: numpy.typing.NDArray[numpy.float64],
    mean: numpy.typing.NDArray[numpy.float64],
    inverse: numpy.typing.NDArray[numpy.float64],
    gamma: numpy.typing.NDArray[numpy.float64] | None,
    beta: numpy.typing.NDArray[numpy.float64] | None,
    y: numpy.typing.NDArray[numpy.float64],
) -> None: ...
def normalize_spec(text: str) -> str: ...
@typing.overload
def optimizer_update(
    rule: Optimizer,
    p: numpy.typing.NDArray[numpy.float32],
    g: numpy.typing.NDArray[numpy.float32],
    states: list[numpy.typing.NDArray[numpy.float32]],
    numbers: StepNumbers,
) -> None: ...
@typing.overload
def optimizer_update(
    rule: Optimizer,
    p: numpy.typing.NDArray[numpy.float64],
    g: numpy.typing.NDArray[numpy.float64],
    states: list[numpy.typing.NDArray[numpy.float64]],
    numbers: StepNumbers,
) -> None: ...
@typing.overload
def penalty(
    kind: Penalty,
    w: numpy.typing.NDArray[numpy.float32],
    gradient: numpy.typing.NDArray[numpy.float32],
    l1: typing.SupportsFloat | typing.SupportsIndex,
    l2: typing.SupportsFloat | typing.SupportsIndex,
) -> float: ...
@typing.overload
def penalty(
    kind: Penalty,
    w: numpy.typing.NDArray[numpy.float64],
    gradient: numpy.typing.NDArray[numpy.float64],
    l1: typing.SupportsFloat | typing.SupportsIndex,
    l2: typing.SupportsFloat | typing.SupportsIndex,
) -> float: ...
def philox(
    counter: typing.Annotated[collections.abc.Sequence[typing.SupportsInt | typing.SupportsIndex], "FixedSize(4)"],
    key: typing.Annotated[collections.abc.Sequence[typing.SupportsInt | typing.SupportsIndex], "FixedSize(2)"],
    blocks: typing.SupportsInt | typing.SupportsIndex = 1,
) -> numpy.typing.NDArray[numpy.uint32]: ...
def plain_dense(
    x: typing.Any,
    w: typing.Any,
    b: typing.Any,
    activation: Activation,
    parameter: typing.SupportsFloat | typing.SupportsIndex,
    out: typing.Any,
) -> typing.Any:
    """
    y of arrays that need no conversion, or None: then the long way must look at them.
    """

@typing.overload
def pointwise_loss(
    kind: PointwiseLoss,
    pred: numpy.typing.NDArray[numpy.float32],
    target: numpy.typing.NDArray[numpy.float32],
    sample_weight: numpy.typing.NDArray[numpy.float64] | None,
    reduction: Reduction,
    a: typing.SupportsFloat | typing.SupportsIndex,
    b: typing.SupportsFloat | typing.SupportsIndex,
    losses: numpy.typing.NDArray[numpy.float32] | None,
    gradient: numpy.typing.NDArray[numpy.float32],
) -> float: ...
@typing.overload
def pointwise_loss(
    kind: PointwiseLoss,
    pred: numpy.typing.NDArray[numpy.float64],
    target: numpy.typing.NDArray[numpy.float64],
    sample_weight: numpy.typing.NDArray[numpy.float64] | None,
    reduction: Reduction,
    a: typing.SupportsFloat | typing.SupportsIndex,
    b: typing.SupportsFloat | typing.SupportsIndex,
    losses: numpy.typing.NDArray[numpy.float64] | None,
    gradient: numpy.typing.NDArray[numpy.float64],
) -> float: ...
@typing.overload
def prelu(
    x: numpy.typing.NDArray[numpy.float32],
    alpha: numpy.typing.NDArray[numpy.float32],
    shared: bool,
    y: numpy.typing.NDArray[numpy.float32],
) -> None: ...
@typing.overload
def prelu(
    x: numpy.typing.NDArray[numpy.float64],
    alpha: numpy.typing.NDArray[numpy.float64],
    shared: bool,
    y: numpy.typing.NDArray[numpy.float64],
) -> None: ...
@typing.overload
def prelu_backward(
    dy: numpy.typing.NDArray[numpy.float32],
    x: numpy.typing.NDArray[numpy.float32],
    alpha: numpy.typing.NDArray[numpy.float32],
    shared: bool,
    dx: numpy.typing.NDArray[numpy.float32],
    dalpha: numpy.typing.NDArray[numpy.float32],
) -> None: ...
@typing.overload
def prelu_backward(
    dy: numpy.typing.NDArray[numpy.float64],
    x: numpy.typing.NDArray[numpy.float64],
    alpha: numpy.typing.NDArray[numpy.float64],
    shared: bool,
    dx: numpy.typing.NDArray[numpy.float64],
    dalpha: numpy.typing.NDArray[numpy.float64],
) -> None: ...
def ready(read: tuple[typing.Any, ...], written: tuple[typing.Any, ...]) -> bool:
    """
    Whether all arrays are alike and as the kernels want them; False says nothing.
    """

@typing.overload
def rmse(
    pred: numpy.typing.NDArray[numpy.float32],
    target: numpy.typing.NDArray[numpy.float32],
    sample_weight: numpy.typing.NDArray[numpy.float64] | None,
    reduction: Reduction,
    gradient: numpy.typing.NDArray[numpy.float32],
) -> float: ...
@typing.overload
def rmse(
    pred: numpy.typing.NDArray[numpy.float64],
    target: numpy.typing.NDArray[numpy.float64],
    sample_weight: numpy.typing.NDArray[numpy.float64] | None,
    reduction: Reduction,
    gradient: numpy.typing.NDArray[numpy.float64],
) -> float: ...
def rmsprop_numbers(
    arg0: typing.SupportsFloat | typing.SupportsIndex,
    arg1: typing.SupportsFloat | typing.SupportsIndex,
    arg2: bool,
    arg3: typing.SupportsFloat | typing.SupportsIndex,
    arg4: typing.SupportsFloat | typing.SupportsIndex,
    arg5: typing.SupportsFloat | typing.SupportsIndex,
) -> StepNumbers: ...
def saves_input(kind: Activation) -> bool: ...
@typing.overload
def scale_by(
    x: numpy.typing.NDArray[numpy.float32],
    y: numpy.typing.NDArray[numpy.float32],
    factor: typing.SupportsFloat | typing.SupportsIndex,
) -> None: ...
@typing.overload
def scale_by(
    x: numpy.typing.NDArray[numpy.float64],
    y: numpy.typing.NDArray[numpy.float64],
    factor: typing.SupportsFloat | typing.SupportsIndex,
) -> None: ...
def serial_threshold() -> float: ...
def set_all_hands(on: bool) -> None: ...
def set_road(name: str) -> None: ...
def set_serial_threshold(nanoseconds: typing.SupportsFloat | typing.SupportsIndex) -> None: ...
def set_threads(count: typing.SupportsInt | typing.SupportsIndex) -> None: ...
def sgd_numbers(
    arg0: typing.SupportsFloat | typing.SupportsIndex, arg1: typing.SupportsFloat | typing.SupportsIndex, arg2: bool
) -> StepNumbers: ...
@typing.overload
def singular_values(a: numpy.typing.NDArray[numpy.float32], values: numpy.typing.NDArray[numpy.float64]) -> bool: ...
@typing.overload
def singular_values(a: numpy.typing.NDArray[numpy.float64], values: numpy.typing.NDArray[numpy.float64]) -> bool: ...
@typing.overload
def soft_threshold(
    w: numpy.typing.NDArray[numpy.float32],
    y: numpy.typing.NDArray[numpy.float32],
    threshold: typing.SupportsFloat | typing.SupportsIndex,
) -> None: ...
@typing.overload
def soft_threshold(
    w: numpy.typing.NDArray[numpy.float64],
    y: numpy.typing.NDArray[numpy.float64],
    threshold: typing.SupportsFloat | typing.SupportsIndex,
) -> None: ...
@typing.overload
def softmax(
    logarithm: bool,
    z: numpy.typing.NDArray[numpy.float32],
    y: numpy.typing.NDArray[numpy.float32],
    scale: typing.SupportsFloat | typing.SupportsIndex,
) -> None: ...
@typing.overload
def softmax(
    logarithm: bool,
    z: numpy.typing.NDArray[numpy.float64],
    y: numpy.typing.NDArray[numpy.float64],
    scale: typing.SupportsFloat | typing.SupportsIndex,
) -> None: ...
@typing.overload
def softmax_backward(
    logarithm: bool,
    dy: numpy.typing.NDArray[numpy.float32],
    y: numpy.typing.NDArray[numpy.float32],
    dz: numpy.typing.NDArray[numpy.float32],
    scale: typing.SupportsFloat | typing.SupportsIndex,
) -> None: ...
@typing.overload
def softmax_backward(
    logarithm: bool,
    dy: numpy.typing.NDArray[numpy.float64],
    y: numpy.typing.NDArray[numpy.float64],
    dz: numpy.typing.NDArray[numpy.float64],
    scale: typing.SupportsFloat | typing.SupportsIndex,
) -> None: ...
@typing.overload
def softmax_cross_entropy(
    z: numpy.typing.NDArray[numpy.float32],
    labels: numpy.typing.NDArray[numpy.int64] | None,
    soft: numpy.typing.NDArray[numpy.float32] | None,
    sample_weight: numpy.typing.NDArray[numpy.float64] | None,
    class_weight: numpy.typing.NDArray[numpy.float64] | None,
    smoothing: typing.SupportsFloat | typing.SupportsIndex,
    ignore_index: typing.SupportsInt | typing.SupportsIndex | None,
    reduction: Reduction,
    losses: numpy.typing.NDArray[numpy.float64],
    dz: numpy.typing.NDArray[numpy.float32],
) -> float: ...
@typing.overload
def softmax_cross_entropy(
    z: numpy.typing.NDArray[numpy.float64],
    labels: numpy.typing.NDArray[numpy.int64] | None,
    soft: numpy.typing.NDArray[numpy.float64] | None,
    sample_weight: numpy.typing.NDArray[numpy.float64] | None,
    class_weight: numpy.typing.NDArray[numpy.float64] | None,
    smoothing: typing.SupportsFloat | typing.SupportsIndex,
    ignore_index: typing.SupportsInt | typing.SupportsIndex | None,
    reduction: Reduction,
    losses: numpy.typing.NDArray[numpy.float64],
    dz: numpy.typing.NDArray[numpy.float64],
) -> float: ...
def spec_layout(text: str) -> dict[str, typing.Any]: ...
@typing.overload
def sum_of_squares(
    x: numpy.typing.NDArray[numpy.float32], factor: typing.SupportsFloat | typing.SupportsIndex
) -> float: ...
@typing.overload
def sum_of_squares(
    x: numpy.typing.NDArray[numpy.float64], factor: typing.SupportsFloat | typing.SupportsIndex
) -> float: ...
@typing.overload
def surprisal(
    p: numpy.typing.NDArray[numpy.float32],
    y: numpy.typing.NDArray[numpy.float32],
    factor: typing.SupportsFloat | typing.SupportsIndex,
) -> None: ...
@typing.overload
def surprisal(
    p: numpy.typing.NDArray[numpy.float64],
    y: numpy.typing.NDArray[numpy.float64],
    factor: typing.SupportsFloat | typing.SupportsIndex,
) -> None: ...
def thread_backend() -> str: ...
def thread_backends() -> list[str]: ...
def threads() -> int: ...
def use_level(name: str) -> None: ...
def use_thread_backend(name: str) -> None: ...
def vector_bytes() -> int: ...
@typing.overload
def vector_norms(
    x: numpy.typing.NDArray[numpy.float32],
    p: typing.SupportsFloat | typing.SupportsIndex,
    norms: numpy.typing.NDArray[numpy.float64],
) -> None: ...
@typing.overload
def vector_norms(
    x: numpy.typing.NDArray[numpy.float64],
    p: typing.SupportsFloat | typing.SupportsIndex,
    norms: numpy.typing.NDArray[numpy.float64],
) -> None: ...

__version__: str
compiler: str
math_functions: list[str]
