"""Losses over the number of rows, over a setting, and taken apart into bias and variance; all by fitting again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from densekit import _columns as columns
from densekit import _data as data
from densekit._arrays import number, whole
from densekit._checks import function, items, network, short, text
from densekit._intake import as_labels
from densekit._scores import Scores
from densekit.diagnostics._objective import Array
from densekit.metrics._inputs import whole_labels

Maker = Callable[[Any], Any]


@dataclass(frozen=True)
class LearningCurve:
    """sizes: rows trained on. training, validation: (sizes, repeats), both in inference mode and without penalties."""

    sizes: Array
    training: Array
    validation: Array
    metric: str


@dataclass(frozen=True)
class ValidationCurve:
    """values: of the setting `name`. training, validation: (values, repeats). best: the value of the least validation
    loss (the largest, if the metric is a score)."""

    name: str
    values: tuple[Any, ...]
    training: Array
    validation: Array
    metric: str
    best: Any


@dataclass(frozen=True)
class BiasVariance:
    """error = bias² + variance, exactly: means over test rows and columns. `bias_squared` holds the noise of y, too.

    predictions: (repeats, rows, columns), or with the axes of a row.
    """

    error: float
    bias_squared: float
    variance: float
    predictions: Array


def measured(model: Any, X: Any, y: Any, metric: str) -> float:
    """One number of evaluate, in inference mode; "loss" without penalties."""
    scores: Scores = model.evaluate(X, y)
    if metric == "loss":
        return scores["data_loss"]
    if metric not in scores.keys():  # noqa: SIM118
        raise ValueError(
            f"metric must be 'loss' or one that the model was compiled with, {sorted(scores.keys())}, got "
            f"{short(metric)}"
        )
    return scores[metric]


def _rows(op: str, X: Any, y: Any, names: str = "X y") -> tuple[Array, Array]:
    x_name, y_name = names.split()
    x, targets = data.rows_of_shape(op, x_name, X, None), as_labels(op, y_name, y)
    if not targets.ndim or len(targets) != len(x):
        raise ValueError(f"{op}: {x_name} has {len(x)} rows but {y_name} is {targets.shape}")
    return x, targets


def learning_curve(
    make_model: Maker,
    X: Any,
    y: Any,
    X_val: Any,
    y_val: Any,
    *,
    sizes: Sequence[float] = (0.1, 0.25, 0.5, 1.0),
    repeats: int = 3,
    metric: str = "loss",
    seed: int = 0,
    **fit: Any,
) -> LearningCurve:
    """Fits with more and more rows: would more data help?

    make_model: of a seed, returns a compiled model. sizes: shares of the rows (up to 1.0) or numbers of rows. repeats:
    fits of each size, with other rows and seeds. metric: "loss", or one that the model is compiled with. fit: arguments
    of `Sequential.fit`; epochs are those of all rows, smaller sizes get more of them, so that all see as many rows.

    >>> from densekit.layers import Dense
    >>> def make(seed):
    ...     return densekit.Sequential([Dense(1)], seed=seed).compile("sgd", "mse")
    >>> X = np.linspace(-1, 1, 40).reshape(-1, 1)
    >>> curve = densekit.diagnostics.learning_curve(make, X, X, X, X, sizes=(10, 40), epochs=2)
    >>> curve.sizes, curve.validation.shape
    (array([10, 40]), (2, 3))
    """
    name = "learning_curve"
    function(name, "make_model", make_model, "a function of a seed that returns a compiled model")
    text(name, "metric", metric)
    x, targets = _rows(name, X, y)
    _rows(name, X_val, y_val, "X_val y_val")
    repeats, seed = whole(name, "repeats", repeats, low=1), whole(name, "seed", seed)
    counts = []
    for size in items(name, "sizes", sizes, "shares up to 1.0 or numbers of rows"):
        if isinstance(size, float | np.floating):
            rows = round(number(name, "sizes", size) * (len(x) if size <= 1 else 1))
        else:
            rows = whole(name, "sizes", size)
        if not 1 <= rows <= len(x):
            raise ValueError(f"{name}: sizes must be shares up to 1.0 or 1 to {len(x)} rows, got {size!r}")
        counts.append(rows)
    options = {"verbose": 0, **fit}
    epochs = whole(name, "epochs", options.pop("epochs", 1), low=1)
    found = np.empty((2, len(counts), repeats))
    for j in range(repeats):
        order = np.random.default_rng([seed, j]).permutation(len(x))
        for i, rows in enumerate(counts):
            part = order[:rows]
            model = network(name, make_model(seed + j), "what make_model returned")
            columns.remember(model, name, "X", X)  # X_val may have them in another order
            model.fit(x[part], targets[part], epochs=round(epochs * len(x) / rows), **options)
            found[:, i, j] = measured(model, x[part], targets[part], metric), measured(model, X_val, y_val, metric)
    return LearningCurve(np.array(counts), found[0], found[1], metric)


def validation_curve(
    make_model: Maker,
    values: Sequence[Any],
    X: Any,
    y: Any,
    X_val: Any,
    y_val: Any,
    *,
    name: str = "value",
    repeats: int = 1,
    metric: str = "loss",
    **fit: Any,
) -> ValidationCurve:
    """Fits once (or `repeats` times) for each value of a setting: which one generalises best?

    make_model: of a value, returns a compiled model; the copies for repeats differ in their seed. name: of the setting,
    for the picture. metric, fit: as `learning_curve`.

    >>> from densekit.layers import Dense
    >>> def make(rate):
    ...     return densekit.Sequential([Dense(1)], seed=0).compile(densekit.optimizers.SGD(rate), "mse")
    >>> X = np.linspace(-1, 1, 40).reshape(-1, 1)
    >>> densekit.diagnostics.validation_curve(make, [1e-4, 0.1], X, X, X, X, epochs=5).best
    0.1
    """
    op = "validation_curve"
    function(op, "make_model", make_model, "a function of a value that returns a compiled model")
    text(op, "metric", metric)
    text(op, "name", name)
    _rows(op, X, y)
    _rows(op, X_val, y_val, "X_val y_val")
    repeats, values = whole(op, "repeats", repeats, low=1), items(op, "values", values, "values of the setting")
    if not values:
        raise ValueError(f"{op}: values is empty")
    options, found = {"verbose": 0, **fit}, np.empty((2, len(values), repeats))
    for i, value in enumerate(values):
        for j in range(repeats):
            model = network(op, make_model(value), "what make_model returned")
            model = model.clone(seed=model.seed + j) if j else model
            model.fit(X, y, **options)
            found[:, i, j] = measured(model, X, y, metric), measured(model, X_val, y_val, metric)
    from densekit.callbacks._watching import direction

    mean = found[1].mean(axis=1)
    place = int(mean.argmin() if direction("validation_curve", "auto", metric) == "min" else mean.argmax())
    return ValidationCurve(name, tuple(values), found[0], found[1], metric, values[place])


def bias_variance(
    make_model: Maker,
    X: Any,
    y: Any,
    X_test: Any,
    y_test: Any,
    *,
    repeats: int = 20,
    seed: int = 0,
    **fit: Any,
) -> BiasVariance:
    """Bias and variance by fitting again to bootstrap samples of the rows.

    For each test row, over the fits: mean (ŷ − y)² = (mean ŷ − y)² + var ŷ. The noise of y is part of the first.
    make_model: of a seed, returns a compiled model; labels are compared as one-hot rows with its outputs (Brier).
    repeats: fits. fit: arguments of `Sequential.fit`. A small bias and a large variance is overfitting, and conversely.

    >>> from densekit.layers import Dense
    >>> def make(seed):
    ...     return densekit.Sequential([Dense(1)], seed=seed).compile("sgd", "mse")
    >>> X = np.linspace(-1, 1, 40).reshape(-1, 1)
    >>> found = densekit.diagnostics.bias_variance(make, X, X**2, X, X**2, repeats=3, epochs=2)
    >>> bool(np.isclose(found.error, found.bias_squared + found.variance))
    True
    """
    name = "bias_variance"
    function(name, "make_model", make_model, "a function of a seed that returns a compiled model")
    seed = whole(name, "seed", seed)
    x, targets = _rows(name, X, y)
    _, truth = _rows(name, X_test, y_test, "X_test y_test")
    repeats = whole(name, "repeats", repeats, low=2)
    options, predictions = {"verbose": 0, **fit}, []
    for j in range(repeats):
        part = np.random.default_rng([seed, j]).integers(0, len(x), len(x))
        model = network(name, make_model(seed + j), "what make_model returned")
        columns.remember(model, name, "X", X)
        model.fit(x[part], targets[part], **options)
        predictions.append(model.predict(X_test).astype(np.float64))
    outputs = np.array(predictions)
    if truth.ndim == 1 and outputs.shape[2] > 1:
        truth = np.eye(outputs.shape[2])[whole_labels(name, truth, outputs.shape[2], "y_test")]
    truth = truth.reshape(outputs.shape[1:]).astype(np.float64)
    return BiasVariance(
        float(((outputs - truth) ** 2).mean()),
        float(((outputs.mean(axis=0) - truth) ** 2).mean()),
        float(outputs.var(axis=0).mean()),
        outputs,
    )
