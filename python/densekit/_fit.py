"""The loop over epochs. An engine runs each epoch in one call; only callbacks that ask for batches cut it up."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np

from densekit import _data as data
from densekit import _evaluation as evaluation
from densekit import _learning_rate as learning_rate
from densekit import _network as network
from densekit import optimizers
from densekit._adapt import adapt
from densekit._arrays import flag, number, one_of, whole
from densekit._checks import short
from densekit._data import Array, Rows
from densekit._scores import PARTS, Scores
from densekit.callbacks import CallbackList, History

if TYPE_CHECKING:
    from densekit.model import Sequential


class TrainingDiverged(ArithmeticError):
    """The loss of a batch was not finite. The weights are those before that update.

    layer: the first layer with an output that is not finite although its inputs are ("loss": the loss itself). step:
    the number of the update, from 0. history: the epochs that were complete.
    """

    def __init__(self, message: str, layer: str, step: int, history: History | None = None) -> None:
        super().__init__(message)
        self.layer, self.step, self.history = layer, step, history

    def __reduce__(self) -> Any:
        return type(self), (self.args[0], self.layer, self.step, self.history)


def diverged(op: str, found: dict[str, Any], history: History | None = None) -> TrainingDiverged:
    layer, step = str(found["layer"]), int(found["step"])
    where = {
        "loss": "the outputs are finite, the loss of them is not",
        "input": "the rows themselves are not finite in the model's dtype",
    }.get(layer, f"the first layer that puts out something not finite is {layer!r}")
    return TrainingDiverged(
        f"{op}: the loss is not finite at update {step}: {where}. A smaller learning rate, clip_norm=1.0 or scaled "
        "inputs usually help; the weights are those before this update",
        layer,
        step,
        history,
    )


def row_order(seed: int, epoch: int, rows: int) -> Array:
    """The order of rows in an epoch: a function of the seed and the number of epochs trained before."""
    generator = np.random.Generator(np.random.Philox(key=np.array([seed, epoch], np.uint64)))
    return generator.permutation(rows)


class Loop:
    """What stays the same from epoch to epoch of one fit."""

    def __init__(
        self, op: str, model: Sequential, rows: Rows, batch_size: int, drop_last: bool = False, accumulate: int = 1
    ) -> None:
        self.model, self.rows, self.batch_size, self.drop_last = model, rows, batch_size, drop_last
        self.accumulate = accumulate
        joins = network.needs_two_rows(model.layers)
        self.cuts = data.batches(len(rows.x), batch_size, drop_last, joins)
        if any(last - first == 1 for first, last in self.cuts) and network.rows_of_statistics(model.layers) == 1:
            raise ValueError(
                f"{op}: a batch of one row has no variance for the batch norm; give batches of two rows or more, or "
                "freeze it with trainable=False"
            )
        self.outputs = None
        if model.metrics:
            self.outputs = np.empty((len(rows.x), model._ready().outputs), model.dtype)

    @property
    def engine(self) -> Any:
        """Asked each time: a callback may freeze a layer, which makes a new one."""
        return self.model._ready()

    def rates(self, count: int, updates_left: int, epochs_left: int) -> Array:
        """The rates of the next updates; left: how many this fit still makes, for schedules without a length."""
        learning_rate.learn_length(self.model, updates_left, epochs_left)
        return learning_rate.next_rates(self.model, count)

    def whole_epoch(self, order: Array, epochs_left: int, stop: bool) -> dict[str, Any]:
        """Its "lr" is the rate of the last update."""
        lr = self.rates(len(self.cuts), epochs_left * len(self.cuts), epochs_left)
        result: dict[str, Any] = self.engine.epoch(
            self.rows.x,
            self.rows.y,
            self.rows.weights,
            order,
            self.batch_size,
            lr,
            drop_last=self.drop_last,
            outputs=self.outputs,
            stop_on_divergence=stop,
            accumulate=self.accumulate,
        )
        return result | {"lr": float(lr[max(result["steps"], 1) - 1])}

    def batch_by_batch(self, order: Array, epochs_left: int, stop: bool, hooks: Any) -> dict[str, Any]:
        """The same updates with the same bits, and the callbacks between them."""
        totals, counted, diverged, steps, lr = np.zeros(2), 0.0, None, 0, 0.0
        for batch, (first, last) in enumerate(self.cuts):
            hooks.on_train_batch_begin(batch)
            # Asked for each update: a callback may have called set_lr.
            rate = self.rates(1, epochs_left * len(self.cuts) - batch, epochs_left)[0]
            rows = np.ascontiguousarray(order[first:last])
            result = self.one_batch(rows, rate, stop)
            lr = rate if result["steps"] or not batch else lr
            weights = None if self.rows.weights is None else self.rows.weights[rows]
            weight = evaluation.batch_weight(self.model.loss, self.rows.y[rows], weights)
            totals += weight * np.array([result["loss"], result["penalty"]])
            counted += weight
            steps += result["steps"]
            diverged = diverged or result["diverged"]
            if diverged and stop:
                break
            logs = {"loss": result["loss"] + result["penalty"], "data_loss": result["loss"]}
            hooks.on_train_batch_end(batch, logs | {"penalty": result["penalty"], "lr": float(rate)})
            if self.model.stop_training:
                break
        loss, penalty = totals / counted if counted else totals
        return {
            "loss": float(loss),
            "penalty": float(penalty),
            "steps": steps,
            "diverged": diverged,
            "lr": float(lr),
            "rows": last,
        }

    def one_batch(self, order: Array, rate: float, stop: bool = True) -> dict[str, Any]:
        result: dict[str, Any] = self.engine.epoch(
            self.rows.x,
            self.rows.y,
            self.rows.weights,
            order,
            max(len(order), self.batch_size),  # a last short batch is cut as in a whole epoch
            np.array([rate], np.float64),
            outputs=self.outputs,
            stop_on_divergence=stop,
            accumulate=self.accumulate,
        )
        return result


def fit(
    model: Sequential,
    X: Any,
    y: Any,
    *,
    batch_size: Any,
    epochs: int,
    validation_data: Any,
    validation_split: float,
    validation_batch_size: int | None,
    sample_weight: Any,
    class_weight: Any,
    callbacks: Any,
    initial_epoch: int | None,
    shuffle: bool,
    drop_last: bool,
    accumulate: int,
    verbose: Any,
    on_divergence: str,
) -> History:
    epochs = whole("fit", "epochs", epochs)
    first = 0 if initial_epoch is None else whole("fit", "initial_epoch", initial_epoch)
    shuffle, drop_last = flag("fit", "shuffle", shuffle), flag("fit", "drop_last", drop_last)
    one_of("fit", "on_divergence", on_divergence, ("raise", "warn", "ignore"))
    accumulate = whole("fit", "accumulate", accumulate, low=1)
    rows, validation = _split(model, X, y, sample_weight, class_weight, validation_data, validation_split)
    adapt(model, "fit", rows.x, again=False)
    size = _batch_rows(batch_size, len(rows.x))
    _check_accumulate(model, accumulate, size)
    loop = Loop("fit", model, rows, size, drop_last, accumulate)
    if not loop.cuts:
        raise ValueError(f"fit: drop_last leaves no batch: X has {len(rows.x)} rows, batch_size is {loop.batch_size}")
    validation_rows = evaluation.rows_at_once("fit", validation_batch_size)
    hooks = CallbackList(
        callbacks,
        model=model,
        params={"epochs": epochs, "steps": len(loop.cuts), "verbose": verbose, "initial_epoch": first},
    )
    stop, left = on_divergence != "ignore", max(0, epochs - first)
    with_rate = not isinstance(model.optimizer, optimizers.LBFGS)
    if initial_epoch is not None:
        model.epoch = initial_epoch
    if with_rate and left:
        learning_rate.require_not_over(model, "fit", left * len(loop.cuts), left)
    model.history, model.stop_training = hooks.history, False
    if not with_rate:
        return _fit_lbfgs(model, rows, validation, validation_rows, hooks)
    hooks.on_train_begin()
    try:
        for epoch in range(first, epochs):
            hooks.on_epoch_begin(epoch)
            order = row_order(model.seed, model.epoch, len(rows.x)) if shuffle else np.arange(len(rows.x))
            if hooks.wants_batches:
                result = loop.batch_by_batch(order, epochs - epoch, stop, hooks)
            else:
                result = loop.whole_epoch(order, epochs - epoch, stop)
            if result["diverged"] and stop:
                error = diverged("fit", result["diverged"], hooks.history)
                if on_divergence == "raise":
                    raise error
                warnings.warn(str(error), RuntimeWarning, stacklevel=3)
                break
            model.epoch += 1
            logs = {"loss": result["loss"] + result["penalty"], "data_loss": result["loss"]}
            logs |= {"penalty": result["penalty"], "lr": result["lr"]}
            if loop.outputs is not None:
                used = order[: result.get("rows", loop.cuts[-1][1])]  # fewer if a callback ended the epoch early
                every = len(used) == len(rows.y)
                given, outputs = (rows.y, loop.outputs) if every else (rows.y[used], loop.outputs[used])
                logs |= evaluation.metric_values(model, given, outputs)
            logs |= _validated(model, validation, validation_rows)
            model.optimizer.schedule.observe(logs)
            hooks.on_epoch_end(epoch, logs)
            if model.stop_training:
                break
    finally:
        hooks.on_train_end()
    return hooks.history


def _check_accumulate(model: Sequential, accumulate: int, batch_size: int) -> None:
    if accumulate == 1:
        return
    if accumulate > batch_size:
        raise ValueError(
            f"fit: accumulate={accumulate} parts of a batch need as many rows, but batch_size={batch_size}"
        )
    if isinstance(model.optimizer, optimizers.LBFGS):
        raise ValueError("fit: L-BFGS takes all rows at once; leave accumulate out")
    loss = evaluation.require_compiled(model, "fit")
    if loss.kind in ("rmse", "host"):
        raise ValueError(
            f"fit: accumulate needs a loss that is a sum over rows, and {loss.name} is none; use mse, or accumulate=1"
        )


def _batch_rows(batch_size: Any, rows: int) -> int:
    if isinstance(batch_size, str):
        if batch_size != "full":
            raise ValueError(f"fit: batch_size must be a whole number or 'full', got {short(batch_size)}")
        return rows
    return whole("fit", "batch_size", batch_size, low=1)


def _split(
    model: Sequential, X: Any, y: Any, sample_weight: Any, class_weight: Any, validation_data: Any, fraction: Any
) -> tuple[Rows, Rows | None]:
    """The rows to train on, and those to validate with."""
    fraction = number("fit", "validation_split", fraction, low=0, high=1, open_high=True)
    rows = evaluation.rows(model, "fit", X, y, sample_weight)
    validation = None
    if validation_data is not None:
        if fraction:
            raise ValueError("fit: give validation_data or validation_split, not both")
        if not isinstance(validation_data, tuple | list) or len(validation_data) not in (2, 3):
            raise TypeError("fit: validation_data must be (X, y) or (X, y, sample_weight)")
        its_x, its_y, its_weights = (*validation_data, None)[:3]
        validation = evaluation.rows(model, "fit: validation_data", its_x, its_y, its_weights)
    elif fraction:
        kept = data.split_rows("fit", fraction, len(rows.x))
        rows, validation = rows[:kept], rows[kept:]
    if class_weight is not None:
        zeros = evaluation.require_compiled(model, "fit").reduction != "mean"
        shape = model.output_shape or ()
        weights = data.row_weights("fit", rows.weights, class_weight, rows.y, shape, zeros=zeros)
        rows = Rows(rows.x, rows.y, weights)
    return rows, validation


def train_on_batch(model: Sequential, X: Any, y: Any, sample_weight: Any, class_weight: Any) -> Scores:
    rows = evaluation.rows(model, "train_on_batch", X, y, sample_weight, class_weight)
    if isinstance(model.optimizer, optimizers.LBFGS):
        raise TypeError("train_on_batch: L-BFGS needs all rows at once; use fit, or another optimizer")
    loop = Loop("train_on_batch", model, rows, len(rows.x))
    result = loop.one_batch(np.arange(len(rows.x)), learning_rate.next_rate(model, "train_on_batch"))
    if result["diverged"]:
        raise diverged("train_on_batch", result["diverged"])
    logs = {"loss": result["loss"] + result["penalty"], "data_loss": result["loss"], "penalty": result["penalty"]}
    if loop.outputs is not None:
        logs |= evaluation.metric_values(model, rows.y, loop.outputs)
    return Scores(logs)


def _fit_lbfgs(model: Sequential, rows: Rows, validation: Rows | None, size: int, hooks: Any) -> History:
    """All rows at once; an iteration of L-BFGS takes the place of an epoch."""
    from densekit import _lbfgs

    drawing = network.draws(model.layers)
    if drawing:
        raise ValueError(
            f"fit: L-BFGS needs an objective that stays the same, but {drawing[0]!r} draws random numbers; leave it "
            "out, or use another optimizer"
        )
    last, x = model.trainable_parameters(), np.ascontiguousarray(rows.x, model.dtype)

    def arrive(theta: Array) -> None:
        """The weights, and the running statistics that all rows have with them: the search saw no others."""
        with model._moment:
            evaluation.set_trainable(model, theta)
            if network.takes_batch_statistics(model.layers):
                model._ready().set_statistics(x)

    def at(theta: Array) -> tuple[float, Array]:
        with model._moment:  # a model that another thread saves is where the search is, not where it tries
            try:
                return evaluation.objective(model, theta, rows)
            finally:
                evaluation.set_trainable(model, last)

    def watch(iteration: int, theta: Array, loss: float) -> bool:
        nonlocal last
        arrive(theta)
        last = theta
        seen = evaluation.evaluate_rows(model, rows, size) if model.metrics else {}
        logs = {"loss": loss} | {key: value for key, value in seen.items() if key not in ("loss", *PARTS)}
        hooks.on_epoch_end(iteration, logs | _validated(model, validation, size))
        return model.stop_training

    hooks.on_train_begin()
    try:
        found = _lbfgs.minimise(at, last, model.optimizer, callback=watch)
        arrive(found.theta)
        last = found.theta
        model.epoch += found.iterations
    finally:
        evaluation.set_trainable(model, last)
        hooks.on_train_end()
    history: History = hooks.history
    return history


def _validated(model: Sequential, validation: Rows | None, size: int) -> dict[str, float]:
    if validation is None:
        return {}
    return evaluation.validation_logs(model, validation, size)
