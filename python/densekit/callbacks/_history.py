"""What was measured, epoch by epoch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from densekit._arrays import one_of
from densekit._checks import items
from densekit.callbacks._base import Callback, Logs


class History(Callback):
    """The logs of all epochs: `history` has a list for each key, `epoch` the numbers of the epochs. What fit returns.

    Keys: loss (the objective: data_loss + penalty), data_loss, penalty, lr (of the epoch's last update), the metrics,
    and with validation val_loss and so on. A History that is given to several fits goes on.
    best_epoch: the epoch (of the last fit, from 0) with the best metric, if a callback such as EarlyStopping watches
    one. restored_epoch: the epoch whose weights were put back at the end; None: the weights are those of the last one.

    >>> history = densekit.callbacks.History()
    >>> history.on_epoch_end(0, {"loss": 2.0})
    >>> history.on_epoch_end(1, {"loss": 1.0})
    >>> history.history, history.epoch
    ({'loss': [2.0, 1.0]}, [0, 1])
    """

    best_epoch: int | None = None
    restored_epoch: int | None = None

    def __init__(self) -> None:
        self.epoch: list[int] = []
        self.history: dict[str, list[float]] = {}

    def set_model(self, model: Any) -> None:
        """It keeps numbers only, so that it may outlive the model."""

    def on_train_begin(self, logs: Logs | None = None) -> None:
        self.best_epoch = self.restored_epoch = None

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        before = len(self.epoch)
        self.epoch.append(epoch)
        for key in {**self.history, **(logs or {})}:
            # A key that is missing in an epoch is NaN there, so that all lists have one length.
            values = self.history.setdefault(key, [float("nan")] * before)
            values.append(float((logs or {}).get(key, float("nan"))))

    def __getstate__(self) -> dict[str, Any]:
        """Copies of the epochs that are complete: another thread may be training."""
        values = dict(self.history)
        whole = min([len(self.epoch), *map(len, values.values())])
        history = {key: value[:whole] for key, value in values.items()}
        return {**self.__dict__, "epoch": self.epoch[:whole], "history": history}

    def plot(self, keys: Sequence[str] | None = None, *, ax: Any = None) -> Any:
        """Draws curves over the epochs, training solid and validation dashed; returns the Axes. Needs matplotlib.

        keys: which of the history; None is loss, val_loss. ax: the Axes to draw into; None makes new ones.
        """
        from densekit.plots._style import checked_axes, require_pyplot

        checked_axes("History.plot", ax)
        wanted = [k for k in ("loss", "val_loss") if k in self.history] if keys is None else keys
        wanted = items("History.plot", "keys", wanted, f"some of {list(self.history)}")
        for key in wanted:
            one_of("History.plot", "key", key, list(self.history))
        if ax is None:
            ax = require_pyplot("History.plot").subplots()[1]
        for key in wanted:
            style, color = ("--" if key.startswith("val_") else "-"), f"C{_place(key, wanted)}"
            ax.plot([e + 1 for e in self.epoch], self.history[key], style, color=color, label=key)
        ax.set_xlabel("epoch")
        if wanted:
            ax.set_ylabel(wanted[0] if len({k.removeprefix("val_") for k in wanted}) == 1 else "")
            ax.legend()
        return ax

    def now(self) -> dict[str, float]:
        """The logs of the epoch that the weights are of: the restored one, else the last; empty before the first."""
        at = len(self.epoch) - 1
        if self.restored_epoch in self.epoch:
            at -= self.epoch[::-1].index(self.restored_epoch)
        return {key: values[at] for key, values in self.history.items()}

    def __repr__(self) -> str:
        restored = "" if self.restored_epoch is None else f", restored_epoch={self.restored_epoch}"
        return f"History({len(self.epoch)} epochs{restored}{_ending(self.now())})"


def _place(key: str, keys: Sequence[str]) -> int:
    """val_loss has the color of loss."""
    families = list(dict.fromkeys(k.removeprefix("val_") for k in keys))
    return families.index(key.removeprefix("val_"))


def _ending(last: Mapping[str, float]) -> str:
    return "".join(f", {key}={value:.4g}" for key, value in last.items())
