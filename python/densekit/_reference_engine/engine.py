"""The engine: layers, loss and update put together as docs/network.md says."""

from __future__ import annotations

import contextlib
import copy
import json
import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from densekit._reference_engine import updates
from densekit._reference_engine.initializers import initial_values
from densekit._reference_engine.layers import Layer, Run, Segment, backward, build, forward, walk
from densekit._reference_engine.losses import Head, Heads, Loss
from densekit._reference_engine.pending import Pending
from densekit._snapshot import Moment

Array = NDArray[Any]
Spec = dict[str, Any]

_ALIGNED = 16  # elements


class Tape:
    """The output of a forward pass, and the way back from it; valid until the parameters change."""

    def __init__(self, output: Array, pullback: Callable[[Array], tuple[Array, Array]]) -> None:
        self.output = output
        self.pullback = pullback


def _own(y: Array | list[Array]) -> list[Array]:
    """The targets of each head, of one or of several; labels that no layer can write while they are used."""
    return [one.copy() if one.ndim == 1 else one for one in _each(y)]


def _each(given: Any) -> list[Any]:
    return list(given) if isinstance(given, list | tuple) else [given]


def _checked_rows(order: Array, first: int, rows: int) -> Array:
    """A copy of the row numbers, which begin at place `first` of the epoch; each must be one of `rows`."""
    taken = order.copy()
    wrong = (taken < 0) | (taken >= rows)
    if wrong.any():
        at = int(wrong.argmax())
        raise ValueError(f"order[{first + at}] is {taken[at]}, expected the number of one of {rows} rows, from 0")
    return taken


def _checked_rate(lr: float) -> float:
    if not (math.isfinite(lr) and lr >= 0):
        raise ValueError(f"lr is {lr}, expected a finite number of at least 0")
    return lr


class ReferenceEngine:
    """A network trained in plain NumPy. spec: the text of docs/network.md; hosts: the Python layers and losses."""

    def __init__(self, spec: str, hosts: list[Any]) -> None:
        s: Spec = json.loads(spec)
        if s["version"] not in (1, 2):
            raise ValueError(f"the spec has version {s['version']!r}, this engine reads versions 1 and 2")
        self.dtype, self.seed, self.step = np.dtype(s["dtype"]), int(s["seed"]), 0
        shape = tuple(s["inputs"]) if isinstance(s["inputs"], list) else (int(s["inputs"]),)
        self.inputs = math.prod(shape)
        self._pending = Pending()
        self._moment, self._updating = Moment(), False
        self._clip = (s["clip_norm"], s["clip_value"])
        self._per_weight = bool(s["penalty_per_weight"])

        losses, layers = self._losses(s, hosts)
        self._layers = build(layers, shape, hosts)
        self._input_shape, self.output_shape = shape, self._layers[-1].output_shape if self._layers else shape
        self.outputs = math.prod(self.output_shape)
        self._heads = self._make_heads(losses) if losses else None
        self._names = [layer.name for layer in walk(self._layers)]
        trained = [any(s.trainable for one in walk([layer]) for s in one.segments) for layer in self._layers]
        self._first_trained = trained.index(True) if True in trained else len(self._layers)
        # Of a batch of one row, unless a row of the network is several rows of the layer.
        self._has_batch_norm = any(
            layer.uses_batch and math.prod(layer.input_shape[:-1]) == 1 for layer in walk(self._layers)
        )

        self._segments = [s for layer in walk(self._layers) for s in layer.segments]
        self._statistics = [s for layer in walk(self._layers) for s in layer.statistic_segments]
        self.parameters, self.statistics = self._arena(self._segments), self._arena(self._statistics)
        self.gradients = np.zeros_like(self.parameters)
        for layer in walk(self._layers):
            layer.parameters = [s.of(self.parameters) for s in layer.segments]
            layer.statistics = [s.of(self.statistics) for s in layer.statistic_segments]

        self._optimizer = None if s["optimizer"] is None else updates.Optimizer(s["optimizer"])
        self.states: list[Array] = []
        if self._optimizer is not None:
            self.states = [np.zeros_like(self.parameters) for _ in range(self._optimizer.states)]
            for segment in self._segments:  # gaps stay zero
                for state in self.states:
                    state[segment.range] = self._optimizer.initial

    @staticmethod
    def _losses(s: Spec, hosts: list[Any]) -> tuple[list[tuple[str, Loss, float]], list[Spec]]:
        """Name, loss and weight of each head, and the layers without the activations that losses are linked with."""
        layers, losses = copy.deepcopy(s["layers"]), []
        heads = s.get("heads") or [{"name": "", "weight": 1.0, "loss": s["loss"]}]
        for number, head in enumerate(heads if heads[0]["loss"] is not None else []):
            loss = Loss(head["loss"], hosts)
            if head["loss"]["link"]:
                last = layers[-1]["layers"][number] if s.get("heads") else layers[-1]
                while last["kind"] == "block":
                    last = last["layers"][-1]
                loss.take_over(last["activation"], last["parameter"])
                last["activation"] = "identity"
            losses.append((str(head["name"]), loss, float(head["weight"])))
        return losses, layers

    def _make_heads(self, losses: list[tuple[str, Loss, float]]) -> Heads:
        """Each head with its columns: those of its branch, or all."""
        heads, first = [], 0
        if losses[0][0]:
            ends = [(layer.name, layer.output_shape) for layer in self._layers[-1].inner()]
        else:
            ends = [("", self.output_shape)]
        if [name for name, *_ in losses] != [name for name, _ in ends]:
            raise ValueError(
                f"the heads are {[name for name, *_ in losses]}, the branches {[name for name, _ in ends]}"
            )
        for (name, loss, weight), (_, shape) in zip(losses, ends, strict=True):
            loss.require_rows_for(shape)
            heads.append(Head(name, loss, weight, slice(first, first + shape[-1])))
            first += shape[-1]
        return Heads(heads, self.output_shape)

    def _arena(self, segments: list[Segment]) -> Array:
        """One array for all segments, each at a multiple of 16 elements, with their initial values."""
        size = 0
        for segment in segments:
            segment.offset = size
            size += -(-math.prod(segment.shape) // _ALIGNED) * _ALIGNED
        arena = np.zeros(size, self.dtype)
        for number, s in enumerate(segments):
            s.of(arena)[...] = initial_values(s.initializer, s.shape, seed=self.seed, segment=number, fans=s.fans)
        return arena

    @property
    def segments(self) -> list[dict[str, Any]]:
        """Where each parameter, and each statistic, lies."""
        kinds = [("parameter", self._segments), ("statistic", self._statistics)]
        keys = ("layer", "name", "shape", "offset", "trainable")
        return [{key: getattr(s, key) for key in keys} | {"kind": kind} for kind, some in kinds for s in some]

    def snapshot(self, states: bool = True) -> tuple[Array, Array, list[Array], int]:
        """Copies of parameters, statistics and states of one moment between two updates, and the updates done."""
        with self._moment:
            if self._updating:  # a signal's handler runs wherever the interpreter is
                raise RuntimeError("the model is in the middle of an update: a signal came while NumPy computed it")
            kept = [state.copy() for state in self.states] if states else []
            return self.parameters.copy(), self.statistics.copy(), kept, self.step

    # Passes.

    def forward(self, x: Array, training: bool = False, track: bool = False) -> Array:
        """What the network makes of x: (n, inputs) to (n, outputs)."""
        return self.tape(x, training, track).output

    def hidden(self, x: Array, layer: str, training: bool = False) -> Array:
        """What the layer of that name puts out."""
        if layer not in self._names:
            raise ValueError(f"no layer is called {layer!r}; the layers are {', '.join(self._names)}")
        found: list[Array] = []

        def watch(at: Layer, _: Array, y: Array) -> None:
            if at.name == layer:
                rows = y.reshape(len(x), math.prod(at.output_shape))
                found.append(self._activated(rows) if at is self._layers[-1] else rows)

        self._forward(x, training, watch)
        return found[0].copy()

    def tape(self, x: Array, training: bool = False, track: bool = False) -> Tape:
        """A forward pass that can be gone back."""
        z, saved = self._forward(x, training)
        y = self._activated(z)
        if training and track and len(x):
            self._pending.add(self._layers, saved, self.statistics)

        def pullback(dy: Array) -> tuple[Array, Array]:
            dparameters = np.zeros_like(self.parameters)
            with np.errstate(all="ignore"):
                dz = np.asarray(dy, self.dtype)
                if dz.shape != y.shape:
                    raise ValueError(f"dy is {dz.shape} but the network put out {y.shape}")
                if self._heads is not None:
                    dz = self._heads.activated_backward(dz, z, y)
                dx = backward(self._layers, saved, dz, dparameters)
                return dx.reshape(x.shape).copy(), dparameters

        return Tape(y.copy(), pullback)

    def _forward(
        self,
        x: Array,
        training: bool,
        watch: Callable[[Layer, Array, Array], None] | None = None,
        first_row: int = 0,
    ) -> tuple[Array, list[Any]]:
        """What the last layer puts out, without the linked activation, and what the layers saved."""
        if x.ndim != 2 or x.shape[1] != self.inputs:
            raise ValueError(f"x is {x.shape}, expected (n, {self.inputs})")
        if x.dtype != self.dtype:
            raise TypeError(f"x is {x.dtype}, expected {self.dtype}")
        with np.errstate(all="ignore"):
            rows = x.reshape(len(x), *self._input_shape)
            run = Run(training, self.seed, self.step, watch, len(x), first_row)
            y, saved = forward(self._layers, rows, run)
            return y.reshape(len(x), self.outputs), saved

    def _activated(self, z: Array) -> Array:
        with np.errstate(all="ignore"):
            return z if self._heads is None else self._heads.activated(z)

    # The objective.

    def loss(
        self,
        x: Array,
        y: Any,
        weights: Any,
        training: bool = False,
        outputs: Array | None = None,
        head_losses: Array | None = None,
    ) -> tuple[float, float]:
        """The loss of the data, and the penalty; outputs receives what the network puts out.

        y, weights: of the loss, or a list of those of each head. head_losses receives the loss of each head.
        """
        loss = self._required_loss()
        y, weights = _own(y), self._weights(weights)
        z, _ = self._forward(x, training)
        if outputs is not None:
            outputs[...] = self._activated(z)
        with np.errstate(all="ignore"):
            value, _ = loss(z, y, weights)
            if head_losses is not None:
                head_losses[...] = loss.losses
            return value, updates.penalize(self._segments, self.parameters, None, self._share(y, weights))

    def _weights(self, weights: Any) -> list[Array | None]:
        if weights is None:
            return [None] * len(self._required_loss().heads)
        return _each(weights)

    def gradient(
        self, x: Array, y: Any, weights: Any, training: bool = True, track: bool = False
    ) -> tuple[float, float]:
        """The loss of the data and the penalty; `gradients` becomes the gradient of their sum."""
        value, penalty, _, tape = self._gradient(x, _own(y), weights, training)
        if training and track:
            self._pending.add(self._layers, tape, self.statistics)
        return value, penalty

    def _gradient(self, x: Array, y: Any, weights: Any, training: bool) -> tuple[float, float, Array, list[Any]]:
        y, weights = _each(y), self._weights(weights)
        value, z, tape = self._pass(x, y, weights, training, self.gradients)
        with np.errstate(all="ignore"):
            share = self._share(y, weights)
            penalty = updates.penalize(self._segments, self.parameters, self.gradients, share)
        return value, penalty, z, tape

    def _pass(
        self,
        x: Array,
        y: list[Array],
        weights: list[Array | None],
        training: bool,
        gradients: Array,
        divisors: list[float] | None = None,
        first_row: int = 0,
    ) -> tuple[float, Array, list[Any]]:
        """There and back: the loss of the data, what the last layer put out, what the layers saved."""
        loss = self._required_loss()
        z, tape = self._forward(x, training, first_row=first_row)
        with np.errstate(all="ignore"):
            value, dz = loss(z, y, weights, divisors)
            first = self._first_trained  # nobody asks for the gradient of what comes before
            backward(self._layers[first:], tape[first:], dz, gradients)
        return value, z, tape

    def _share(self, y: list[Array], weights: list[Array | None]) -> float:
        """What penalties are multiplied by: 1 / sum of the batch's weights, if the spec wants it."""
        if not self._per_weight:
            return 1.0
        total = self._required_loss().sum_of_weights(y, weights)
        return 1 / total if total else 0.0

    def _required_loss(self) -> Heads:
        if self._heads is None:
            raise ValueError("this network has no loss")
        return self._heads

    # Training.

    def step_on(self, x: Array, y: Any, weights: Any, lr: float) -> tuple[float, float]:
        """One update on a batch. It is left out if the loss is not finite."""
        rate, y, weights = _checked_rate(float(lr)), _own(y), self._weights(weights)
        self._pending.drop()
        value, penalty, _, tape = self._gradient(x, y, weights, True)
        if math.isfinite(value):
            self._update([tape], rate, self._share(y, weights))
        return value, penalty

    def _update(self, tapes: list[list[Any]], eta: float, share: float) -> None:
        """tapes: of the passes whose gradients are there, for the statistics."""
        with self._change():
            self._move(self.gradients, eta, share)
            with np.errstate(all="ignore"):
                for tape in tapes:
                    for layer, saved in zip(self._layers, tape, strict=True):
                        layer.commit(saved, self.statistics)
            self.step += 1

    def _ranges(self, rows: int, count: int) -> list[tuple[int, int]]:
        """First and last row (exclusive) of the ranges of a batch: cut at multiples of 4 rows."""
        alone = 1 if self._has_batch_norm and rows > 1 else 0  # a last row that joins the range before it
        fours = rows // 4 + (rows % 4 > alone)
        cuts = [min(rows, 4 * (fours * k // count)) for k in range(count)]
        ends = [fours * (k + 1) // count for k in range(count)]
        return [
            (a, rows if e == fours and a < 4 * fours else min(rows, 4 * e)) for a, e in zip(cuts, ends, strict=True)
        ]

    def _in_ranges(
        self, x: Array, y: list[Array], weights: list[Array | None], count: int
    ) -> tuple[float, float, Array, list[list[Any]], tuple[int, int] | None]:
        """As `_gradient`, in several passes; the tapes of all, and the range whose loss was not finite."""
        heads = self._required_loss()
        divisors = [
            1.0 if head.loss.spec["reduction"] == "sum" else head.loss.of_epoch(y[h], weights[h])
            for h, head in enumerate(heads.heads)
        ]
        ranges = self._ranges(len(x), count)
        scores, tapes = np.empty((len(x), self.outputs), self.dtype), []

        def sum_of(low: int, high: int) -> tuple[Array, Array] | tuple[int, int] | None:
            """Gradients and losses of these ranges; the range that failed; None where there are no rows."""
            if high - low > 1:
                half = 1 << (high - low - 1).bit_length() - 1
                first = sum_of(low, low + half)
                if first is not None and isinstance(first[0], int):
                    return first
                second = sum_of(low + half, high)
                if first is None or second is None or isinstance(second[0], int):
                    return first if second is None else second
                return first[0] + second[0], first[1] + second[1]
            begin, end = ranges[low]
            if begin == end:
                return None
            to, rows = np.zeros_like(self.parameters), slice(begin, end)
            part = [None if w is None else w[rows] for w in weights]
            value, scores[rows], tape = self._pass(x[rows], [one[rows] for one in y], part, True, to, divisors, begin)
            if not math.isfinite(value):
                return begin, end
            tapes.append(tape)
            return to, np.array(heads.losses)

        found = sum_of(0, count)
        assert found is not None
        failed = found if isinstance(found[0], int) else None
        if failed is None:
            self.gradients[...] = found[0]
            heads.losses = np.asarray(found[1]).tolist()
        value = sum(head.weight * loss for head, loss in zip(heads.heads, heads.losses, strict=True))
        with np.errstate(all="ignore"):
            share = self._share(y, weights)
            penalty = updates.penalize(self._segments, self.parameters, self.gradients, share)
        return math.nan if failed else value, penalty, scores, tapes, failed

    @contextlib.contextmanager
    def _change(self) -> Iterator[None]:
        """An update, which snapshots wait for."""
        with self._moment:
            self._updating = True
            try:
                yield
            finally:
                self._updating = False

    def _move(self, gradients: Array, eta: float, share: float) -> None:
        """Clipping, the optimizer and the proximal step. The gradients have those of penalties in them."""
        if self._optimizer is None:
            raise ValueError("this network has no optimizer")
        with np.errstate(all="ignore"):
            updates.clip(gradients, *self._clip)
            for s in self._segments:
                if s.trainable:
                    w, g = s.of(self.parameters), s.of(gradients)
                    states = [s.of(state) for state in self.states]
                    self._optimizer.update(w, g, states, eta, self.step + 1)
                    updates.shrink(s, w, eta, share)

    # Training without epoch.

    def loss_and_gradients(
        self, x: Array, y: Any, weights: Any, outputs: Array | None = None, head_losses: Array | None = None
    ) -> tuple[float, Array, str | None]:
        """The loss of the data, its gradients, and the layer where it diverged: then there are no gradients."""
        if not len(x):
            raise ValueError("a gradient needs at least one row")
        gradients = np.zeros_like(self.parameters)
        value, z, tape = self._pass(x, _own(y), self._weights(weights), True, gradients)
        if outputs is not None:
            outputs[...] = self._activated(z)
        if head_losses is not None:
            head_losses[...] = self._required_loss().losses
        if not math.isfinite(value):
            return value, np.zeros_like(gradients), self._where_it_diverges(x)
        self._pending.add(self._layers, tape, self.statistics)
        return value, gradients, None

    def apply_gradients(self, gradients: Array, lr: float, weight: float | None = None) -> float:
        """A whole update; the penalty before it. gradients are used up. weight: the sum of the batch's weights."""
        if self._per_weight != (weight is not None):
            need = (
                "give the sum of the weights of the batch" if self._per_weight else "no penalty is divided by weights"
            )
            raise ValueError(f"weight is {weight}: {need}")
        rate = _checked_rate(float(lr))
        share = 1.0 if weight is None else 1 / float(weight) if weight else 0.0
        used = np.zeros_like(gradients)  # frozen segments, and the gaps between segments, are zero
        for s in self._segments:
            if s.trainable:
                s.of(used)[...] = s.of(gradients)
        with np.errstate(all="ignore"):
            penalty = updates.penalize(self._segments, self.parameters, used, share)
        with self._change():
            self._move(used, rate, share)
            self._commit()
        return penalty

    def commit(self) -> None:
        """What is pending becomes the statistics, and there is one step more."""
        with self._change():
            self._commit()

    def _commit(self) -> None:
        self._pending.take_over(self._statistics, self.statistics)
        self.step += 1

    def set_statistics(self, x: Array) -> None:
        """Batch norms take the statistics of these rows in place of the running ones."""
        _, tape = self._forward(x, True)
        for layer, saved in zip(self._layers, tape, strict=True):
            layer.commit(saved, self.statistics, 0.0)
        self._pending.drop()

    @property
    def pending(self) -> Array | None:
        """What commit would make of the statistics; None: nothing is pending."""
        return self._pending.read(self._statistics, self.statistics)

    @pending.setter
    def pending(self, values: Array | None) -> None:
        self._pending.drop()
        if values is not None:
            self._pending.write(self.statistics, values)

    def epoch(
        self,
        x: Array,
        y: Any,
        weights: Any,
        order: Array,
        batch_size: int,
        lr: Array,
        drop_last: bool = False,
        outputs: Array | None = None,
        stop_on_divergence: bool = True,
        accumulate: int = 1,
    ) -> dict[str, Any]:
        """Updates along `order`, cut into batches. accumulate: in so many ranges each."""
        if not 1 <= accumulate <= max(batch_size, 1):
            raise ValueError(f"accumulate is {accumulate}, expected 1 to the batch size, {batch_size}")
        kinds = [head.loss.kind for head in self._required_loss().heads]
        if accumulate > 1 and {"rmse", "host"} & set(kinds):
            raise ValueError(f"accumulate needs losses that are sums over rows, which not all of {kinds} are")
        self._pending.drop()
        batches = self._batches(len(order), batch_size, drop_last)
        if len(lr) != len(batches):
            raise ValueError(f"lr has {len(lr)} values, the epoch has {len(batches)} batches")
        heads, y, weights = self._required_loss(), _each(y), self._weights(weights)
        totals, counts = np.zeros((2, len(heads.heads)))
        penalties = 0.0
        steps, diverged = 0, None
        for first, last in batches:
            try:
                rate = _checked_rate(float(lr[steps]))  # by updates done: one that is left out takes no rate
                rows = _checked_rows(order[first:last], first, len(x))
                target = [one[rows] for one in y]  # copies: what is checked is what is used
                heads.require_classes(target, rows)
            except ValueError as error:
                updates_done = f"{steps} update{'' if steps == 1 else 's'}"
                raise ValueError(f"{error}; found after {updates_done} of this epoch, at step {self.step}") from None
            batch = x[rows].astype(self.dtype)
            w = [None if one is None else one[rows] for one in weights]
            failed: tuple[int, int] | None = (0, len(batch))
            if accumulate > 1:
                value, penalty, z, tapes, failed = self._in_ranges(batch, target, w, accumulate)
            else:
                value, penalty, z, tape = self._gradient(batch, target, w, True)
                tapes = [tape]
            if outputs is not None:
                outputs[rows] = self._activated(z)
            count = np.array(heads.of_epoch(target, w))
            totals += np.array(heads.losses) * count
            counts += count
            penalties += penalty * count.sum()
            if math.isfinite(value):
                self._update(tapes, rate, self._share(target, w))
                steps += 1
            elif diverged is None:
                first, last = failed or (0, len(batch))
                diverged = {"step": self.step, "layer": self._where_it_diverges(batch[first:last], first)}
            if diverged is not None and stop_on_divergence:
                break
        means = np.divide(totals, counts, out=np.zeros_like(totals), where=counts > 0)
        return {
            "loss": float(sum(head.weight * mean for head, mean in zip(heads.heads, means, strict=True))),
            "head_losses": means.tolist(),
            "penalty": float(penalties / counts.sum()) if counts.any() else 0.0,
            "steps": steps,
            "diverged": diverged,
        }

    def _batches(self, count: int, batch_size: int, drop_last: bool) -> list[tuple[int, int]]:
        """First and last place (exclusive) of each batch: a last short one is kept, unless drop_last.

        With a batch norm a single row joins the batch before it.
        """
        if batch_size < 1:
            raise ValueError(f"batch_size is {batch_size}, expected at least 1")
        starts = list(range(0, count, batch_size))
        ends = [*starts[1:], count]
        rest = count % batch_size
        if rest and drop_last:
            starts, ends = starts[:-1], ends[:-1]
        elif rest == 1 and self._has_batch_norm and len(starts) > 1:
            starts, ends = starts[:-1], [*ends[:-2], ends[-1]]
        return list(zip(starts, ends, strict=True))

    def _where_it_diverges(self, x: Array, first_row: int = 0) -> str:
        """The first layer that makes something that is not finite of finite inputs."""
        if not np.isfinite(x).all():
            return "input"
        found: list[str] = []

        def watch(at: Layer, given: Array, y: Array) -> None:
            if not found and np.isfinite(given).all() and not np.isfinite(y).all():
                found.append(at.name)

        self._forward(x, True, watch, first_row)
        return found[0] if found else "loss"
