"""Optimizers as descriptions: frozen, checked, the same object for any number of models.

`compat` names whose arithmetic and whose defaults hold: "torch" (ours), "keras", "sklearn" or "dlfs", where they have
the optimizer. A hyper-parameter that is None takes that library's default, which the object then shows. `lr` is a rate
or an object of densekit.schedules. `weight_decay` is decoupled everywhere, w <- w - lr weight_decay w, and on kernels
only; with decay_biases=True it is on all trainable parameters, biases, gammas and betas, too, as it is in PyTorch and
Keras. It is not the L2 penalty (densekit.regularizers.L2), which is part of the objective, and
which PyTorch's SGD and Adam mean by that word. The updates themselves are those of densekit.functional.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass, fields
from typing import Any, ClassVar, Literal, TypeAlias

from densekit import _core, schedules
from densekit._arrays import flag, number, one_of, whole
from densekit._parts import Catalogue, Part

Compat: TypeAlias = Literal["torch", "keras", "sklearn", "dlfs"]
Rate: TypeAlias = "float | schedules.Schedule | None"

_KINDS = _core.kinds()


@functools.cache
def _ranges(kinds: tuple[str, ...]) -> dict[str, dict[str, Any]]:
    """How each hyper-parameter is checked, by the engine's records: keyword arguments of _arrays.number."""
    records = [_KINDS["common"]["optimizers"], *(_KINDS["optimizers"][kind] for kind in kinds)]
    return {
        name: {key: limit for key, limit in about["range"].items() if limit is not None}
        for record in records
        for name, about in record["fields"].items()
        if about["type"] == "number"
    }


@dataclass(frozen=True)
class Optimizer(Part):
    """The base of all: fills in the defaults of `compat`, checks the ranges, writes the spec."""

    lr: Rate = None
    _: KW_ONLY
    weight_decay: float | None = None
    maximize: bool = False
    compat: Compat = "torch"
    decay_biases: bool = False

    # The library's defaults; those that are missing are those of "torch".
    _defaults: ClassVar[Mapping[str, Mapping[str, float]]] = {"torch": {}}

    def __post_init__(self) -> None:
        name = type(self).__name__
        one_of(name, "compat", self.compat, tuple(self._defaults))
        defaults = {"weight_decay": 0.0, **self._defaults["torch"], **self._defaults[self.compat]}
        ranges = _ranges(self._kinds())
        for f in fields(self):
            value = getattr(self, f.name)
            value = defaults[f.name] if value is None and f.name in defaults else value
            if f.name in ranges and f.name != "lr":
                value = number(name, f.name, value, **ranges[f.name])
            object.__setattr__(self, f.name, value)
        for f in fields(self):
            if f.type == "bool":
                flag(name, f.name, getattr(self, f.name))
        rate: Any = self.lr
        if isinstance(rate, Mapping):  # a config
            rate = schedules.get(rate)
        if not isinstance(rate, schedules.Schedule):
            rate = number(name, "lr", rate, **ranges["lr"])
        object.__setattr__(self, "lr", rate)

    @property
    def schedule(self) -> schedules.Schedule:
        """The learning rate as a schedule, Constant for a number."""
        return schedules.get(self.lr)

    @classmethod
    def _kinds(cls) -> tuple[str, ...]:
        """The kinds that objects of this class may be."""
        return (cls.__name__.lower(),)

    @property
    def kind(self) -> str:
        """The name of the update in docs/network.md and densekit.functional."""
        return self._kinds()[0]

    def spec(self) -> dict[str, Any] | None:
        """The optimizer of docs/network.md; `lr` is the first rate of a schedule.

        >>> densekit.optimizers.SGD(0.5).spec()
        {'kind': 'sgd', 'lr': 0.5, 'weight_decay': 0.0, 'maximize': False, 'compat': 'torch', 'decay_biases': False}
        """
        common = {f.name: getattr(self, f.name) for f in fields(Optimizer)} | {"lr": self.schedule.initial}
        return {"kind": self.kind, **common, **self._numbers()}

    def _numbers(self) -> dict[str, Any]:
        """The hyper-parameters of this optimizer alone."""
        common = {f.name for f in fields(Optimizer)}
        return {f.name: getattr(self, f.name) for f in fields(self) if f.name not in common}


@dataclass(frozen=True)
class SGD(Optimizer):
    """Gradient descent, with momentum if it is greater than 0: v <- momentum v + (1 - dampening) g; w <- w - lr v.

    nesterov: w <- w - lr (g + momentum v) instead, without dampening.
    lr: default 0.01. momentum, dampening: 0 to 1, default 0.
    compat "keras", "sklearn", "dlfs": v <- momentum v - lr g; w <- w + v, the same while lr is; docs/network.md has
    their Nesterov. "sklearn": lr 0.001, momentum 0.9. Polyak 1964; Sutskever et al. 2013.

    >>> densekit.optimizers.SGD(0.1, momentum=0.9, nesterov=True).spec()["kind"]
    'nesterov'
    """

    momentum: float | None = None
    nesterov: bool = False
    dampening: float = 0.0
    _defaults: ClassVar[Mapping[str, Mapping[str, float]]] = {
        "torch": {"lr": 0.01, "momentum": 0.0},
        "keras": {},
        "sklearn": {"lr": 0.001, "momentum": 0.9},
        "dlfs": {},
    }

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.nesterov and (not self.momentum or self.dampening):
            raise ValueError(
                f"SGD: nesterov needs a momentum greater than 0 and no dampening, "
                f"got momentum={self.momentum!r}, dampening={self.dampening!r}"
            )
        if self.dampening and self.compat != "torch":
            raise ValueError(f"SGD: dampening={self.dampening!r} is PyTorch's alone, got compat={self.compat!r}")

    @classmethod
    def _kinds(cls) -> tuple[str, ...]:
        return ("sgd", "momentum", "nesterov")

    @property
    def kind(self) -> str:
        return "nesterov" if self.nesterov else "momentum" if self.momentum else "sgd"

    def _numbers(self) -> dict[str, Any]:
        if self.kind == "sgd":
            return {}
        if self.kind == "nesterov":
            return {"momentum": self.momentum}
        return {"momentum": self.momentum, "dampening": self.dampening}


@dataclass(frozen=True)
class RMSprop(Optimizer):
    """s <- rho s + (1 - rho) g^2; w <- w - lr g / (sqrt(s) + eps). Tieleman and Hinton, Coursera 2012.

    lr: default 0.01 (keras 0.001). rho: 0 to 1, default 0.99 (keras 0.9). eps: 0 or more, default 1e-8 (keras 1e-7,
    and inside the root; dlfs 1e-7). centered: the root of s - m^2, m the running mean of g, in place of that of s.
    momentum: 0 to 1, default 0; above 0: b <- momentum b + step, w <- w - lr b (keras: the rate is in b).

    >>> densekit.optimizers.RMSprop(compat="keras").rho
    0.9
    """

    rho: float | None = None
    eps: float | None = None
    centered: bool = False
    momentum: float = 0.0
    _defaults: ClassVar[Mapping[str, Mapping[str, float]]] = {
        "torch": {"lr": 0.01, "rho": 0.99, "eps": 1e-8},
        "keras": {"lr": 0.001, "rho": 0.9, "eps": 1e-7},
        "dlfs": {"eps": 1e-7},
    }


@dataclass(frozen=True)
class Adagrad(Optimizer):
    """s <- s + g^2; w <- w - lr g / (sqrt(s) + eps). Duchi et al., JMLR 2011.

    lr: default 0.01 (keras 0.001). eps: 0 or more, default 1e-10 (keras 1e-7, and inside the root; dlfs 1e-7).
    initial: what s begins with, 0 or more, default 0 (keras 0.1).

    >>> densekit.optimizers.Adagrad(compat="keras").initial
    0.1
    """

    eps: float | None = None
    initial: float | None = None
    _defaults: ClassVar[Mapping[str, Mapping[str, float]]] = {
        "torch": {"lr": 0.01, "eps": 1e-10, "initial": 0.0},
        "keras": {"lr": 0.001, "eps": 1e-7, "initial": 0.1},
        "dlfs": {"eps": 1e-7},
    }


@dataclass(frozen=True)
class Adadelta(Optimizer):
    """w <- w - lr d, d = sqrt(u + eps) / sqrt(s + eps) g; s, u: running means of g^2 and d^2. Zeiler, arXiv 1212.5701.

    lr: default 1 (keras 0.001). rho: 0 to 1, default 0.9 (keras 0.95). eps: 0 or more, default 1e-6 (keras 1e-7).

    >>> densekit.optimizers.Adadelta().lr
    1.0
    """

    rho: float | None = None
    eps: float | None = None
    _defaults: ClassVar[Mapping[str, Mapping[str, float]]] = {
        "torch": {"lr": 1.0, "rho": 0.9, "eps": 1e-6},
        "keras": {"lr": 0.001, "rho": 0.95, "eps": 1e-7},
    }


@dataclass(frozen=True)
class _Moments(Optimizer):
    """What the relatives of Adam have in common."""

    beta1: float | None = None
    beta2: float | None = None
    eps: float | None = None


@dataclass(frozen=True)
class Adam(_Moments):
    """w <- w - lr m' / (sqrt(v') + eps), m', v': the running means of g and g^2 without their bias. arXiv 1412.6980.

    amsgrad: v' is the largest so far. Reddi et al., ICLR 2018.

    lr: default 0.001. beta1, beta2: from 0 to below 1, default 0.9, 0.999. eps: 0 or more, default 1e-8 (keras, dlfs
    1e-7). compat "keras", "sklearn", "dlfs": eps is added before the bias of v is taken out, "epsilon hat".

    >>> densekit.optimizers.Adam(compat="keras").eps
    1e-07
    """

    amsgrad: bool = False
    _defaults: ClassVar[Mapping[str, Mapping[str, float]]] = {
        "torch": {"lr": 0.001, "beta1": 0.9, "beta2": 0.999, "eps": 1e-8},
        "keras": {"eps": 1e-7},
        "sklearn": {},
        "dlfs": {"eps": 1e-7},
    }


@dataclass(frozen=True)
class AdamW(_Moments):
    """Adam with weight_decay, 0.01 by default (keras 0.004). Loshchilov and Hutter, arXiv 1711.05101.

    The other arguments are those of Adam. The decay is on kernels only; PyTorch and Keras decay biases and parameters
    of norms, too, which is decay_biases=True.

    >>> densekit.optimizers.AdamW().spec()["weight_decay"]
    0.01
    """

    amsgrad: bool = False
    _defaults: ClassVar[Mapping[str, Mapping[str, float]]] = {
        "torch": {"lr": 0.001, "beta1": 0.9, "beta2": 0.999, "eps": 1e-8, "weight_decay": 0.01},
        "keras": {"eps": 1e-7, "weight_decay": 0.004},
    }

    @classmethod
    def _kinds(cls) -> tuple[str, ...]:
        return ("adam",)


@dataclass(frozen=True)
class Adamax(_Moments):
    """m as Adam's; u <- max(beta2 u, abs(g) + eps); w <- w - lr m / ((1 - beta1^t) u). arXiv 1412.6980, section 7.

    lr: default 0.002. beta1, beta2: from 0 to below 1, default 0.9, 0.999. eps: 0 or more, default 1e-8.
    There is no compat "keras": Keras adds eps to u outside of the maximum.

    >>> densekit.optimizers.Adamax().lr
    0.002
    """

    _defaults: ClassVar[Mapping[str, Mapping[str, float]]] = {
        "torch": {"lr": 0.002, "beta1": 0.9, "beta2": 0.999, "eps": 1e-8},
    }


@dataclass(frozen=True)
class Nadam(_Moments):
    """Adam with Nesterov's momentum, whose share grows as beta1 (1 - 0.96^(t momentum_decay) / 2). Dozat, ICLR 2016.

    lr: default 0.002 (keras 0.001). beta1, beta2: from 0 to below 1, default 0.9, 0.999. eps: 0 or more, default 1e-8
    (keras 1e-7). momentum_decay: 0 or more, default 0.004 (keras 1, which it does not name).

    >>> densekit.optimizers.Nadam(compat="keras").momentum_decay
    1.0
    """

    momentum_decay: float | None = None
    _defaults: ClassVar[Mapping[str, Mapping[str, float]]] = {
        "torch": {"lr": 0.002, "beta1": 0.9, "beta2": 0.999, "eps": 1e-8, "momentum_decay": 0.004},
        "keras": {"lr": 0.001, "eps": 1e-7, "momentum_decay": 1.0},
    }


@dataclass(frozen=True)
class Lion(Optimizer):
    """w <- w - lr sign(beta1 m + (1 - beta1) g); then m <- beta2 m + (1 - beta2) g. Chen et al., arXiv 2302.06675.

    lr: default 0.0001 (keras 0.001). beta1, beta2: from 0 to below 1, default 0.9, 0.99.

    >>> densekit.optimizers.Lion().beta2
    0.99
    """

    beta1: float | None = None
    beta2: float | None = None
    _defaults: ClassVar[Mapping[str, Mapping[str, float]]] = {
        "torch": {"lr": 1e-4, "beta1": 0.9, "beta2": 0.99},
        "keras": {"lr": 1e-3},
    }


@dataclass(frozen=True)
class Yogi(_Moments):
    """Adam whose v moves by at most (1 - beta2) g^2: v <- v - (1 - beta2) sign(v - g^2) g^2.

    Zaheer et al., NeurIPS 2018.
    lr: default 0.01. beta1, beta2: from 0 to below 1, default 0.9, 0.999. eps: 0 or more, default 0.001.
    initial: what m and v begin with, 0 or more, default 1e-6.

    >>> densekit.optimizers.Yogi().eps
    0.001
    """

    initial: float | None = None
    _defaults: ClassVar[Mapping[str, Mapping[str, float]]] = {
        "torch": {"lr": 0.01, "beta1": 0.9, "beta2": 0.999, "eps": 1e-3, "initial": 1e-6}
    }


@dataclass(frozen=True)
class LBFGS(Part):
    """Limited-memory BFGS over the whole data set, by scipy.optimize.minimize(method="L-BFGS-B"): for small data.

    maxiter: iterations, default 200. maxfun: evaluations, default 15000. tol: it ends when the largest element of the
    gradient is at most this. ftol: or when the objective falls by less than this share. history: pairs of vectors kept.
    The engine has no part in it but objective and gradient, so `spec` is None; it takes neither batches, nor proximal
    penalties, nor clipping. The defaults are those of scikit-learn's MLP. Needs SciPy.
    Byrd, Lu, Nocedal and Zhu, SIAM J. Sci. Comput. 16 (1995).

    >>> densekit.optimizers.LBFGS(maxiter=50).history
    10
    """

    maxiter: int = 200
    _: KW_ONLY
    maxfun: int = 15_000
    tol: float = 1e-4
    ftol: float = 2.220446049250313e-09
    history: int = 10

    def __post_init__(self) -> None:
        for name in ("maxiter", "maxfun", "history"):
            whole("LBFGS", name, getattr(self, name), low=1)
        for name in ("tol", "ftol"):
            object.__setattr__(self, name, number("LBFGS", name, getattr(self, name), low=0))

    @property
    def kind(self) -> str:
        return "lbfgs"

    def spec(self) -> None:
        """None: the engine has no optimizer of its own then."""
        return None


def get(value: Any) -> Optimizer | LBFGS:
    """An optimizer by its name or config, with its defaults; an object is returned as it is.

    Names: sgd, momentum, nesterov, rmsprop, adagrad, adadelta, adam, adamw, adamax, nadam, lion, yogi, lbfgs,
    in any case.

    >>> densekit.optimizers.get("adam") == densekit.optimizers.Adam()
    True
    >>> densekit.optimizers.get("adm")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    ValueError: optimizer: name must be one of 'adam', ... got 'adm' (did you mean 'adam'?)
    """
    found: Optimizer | LBFGS = _CATALOGUE.get(value)
    return found


CLASSES: tuple[type[Optimizer], ...] = (
    Adam,
    AdamW,
    SGD,
    RMSprop,
    Adagrad,
    Adadelta,
    Adamax,
    Nadam,
    Lion,
    Yogi,
)
_CATALOGUE: Catalogue[Any] = Catalogue(
    "optimizer",
    (Optimizer, LBFGS),
    {
        **{c.__name__.lower(): c for c in (*CLASSES, LBFGS)},
        "momentum": lambda: SGD(momentum=0.9),
        "nesterov": lambda: SGD(momentum=0.9, nesterov=True),
    },
    (*CLASSES, LBFGS),
)

__all__ = [
    "LBFGS",
    "SGD",
    "Adadelta",
    "Adagrad",
    "Adam",
    "AdamW",
    "Adamax",
    "Lion",
    "Nadam",
    "Optimizer",
    "RMSprop",
    "Yogi",
    "get",
]
