"""The model that people hold: layers in a row, trained with fit, asked with predict."""

from __future__ import annotations

import copy
import dataclasses
import os
import threading
import weakref
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, Self, overload

import numpy as np
from numpy.typing import ArrayLike

from densekit import _config as config
from densekit import _evaluation as evaluation
from densekit import _files, losses, metrics, optimizers, regularizers
from densekit import _monte_carlo as monte_carlo
from densekit import _network as network
from densekit import _own_loop as own_loop
from densekit._adapt import adapt
from densekit._arrays import PRECISIONS, flag, number, one_of
from densekit._checks import short
from densekit._fit import TrainingDiverged, fit, train_on_batch
from densekit._layer import Layer, walk
from densekit._learning_rate import ScheduleStart
from densekit._network import Array, Compiled
from densekit._scores import PARTS, Scores
from densekit._snapshot import Moment
from densekit._stack import Stack
from densekit._summary import Summary, summarize
from densekit.callbacks import History
from densekit.layers import Input, Normalization
from densekit.schedules import Schedule

__all__ = ["Sequential", "TrainingDiverged"]

_OF_THE_PROCESS = ("_lock", "_moment", "_trainer", "_engine", "_views")  # neither pickled nor copied

Pullback = Callable[[ArrayLike], tuple[Array, dict[str, Array]]]


class Sequential(Stack):
    """Layers one after the other.

    layers: a list of `densekit.layers`; more with `add`. seed: whole number below 2⁶⁴ that decides initial weights,
    dropout, noise and the order of rows; None draws one, which `model.seed` then shows. dtype: "float32" or "float64",
    of weights and arithmetic; data is converted. engine: "native" (C++) or "reference" (NumPy); None is the fastest
    there is. The weights are made when the width of the data is known, or the shape of its rows: from the first data,
    from `layers.Input`, `inputs=` of the first layer, or by `build(inputs)`.

    >>> from densekit.layers import Dense
    >>> model = densekit.Sequential([Dense(8, "tanh"), Dense(1)], seed=0)
    >>> X = np.linspace(-1, 1, 64).reshape(-1, 1)
    >>> history = model.compile(densekit.optimizers.Adam(0.02), "mse").fit(X, X**2, epochs=200, verbose=0)
    >>> history.history["loss"][-1] < 0.1 * history.history["loss"][0]
    True
    """

    history: History | None = None
    stop_training = False

    def compile(
        self,
        optimizer: Any = "adam",
        loss: Any = None,
        metrics: Sequence[Any] = (),
        *,
        regularizer: Any = None,
        clip_norm: float | None = None,
        clip_value: float | None = None,
        precision: str = "highest",
        engine: Literal["native", "reference"] | None = None,
    ) -> Sequential:
        """Says how to train; returns the model. Weights are kept, the optimizer begins anew.

        optimizer, loss, metrics, regularizer: names or objects of the modules of these names; the regularizer is for
        every kernel without one of its own. clip_norm: the largest norm of the whole gradient. clip_value: the largest
        absolute value of its elements, after clip_norm. precision: of the products in training, a minimum, as
        `functional.matmul` says; "medium" halves their time on processors that are faster in bfloat16. What predict and
        evaluate compute is always float32. engine: see Sequential.

        Softmax with a categorical cross entropy, and sigmoid with the binary one, are computed as one operation that
        neither overflows nor loses digits. Pairs that do not fit are a ValueError.

        >>> from densekit.layers import Dense
        >>> densekit.Sequential([Dense(1, "sigmoid")]).compile("adam", "categorical_crossentropy")  # doctest: +ELLIPSIS
        Traceback (most recent call last):
        ValueError: CategoricalCrossentropy: the last layer ends in 'sigmoid', whose outputs are separate ...
        """
        if loss is None:
            raise TypeError("compile: loss is missing, e.g. loss='mse' or loss='sparse_categorical_crossentropy'")
        compiled = Compiled(
            copy.deepcopy(optimizers.get(optimizer)),  # schedules that listen to metrics have a state
            losses.get(loss),
            _metrics(metrics, losses.get(loss)),
            None if regularizer is None else regularizers.get(regularizer),
            None if clip_norm is None else number("compile", "clip_norm", clip_norm, low=0, open_low=True),
            None if clip_value is None else number("compile", "clip_value", clip_value, low=0, open_low=True),
            one_of("compile", "precision", precision, PRECISIONS),
        )
        if isinstance(compiled.optimizer, optimizers.LBFGS) and (clip_norm is not None or clip_value is not None):
            raise ValueError("compile: L-BFGS takes the gradient as it is; leave clip_norm and clip_value out")
        with self._alone("compile"):
            if self._layers and compiled.loss is not None:
                compiled.loss.spec_for(network.last_activation(self._layers), self.outputs or 2)
            if engine is not None:
                self._engine_name = network.engine_name(engine)
            before, self._compiled = self._compiled, compiled
            try:
                if self.built:
                    self._rebuild(keep_states=False)
            except BaseException:  # Ctrl-C, too
                self._compiled = before
                raise
            self.epoch, self._drew_at, self._schedule_start = 0, None, ScheduleStart()
        return self

    @property
    def optimizer(self) -> Any:
        """What compile was given."""
        return self._compiled.optimizer

    def set_lr(self, lr: float | Schedule) -> None:
        """Trains on with this learning rate, or this schedule, which begins now; the optimizer's state stays.

        lr: a number, 0 or more, or an object of densekit.schedules; of that the model gets a copy of its own.

        >>> model = densekit.Sequential([densekit.layers.Dense(1)]).compile("sgd", "mse")
        >>> model.set_lr(0.5)
        >>> model.optimizer.lr
        0.5
        """
        if isinstance(self.optimizer, optimizers.LBFGS):
            raise TypeError("set_lr: L-BFGS has no learning rate")
        self._compiled.optimizer = dataclasses.replace(self.optimizer, lr=copy.deepcopy(lr))
        self._schedule_start = ScheduleStart(self.step, self.epoch)
        self._changed()

    @property
    def loss(self) -> losses.Loss | None:
        """What compile was given; None before."""
        return self._compiled.loss

    @property
    def metrics(self) -> list[Any]:
        """What compile was given."""
        return list(self._compiled.metrics)

    # Training.

    def fit(
        self,
        X: Any,
        y: Any = None,
        *,
        batch_size: int | Literal["full"] = 32,
        epochs: int = 1,
        validation_data: Any = None,
        validation_split: float = 0.0,
        validation_batch_size: int | None = None,
        sample_weight: ArrayLike | None = None,
        class_weight: Any = None,
        callbacks: Any = None,
        initial_epoch: int | None = None,
        shuffle: bool = True,
        drop_last: bool = False,
        accumulate: int = 1,
        verbose: int | str = "auto",
        on_divergence: Literal["raise", "warn", "ignore"] = "raise",
    ) -> History:
        """Trains; returns the History, which `model.history` keeps too.

        X: (n, inputs) real numbers: arrays, lists, tensors, data frames of pandas, polars or pyarrow; NaN, missing
        values and infinity are refused. Rows may have several axes, as images (n, height, width, channels). The names
        of a frame's columns are kept (`feature_names`), and a frame in another order is put in theirs; rows of X and y
        are paired by position. y: labels (n,), or (n, columns), as the loss wants them, or (n, *output_shape); always
        needed. batch_size: rows of an update, or "full". epochs: the number of the last epoch. initial_epoch: that of
        the first one, default 0; given, it sets `model.epoch`, too.
        validation_data: (X, y) or (X, y, weights), evaluated after each epoch. validation_split: the fraction of rows
        to validate with: the last ones, before any shuffling, as in Keras. validation_batch_size: rows at a time.
        sample_weight: (n,), not negative. class_weight: {label: weight}, an array, or "balanced": n / (classes ·
        count); for targets of several columns of 0 and 1 a list with one of these for each column, unless every row is
        one-hot. Metrics count every row once, as in Keras.
        callbacks: of densekit.callbacks. shuffle: a new order each epoch, a function of the seed and the number of
        epochs trained so far, so that a resumed training equals an uninterrupted one. drop_last: leave out a last short
        batch; otherwise it is an update like the others (one row joins the batch before it if a BatchNorm needs two).
        accumulate: an update is so many passes over parts of its batch, cut at multiples of 4 rows, with the memory of
        one of them; their gradients are added. The loss is that of the whole batch, masks and noise are those of one
        pass; a BatchNorm takes the statistics of each part by itself, as in PyTorch. At most batch_size; not for rmse
        and losses of your own.
        Fits that follow one another go on: two of 5 epochs are one of 10, with the optimizer's state, the order of rows
        and the schedule, which counts from the compile or set_lr that gave it.
        verbose: 0 silent, 1 a bar, 2 a line an epoch, "auto".
        on_divergence: when the loss of a batch is not finite: "raise" TrainingDiverged, "warn" and stop, or "ignore".
        The weights are then those before that update.

        Keys of the history: loss (the objective), data_loss, penalty, lr (that of the last update), each metric on what
        the network put out while it learned, and val_… of the same with the weights after the epoch.
        """
        arguments = dict(locals())
        del arguments["self"]
        with self._alone("fit"):
            return fit(self, **arguments)

    def adapt(self, X: Any) -> Self:
        """Gives the layers of Normalization mean and variance of the columns of X; returns the model.

        X: (n, inputs) real numbers, n > 0, as fit takes them; every row counts once. The layers come first, or after
        layers that are fixed, what these make of X being what counts. The first fit does it by itself, for those that
        have no statistics yet; adapt replaces those that there are.

        >>> from densekit.layers import Dense, Normalization
        >>> model = densekit.Sequential([Normalization(), Dense(1)], seed=0).adapt([[1, 5], [3, 5]])
        >>> model.layers[0].mean
        array([2., 5.], dtype=float32)
        """
        with self._alone("adapt"):
            if not any(isinstance(layer, Normalization) for layer in walk(self.layers)):
                raise ValueError("adapt: the model has no layer of Normalization")
            adapt(self, "adapt", evaluation.rows_to_learn(self, "adapt", X), again=True)
        return self

    def train_on_batch(
        self, X: Any, y: Any, sample_weight: ArrayLike | None = None, class_weight: Any = None
    ) -> Scores:
        """One update with these rows; the Scores of the weights before it.

        The metrics are those of what the network put out while it learned, as in the history of fit.

        >>> from densekit.layers import Dense
        >>> model = densekit.Sequential([Dense(1, kernel_initializer="zeros")], seed=0).compile("sgd", "mse")
        >>> model.train_on_batch([[1.0]], [2.0])
        Scores(loss=4.0)
        """
        with self._alone("train_on_batch"):
            return train_on_batch(self, X, y, sample_weight, class_weight)

    # Training without fit.

    def loss_and_gradients(
        self, X: Any, y: Any, sample_weight: ArrayLike | None = None
    ) -> tuple[Scores, dict[str, Array]]:
        """A training pass over these rows: their Scores, and the gradient of the loss by name of the parameter.

        The loss is that of the data alone: penalties are a part of the update. Metrics are those of what the network
        puts out in training mode. Gradients of frozen layers are 0. The pass is that of fit: dropout and noise draw the
        numbers of the next update, batch norms take the statistics of these rows, and their running statistics wait for
        the update. TrainingDiverged if the loss is not finite; then nothing waits.

        A loop of one's own, with the bits of `fit(X, y, batch_size=len(X), epochs=100, shuffle=False)`:

        >>> from densekit.layers import BatchNorm, Dense
        >>> model = densekit.Sequential([Dense(8, "tanh"), BatchNorm(), Dense(1)], seed=0)
        >>> model = model.compile(densekit.optimizers.Adam(0.05), "mse")
        >>> X = np.linspace(-1, 1, 64).reshape(-1, 1)
        >>> for epoch in range(100):
        ...     scores, gradients = model.loss_and_gradients(X, X**2)
        ...     model.apply_gradients(gradients)
        ...     model.epoch += 1
        >>> scores["loss"] < 0.01 and model.evaluate(X, X**2)["loss"] < 0.01
        True
        """
        found = own_loop.loss_and_gradients(self, X, y, sample_weight)
        own_loop.note_drawing(self)
        return found

    def apply_gradients(self, gradients: Mapping[str, ArrayLike], *, weight: float | None = None) -> None:
        """One update with these gradients, as in fit.

        That is: penalties, clipping, the optimizer with its learning rate or what its schedule says, decay, the
        proximal step; the running statistics of all training passes since the last update, in their order; `step` grows
        by one.
        gradients: {name: array} for every trainable parameter, as loss_and_gradients and the pullback of vjp give them;
        those of frozen layers may be there and are left out. weight: the sum of the weights of the batch (its number of
        rows without weights), for penalties that are divided by it (compat="sklearn"), and only for them.
        ValueError if a name is missing or unknown, a shape does not fit or a number is not finite; the model is then as
        before.

        >>> from densekit.layers import Dense
        >>> model = densekit.Sequential([Dense(1, kernel_initializer="ones", inputs=1)], seed=0).compile("sgd", "mse")
        >>> model.set_lr(0.5)
        >>> model.apply_gradients({"dense.kernel": [[1.0]], "dense.bias": [0.0]})
        >>> model.weights["dense.kernel"], model.step
        (array([[0.5]], dtype=float32), 1)
        """
        with self._alone("apply_gradients"):
            own_loop.apply_gradients(self, gradients, weight)

    def commit(self) -> None:
        """Ends an update that was made by hand, by writing to `weights` or with `functional.adam`.

        The running statistics of the training passes since the last update become those of the model, and `step` grows
        by one, so that dropout and noise draw anew.

        >>> from densekit.layers import BatchNorm
        >>> model = densekit.Sequential([BatchNorm(inputs=1)], seed=0)
        >>> y = model([[1], [3]], training=True)
        >>> model.layers[0].mean
        array([0.], dtype=float32)
        >>> model.commit()
        >>> model.layers[0].mean, model.step
        (array([0.2], dtype=float32), 1)
        """
        with self._alone("commit"):
            self._ready().commit()

    # Asking.

    def __call__(self, X: Any, training: bool = False) -> Array:
        """What the model puts out for a few rows, in one pass: (n, outputs), or (n, *output_shape).

        training=True: batch norms take the statistics of these rows, dropout drops with the mask of the next update. It
        is a pass of a training loop: the running statistics move with the next apply_gradients or commit.
        """
        plain = type(X) is np.ndarray and X.dtype == self.dtype and X.flags.aligned
        if plain and X.ndim == 2 and X.shape[1:] == self._input_shape:
            engine = self._ready()
        else:
            X, engine = evaluation.inputs(self, "model", X)
        training = flag("model", "training", training)
        y: Array = engine.forward(np.ascontiguousarray(X, self.dtype), training, training)
        if training:
            own_loop.note_drawing(self)
        return evaluation.shaped(y, self.output_shape)

    @overload
    def predict(
        self,
        X: Any,
        batch_size: int | None = None,
        *,
        mc_samples: int | None = None,
        return_std: Literal[False] = False,
    ) -> Array: ...

    @overload
    def predict(
        self, X: Any, batch_size: int | None = None, *, mc_samples: int | None = None, return_std: Literal[True]
    ) -> tuple[Array, Array]: ...

    def predict(
        self, X: Any, batch_size: int | None = None, *, mc_samples: int | None = None, return_std: bool = False
    ) -> Array | tuple[Array, Array]:
        """What the model puts out, (n, outputs) or (n, *output_shape), in inference mode and with bounded memory.

        batch_size: rows at a time; the results have the same bits for any. NaN and infinity go through.

        mc_samples: Monte-Carlo dropout: the mean of so many passes with dropout and noise as in training, batch norms
        as in inference. return_std: (mean, standard deviation of the passes with n − 1): how much the network's opinion
        depends on which units it asks. The masks are functions of the seed and the updates made, the same at each call.
        Gal and Ghahramani, ICML 2016.

        >>> from densekit.layers import Dense, Dropout
        >>> densekit.Sequential([Dense(2, kernel_initializer="ones")], seed=0).predict([[1, 2], [3, 4]])
        array([[3., 3.],
               [7., 7.]], dtype=float32)
        >>> model = densekit.Sequential([Dropout(0.5), Dense(1, kernel_initializer="ones")], seed=0)
        >>> mean, std = model.predict(np.ones((1, 100)), mc_samples=2000, return_std=True)  # 100 ± √100
        >>> mean.round(), std.round()
        (array([[100.]], dtype=float32), array([[10.]], dtype=float32))
        """
        if mc_samples is None:
            if flag("predict", "return_std", return_std):
                raise ValueError("predict: return_std=True is the spread of Monte-Carlo samples; give mc_samples=100")
            return evaluation.predict(self, X, batch_size)
        if batch_size is not None:
            raise ValueError("predict: mc_samples goes through the rows in blocks of its own; leave batch_size out")
        return monte_carlo.predict(self, X, mc_samples, return_std)

    def transform(self, X: Any, layer: str | Layer | int = -2, batch_size: int | None = None) -> Array:
        """What a hidden layer puts out, in inference mode.

        layer: its name, the layer, or its place in `layers`; by default the last but one.
        """
        return evaluation.transform(self, X, layer, batch_size)

    def evaluate(self, X: Any, y: Any, sample_weight: ArrayLike | None = None, batch_size: int | None = None) -> Scores:
        """The objective and the metrics in inference mode, over all rows as one batch: `loss, accuracy = …`.

        Returns Scores: a tuple of the loss and the metrics, also by name; "data_loss" and "penalty" are the two parts
        of the loss. batch_size: rows at a time.

        >>> from densekit.layers import Dense
        >>> model = densekit.Sequential([Dense(1, kernel_initializer="zeros")]).compile("sgd", "mse", metrics=["mae"])
        >>> loss, mae = model.evaluate([[1.0], [2.0]], [2.0, 4.0])
        >>> loss, mae, model.evaluate([[1.0], [2.0]], [2.0, 4.0])["mae"]
        (10.0, 3.0, 3.0)
        """
        return evaluation.evaluate(self, X, y, sample_weight, batch_size)

    def vjp(self, X: Any, training: bool = False) -> tuple[Array, Pullback]:
        """The output y, and pullback(dy) → (dx, {name: gradient}): the exact gradient of Σ dy · y.

        Pull back before the weights change. training=True: as in a model call, a pass of a training loop.

        >>> from densekit.layers import Dense
        >>> y, pullback = densekit.Sequential([Dense(1, kernel_initializer="ones", inputs=2)], seed=0).vjp([[1, 2]])
        >>> dx, gradients = pullback([[1]])
        >>> y, dx, gradients["dense.kernel"].ravel()
        (array([[3.]], dtype=float32), array([[1., 1.]], dtype=float32), array([1., 2.], dtype=float32))
        """
        found = evaluation.vjp(self, X, training)
        if training:
            own_loop.note_drawing(self)
        return found

    def evaluate_objective(
        self, theta: ArrayLike, X: Any, y: Any, sample_weight: ArrayLike | None = None
    ) -> tuple[float, Array]:
        """The objective (loss and penalties) over these rows and its gradient, at the trainable parameters `theta`.

        theta: float64 (k,), as `trainable_parameters()` gives them; the model then has these weights. Batch norms and
        dropout work as in training; `commit()` takes over the running statistics when the search is done.
        """
        rows = evaluation.rows(self, "evaluate_objective", X, y, sample_weight)
        found = evaluation.objective(self, theta, rows, track=True)
        own_loop.note_drawing(self)
        return found

    def trainable_parameters(self) -> Array:
        """All trainable parameters in one new float64 array, in the order of the segments."""
        return evaluation.trainable(self)

    def summary(self) -> Summary:
        """Layers, shapes, parameters, floating-point operations and memory; `print(model.summary())`."""
        return summarize(self)

    # Copies.

    def clone(self, *, seed: int | None = None, weights: bool = False) -> Sequential:
        """An untrained model of the same layers, compiled alike; with weights=True an exact copy.

        seed: of the new one; by default the same, which gives the same initial weights.
        """
        if flag("clone", "weights", weights):
            return copy.deepcopy(self)
        inputs = [] if self._input_shape is None else [Input(self._input_shape)]
        new = Sequential(
            [*inputs, *copy.deepcopy(self._layers)],
            seed=self.seed if seed is None else seed,
            dtype=self.dtype,
            name=self.name,
            engine=self._engine_asked,
        )
        new._engine_name = self._engine_name
        new._feature_names = self._feature_names
        new._compiled = copy.deepcopy(self._compiled)
        new._compiled.optimizer = optimizers.get(self._compiled.optimizer.config())  # its schedule begins anew
        return new

    def config(self) -> dict[str, Any]:
        """Layers and what compile was given as plain data for JSON, without weights; `from_config` makes a model of it.

        >>> model = densekit.Sequential([densekit.layers.Dropout(0.5)], seed=0)
        >>> densekit.Sequential.from_config(model.config())
        Sequential([Dropout(0.5)], seed=0)
        """
        return config.model_config(self)

    @classmethod
    def from_config(
        cls,
        config_: Mapping[str, Any],
        custom: Mapping[str, Any] | None = None,
        *,
        engine: Literal["native", "reference"] | None = None,
    ) -> Sequential:
        """The model that `config` described, untrained. custom: layer classes and functions of your own by name."""
        return config.model_from_config(cls, config_, custom, engine)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes the model with its optimizer's state into one file, which `densekit.load` reads; np.load does, too.

        path: any name, e.g. "model.npz". The file is there completely or not at all: a crash leaves the old one. It
        holds no code: classes and functions of your own are known by their names, and load must be given them.

        >>> import tempfile, pathlib
        >>> path = pathlib.Path(tempfile.mkdtemp()) / "model.npz"
        >>> densekit.Sequential([densekit.layers.Dense(2, inputs=3)], seed=0).save(path)
        >>> np.load(path)["dense/kernel"].shape
        (3, 2)
        """
        _files.save(self, path)

    def __getstate__(self) -> dict[str, Any]:
        with self._moment:
            kept = {k: v for k, v in self.__dict__.items() if k not in _OF_THE_PROCESS}
            return kept | {"_state": config.state(self) if self._engine is not None else None}

    def __setstate__(self, kept: dict[str, Any]) -> None:
        state = kept.pop("_state")
        self.__dict__.update(kept)
        self._lock, self._moment, self._trainer = threading.Lock(), Moment(), None
        self._engine, self._views = None, {}
        for layer in walk(self._layers):
            layer._owner = weakref.ref(self)
        if state is not None:
            config.restore(self, state)


def _metrics(given: Any, loss: losses.Loss) -> list[metrics.Metric]:
    if isinstance(given, str) or not isinstance(given, Sequence):
        raise TypeError(f"compile: metrics must be a list such as ['accuracy'], got {short(given)}")
    found = [metrics.get(value, loss) for value in given]
    names = [metric.name for metric in found]
    for name in names:
        # Scores and histories know the metrics by their names, beside these keys.
        if name in ("loss", *PARTS, "lr", "epoch") or name.startswith("val_") or names.count(name) > 1:
            why = (
                "two metrics have this name" if names.count(name) > 1 else "the history has other numbers of this name"
            )
            raise ValueError(
                f"compile: metric {name!r}: {why}; give it another one, e.g. "
                f"densekit.metrics.Metric(function, name='my_{name}')"
            )
    return found
