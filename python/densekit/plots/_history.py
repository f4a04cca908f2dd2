"""The curves of a training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from densekit._arrays import one_of, vector
from densekit._checks import instance, items, mapping, text
from densekit.callbacks import History
from densekit.plots._style import Display, color, tidy


class HistoryDisplay(Display):
    """Losses and metrics over the epochs: training solid, validation dashed in the same colour.

    epochs: (k,), counted from 1. curves: {key: (k,)}.
    """

    def __init__(self, epochs: ArrayLike, curves: Mapping[str, ArrayLike]) -> None:
        op = "HistoryDisplay"
        self.epochs = vector(op, "epochs", epochs)
        found = mapping(op, "curves", curves, "{key: (epochs,)}")
        self.curves = {text(op, "a key of curves", key): values for key, values in found.items()}
        self.curves = {
            key: vector(op, f"curves[{key!r}]", values, len(self.epochs)) for key, values in self.curves.items()
        }

    @classmethod
    def from_history(cls, history: Any, keys: Sequence[str] | None = None, *, ax: Any = None) -> HistoryDisplay:
        """history: what fit returned. keys: which curves; None is loss and val_loss.

        >>> history = densekit.callbacks.History()
        >>> history.on_epoch_end(0, {"loss": 2.0})
        >>> densekit.plots.HistoryDisplay.from_history(history).curves
        {'loss': array([2.])}
        """
        known = instance("HistoryDisplay", "history", history, History, "a History, as fit returns").history
        wanted = [k for k in ("loss", "val_loss") if k in known] if keys is None else keys
        wanted = items("HistoryDisplay", "keys", wanted, f"some of {list(known)}")
        for key in wanted:
            one_of("HistoryDisplay", "key", key, list(known))
        display = cls(np.array(history.epoch) + 1, {key: known[key] for key in wanted})
        return display.plot(ax)  # type: ignore[no-any-return]

    def _draw(self, ax: Any) -> None:
        families = list(dict.fromkeys(key.removeprefix("val_") for key in self.curves))
        for key, values in self.curves.items():
            style = "--" if key.startswith("val_") else "-"
            tone = color(families.index(key.removeprefix("val_")))
            marker = "o" if len(values) == 1 else None
            ax.plot(self.epochs, values, style, color=tone, label=key, marker=marker)
        tidy(ax, x="epoch", y=families[0] if len(families) == 1 else "value")
        if self.curves:
            ax.legend(frameon=False)
