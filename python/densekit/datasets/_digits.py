"""The optical digits of the UCI repository."""

from __future__ import annotations

from importlib import resources
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Split: TypeAlias = tuple[NDArray[np.float32], NDArray[np.int64]]


def load_digits() -> tuple[Split, Split]:
    """1,797 real handwritten digits of 8 x 8 pixels: ((X, y), (X_test, y_test)).

    X: float32 (1437, 64), pixels in [0, 1], rows of an image one after the other; X_test: (360, 64).
    y: int64, the digit. The split is fixed and stratified. New arrays at each call.

    These are the test images of "Optical Recognition of Handwritten Digits", E. Alpaydin and C. Kaynak, UCI Machine
    Learning Repository, 1998, https://doi.org/10.24432/C50P49, licence CC BY 4.0 (digits-licence.txt beside this
    file): bitmaps of 32 x 32 counted in blocks of 4 x 4, divided by 16 here.

    >>> (X, y), (X_test, y_test) = densekit.datasets.load_digits()
    >>> X.shape, y[:5].tolist()
    ((1437, 64), [0, 1, 2, 3, 4])
    """
    with resources.files(__package__).joinpath("digits.npz").open("rb") as file, np.load(file) as data:
        x = data["pixels"].astype(np.float32) / 16
        y = data["labels"].astype(np.int64)
        train, test = data["train"], data["test"]
    return (x[train], y[train]), (x[test], y[test])
