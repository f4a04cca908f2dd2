"""Losses as descriptions: frozen, checked, callable on arrays, and as data for the engine.

loss(pred, target, sample_weight=, reduction=) returns (loss, gradient with respect to pred), by densekit.functional.
With l_i the loss of row i (where every element has one, their mean), w_i its weight and n the rows:
reduction "mean" is sum w_i l_i / sum w_i; "count" sum w_i l_i / n, as Keras, n without the rows that ignore_index
ignores; "sum" sum w_i l_i; all times `factor`. Where nothing weighs anything each of them is 0, with gradient 0.
`compat` sets both as that library has them: "keras" count; for the squared error "sklearn" a half, "dlfs" half of the
sum over all elements. Nothing is clipped: a certain wrong answer costs infinity, except where the loss takes logits.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from densekit import functional as F
from densekit._parts import Catalogue
from densekit.losses._base import Loss
from densekit.losses._classes import (
    NLL,
    BinaryCrossentropy,
    CategoricalCrossentropy,
    CrossEntropy,
    Hinge,
    KLDivergence,
    MulticlassHinge,
    SparseCategoricalCrossentropy,
)
from densekit.losses._host import HostLoss
from densekit.losses._numbers import (
    GammaNLL,
    GaussianNLL,
    Huber,
    LaplaceNLL,
    LogCosh,
    MeanAbsoluteError,
    MeanSquaredError,
    Pinball,
    PoissonNLL,
    RootMeanSquaredError,
)


def get(value: Any) -> Loss:
    """A loss by its name (Keras's, PyTorch's, ours) or config; an object as it is; a Python function as a HostLoss.

    Names that take probabilities, with a softmax or sigmoid before them: categorical_crossentropy,
    sparse_categorical_crossentropy, binary_crossentropy. Names that take logits: cross_entropy,
    bce_with_logits. A function of densekit.functional is the loss of that name.

    >>> densekit.losses.get("mse")
    MeanSquaredError(reduction='mean', factor=1.0, compat='torch')
    >>> densekit.losses.get("hubr")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    ValueError: loss: name must be one of ... got 'hubr' (did you mean 'huber'?)
    """
    if callable(value) and not isinstance(value, Loss | type):
        name = getattr(value, "__name__", "")
        if name in _OF_FUNCTIONS and value is getattr(F, name):
            return _OF_FUNCTIONS[name]()
        return HostLoss(function=value)
    return _CATALOGUE.get(value)


_CLASSES: tuple[type[Loss], ...] = (
    CrossEntropy,
    CategoricalCrossentropy,
    SparseCategoricalCrossentropy,
    BinaryCrossentropy,
    NLL,
    KLDivergence,
    Hinge,
    MulticlassHinge,
    MeanSquaredError,
    MeanAbsoluteError,
    RootMeanSquaredError,
    Huber,
    LogCosh,
    Pinball,
    PoissonNLL,
    GammaNLL,
    GaussianNLL,
    LaplaceNLL,
)


def _poisson_rate() -> Loss:
    return PoissonNLL(log_input=False)


_MAKERS: dict[str, Callable[[], Loss]] = {
    "categorical_crossentropy": CategoricalCrossentropy,
    "sparse_categorical_crossentropy": SparseCategoricalCrossentropy,
    "binary_crossentropy": BinaryCrossentropy,
    "cross_entropy": CrossEntropy,
    "softmax_cross_entropy": CrossEntropy,
    "bce": BinaryCrossentropy,
    "bce_with_logits": lambda: BinaryCrossentropy(from_logits=True),
    "nll": NLL,
    "kl_divergence": KLDivergence,
    "kld": KLDivergence,
    "kl_div": lambda: KLDivergence(log_input=True),
    "hinge": Hinge,
    "multiclass_hinge": MulticlassHinge,
    "mse": MeanSquaredError,
    "mean_squared_error": MeanSquaredError,
    "squared_error": MeanSquaredError,
    "mae": MeanAbsoluteError,
    "mean_absolute_error": MeanAbsoluteError,
    "absolute_error": MeanAbsoluteError,
    "l1_loss": MeanAbsoluteError,
    "rmse": RootMeanSquaredError,
    "root_mean_squared_error": RootMeanSquaredError,
    "huber": Huber,
    "smooth_l1": Huber,
    "log_cosh": LogCosh,
    "pinball": Pinball,
    "quantile": Pinball,
    "poisson": _poisson_rate,
    "poisson_nll": PoissonNLL,
    "gamma_nll": GammaNLL,
    "gaussian_nll": GaussianNLL,
    "laplace_nll": LaplaceNLL,
}
_CATALOGUE: Catalogue[Loss] = Catalogue("loss", Loss, _MAKERS, _CLASSES)
_OF_FUNCTIONS: dict[str, Callable[[], Loss]] = {
    **{c.kind: c for c in _CLASSES if c.kind != "multiclass_hinge"},
    "softmax_cross_entropy": CrossEntropy,
    "binary_cross_entropy": lambda: BinaryCrossentropy(from_logits=True),
}

__all__ = [
    "NLL",
    "BinaryCrossentropy",
    "CategoricalCrossentropy",
    "CrossEntropy",
    "GammaNLL",
    "GaussianNLL",
    "Hinge",
    "HostLoss",
    "Huber",
    "KLDivergence",
    "LaplaceNLL",
    "LogCosh",
    "Loss",
    "MeanAbsoluteError",
    "MeanSquaredError",
    "MulticlassHinge",
    "Pinball",
    "PoissonNLL",
    "RootMeanSquaredError",
    "SparseCategoricalCrossentropy",
    "get",
]
