"""The layers of a network. Rows are samples: a layer maps (n, inputs) to (n, outputs).

Rows may have several axes, as images (n, height, width, channels) do: layers then work along the last axis, and
`Flatten` and `Reshape` give a row another shape.

>>> from densekit.layers import Dense, Dropout, Residual
>>> densekit.Sequential([Dense(32, "relu", inputs=8), Residual([Dense(32, "relu"), Dropout(0.1)]), Dense(1)], seed=0)
Sequential([Dense(32, 'relu', inputs=8), Residual([Dense(32, 'relu'), Dropout(0.1)]), Dense(1)], seed=0)
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import NDArray

from densekit import initializers
from densekit._activations import ACTIVATIONS as ACTIVATIONS
from densekit._activations import ENTRIES, named, parameter_of, resolve
from densekit._adapt import column_moments, known_rows
from densekit._arrays import flag, number, one_of, vector, whole
from densekit._checks import items, short
from densekit._frames import labels
from densekit._layer import Layer, Shape, WeightView, given_array, row_shape
from densekit._refuse import MOMENTUM, refuses

__all__ = [
    "Activation",
    "BatchNorm",
    "Block",
    "Columns",
    "Dense",
    "Dropout",
    "Flatten",
    "GaussianNoise",
    "Input",
    "Lambda",
    "Layer",
    "LayerNorm",
    "Normalization",
    "PReLU",
    "Parallel",
    "RMSNorm",
    "Rescaling",
    "Reshape",
    "Residual",
    "Scale",
]

_KEEP = "rate is the probability of being dropped: PyTorch's p and Keras's rate as they are, 1 - keep_prob"


class Dense(Layer):
    """A dense (fully connected) layer: y = activation(x kernel + bias).

    units: the width of the output. activation: a name (`ACTIVATIONS`), an Activation with its number, or None.
    use_bias: False leaves the bias out. kernel_initializer, bias_initializer: names or objects of
    `densekit.initializers`, or arrays. kernel_regularizer, bias_regularizer: of `densekit.regularizers`. trainable:
    False freezes the layer. name, inputs: see `Layer`. After the first data `kernel` (inputs, units) and `bias` (units)
    are writable views.

    >>> layer = densekit.layers.Dense(2, "relu", kernel_initializer=np.eye(2), inputs=2)
    >>> model = densekit.Sequential([layer], seed=0)
    >>> model([[1, -1]])
    array([[1., 0.]], dtype=float32)
    >>> layer.kernel[0, 0] = 3
    >>> model([[1, -1]])
    array([[3., 0.]], dtype=float32)
    """

    kind = "dense"
    penalised = ("kernel", "bias")
    kernel, bias = WeightView(), WeightView()

    def __init__(
        self,
        units: int,
        activation: Any = None,
        *,
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        trainable: bool = True,
        name: str | None = None,
        inputs: int | Shape | None = None,
    ) -> None:
        super().__init__(trainable=trainable, name=name, inputs=inputs)
        self.units = whole("Dense", "units", units, low=1)
        self.activation = activation
        self.use_bias = flag("Dense", "use_bias", use_bias)
        self.kernel_initializer, self.bias_initializer = kernel_initializer, bias_initializer
        self.kernel_regularizer, self.bias_regularizer = kernel_regularizer, bias_regularizer
        # Asked now, so that a wrong name is an error where it is written.
        kind, parameter = resolve("Dense", activation, None)
        self._fields: dict[str, Any] = {"activation": kind, "parameter": parameter}
        self._initial = {"kernel": initializers.get(kernel_initializer), "bias": initializers.get(bias_initializer)}
        self._penalties()

    def build(self, inputs: int) -> int:
        return self.units

    def spec(self, hosts: list[Any]) -> dict[str, Any]:
        return self._common() | {
            "units": self.units,
            "bias": self.use_bias,
            **self._fields,
            "kernel_initializer": self._initial["kernel"].spec(),
            "bias_initializer": self._initial["bias"].spec(),
            **self._penalties(),
        }

    def given(self, seed: int, dtype: Any) -> dict[str, NDArray[Any]]:
        assert self.inputs is not None
        shapes = {"kernel": (self.inputs, self.units)} | ({"bias": (self.units,)} if self.use_bias else {})
        return {
            name: given_array(f"{self.name}.{name}", self._initial[name], shape, seed)
            for name, shape in shapes.items()
            if isinstance(self._initial[name], initializers.Given)
        }


class Activation(Layer):
    """An activation as a layer of its own: y = f(x).

    activation: a name (`ACTIVATIONS`). slope: of leaky_relu below zero, 0.01 as in PyTorch (Keras: 0.3). alpha: of elu,
    1. temperature: softmax and log_softmax divide by it, 1. threshold: of softshrink, 0.5.

    >>> densekit.Sequential([densekit.layers.Activation("leaky_relu", slope=0.25, inputs=2)], seed=0)([[4, -4]])
    array([[ 4., -1.]], dtype=float32)
    """

    kind = "activation"
    spec_fields = ("activation", "parameter")
    fixed = True

    def __init__(
        self,
        activation: Any,
        *,
        slope: float | None = None,
        alpha: float | None = None,
        temperature: float | None = None,
        threshold: float | None = None,
        name: str | None = None,
        inputs: int | Shape | None = None,
    ) -> None:
        super().__init__(name=name, inputs=inputs)
        own = activation if isinstance(activation, Activation) else None
        self.activation: str = own.activation if own else named("Activation", activation)
        self.parameter: float = own.parameter if own else ENTRIES[self.activation].default
        known = ENTRIES[self.activation].parameter
        numbers = {"slope": slope, "alpha": alpha, "temperature": temperature, "threshold": threshold}
        self.slope, self.alpha, self.temperature, self.threshold = (
            getattr(own, key) if own and value is None else value for key, value in numbers.items()
        )
        for key, value in numbers.items():
            if value is None:
                continue
            if key != known:
                raise TypeError(f"Activation: {self.activation} takes {known or 'no number'}, got {key}={short(value)}")
            self.parameter = parameter_of("Activation", self.activation, key, value)


class BatchNorm(Layer):
    """Batch normalization: y = gamma (x − m) / √(v + eps) + beta, column by column.

    In training m and v are the mean and the biased variance of the batch, else the running statistics, which follow as
    r ← stats_decay · r + (1 − stats_decay) · batch. A batch of one row in training is an error.

    axis: the columns, −1 (or 1). eps: added to the variance. stats_decay: the weight of the old value, 0.9: PyTorch's
    momentum=0.1, Keras's momentum=0.9. running_var: "biased", or "unbiased" as PyTorch keeps it (n / (n − 1)).
    scale, center: whether there are gamma and beta. gamma_regularizer, beta_regularizer: of `densekit.regularizers`;
    the penalty of `compile` is for kernels alone. initial_variance: the running variance at the start (1; 0 in CS231n).
    After the first data `gamma`, `beta`, `mean` and `variance` are writable views.

    >>> densekit.Sequential([densekit.layers.BatchNorm(inputs=1)], seed=0)([[1], [3]], training=True).round(3)
    array([[-1.],
           [ 1.]], dtype=float32)
    """

    kind = "batch_norm"
    spec_fields = ("eps", "stats_decay", "unbiased", "scale", "center", "initial_variance")
    penalised = ("gamma", "beta")
    uses_batch = True
    gamma, beta, mean, variance = WeightView(), WeightView(), WeightView(), WeightView()

    @refuses(momentum=MOMENTUM, epsilon="write eps=", gamma="write scale=", beta="write center=")
    def __init__(
        self,
        axis: int = -1,
        *,
        eps: float = 1e-5,
        stats_decay: float = 0.9,
        running_var: Literal["biased", "unbiased"] = "biased",
        scale: bool = True,
        center: bool = True,
        initial_variance: float = 1.0,
        gamma_regularizer: Any = None,
        beta_regularizer: Any = None,
        trainable: bool = True,
        name: str | None = None,
        inputs: int | Shape | None = None,
    ) -> None:
        super().__init__(trainable=trainable, name=name, inputs=inputs)
        if not isinstance(axis, int | np.integer) or axis not in (-1, 1):
            raise ValueError(f"BatchNorm: axis must be -1 (or 1), the columns of (rows, columns), got {short(axis)}")
        self.axis = axis
        self.eps = number("BatchNorm", "eps", eps, low=0)
        self.stats_decay = number("BatchNorm", "stats_decay", stats_decay, low=0, high=1)
        self.running_var = one_of("BatchNorm", "running_var", running_var, ("biased", "unbiased"))
        self.scale, self.center = flag("BatchNorm", "scale", scale), flag("BatchNorm", "center", center)
        self.initial_variance = number("BatchNorm", "initial_variance", initial_variance, low=0)
        self.gamma_regularizer, self.beta_regularizer = gamma_regularizer, beta_regularizer
        self._penalties()

    @property
    def unbiased(self) -> bool:
        """Whether the running variance is the unbiased one."""
        return self.running_var == "unbiased"


class LayerNorm(Layer):
    """Layer normalization: y = gamma (x − m) / √(v + eps) + beta with the mean and the biased variance of each row.

    eps: added to the variance. scale, center: whether there are `gamma` and `beta`, which are writable views.
    gamma_regularizer, beta_regularizer: of `densekit.regularizers`.

    >>> densekit.Sequential([densekit.layers.LayerNorm(inputs=2)], seed=0)([[1, 3]]).round(3)
    array([[-1.,  1.]], dtype=float32)
    """

    kind = "layer_norm"
    spec_fields = ("eps", "scale", "center")
    penalised = ("gamma", "beta")
    gamma, beta = WeightView(), WeightView()

    @refuses(epsilon="write eps=", elementwise_affine="write scale= and center=")
    def __init__(
        self,
        *,
        eps: float = 1e-5,
        scale: bool = True,
        center: bool = True,
        gamma_regularizer: Any = None,
        beta_regularizer: Any = None,
        trainable: bool = True,
        name: str | None = None,
        inputs: int | Shape | None = None,
    ) -> None:
        super().__init__(trainable=trainable, name=name, inputs=inputs)
        self.eps = number("LayerNorm", "eps", eps, low=0)
        self.scale, self.center = flag("LayerNorm", "scale", scale), flag("LayerNorm", "center", center)
        self.gamma_regularizer, self.beta_regularizer = gamma_regularizer, beta_regularizer
        self._penalties()


class Dropout(Layer):
    """Dropout: in training each element is zero with probability `rate`.

    mode "inverted": training mask · x / (1 − rate), inference x. "classic" (Srivastava et al. 2014): training mask · x,
    inference (1 − rate) x. The masks are functions of the model's seed, the update, the layer and the element.

    >>> densekit.Sequential([densekit.layers.Dropout(0.5, mode="classic", inputs=2)], seed=0)([[1, 2]])
    array([[0.5, 1. ]], dtype=float32)
    """

    kind = "dropout"
    spec_fields = ("rate", "mode")

    @refuses(p=_KEEP, keep_prob=_KEEP, ratio=_KEEP, noise_shape="every element has its own mask")
    def __init__(
        self,
        rate: float,
        *,
        mode: Literal["inverted", "classic"] = "inverted",
        name: str | None = None,
        inputs: int | Shape | None = None,
    ) -> None:
        super().__init__(name=name, inputs=inputs)
        self.rate = number("Dropout", "rate", rate, low=0, high=1)
        self.mode = one_of("Dropout", "mode", mode, ("inverted", "classic"))

    @property
    def draws(self) -> bool:
        """Whether its output in training depends on random numbers."""
        return self.rate > 0


class GaussianNoise(Layer):
    """Adds normal noise in training: y = x + std · z; the identity in inference.

    std: the standard deviation of the noise, in the units of x.

    >>> densekit.Sequential([densekit.layers.GaussianNoise(0.1, inputs=2)], seed=0)([[1, 2]])
    array([[1., 2.]], dtype=float32)
    """

    kind = "gaussian_noise"
    spec_fields = ("std",)

    @refuses(stddev="write std=", sigma="write std=")
    def __init__(self, std: float, *, name: str | None = None, inputs: int | Shape | None = None) -> None:
        super().__init__(name=name, inputs=inputs)
        self.std = number("GaussianNoise", "std", std, low=0)

    @property
    def draws(self) -> bool:
        """Whether its output in training depends on random numbers."""
        return self.std > 0


class RMSNorm(Layer):
    """Root-mean-square normalization: y = gamma x / √(mean(x²) + eps), the mean over each row.

    eps: added to the mean square, 1e-6 (Keras 1e-6; PyTorch takes the smallest difference of the dtype). scale: whether
    there is a `gamma`, which is a writable view. gamma_regularizer: of `densekit.regularizers`.
    Zhang and Sennrich, NeurIPS 2019.

    >>> densekit.Sequential([densekit.layers.RMSNorm(inputs=2)], seed=0)([[1, 7]]).round(3)
    array([[0.2, 1.4]], dtype=float32)
    """

    kind = "rms_norm"
    spec_fields = ("eps", "scale")
    penalised = ("gamma",)
    gamma = WeightView()

    @refuses(epsilon="write eps=", elementwise_affine="write scale=")
    def __init__(
        self,
        *,
        eps: float = 1e-6,
        scale: bool = True,
        gamma_regularizer: Any = None,
        trainable: bool = True,
        name: str | None = None,
        inputs: int | Shape | None = None,
    ) -> None:
        super().__init__(trainable=trainable, name=name, inputs=inputs)
        self.eps = number("RMSNorm", "eps", eps, low=0)
        self.scale = flag("RMSNorm", "scale", scale)
        self.gamma_regularizer = gamma_regularizer
        self._penalties()


class Scale(Layer):
    """y = scale · x: one trained factor for each column, from 1. `scale` is a writable view.

    scale_regularizer: of `densekit.regularizers`.

    >>> layer = densekit.layers.Scale(inputs=2)
    >>> model = densekit.Sequential([layer], seed=0)
    >>> layer.scale[1] = 3
    >>> model([[1, 2]])
    array([[1., 6.]], dtype=float32)
    """

    kind = "scale"
    penalised = ("scale",)
    scale = WeightView()

    def __init__(
        self,
        *,
        scale_regularizer: Any = None,
        trainable: bool = True,
        name: str | None = None,
        inputs: int | Shape | None = None,
    ) -> None:
        super().__init__(trainable=trainable, name=name, inputs=inputs)
        self.scale_regularizer = scale_regularizer
        self._penalties()


class PReLU(Layer):
    """A rectifier whose slope below 0 is trained: y = x where x > 0, else alpha · x.

    shared: one alpha for all columns, else one for each. init: what alpha begins with, a number, 0.25. At 0 the
    gradients are those of the side below, as in PyTorch. alpha_regularizer: of `densekit.regularizers`. `alpha`, of the
    shape (inputs) or, shared, (1), is a writable view. `weight_decay` leaves it out, as it does biases; PyTorch's
    decays it, against the advice of its documentation, and so does decay_biases=True. He et al., ICCV 2015.

    >>> layer = densekit.layers.PReLU(inputs=2)
    >>> model = densekit.Sequential([layer], seed=0)
    >>> layer.alpha[1] = -1
    >>> model([[-4, -4], [4, 4]])
    array([[-1.,  4.],
           [ 4.,  4.]], dtype=float32)
    """

    kind = "prelu"
    spec_fields = ("shared", "init")
    penalised = ("alpha",)
    alpha = WeightView()

    @refuses(
        num_parameters="write shared=True for one", shared_axes="write shared=True", alpha_initializer="write init="
    )
    def __init__(
        self,
        *,
        shared: bool = False,
        init: float = 0.25,
        alpha_regularizer: Any = None,
        trainable: bool = True,
        name: str | None = None,
        inputs: int | None = None,
    ) -> None:
        super().__init__(trainable=trainable, name=name, inputs=inputs)
        self.shared, self.init = flag("PReLU", "shared", shared), number("PReLU", "init", init)
        self.alpha_regularizer = alpha_regularizer
        self._penalties()

    @classmethod
    def default_name(cls) -> str:
        return "prelu" if cls is PReLU else super().default_name()


class Rescaling(Layer):
    """y = scale · x + offset, two fixed numbers: Rescaling(1 / 255) for bytes.

    scale: the factor. offset: what is added, 0.

    >>> densekit.Sequential([densekit.layers.Rescaling(0.5, offset=-1, inputs=2)], seed=0)([[2, 4]])
    array([[0., 1.]], dtype=float32)
    """

    kind = "rescaling"
    spec_fields = ("scale", "offset")
    fixed = True

    def __init__(
        self, scale: float, offset: float = 0.0, *, name: str | None = None, inputs: int | Shape | None = None
    ) -> None:
        super().__init__(name=name, inputs=inputs)
        self.scale = number("Rescaling", "scale", scale)
        self.offset = number("Rescaling", "offset", offset)


class Normalization(Layer):
    """The z-score of each column: y = (x - mean) / max(√variance, eps), with statistics of the data, not of batches.

    The first `fit` takes them from its training rows, where the layer comes first, or after layers that are fixed
    (Rescaling, Activation, Lambda, Normalization); nothing changes them after that, but `adapt`, of the model or of
    the layer. Until then the layer computes nothing: predict and evaluate are a ValueError. They are kept in files and
    are writable views, `mean` and `variance`. A constant column becomes 0.

    mean, variance: given, both or neither: a number, or one for each column. eps: above 0, the least divisor, 1e-7 as
    in Keras.

    >>> layer = densekit.layers.Normalization()
    >>> model = densekit.Sequential([layer, densekit.layers.Rescaling(10)], seed=0)
    >>> model.adapt([[1, 5], [3, 5]]).predict([[4, 5]])
    array([[20.,  0.]], dtype=float32)
    >>> layer.mean, layer.variance
    (array([2., 5.], dtype=float32), array([1., 0.], dtype=float32))
    """

    kind = "normalization"
    spec_fields = ("eps",)
    fixed = True
    mean, variance = WeightView(), WeightView()

    @refuses(axis="the columns are normalized", invert="it is not inverted here", epsilon="write eps=")
    def __init__(
        self,
        mean: Any = None,
        variance: Any = None,
        *,
        eps: float = 1e-7,
        name: str | None = None,
        inputs: int | Shape | None = None,
    ) -> None:
        super().__init__(name=name, inputs=inputs)
        if (mean is None) != (variance is None):
            missing = "mean" if mean is None else "variance"
            raise ValueError(f"Normalization: {missing} is None; give both mean and variance or neither")
        self._known: dict[str, Any] = {}
        if mean is not None:
            self._known = {"mean": _statistic("mean", mean), "variance": _statistic("variance", variance, low=0)}
        self.eps = number("Normalization", "eps", eps, low=0, open_low=True)

    def build(self, inputs: int) -> int:
        for name, value in self._known.items():
            if np.ndim(value) and np.shape(value) != (inputs,):
                raise ValueError(f"{self.name}: {name} is {np.shape(value)}, but {inputs} columns come in")
        return inputs

    def given(self, seed: int, dtype: Any) -> dict[str, NDArray[Any]]:
        return {name: np.asarray(value) for name, value in self._known.items()}

    def given_arguments(self) -> dict[str, Any]:
        return super().given_arguments() | {name: self._known.get(name) for name in ("mean", "variance")}

    @property
    def adapted(self) -> bool:
        """Whether mean and variance are known."""
        model = self._owner() if self._owner is not None else None
        if model is None or not model.built:
            return bool(self._known)
        return not any(np.isnan(value).any() for value in self.weights.values())

    def adapt(self, X: Any) -> Self:
        """Takes mean and variance from the columns of X, which is what comes to this layer; returns the layer.

        X: (n, columns) real numbers, or rows of several axes, n > 0, of any size: it is read in chunks, and computed
        with in float64. NaN and infinity are refused. It is as if they had been given: copies and configs of the layer
        have them, too.

        >>> densekit.layers.Normalization().adapt([[1.0, 5.0], [3.0, 5.0]])
        Normalization([2.0, 5.0], [1.0, 0.0])
        """
        x = known_rows("Normalization.adapt", X, labels(X))
        mean, variance = column_moments(x)
        if self.inputs not in (None, len(mean)):
            raise ValueError(f"Normalization.adapt: X is {x.shape}, but {self.inputs} columns come to {self.name}")
        self._known = {"mean": mean.tolist(), "variance": variance.tolist()}
        model = self._owner() if self._owner is not None else None
        if model is not None and model.built:
            self.mean, self.variance = mean, variance
        return self


def _statistic(name: str, value: Any, low: float = -math.inf) -> float | list[float]:
    """A number, or a list with one for each column."""
    if np.ndim(value) == 0:
        return number("Normalization", name, value, low=low)
    return [number("Normalization", name, one, low=low) for one in vector("Normalization", name, value)]


class Flatten(Layer):
    """A row of several axes as a plain one: (n, 28, 28, 1) becomes (n, 784). No number moves.

    >>> model = densekit.Sequential([densekit.layers.Input((2, 2)), densekit.layers.Flatten()], seed=0)
    >>> model([[[1, 2], [3, 4]]])
    array([[1., 2., 3., 4.]], dtype=float32)
    """

    kind = "flatten"
    fixed = True

    @refuses(data_format="rows are channels last")
    def __init__(self, *, name: str | None = None, inputs: int | Shape | None = None) -> None:
        super().__init__(name=name, inputs=inputs)

    def build_shape(self, shape: Shape) -> Shape:
        return (math.prod(shape),)


class Reshape(Layer):
    """The numbers of a row in another shape of the same size, the last axis the fastest.

    shape: of a row, without the number of rows: a number or a tuple, in which one length may be -1, which is found.

    >>> densekit.Sequential([densekit.layers.Reshape((2, -1), inputs=4)], seed=0)([[1, 2, 3, 4]])
    array([[[1., 2.],
            [3., 4.]]], dtype=float32)
    """

    kind = "reshape"
    fixed = True

    def __init__(self, shape: int | Shape, *, name: str | None = None, inputs: int | Shape | None = None) -> None:
        super().__init__(name=name, inputs=inputs)
        lengths = tuple(shape) if isinstance(shape, tuple | list) else (shape,)
        known = [length for length in lengths if not (isinstance(length, int | np.integer) and length == -1)]
        if len(known) < len(lengths) - 1:
            raise ValueError(f"Reshape: one length of shape may be -1, got {short(shape)}")
        if known:
            row_shape("Reshape", "shape", known)
        row_shape("Reshape", "shape", [1] * len(lengths))
        self.shape = tuple(int(length) for length in lengths)

    def build_shape(self, shape: Shape) -> Shape:
        size, known = math.prod(shape), math.prod(length for length in self.shape if length != -1)
        found = tuple(size // known if length == -1 else length for length in self.shape)
        if math.prod(found) != size:
            raise ValueError(
                f"{self.name}: rows of shape {shape} have {size} numbers, which do not fit into shape={self.shape}"
            )
        return found

    def spec(self, hosts: list[Any]) -> dict[str, Any]:
        return self._common() | {"shape": list(self.output_shape or ())}


class Columns(Layer):
    """Some columns of x, for a branch of its own: y = x[:, columns].

    columns: their numbers, from 0; negative ones count from the end. Of rows of several axes: along the last.

    >>> densekit.Sequential([densekit.layers.Columns([2, 0], inputs=3)], seed=0)([[1, 2, 3]])
    array([[3., 1.]], dtype=float32)
    """

    kind = "columns"
    fixed = True

    def __init__(self, columns: Sequence[int], *, name: str | None = None, inputs: int | Shape | None = None) -> None:
        super().__init__(name=name, inputs=inputs)
        given = items("Columns", "columns", columns, "numbers")
        self.columns = [whole("Columns", "columns", column, low=-(2**63)) for column in given]
        if not self.columns:
            raise ValueError("Columns: columns is empty; a layer puts out one column at least")

    def build(self, inputs: int) -> int:
        for column in self.columns:
            if not -inputs <= column < inputs:
                raise ValueError(f"{self.name}: there is no column {column}: {inputs} columns come in")
        if len({column % inputs for column in self.columns}) < len(self.columns):
            raise ValueError(f"{self.name}: columns has one of them twice, {short(self.columns)}")
        return len(self.columns)

    def spec(self, hosts: list[Any]) -> dict[str, Any]:
        assert self.inputs is not None
        return self._common() | {"columns": [column % self.inputs for column in self.columns]}


class Block(Layer):
    """Layers one after another, as one layer; without any, y = x.

    layers: the layers of the block, in order. trainable: False freezes all of them.

    >>> block = densekit.layers.Block([densekit.layers.Dense(2, "relu"), densekit.layers.Dense(3)], inputs=4)
    >>> densekit.Sequential([block], seed=0).output_shape
    (3,)
    """

    kind = "block"

    def __init__(
        self,
        layers: Sequence[Layer] = (),
        *,
        trainable: bool = True,
        name: str | None = None,
        inputs: int | Shape | None = None,
    ) -> None:
        super().__init__(trainable=trainable, name=name, inputs=inputs)
        self.layers = [checked_layer("Block", layer) for layer in items("Block", "layers", layers, "layers")]
        self._depth = _depth_of("Block", self.layers)

    def children(self) -> list[Layer]:
        return self.layers

    def build_shape(self, shape: Shape) -> Shape:
        for layer in self.layers:
            shape = layer.attach(shape)
        return shape

    def spec(self, hosts: list[Any]) -> dict[str, Any]:
        return self._common() | {"layers": [layer.spec(hosts) for layer in self.layers]}


class Parallel(Layer):
    """Branches on the same input; what they put out stands side by side, along the last axis.

    branches: a list of layers or lists of layers, or a mapping of names to them. A list is a `Block`; a name is that of
    the branch. trainable: False freezes all of them.

    >>> wide = densekit.layers.Columns([0])
    >>> deep = [densekit.layers.Dense(4, "relu"), densekit.layers.Dense(2)]
    >>> model = densekit.Sequential([densekit.layers.Parallel({"wide": wide, "deep": deep}, inputs=3)], seed=0)
    >>> model.output_shape, [layer.name for layer in model.layers[0].layers]
    ((3,), ['wide', 'deep'])
    """

    kind = "parallel"

    def __init__(
        self,
        branches: Mapping[str, Layer | Sequence[Layer]] | Sequence[Layer | Sequence[Layer]],
        *,
        trainable: bool = True,
        name: str | None = None,
        inputs: int | Shape | None = None,
    ) -> None:
        super().__init__(trainable=trainable, name=name, inputs=inputs)
        named = list(branches.items()) if isinstance(branches, Mapping) else None
        given = [one for _, one in named] if named is not None else items("Parallel", "branches", branches, "branches")
        self.layers = [_branch(one) for one in given]
        if not self.layers:
            raise ValueError("Parallel: branches is empty; there must be one at least")
        for (own, _), layer in zip(named or (), self.layers, strict=named is not None):
            if layer._name_given and layer.name != own:
                raise ValueError(
                    f"Parallel: the branch {own!r} is a layer called {layer.name!r}; give one of the names"
                )
            layer.name = own
        self._depth = _depth_of("Parallel", self.layers)

    def children(self) -> list[Layer]:
        return self.layers

    @property
    def branches(self) -> list[Layer]:
        """The branches in their order; lists of layers are Blocks."""
        return self.layers

    def build_shape(self, shape: Shape) -> Shape:
        ends = [layer.attach(shape) for layer in self.layers]
        if len({end[:-1] for end in ends}) > 1:
            raise ValueError(
                f"{self.name}: branches put out rows of the shapes {ends}; all axes but the last must agree"
            )
        return (*ends[0][:-1], sum(end[-1] for end in ends))

    def spec(self, hosts: list[Any]) -> dict[str, Any]:
        return self._common() | {"layers": [layer.spec(hosts) for layer in self.layers]}


def _branch(given: Any) -> Layer:
    if isinstance(given, Layer) or not isinstance(given, list | tuple):
        return checked_layer("Parallel", given)
    return Block(given)


_DEEPEST = 20  # levels of blocks: specs and files nest with them


class Residual(Layer):
    """A block with a skip: y = x + block(x). The block keeps the width.

    layers: the layers of the block, in order. trainable: False freezes all of them.

    >>> block = densekit.layers.Residual([densekit.layers.Dense(2, kernel_initializer=np.eye(2))], inputs=2)
    >>> densekit.Sequential([block], seed=0)([[1, 2]])
    array([[2., 4.]], dtype=float32)
    """

    kind = "residual"

    def __init__(
        self,
        layers: Sequence[Layer],
        *,
        trainable: bool = True,
        name: str | None = None,
        inputs: int | Shape | None = None,
    ) -> None:
        super().__init__(trainable=trainable, name=name, inputs=inputs)
        self.layers = [checked_layer("Residual", layer) for layer in items("Residual", "layers", layers, "layers")]
        if not self.layers:
            raise TypeError(f"Residual: layers must be a list with at least one layer, got {short(layers)}")
        self._depth = _depth_of("Residual", self.layers)

    def children(self) -> list[Layer]:
        return self.layers

    def build_shape(self, shape: Shape) -> Shape:
        out = shape
        for layer in self.layers:
            out = layer.attach(out)
        if out == shape:
            return out
        if len(out) == len(shape) == 1:
            raise ValueError(
                f"{self.name}: y = x + block(x) needs a block that keeps the width, but {shape[0]} columns come in and "
                f"{out[0]} come out; end the block with Dense({shape[0]})"
            )
        raise ValueError(
            f"{self.name}: y = x + block(x) needs a block that keeps the shape of a row, but {shape} comes in and "
            f"{out} comes out"
        )

    def spec(self, hosts: list[Any]) -> dict[str, Any]:
        return self._common() | {"layers": [layer.spec(hosts) for layer in self.layers]}


def _depth_of(where: str, layers: Sequence[Layer]) -> int:
    depth: int = 1 + max((getattr(layer, "_depth", 0) for layer in layers), default=0)
    if depth > _DEEPEST:
        raise ValueError(
            f"{where}: blocks are {depth} deep in one another, at most {_DEEPEST} are; put them one after the other"
        )
    return depth


class Lambda(Layer):
    """A function of your own, without parameters: y = function(x).

    function: of the batch (n, inputs), returns (n, outputs). gradient: `gradient(dy, x, y)` returns dx = (∂y/∂x)ᵀ dy;
    without it the layer works in inference only. outputs: the width of y, or the shape of its rows, by default as x. To
    pickle the model, give functions that have a name in a module.

    >>> square = densekit.layers.Lambda(np.square, lambda dy, x, y: 2 * x * dy, inputs=2)
    >>> y, pullback = densekit.Sequential([square], seed=0).vjp([[3, 4]])
    >>> pullback([[1, 1]])[0]
    array([[6., 8.]], dtype=float32)
    """

    fixed = True

    def __init__(
        self,
        function: Callable[[NDArray[Any]], NDArray[Any]],
        gradient: Callable[[NDArray[Any], NDArray[Any], NDArray[Any]], NDArray[Any]] | None = None,
        *,
        outputs: int | Shape | None = None,
        name: str | None = None,
        inputs: int | Shape | None = None,
    ) -> None:
        super().__init__(name=name, inputs=inputs)
        if not callable(function) or not (gradient is None or callable(gradient)):
            raise TypeError(
                f"Lambda: function and gradient must be functions, got {short(function)} and {short(gradient)}"
            )
        self.function, self.gradient = function, gradient
        if outputs is not None:
            shape = row_shape("Lambda", "outputs", outputs)
            self._outputs_given = shape[0] if len(shape) == 1 else shape

    def build(self, inputs: Any) -> Any:
        return self._outputs_given or inputs

    def forward(self, x: Any, parameters: list[Any], training: bool) -> tuple[Any, Any]:
        y = self.function(x)
        return y, (x, y)

    def backward(self, dy: Any, saved: Any, parameters: list[Any], gradients: list[Any]) -> Any:
        if self.gradient is None:
            raise TypeError(f"{self.name}: write Lambda(function, gradient) to train through it")
        return self.gradient(dy, *saved)


class Input:
    """The shape of a row, as the first element of the list: Input(64), Input((28, 28, 1)). Not a layer.

    shape: the number of columns, or the lengths of the axes of a row, channels last.

    >>> densekit.Sequential([densekit.layers.Input(64), densekit.layers.Dense(10)], seed=0).inputs
    64
    >>> densekit.Sequential([densekit.layers.Input((28, 28, 1)), densekit.layers.Flatten()], seed=0).output_shape
    (784,)
    """

    def __init__(self, shape: int | Shape) -> None:
        self.shape = row_shape("Input", "shape", shape)

    def __repr__(self) -> str:
        return f"Input({self.shape[0] if len(self.shape) == 1 else self.shape})"


def checked_layer(where: str, value: Any) -> Layer:
    """The layer itself; TypeError with help for what is none, ValueError for one that belongs to a model."""
    if isinstance(value, type) and issubclass(value, Layer):
        raise TypeError(f"{where}: {value.__name__} is a class; write {value.__name__}(…)")
    if isinstance(value, str):
        raise TypeError(f"{where}: {short(value)} is no layer; write Activation({short(value)})")
    if not isinstance(value, Layer):
        raise TypeError(f"{where}: expected layers of densekit.layers, got {short(value)}")
    if value._owner is not None and value._owner() is not None:
        raise ValueError(f"{where}: {value.name} already belongs to a model; make a new layer, or clone the model")
    return value


def __getattr__(name: str) -> Any:
    helps = {
        "BatchNormalization": "it is called BatchNorm",
        "BatchNorm1d": "it is called BatchNorm, without the number of columns",
        "LayerNormalization": "it is called LayerNorm",
        "Linear": "it is called Dense, and takes the outputs only: Linear(64, 10) is Dense(10)",
        "ReLU": "write Activation('relu')",
        "Softmax": "write Activation('softmax')",
    }
    if name in helps:
        raise AttributeError(f"densekit.layers has no {name}: {helps[name]}")
    raise AttributeError(f"module 'densekit.layers' has no attribute {name!r}")


# The classes of the kinds that an engine has, by the name of the kind in a spec.
BY_KIND: dict[str, type[Layer]] = {
    made.kind: made
    for made in globals().values()
    if isinstance(made, type) and issubclass(made, Layer) and made.kind != Layer.kind
}
