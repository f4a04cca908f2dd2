"""Losses written in Python."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from densekit._arrays import _as_array, one_of
from densekit._checks import short
from densekit.losses._base import Loss, LossAndGradient


@dataclass(frozen=True)
class HostLoss(Loss):
    """A loss written in Python: function(pred, target) -> (loss, gradient with respect to pred), already reduced.

    It may also take sample_weight and reduction; without the first, training with weights is a TypeError.
    `densekit.losses.get` makes one of any callable. The engine calls it for every batch, holding the interpreter lock.

    >>> loss = densekit.losses.get(lambda p, t: (float(np.mean((p - t) ** 4)), 4 * (p - t) ** 3 / p.size))
    >>> loss(np.array([[2.0]]), np.array([[0.0]]))
    (16.0, array([[32.]]))
    """

    function: Callable[..., Any] = None  # type: ignore[assignment]
    kind: ClassVar[str] = "host"
    _defaults: ClassVar[Mapping[str, Mapping[str, Any]]] = {"torch": {}}

    def __post_init__(self) -> None:
        super().__post_init__()
        if not callable(self.function):
            raise TypeError(f"HostLoss: function must be callable, got {short(self.function)}")
        if self.reduction == "count" or self.factor != 1:
            raise ValueError(f"HostLoss: {self.name} reduces by itself; reduction 'count' and factor have no meaning")
        if self.reduction != "mean" and "reduction" not in self._keywords:
            raise TypeError(f"HostLoss: {self.name} takes no reduction, got reduction={short(self.reduction)}")

    @property
    def name(self) -> str:
        return str(getattr(self.function, "__name__", type(self.function).__name__))

    @property
    def _keywords(self) -> set[str]:
        """Which of the keyword arguments of a loss the function takes."""
        known = {"sample_weight", "reduction"}
        try:
            parameters = inspect.signature(self.function).parameters.values()
        except (TypeError, ValueError):  # some builtins have no signature
            return set()
        if any(p.kind is p.VAR_KEYWORD for p in parameters):
            return known
        return known & {p.name for p in parameters if p.kind in (p.KEYWORD_ONLY, p.POSITIONAL_OR_KEYWORD)}

    def spec(self, outputs: int = 1) -> dict[str, Any]:
        return {**super().spec(outputs), "index": 0}

    def config(self) -> dict[str, Any]:
        raise TypeError(f"HostLoss: the Python function {self.name} cannot be saved; give it again after loading")

    def targets(self, target: ArrayLike, outputs: int, dtype: Any = np.float32) -> NDArray[Any]:
        """Labels as int64 (n,), everything else as dtype (n, m)."""
        array = _as_array(self.name, "target", target)
        if array.ndim == 1 and array.dtype.kind in "iu":
            return np.ascontiguousarray(array, np.int64)
        columns = int(np.prod(array.shape[1:]))
        return np.ascontiguousarray(array.reshape(len(array), columns), dtype)

    def __call__(  # type: ignore[override]  # the engine gives the weights by position
        self,
        pred: ArrayLike,
        target: ArrayLike,
        sample_weight: ArrayLike | None = None,
        *,
        reduction: Literal["mean", "sum"] | None = None,
    ) -> LossAndGradient:
        for name, value in (("pred", pred), ("target", target), ("sample_weight", sample_weight)):
            if value is not None or name != "sample_weight":
                _as_array(self.name, name, value)
        p = np.asarray(pred)
        how = self.reduction if reduction is None else one_of(self.name, "reduction", reduction, ("mean", "sum"))
        if how == "mean" and self._weighs_nothing(target, sample_weight):
            return 0.0, np.zeros_like(p)
        keywords: dict[str, Any] = {}
        for name, value, usual in (("sample_weight", sample_weight, None), ("reduction", how, "mean")):
            if name in self._keywords:
                keywords[name] = value
            elif value != usual if name == "reduction" else value is not None:
                raise TypeError(f"loss {self.name}: it takes no {name}, so it cannot be given {name}")
        result = self.function(pred, target, **keywords)
        if not isinstance(result, tuple) or len(result) != 2:
            raise TypeError(f"loss {self.name}: expected (loss, gradient with respect to pred), got {short(result)}")
        gradient = np.asarray(result[1])
        if gradient.shape != p.shape or np.ndim(result[0]):
            raise ValueError(
                f"loss {self.name}: expected a number and a gradient {p.shape} like pred, "
                f"got shapes {np.shape(result[0])} and {gradient.shape}"
            )
        return float(result[0]), gradient
