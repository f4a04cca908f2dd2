"""The learning rate of the next updates. A schedule follows the model, not the calls that train it."""

from __future__ import annotations

import warnings
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from densekit._arrays import whole
from densekit.schedules import Rates, Schedule

if TYPE_CHECKING:
    from collections.abc import Mapping

    from densekit.model import Sequential


_LENGTH = ("steps", "epochs")


@dataclass
class ScheduleStart:
    """Where a model was when compile or set_lr gave it its schedule; the schedule's t counts from there.

    step, epoch: `model.step` and `model.epoch` then. steps, epochs: the length of the schedule in updates and in
    epochs, which the first fit sets if it was given none; else None.
    """

    step: int = 0
    epoch: int = 0
    steps: int | None = None
    epochs: int | None = None

    def config(self) -> dict[str, int | None]:
        """What a saved model keeps."""
        return asdict(self)

    @classmethod
    def from_config(cls, given: Mapping[str, Any] | None) -> ScheduleStart:
        """None: a file of 0.1.0, where every schedule began with compile."""
        if given is None:
            return cls()
        step, epoch = (whole("schedule_start", key, given[key]) for key in ("step", "epoch"))
        length = {key: None if given[key] is None else whole("schedule_start", key, given[key]) for key in _LENGTH}
        return cls(step, epoch, *length.values())


def next_rates(model: Sequential, count: int = 1) -> Rates:
    """The rates of the next `count` updates, all of the epoch that the model is in, as float64 (count,).

    Every update of a model takes its rate from here: fit, train_on_batch, an update of one's own, the estimators.
    """
    rate = model.optimizer.lr
    if not isinstance(rate, Schedule):
        return np.full(count, float(rate))
    start = _start(model)
    steps = np.arange(count, dtype=np.float64) + (model.step - start.step)
    epochs = np.full(count, float(model.epoch - start.epoch))
    return rate.rates_at(steps, epochs, start.steps, start.epochs)


def next_rate(model: Sequential, op: str) -> float:
    """The rate of one update outside fit; ValueError if the length of the schedule is over, or not known."""
    require_not_over(model, op)
    return float(next_rates(model)[0])


def learn_length(model: Sequential, updates: int, epochs: int) -> None:
    """Called by fit before it asks for rates: a schedule without a length ends with these updates.

    The first fit is the first that makes an update.
    """
    rate, start = model.optimizer.lr, _start(model)
    first = start.steps is None or model.step == start.step
    if first and isinstance(rate, Schedule) and rate.needs_total:
        start.steps, start.epochs = model.step - start.step + updates, model.epoch - start.epoch + epochs


def require_not_over(model: Sequential, op: str, updates: int = 1, epochs: int = 1, cure: str = "set_lr") -> None:
    """ValueError if the schedule is over that took its length from the first fit; a warning if it ends in this call.

    updates, epochs: how many this call makes. cure: what begins a new schedule.
    """
    rate = model.optimizer.lr
    unit = rate.open_unit if isinstance(rate, Schedule) else None
    start = _start(model)
    if unit is None or start.steps is None or start.epochs is None or model.step == start.step:
        return
    by_step = unit == "step"
    done, length = (model.step - start.step, start.steps) if by_step else (model.epoch - start.epoch, start.epochs)
    name, what = type(rate).__name__, "updates" if by_step else "epochs"
    known = (
        f"{op}: the schedule {name} has a length of {length} {what}, taken from the first fit because it was given none"
    )
    advice = (
        f"give it the whole length at the beginning, length= (period= of Cosine), or begin a new schedule with {cure}"
    )
    if done >= length:
        raise ValueError(f"{known}, and these are over; {advice}")
    if done + (updates if by_step else epochs) > length:
        warnings.warn(f"{known}; after {length - done} more the rate stays as it is then; {advice}", stacklevel=4)


def _start(model: Sequential) -> ScheduleStart:
    """The model's; a count that was set back since then is where the schedule begins."""
    start = model._schedule_start
    start.step, start.epoch = min(start.step, model.step), min(start.epoch, model.epoch)
    return start
