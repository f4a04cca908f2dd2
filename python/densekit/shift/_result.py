"""What a test of two samples found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from densekit import _columns as columns
from densekit import _data as data
from densekit import _frames
from densekit._arrays import number
from densekit._intake import as_array
from densekit.shift._pvalues import adjusted

Array = NDArray[Any]


@dataclass(frozen=True)
class ShiftTest:
    """One test, or one for each column: statistic, p_value and adjusted (k,), in the order of `names`.

    adjusted: p-values after the correction for k tests; what is less than alpha is rejected: that column changed.
    scores: of the classifier test, what each column tells about the sample; empty elsewhere.
    """

    name: str
    names: tuple[str, ...]
    statistic: NDArray[np.float64]
    p_value: NDArray[np.float64]
    adjusted: NDArray[np.float64]
    alpha: float
    correction: str
    scores: tuple[tuple[str, float], ...] = ()

    @property
    def rejected(self) -> bool:
        """Whether the two samples differ at level alpha."""
        return bool((self.adjusted < self.alpha).any())

    @property
    def p(self) -> float:
        """The p-value of "nothing changed", over all columns."""
        return float(self.adjusted.min(initial=1.0))

    @property
    def features(self) -> list[str]:
        """Names of the columns that changed, the clearest first."""
        if self.scores:
            return [name for name, score in self.scores if score > 0] if self.rejected else []
        order = np.lexsort((-self.statistic, self.adjusted))
        return [self.names[i] for i in order if self.adjusted[i] < self.alpha]

    def __str__(self) -> str:
        verdict = "changed" if self.rejected else "no change found"
        text = f"{self.name}: {verdict}, p = {self.p:.3g} (alpha {self.alpha:g}"
        text += f", {self.correction} over {len(self.names)})" if len(self.names) > 1 else ")"
        if self.features and (self.scores or len(self.names) > 1):
            shown = self.features[:5]
            rest = len(self.features) - len(shown)
            text += "; clearest in " + ", ".join(shown) + (f" and {rest} more" if rest else "")
        return text


def finished(
    name: str,
    names: Sequence[str],
    statistic: Sequence[float],
    p_values: Sequence[float],
    alpha: float,
    correction: str = "none",
    scores: Sequence[tuple[str, float]] = (),
) -> ShiftTest:
    p = np.asarray(p_values, np.float64)
    return ShiftTest(
        name, tuple(names), np.asarray(statistic, np.float64), p, adjusted(p, correction), alpha, correction,
        tuple(scores),
    )  # fmt: skip


def level(op: str, alpha: float) -> float:
    return number(op, "alpha", alpha, low=0, high=1, open_low=True, open_high=True)


def column_names(X: Any, count: int) -> tuple[str, ...]:
    """Those of a data frame, else x0, x1, …"""
    known = _frames.labels(X)
    return tuple(f"x{i}" for i in range(count)) if known is None else tuple(map(str, known))


def two_tables(op: str, X_ref: Any, X_new: Any) -> tuple[NDArray[np.float64], NDArray[np.float64], tuple[str, ...]]:
    """Both samples as float64 (n, d) and (m, d), finite, with at least one row; (n,) counts as one column."""
    tables = []
    for name, value in (("X_ref", X_ref), ("X_new", X_new)):
        array = as_array(op, name, value)
        table = data.matrix(op, name, array.reshape(-1, 1) if array.ndim == 1 else array)
        if not len(table):
            raise ValueError(f"{op}: {name} is {table.shape}: it has no rows")
        data.require_finite(op, name, table)
        tables.append(table.astype(np.float64))
    ref, new = tables
    return ref, same_columns(op, X_ref, X_new, ref, new), column_names(X_ref, ref.shape[1])


def same_columns(op: str, X_ref: Any, X_new: Any, ref: Array, new: Array) -> Array:
    """The columns of `new` in the order of `ref`, by their names where X_ref and X_new are data frames."""
    given, known = _frames.labels(X_new), _frames.labels(X_ref)
    if given is not None and known is not None:
        places = columns.order(op, "X_new", given, known, "X_ref", "X_ref.columns")
        new = new if places is None else new[:, places]
    if ref.shape[1] != new.shape[1]:
        raise ValueError(f"{op}: X_ref is {ref.shape} but X_new is {new.shape}; they need the same columns")
    return new
