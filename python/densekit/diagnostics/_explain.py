"""Backpropagation of one row, number by number: each edge with its local derivative times what comes from above."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from densekit import _evaluation as evaluation
from densekit import functional as F
from densekit._activations import ENTRIES
from densekit._arrays import whole
from densekit._checks import network
from densekit._data import flat
from densekit._frames import labels
from densekit._intake import as_array
from densekit._layer import Layer
from densekit._network import with_axes
from densekit.diagnostics._objective import Array, twin


@dataclass(frozen=True)
class Edge:
    """∂L/∂source along one edge of the graph: local (∂target/∂source) × upstream (∂L/∂target)."""

    layer: str
    source: str
    target: str
    local: float
    upstream: float

    @property
    def product(self) -> float:
        return self.local * self.upstream

    def __str__(self) -> str:
        return f"  {self.source} -> {self.target}: {self.local:.6g} x {self.upstream:.6g} = {self.product:.6g}"


@dataclass(frozen=True)
class Explanation:
    """edges: from the loss back to the data. values: every number of the forward pass by its name.

    gradients: {"dense.kernel": …} and "x", the sums of the products over the edges that leave each of them.
    """

    loss: float
    values: dict[str, float] = field(repr=False)
    edges: tuple[Edge, ...] = field(repr=False)
    gradients: dict[str, Array] = field(repr=False)
    shown: int = 12

    def __str__(self) -> str:
        lines = ["forward: " + ", ".join(f"{k} = {v:.6g}" for k, v in _first(self.values, self.shown))]
        lines.append(f"L = {self.loss:.6g}")
        lines.append("backward: source -> target: local x upstream = product")
        for layer in dict.fromkeys(e.layer for e in self.edges):
            edges = [e for e in self.edges if e.layer == layer]
            lines.append(layer + ":")
            lines += [str(e) for e in edges[: self.shown]]
            if len(edges) > self.shown:
                lines.append(f"  … and {len(edges) - self.shown} edges more")
        return "\n".join(lines)


def _first(values: dict[str, float], count: int) -> list[tuple[str, float]]:
    return list(values.items())[:count]


def explain_backward(model: Any, x: Any, y: Any, *, shown: int = 12) -> Explanation:
    """The chain rule for one row, edge by edge, in inference mode and float64; print what it returns.

    x: (inputs,) or (1, inputs), with all axes where rows have several. y: its target. shown: edges of a layer that are
    printed; `edges` has all. Edges of one source add up. The loss is that of the data, without penalties. A softmax (or
    sigmoid) and its cross entropy are one edge each, with local derivative p − t, as they are computed. Layers other
    than Dense and Activation have an edge for each pair of input and output with a derivative that is not zero.

    The neuron of the lectures, y = w2 · (w1 · x) with w1 = 2, w2 = 3, x = 1, target 5, L = (y − 5)²:

    >>> from densekit.layers import Dense
    >>> chain = [Dense(1, use_bias=False, kernel_initializer=[[w]], name=n) for n, w in (("w1", 2.0), ("w2", 3.0))]
    >>> model = densekit.Sequential(chain, seed=0).compile("sgd", "mse")
    >>> print(densekit.diagnostics.explain_backward(model, [1.0], [5.0]))
    forward: x[0] = 1, w1.y[0] = 2, w2.y[0] = 6
    L = 1
    backward: source -> target: local x upstream = product
    loss:
      w2.y[0] -> L: 2 x 1 = 2
    w2:
      w2.kernel[0, 0] -> w2.y[0]: 2 x 2 = 4
      w1.y[0] -> w2.y[0]: 3 x 2 = 6
    w1:
      w1.kernel[0, 0] -> w1.y[0]: 1 x 6 = 6
      x[0] -> w1.y[0]: 2 x 6 = 12
    """
    name = "explain_backward"
    whole(name, "shown", shown, low=1)
    model = network(name, model)
    row = _one_row(name, model, x)
    target = as_array(name, "y", y)
    if target.ndim == 0 or (target.ndim == 1 and len(target) != 1):
        target = target.reshape(1, -1) if target.ndim else target.reshape(1)
    elif target.ndim > 1 and (target.shape == model.output_shape or (not model.built and len(target) != 1)):
        target = target[None]
    evaluation.rows(model, name, row, target, None)
    twin_ = twin(model)
    rows = evaluation.rows(twin_, name, row, target, None)
    return _Pass(twin_, np.ascontiguousarray(rows.x, np.float64), rows.y).explanation(shown)


def _one_row(name: str, model: Any, x: Any) -> Any:
    """x as (1, *shape); of a table as it is."""
    if labels(x) is not None:
        row, axes = x, 1
    else:
        row = as_array(name, "x", x)
        axes = max(1, row.ndim - 1) if model.input_shape is None else len(model.input_shape)
        row = row[None] if row.ndim == axes else row
    if len(row.shape) != axes + 1 or len(row) != 1:
        raise ValueError(f"{name}: x is {row.shape}, expected one row; of a table write X[:1]")
    return row


def _elements(name: str, shape: tuple[int, ...]) -> Array:
    """The names of the elements of a row of this shape."""
    names = [f"{name}[{', '.join(map(str, place))}]" for place in np.ndindex(shape)]
    return np.array(names, object).reshape(shape)


def _rows(array: Array) -> Array:
    """(rows, columns), as a layer sees them that works along the last axis."""
    return array.reshape(-1, array.shape[-1])


class _Pass:
    """Forward once, then back, layer by layer; the arrays are (1, *shape) of a row."""

    def __init__(self, model: Any, x: Array, y: Array) -> None:
        self.model, self.y = model, y
        self.loss_spec: dict[str, Any] = model._spec["loss"]
        self.x = evaluation.shaped(x, model.input_shape)
        self.values: dict[str, float] = {}
        self._note("x", self.x)
        self.edges: list[Edge] = []
        self.gradients: dict[str, Array] = {}

    def explanation(self, shown: int) -> Explanation:
        states: list[tuple[Layer, str, Array, Array, Array]] = []
        name, x = "x", self.x
        layers = list(self.model.layers)
        for layer in layers:
            linked = self.loss_spec["link"] and layer is layers[-1]
            z, y = self._forward(layer, x, linked)
            states.append((layer, name, x, z, y))
            name, x = self._output_name(layer, linked), y
        upstream, loss = self._from_loss(name, x)
        for layer, source, x, z, y in reversed(states):
            linked = self.loss_spec["link"] and layer is layers[-1]
            upstream = self._backward(layer, source, x, z, y, upstream, linked)
        self.gradients["x"] = upstream
        return Explanation(loss, self.values, tuple(self.edges), self.gradients, shown)

    @staticmethod
    def _fields(layer: Layer, linked: bool) -> tuple[str, float]:
        """Activation and its number of a Dense or an Activation; none where the loss has taken it over."""
        spec = layer.spec([])
        return ("identity", 0.0) if linked else (spec["activation"], spec["parameter"])

    def _output_name(self, layer: Layer, linked: bool) -> str:
        return f"{layer.name}.z" if linked else f"{layer.name}.y"

    def _forward(self, layer: Layer, x: Array, linked: bool) -> tuple[Array, Array]:
        if layer.kind == "dense":
            weights = layer.weights
            z = x @ weights["kernel"] + weights.get("bias", 0.0)
        elif layer.kind == "activation":
            z = x
        else:
            z = y = _alone(layer, self.model.dtype)(x)
        if layer.kind in ("dense", "activation"):
            name, parameter = self._fields(layer, linked)
            y = _activate(name, parameter, _rows(z)).reshape(z.shape)
            if layer.kind == "dense" and name != "identity":
                self._note(f"{layer.name}.z", z)
        self._note(self._output_name(layer, linked), y)
        return z, y

    def _note(self, name: str, array: Array) -> None:
        self.values |= dict(zip(_elements(name, array.shape[1:]).ravel(), array.ravel().tolist(), strict=True))

    def _from_loss(self, name: str, output: Array) -> tuple[Array, float]:
        """∂L/∂output, from an engine that has the loss alone."""
        model = self.model
        engine, x = model._ready(), flat(self.x)
        if self.loss_spec["link"]:
            local = self._linked_slope(engine.forward(x, False))
        else:
            function = with_axes(model.loss, output.shape[1:]) if self.loss_spec["kind"] == "host" else model.loss
            local = np.asarray(function(flat(output), self.y)[1], np.float64)
        loss = float(engine.loss(x, self.y, None, False)[0])
        for source, slope in zip(_elements(name, output.shape[1:]).ravel(), local.ravel(), strict=True):
            self.edges.append(Edge("loss", source, "L", float(slope), 1.0))
        return local.reshape(output.shape), loss

    def _linked_slope(self, p: Array) -> Array:
        """p − t for softmax or sigmoid p with its cross entropy."""
        spec, outputs = self.loss_spec, p.shape[1]
        binary, smoothing = spec["kind"] == "binary_cross_entropy", spec["label_smoothing"]
        if not binary and self.y.ndim == 1 and self.y[0] == spec["ignore_index"]:
            return np.zeros_like(p)
        target = np.eye(outputs)[self.y] if self.y.ndim == 1 else self.y
        target = target * (1 - smoothing) + smoothing / (2 if binary else outputs)
        # The binary loss is the mean over the outputs of a row; a temperature divides what goes into softmax.
        divisor = outputs if binary else self.model._spec["layers"][-1]["parameter"]
        slope: Array = spec["factor"] * (p - target) / divisor
        return slope

    def _backward(
        self, layer: Layer, source: str, x: Array, z: Array, y: Array, upstream: Array, linked: bool
    ) -> Array:
        if layer.kind not in ("dense", "activation"):
            return self._through_any(layer, source, x, y, upstream)
        activation, parameter = self._fields(layer, linked)
        name = str(layer.name)
        sources = _rows(_elements(source, x.shape[1:]))
        targets = _rows(_elements(self._output_name(layer, linked), y.shape[1:]))
        inner = _rows(_elements(f"{name}.z", y.shape[1:])) if layer.kind == "dense" else sources
        shape, x, z, y, upstream = x.shape, *map(_rows, (x, z, y, upstream))
        places = range(len(x))  # of the leading axes
        if activation != "identity":
            jacobians = [_slopes(activation, parameter, z[r : r + 1], y[r : r + 1]) for r in places]
            for r in places:
                self._connect(name, inner[r], targets[r], jacobians[r], upstream[r])
            upstream, targets = np.array([upstream[r] @ jacobians[r] for r in places]), inner
        elif layer.kind == "activation":
            for r in places:
                self._connect(name, sources[r], targets[r], np.eye(x.shape[1]), upstream[r])
        if layer.kind == "activation":
            return upstream.reshape(shape)
        weights = layer.weights
        kernel = _elements(f"{name}.kernel", weights["kernel"].shape)
        for r in places:
            for i, j in np.ndindex(kernel.shape):
                self._edge(name, kernel[i, j], targets[r, j], x[r, i], upstream[r, j])
        self.gradients[f"{name}.kernel"] = x.T @ upstream
        if "bias" in weights:
            bias = _elements(f"{name}.bias", weights["bias"].shape)
            for r, j in np.ndindex(upstream.shape):
                self._edge(name, bias[j], targets[r, j], 1.0, upstream[r, j])
            self.gradients[f"{name}.bias"] = upstream.sum(axis=0)
        for r in places:
            self._connect(name, sources[r], targets[r], weights["kernel"].T, upstream[r])
        down: Array = upstream @ weights["kernel"].T
        return down.reshape(shape)

    def _through_any(self, layer: Layer, source: str, x: Array, y: Array, upstream: Array) -> Array:
        """A layer as a whole: its Jacobian row by row, from the same row given once for each output."""
        alone, outputs = _alone(layer, self.model.dtype), y.size
        _, pullback = alone.vjp(np.repeat(x, outputs, axis=0))
        jacobian = flat(pullback(np.eye(outputs).reshape(outputs, *y.shape[1:]))[0])
        name = str(layer.name)
        sources, targets = _elements(source, x.shape[1:]).ravel(), _elements(f"{name}.y", y.shape[1:]).ravel()
        self._connect(name, sources, targets, jacobian, upstream.ravel(), sparse=True)
        _, pullback = alone.vjp(x)
        down, gradients = pullback(upstream)
        self.gradients |= gradients
        return down  # type: ignore[no-any-return]

    def _connect(
        self, layer: str, sources: Array, targets: Array, jacobian: Array, upstream: Array, sparse: bool = False
    ) -> None:
        """Edges from each of the elements of these names to each of the others; jacobian (targets, sources)."""
        diagonal = jacobian.shape[0] == jacobian.shape[1] and not (jacobian - np.diag(np.diag(jacobian))).any()
        for i in range(jacobian.shape[1]):
            for j in range(jacobian.shape[0]):
                if (sparse or diagonal) and i != j and jacobian[j, i] == 0:
                    continue
                self._edge(layer, sources[i], targets[j], jacobian[j, i], upstream[j])

    def _edge(self, layer: str, source: Any, target: Any, local: Any, upstream: Any) -> None:
        self.edges.append(Edge(layer, str(source), str(target), float(local), float(upstream)))


def _alone(layer: Layer, dtype: Any) -> Any:
    """A model of a copy of this layer, with its weights."""
    from densekit._layer import walk
    from densekit.model import Sequential

    owner = layer._owner() if layer._owner is not None else None
    assert owner is not None
    own = copy.deepcopy(layer)
    for one in walk([own]):
        one._name_given = True  # a layer alone would be called "dense" whatever its number
    model = Sequential([own], seed=0, dtype=dtype, engine=owner._engine_name)  # type: ignore[arg-type]
    assert layer.input_shape is not None
    model.build(layer.input_shape)
    names = {str(one.name) for one in walk([layer])}
    model.set_weights({key: value for key, value in owner.weights.items() if key.rsplit(".", 1)[0] in names})
    return model


def _activate(name: str, parameter: float, z: Array) -> Array:
    y: Array = getattr(F, ENTRIES[name].function)(z, **ENTRIES[name].options(parameter))
    return y


def _slopes(name: str, parameter: float, z: Array, y: Array) -> Array:
    """The Jacobian (outputs, inputs) of an activation for one row."""
    size = z.shape[1]
    entry = ENTRIES[name]
    function, options = getattr(F, f"{entry.function}_backward"), entry.options(parameter)
    if entry.of_rows:
        jacobian: Array = function(np.eye(size), np.repeat(y, size, axis=0), **options)
        return jacobian
    return np.diag(function(np.ones((1, size)), z if entry.saves == "z" else y, **options)[0])
