"""How the loss jumps from batch to batch, for several batch sizes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from densekit._arrays import vector, whole
from densekit._checks import items, mapping, network
from densekit.callbacks import Callback
from densekit.callbacks._base import Logs
from densekit.plots._style import Display, checked_axes, color, tidy


class _Recorder(Callback):
    """Writes down the loss of every batch."""

    def __init__(self, seen: list[float]) -> None:
        self.seen = seen

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        self.seen.append((logs or {})["data_loss"])


class BatchSizeNoiseDisplay(Display):
    """The loss of each batch, before its update, over the epochs.

    losses: {batch size: (updates,)}, epochs: {batch size: (updates,)}, where each update ends. noise: the mean
    absolute change from one update to the next in the last half, over the mean loss there.
    """

    def __init__(self, losses: Mapping[Any, Any], epochs: Mapping[Any, Any]) -> None:
        op, of = "BatchSizeNoiseDisplay", "{batch size: (updates,)}"
        losses, epochs = mapping(op, "losses", losses, of), mapping(op, "epochs", epochs, of)
        if not losses or losses.keys() != epochs.keys():
            raise ValueError(f"{op}: losses and epochs must have the same batch sizes, at least one, as keys")
        self.losses = {size: vector(op, f"losses[{size!r}]", values) for size, values in losses.items()}
        self.epochs = {
            size: vector(op, f"epochs[{size!r}]", values, len(self.losses[size])) for size, values in epochs.items()
        }
        self.noise = {}
        for size, values in self.losses.items():
            late = values[len(values) // 2 :]
            self.noise[size] = float(np.abs(np.diff(late)).mean() / late.mean()) if len(late) > 1 else float("nan")

    @classmethod
    def from_model(
        cls,
        model: Any,
        X: Any,
        y: Any,
        *,
        batch_sizes: Sequence[Any] = (1, 32, "full"),
        epochs: int = 5,
        ax: Any = None,
    ) -> BatchSizeNoiseDisplay:
        """Trains untrained clones of a compiled model, and draws.

        >>> from densekit.layers import Dense
        >>> model = densekit.Sequential([Dense(1)], seed=0).compile("sgd", "mse")
        >>> X = np.linspace(-1, 1, 8).reshape(-1, 1)
        >>> display = densekit.plots.BatchSizeNoiseDisplay.from_model(model, X, X, batch_sizes=[2, "full"], epochs=2)
        >>> [len(values) for values in display.losses.values()]
        [8, 2]
        """
        op = "BatchSizeNoiseDisplay"
        checked_axes(op, ax)
        model, epochs = network(op, model), whole(op, "epochs", epochs, low=1)
        sizes = items(op, "batch_sizes", batch_sizes, "whole numbers and 'full'")
        if not sizes:
            raise ValueError(f"{op}: batch_sizes is empty")
        losses: dict[Any, Any] = {}
        places: dict[Any, Any] = {}
        for size in sizes:
            seen: list[float] = []
            watch = _Recorder(seen)
            model.clone().fit(X, y, batch_size=size, epochs=epochs, callbacks=[watch], verbose=0)
            losses[size] = np.array(seen)
            places[size] = np.arange(1, len(seen) + 1) * (epochs / len(seen))
        return cls(losses, places).plot(ax)  # type: ignore[no-any-return]

    def _draw(self, ax: Any) -> None:
        order = sorted(self.losses, key=lambda size: -len(self.losses[size]))  # the noisiest behind
        for place, size in enumerate(order):
            values = self.losses[size]
            width = 0.6 if len(values) > 200 else 1.8
            name = "all rows" if size == "full" else f"{size} row{'s' if size != 1 else ''}"
            label = f"{name} a batch, {len(values)} updates"
            marker = "o" if len(values) <= 30 else None
            ax.plot(self.epochs[size], values, color=color(place), linewidth=width, label=label, marker=marker,
                    markersize=4, alpha=0.8)  # fmt: skip
        values = np.concatenate(list(self.losses.values()))
        if (values > 0).all():
            ax.set_yscale("log")
            ax.set_ylim(bottom=float(np.quantile(values, 0.02)) / 2)  # single rows may be hit almost exactly
        tidy(ax, x="epoch", y="loss of the batch")
        ax.legend(fontsize="small", framealpha=0.9)
