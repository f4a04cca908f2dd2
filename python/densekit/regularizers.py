"""Penalties on weights as descriptions: terms of the objective; `model.compile(regularizer=)` puts one on every kernel.

A penalty is part of the loss that is reported, and its gradient goes through the optimizer. The optimizers'
weight_decay is neither: it only shrinks. Biases have no penalty unless a layer's bias_regularizer says so.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import KW_ONLY, dataclass
from typing import Any, ClassVar, Literal, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from densekit import functional as F
from densekit._arrays import _as_array, number, one_of
from densekit._intake import as_array
from densekit._parts import Catalogue, Part

Mode: TypeAlias = Literal["proximal", "subgradient"]
Compat: TypeAlias = Literal["torch", "keras", "sklearn", "dlfs"]

_COMPAT = ("torch", "keras", "sklearn", "dlfs")


class Regularizer(Part):
    """The base of all: strengths l1 of sum(abs(w)) and l2 of sum(w^2) / 2."""

    mode: str = "proximal"
    compat: str = "torch"

    @property
    def strengths(self) -> tuple[float, float]:
        """(l1, l2): the penalty is l1 sum(abs(w)) + l2 / 2 sum(w^2)."""
        raise NotImplementedError(f"{type(self).__name__} has no strengths (l1, l2), which every regularizer needs")

    @property
    def proximal(self) -> bool:
        """Whether l1 acts by soft thresholding after the update, which makes exact zeros, or by its gradient."""
        return self.mode == "proximal"

    @property
    def per_weight(self) -> bool:
        """Whether the penalty is divided by the sum of the batch's sample weights, as scikit-learn's MLP does."""
        return self.compat == "sklearn"

    def spec(self) -> dict[str, Any]:
        """The penalty of docs/network.md.

        >>> densekit.regularizers.L2(0.01).spec()
        {'l1': 0.0, 'l2': 0.01, 'proximal': True}
        """
        l1, l2 = self.strengths
        return {"l1": l1, "l2": l2, "proximal": self.proximal}

    def __call__(self, w: ArrayLike) -> tuple[float, NDArray[Any]]:
        """(penalty, gradient) of weights of any shape; sign(0) is 0.

        >>> densekit.regularizers.L1L2(0.5, 1.0)([1.0, -2.0, 0.0])
        (4.0, array([ 1.5, -2.5,  0. ]))
        """
        l1, l2 = self.strengths
        absolute, square = F.l1(w, l1), F.l2(w, l2)
        return absolute[0] + square[0], absolute[1] + square[1]


def _check(part: Regularizer, *names: str) -> None:
    name = type(part).__name__
    for field in names:
        object.__setattr__(part, field, number(name, field, getattr(part, field), low=0))
    one_of(name, "mode", part.mode, ("proximal", "subgradient"))
    one_of(name, "compat", part.compat, _COMPAT)


@dataclass(frozen=True)
class L1(Regularizer):
    """The lasso's penalty lam sum(abs(w)). lam: 0 or more.

    mode: "proximal" (default): after each update w <- sign(w) max(abs(w) - lr lam, 0), which makes exact zeros; beside
    an optimizer that scales its steps (Adam) that is not the minimum of the objective. "subgradient": lam sign(w) is
    added to the gradient, as in Keras: weights hover about zero and never reach it. Tibshirani 1996.
    With one output, no hidden layer and MeanSquaredError, it is scikit-learn's Lasso(alpha=lam / 2).

    >>> densekit.regularizers.L1(0.5)([1.0, -2.0])[0]
    1.5
    """

    lam: float = 0.01
    _: KW_ONLY
    mode: Mode = "proximal"

    def __post_init__(self) -> None:
        _check(self, "lam")

    @property
    def strengths(self) -> tuple[float, float]:
        return self.lam, 0.0


@dataclass(frozen=True)
class L2(Regularizer):
    """The ridge's penalty lam / 2 sum(w^2), gradient lam w. lam: 0 or more.

    compat: "keras": lam sum(w^2), gradient 2 lam w. "sklearn": lam is MLPClassifier's alpha, and the penalty is divided
    by the sum of the batch's sample weights. "torch" (what weight_decay of torch.optim.SGD adds), "dlfs": ours.
    With one output, no hidden layer and MeanSquaredError on n rows, it is scikit-learn's Ridge(alpha=n lam / 2).

    >>> densekit.regularizers.L2(0.5)([1.0, -2.0])[0], densekit.regularizers.L2(0.5, compat="keras")([1.0, -2.0])[0]
    (1.25, 2.5)
    """

    lam: float = 0.01
    _: KW_ONLY
    compat: Compat = "torch"

    def __post_init__(self) -> None:
        _check(self, "lam")

    @property
    def strengths(self) -> tuple[float, float]:
        return 0.0, self.lam * (2 if self.compat == "keras" else 1)


@dataclass(frozen=True)
class L1L2(Regularizer):
    """Both: l1 sum(abs(w)) + l2 / 2 sum(w^2). l1, l2: 0 or more; mode as L1, compat as L2.

    >>> densekit.regularizers.L1L2(0.1, 0.2, compat="keras").spec()
    {'l1': 0.1, 'l2': 0.4, 'proximal': True}
    """

    l1: float = 0.01
    l2: float = 0.01
    _: KW_ONLY
    mode: Mode = "proximal"
    compat: Compat = "torch"

    def __post_init__(self) -> None:
        _check(self, "l1", "l2")

    @property
    def strengths(self) -> tuple[float, float]:
        return self.l1, self.l2 * (2 if self.compat == "keras" else 1)


@dataclass(frozen=True)
class ElasticNet(Regularizer):
    """alpha l1_ratio sum(abs(w)) + alpha (1 - l1_ratio) / 2 sum(w^2), as scikit-learn has it. Zou and Hastie 2005.

    alpha: 0 or more. l1_ratio: from 0 (L2) to 1 (L1). mode: as L1. sklearn.linear_model.ElasticNet has half of the mean
    squared error beside the same penalty: MeanSquaredError(factor=0.5).

    >>> densekit.regularizers.ElasticNet(0.5, 0.5)([1.0, -2.0, 0.0])[0]
    1.375
    """

    alpha: float = 1.0
    l1_ratio: float = 0.5
    _: KW_ONLY
    mode: Mode = "proximal"

    def __post_init__(self) -> None:
        _check(self, "alpha")
        object.__setattr__(self, "l1_ratio", number("ElasticNet", "l1_ratio", self.l1_ratio, low=0, high=1))

    @property
    def strengths(self) -> tuple[float, float]:
        return self.alpha * self.l1_ratio, self.alpha * (1 - self.l1_ratio)


@dataclass(frozen=True)
class Sparsity:
    """How many weights are exactly zero: one row an array, (name, shape, zeros, elements)."""

    rows: tuple[tuple[str, tuple[int, ...], int, int], ...]

    @property
    def zeros(self) -> int:
        """Weights that are zero, in all arrays."""
        return sum(row[2] for row in self.rows)

    @property
    def size(self) -> int:
        """All weights."""
        return sum(row[3] for row in self.rows)

    @property
    def share(self) -> float:
        """zeros / size; 0 where there are no weights."""
        return self.zeros / self.size if self.size else 0.0

    _HEAD: ClassVar[tuple[str, ...]] = ("weights", "shape", "zeros", "of", "share")

    def __str__(self) -> str:
        lines = [self._HEAD]
        for name, shape, zeros, size in (*self.rows, ("all", (), self.zeros, self.size)):
            share = f"{100 * zeros / size:.1f} %" if size else "-"
            lines.append((name, "" if name == "all" else str(shape), str(zeros), str(size), share))
        widths = [max(len(line[i]) for line in lines) for i in range(5)]
        cells = [[line[0].ljust(widths[0]), line[1].ljust(widths[1])] for line in lines]
        numbers = [[line[i].rjust(widths[i]) for i in (2, 3, 4)] for line in lines]
        return "\n".join("  ".join(a + b).rstrip() for a, b in zip(cells, numbers, strict=True))


def sparsity(model: Any) -> Sparsity:
    """Counts the zeros of a model's kernels (its arrays of two dimensions), or of an array or a list of arrays.

    >>> print(densekit.regularizers.sparsity(np.eye(3)))
    weights     shape   zeros  of   share
    weights[0]  (3, 3)      6   9  66.7 %
    all                     6   9  66.7 %
    """
    rows = []
    for name, array in _arrays(model):
        rows.append((name, array.shape, int(array.size - np.count_nonzero(array)), array.size))
    return Sparsity(tuple(rows))


def _arrays(model: Any) -> Iterable[tuple[str, NDArray[Any]]]:
    named = getattr(model, "weights", None)
    if isinstance(named, Mapping):
        return [(str(k), as_array("sparsity", str(k), v)) for k, v in named.items() if np.ndim(v) == 2]
    if hasattr(model, "get_weights"):
        return [(f"weights[{i}]", a) for i, a in enumerate(model.get_weights()) if np.ndim(a) == 2]
    ragged = isinstance(model, list | tuple) and any(
        isinstance(a, list | tuple) or getattr(a, "ndim", 0) for a in model
    )
    arrays = model if ragged else [model]
    return [(f"weights[{i}]", _as_array("sparsity", f"weights[{i}]", a)) for i, a in enumerate(arrays)]


def get(value: Any) -> Regularizer:
    """A regularizer by its name or config, or the object itself. Names: l1, l2, l1_l2, with strength 0.01; elastic_net.

    >>> densekit.regularizers.get("l2")
    L2(lam=0.01, compat='torch')
    """
    return _CATALOGUE.get(value)


_CATALOGUE: Catalogue[Regularizer] = Catalogue(
    "regularizer",
    Regularizer,
    {"l1": L1, "l2": L2, "l1_l2": L1L2, "elastic_net": ElasticNet},
    (L1, L2, L1L2, ElasticNet),
)

__all__ = ["L1", "L1L2", "L2", "ElasticNet", "Regularizer", "Sparsity", "get", "sparsity"]
