"""What weights begin with: descriptions of random draws, drawn by the engine, or arrays of the user's.

fan_in and fan_out are a kernel's inputs and units. Names and definitions are Keras's: its "normal" ones are cut at two
standard deviations and rescaled, so that the variance is right; `truncated=False` draws as PyTorch does. The draws are
defined in docs/network.md: they depend on the seed and the place alone.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from densekit._arrays import _as_array, flag, number, one_of
from densekit._checks import short
from densekit._parts import Catalogue, Part

Mode: TypeAlias = Literal["fan_in", "fan_out", "fan_avg"]
Distribution: TypeAlias = Literal["uniform", "normal", "truncated_normal"]


class Initializer(Part):
    """The base of all."""

    def spec(self) -> dict[str, Any]:
        """The initializer of docs/network.md.

        >>> densekit.initializers.Constant(0.5).spec()
        {'kind': 'constant', 'value': 0.5}
        """
        raise NotImplementedError(f"{type(self).__name__} has no method spec(), which every initializer needs")


def _number(part: Initializer, field: str, **limits: Any) -> None:
    object.__setattr__(part, field, number(type(part).__name__, field, getattr(part, field), **limits))


@dataclass(frozen=True)
class Zeros(Initializer):
    """All 0.

    >>> densekit.initializers.Zeros().spec()
    {'kind': 'zeros'}
    """

    def spec(self) -> dict[str, Any]:
        return {"kind": "zeros"}


@dataclass(frozen=True)
class Ones(Initializer):
    """All 1.

    >>> densekit.initializers.Ones().spec()
    {'kind': 'ones'}
    """

    def spec(self) -> dict[str, Any]:
        return {"kind": "ones"}


@dataclass(frozen=True)
class Constant(Initializer):
    """All `value`, a number.

    >>> densekit.initializers.Constant(0.1).value
    0.1
    """

    value: float = 0.0

    def __post_init__(self) -> None:
        _number(self, "value")

    def spec(self) -> dict[str, Any]:
        return {"kind": "constant", "value": self.value}


@dataclass(frozen=True)
class Uniform(Initializer):
    """Uniform in [low, high), default -0.05 and 0.05.

    >>> densekit.initializers.Uniform(-1, 1).high
    1.0
    """

    low: float = -0.05
    high: float = 0.05

    def __post_init__(self) -> None:
        _number(self, "low")
        _number(self, "high", low=self.low)

    def spec(self) -> dict[str, Any]:
        return {"kind": "uniform", "low": self.low, "high": self.high}


@dataclass(frozen=True)
class Normal(Initializer):
    """Normal with this mean (0) and standard deviation (0.05).

    >>> densekit.initializers.Normal(std=0.01).spec()
    {'kind': 'normal', 'mean': 0.0, 'std': 0.01}
    """

    mean: float = 0.0
    std: float = 0.05

    def __post_init__(self) -> None:
        _number(self, "mean")
        _number(self, "std", low=0)

    def spec(self) -> dict[str, Any]:
        return {"kind": "normal", "mean": self.mean, "std": self.std}


@dataclass(frozen=True)
class TruncatedNormal(Normal):
    """Normal, but nothing beyond two standard deviations; std is that before cutting, which makes it 0.8796 of it.

    >>> densekit.initializers.TruncatedNormal().spec()["kind"]
    'truncated_normal'
    """

    def spec(self) -> dict[str, Any]:
        return {**super().spec(), "kind": "truncated_normal"}


@dataclass(frozen=True)
class VarianceScaling(Initializer):
    """Mean 0 and variance scale / fan. mode: which fan, "fan_avg" their mean. distribution: uniform, normal, truncated.

    The fans are the kernel's, for a bias, too.

    >>> densekit.initializers.VarianceScaling(2.0, "fan_in", "normal") == densekit.initializers.VarianceScaling(
    ...     scale=2.0, mode="fan_in", distribution="normal")
    True
    """

    scale: float = 1.0
    mode: Mode = "fan_in"
    distribution: Distribution = "truncated_normal"

    def __post_init__(self) -> None:
        name = type(self).__name__
        _number(self, "scale", low=0, open_low=True)
        one_of(name, "mode", self.mode, ("fan_in", "fan_out", "fan_avg"))
        one_of(name, "distribution", self.distribution, ("uniform", "normal", "truncated_normal"))

    def spec(self) -> dict[str, Any]:
        return {
            "kind": "variance_scaling",
            "scale": self.scale,
            "mode": self.mode,
            "distribution": self.distribution,
        }


@dataclass(frozen=True)
class _Scaled(Initializer):
    """A variance of gain^2 * _scale / _mode."""

    gain: float = 1.0
    _scale: ClassVar[float] = 1.0
    _mode: ClassVar[Mode] = "fan_in"

    def __post_init__(self) -> None:
        _number(self, "gain", low=0, open_low=True)

    @property
    def distribution(self) -> Distribution:
        """What is drawn from: uniform, normal or truncated_normal."""
        return "uniform"

    def spec(self) -> dict[str, Any]:
        return VarianceScaling(self._scale * self.gain**2, self._mode, self.distribution).spec()


@dataclass(frozen=True)
class _ScaledNormal(_Scaled):
    truncated: bool = True

    def __post_init__(self) -> None:
        super().__post_init__()
        flag(type(self).__name__, "truncated", self.truncated)

    @property
    def distribution(self) -> Distribution:
        return "truncated_normal" if self.truncated else "normal"


@dataclass(frozen=True)
class GlorotUniform(_Scaled):
    """U(-a, a), a = gain sqrt(6 / (fan_in + fan_out)): for tanh and softmax. Glorot and Bengio, AISTATS 2010.

    >>> densekit.initializers.GlorotUniform().spec()["mode"]
    'fan_avg'
    """

    _mode: ClassVar[Mode] = "fan_avg"


@dataclass(frozen=True)
class GlorotNormal(_ScaledNormal):
    """Standard deviation gain sqrt(2 / (fan_in + fan_out)). Glorot and Bengio, AISTATS 2010.

    >>> densekit.initializers.GlorotNormal(truncated=False).spec()["distribution"]
    'normal'
    """

    _mode: ClassVar[Mode] = "fan_avg"


@dataclass(frozen=True)
class HeUniform(_Scaled):
    """U(-a, a), a = gain sqrt(6 / fan_in): for relu. He et al., arXiv 1502.01852.

    >>> densekit.initializers.HeUniform().spec()["scale"]
    2.0
    """

    _scale: ClassVar[float] = 2.0


@dataclass(frozen=True)
class HeNormal(_ScaledNormal):
    """Standard deviation gain sqrt(2 / fan_in): for relu. He et al., arXiv 1502.01852.

    >>> densekit.initializers.HeNormal().spec()["distribution"]
    'truncated_normal'
    """

    _scale: ClassVar[float] = 2.0


@dataclass(frozen=True)
class LecunUniform(_Scaled):
    """U(-a, a), a = gain sqrt(3 / fan_in). LeCun et al., Efficient BackProp, 1998.

    >>> densekit.initializers.LecunUniform().spec()["mode"]
    'fan_in'
    """


@dataclass(frozen=True)
class LecunNormal(_ScaledNormal):
    """Standard deviation gain sqrt(1 / fan_in): for selu. LeCun et al., 1998; Klambauer et al., arXiv 1706.02515.

    >>> densekit.initializers.LecunNormal().spec()["scale"]
    1.0
    """


@dataclass(frozen=True)
class Orthogonal(Initializer):
    """Rows or columns, whichever are fewer, orthonormal, times gain. Saxe et al., arXiv 1312.6120. Kernels only.

    >>> densekit.initializers.Orthogonal(2.0).spec()
    {'kind': 'orthogonal', 'gain': 2.0}
    """

    gain: float = 1.0

    def __post_init__(self) -> None:
        _number(self, "gain")

    def spec(self) -> dict[str, Any]:
        return {"kind": "orthogonal", "gain": self.gain}


@dataclass(frozen=True, eq=False)
class Given(Initializer):
    """Values of the user's: an array of the parameter's shape, or a function that makes one.

    values: the array; or function(shape); or function(shape, rng) with a numpy.random.Generator. `get` makes one of any
    array or callable.

    >>> densekit.initializers.get(lambda shape: np.full(shape, 7.0)).array((2,))
    array([7., 7.])
    """

    values: ArrayLike | Callable[..., ArrayLike] | None = None

    def __post_init__(self) -> None:
        if not callable(self.values) and self.values is not None:
            object.__setattr__(self, "values", _as_array("initializer", "values", self.values).copy())

    def spec(self) -> dict[str, Any]:
        return {"kind": "given"}

    def config(self) -> dict[str, Any]:
        return {"class": "Given"}  # a saved model has the weights themselves

    def array(self, shape: tuple[int, ...], seed: int = 0) -> NDArray[Any]:
        """The values for a parameter of this shape; ValueError if they have another.

        seed: of the generator that the function is given, if it takes one.
        """
        if self.values is None:
            raise ValueError(
                "initializer: Given has no values; it came from a saved model, whose weights are to be used"
            )
        values = self.values
        if callable(values):
            values = _call(values, shape, seed)
        array = _as_array("initializer", "values", values)
        if array.shape != shape:
            raise ValueError(f"initializer: the values are {array.shape}, but the parameter is {shape}")
        return array


def _call(function: Callable[..., ArrayLike], shape: tuple[int, ...], seed: int) -> ArrayLike:
    import inspect

    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):  # some builtins have no signature
        return function(shape)
    places = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    takes_rng = any(p.name == "rng" for p in parameters) or sum(p.default is p.empty for p in places) > 1
    if not takes_rng:
        return function(shape)
    rng = np.random.default_rng(seed)
    return function(shape, rng=rng) if any(p.name == "rng" for p in parameters) else function(shape, rng)


def preset(name: str, activation: str = "identity") -> tuple[Initializer, Initializer]:
    """Initializers of kernel and bias as a library's dense layer has them: (kernel, bias).

    name: "torch" (both U(-a, a), a = 1 / sqrt(fan_in)), "keras" (Glorot uniform, zeros), "sklearn" (both U(-a, a),
    a = sqrt(6 / (fan_in + fan_out)), or sqrt(2 / (fan_in + fan_out)) with activation "sigmoid").

    >>> kernel, bias = densekit.initializers.preset("keras")
    >>> kernel, bias
    (GlorotUniform(gain=1.0), Zeros())
    """
    one_of("preset", "name", name, PRESETS)
    if name == "keras":
        return GlorotUniform(), Zeros()
    if name == "torch":
        both: Initializer = VarianceScaling(1 / 3, "fan_in", "uniform")
    else:
        both = GlorotUniform(math.sqrt(1 / 3)) if activation in ("sigmoid", "logistic") else GlorotUniform()
    return both, both


PRESETS = ("torch", "keras", "sklearn")


def get(value: Any) -> Initializer:
    """An initializer by its name or config, with its defaults; an object as it is; an array or function as Given.

    Names: zeros, ones, uniform, normal, truncated_normal, glorot_uniform, glorot_normal, he_uniform, he_normal,
    lecun_uniform, lecun_normal, orthogonal, variance_scaling, also xavier_… and kaiming_…, in any case.

    >>> densekit.initializers.get("he_normal")
    HeNormal(gain=1.0, truncated=True)
    """
    if isinstance(value, str) and value in PRESETS:
        raise ValueError(
            f"initializer: {short(value)} is a preset for kernel and bias together; "
            f"densekit.initializers.preset({short(value)})"
        )
    if isinstance(value, np.ndarray | list | tuple) or (callable(value) and not isinstance(value, type)):
        return Given(value)
    if isinstance(value, int | float | np.integer | np.floating) and not isinstance(value, bool):
        return Constant(number("initializer", "value", value))
    return _CATALOGUE.get(value)


_MAKERS: Mapping[str, Callable[[], Initializer]] = {
    "zeros": Zeros,
    "ones": Ones,
    "uniform": Uniform,
    "random_uniform": Uniform,
    "normal": Normal,
    "random_normal": Normal,
    "truncated_normal": TruncatedNormal,
    "glorot_uniform": GlorotUniform,
    "glorot_normal": GlorotNormal,
    "xavier_uniform": GlorotUniform,
    "xavier_normal": lambda: GlorotNormal(truncated=False),
    "he_uniform": HeUniform,
    "he_normal": HeNormal,
    "kaiming_uniform": HeUniform,
    "kaiming_normal": lambda: HeNormal(truncated=False),
    "lecun_uniform": LecunUniform,
    "lecun_normal": LecunNormal,
    "orthogonal": Orthogonal,
    "variance_scaling": VarianceScaling,
}
CLASSES: tuple[type[Initializer], ...] = (
    Zeros,
    Ones,
    Constant,
    Uniform,
    Normal,
    TruncatedNormal,
    VarianceScaling,
    GlorotUniform,
    GlorotNormal,
    HeUniform,
    HeNormal,
    LecunUniform,
    LecunNormal,
    Orthogonal,
    Given,
)
_CATALOGUE: Catalogue[Initializer] = Catalogue("initializer", Initializer, _MAKERS, CLASSES)

__all__ = [
    "PRESETS",
    "Constant",
    "Given",
    "GlorotNormal",
    "GlorotUniform",
    "HeNormal",
    "HeUniform",
    "Initializer",
    "LecunNormal",
    "LecunUniform",
    "Normal",
    "Ones",
    "Orthogonal",
    "TruncatedNormal",
    "Uniform",
    "VarianceScaling",
    "Zeros",
    "get",
    "preset",
]
