"""Class probabilities of any classifier."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from densekit import _network as network
from densekit import functional as F
from densekit._checks import short
from densekit._stack import Stack


def probabilities(op: str, model: Any, X: Any) -> NDArray[np.float64]:
    """(n, classes) of a classifier: of predict_proba if it has that, else of predict; logits of ours are converted.

    One column, p of class 1, becomes two.
    """
    if hasattr(model, "predict_proba"):
        raw = np.asarray(model.predict_proba(X), np.float64)
    elif hasattr(model, "predict"):
        raw = np.asarray(model.predict(X), np.float64)
        if isinstance(model, Stack):
            ending = network.last_activation(model.layers)
            if ending == "log_softmax":
                raw = np.exp(raw)
            elif ending == "identity":
                raw = F.softmax(raw) if raw.shape[1] > 1 else F.sigmoid(raw)
    elif callable(model):
        raw = np.asarray(model(X), np.float64)
    else:
        raise TypeError(f"{op}: model must have predict_proba or predict, or be a function of X, got {short(model)}")
    if raw.ndim == 1:
        raw = raw.reshape(-1, 1)
    if raw.ndim != 2 or not ((raw >= -1e-6) & (raw <= 1 + 1e-6)).all():
        raise ValueError(
            f"{op}: the model must give probabilities (rows, classes); it gave {raw.shape} numbers "
            f"from {raw.min():.3g} to {raw.max():.3g}"
        )
    return np.column_stack([1 - raw, raw]) if raw.shape[1] == 1 else raw
