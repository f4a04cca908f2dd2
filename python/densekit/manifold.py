"""The manifold hypothesis: data of many columns lie near a sheet of few dimensions. How many, and a network to find it.

What a layer puts out goes on to scikit-learn as it is:

    hidden = model.transform(X, "latent")
    sklearn.decomposition.PCA(2).fit_transform(hidden)
    sklearn.cluster.KMeans(10).fit_predict(hidden)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from densekit import _data as data
from densekit import _evaluation as evaluation
from densekit import functional as F
from densekit._arrays import number, whole
from densekit._checks import items
from densekit.layers import Dense
from densekit.model import Sequential

_ROWS = 512  # distances from so many rows to all others at a time


def autoencoder(
    inputs: int,
    hidden: Sequence[int] = (64, 32),
    latent: int = 2,
    *,
    activation: Any = "tanh",
    output_activation: Any = None,
    seed: int | None = None,
    dtype: Any = "float32",
) -> Sequential:
    """A network that puts out its input through a narrow layer called "latent", compiled with Adam and "mse".

    inputs: columns. hidden: widths on the way down; on the way up they come in reverse. latent: width of the narrow
    layer, which is linear. activation: of the hidden layers. output_activation: None for numbers, "sigmoid" for 0 to 1.
    Train with fit(X, X); `model.transform(X, "latent")` gives the coordinates. Hinton and Salakhutdinov, Science 313
    (2006).

    >>> model = densekit.manifold.autoencoder(64, (32,), 2, seed=0)
    >>> [layer.name for layer in model.layers]
    ['encoder_0', 'latent', 'decoder_0', 'output']
    >>> model.transform(np.zeros((5, 64)), "latent").shape
    (5, 2)
    """
    op = "autoencoder"
    width = whole(op, "inputs", inputs, low=1)
    given = items(op, "hidden", hidden, "whole numbers")
    widths = [whole(op, f"hidden[{i}]", units, low=1) for i, units in enumerate(given)]
    narrow = whole(op, "latent", latent, low=1)
    down = [Dense(units, activation, name=f"encoder_{i}") for i, units in enumerate(widths)]
    up = [Dense(units, activation, name=f"decoder_{i}") for i, units in enumerate(reversed(widths))]
    ends = [Dense(narrow, name="latent"), *up, Dense(width, output_activation, name="output")]
    model = Sequential([*down, *ends], seed=seed, dtype=dtype).compile("adam", "mse")
    model.build(width)
    return model


def hidden_spaces(model: Sequential, X: Any) -> dict[str, NDArray[Any]]:
    """What each layer puts out for these rows, by name, in order: {name: (n, units)}, the output last.

    Rows of several axes keep them: {name: (n, *shape)}, as `model.transform` gives them.

    >>> model = densekit.manifold.autoencoder(4, (3,), 2, seed=0)
    >>> {name: space.shape[1] for name, space in densekit.manifold.hidden_spaces(model, np.ones((5, 4))).items()}
    {'encoder_0': 3, 'latent': 2, 'decoder_0': 3, 'output': 4}
    """
    rows, _ = evaluation.inputs(model, "hidden_spaces", X)
    table = evaluation.shaped(rows, model.input_shape)
    return {str(layer.name): model.transform(table, layer) for layer in model.layers}


@dataclass(frozen=True)
class IntrinsicDimension:
    """The estimate, `dimension`, also as float(…), and the points that it is the slope of.

    log_ratio: (k,), log(r₂ / r₁) of each row, sorted; minus_log_rest: −log(1 − share of the rows up to it). used: how
    many of them, from the first, the line goes through.
    """

    dimension: float
    log_ratio: NDArray[np.float64]
    minus_log_rest: NDArray[np.float64]
    used: int

    def __float__(self) -> float:
        return self.dimension


def intrinsic_dimension(X: Any, *, discard: float = 0.1) -> IntrinsicDimension:
    """How many dimensions the sheet has on which the rows lie, by their two nearest neighbours (TwoNN).

    Where the density is even on the scale of the second neighbour, μ = r₂ / r₁ has P(μ > m) = m^−d: d is the slope of
    −log(1 − F(μ)) over log μ, a line through the origin.
    X: (n, columns) numbers; equal rows count once, and at least 10 must be left. discard: the share of the largest μ
    left out, which are the least even. Noise adds dimensions if it is larger than r₁: compare with a part of the rows.
    The time grows with n². Facco, d'Errico, Rodriguez and Laio, Scientific Reports 7 (2017).

    >>> circle = np.random.default_rng(0).normal(size=(1000, 2))
    >>> circle /= np.hypot(*circle.T)[:, None]
    >>> round(float(densekit.manifold.intrinsic_dimension(circle)))
    1
    """
    op = "intrinsic_dimension"
    table = data.matrix(op, "X", X)
    data.require_finite(op, "X", table)
    share = number(op, "discard", discard, low=0, high=1, open_high=True)
    rows = np.unique(table.astype(np.float64), axis=0)
    if len(rows) < 10:
        raise ValueError(f"{op}: X has {len(rows)} different rows, expected 10 or more")
    ratio = np.sort(np.concatenate([_ratios(rows[i : i + _ROWS], rows) for i in range(0, len(rows), _ROWS)]))
    log_ratio = np.log(ratio)
    rest = -np.log1p(-np.arange(1, len(rows)) / len(rows))  # without the last row, of which nothing is beyond
    used = max(2, int(len(rest) * (1 - share)))
    x, y = log_ratio[:used], rest[:used]
    scale = float(x @ x)
    if scale == 0:
        raise ValueError(f"{op}: the two nearest neighbours of every row are equally far, as on a grid; add some noise")
    return IntrinsicDimension(float(x @ y) / scale, log_ratio[:-1], rest, used)


def _ratios(part: NDArray[np.float64], rows: NDArray[np.float64]) -> NDArray[np.float64]:
    """r₂ / r₁ of each row of a part: the second and third smallest distance, the smallest being that to itself."""
    distance = np.partition(F.distances(part, rows, precise=True), (1, 2), axis=1)
    return np.asarray(distance[:, 2] / distance[:, 1])


__all__ = ["IntrinsicDimension", "autoencoder", "hidden_spaces", "intrinsic_dimension"]
