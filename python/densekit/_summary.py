"""What a model consists of and costs: shapes, parameters, floating-point operations, memory."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from densekit._layer import Layer, walk

if TYPE_CHECKING:
    from densekit.model import Sequential


_KINDS = ("parameter", "statistic")
_SAME_NUMBERS = ("flatten", "reshape")  # as came in: they have no memory of their own, and no gradient


@dataclass(frozen=True)
class LayerCost:
    """One layer: the shape of what it puts out, its numbers, and operations for one row."""

    name: str
    kind: str
    depth: int
    output_shape: tuple[int, ...]
    parameters: int
    trainable: int
    statistics: int
    forward_flops: int
    step_flops: int

    @property
    def outputs(self) -> int:
        """How many numbers it puts out for a row."""
        return math.prod(self.output_shape)


@dataclass(frozen=True)
class Summary:
    """Costs of a model; prints as a table.

    Multiplications and additions in the products of dense layers are counted, as everything else is small beside them:
    forward 2 · inputs · units for each row (and each place of its leading axes); a step three times that (the gradients
    of the kernel and of the input are two more products), without the gradient of the input for the first layer.
    Memory in bytes: parameters with statistics; what the optimizer adds (gradients and states); activations of one row
    in training (every layer's output and its gradient).
    """

    title: str
    input_shape: tuple[int, ...]
    layers: tuple[LayerCost, ...]
    dtype: str
    n_parameters: int
    n_trainable: int
    n_statistics: int
    forward_flops: int
    step_flops: int
    parameter_bytes: int
    optimizer_bytes: int
    activation_bytes: int

    def __repr__(self) -> str:
        rows = [("layer", "output", "parameters", "FLOP a row")]
        rows += [("input", _shape_text(self.input_shape), "", "")]
        for cost in self.layers:
            name = "  " * cost.depth + f"{cost.name} ({cost.kind})"
            frozen = " frozen" if cost.parameters and not cost.trainable else ""
            flops = f"{cost.forward_flops:,}" if cost.forward_flops else ""
            rows.append(
                (name, _shape_text(cost.output_shape), f"{cost.parameters:,}{frozen}" if cost.parameters else "", flops)
            )
        widths = [max(len(row[i]) for row in rows) for i in range(4)]
        lines = [
            f"{row[0]:<{widths[0]}}  {row[1]:<{widths[1]}}  {row[2]:>{widths[2]}}  {row[3]:>{widths[3]}}".rstrip()
            for row in rows
        ]
        rule = "-" * max(map(len, lines))
        total = [
            f"parameters: {self.n_parameters:,} ({self.n_trainable:,} trainable), statistics: {self.n_statistics:,}",
            f"FLOP for a row: {self.forward_flops:,} forward, {self.step_flops:,} in a training step",
            f"memory ({self.dtype}): {size_text(self.parameter_bytes)} weights, {size_text(self.optimizer_bytes)} "
            f"gradients and optimizer, {size_text(self.activation_bytes)} activations for a row in training",
        ]
        return "\n".join([self.title, rule, lines[0], rule, *lines[1:], rule, *total])


def _shape_text(shape: tuple[int, ...]) -> str:
    return f"(n, {', '.join(map(str, shape))})"


def size_text(size: int) -> str:
    """Bytes as people read them: 1024 is 1.0 KiB."""
    value = float(size)
    for unit in ("B", "KiB", "MiB"):
        if value < 1024:
            return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1024
    return f"{value:.1f} GiB"


def summarize(model: Sequential) -> Summary:
    engine = model._ready()
    segments = {
        str(layer.name): [s for s in engine.segments if s["layer"] == layer.name] for layer in walk(model.layers)
    }
    costs: list[LayerCost] = []

    def visit(layer: Layer, depth: int, first: bool) -> None:
        mine = segments[str(layer.name)]
        counts = {kind: sum(math.prod(s["shape"]) for s in mine if s["kind"] == kind) for kind in _KINDS}
        trainable = sum(math.prod(s["shape"]) for s in mine if s["kind"] == "parameter" and s["trainable"])
        assert layer.inputs is not None
        assert layer.output_shape is not None
        forward = 2 * layer.inputs * math.prod(layer.output_shape) if layer.kind == "dense" else 0
        costs.append(
            LayerCost(
                name=str(layer.name),
                kind=layer.kind,
                depth=depth,
                output_shape=layer.output_shape,
                parameters=counts["parameter"],
                trainable=trainable,
                statistics=counts["statistic"],
                forward_flops=forward,
                step_flops=forward * (2 if first else 3),
            )
        )
        for inner in layer.children():
            visit(inner, depth + 1, False)

    for i, layer in enumerate(model.layers):
        visit(layer, 0, all(before.kind in _SAME_NUMBERS for before in model.layers[:i]))
    item = model.dtype.itemsize
    parameters = sum(cost.parameters for cost in costs)
    statistics = sum(cost.statistics for cost in costs)
    widths = sum(cost.outputs for cost in costs if cost.kind not in _SAME_NUMBERS)
    return Summary(
        title=f"{model.name or 'Sequential'}: seed {model.seed}, {model.dtype.name}",
        input_shape=model.input_shape or (),
        layers=tuple(costs),
        dtype=model.dtype.name,
        n_parameters=parameters,
        n_trainable=sum(cost.trainable for cost in costs),
        n_statistics=statistics,
        forward_flops=sum(cost.forward_flops for cost in costs),
        step_flops=sum(cost.step_flops for cost in costs),
        parameter_bytes=item * (parameters + statistics),
        optimizer_bytes=item * parameters * (1 + len(engine.states)),
        activation_bytes=2 * item * widths,
    )
