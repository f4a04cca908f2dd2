"""Rows of probabilities, checked: what densekit.info and the likelihoods share."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from densekit._arrays import Floats, Out
from densekit.functional.losses import require_range
from densekit.functional.softmax import _as_rows


def finished(result: NDArray[Any], out: Out) -> Any:
    """A NumPy number where nothing but one number is left, as NumPy's own reductions do."""
    return result[()] if out is None and result.ndim == 0 else result


def distributions(name: str, argument: str, p: Floats, axis: int) -> Floats:
    """Rows of probabilities that sum to 1 within the square root of the dtype's eps; ValueError otherwise."""
    require_range(name, argument, p, 0, 1, "a probability from 0 to 1", nan=False)
    rows = _as_rows(p, axis)
    sums = np.add.reduce(rows, axis=1, dtype=np.float64)
    bad = np.abs(sums - 1) > math.sqrt(np.finfo(rows.dtype).eps)
    if bad.any():
        at = int(bad.argmax())
        where = f"{argument} {p.shape} sums to {sums[at]:.9g} along axis {axis}" + (
            f" (row {at})" if len(sums) > 1 else ""
        )
        raise ValueError(f"{name}: {where}, expected 1 (divide it by its sum)")
    return rows
