"""Backpropagation of one row, number by number: each edge with its local derivative times what comes from above."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from densekit import _evaluation as evaluation
from densekit import functional as F
from densekit._arrays import whole
from densekit._frames import labels
from densekit._intake import as_array
from densekit._layer import Layer
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

    x: (inputs,) or (1, inputs). y: its target. shown: edges of a layer that are printed; `edges` has all. Edges of one
    source add up. The loss is that of the data, without penalties. A softmax (or sigmoid) and its cross entropy are
    one edge each, with local derivative p − t, as they are computed. Layers other than Dense and Activation have an
    edge for each pair of input and output with a derivative that is not zero.

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
    row = x if labels(x) is not None else as_array(name, "x", x)
    row = row.reshape(1, -1) if len(row.shape) == 1 else row
    if len(row.shape) != 2 or len(row) != 1:
        raise ValueError(f"{name}: x is {row.shape}, expected one row; of a table write X[:1]")
    target = as_array(name, "y", y)
    if target.ndim == 0 or (target.ndim == 1 and len(target) != 1):
        target = target.reshape(1, -1) if target.ndim else target.reshape(1)
    evaluation.rows(model, name, row, target, None)
    twin_ = twin(model)
    rows = evaluation.rows(twin_, name, row, target, None)
    return _Pass(twin_, np.ascontiguousarray(rows.x, np.float64), rows.y).explanation(shown)


class _Pass:
    """Forward once, then back, layer by layer."""

    def __init__(self, model: Any, x: Array, y: Array) -> None:
        self.model, self.y = model, y
        self.loss_spec: dict[str, Any] = model._spec["loss"]
        self.values = {f"x[{i}]": float(v) for i, v in enumerate(x[0])}
        self.edges: list[Edge] = []
        self.gradients: dict[str, Array] = {}
        self.x = x

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
            y = _activate(name, parameter, z)
            if layer.kind == "dense" and name != "identity":
                self._note(f"{layer.name}.z", z)
        self._note(self._output_name(layer, linked), y)
        return z, y

    def _note(self, name: str, array: Array) -> None:
        self.values |= {f"{name}[{i}]": float(v) for i, v in enumerate(array[0])}

    def _from_loss(self, name: str, output: Array) -> tuple[Array, float]:
        """∂L/∂output, from an engine that has the loss alone."""
        model = self.model
        engine = model._ready()
        if self.loss_spec["link"]:
            local = self._linked_slope(engine.forward(self.x, False))
        else:
            _, local = model.loss(output, self.y)
            local = np.asarray(local, np.float64).reshape(output.shape)
        loss = float(engine.loss(self.x, self.y, None, False)[0])
        for i, slope in enumerate(local[0]):
            self.edges.append(Edge("loss", f"{name}[{i}]", "L", float(slope), 1.0))
        return local, loss

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
        name, target = str(layer.name), self._output_name(layer, linked)
        if activation != "identity":
            inner = f"{name}.z" if layer.kind == "dense" else source
            jacobian = _slopes(activation, parameter, z, y)
            self._connect(name, inner, target, jacobian, upstream)
            upstream, target = upstream @ jacobian, inner
        elif layer.kind == "activation":
            self._connect(name, source, target, np.eye(x.shape[1]), upstream)
        if layer.kind == "activation":
            return upstream
        weights = layer.weights
        for i in range(x.shape[1]):
            for j in range(upstream.shape[1]):
                self._edge(name, f"{name}.kernel[{i}, {j}]", f"{target}[{j}]", x[0, i], upstream[0, j])
        self.gradients[f"{name}.kernel"] = np.outer(x[0], upstream[0])
        if "bias" in weights:
            for j in range(upstream.shape[1]):
                self._edge(name, f"{name}.bias[{j}]", f"{target}[{j}]", 1.0, upstream[0, j])
            self.gradients[f"{name}.bias"] = upstream[0].copy()
        self._connect(name, source, target, weights["kernel"].T, upstream)
        down: Array = upstream @ weights["kernel"].T
        return down

    def _through_any(self, layer: Layer, source: str, x: Array, y: Array, upstream: Array) -> Array:
        """A layer as a whole: its Jacobian row by row, from the same row given once for each output."""
        alone, outputs = _alone(layer, self.model.dtype), y.shape[1]
        _, pullback = alone.vjp(np.repeat(x, outputs, axis=0))
        jacobian = pullback(np.eye(outputs))[0]
        name = str(layer.name)
        self._connect(name, source, f"{name}.y", jacobian, upstream, sparse=True)
        _, pullback = alone.vjp(x)
        down, gradients = pullback(upstream)
        self.gradients |= gradients
        return down  # type: ignore[no-any-return]

    def _connect(
        self, layer: str, source: str, target: str, jacobian: Array, upstream: Array, sparse: bool = False
    ) -> None:
        """Edges from each element of source to each of target; jacobian (targets, sources)."""
        diagonal = jacobian.shape[0] == jacobian.shape[1] and not (jacobian - np.diag(np.diag(jacobian))).any()
        for i in range(jacobian.shape[1]):
            for j in range(jacobian.shape[0]):
                if (sparse or diagonal) and i != j and jacobian[j, i] == 0:
                    continue
                self._edge(layer, f"{source}[{i}]", f"{target}[{j}]", jacobian[j, i], upstream[0, j])

    def _edge(self, layer: str, source: str, target: str, local: Any, upstream: Any) -> None:
        self.edges.append(Edge(layer, source, target, float(local), float(upstream)))


def _alone(layer: Layer, dtype: Any) -> Any:
    """A model of a copy of this layer, with its weights."""
    from densekit._layer import walk
    from densekit.model import Sequential

    owner = layer._owner() if layer._owner is not None else None
    assert owner is not None
    model = Sequential([copy.deepcopy(layer)], seed=0, dtype=dtype, engine=owner._engine_name)  # type: ignore[arg-type]
    assert layer.inputs is not None
    model.build(layer.inputs)
    names = {str(one.name) for one in walk([layer])}
    model.set_weights({key: value for key, value in owner.weights.items() if key.rsplit(".", 1)[0] in names})
    return model


def _activate(name: str, parameter: float, z: Array) -> Array:
    y: Array = getattr(F, name.removesuffix("_tanh"))(z, **_options(name, parameter))
    return y


def _slopes(name: str, parameter: float, z: Array, y: Array) -> Array:
    """The Jacobian (outputs, inputs) of an activation for one row."""
    size = z.shape[1]
    function = getattr(F, name.removesuffix("_tanh") + "_backward")
    if name in ("softmax", "log_softmax"):
        jacobian: Array = function(np.eye(size), np.repeat(y, size, axis=0), **_options(name, parameter))
        return jacobian
    from densekit import _core

    kind = _core.Activation.__members__[name]
    saved = z if _core.saves_input(kind) else y
    return np.diag(function(np.ones((1, size)), saved, **_options(name, parameter))[0])


def _options(name: str, parameter: float) -> dict[str, Any]:
    if name == "gelu_tanh":
        return {"approximate": "tanh"}
    key = {"leaky_relu": "slope", "elu": "alpha", "softmax": "temperature", "log_softmax": "temperature"}.get(name)
    return {} if key is None else {key: parameter}
