"""What every layer has: a name, a width, views of its weights, and a repr that reads like its constructor."""

from __future__ import annotations

import contextlib
import hashlib
import inspect
import math
import re
import threading
import weakref
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from densekit import initializers, regularizers
from densekit._arrays import flag, whole
from densekit._checks import short
from densekit._intake import refuse_batches

if TYPE_CHECKING:
    from densekit._stack import Stack

Array = NDArray[Any]
Shape: TypeAlias = tuple[int, ...]  # of a row

_MOST_AXES = 8  # of a row, as in NumPy's practice; the engine's limit


def row_shape(where: str, name: str, value: Any) -> Shape:
    """The shape of a row, of a number of columns or of a tuple."""
    lengths = tuple(value) if isinstance(value, tuple | list) else (value,)
    if not 0 < len(lengths) <= _MOST_AXES:
        raise ValueError(f"{where}: {name} must have 1 to {_MOST_AXES} axes, got {short(value)}")
    return tuple(whole(where, name, length, low=1) for length in lengths)


def spec_shape(shape: Shape) -> int | list[int]:
    """As specs and configs write it: the number of columns, or a list."""
    return shape[0] if len(shape) == 1 else list(shape)


class WeightView:
    """A weight of a layer as an attribute: reading gives the live view, assigning writes into it."""

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def __get__(self, layer: Layer | None, owner: type) -> Any:
        return self if layer is None else layer.weight(self.name)

    def __set__(self, layer: Layer, value: ArrayLike) -> None:
        write_into(f"{layer.name or type(layer).__name__}.{self.name}", layer.weight(self.name), value)


class Layer:
    """A layer; the base class of layers written in Python.

    A subclass declares its parameters in `build(inputs)`, which returns the width of the output, and computes in
    `forward(x, parameters, training)` → `(y, saved)` and `backward(dy, saved, parameters, gradients)` → `dx`.
    x: (n, inputs) in the model's dtype, y: (n, outputs); where rows have several axes build is given their shape, a
    tuple, and x is (n, *shape); build may return a shape, too. `saved` is anything that backward needs; `parameters`
    and `gradients` are lists of arrays in the order of declaration, and backward fills the gradients in place. An error
    that they raise ends the fit before the update.

    trainable: False keeps the layer's parameters (and running statistics) as they are. name: unique in the model; by
    default the class name in snake case with a number. inputs: the width of the input, or the shape of a row, otherwise
    found in the data.

    >>> class Scale(densekit.layers.Layer):
    ...     def build(self, inputs):
    ...         self.add_parameter("factor", (inputs,), 2.0)
    ...         return inputs
    ...
    ...     def forward(self, x, parameters, training):
    ...         return x * parameters[0], x
    ...
    ...     def backward(self, dy, saved, parameters, gradients):
    ...         gradients[0][...] = (dy * saved).sum(axis=0)
    ...         return dy * parameters[0]
    >>> densekit.Sequential([Scale(inputs=3)], seed=0)([[1, 2, 3]])
    array([[2., 4., 6.]], dtype=float32)
    """

    kind = "host"
    # The fields that the kind has in a spec beside its name (docs/network.md), each an attribute of the layer.
    spec_fields: tuple[str, ...] = ()
    # The parameters that may have a penalty: each an attribute `…_regularizer`, and in a spec `…_penalty`.
    penalised: tuple[str, ...] = ()
    # Whether in training a row depends on the others of its batch, and whether it depends on random numbers.
    uses_batch = False
    # Whether it computes the same function before any training as after it, row by row.
    fixed = False
    # Defaults on the class, so that a subclass with an __init__ of its own need not call ours.
    inputs: int | None = None  # columns: the last axis of a row
    outputs: int | None = None
    input_shape: Shape | None = None  # of a row
    output_shape: Shape | None = None
    _name: str | None = None
    _name_given = False
    _trainable = True
    _inputs_given: int | Shape | None = None
    _outputs_given: int | Shape | None = None  # of a layer whose constructor has outputs=
    _owner: weakref.ref[Stack] | None = None
    _declared: tuple[tuple[str, tuple[int, ...], initializers.Initializer], ...] = ()

    def __init__(self, *, trainable: bool = True, name: str | None = None, inputs: Any = None) -> None:
        self.trainable = trainable
        if name is not None:
            self.name = name
        if inputs is not None:
            shape = row_shape(type(self).__name__, "inputs", inputs)
            self._inputs_given = shape[0] if len(shape) == 1 else shape

    @property
    def name(self) -> str | None:
        """Unique in its model; None until the layer is added to one."""
        return self._name

    @name.setter
    def name(self, name: str) -> None:
        if self._owner is not None and self._owner() is not None:
            raise ValueError(f"{self._name}: a layer keeps its name while it belongs to a model")
        if not isinstance(name, str) or not re.fullmatch(r"\w[\w -]*", name):
            raise ValueError(
                f"{type(self).__name__}: name must be letters, digits, '_', '-' and spaces, without '.' and '/', "
                f"got {short(name)}"
            )
        self._name, self._name_given = name, True

    @property
    def trainable(self) -> bool:
        """Whether training changes the layer; may be switched at any time, the next call of the model follows."""
        return self._trainable

    @trainable.setter
    def trainable(self, value: bool) -> None:
        self._trainable = flag(type(self).__name__, "trainable", value)
        model = self._owner() if self._owner is not None else None
        if model is not None:
            model._changed()

    # What a subclass overrides.

    def build(self, inputs: Any) -> Any:
        """Declares the parameters for an input of this width (or shape); returns that of the output."""
        return inputs

    def forward(self, x: Array, parameters: list[Array], training: bool) -> tuple[Array, Any]:
        """y and what backward needs of x."""
        raise NotImplementedError(f"{type(self).__name__} needs forward(self, x, parameters, training) -> (y, saved)")

    def backward(self, dy: Array, saved: Any, parameters: list[Array], gradients: list[Array]) -> Array:
        """dx, with the gradients of the parameters written into `gradients`."""
        raise NotImplementedError(
            f"{type(self).__name__} needs backward(self, dy, saved, parameters, gradients) -> dx to be trained"
        )

    def add_parameter(self, name: str, shape: tuple[int, ...], initial: Any = 0.0) -> None:
        """Declares a parameter, in `build`.

        initial: a number, "zeros", "ones", an array of that shape, or a function of (shape, rng) with a NumPy generator
        that is seeded by the model's seed and the parameter's name.
        """
        where = f"{type(self).__name__}.add_parameter"
        if not isinstance(name, str) or not name.isidentifier() or any(name == known for known, *_ in self._declared):
            raise ValueError(f"{where}: name must be an identifier that the layer does not use yet, got {short(name)}")
        shape = tuple(whole(where, "shape", length, low=1) for length in shape)
        self._declared = (*self._declared, (name, shape, initializers.get(initial)))

    # What a model asks of a layer.

    def children(self) -> list[Layer]:
        """The layers inside this one."""
        return []

    def attach(self, shape: Shape) -> Shape:
        """Fixes the shape of a row that comes in, and returns that of one that goes out."""
        inputs = shape[0] if len(shape) == 1 else shape
        if self._inputs_given not in (None, inputs):
            come = f"{inputs} columns come in" if len(shape) == 1 else f"rows of shape {shape} come in"
            raise ValueError(f"{self.name}: the layer was made for inputs={self._inputs_given}, but {come}")
        self._declared = ()
        self.output_shape = self.build_shape(shape)
        self.input_shape, self.inputs, self.outputs = shape, shape[-1], self.output_shape[-1]
        return self.output_shape

    def build_shape(self, shape: Shape) -> Shape:
        """`build` for rows of this shape: layers of the engine work along the last axis."""
        own = self.kind == "host"  # a layer written in Python sees whole rows
        given: Any = shape if own and len(shape) > 1 else shape[-1]
        outputs: Any = self.build(given)
        if own and isinstance(outputs, tuple | list) and outputs:
            return row_shape(str(self.name), "what build returns", outputs)
        if isinstance(outputs, bool) or not isinstance(outputs, int | np.integer) or outputs < 1:
            raise TypeError(f"{self.name}: build must return the width of the output, got {short(outputs)}")
        return (int(outputs),) if own else (*shape[:-1], int(outputs))

    def spec(self, hosts: list[Any]) -> dict[str, Any]:
        """The layer as docs/network.md writes it, after `attach`; a layer written in Python adds itself to `hosts`."""
        if self.kind != "host":
            return self._common() | {name: getattr(self, name) for name in self.spec_fields} | self._penalties()
        hosts.append(HostCalls(self))
        parameters = [{"name": name, "shape": list(shape)} for name, shape, _ in self._declared]
        outputs = spec_shape(self.output_shape or ())
        return self._common() | {"index": len(hosts) - 1, "outputs": outputs, "parameters": parameters}

    @property
    def draws(self) -> bool:
        """Whether its output in training depends on random numbers."""
        return False

    def _common(self) -> dict[str, Any]:
        return {"kind": self.kind, "name": self.name, "trainable": self.trainable}

    def _penalties(self) -> dict[str, Any]:
        return {f"{of}_penalty": _penalty(getattr(self, f"{of}_regularizer")) for of in self.penalised}

    def given(self, seed: int, dtype: Any) -> dict[str, Array]:
        """The starting values that Python writes: those of parameters declared here and of arrays given by the user."""
        values = {}
        for name, shape, initial in self._declared:
            values[name] = given_array(f"{self.name}.{name}", initial, shape, seed)
        return values

    # What a user asks.

    @property
    def weights(self) -> dict[str, Array]:
        """Views of the layer's parameters and running statistics by name; writing into them changes the model."""
        model = self._owner() if self._owner is not None else None
        name = self.name or type(self).__name__
        if model is None:
            raise RuntimeError(f"{name} has no weights: they live in its model, and it has none, or that one is gone")
        computing: Any = getattr(_CALLS, "layer", None)
        apart = computing is not None and computing is not self and self.trainable
        if apart and computing._owner is not None and computing._owner() is model:
            raise RuntimeError(
                f"{computing.name} computes with the weights of {name}, whose gradient would lack this part: a layer "
                f"trains only its own parameters (add_parameter); with {name}.trainable = False it may read them"
            )
        if not model.built:
            raise RuntimeError(
                f"{name} has no weights yet: its model makes them when it sees data, or at once if the first layer is "
                "given inputs="
            )
        return model._layer_weights(self)

    def weight(self, name: str) -> Array:
        """The view of one parameter or running statistic."""
        weights = self.weights
        if name not in weights:
            raise AttributeError(f"{self.name} has no {name}; it has {', '.join(weights) or 'no weights'}")
        return weights[name]

    @classmethod
    def default_name(cls) -> str:
        """What a layer without a name is called, with a number where the name is taken."""
        return snake_case(cls.__name__)

    def __repr__(self) -> str:
        return constructor_text(self, self.given_arguments())

    def given_arguments(self) -> dict[str, Any]:
        """Arguments of the constructor whose attributes show what was found out since."""
        return {
            "name": self._name if self._name_given else None,
            "inputs": self._inputs_given,
            "outputs": self._outputs_given,
        }

    def __getstate__(self) -> dict[str, Any]:
        return {key: value for key, value in self.__dict__.items() if key != "_owner"}


# What this thread is computing with gradients: `layer`, a Python layer, or nothing.
_CALLS = threading.local()


@contextlib.contextmanager
def _computing(layer: Layer | None) -> Iterator[None]:
    before = getattr(_CALLS, "layer", None)
    _CALLS.layer = layer
    try:
        yield
    finally:
        _CALLS.layer = before


class HostCalls:
    """A Python layer as an engine calls it: what it returns is checked before it goes on.

    In training and backward it may not read the weights of another layer that is trained: they would lose a gradient.
    """

    def __init__(self, layer: Layer) -> None:
        self.layer = layer

    def forward(self, x: Array, parameters: list[Array], training: bool) -> tuple[Array, Any]:
        rows = x.reshape(len(x), *(self.layer.input_shape or ()))
        with _computing(self.layer if training else None):
            result = self.layer.forward(rows, parameters, training)
        if not isinstance(result, tuple) or len(result) != 2:
            raise TypeError(f"{self.layer.name}.forward must return (y, saved), got {type(result).__name__}")
        return self._checked("forward", "y", result[0], x, self.layer.output_shape), result[1]

    def backward(self, dy: Array, saved: Any, parameters: list[Array], gradients: list[Array]) -> Array:
        rows = dy.reshape(len(dy), *(self.layer.output_shape or ()))
        with _computing(self.layer):
            dx = self.layer.backward(rows, saved, parameters, gradients)
        return self._checked("backward", "dx", dx, dy, self.layer.input_shape)

    def _checked(self, call: str, what: str, value: Any, like: Array, shape: Shape | None) -> Array:
        """As rows of numbers, (n, size of a row)."""
        expected = (len(like), *(shape or ()))
        shape = np.shape(value)
        if shape != expected:
            raise ValueError(f"{self.layer.name}.{call}: {what} is {shape}, expected {expected}")
        return np.require(value, like.dtype, ["C", "ALIGNED"]).reshape(len(like), math.prod(expected[1:]))


def _penalty(regularizer: Any) -> dict[str, Any]:
    if regularizer is None:
        return {"l1": 0.0, "l2": 0.0, "proximal": True}
    return regularizers.get(regularizer).spec()


def given_array(where: str, initial: initializers.Initializer, shape: tuple[int, ...], seed: int) -> Array:
    """The starting values that Python makes; functions get a generator that the seed and the name decide."""
    constant = initial.spec().get("value", {"zeros": 0.0, "ones": 1.0}.get(initial.spec()["kind"]))
    if constant is not None:
        return np.full(shape, constant)
    if not isinstance(initial, initializers.Given):
        raise TypeError(f"{where}: give a number, an array, or a function of (shape, rng), not {short(initial)}")
    try:
        return initial.array(shape, int.from_bytes(hashlib.sha256(f"{seed} {where}".encode()).digest()[:8]))
    except ValueError as error:
        raise ValueError(f"{where}: {error}") from None


def write_into(where: str, view: Array, value: Any) -> None:
    """Writes a number, or an array of the same shape, into a view."""
    refuse_batches("weights", where, value)
    array = np.asarray(value)
    if array.dtype.kind not in "fiub":
        raise TypeError(f"{where}: expected numbers of shape {view.shape}, got {array.dtype}")
    if array.ndim and array.shape != view.shape:
        raise ValueError(f"{where}: the value is {array.shape}, expected {view.shape}")
    view[...] = array


def walk(layers: Iterable[Layer]) -> Iterator[Layer]:
    """All layers, depth first, a block before the layers inside it: the numbering of docs/network.md."""
    for layer in layers:
        yield layer
        yield from walk(layer.children())


def snake_case(name: str) -> str:
    """The default name of a layer: BatchNorm gives batch_norm."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name).lower()


def constructor_text(thing: Any, overrides: Mapping[str, Any]) -> str:
    """The call that makes a thing like this one: arguments without a default plainly, others where they differ from it.

    Arguments are read from attributes of the same name.
    """
    return f"{type(thing).__name__}({', '.join(_arguments(thing, overrides))})"


def constructor_parameters(made: type) -> list[inspect.Parameter]:
    """The parameters of the constructor; those of Layer, too, where it passes on keywords."""
    own = list(inspect.signature(made).parameters.values())
    plain = [p for p in own if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]
    if any(p.kind is p.VAR_KEYWORD for p in own) and issubclass(made, Layer):
        names = {p.name for p in plain}
        plain += [p for p in inspect.signature(Layer).parameters.values() if p.name not in names]
    return plain


def _arguments(thing: Any, overrides: Mapping[str, Any]) -> Iterator[str]:
    missing, in_place = object(), True  # in_place: every argument so far was written, so the next needs no keyword
    for parameter in constructor_parameters(type(thing)):
        given = parameter.name in overrides
        value = overrides[parameter.name] if given else getattr(thing, parameter.name, missing)
        if value is missing:
            continue
        in_place = in_place and parameter.kind is not parameter.KEYWORD_ONLY
        if parameter.default is parameter.empty or _differs(value, parameter.default):
            yield _short(value) if in_place else f"{parameter.name}={_short(value)}"
        else:
            in_place = False


def _differs(value: Any, default: Any) -> bool:
    return isinstance(value, np.ndarray) or type(value) is not type(default) or bool(value != default)


def _short(value: Any) -> str:
    if isinstance(value, np.ndarray) and value.size > 6:
        return f"<{value.dtype} array of {value.shape}>"
    if inspect.isfunction(value):
        return value.__qualname__
    return repr(value)
