"""Laws that the native engine's gradients keep: central differences, and metamorphic laws.

Changes of the data, or of the network, whose effect on the loss and its gradient is known in advance.
"""

from __future__ import annotations

import json

import networks as net
import numpy as np
import pytest
from random_networks import Case

from densekit import _core

TOGETHER = 25
STEPS = (1e-3, 1e-4, 1e-5, 1e-6)


def kinds_of(layers):
    return {kind for one in layers for kind in ({one["kind"]} | kinds_of(one.get("layers", [])))}


def without(layers, kinds):
    kept = [one for one in layers if one["kind"] not in kinds]
    return [{**one, "layers": without(one["layers"], kinds)} if "layers" in one else one for one in kept]


class Network:
    """A random network in float64, with its data; changes are those of the spec. skip: kinds of layers left out."""

    def __init__(self, number, skip=(), **changes):
        self.case = case = Case(number, "float64")
        self.spec = {**json.loads(case.spec), "clip_norm": None, "clip_value": None, **changes}
        self.spec["layers"] = without(self.spec["layers"], skip)
        self.kinds, self.reduction = kinds_of(self.spec["layers"]), self.spec["loss"]["reduction"]
        self.x, self.y = case.x, case.y
        self.weights = np.ones(case.rows) if case.weights is None else case.weights
        self.engine = self.make()
        rng = np.random.default_rng(number)
        self.engine.statistics[:] = rng.uniform(0.5, 1.5, self.engine.statistics.shape)

    def make(self):
        return net.adapted(_core.NetworkFloat64(json.dumps(self.spec), []))

    def gradient(self, rows=slice(None), weights=None, y=None):
        """The loss and the gradient, with some of the rows."""
        w = (self.weights if weights is None else weights)[rows]
        y = self.y if y is None else y
        loss, _ = self.engine.gradient(np.ascontiguousarray(self.x[rows]), np.ascontiguousarray(y[rows]), w)
        return loss, self.engine.gradients.copy()


def assert_close(number, got, expected, allowed=1e-9):
    """Two pairs of a loss and a gradient."""
    assert got[0] == pytest.approx(expected[0], rel=allowed, abs=1e-12), number
    np.testing.assert_allclose(
        got[1], expected[1], rtol=allowed, atol=allowed * np.abs(expected[1]).max(initial=1e-6), err_msg=str(number)
    )


# Central differences.


def slopes(f, at, direction, h):
    """d f(at + t direction) / dt by four points, error O(h^4), and by one point on either side."""
    before, values = at.copy(), {}
    for k in (-2, -1, 0, 1, 2):
        at[...] = before + k * h * direction
        values[k] = f()
    at[...] = before
    central = (values[-2] - 8 * values[-1] + 8 * values[1] - values[2]) / (12 * h)
    return central, (values[0] - values[-1]) / h, (values[1] - values[0]) / h


def is_gradient(f, at, gradient, direction, allowed):
    """True, False, or None at a kink, where there is no gradient.

    Large steps cross kinks, small ones drown in rounding: a gradient that is right agrees with one of them, a wrong one
    with none. Whether there is a kink is seen from f alone: its slopes on the two sides differ; or, where they differ
    by little, from a gradient that is the slope of one side.
    """
    expected = float((gradient * direction).sum())
    size = np.linalg.norm(gradient)
    bound = allowed * size + 1e-11 * max(1.0, abs(f()))  # rounding, at the largest step
    for h in STEPS:
        central, left, right = slopes(f, at, direction, h)
        if abs(central - expected) <= bound:
            return True
    differ, of_a_side = abs(left - right), min(abs(left - expected), abs(right - expected))
    return None if differ > 1e-4 * size or of_a_side <= bound else False


@pytest.mark.parametrize("first", range(1000, 1500, TOGETHER))
def test_five_hundred_networks_against_central_differences(first):
    directions = kinks = 0
    for number in range(first, first + TOGETHER):
        network = Network(number)
        network.spec = json.loads(json.dumps(network.spec).replace('"proximal": true', '"proximal": false'))
        rng, case = np.random.default_rng(number), network.case
        allowed = 1e-5 if "batch_norm" in network.kinds else 1e-6
        for training in (True, False):
            engine = network.make()
            x, w = case.x.copy(), case.weights
            engine.gradient(x, case.y, w, training)
            objective = engine.gradients.copy()
            tape = engine.tape(x, training)
            dy = rng.normal(size=tape.output.shape)
            dx, dparameters = tape.pullback(dy)

            def loss(engine=engine, x=x, case=case, w=w, training=training):
                return sum(engine.loss(x, case.y, w, training))

            def product(engine=engine, x=x, dy=dy, training=training):
                return float((dy * engine.forward(x, training)).sum())

            checks = [(product, x, dx, rng.normal(size=x.shape))]
            for s in engine.segments:
                if s["kind"] == "parameter" and s["trainable"]:
                    place = slice(s["offset"], s["offset"] + int(np.prod(s["shape"])))
                    values = engine.parameters[place]
                    direction = rng.normal(size=values.shape)
                    checks.append((loss, values, objective[place], direction))
                    checks.append((product, values, dparameters[place], direction))
            for f, at, gradient, direction in checks:
                found = is_gradient(f, at, gradient, direction / np.linalg.norm(direction), allowed)
                assert found is not False, f"network {number}, training {training}, {at.shape}: {network.spec}"
                directions, kinks = directions + 1, kinks + (found is None)
    assert kinks <= 0.02 * directions  # a layer norm of one column, for one, puts exact zeros into relu


# What is known of changed data.

NUMBERS = [*range(100), *range(300, 400)]  # the latter have rows of several axes, too
RANDOM = ("dropout", "gaussian_noise")  # a function of the row's place in the batch


def test_the_order_of_rows_does_not_matter():
    for number in NUMBERS:
        network = Network(number, RANDOM)
        order = np.random.default_rng(number).permutation(network.case.rows)
        assert_close(number, network.gradient(order), network.gradient())


def test_a_row_twice_is_a_row_of_weight_two():
    done = 0
    for number in NUMBERS:
        network = Network(number, (*RANDOM, "batch_norm"))
        if network.reduction == "count":
            continue
        twice = [*range(network.case.rows), 1]
        weights = network.weights.copy()
        weights[1] *= 2
        assert_close(number, network.gradient(twice), network.gradient(weights=weights))
        done += 1
    assert done > 100


def test_a_row_of_weight_zero_is_no_row():
    for number in NUMBERS:
        network = Network(number, (*RANDOM, "batch_norm"))
        weights = network.weights.copy()
        weights[[0, 2]] = 0
        rest = np.delete(np.arange(network.case.rows), [0, 2])
        expected = network.gradient(rest)
        network.x = network.x.copy()
        network.x[2] = 1e3  # whatever it holds
        got = network.gradient(weights=weights)
        if network.reduction != "count":
            assert_close(number, got, expected)


@pytest.mark.parametrize("reduction", ["mean", "count", "sum"])
def test_a_batch_is_the_sum_of_its_halves(reduction):
    done = 0
    for number in NUMBERS:
        network = Network(number, (*RANDOM, "batch_norm"))
        text = json.dumps(network.spec["layers"]).replace("0.01", "0.0")  # no penalties: they do not depend on rows
        network.spec["layers"] = json.loads(text)
        network.spec["loss"]["reduction"] = reduction
        network.engine = network.make()
        if network.case.loss_kind == "rmse":
            continue
        cut = network.case.rows // 3
        parts = [slice(0, cut), slice(cut, None)]
        counts = {"mean": network.weights, "count": np.ones(network.case.rows), "sum": None}[reduction]
        shares = [1.0, 1.0] if counts is None else [counts[part].sum() / counts.sum() for part in parts]
        results = [network.gradient(part) for part in parts]
        both = [sum(s * r[k] for s, r in zip(shares, results, strict=True)) for k in (0, 1)]
        assert_close(number, both, network.gradient())
        done += 1
    assert done > 150


def test_a_factor_multiplies_and_weights_have_no_unit():
    for number in NUMBERS:
        network = Network(number, penalty_per_weight=False)
        loss, gradient = network.gradient()
        if network.reduction == "mean":
            assert_close(number, network.gradient(weights=8 * network.weights), (loss, gradient))
        other = Network(number, penalty_per_weight=False)
        other.spec["layers"] = json.loads(json.dumps(other.spec["layers"]).replace("0.01", "0.0"))
        other.engine = other.make()
        plain = other.gradient()
        other.spec["loss"]["factor"] *= 4
        other.engine = other.make()
        assert_close(number, other.gradient(), (4 * plain[0], 4 * plain[1]))


# What is known of a network with its columns in another order.


def test_outputs_and_their_targets_may_be_permuted():
    done = 0
    for number in NUMBERS:
        network = Network(number)
        last = network.spec["layers"][-1]
        if last["kind"] != "dense" or network.case.loss_kind in ("gaussian_nll", "laplace_nll"):
            continue
        expected = network.gradient()
        y, columns = network.y, network.case.outputs  # of the last axis
        order = np.random.default_rng(number).permutation(columns)  # new column j is old column order[j]
        y = np.argsort(order)[y] if y.ndim == 1 else y.reshape(-1, columns)[:, order].reshape(y.shape)
        gradient = expected[1].copy()
        for name in ("kernel", "bias"):
            for flat in (network.engine.parameters, gradient):
                part = net.segment(network.engine, last["name"], name, flat)
                part[...] = part[..., order].copy()
        assert_close(number, network.gradient(y=y), (expected[0], gradient))
        done += 1
    assert done > 100


@pytest.mark.parametrize("activation", ["relu", "gelu", "selu", "tanh", "softmax", "log_softmax"])
@pytest.mark.parametrize("norm", [net.batch_norm, net.layer_norm])
def test_hidden_units_may_be_permuted(rng, activation, norm):
    stack = [net.dense(23, activation, "in"), norm("norm"), net.residual([net.dense(23, "silu", "block")])]
    stack.append(net.dense(3, name="out"))
    engine = _core.NetworkFloat64(net.network(stack, 6, net.loss("mse"), net.optimizer("sgd")), [])
    x, y, order = rng.normal(size=(40, 6)), rng.normal(size=(40, 3)), rng.permutation(23)
    for s in engine.segments:
        net.segment(engine, s["layer"], s["name"])[...] = rng.uniform(0.5, 1.5, s["shape"])
    before = engine.gradient(x, y, None), engine.gradients.copy(), engine.forward(x)
    for flat in (engine.parameters, before[1]):
        for layer, name in (("in", "kernel"), ("in", "bias"), ("norm", "gamma"), ("norm", "beta"), ("block", "bias")):
            part = net.segment(engine, layer, name, flat)
            part[...] = part[..., order].copy()
        kernel, last = net.segment(engine, "block", "kernel", flat), net.segment(engine, "out", "kernel", flat)
        kernel[...], last[...] = kernel[order][:, order].copy(), last[order].copy()
    for s in engine.segments:
        if s["kind"] == "statistic":
            part = net.segment(engine, s["layer"], s["name"])
            part[...] = part[order].copy()
    assert engine.gradient(x, y, None) == pytest.approx(before[0], rel=1e-12)
    np.testing.assert_allclose(engine.gradients, before[1], rtol=1e-9, atol=1e-10)
    np.testing.assert_allclose(engine.forward(x), before[2], rtol=1e-11)
