"""What becomes of a network as one number changes: the strength of a penalty, or the rate of dropout."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from densekit import _data as data
from densekit import regularizers
from densekit._arrays import number, one_of, real, vector, whole
from densekit._checks import items, network, short
from densekit._evaluation import require_compiled
from densekit._frames import labels
from densekit._layer import walk
from densekit.layers import Dense
from densekit.model import Sequential
from densekit.optimizers import SGD

PenaltyKind: TypeAlias = Literal["l1", "l2", "elastic_net"]

_UPDATES = 100  # between two looks at the weights


@dataclass(frozen=True)
class PenaltyPath:
    """Weights for each strength: coefficients (strengths, d), intercepts (strengths,), in the order of `lambdas`.

    zeros: (strengths,), how many weights are exactly 0. updates: how many steps each took.
    """

    kind: str
    lambdas: NDArray[np.float64]
    coefficients: NDArray[np.float64]
    intercepts: NDArray[np.float64]
    updates: NDArray[np.int64]
    names: tuple[str, ...]

    @property
    def zeros(self) -> NDArray[np.int64]:
        """Exact zeros among the weights."""
        return np.asarray((self.coefficients == 0).sum(axis=1))


def _regularizer(kind: str, lam: float, l1_ratio: float) -> Any:
    if kind == "l1":
        return regularizers.L1(lam)
    return regularizers.L2(lam) if kind == "l2" else regularizers.ElasticNet(lam, l1_ratio)


def penalty_path(
    X: Any,
    y: ArrayLike,
    kind: PenaltyKind = "l1",
    lambdas: ArrayLike | None = None,
    *,
    l1_ratio: float = 0.5,
    tol: float = 1e-9,
    max_updates: int = 100_000,
) -> PenaltyPath:
    """The weights of a linear model under a growing penalty, by proximal gradient descent on a network of one layer.

    X: (n, d). y: (n,). kind: "l1" for regularizers.L1(lam), "l2" for L2(lam), "elastic_net" for ElasticNet(lam,
    l1_ratio), beside MeanSquaredError. lambdas: strengths, (k,); by default 50 from the one where every L1 weight is 0
    down to a thousandth of it. tol: how far a weight may be from where it would end, as a share of the largest one.
    Columns and y are centred first, and the bias has no penalty. RuntimeError after max_updates for one strength, which
    means columns of very different scale: standardise them.

    With alpha = lam / 2 these are scikit-learn's Lasso and ElasticNet, with alpha = n lam / 2 its Ridge.

    >>> X = np.array([[1, 1], [1, -1], [-1, 1], [-1, -1]])
    >>> densekit.sweeps.penalty_path(X, X @ [4, 1], "l1", [0.5, 3.0, 8.0]).coefficients.round(6)
    array([[3.75, 0.75],
           [2.5 , 0.  ],
           [0.  , 0.  ]])
    """
    op = "penalty_path"
    one_of(op, "kind", kind, ("l1", "l2", "elastic_net"))
    ratio = number(op, "l1_ratio", l1_ratio, low=0, high=1)
    tol = number(op, "tol", tol, low=0, open_low=True)
    max_updates = whole(op, "max_updates", max_updates, low=1)
    table = data.matrix(op, "X", X).astype(np.float64)
    target = real(op, "y", y)
    if target.shape != (len(table),):
        raise ValueError(f"{op}: X has {len(table)} rows but y is {target.shape}, expected ({len(table)},)")
    for name, array in (("X", table), ("y", target)):
        data.require_finite(op, name, array)
    if len(table) < 2:
        raise ValueError(f"{op}: X is {table.shape}, expected two rows or more")
    centre, middle = table.mean(axis=0), float(target.mean())
    x, t = table - centre, (target - middle).reshape(-1, 1)
    strengths = _strengths(op, lambdas, x, t, kind, ratio)
    curvatures = 2 * np.linalg.eigvalsh(x.T @ x / len(x))  # of the squared error, from least to largest
    slope = float(curvatures[-1])
    least = float(curvatures[curvatures > 1e-12 * slope].min(initial=slope))
    precision = tol * min(1.0, _UPDATES * least / slope) if slope > 0 else tol  # 100 updates go that share of the way
    found, updates = np.empty((len(strengths), x.shape[1])), np.empty(len(strengths), np.int64)
    start = np.zeros((x.shape[1], 1))
    for i in np.argsort(strengths)[::-1]:  # from strong to weak: each begins where the last one ended
        lam = float(strengths[i])
        start, updates[i] = _minimum(x, t, _regularizer(kind, lam, ratio), start, slope, precision, max_updates)
        found[i] = start[:, 0]
    names = tuple(map(str, labels(X) or [f"x{j}" for j in range(x.shape[1])]))
    return PenaltyPath(kind, strengths, found, middle - found @ centre, updates, names)


def _strengths(
    op: str, lambdas: ArrayLike | None, x: NDArray[Any], t: NDArray[Any], kind: str, ratio: float
) -> NDArray[np.float64]:
    if lambdas is None:
        most = 2 * float(np.abs(x.T @ t).max()) / len(x) or 1.0  # the gradient at 0: where L1 keeps every weight at 0
        most /= max(ratio, 0.01) if kind == "elastic_net" else 1.0
        return np.geomspace(most, most / 1000, 50)
    strengths = vector(op, "lambdas", lambdas)
    if strengths.ndim != 1 or not strengths.size or not (np.isfinite(strengths) & (strengths >= 0)).all():
        raise ValueError(f"{op}: lambdas must be (k,) numbers, 0 or more, got {short(lambdas)}")
    return strengths


def _minimum(
    x: NDArray[Any], t: NDArray[Any], penalty: Any, start: NDArray[Any], slope: float, tol: float, max_updates: int
) -> tuple[NDArray[np.float64], int]:
    layer = Dense(1, use_bias=False, kernel_initializer=start, inputs=x.shape[1])
    model = Sequential([layer], seed=0, dtype="float64")
    rate = 1 / max(slope + penalty.strengths[1], 1e-300)  # no step of this length makes the objective larger
    model.compile(SGD(rate), "mse", regularizer=penalty)
    before = start
    while model.step < max_updates:
        model.fit(x, t, batch_size="full", epochs=model.epoch + _UPDATES, initial_epoch=model.epoch, verbose=0)
        after = layer.kernel.copy()
        if np.abs(after - before).max() <= tol * max(float(np.abs(after).max()), 1e-300):
            return after, model.step
        before = after
    raise RuntimeError(
        f"penalty_path: the weights still move after {model.step} updates at {penalty}; standardise the columns of X"
    )


@dataclass(frozen=True)
class DropoutSweep:
    """Losses without dropout for each mode and rate: train_loss, val_loss (modes, rates, seeds)."""

    rates: NDArray[np.float64]
    modes: tuple[str, ...]
    train_loss: NDArray[np.float64]
    val_loss: NDArray[np.float64]

    @property
    def best(self) -> float:
        """The rate with the least mean validation loss, over all modes and seeds."""
        return float(self.rates[int(self.val_loss.mean(axis=(0, 2)).argmin())])


def dropout_sweep(
    model: Sequential,
    X: Any,
    y: Any,
    validation_data: tuple[Any, Any],
    *,
    rates: ArrayLike = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9),
    modes: Sequence[Literal["inverted", "classic"]] = ("inverted", "classic"),
    epochs: int = 50,
    batch_size: int = 32,
    seeds: int = 1,
) -> DropoutSweep:
    """Trains copies of a model with every dropout rate in both modes: too little overfits, too much learns nothing.

    model: compiled, with Dropout layers, which all get the rate; it is not changed. X, y, epochs, batch_size: as fit.
    validation_data: (X, y). Both losses are of the trained network in inference mode, so that they can be compared.
    seeds: how many trainings each, from the model's seed on.

    >>> from densekit.layers import Dense, Dropout
    >>> X = np.random.default_rng(0).normal(size=(40, 2))
    >>> model = densekit.Sequential([Dense(8, "relu"), Dropout(0.5), Dense(1)], seed=0).compile("adam", "mse")
    >>> found = densekit.sweeps.dropout_sweep(model, X[:30], X[:30, 0], (X[30:], X[30:, 0]), rates=[0, 0.9], epochs=2)
    >>> found.val_loss.shape
    (2, 2, 1)
    """
    op = "dropout_sweep"
    model = network(op, model)
    require_compiled(model, op)
    if not any(layer.kind == "dropout" for layer in walk(model.layers)):
        raise ValueError(f"{op}: {short(model)} has no Dropout layer")
    given = vector(op, "rates", rates)
    if not given.size or not ((given >= 0) & (given <= 1)).all():
        raise ValueError(f"{op}: rates must be (k,) numbers from 0 to 1, got {short(rates)}")
    modes = [one_of(op, "modes", one, ("inverted", "classic")) for one in items(op, "modes", modes, "modes")]
    if not modes:
        raise ValueError(f"{op}: modes is empty")
    if not isinstance(validation_data, tuple | list) or len(validation_data) != 2:
        raise TypeError(f"{op}: validation_data must be (X, y), got {short(validation_data)}")
    count = whole(op, "seeds", seeds, low=1)
    shape = (len(modes), len(given), count)
    train, val = np.empty(shape), np.empty(shape)
    for i, mode in enumerate(modes):
        for j, rate in enumerate(given):
            for k in range(count):
                new = _with_dropout(model, float(rate), mode, (model.seed + k) % 2**64)
                new.fit(X, y, epochs=epochs, batch_size=batch_size, verbose=0)
                train[i, j, k] = new.evaluate(X, y)["data_loss"]
                val[i, j, k] = new.evaluate(*validation_data)["data_loss"]
    return DropoutSweep(given, tuple(modes), train, val)


def _with_dropout(model: Sequential, rate: float, mode: str, seed: int) -> Sequential:
    new = model.clone(seed=seed)
    for layer in walk(new.layers):
        if layer.kind == "dropout":
            layer.rate, layer.mode = rate, mode  # type: ignore[attr-defined]
    return new


__all__ = ["DropoutSweep", "PenaltyPath", "dropout_sweep", "penalty_path"]
