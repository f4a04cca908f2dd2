"""What every loss has: reduction, factor, spec, targets, and a call on arrays."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass
from typing import Any, ClassVar, Literal, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from densekit import _core
from densekit import functional as F
from densekit._arrays import _as_array, number, one_of
from densekit._intake import as_array
from densekit._parts import Part
from densekit.losses._targets import elements

Reduction: TypeAlias = Literal["mean", "count", "sum"]
Compat: TypeAlias = Literal["torch", "keras", "sklearn", "dlfs"]
LossAndGradient: TypeAlias = tuple[Any, NDArray[Any]]

_OF_LABELS = {kind for kind, record in _core.kinds()["losses"].items() if record["labels"] and kind != "host"}
_REDUCTIONS = ("mean", "count", "sum")
_FLOATS = (np.dtype(np.float32), np.dtype(np.float64))
# Last activations whose outputs are probabilities: of classes, of separate events.
SQUASHING = ("softmax", "sigmoid", "hard_sigmoid")


def _in_dtype_of(pred: Any, target: Any) -> Any:
    """The target in pred's precision, as fit takes it: predict's float32 beside NumPy's usual float64."""
    kinds = [getattr(a, "dtype", None) for a in (pred, target)]
    if all(dtype in _FLOATS for dtype in kinds) and kinds[0] != kinds[1]:
        return target.astype(np.dtype(kinds[0]).newbyteorder("="))
    return target


@dataclass(frozen=True)
class Loss(Part):
    """The base of all losses; see the module for the arguments that they share."""

    _: KW_ONLY
    reduction: Reduction | None = None
    factor: float | None = None
    compat: Compat = "torch"

    kind: ClassVar[str] = ""
    names: ClassVar[tuple[str, ...]] = ()  # what `get` calls it beside its kind and its class
    # The functional's keyword arguments, which are the spec's fields, too.
    _options: ClassVar[tuple[str, ...]] = ()
    _defaults: ClassVar[Mapping[str, Mapping[str, Any]]] = {"torch": {}, "keras": {"reduction": "count"}, "sklearn": {}}

    def __post_init__(self) -> None:
        name = type(self).__name__
        defaults = self._defaults[one_of(name, "compat", self.compat, tuple(self._defaults))]
        for field, default in (("reduction", "mean"), ("factor", 1.0)):
            if getattr(self, field) is None:
                object.__setattr__(self, field, defaults.get(field, default))
        one_of(name, "reduction", self.reduction, _REDUCTIONS)
        object.__setattr__(self, "factor", number(name, "factor", self.factor))

    @property
    def name(self) -> str:
        return type(self).__name__

    @property
    def takes_labels(self) -> bool:
        """Whether targets may be class numbers (n,)."""
        return self.kind in _OF_LABELS

    @property
    def link_activation(self) -> str | None:
        """The last activation that the loss can take the inputs of, so that nothing overflows; None if it takes any."""
        return None

    def spec(self, outputs: int = 1) -> dict[str, Any]:
        """The loss of docs/network.md, without "link". outputs: the width of pred; only compat="dlfs" asks for it.

        >>> densekit.losses.Huber(2.0).spec()
        {'kind': 'huber', 'reduction': 'mean', 'factor': 1.0, 'delta': 2.0}
        """
        options = {name: getattr(self, name) for name in self._options}
        return {"kind": self.kind, "reduction": self.reduction, "factor": self._scale(outputs), **options}

    def spec_for(self, activation: str | None, outputs: int = 1) -> dict[str, Any]:
        """The spec with "link", for a network whose last layer ends in `activation` (None: nobody knows, as a host's).

        ValueError if the two do not fit, e.g. softmax before BinaryCrossentropy, with what to write instead.

        >>> densekit.losses.get("binary_crossentropy").spec_for("sigmoid")["link"]
        True
        """
        self._check_activation(activation)
        link = activation is not None and activation == self.link_activation
        return {**self.spec(outputs), "link": link, "missing": "none"}

    def _check_activation(self, activation: str | None) -> None:
        """Raises ValueError if the loss cannot follow this activation."""

    def outputs_for(self, columns: int) -> int:
        """The width of pred that targets of this many columns need."""
        return columns

    def targets(self, target: ArrayLike, outputs: int, dtype: Any = np.float32) -> NDArray[Any]:
        """Targets as the engine takes them, int64 labels (n,) or dtype (n, m), checked once for the whole set.

        outputs: the width of pred. ValueError says which target cannot be.

        >>> densekit.losses.MeanSquaredError().targets([1, 2], outputs=1)
        array([[1.],
               [2.]], dtype=float32)
        """
        return elements(self.name, target, outputs, dtype)

    def __call__(
        self,
        pred: ArrayLike,
        target: ArrayLike,
        *,
        sample_weight: ArrayLike | None = None,
        reduction: Literal["mean", "count", "sum", "none"] | None = None,
    ) -> LossAndGradient:
        """(loss, gradient with respect to pred). reduction: None is the object's; "none" gives w_i l_i of the rows.

        >>> densekit.losses.MeanSquaredError()([[1.0], [2.0]], [[0.0], [4.0]])
        (2.5, array([[ 1.],
               [-2.]]))
        """
        how = self.reduction if reduction is None else one_of(self.name, "reduction", reduction, (*_REDUCTIONS, "none"))
        for name, value in (("pred", pred), ("target", target), ("sample_weight", sample_weight)):
            if value is not None or name == "pred":
                as_array(self.name, name, value)
        shape = np.shape(pred)
        rows = shape[0] if shape else 1
        target = _in_dtype_of(pred, target)
        if how == "mean" and rows and self._weighs_nothing(target, sample_weight):
            return 0.0, np.zeros_like(np.asarray(pred, np.result_type(np.asarray(pred), np.float32)))
        loss, gradient = self._evaluate(pred, target, sample_weight, how if how in ("mean", "none") else "sum")
        each = self._elements(np.shape(gradient))  # the functional's sums are over all elements, ours over rows
        counted = max(self._rows_that_count(target, rows), 1)
        scale = self._scale(each) / {"mean": 1, "count": each * counted}.get(str(how), each)
        if how == "none":
            loss = np.reshape(loss, (rows, -1)).sum(axis=1, dtype=np.float64).astype(gradient.dtype)
        return self._scaled(loss, gradient, scale)

    def _scaled(self, loss: Any, gradient: NDArray[Any], scale: float) -> LossAndGradient:
        return (loss, gradient) if scale == 1 else (loss * scale, gradient * scale)

    def _weighs_nothing(self, target: ArrayLike, sample_weight: ArrayLike | None) -> bool:
        return sample_weight is not None and not np.any(_as_array(self.name, "sample_weight", sample_weight))

    def _rows_that_count(self, target: ArrayLike, rows: int) -> int:
        """What reduction "count" divides by: the rows, those that weigh 0 among them, but for those ignored."""
        return rows

    def _elements(self, shape: tuple[int, ...]) -> int:
        """Elements that have a loss, in each row of a pred of this shape."""
        return int(np.prod(shape[1:]))

    def _scale(self, elements: int) -> float:
        """The factor, given the elements of a row."""
        assert self.factor is not None  # filled in by __post_init__
        return self.factor

    def _evaluate(self, pred: Any, target: Any, sample_weight: Any, reduction: str) -> LossAndGradient:
        options = {name: getattr(self, name) for name in self._options}
        function = getattr(F, self.kind)
        result: LossAndGradient = function(pred, target, sample_weight=sample_weight, reduction=reduction, **options)
        return result
