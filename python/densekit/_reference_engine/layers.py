"""The layers: each forward pass beside its backward pass.

forward(x, run) gives the output y and what the backward pass needs ("saved"). backward(dy, saved, gradients) writes the
gradients of the layer's parameters into their places of the array `gradients` and gives dx. x is (n, inputs), y and dy
are (n, outputs); of rows of several axes a layer is given the last one, and n counts the others too. Arithmetic is in
the dtype T of the spec, sums and statistics are in float64.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from densekit._reference_engine import philox
from densekit._reference_engine.activations import activation

Array = NDArray[Any]
Spec = dict[str, Any]
Shape = tuple[int, ...]  # of a row

_ZEROS, _ONES = {"kind": "zeros"}, {"kind": "ones"}
_NO_PENALTY = {"l1": 0.0, "l2": 0.0, "proximal": True}


@dataclass
class Segment:
    """A parameter (or a statistic): a named range of an array that holds all of them."""

    layer: str
    name: str
    shape: tuple[int, ...]
    trainable: bool
    initializer: Spec
    penalty: Spec
    fans: tuple[int, int] = (1, 1)
    offset: int = 0

    @property
    def range(self) -> slice:
        return slice(self.offset, self.offset + math.prod(self.shape))

    def of(self, flat: Array) -> Array:
        """The view of this segment in an array of all segments."""
        return flat[self.range].reshape(self.shape)


@dataclass
class Run:
    """What all layers of one pass share.

    step: the number of updates done. watch: called with (layer, x, y). rows: how many rows of the network; first_row:
    where they begin in the batch that they are a part of.
    """

    training: bool
    seed: int
    step: int
    watch: Callable[[Layer, Array, Array], None] | None = None
    rows: int = 0
    first_row: int = 0

    def first_element(self, x: Array) -> int:
        """The number, in the whole batch, of the first element of an array of these rows."""
        return self.first_row * (x.size // self.rows) if self.rows else 0


class Layer:
    """What a layer has in common: its name, its number for the random streams, its segments.

    Each kind of docs/network.md is the subclass with that `kind`; uses_batch: whether a row depends on the others;
    whole_rows: whether it is given rows of several axes as they are, (n, *input_shape).
    """

    kind = ""
    uses_batch = False
    whole_rows = False
    input_shape: Shape = ()
    output_shape: Shape = ()

    def __init__(self, spec: Spec, number: int, inputs: int, trainable: bool, hosts: list[Any]) -> None:
        self.name, self.number = str(spec["name"]), number
        self.inputs = self.outputs = inputs
        self.trainable = trainable and spec["trainable"]
        self.segments: list[Segment] = []
        self.statistic_segments: list[Segment] = []
        self.parameters: list[Array] = []  # views, in the order of the segments
        self.statistics: list[Array] = []

    def shape_of_output(self, shape: Shape) -> Shape:
        """The shape of a row that it puts out, of one that comes in."""
        return (*shape[:-1], self.outputs)

    def declare(self, name: str, shape: tuple[int, ...], initializer: Spec, **more: Any) -> None:
        penalty = more.pop("penalty", _NO_PENALTY)
        self.segments.append(Segment(self.name, name, shape, self.trainable, initializer, penalty, **more))

    def declare_statistic(self, name: str, shape: tuple[int, ...], value: float, follows: bool = True) -> None:
        """follows: whether the batches of a training change it."""
        start = {"kind": "constant", "value": value}
        self.statistic_segments.append(Segment(self.name, name, shape, follows and self.trainable, start, _NO_PENALTY))

    def inner(self) -> list[Layer]:
        return []

    def forward(self, x: Array, run: Run) -> tuple[Array, Any]:
        raise NotImplementedError

    def backward(self, dy: Array, saved: Any, gradients: Array) -> Array:
        raise NotImplementedError

    def commit(self, saved: Any, statistics: Array, decay: float | None = None) -> None:
        """Takes those of the batch over into the array of all statistics. decay: what is kept of what is there."""


def forward(layers: list[Layer], x: Array, run: Run) -> tuple[Array, list[Any]]:
    """Through all layers; the tape has what each of them saved."""
    tape = []
    for layer in layers:
        y, saved = layer.forward(x if layer.whole_rows else x.reshape(-1, layer.inputs), run)
        y = y.reshape(-1, *layer.output_shape)
        if run.watch is not None:
            run.watch(layer, x, y)
        tape.append(saved)
        x = y
    return x, tape


def backward(layers: list[Layer], tape: list[Any], dy: Array, gradients: Array) -> Array:
    """And back: the gradient with respect to the input; those of the parameters go to `gradients`."""
    for layer, saved in zip(reversed(layers), reversed(tape), strict=True):
        shape = layer.output_shape if layer.whole_rows else (layer.outputs,)
        dy = layer.backward(dy.reshape(-1, *shape), saved, gradients)
        dy = dy.reshape(-1, *layer.input_shape)
    return dy


class Dense(Layer):
    """y = f(x kernel + bias)"""

    kind = "dense"

    def __init__(self, spec: Spec, number: int, inputs: int, trainable: bool, hosts: list[Any]) -> None:
        super().__init__(spec, number, inputs, trainable, hosts)
        self.outputs = units = int(spec["units"])
        start, penalty, fans = spec["kernel_initializer"], spec["kernel_penalty"], (inputs, units)
        self.declare("kernel", (inputs, units), start, penalty=penalty, fans=fans)
        if spec["bias"]:
            self.declare("bias", (units,), spec["bias_initializer"], penalty=spec["bias_penalty"], fans=fans)
        self.f = activation(spec["activation"], spec["parameter"])

    def forward(self, x: Array, run: Run) -> tuple[Array, Any]:
        kernel, *bias = self.parameters  # (inputs, units) and, if there is one, (units,)
        z = x @ kernel  # (n, units)
        for b in bias:
            z += b
        y = self.f.forward(z)
        return y, (x, z, y)

    def backward(self, dy: Array, saved: Any, gradients: Array) -> Array:
        x, z, y = saved
        dz = self.f.backward(dy, z, y)  # (n, units)
        if self.trainable:
            dkernel, *dbias = (s.of(gradients) for s in self.segments)
            np.matmul(x.T, dz, out=dkernel)  # (inputs, n) (n, units)
            for db in dbias:
                db[...] = dz.sum(axis=0, dtype=np.float64)
        kernel = self.parameters[0]
        return dz @ kernel.T  # (n, units) (units, inputs)


class Activation(Layer):
    """y = f(x)"""

    kind = "activation"

    def __init__(self, spec: Spec, number: int, inputs: int, trainable: bool, hosts: list[Any]) -> None:
        super().__init__(spec, number, inputs, trainable, hosts)
        self.f = activation(spec["activation"], spec["parameter"])

    def forward(self, x: Array, run: Run) -> tuple[Array, Any]:
        y = self.f.forward(x)
        return y, (x, y)

    def backward(self, dy: Array, saved: Any, gradients: Array) -> Array:
        return self.f.backward(dy, *saved)


class Normalization(Layer):
    """y = gamma z + beta, z = (x - mean) / sqrt(variance + eps), over the batch or over a row."""

    def __init__(self, spec: Spec, number: int, inputs: int, trainable: bool, hosts: list[Any]) -> None:
        super().__init__(spec, number, inputs, trainable, hosts)
        self.eps, self.scale, self.center = float(spec["eps"]), spec["scale"], spec["center"]
        if self.scale:
            self.declare("gamma", (inputs,), _ONES, penalty=spec.get("gamma_penalty", _NO_PENALTY))
        if self.center:
            self.declare("beta", (inputs,), _ZEROS, penalty=spec.get("beta_penalty", _NO_PENALTY))

    def normalized(self, x: Array, mean: Array, variance: Array) -> tuple[Array, Array]:
        """z and 1 / sqrt(variance + eps); mean and variance are float64, the difference is rounded once."""
        inverse = (1 / np.sqrt(variance + self.eps)).astype(x.dtype)
        return (x - mean).astype(x.dtype) * inverse, inverse

    @staticmethod
    def normalized_backward(dz: Array, z: Array, inverse: Array, axis: int) -> Array:
        """dx; the mean and the variance along the axis depend on x, too."""
        level = dz.mean(axis=axis, keepdims=True, dtype=np.float64).astype(dz.dtype)
        tilt = (dz * z).mean(axis=axis, keepdims=True, dtype=np.float64).astype(dz.dtype)
        return np.asarray((dz - level - z * tilt) * inverse)

    def affine(self, z: Array) -> Array:
        y = z * self.parameters[0] if self.scale else z
        return y + self.parameters[-1] if self.center else y

    def affine_backward(self, dy: Array, z: Array, gradients: Array) -> Array:
        """dz; the gradients of gamma and beta are written."""
        if self.trainable and self.scale:
            self.segments[0].of(gradients)[...] = (dy * z).sum(axis=0, dtype=np.float64)
        if self.trainable and self.center:
            self.segments[-1].of(gradients)[...] = dy.sum(axis=0, dtype=np.float64)
        return dy * self.parameters[0] if self.scale else dy


class BatchNorm(Normalization):
    """Mean and variance of each column of the batch in training, else the running ones. Ioffe and Szegedy, 2015."""

    kind = "batch_norm"
    uses_batch = True

    def __init__(self, spec: Spec, number: int, inputs: int, trainable: bool, hosts: list[Any]) -> None:
        super().__init__(spec, number, inputs, trainable, hosts)
        self.decay, self.unbiased = float(spec["stats_decay"]), spec["unbiased"]
        self.declare_statistic("mean", (inputs,), 0.0)
        self.declare_statistic("variance", (inputs,), float(spec["initial_variance"]))

    def forward(self, x: Array, run: Run) -> tuple[Array, Any]:
        of_batch = run.training and self.trainable
        if of_batch:
            if len(x) == 1:
                raise ValueError(f"{self.name}: a batch of 1 row has no variance; training needs at least 2 rows")
            mean, variance = x.mean(axis=0, dtype=np.float64), x.var(axis=0, dtype=np.float64)  # (inputs,), biased
        else:
            mean, variance = (s.astype(np.float64) for s in self.statistics)
        z, inverse = self.normalized(x, mean, variance)
        return self.affine(z), (z, inverse, (mean, variance) if of_batch else None)

    def backward(self, dy: Array, saved: Any, gradients: Array) -> Array:
        z, inverse, of_batch = saved
        dz = self.affine_backward(dy, z, gradients)
        return self.normalized_backward(dz, z, inverse, 0) if of_batch else np.asarray(dz * inverse)

    def commit(self, saved: Any, statistics: Array, decay: float | None = None) -> None:
        z, _, of_batch = saved
        if of_batch:
            n, decay = len(z), self.decay if decay is None else decay
            mean, variance = of_batch
            variance = variance * n / (n - 1) if self.unbiased else variance
            for segment, new in zip(self.statistic_segments, (mean, variance), strict=True):
                running = segment.of(statistics)
                running[...] = decay * running.astype(np.float64) + (1 - decay) * new if decay else new


class LayerNorm(Normalization):
    """Mean and variance of each row. Ba et al., arXiv 1607.06450."""

    kind = "layer_norm"

    def forward(self, x: Array, run: Run) -> tuple[Array, Any]:
        mean = x.mean(axis=1, keepdims=True, dtype=np.float64)  # (n, 1)
        z, inverse = self.normalized(x, mean, x.var(axis=1, keepdims=True, dtype=np.float64))
        return self.affine(z), (z, inverse)

    def backward(self, dy: Array, saved: Any, gradients: Array) -> Array:
        z, inverse = saved
        return self.normalized_backward(self.affine_backward(dy, z, gradients), z, inverse, 1)


class RmsNorm(Layer):
    """y = gamma x / sqrt(mean(x²) + eps) of each row. Zhang and Sennrich, arXiv 1910.07467."""

    kind = "rms_norm"

    def __init__(self, spec: Spec, number: int, inputs: int, trainable: bool, hosts: list[Any]) -> None:
        super().__init__(spec, number, inputs, trainable, hosts)
        self.eps = float(spec["eps"])
        if spec["scale"]:
            self.declare("gamma", (inputs,), _ONES, penalty=spec["gamma_penalty"])

    def forward(self, x: Array, run: Run) -> tuple[Array, Any]:
        square = (x.astype(np.float64) ** 2).mean(axis=1, keepdims=True)  # (n, 1)
        inverse = (1 / np.sqrt(square + self.eps)).astype(x.dtype)
        z = x * inverse
        return (z * self.parameters[0] if self.parameters else z), (z, inverse)

    def backward(self, dy: Array, saved: Any, gradients: Array) -> Array:
        z, inverse = saved
        if self.trainable and self.segments:
            self.segments[0].of(gradients)[...] = (dy * z).sum(axis=0, dtype=np.float64)
        return self.normalized_backward(dy * self.parameters[0] if self.parameters else dy, z, inverse)

    @staticmethod
    def normalized_backward(dz: Array, z: Array, inverse: Array) -> Array:
        """dx; the mean square depends on x, too."""
        tilt = (dz * z).mean(axis=1, keepdims=True, dtype=np.float64).astype(dz.dtype)
        return np.asarray((dz - z * tilt) * inverse)


class Scale(Layer):
    """y = scale x, a factor for each column."""

    kind = "scale"

    def __init__(self, spec: Spec, number: int, inputs: int, trainable: bool, hosts: list[Any]) -> None:
        super().__init__(spec, number, inputs, trainable, hosts)
        self.declare("scale", (inputs,), _ONES, penalty=spec["scale_penalty"])

    def forward(self, x: Array, run: Run) -> tuple[Array, Any]:
        return x * self.parameters[0], x

    def backward(self, dy: Array, saved: Any, gradients: Array) -> Array:
        if self.trainable:
            self.segments[0].of(gradients)[...] = (dy * saved).sum(axis=0, dtype=np.float64)
        return np.asarray(dy * self.parameters[0])


class PRelu(Layer):
    """y = x where x > 0, else alpha x, an alpha for each column or one for all. He et al., ICCV 2015."""

    kind = "prelu"

    def __init__(self, spec: Spec, number: int, inputs: int, trainable: bool, hosts: list[Any]) -> None:
        super().__init__(spec, number, inputs, trainable, hosts)
        self.shared = spec["shared"]
        start = {"kind": "constant", "value": float(spec["init"])}
        self.declare("alpha", (1 if self.shared else inputs,), start, penalty=spec["alpha_penalty"])

    def forward(self, x: Array, run: Run) -> tuple[Array, Any]:
        return np.where(x > 0, x, self.parameters[0] * x), x

    def backward(self, dy: Array, saved: Any, gradients: Array) -> Array:
        positive = saved > 0
        if self.trainable:
            terms = np.where(positive, 0, dy.astype(np.float64) * saved)
            self.segments[0].of(gradients)[...] = terms.sum(axis=None if self.shared else 0)
        return np.where(positive, dy, self.parameters[0] * dy)


class Rescaling(Layer):
    """y = scale x + offset"""

    kind = "rescaling"

    def __init__(self, spec: Spec, number: int, inputs: int, trainable: bool, hosts: list[Any]) -> None:
        super().__init__(spec, number, inputs, trainable, hosts)
        self.scale, self.offset = float(spec["scale"]), float(spec["offset"])

    def forward(self, x: Array, run: Run) -> tuple[Array, Any]:
        return np.asarray(x * x.dtype.type(self.scale) + x.dtype.type(self.offset)), None

    def backward(self, dy: Array, saved: Any, gradients: Array) -> Array:
        return np.asarray(dy * dy.dtype.type(self.scale))


class ColumnNormalization(Layer):
    """y = (x - mean) / max(sqrt(variance), eps) by column; mean and variance are given, NaN until then."""

    kind = "normalization"

    def __init__(self, spec: Spec, number: int, inputs: int, trainable: bool, hosts: list[Any]) -> None:
        super().__init__(spec, number, inputs, trainable, hosts)
        self.eps = float(spec["eps"])
        for name in ("mean", "variance"):
            self.declare_statistic(name, (inputs,), math.nan, follows=False)

    def forward(self, x: Array, run: Run) -> tuple[Array, Any]:
        mean, variance = (s.astype(np.float64) for s in self.statistics)
        if np.isnan(mean).any() or np.isnan(variance).any():
            raise ValueError(f"layer '{self.name}' has no mean and variance yet: adapt it to data, or write them")
        inverse = (1 / np.maximum(np.sqrt(variance), self.eps)).astype(x.dtype)
        return (x - mean).astype(x.dtype) * inverse, inverse

    def backward(self, dy: Array, saved: Any, gradients: Array) -> Array:
        return np.asarray(dy * saved)


class Dropout(Layer):
    """In training some elements become 0, and with mode "inverted" the others are divided by 1 - rate."""

    kind = "dropout"

    def __init__(self, spec: Spec, number: int, inputs: int, trainable: bool, hosts: list[Any]) -> None:
        super().__init__(spec, number, inputs, trainable, hosts)
        self.rate, self.inverted = float(spec["rate"]), spec["mode"] == "inverted"

    def forward(self, x: Array, run: Run) -> tuple[Array, Any]:
        if not run.training:
            kept, factor = None, 1.0 if self.inverted else 1 - self.rate
        else:
            first = run.first_element(x)
            kept = philox.mask(x.shape, self.rate, first=first, seed=run.seed, step=run.step, layer=self.number)
            factor = 1 / (1 - self.rate) if self.inverted and self.rate < 1 else 1.0
        return self._select(x, kept, factor), (kept, factor)

    def backward(self, dy: Array, saved: Any, gradients: Array) -> Array:
        return self._select(dy, *saved)  # the map is its own transpose

    def _select(self, x: Array, kept: Array | None, factor: float) -> Array:
        if factor == 0:
            return np.zeros_like(x)
        scaled = np.asarray(x * factor)
        return scaled if kept is None else np.where(kept, scaled, x.dtype.type(0))


class GaussianNoise(Layer):
    """y = x + std z in training, z standard normal."""

    kind = "gaussian_noise"

    def __init__(self, spec: Spec, number: int, inputs: int, trainable: bool, hosts: list[Any]) -> None:
        super().__init__(spec, number, inputs, trainable, hosts)
        self.std = float(spec["std"])

    def forward(self, x: Array, run: Run) -> tuple[Array, Any]:
        if not run.training:
            return x, None
        first = run.first_element(x)
        z = philox.normals(x.size, first=first, seed=run.seed, step=run.step, layer=self.number).reshape(x.shape)
        return x + (self.std * z).astype(x.dtype), None

    def backward(self, dy: Array, saved: Any, gradients: Array) -> Array:
        return dy


class Columns(Layer):
    """Some columns of x, in the order of the list."""

    kind = "columns"

    def __init__(self, spec: Spec, number: int, inputs: int, trainable: bool, hosts: list[Any]) -> None:
        super().__init__(spec, number, inputs, trainable, hosts)
        self.columns = [int(column) for column in spec["columns"]]
        self.outputs = len(self.columns)

    def forward(self, x: Array, run: Run) -> tuple[Array, Any]:
        return x[:, self.columns], None

    def backward(self, dy: Array, saved: Any, gradients: Array) -> Array:
        dx = np.zeros((len(dy), self.inputs), dy.dtype)
        dx[:, self.columns] = dy
        return dx


class Block(Layer):
    """Layers one after another."""

    kind = "block"
    whole_rows = True

    def __init__(self, spec: Spec, number: int, shape: Any, trainable: bool, hosts: list[Any]) -> None:
        super().__init__(spec, number, shape[-1], trainable, hosts)
        self.layers = build(spec["layers"], shape, hosts, number + 1, self.trainable)

    def shape_of_output(self, shape: Shape) -> Shape:
        return self.layers[-1].output_shape if self.layers else shape

    def inner(self) -> list[Layer]:
        return self.layers

    def forward(self, x: Array, run: Run) -> tuple[Array, Any]:
        return forward(self.layers, x, run)

    def backward(self, dy: Array, saved: Any, gradients: Array) -> Array:
        return backward(self.layers, saved, dy, gradients)

    def commit(self, saved: Any, statistics: Array, decay: float | None = None) -> None:
        for layer, its_own in zip(self.layers, saved, strict=True):
            layer.commit(its_own, statistics, decay)


class Parallel(Layer):
    """Branches on the same x; what they put out stands side by side along the last axis."""

    kind = "parallel"
    whole_rows = True

    def __init__(self, spec: Spec, number: int, shape: Any, trainable: bool, hosts: list[Any]) -> None:
        super().__init__(spec, number, shape[-1], trainable, hosts)
        self.layers: list[Layer] = []
        for inside in spec["layers"]:
            first = number + 1 + len(list(walk(self.layers)))
            self.layers += build([inside], shape, hosts, first, self.trainable)
        self.widths = [layer.output_shape[-1] for layer in self.layers]
        if len({layer.output_shape[:-1] for layer in self.layers}) != 1:
            shapes = [layer.output_shape for layer in self.layers]
            raise ValueError(f"{self.name}: branches put out rows of shapes {shapes}; all axes but the last must agree")

    def shape_of_output(self, shape: Shape) -> Shape:
        return (*self.layers[0].output_shape[:-1], sum(self.widths))

    def inner(self) -> list[Layer]:
        return self.layers

    def forward(self, x: Array, run: Run) -> tuple[Array, Any]:
        parts = [forward([layer], x, run) for layer in self.layers]
        return np.concatenate([y for y, _ in parts], axis=-1), [tape for _, tape in parts]

    def backward(self, dy: Array, saved: Any, gradients: Array) -> Array:
        parts = np.split(dy, np.cumsum(self.widths)[:-1], axis=-1)
        dx = [
            backward([layer], tape, np.ascontiguousarray(part), gradients)
            for layer, tape, part in zip(self.layers, saved, parts, strict=True)
        ]
        total = dx[-1]
        for one in reversed(dx[:-1]):
            total = total + one
        return total

    def commit(self, saved: Any, statistics: Array, decay: float | None = None) -> None:
        for layer, (its_own,) in zip(self.layers, saved, strict=True):
            layer.commit(its_own, statistics, decay)


class Residual(Layer):
    """y = x + block(x). He et al., CVPR 2016."""

    kind = "residual"
    whole_rows = True

    def __init__(self, spec: Spec, number: int, shape: Any, trainable: bool, hosts: list[Any]) -> None:
        super().__init__(spec, number, shape[-1], trainable, hosts)
        self.layers = build(spec["layers"], shape, hosts, number + 1, self.trainable)
        if self.layers and self.layers[-1].output_shape != shape:
            kept = "width" if len(shape) == 1 else "shape"
            raise ValueError(
                f"{self.name}: the block takes rows of shape {shape} and gives {self.layers[-1].output_shape}; a "
                f"residual block must keep the {kept}, because its input is added to its output"
            )

    def inner(self) -> list[Layer]:
        return self.layers

    def forward(self, x: Array, run: Run) -> tuple[Array, Any]:
        y, tape = forward(self.layers, x, run)
        return x + y, tape

    def backward(self, dy: Array, saved: Any, gradients: Array) -> Array:
        return dy + backward(self.layers, saved, dy, gradients)

    def commit(self, saved: Any, statistics: Array, decay: float | None = None) -> None:
        for layer, its_own in zip(self.layers, saved, strict=True):
            layer.commit(its_own, statistics, decay)


class Host(Layer):
    """A layer written in Python by the user."""

    kind = "host"
    whole_rows = True

    def __init__(self, spec: Spec, number: int, shape: Any, trainable: bool, hosts: list[Any]) -> None:
        super().__init__(spec, number, math.prod(shape), trainable, hosts)
        made = spec["outputs"]
        self.made = tuple(made) if isinstance(made, list) else (int(made),)
        self.outputs, self.host = math.prod(self.made), hosts[spec["index"]]
        for parameter in spec["parameters"]:
            self.declare(parameter["name"], tuple(parameter["shape"]), _ZEROS)

    def shape_of_output(self, shape: Shape) -> Shape:
        return self.made

    def _checked(self, method: str, result: Any, x: Array, columns: int) -> Array:
        array = np.asarray(result)
        if array.shape != (len(x), columns):
            raise ValueError(f"{self.name}: {method} returned {array.shape}, expected {(len(x), columns)}")
        return array.astype(x.dtype)

    def forward(self, x: Array, run: Run) -> tuple[Array, Any]:
        y, saved = self.host.forward(x.reshape(len(x), self.inputs), self.parameters, run.training)
        return self._checked("forward", y, x, self.outputs), saved

    def backward(self, dy: Array, saved: Any, gradients: Array) -> Array:
        target = gradients if self.trainable else np.zeros_like(gradients)
        views = [s.of(target) for s in self.segments]
        for view in views:
            view[...] = 0
        return self._checked("backward", self.host.backward(dy, saved, self.parameters, views), dy, self.inputs)


class Flatten(Layer):
    """A row of several axes as a plain one."""

    kind = "flatten"
    whole_rows = True

    def __init__(self, spec: Spec, number: int, shape: Any, trainable: bool, hosts: list[Any]) -> None:
        super().__init__(spec, number, shape[-1], trainable, hosts)
        self.outputs = math.prod(shape)

    def shape_of_output(self, shape: Shape) -> Shape:
        return (self.outputs,)

    def forward(self, x: Array, run: Run) -> tuple[Array, Any]:
        return x, None

    def backward(self, dy: Array, saved: Any, gradients: Array) -> Array:
        return dy


class Reshape(Flatten):
    """The numbers of a row in another shape of the same size."""

    kind = "reshape"

    def __init__(self, spec: Spec, number: int, shape: Any, trainable: bool, hosts: list[Any]) -> None:
        super().__init__(spec, number, shape, trainable, hosts)
        self.wanted = tuple(spec["shape"])
        if math.prod(self.wanted) != math.prod(shape):
            raise ValueError(f"{self.name}: rows of shape {shape} cannot be made {self.wanted}")

    def shape_of_output(self, shape: Shape) -> Shape:
        return self.wanted


def _class_of(kind: str) -> type[Layer]:
    """The class of this kind, whatever file it is in."""
    classes = [Layer]
    for made in classes:
        classes.extend(made.__subclasses__())
    for made in classes:
        if made.kind == kind and kind:
            return made
    raise ValueError(f"layer kind {kind!r} is not known: python/densekit/_reference_engine has no class for it")


def build(specs: list[Spec], shape: Shape, hosts: list[Any], number: int = 0, trainable: bool = True) -> list[Layer]:
    """The layers of a list of specs for rows of this shape.

    number: that of the first layer. trainable: that of the block around them.
    """
    layers: list[Layer] = []
    for spec in specs:
        made: Any = _class_of(spec["kind"])
        layer: Layer = made(spec, number, shape if made.whole_rows else shape[-1], trainable, hosts)
        layers.append(layer)
        layer.input_shape = shape
        layer.output_shape = shape = layer.shape_of_output(shape)
        number += len(list(walk([layer])))
    return layers


def walk(layers: list[Layer]) -> Iterator[Layer]:
    """Depth first, a block before the layers inside it: the order of the numbers and of the segments."""
    for layer in layers:
        yield layer
        yield from walk(layer.inner())
