"""mixup: rows between rows."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from densekit._arrays import floats, number, whole
from densekit._intake import as_array


def mixup(
    X: ArrayLike, y: ArrayLike, *, alpha: float = 0.2, classes: int | None = None, seed: int = 0
) -> tuple[NDArray[Any], NDArray[Any]]:
    """New rows on the lines between pairs of rows, and targets mixed alike (Zhang et al. 2018, "mixup").

    Row i becomes s X[i] + (1 - s) X[j], its target s y[i] + (1 - s) y[j]; the partner j is random, and the share s is
    drawn from the Beta(alpha, alpha) distribution, both for each row.
    X: (n, features) floats. y: labels (n), which become probabilities (n, classes) as categorical_crossentropy takes
    them, or floats (n) or (n, m). alpha: above 0; small ones stay close to the rows, 1 draws anywhere between.
    classes: how many there are, if the largest label does not tell. Draw anew for each epoch, with another seed.

    >>> import numpy as np
    >>> from densekit.preprocessing import mixup
    >>> X, y = mixup(np.array([[0.0], [1.0]]), [0, 1], alpha=1.0, seed=1)
    >>> bool(np.allclose(X[:, 0], y[:, 1]))
    True
    """
    (x,) = floats("mixup", "X", X)
    alpha = number("mixup", "alpha", alpha, low=0, open_low=True)
    rng = np.random.default_rng(whole("mixup", "seed", seed))
    if x.ndim < 1:
        raise ValueError(f"mixup: X is {x.shape}, expected rows")
    target = as_array("mixup", "y", y)
    if target.ndim < 1 or len(target) != len(x):
        raise ValueError(f"mixup: X has {len(x)} rows but y is {target.shape}")
    if target.dtype.kind in "iub":
        if target.ndim != 1:
            raise ValueError(f"mixup: labels are {target.shape}, expected ({len(x)},)")
        least = int(target.max()) + 1 if target.size else 0
        count = least if classes is None else whole("mixup", "classes", classes, low=1)
        if target.size and (int(target.min()) < 0 or least > count):
            raise ValueError(f"mixup: labels are {target.min()} to {target.max()}, expected 0 to {count - 1}")
        t = np.eye(count, dtype=x.dtype)[target.astype(np.int64)]
    elif classes is not None:
        raise ValueError(f"mixup: classes is for labels, but y is {target.dtype}")
    else:
        (t,) = floats("mixup", "y", target)
    partner = rng.permutation(len(x))
    share = rng.beta(alpha, alpha, len(x))

    def mixed(a: NDArray[Any]) -> NDArray[Any]:
        s = share.astype(a.dtype).reshape(-1, *(1,) * (a.ndim - 1))
        return np.asarray(s * a + (1 - s) * a[partner])

    return mixed(x), mixed(t)
