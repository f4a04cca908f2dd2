"""The model that people hold: layers in a row, trained with fit, asked with predict."""

from __future__ import annotations

import contextlib
import copy
import dataclasses
import secrets
import threading
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike

from densekit import _data as data
from densekit import _evaluation as evaluation
from densekit import _network as network
from densekit import losses, metrics, optimizers, regularizers
from densekit._arrays import flag, number, one_of, whole
from densekit._fit import TrainingDiverged, fit, train_on_batch
from densekit._layer import Layer, snake_case, walk, write_into
from densekit._network import Array, Compiled
from densekit._summary import Summary, summarize
from densekit.callbacks import History
from densekit.layers import Input, checked_layer

__all__ = ["Sequential", "TrainingDiverged"]

Pullback = Callable[[ArrayLike], tuple[Array, dict[str, Array]]]


class Sequential:
    """Layers one after the other.

    layers: a list of `densekit.layers`; more with `add`. seed: whole number below 2⁶⁴ that decides initial weights,
    dropout, noise and the order of rows; None draws one, which `model.seed` then shows. dtype: "float32" or "float64",
    of weights and arithmetic; data is converted. engine: "native" (C++) or "reference" (NumPy); None is the fastest
    there is. The weights are made when the width of the data is known: from the first data, from `inputs=` of the
    first layer, or by `build(inputs)`.

    >>> from densekit.layers import Dense
    >>> model = densekit.Sequential([Dense(8, "tanh"), Dense(1)], seed=0)
    >>> X = np.linspace(-1, 1, 64).reshape(-1, 1)
    >>> history = model.compile(densekit.optimizers.Adam(0.02), "mse").fit(X, X**2, epochs=200, verbose=0)
    >>> history.history["loss"][-1] < 0.1 * history.history["loss"][0]
    True
    """

    def __init__(
        self,
        layers: Sequence[Layer | Input] = (),
        *,
        seed: int | None = None,
        dtype: Any = "float32",
        name: str | None = None,
        engine: Literal["native", "reference"] | None = None,
    ) -> None:
        self.seed = secrets.randbits(64) if seed is None else whole("Sequential", "seed", seed, high=2**64 - 1)
        self.dtype = _dtype(dtype)
        self.name = name
        self._layers: list[Layer] = []
        self._inputs: int | None = None
        self._engine_asked = engine
        self._engine_name = network.engine_name(engine)
        self._compiled = Compiled()
        self._engine: Any = None
        self._views: dict[str, dict[str, Array]] = {}
        self._stale = False
        self._spec: dict[str, Any] = {}
        self._lock = threading.Lock()
        self.epoch = 0
        self.history: History | None = None
        self.stop_training = False
        if isinstance(layers, Layer | str):
            raise TypeError(f"Sequential: layers must be a list of layers, got {layers!r}; write Sequential([...])")
        for layer in layers:
            self.add(layer)

    # Structure.

    def add(self, layer: Layer | Input) -> None:
        """Puts a layer at the end."""
        if isinstance(layer, Input):
            if self._layers:
                raise ValueError("Sequential: Input is the first element of the list")
            self._inputs = layer.shape[0]
            return
        new = list(walk([checked_layer("Sequential", layer)]))
        taken = {known.name for known in walk(self._layers)}
        for one in new:
            if one._name_given and (one.name in taken or sum(other.name == one.name for other in new) > 1):
                raise ValueError(f"Sequential: two layers are called {one.name!r}; names must be unique")
        taken |= {one.name for one in new if one._name_given}
        for one in new:
            if not one._name_given:
                one._name = _free_name(snake_case(type(one).__name__), taken)
                taken.add(one._name)
        if not self._layers and layer._inputs_given is not None:
            if self._inputs not in (None, layer._inputs_given):
                raise ValueError(
                    f"Sequential: Input({self._inputs}), but the first layer has inputs={layer._inputs_given}"
                )
            self._inputs = layer._inputs_given
        if self._inputs is not None:
            layer.attach(self._layers[-1].outputs or 0 if self._layers else self._inputs)
        self._layers.append(layer)
        for one in new:
            one._owner = weakref.ref(self)
        self._changed()

    def build(self, inputs: int) -> Sequential:
        """Fixes the width of the data and makes the weights; fit and predict do it by themselves."""
        inputs = whole("build", "inputs", inputs, low=1)
        if self._inputs is None:
            width = inputs
            for layer in self._layers:
                width = layer.attach(width)
            self._inputs = inputs
        elif self._inputs != inputs:
            raise ValueError(f"build: the model takes {self._inputs} columns already, got inputs={inputs}")
        self._ready()
        return self

    @property
    def layers(self) -> tuple[Layer, ...]:
        """The layers in order, blocks as one."""
        return tuple(self._layers)

    @property
    def inputs(self) -> int | None:
        """The width of the data; None until it is known."""
        return self._inputs

    @property
    def outputs(self) -> int | None:
        """The width of what the model puts out; None until that of the data is known."""
        return self._layers[-1].outputs if self._layers and self._inputs is not None else None

    @property
    def built(self) -> bool:
        """Whether there are weights."""
        return bool(self._layers) and self._inputs is not None

    def layer(self, name: str) -> Layer:
        """The layer of that name, inside blocks too."""
        named = {str(layer.name): layer for layer in walk(self._layers)}
        return named[one_of("layer", "name", name, list(named))]

    def compile(
        self,
        optimizer: Any = "adam",
        loss: Any = None,
        metrics: Sequence[Any] = (),
        *,
        regularizer: Any = None,
        clip_norm: float | None = None,
        clip_value: float | None = None,
        engine: Literal["native", "reference"] | None = None,
    ) -> Sequential:
        """Says how to train; returns the model. Weights are kept, the optimizer begins anew.

        optimizer, loss, metrics, regularizer: names or objects of the modules of these names; the regularizer is for
        every kernel without one of its own. clip_norm: the largest norm of the whole gradient. clip_value: the largest
        absolute value of its elements, after clip_norm. engine: see Sequential.

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
        )
        with self._alone("compile"):
            if self._layers and compiled.loss is not None:
                compiled.loss.spec_for(network.last_activation(self._layers), self.outputs or 2)
            if engine is not None:
                self._engine_name = network.engine_name(engine)
            before, self._compiled = self._compiled, compiled
            try:
                if self.built:
                    self._rebuild(keep_states=False)
            except Exception:
                self._compiled = before
                raise
            self.epoch = 0
        return self

    @property
    def optimizer(self) -> Any:
        """What compile was given."""
        return self._compiled.optimizer

    def set_lr(self, lr: float) -> None:
        """Trains on with this learning rate, or this schedule; the optimizer's state stays.

        >>> model = densekit.Sequential([densekit.layers.Dense(1)]).compile("sgd", "mse")
        >>> model.set_lr(0.5)
        >>> model.optimizer.lr
        0.5
        """
        if isinstance(self.optimizer, optimizers.LBFGS):
            raise TypeError("set_lr: L-BFGS has no learning rate")
        self._compiled.optimizer = dataclasses.replace(self.optimizer, lr=lr)
        self._changed()

    @property
    def loss(self) -> losses.Loss | None:
        """What compile was given; None before."""
        return self._compiled.loss

    @property
    def metrics(self) -> list[Any]:
        """What compile was given."""
        return list(self._compiled.metrics)

    # The engine.

    def _changed(self) -> None:
        self._stale = True

    def _ready(self, inputs: int | None = None) -> Any:
        """The engine, made or renewed where needed."""
        if self._engine is not None and not self._stale:
            return self._engine
        if not self._layers:
            raise RuntimeError("Sequential: the model has no layers")
        if self._inputs is None:
            if inputs is None:
                raise RuntimeError(
                    "Sequential: the width of the data is not known yet; give inputs= to the first layer, call "
                    "build(inputs), or give data"
                )
            self.build(inputs)
        if self._engine is None or self._stale:
            self._rebuild(keep_states=True)
        return self._engine

    def _rebuild(self, *, keep_states: bool) -> None:
        """A new engine with the weights, and if it fits the optimizer's state, of the one before."""
        spec, hosts = network.network_spec(self._layers, self.seed, self.dtype, self._compiled)
        engine = network.make_engine(self._engine_name, spec, hosts)
        views, before, old = network.weight_views(engine, self._layers), self._views, self._engine
        for layer in walk(self._layers):
            name = str(layer.name)
            starts = before[name] if name in before else layer.given(self.seed, self.dtype)
            for key, value in starts.items():
                write_into(f"{name}.{key}", views[name][key], value)
        if old is not None and keep_states and old.parameters.shape == engine.parameters.shape:
            for state, kept in zip(engine.states, old.states, strict=True):
                state[...] = kept
            engine.step = old.step
        self._engine, self._views, self._spec, self._stale = engine, views, spec, False

    @contextlib.contextmanager
    def _alone(self, op: str) -> Iterator[None]:
        """RuntimeError if another call trains the model."""
        if not self._lock.acquire(blocking=False):
            raise RuntimeError(f"{op}: this model is being trained by another call; clone it to train two at once")
        try:
            yield
        finally:
            self._lock.release()

    def _layer_weights(self, layer: Layer) -> dict[str, Array]:
        self._ready()
        return dict(self._views[str(layer.name)])

    # Training.

    def fit(
        self,
        X: Any,
        y: Any,
        *,
        batch_size: int | Literal["full"] = 32,
        epochs: int = 1,
        validation_data: Any = None,
        validation_split: float = 0.0,
        validation_batch_size: int | None = None,
        sample_weight: ArrayLike | None = None,
        class_weight: Any = None,
        callbacks: Any = None,
        initial_epoch: int = 0,
        shuffle: bool = True,
        drop_last: bool = False,
        verbose: int | str = "auto",
        on_divergence: Literal["raise", "warn", "ignore"] = "raise",
    ) -> History:
        """Trains; returns the History, which `model.history` keeps too.

        X: (n, inputs) real numbers, anything that np.asarray takes; NaN and infinity are refused. y: labels (n,), or
        (n, columns), as the loss wants them. batch_size: rows of an update, or "full". epochs: the number of the last
        epoch; training begins with `initial_epoch`, and so do schedules.
        validation_data: (X, y) or (X, y, weights), evaluated after each epoch. validation_split: the fraction of rows
        to validate with: the last ones, before any shuffling, as in Keras. validation_batch_size: rows at a time.
        sample_weight: (n,), not negative. class_weight: {label: weight}, an array, or "balanced": n / (classes ·
        count). Metrics count every row once, as in Keras.
        callbacks: of densekit.callbacks. shuffle: a new order each epoch, a function of the seed and the number of
        epochs trained so far, so that a resumed training equals an uninterrupted one. drop_last: leave out a last short
        batch; otherwise it is an update like the others (one row joins the batch before it if there is a BatchNorm).
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

    def train_on_batch(
        self, X: Any, y: Any, sample_weight: ArrayLike | None = None, class_weight: Any = None
    ) -> dict[str, float]:
        """One update with these rows; {"loss", "data_loss", "penalty"} of the weights before it.

        >>> from densekit.layers import Dense
        >>> model = densekit.Sequential([Dense(1, kernel_initializer="zeros")], seed=0).compile("sgd", "mse")
        >>> model.train_on_batch([[1.0]], [2.0])
        {'loss': 4.0, 'data_loss': 4.0, 'penalty': 0.0}
        """
        with self._alone("train_on_batch"):
            return train_on_batch(self, X, y, sample_weight, class_weight)

    # Asking.

    def __call__(self, X: Any, training: bool = False) -> Array:
        """What the model puts out for a few rows, in one pass: (n, outputs).

        training=True: batch norms take the statistics of these rows, dropout drops with the mask of the next update.
        """
        if type(X) is not np.ndarray or X.dtype != self.dtype or X.ndim != 2 or X.shape[1] != self._inputs:
            X = data.matrix("model", "X", X, self._inputs)
        engine = self._ready(X.shape[1])
        y: Array = engine.forward(np.ascontiguousarray(X, self.dtype), flag("model", "training", training))
        return y

    def predict(self, X: Any, batch_size: int | None = None) -> Array:
        """What the model puts out, (n, outputs), in inference mode and with bounded memory.

        batch_size: rows at a time; the results have the same bits for any. NaN and infinity go through.

        >>> from densekit.layers import Dense
        >>> densekit.Sequential([Dense(2, kernel_initializer="ones")], seed=0).predict([[1, 2], [3, 4]])
        array([[3., 3.],
               [7., 7.]], dtype=float32)
        """
        return evaluation.predict(self, X, batch_size)

    def transform(self, X: Any, layer: str | Layer | int = -2, batch_size: int | None = None) -> Array:
        """What a hidden layer puts out, in inference mode.

        layer: its name, the layer, or its place in `layers`; by default the last but one.
        """
        return evaluation.transform(self, X, layer, batch_size)

    def evaluate(
        self, X: Any, y: Any, sample_weight: ArrayLike | None = None, batch_size: int | None = None
    ) -> dict[str, float]:
        """The objective and the metrics in inference mode, over all rows as one batch: {"loss": …, metric: …}.

        With penalties, "data_loss" and "penalty" are its two parts. batch_size: rows at a time.
        """
        return evaluation.evaluate(self, X, y, sample_weight, batch_size)

    def vjp(self, X: Any, training: bool = False) -> tuple[Array, Pullback]:
        """The output y, and pullback(dy) → (dx, {name: gradient}): the exact gradient of Σ dy · y.

        >>> from densekit.layers import Dense
        >>> y, pullback = densekit.Sequential([Dense(1, kernel_initializer="ones", inputs=2)], seed=0).vjp([[1, 2]])
        >>> dx, gradients = pullback([[1]])
        >>> y, dx, gradients["dense.kernel"].ravel()
        (array([[3.]], dtype=float32), array([[1., 1.]], dtype=float32), array([1., 2.], dtype=float32))
        """
        return evaluation.vjp(self, X, training)

    def evaluate_objective(
        self, theta: ArrayLike, X: Any, y: Any, sample_weight: ArrayLike | None = None
    ) -> tuple[float, Array]:
        """The objective (loss and penalties) over these rows and its gradient, at the trainable parameters `theta`.

        theta: float64 (k,), as `trainable_parameters()` gives them; the model then has these weights. Batch norms and
        dropout work as in training.
        """
        return evaluation.objective(self, theta, evaluation.rows(self, "evaluate_objective", X, y, sample_weight))

    def trainable_parameters(self) -> Array:
        """All trainable parameters in one new float64 array, in the order of the segments."""
        return evaluation.trainable(self)

    # Weights.

    @property
    def weights(self) -> dict[str, Array]:
        """Writable views by name: parameters and running statistics of each layer, "dense.kernel", "dense.bias", …"""
        self._ready()
        return {f"{name}.{key}": view for name, views in self._views.items() for key, view in views.items()}

    def get_weights(self) -> list[Array]:
        """Copies of `weights`, in order."""
        return [view.copy() for view in self.weights.values()]

    def set_weights(self, weights: Sequence[ArrayLike] | Mapping[str, ArrayLike]) -> None:
        """Writes a list such as get_weights gives, or {name: array} for some of the weights; all or none."""
        views = self.weights
        if isinstance(weights, Mapping):
            named = {one_of("set_weights", "name", name, list(views)): value for name, value in weights.items()}
        elif len(weights) != len(views):
            raise ValueError(f"set_weights: got {len(weights)} arrays, expected {len(views)}: {', '.join(views)}")
        else:
            named = dict(zip(views, weights, strict=True))
        checked = {name: np.empty_like(views[name]) for name in named}
        for name, value in named.items():
            write_into(f"set_weights: {name}", checked[name], value)
        for name, array in checked.items():
            views[name][...] = array

    @property
    def n_parameters(self) -> int:
        """How many numbers the layers learn, frozen ones included; running statistics are not among them."""
        return sum(int(np.prod(s["shape"])) for s in self._ready().segments if s["kind"] == "parameter")

    @property
    def step(self) -> int:
        """How many updates were made since compile."""
        return int(self._engine.step) if self._engine is not None else 0

    def summary(self) -> Summary:
        """Layers, shapes, parameters, floating-point operations and memory; `print(model.summary())`."""
        return summarize(self)

    # Copies.

    def clone(self, *, seed: int | None = None, weights: bool = False) -> Sequential:
        """An untrained model of the same layers, compiled alike; with weights=True an exact copy.

        seed: of the new one; by default the same, which gives the same initial weights.
        """
        if weights:
            return copy.deepcopy(self)
        new = Sequential(seed=self.seed if seed is None else seed, dtype=self.dtype, name=self.name)
        new._engine_asked, new._engine_name = self._engine_asked, self._engine_name
        new._inputs = self._inputs
        for layer in copy.deepcopy(self._layers):
            new.add(layer)
        new._compiled = copy.deepcopy(self._compiled)
        new._compiled.optimizer = optimizers.get(self._compiled.optimizer.config())
        return new

    def __getstate__(self) -> dict[str, Any]:
        state = {k: v for k, v in self.__dict__.items() if k not in ("_lock", "_engine", "_views")}
        if self._engine is not None:
            engine = self._ready()
            state["_arrays"] = (engine.parameters.copy(), engine.statistics.copy(), [s.copy() for s in engine.states])
            state["_step"] = engine.step
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        arrays, step = state.pop("_arrays", None), state.pop("_step", 0)
        self.__dict__.update(state)
        self._lock, self._engine, self._views = threading.Lock(), None, {}
        for layer in walk(self._layers):
            layer._owner = weakref.ref(self)
        if arrays is not None:
            engine = self._ready()
            engine.parameters[...], engine.statistics[...] = arrays[0], arrays[1]
            for view, kept in zip(engine.states, arrays[2], strict=True):
                view[...] = kept
            engine.step = step

    def __repr__(self) -> str:
        rest = [f"seed={self.seed}"]
        if self.dtype != np.float32:
            rest.append(f"dtype={self.dtype.name!r}")
        if self.name is not None:
            rest.append(f"name={self.name!r}")
        if self._engine_asked is not None:
            rest.append(f"engine={self._engine_asked!r}")
        return f"Sequential([{', '.join(map(repr, self._layers))}], {', '.join(rest)})"


def _dtype(value: Any) -> np.dtype[Any]:
    try:
        dtype = np.dtype(value)
    except TypeError:
        dtype = np.dtype(object)
    if dtype not in (np.float32, np.float64):
        raise ValueError(f"Sequential: dtype must be 'float32' or 'float64', got {value!r}")
    return dtype


def _free_name(name: str, taken: set[str | None]) -> str:
    numbered = (f"{name}_{i}" if i else name for i in range(len(taken) + 1))
    return next(candidate for candidate in numbered if candidate not in taken)


def _metrics(given: Any, loss: losses.Loss) -> list[metrics.Metric]:
    if isinstance(given, str) or not isinstance(given, Sequence):
        raise TypeError(f"compile: metrics must be a list such as ['accuracy'], got {given!r}")
    return [metrics.get(value, loss) for value in given]
