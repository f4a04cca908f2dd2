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
from densekit.losses import _classes, _numbers
from densekit.losses._base import Loss
from densekit.losses._classes import *  # noqa: F403
from densekit.losses._classes import BinaryCrossentropy, KLDivergence
from densekit.losses._host import HostLoss
from densekit.losses._numbers import *  # noqa: F403
from densekit.losses._numbers import PoissonNLL


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


# In the order of their definitions. One class defines a kind, others may be that kind with other defaults.
CLASSES: tuple[type[Loss], ...] = tuple(
    made for module in (_classes, _numbers) for name, made in vars(module).items() if name in module.__all__
)
OF_KINDS: dict[str, type[Loss]] = {made.kind: made for made in CLASSES if "kind" in vars(made)}
_MAKERS: dict[str, Callable[[], Loss]] = {
    **{name: made for made in CLASSES for name in made.names},
    **OF_KINDS,
    "bce_with_logits": lambda: BinaryCrossentropy(from_logits=True),
    "kl_div": lambda: KLDivergence(log_input=True),
    "poisson": lambda: PoissonNLL(log_input=False),
}
_CATALOGUE: Catalogue[Loss] = Catalogue("loss", Loss, _MAKERS, CLASSES)
_OF_FUNCTIONS: dict[str, Callable[[], Loss]] = {
    **{kind: made for kind, made in OF_KINDS.items() if hasattr(F, kind)},
    "binary_cross_entropy": lambda: BinaryCrossentropy(from_logits=True),
}

__all__: list[str] = []
__all__ += _classes.__all__
__all__ += _numbers.__all__
__all__ += ["HostLoss", "Loss", "get"]
