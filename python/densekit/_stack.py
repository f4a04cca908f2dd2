"""Layers in a row, and their weights in an engine that is made when the width of the data is known."""

from __future__ import annotations

import math
import secrets
import threading
import weakref
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import ArrayLike

from densekit import _columns
from densekit import _network as network
from densekit import _snapshot as snapshot
from densekit._arrays import one_of, whole
from densekit._checks import dtype_of, given, items, optional_text, short
from densekit._layer import Layer, Shape, row_shape, walk, write_into
from densekit._learning_rate import ScheduleStart
from densekit._network import Array, Compiled
from densekit.layers import Input, checked_layer


class Stack:
    """What a model is, apart from training it: layers, an engine, views of the weights."""

    _drew_at: int | None = None  # the number of updates at the last training pass outside fit
    _warned_of_drawing = False
    _trainer: int | None = None  # the thread that trained it last

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
        self.name = optional_text("Sequential", "name", name)
        self._layers: list[Layer] = []
        self._input_shape: Shape | None = None  # of a row
        self._feature_names: _columns.Names | None = None
        self._engine_asked = engine
        self._engine_name = network.engine_name(engine)
        self._compiled = Compiled()
        self._engine: Any = None
        self._views: dict[str, dict[str, Array]] = {}
        self._stale = False
        self._spec: dict[str, Any] = {}
        self._lock, self._moment = threading.Lock(), snapshot.Moment()
        self._epoch = 0
        self._schedule_start = ScheduleStart()
        if isinstance(layers, Layer | str | bytes) or not isinstance(layers, Iterable):
            raise TypeError(
                f"Sequential: layers must be a list of layers, got {short(layers)}; write Sequential([...])"
            )
        layers = items("Sequential", "layers", layers, "layers")
        given = [one.name for layer in layers if isinstance(layer, Layer) for one in walk([layer]) if one._name_given]
        for layer in layers:
            self._add(layer, {str(name) for name in given})

    # Structure.

    def add(self, layer: Layer | Input) -> None:
        """Puts a layer at the end."""
        self._add(layer, set())

    def _add(self, layer: Layer | Input, reserved: set[str]) -> None:
        """reserved: names that the user gave to layers still to come."""
        if isinstance(layer, Input):
            if self._layers:
                raise ValueError("Sequential: Input is the first element of the list")
            self._input_shape = layer.shape
            return
        new = [checked_layer("Sequential", one) for one in walk([checked_layer("Sequential", layer)])]
        for place, one in enumerate(new):
            if any(one is before for before in new[:place]):
                raise ValueError(
                    f"Sequential: {short(one)} is in the network twice; weights cannot be shared between layers, so "
                    "make a new layer for each place"
                )
        taken = {known.name for known in walk(self._layers)}
        for one in new:
            if one._name_given and (one.name in taken or sum(other.name == one.name for other in new) > 1):
                raise ValueError(f"Sequential: two layers are called {one.name!r}; names must be unique")
        taken |= {one.name for one in new if one._name_given} | reserved
        for one in new:
            if not one._name_given:
                one._name = _free_name(one.default_name(), taken)
                taken.add(one._name)
        if not self._layers and layer._inputs_given is not None:
            theirs = row_shape("Sequential", "inputs", layer._inputs_given)
            if self._input_shape not in (None, theirs):
                raise ValueError(
                    f"Sequential: {Input(self._input_shape or ())}, but the first layer has "
                    f"inputs={layer._inputs_given}"
                )
            self._input_shape = theirs
        if self._input_shape is not None:
            layer.attach(self._layers[-1].output_shape or () if self._layers else self._input_shape)
        self._layers.append(layer)
        for one in new:
            one._owner = weakref.ref(self)
        self._changed()

    def build(self, inputs: int | Shape) -> Self:
        """Fixes the shape of a row and makes the weights; fit and predict do it by themselves.

        inputs: the number of columns, or the lengths of the axes of a row, as in `layers.Input`.
        """
        shape = row_shape("build", "inputs", inputs)
        if self._input_shape is None:
            out = shape
            for layer in self._layers:
                out = layer.attach(out)
            self._input_shape = shape
            try:
                self._ready()
            except BaseException:
                self._input_shape = None  # rows of another shape may do, as flat ones for a loss of labels
                raise
        elif self._input_shape != shape:
            takes = f"{self.inputs} columns" if len(self._input_shape) == 1 else f"rows of shape {self._input_shape}"
            raise ValueError(f"build: the model takes {takes} already, got inputs={inputs}")
        self._ready()
        return self

    @property
    def layers(self) -> tuple[Layer, ...]:
        """The layers in order, blocks as one."""
        return tuple(self._layers)

    @property
    def inputs(self) -> int | None:
        """How many numbers a row of the data has; None until it is known."""
        return None if self._input_shape is None else math.prod(self._input_shape)

    @property
    def input_shape(self) -> Shape | None:
        """The shape of a row of the data: (inputs,) unless rows have several axes; None until it is known."""
        return self._input_shape

    @property
    def feature_names(self) -> tuple[str | int, ...] | None:
        """The names of the columns that the model takes, in order; None while it has seen no data frame.

        Kept from the first frame that trains the model (or that makes its weights), and in the file. A frame with the
        same columns in another order is then put in this one; missing, unknown and double columns are a ValueError.
        Arrays have no names and are taken as they are. Set it to a list, or to None, which forgets.

        >>> model = densekit.Sequential([densekit.layers.Dense(1, inputs=2)])
        >>> model.feature_names = ["age", "income"]
        >>> model.feature_names
        ('age', 'income')
        """
        return self._feature_names

    @feature_names.setter
    def feature_names(self, names: Iterable[str | int] | None) -> None:
        if names is not None and len(self._input_shape or ()) > 1:
            raise ValueError(f"feature_names: rows of shape {self._input_shape} have no columns to name")
        self._feature_names = None if names is None else _columns.checked(names, self.inputs)

    @property
    def outputs(self) -> int | None:
        """How many numbers the model puts out for a row; None until the shape of the data is known."""
        return None if self.output_shape is None else math.prod(self.output_shape)

    @property
    def output_shape(self) -> Shape | None:
        """The shape of what the model puts out for a row; None until that of the data is known."""
        return self._layers[-1].output_shape if self._layers and self._input_shape is not None else None

    @property
    def built(self) -> bool:
        """Whether there are weights."""
        return bool(self._layers) and self._input_shape is not None

    def layer(self, name: str) -> Layer:
        """The layer of that name, inside blocks too."""
        named = {str(layer.name): layer for layer in walk(self._layers)}
        return named[one_of("layer", "name", name, list(named))]

    # The engine.

    def _changed(self) -> None:
        if self._lock.locked() and self._trainer != threading.get_ident():
            raise RuntimeError(
                "Sequential: another thread is training this model; change its layers and learning rate in a callback"
            )
        self._stale = True

    def _ready(self, inputs: int | Shape | None = None, *, fresh: bool = True) -> Any:
        """The engine, made or renewed where needed. fresh: new layers get the starting values that Python makes."""
        if self._engine is not None and not self._stale:
            return self._engine
        if not self._layers:
            raise RuntimeError("Sequential: the model has no layers")
        if self._input_shape is None:
            if inputs is None:
                raise RuntimeError(
                    "Sequential: the width of the data is not known yet; give inputs= to the first layer, call "
                    "build(inputs), or give data"
                )
            self.build(inputs)
        with self._moment:
            if self._engine is None or self._stale:
                self._rebuild(keep_states=True, fresh=fresh)
            return self._engine

    def _rebuild(self, *, keep_states: bool, fresh: bool = True) -> None:
        """A new engine with the weights, and if it fits the optimizer's state, of the one before."""
        spec, hosts = network.network_spec(self._layers, self.seed, self.dtype, self._compiled)
        engine = network.make_engine(self._engine_name, spec, hosts)
        views, before, old = network.weight_views(engine, self._layers), self._views, self._engine
        for layer in walk(self._layers):
            name = str(layer.name)
            starts = before[name] if name in before else layer.given(self.seed, self.dtype) if fresh else {}
            for key, value in starts.items():
                write_into(f"{name}.{key}", views[name][key], value)
        if old is not None and keep_states and old.parameters.shape == engine.parameters.shape:
            for state, kept in zip(engine.states, old.states, strict=True):
                state[...] = kept
            engine.step = old.step
        if old is not None:
            network.carry_pending(old, engine)
        self._engine, self._views, self._spec, self._stale = engine, views, spec, False

    def _alone(self, op: str) -> threading.Lock:
        """For `with`; RuntimeError if another call trains the model.

        The lock itself, because a signal that arrives between taking a lock and remembering it would leave it taken:
        only a context manager in C is entered and left in one step. Of two threads that come together one may wait.
        """
        if self._lock.locked():
            raise RuntimeError(f"{op}: this model is being trained by another call; clone it to train two at once")
        self._trainer = threading.get_ident()
        return self._lock

    def _layer_weights(self, layer: Layer) -> dict[str, Array]:
        self._ready()
        return dict(self._views[str(layer.name)])

    # Weights.

    @property
    def weights(self) -> dict[str, Array]:
        """Writable views by name: parameters and running statistics of each layer, "dense.kernel", "dense.bias", …"""
        self._ready()
        return {f"{name}.{key}": view for name, views in self._views.items() for key, view in views.items()}

    def get_weights(self) -> list[Array]:
        """Copies of `weights`, in order, of one moment between two updates."""
        with self._moment:
            copies = network.weight_views(snapshot.of(self._ready(), states=False), self._layers)
        return [view for views in copies.values() for view in views.values()]

    def set_weights(self, weights: Sequence[ArrayLike] | Mapping[str, ArrayLike]) -> None:
        """Writes a list such as get_weights gives, or {name: array} for some of the weights; all or none."""
        views = self.weights
        if isinstance(weights, Mapping):
            named = {one_of("set_weights", "name", name, list(views)): value for name, value in weights.items()}
        elif isinstance(weights, str | bytes) or not (
            isinstance(weights, Sequence) or (isinstance(weights, np.ndarray) and weights.ndim)
        ):
            raise TypeError(
                f"set_weights: weights must be a list of {len(views)} arrays, as get_weights gives, or a dictionary by "
                f"name, got {given(weights)}"
            )
        elif len(weights) != len(views):
            raise ValueError(f"set_weights: got {len(weights)} arrays, expected {len(views)}: {', '.join(views)}")
        else:
            named = dict(zip(views, weights, strict=True))
        checked = {name: np.empty_like(views[name]) for name in named}
        for name, value in named.items():
            write_into(f"set_weights: {name}", checked[name], value)
        with self._moment:
            pending = self._engine.pending
            for name, array in checked.items():
                views[name][...] = array
            if pending is not None:  # statistics that are given replace what passes have found
                for s in self._engine.segments:
                    new = checked.get(f"{s['layer']}.{s['name']}")
                    if s["kind"] == "statistic" and new is not None:
                        pending[s["offset"] : s["offset"] + new.size] = new
                self._engine.pending = pending

    @property
    def n_parameters(self) -> int:
        """How many numbers the layers learn, frozen ones included; running statistics are not among them."""
        return sum(int(np.prod(s["shape"])) for s in self._ready().segments if s["kind"] == "parameter")

    @property
    def step(self) -> int:
        """How many updates were made since compile."""
        return int(self._engine.step) if self._engine is not None else 0

    @property
    def epoch(self) -> int:
        """How many epochs were trained since compile. The order of rows and schedules of unit "epoch" follow it.

        fit counts by itself. A training loop of your own writes `model.epoch += 1` after each epoch.
        """
        return self._epoch

    @epoch.setter
    def epoch(self, value: int) -> None:
        self._epoch = whole("Sequential", "epoch", value)

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
        dtype = dtype_of("Sequential", value)
    except TypeError:
        dtype = np.dtype(object)
    if dtype not in (np.float32, np.float64):
        raise ValueError(f"Sequential: dtype must be 'float32' or 'float64', got {short(value)}")
    return dtype


def _free_name(name: str, taken: set[str | None]) -> str:
    numbered = (f"{name}_{i}" if i else name for i in range(len(taken) + 1))
    return next(candidate for candidate in numbered if candidate not in taken)
