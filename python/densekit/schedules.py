"""Learning rates that change while training: give one to an optimizer in place of its `lr`.

`unit` says what the index t counts: "step" (updates) or "epoch". Both are counted by the model, from 0 at the `compile`
or `set_lr` that gave it the schedule: several fits, or updates of one's own, go through a schedule as one fit does. The
formulas are those of PyTorch's schedulers, in closed form: a rate depends on t alone, so a resumed training goes on
exactly.

A schedule that falls over the whole training and is given no length takes that of the first fit. A training in several
fits must say the whole length: `OneCycle(0.1, length=1000)`, `Cosine(0.1, period=20)`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from densekit._arrays import number, one_of, vector, whole
from densekit._checks import short
from densekit._parts import Catalogue, Part
from densekit._portable import cos_pi, power

Unit: TypeAlias = Literal["step", "epoch"]
Rates: TypeAlias = NDArray[np.float64]


class Schedule(Part):
    """The base of all: a subclass says in `at` what the rate is at indices t."""

    unit: str = "epoch"

    @property
    def needs_total(self) -> bool:
        """Whether `at` cannot do without the length of the training, because the schedule was given none of its own."""
        return False

    @property
    def open_unit(self) -> str | None:
        """The unit of the length that is taken from the training; None if the schedule needs none."""
        return self.unit if self.needs_total else None

    @property
    def initial(self) -> float:
        """The rate that a training begins with, whatever the schedule has seen."""
        return float(self.values(0, 1, 1, 2)[0])

    def values(self, first_step: int, count: int, steps_per_epoch: int, total_steps: int | None = None) -> Rates:
        """The rates of `count` updates from update number `first_step` on, as float64.

        steps_per_epoch, total_steps: updates of an epoch and of the whole training. total_steps=None: not known.

        >>> densekit.schedules.Step(0.1, step_size=2, gamma=0.5, unit="step").values(0, 5, 100)
        array([0.1  , 0.1  , 0.05 , 0.05 , 0.025])
        """
        name = type(self).__name__
        first, count = whole(name, "first_step", first_step), whole(name, "count", count)
        per_epoch = whole(name, "steps_per_epoch", steps_per_epoch, low=1)
        total = None if total_steps is None else whole(name, "total_steps", total_steps, low=1)
        steps = np.arange(first, first + count, dtype=np.float64)
        return self.rates_at(steps, steps // per_epoch, total, None if total is None else -(-total // per_epoch))

    def rates_at(self, steps: Rates, epochs: Rates, total_steps: int | None, total_epochs: int | None) -> Rates:
        """The rates of updates number `steps` (k,) in epochs number `epochs` (k,), of which `unit` says which counts.

        total_steps, total_epochs: the length of the training in both; None: not known.

        >>> densekit.schedules.Exponential(1.0, 0.5).rates_at(np.arange(3), np.array([0, 0, 1]), None, None)
        array([1. , 1. , 0.5])
        """
        t, total = self._counted(steps, epochs, total_steps, total_epochs)
        if total is None and self.needs_total:
            raise ValueError(
                f"{type(self).__name__}: total_steps is None, and the schedule was given no length, which it needs; "
                "give it one, length= (period= of Cosine), or train with fit, which gives it that of the training"
            )
        return np.array(np.broadcast_to(self.at(t, total), t.shape), np.float64, order="C")

    def _counted(
        self, steps: Any, epochs: Any, total_steps: int | None, total_epochs: int | None
    ) -> tuple[Rates, int | None]:
        """The numbers that the unit says, and the length of the training in it."""
        op = type(self).__name__
        given, total, name = (steps, total_steps, "steps") if self.unit == "step" else (epochs, total_epochs, "epochs")
        if total is not None:
            total = whole(op, f"total_{name}", total, low=1)
        other, known = ("epochs", epochs) if name == "steps" else ("steps", steps)
        t = vector(op, name, given)
        vector(op, other, known, len(t))
        return t, total

    def at(self, t: Rates, total: int | None) -> Rates | float:
        """The rates at indices t (epochs or steps) of a training of `total` of them; None in fit unless needs_total."""
        raise NotImplementedError(f"{type(self).__name__} has no method at(t, total), which every schedule needs")

    def __eq__(self, other: object) -> bool:
        """Whether it is the same schedule; what it has seen so far is no part of that."""
        return type(self) is type(other) and vars(self) == vars(other)

    def __hash__(self) -> int:
        return hash(type(self))

    def observe(self, logs: Mapping[str, float]) -> None:
        """Told the metrics of each epoch that is over; only Plateau listens."""

    def state(self) -> dict[str, Any]:
        """What must be kept to go on later: nothing, unless the schedule listens to metrics."""
        return {}

    def set_state(self, state: Mapping[str, Any]) -> None:
        """Puts back what `state` gave."""


def _check(schedule: Schedule, rate: str = "lr") -> str:
    """What all constructors check; returns the name for messages."""
    name = type(schedule).__name__
    object.__setattr__(schedule, rate, number(name, rate, getattr(schedule, rate), low=0))
    one_of(name, "unit", schedule.unit, ("step", "epoch"))
    return name


@dataclass(frozen=True)
class Constant(Schedule):
    """The same rate throughout: lr.

    >>> densekit.schedules.Constant(0.1).values(0, 2, 10)
    array([0.1, 0.1])
    """

    lr: float
    unit: Unit = "epoch"

    def __post_init__(self) -> None:
        _check(self)

    def at(self, t: Rates, total: int | None) -> Rates | float:
        return self.lr


@dataclass(frozen=True)
class Step(Schedule):
    """A fall every step_size: lr gamma^floor(t / step_size). torch.optim.lr_scheduler.StepLR.

    lr: the first rate. step_size: 1 or more, in `unit`. gamma: 0 or more, default 0.1.

    >>> densekit.schedules.Step(1.0, step_size=2).values(0, 4, 1).round(3)
    array([1. , 1. , 0.1, 0.1])
    """

    lr: float
    step_size: int
    gamma: float = 0.1
    unit: Unit = "epoch"

    def __post_init__(self) -> None:
        name = _check(self)
        whole(name, "step_size", self.step_size, low=1)
        number(name, "gamma", self.gamma, low=0)

    def at(self, t: Rates, total: int | None) -> Rates | float:
        return self.lr * power(self.gamma, t // self.step_size)


@dataclass(frozen=True)
class Exponential(Schedule):
    """A steady fall: lr gamma^t. torch.optim.lr_scheduler.ExponentialLR.

    lr: the first rate. gamma: 0 or more.

    >>> densekit.schedules.Exponential(1.0, gamma=0.5).values(0, 3, 1)
    array([1.  , 0.5 , 0.25])
    """

    lr: float
    gamma: float
    unit: Unit = "epoch"

    def __post_init__(self) -> None:
        number(_check(self), "gamma", self.gamma, low=0)

    def at(self, t: Rates, total: int | None) -> Rates | float:
        return self.lr * power(self.gamma, t)


@dataclass(frozen=True)
class Cosine(Schedule):
    """Half a cosine from lr down to lr_min: lr_min + (lr - lr_min) (1 + cos(pi t / period)) / 2; lr_min after it.

    lr: the first rate. period: how long it falls, in `unit`; None: as long as the first fit. lr_min: 0 or more.
    torch.optim.lr_scheduler.CosineAnnealingLR, which rises again after its period, where this one stays.
    Loshchilov and Hutter, arXiv 1608.03983, without restarts.

    >>> densekit.schedules.Cosine(1.0, period=4).values(0, 6, 1).round(3)
    array([1.   , 0.854, 0.5  , 0.146, 0.   , 0.   ])
    """

    lr: float
    period: int | None = None
    lr_min: float = 0.0
    unit: Unit = "epoch"

    def __post_init__(self) -> None:
        name = _check(self)
        if self.period is not None:
            whole(name, "period", self.period, low=1)
        number(name, "lr_min", self.lr_min, low=0, high=self.lr)

    @property
    def needs_total(self) -> bool:
        return self.period is None

    def at(self, t: Rates, total: int | None) -> Rates | float:
        period = self.period or total
        assert period is not None  # needs_total
        share = np.minimum(t / period, 1.0)
        return self.lr_min + (self.lr - self.lr_min) * (1 + cos_pi(share)) / 2


@dataclass(frozen=True)
class OneCycle(Schedule):
    """One rise and a fall: max_lr / div_factor up to max_lr, then down to max_lr / (div_factor final_div_factor).

    max_lr: the highest rate. pct_start: the share of the training that rises, 0 to 1. div_factor: greater than 0, of
    the first rate. final_div_factor: greater than 0, of the last beside the first. anneal_strategy: "cos" or "linear".
    length: how long it takes, in `unit`; None: as long as the first fit. After it the rate stays at the last one.
    torch.optim.lr_scheduler.OneCycleLR with cycle_momentum=False. Smith and Topin, arXiv 1708.07120.

    >>> densekit.schedules.OneCycle(1.0, pct_start=0.5, anneal_strategy="linear").values(0, 5, 1, 5).round(2)
    array([0.04, 0.68, 0.8 , 0.4 , 0.  ])
    """

    max_lr: float
    pct_start: float = 0.3
    anneal_strategy: Literal["cos", "linear"] = "cos"
    div_factor: float = 25.0
    final_div_factor: float = 1e4
    unit: Unit = "step"
    length: int | None = None

    def __post_init__(self) -> None:
        name = _check(self, "max_lr")
        if self.length is not None:
            whole(name, "length", self.length, low=1)
        number(name, "pct_start", self.pct_start, low=0, high=1)
        one_of(name, "anneal_strategy", self.anneal_strategy, ("cos", "linear"))
        number(name, "div_factor", self.div_factor, low=0, open_low=True)
        number(name, "final_div_factor", self.final_div_factor, low=0, open_low=True)

    @property
    def needs_total(self) -> bool:
        return self.length is None

    def at(self, t: Rates, total: int | None) -> Rates | float:
        total = self.length or total
        assert total is not None  # needs_total
        top, end = self.pct_start * total - 1, total - 1.0
        first = self.max_lr / self.div_factor
        rising = _between(first, self.max_lr, t / top, self.anneal_strategy) if top > 0 else self.max_lr
        fall = (t - top) / (end - top) if end > top else np.ones_like(t)
        falling = _between(self.max_lr, first / self.final_div_factor, fall, self.anneal_strategy)
        return np.where(t <= top, rising, falling)


def _between(start: float, end: float, share: Rates, strategy: str) -> Rates:
    """From start (share 0) to end (share 1), along a straight line or half a cosine; clipped to [0, 1]."""
    share = np.clip(share, 0.0, 1.0)
    weight = share if strategy == "linear" else (1 - cos_pi(share)) / 2
    return start + (end - start) * weight


@dataclass
class Plateau(Schedule):
    """Falls when a metric stops getting better: after `patience` epochs without a gain, lr <- max(lr factor, min_lr).

    It moves at the end of each epoch of fit, and nowhere else.

    lr: the first rate. monitor: the key of the epoch's logs, e.g. "val_loss"; "loss" stands in where there is no
    validation. factor: in (0, 1). patience: epochs without a gain that are borne. threshold, threshold_mode: a gain is
    more than threshold, of the best value ("rel") or as it is ("abs"). mode: "min" or "max". cooldown: epochs after a
    fall that do not count. min_lr: the least rate. eps: smaller falls are left out.
    torch.optim.lr_scheduler.ReduceLROnPlateau. It keeps a state, so that every model needs its own.

    >>> plateau = densekit.schedules.Plateau(1.0, patience=0, factor=0.5)
    >>> for loss in (3.0, 2.0, 2.0):
    ...     plateau.observe({"val_loss": loss})
    >>> plateau.values(0, 2, 1)
    array([0.5, 0.5])
    """

    lr: float
    monitor: str = "val_loss"
    mode: Literal["min", "max"] = "min"
    factor: float = 0.1
    patience: int = 10
    threshold: float = 1e-4
    threshold_mode: Literal["rel", "abs"] = "rel"
    cooldown: int = 0
    min_lr: float = 0.0
    eps: float = 1e-8

    unit: str = field(init=False, repr=False, default="epoch")  # a metric is known once an epoch
    _current: float = field(init=False, repr=False, compare=False)
    _best: float = field(init=False, repr=False, compare=False)
    _bad: int = field(init=False, repr=False, compare=False, default=0)
    _cooling: int = field(init=False, repr=False, compare=False, default=0)

    def __post_init__(self) -> None:
        name = _check(self)
        if not isinstance(self.monitor, str):
            raise TypeError(f"{name}: monitor must be a key of the logs like 'val_loss', got {short(self.monitor)}")
        one_of(name, "mode", self.mode, ("min", "max"))
        number(name, "factor", self.factor, low=0, high=1, open_low=True, open_high=True)
        whole(name, "patience", self.patience)
        number(name, "threshold", self.threshold, low=0)
        one_of(name, "threshold_mode", self.threshold_mode, ("rel", "abs"))
        whole(name, "cooldown", self.cooldown)
        number(name, "min_lr", self.min_lr, low=0)
        number(name, "eps", self.eps, low=0)
        self._current, self._best = self.lr, math.inf if self.mode == "min" else -math.inf

    @property
    def initial(self) -> float:
        return float(self.lr)

    def at(self, t: Rates, total: int | None) -> Rates | float:
        return self._current

    def _gains(self, value: float) -> bool:
        if self.mode == "min":
            limit = self._best * (1 - self.threshold) if self.threshold_mode == "rel" else self._best - self.threshold
            return value < limit
        limit = self._best * (1 + self.threshold) if self.threshold_mode == "rel" else self._best + self.threshold
        return value > limit

    def observe(self, logs: Mapping[str, float]) -> None:
        key = self.monitor if self.monitor in logs else self.monitor.removeprefix("val_")
        if key not in logs:
            raise KeyError(f"Plateau: there is no {short(self.monitor)} among the metrics {sorted(logs)}")
        value = float(logs[key])
        if self._gains(value):
            self._best, self._bad = value, 0
        else:
            self._bad += 1
        if self._cooling > 0:
            self._cooling -= 1
            self._bad = 0
        if self._bad > self.patience:
            lower = max(self._current * self.factor, self.min_lr)
            if self._current - lower > self.eps:
                self._current = lower
            self._cooling, self._bad = self.cooldown, 0

    def state(self) -> dict[str, Any]:
        best = self._best if math.isfinite(self._best) else None  # JSON has no infinity
        return {"lr": self._current, "best": best, "bad": self._bad, "cooling": self._cooling}

    def set_state(self, state: Mapping[str, Any]) -> None:
        worst = math.inf if self.mode == "min" else -math.inf
        self._current = float(state["lr"])
        self._best = worst if state["best"] is None else float(state["best"])
        self._bad, self._cooling = int(state["bad"]), int(state["cooling"])


@dataclass(frozen=True)
class WarmUp(Schedule):
    """Eases into another schedule: its rate times start_factor + (1 - start_factor) min(t / length, 1).

    schedule: the other one, or a rate. length: of the warm-up, in `unit`. start_factor: the first share, 0 to 1.
    The other schedule runs from the beginning, too, and is only scaled: torch's ChainedScheduler of LinearLR and it.

    >>> densekit.schedules.WarmUp(1.0, length=4, start_factor=0.2).values(0, 6, 1)
    array([0.2, 0.4, 0.6, 0.8, 1. , 1. ])
    """

    schedule: Schedule | float
    length: int
    start_factor: float = 1 / 3
    unit: Unit = "step"

    def __post_init__(self) -> None:
        name = "WarmUp"
        inner = get(self.schedule)
        if isinstance(inner, WarmUp):
            raise TypeError(f"{name}: the schedule is a WarmUp already: {short(inner)}")
        object.__setattr__(self, "schedule", inner)
        one_of(name, "unit", self.unit, ("step", "epoch"))
        whole(name, "length", self.length, low=1)
        number(name, "start_factor", self.start_factor, low=0, high=1)

    @property
    def inner(self) -> Schedule:
        """The schedule that is eased into."""
        assert isinstance(self.schedule, Schedule)
        return self.schedule

    @property
    def initial(self) -> float:
        return float(self.at(np.zeros(1), None)[0] * self.inner.initial)

    @property
    def needs_total(self) -> bool:
        return self.inner.needs_total

    @property
    def open_unit(self) -> str | None:
        return self.inner.open_unit

    def rates_at(self, steps: Rates, epochs: Rates, total_steps: int | None, total_epochs: int | None) -> Rates:
        t, _ = self._counted(steps, epochs, total_steps, total_epochs)
        return self.at(t, None) * self.inner.rates_at(steps, epochs, total_steps, total_epochs)

    def at(self, t: Rates, total: int | None) -> Rates:
        """The share of the other schedule's rate."""
        return np.asarray(self.start_factor + (1 - self.start_factor) * np.minimum(t / self.length, 1.0))

    def observe(self, logs: Mapping[str, float]) -> None:
        self.inner.observe(logs)

    def state(self) -> dict[str, Any]:
        return self.inner.state()

    def set_state(self, state: Mapping[str, Any]) -> None:
        self.inner.set_state(state)


def get(value: Any) -> Schedule:
    """The schedule itself, Constant for a number, or what a config describes.

    >>> densekit.schedules.get(0.1)
    Constant(lr=0.1, unit='epoch')
    """
    if isinstance(value, int | float | np.integer | np.floating) and not isinstance(value, bool | np.bool_):
        return Constant(number("schedule", "the rate", value, low=0))
    return _CATALOGUE.get(value)


_CLASSES = tuple(c for c in globals().values() if isinstance(c, type) and issubclass(c, Schedule) and c is not Schedule)
# No names: every schedule needs at least a rate.
_CATALOGUE: Catalogue[Schedule] = Catalogue("schedule", Schedule, {}, _CLASSES)

__all__ = ["Constant", "Cosine", "Exponential", "OneCycle", "Plateau", "Schedule", "Step", "WarmUp", "get"]
