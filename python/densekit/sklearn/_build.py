"""From an estimator's parameters to a model, its optimizer, and the learning rates of its epochs."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from densekit import _learning_rate as learning_rate
from densekit import layers, optimizers, regularizers, schedules
from densekit._network import Compiled
from densekit._portable import power
from densekit.losses import Loss
from densekit.model import Sequential

# scikit-learn's name, and ours.
_SAME = {"logistic": "sigmoid"}


def hidden_sizes(given: Any) -> list[int]:
    sizes = list(given) if hasattr(given, "__iter__") else [given]
    if any(size <= 0 for size in sizes):
        raise ValueError(f"hidden_layer_sizes must be > 0, got {sizes}.")
    return sizes


def make_model(estimator: Any, inputs: int, outputs: int, activation: str | None, loss: Loss, dtype: Any) -> Sequential:
    """The compiled model with initial weights drawn as scikit-learn draws them, from `estimator._random_state`."""
    draws = estimator._random_state
    sizes = [inputs, *hidden_sizes(estimator.hidden_layer_sizes), outputs]
    initial = []
    for fan_in, fan_out in itertools.pairwise(sizes):
        # Glorot and Bengio 2010; biases are drawn from the same range.
        bound = np.sqrt((2.0 if estimator.activation in ("logistic", "sigmoid") else 6.0) / (fan_in + fan_out))
        initial.append((draws.uniform(-bound, bound, (fan_in, fan_out)), draws.uniform(-bound, bound, fan_out)))
    # Only a network with dropout needs a seed: nothing more is drawn than scikit-learn draws.
    seed = int(draws.randint(np.iinfo(np.int32).max)) if _rates(estimator.dropout) else 0
    model = Sequential(_layers(estimator, sizes, activation), seed=seed, dtype=dtype)
    compile_model(estimator, model, loss)
    model.build(inputs)
    for layer, (kernel, bias) in zip(dense_layers(model), initial, strict=True):
        layer.kernel[...], layer.bias[...] = kernel, bias
    return model


def dense_layers(model: Sequential) -> list[layers.Dense]:
    return [layer for layer in model.layers if isinstance(layer, layers.Dense)]


def _rates(dropout: Any) -> list[float]:
    """The dropout of each hidden layer, or of all; empty if there is none."""
    rates = [float(rate) for rate in dropout] if hasattr(dropout, "__iter__") else [float(dropout)]
    return rates if any(rates) else []


def _layers(estimator: Any, sizes: list[int], activation: str | None) -> list[layers.Layer]:
    rates, hidden = _rates(estimator.dropout) or [0.0], len(sizes) - 2
    if len(rates) == 1:
        rates = rates * hidden
    if len(rates) != hidden:
        raise ValueError(f"dropout has {len(rates)} rates, but there are {hidden} hidden layers")
    if estimator.batch_norm and estimator.layer_norm:
        raise ValueError("batch_norm and layer_norm are both True; choose one")
    name = _SAME.get(estimator.activation, estimator.activation)
    norm = layers.BatchNorm if estimator.batch_norm else layers.LayerNorm if estimator.layer_norm else None
    made: list[layers.Layer] = []
    for units, rate in zip(sizes[1:-1], rates, strict=True):
        made += [layers.Dense(units, None if norm else name)]
        made += [norm(), layers.Activation(name)] if norm else []
        made += [layers.Dropout(rate)] if rate else []
    return [*made, layers.Dense(sizes[-1], activation)]


def compile_model(estimator: Any, model: Sequential, loss: Loss) -> None:
    """Compiles, if anything changed since; the state of an optimizer of the same kind stays.

    So does the place in the schedule, unless that is another one: then the new one begins here.
    """
    regularizer = None
    if estimator.alpha or estimator.l1:
        regularizer = regularizers.L1L2(float(estimator.l1), float(estimator.alpha), compat="sklearn")
    wanted = Compiled(_optimizer(estimator), loss, [], regularizer, estimator.clip_norm, precision=estimator.precision)
    before = model._compiled
    if wanted == before:
        return
    engine, epoch, start = model._engine, model.epoch, model._schedule_start
    model.compile(
        wanted.optimizer, loss, regularizer=regularizer, clip_norm=wanted.clip_norm, precision=wanted.precision
    )
    if engine is not None and wanted.optimizer.kind == before.optimizer.kind:
        for state, kept in zip(model._ready().states, engine.states, strict=True):
            state[...] = kept
        model._ready().step = engine.step
        model.epoch = epoch
        if wanted.optimizer.kind == "lbfgs":
            return
        old, new = before.optimizer.schedule, model.optimizer.schedule
        model._schedule_start = start if old == new else learning_rate.ScheduleStart(model.step, epoch)
        if old == new:
            new.set_state(old.state())


def _optimizer(estimator: Any) -> Any:
    solver, rate, decay = estimator.solver, estimator.learning_rate_init, float(estimator.weight_decay)
    schedule = estimator.learning_rate if isinstance(estimator.learning_rate, schedules.Schedule) else None
    if isinstance(solver, optimizers.Optimizer):
        solver = replace(solver, weight_decay=decay) if decay else solver
        return solver if schedule is None else replace(solver, lr=schedule)
    rate = rate if schedule is None else schedule
    if solver == "adam":
        return optimizers.Adam(
            rate,
            beta1=estimator.beta_1,
            beta2=estimator.beta_2,
            eps=estimator.epsilon,
            weight_decay=decay,
            compat="sklearn",
        )
    if solver == "sgd":
        momentum = float(estimator.momentum)
        nesterov = bool(estimator.nesterovs_momentum and momentum)
        return optimizers.SGD(rate, momentum=momentum, nesterov=nesterov, weight_decay=decay, compat="sklearn")
    for name in ("dropout", "batch_norm", "l1", "weight_decay", "clip_norm"):
        if _rates(estimator.dropout) if name == "dropout" else getattr(estimator, name):
            raise ValueError(f"solver='lbfgs' takes no {name}, got {name}={getattr(estimator, name)!r}; use 'adam'")
    if schedule is not None:
        raise ValueError(f"solver='lbfgs' has no learning rate, got learning_rate={estimator.learning_rate!r}")
    return optimizers.LBFGS(estimator.max_iter, maxfun=estimator.max_fun, tol=float(estimator.tol))


@dataclass
class Rates:
    """The learning rates of a training: scikit-learn's three for "sgd", the model's schedule, else a constant."""

    how: str
    initial: float
    power_t: float
    learning_rate: float

    @classmethod
    def of(cls, estimator: Any) -> Rates:
        rate = estimator.model_.optimizer.lr
        if isinstance(rate, schedules.Schedule):
            return cls("schedule", 0.0, 0.0, 0.0)
        # "invscaling" and "adaptive" have no meaning beside "adam", as in scikit-learn.
        how = estimator.learning_rate if estimator.solver == "sgd" else "constant"
        return cls(how, float(rate), estimator.power_t, float(rate))

    def begin(self, op: str, model: Sequential, steps: int, epochs: int) -> None:
        """ValueError if the schedule is over. steps: updates of an epoch. epochs: those of this call."""
        if self.how == "schedule":
            learning_rate.require_not_over(model, op, steps * epochs, epochs, "another learning_rate=")

    def of_epoch(self, model: Sequential, steps: int, epochs_left: int) -> NDArray[np.float64]:
        """The rates of the updates of the next epoch."""
        if self.how != "schedule":
            return np.full(steps, self.learning_rate)
        learning_rate.learn_length(model, steps * epochs_left, epochs_left)
        rates = learning_rate.next_rates(model, steps)
        self.learning_rate = float(rates[-1])
        return rates

    def epoch_ends(self, model: Sequential, seen: int, logs: dict[str, float]) -> None:
        """seen: rows trained on so far, in all fits."""
        model.epoch += 1
        if self.how == "invscaling":
            self.learning_rate = self.initial / float(power(seen + 1, self.power_t))
        elif self.how == "schedule":
            model.optimizer.schedule.observe(logs)

    def stops(self, message: str, say: bool) -> bool:
        """Whether training ends when nothing improves any more; "adaptive" goes on with a fifth of the rate."""
        ends = self.how != "adaptive" or self.learning_rate <= 1e-6
        small = "Learning rate too small. " if self.how == "adaptive" else ""
        if not ends:
            self.learning_rate /= 5.0
        if say:
            print(
                f"{message} {small}Stopping." if ends else f"{message} Setting learning rate to {self.learning_rate:f}"
            )
        return ends
