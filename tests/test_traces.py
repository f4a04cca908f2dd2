"""Traces of random networks: the native engine beside the reference engine, step by step, on every instruction set.

There are 400, of which `make test` runs a part. Those from 300 on have rows of several axes, too.

The spread of a gradient (rounding_noise.py) says how well it is known at all. In float64 both engines run freely. An
optimizer that divides by the root of its own squares makes a whole step of a gradient that is nothing but rounding
errors. So each element may differ by 1e-9 and by as much as the reference's own update moves when the gradient of that
element moves within its bound. Elements that the latter moves by a thousandth of the former are then made equal again,
in that step and they alone, for what they carry would be spread to others. In float32 each step starts from the
reference's state.
"""

from __future__ import annotations

import json

import numpy as np
import pytest
from networks import adapted
from random_networks import Case
from rounding_noise import Noise, shown
from thorough import some

from densekit import _core
from densekit._reference_engine import ReferenceEngine

STEPS = 10
TOGETHER = 10  # networks of one test
CHUNKS = pytest.mark.parametrize("first", some(range(0, 300, TOGETHER), 3))
EPS32 = float(np.finfo(np.float32).eps)
RATES = 0.01 * 0.9 ** np.arange(STEPS)


class Trace:
    """What every level is compared with: a network, its batches, and the reference engine."""

    def __init__(self, number: int, dtype: str) -> None:
        self.number, self.case = number, Case(number, dtype)
        self.rng = np.random.default_rng([5, number])
        self.reference = self.engine("float64")
        if dtype == "float32":  # all states are numbers that both have
            self.reference.parameters[:] = self.reference.parameters.astype(np.float32)
        self.inside, self.trained = np.zeros((2, self.reference.parameters.size), bool)  # gaps hold nothing
        for s in self.reference.segments:
            if s["kind"] == "parameter":
                here = slice(s["offset"], s["offset"] + int(np.prod(s["shape"])))
                self.inside[here], self.trained[here] = True, s["trainable"]
        self.batches = [self.rng.permutation(self.case.rows)[: self.case.batch_size] for _ in range(STEPS)]

    def engine(self, dtype):
        return adapted(ReferenceEngine(json.dumps({**json.loads(self.case.spec), "dtype": dtype}), []))

    def batch(self, step, dtype):
        """x, y and weights of a step."""
        rows, case = self.batches[step], self.case
        y = case.y[rows]
        y = y.astype(dtype) if y.dtype.kind == "f" else y
        return case.x[rows].astype(dtype), y, None if case.weights is None else case.weights[rows]

    def __str__(self) -> str:
        spec = json.loads(self.case.spec)
        kinds = [(one["kind"], one.get("activation")) for one in spec["layers"]]
        return f"network {self.number} on {_core.active_level()}: {kinds}, {spec['loss']}, {spec['optimizer']}"


def state_of(engine):
    return [engine.parameters, engine.statistics, *engine.states]


def put(engine, state, step):
    for to, values in zip(state_of(engine), state, strict=True):
        to[:] = values
    engine.step = step


def copies(engine):
    return [a.copy() for a in state_of(engine)]


def update(reference, tape, gradient, rate, share, clip=True):
    """The parameters and states that an update with this gradient would leave; the engine stays as it is."""
    before, step, clipping = copies(reference), reference.step, reference._clip
    reference.gradients[:] = gradient
    if not clip:
        reference._clip = (None, None)
    reference._update([tape], rate, share)
    after = [reference.parameters.copy(), *(s.copy() for s in reference.states)]
    put(reference, before, step)
    reference._clip = clipping
    return after


def allowed_by_gradient(trace, bound, gradient, tape, rate, share, expected):
    """How far the update moves when each element of the gradient moves within its bound, for parameters and states."""
    norm = np.linalg.norm(gradient)
    clip_norm = trace.reference._clip[0]
    shrink = min(1.0, clip_norm / norm) if clip_norm is not None and norm > 0 else 1.0
    result = [np.zeros_like(e) for e in expected]
    value = trace.reference._clip[1]
    for moved in (gradient - bound, gradient + bound, np.where(np.abs(gradient) < bound, 0, gradient)):
        moved = moved * shrink  # the norm of all together does not depend on one
        if value is not None:
            moved = np.clip(moved, -value, value)
        for r, other, e in zip(
            result, update(trace.reference, tape, moved, rate, share, clip=False), expected, strict=True
        ):
            np.maximum(r, np.abs(other - e), out=r)
    return result


def close(trace, what, got, expected, allowed):
    error, allowed = np.abs(got - expected), np.broadcast_to(allowed, got.shape)
    wrong = ~(error <= allowed)
    if wrong.any():
        at = int(np.argmax(wrong))
        raise AssertionError(
            f"{trace}\n{what}, element {at}: {got.flat[at]!r}, expected {expected.flat[at]!r}, "
            f"error {error.flat[at]:.3g}, allowed {allowed.flat[at]:.3g}"
        )


def relative(expected, at_least=0.01):
    """1e-9 of each number, of 0.01 (the learning rate) if it is smaller."""
    return 1e-9 * np.maximum(np.abs(expected), at_least)


def free_run(trace, engines):
    """Ten updates of each engine in its own state; returns how many elements were updated, and how many made equal."""
    reference, noise = trace.reference, Noise(trace.case.spec, "float64")
    count = loose_count = 0
    for engine in engines.values():
        np.testing.assert_allclose(engine.parameters, reference.parameters, rtol=1e-12, atol=1e-15)
        put(engine, copies(reference), 0)
    inside, trained = trace.inside, trace.trained
    for step, rate in enumerate(RATES):
        x, y, weights = trace.batch(step, "float64")
        value, _, _, tape = reference._gradient(x, y, weights, True)
        if not np.isfinite(value):
            stops_alike(trace, engines, reference, x, y, weights)
            break
        gradient, share = reference.gradients.copy(), reference._share([y], [weights])
        before, committed = reference.statistics.copy(), shown(reference, x, y, weights)
        reference.statistics[:] = before
        bound = noise.bound(committed, reference, x, y, weights, trace.rng)[: gradient.size]
        expected = update(reference, tape, gradient, rate, share)
        allowed = allowed_by_gradient(trace, bound, gradient, tape, rate, share, expected)
        outputs = np.empty((len(x), reference.outputs))
        one_batch = np.arange(len(x)), len(x), np.array([rate])
        result = reference.epoch(x, y, weights, *one_batch, outputs=outputs)
        assert result["diverged"] is None, str(trace)
        loose = np.zeros_like(inside)
        for a, e in zip(allowed, expected, strict=True):
            loose |= a > 1e-3 * relative(e)
        count, loose_count = count + trained.sum(), loose_count + loose.sum()
        for name, engine in engines.items():
            _core.use_level(name)
            got_outputs = np.empty_like(outputs)
            got = engine.epoch(x, y, weights, *one_batch, outputs=got_outputs)
            assert (got["diverged"], got["steps"], engine.step) == (None, 1, reference.step), str(trace)
            for key in ("loss", "penalty"):
                close(trace, f"step {step}, {key}", np.array(got[key]), np.array(result[key]), relative(result[key]))
            close(trace, f"step {step}, output", got_outputs, outputs, relative(outputs))
            close(
                trace,
                f"step {step}, statistic",
                engine.statistics,
                reference.statistics,
                relative(reference.statistics),
            )
            names = ["parameter", *(f"state {k}" for k in range(len(engine.states)))]
            ours, theirs = ([e.parameters, *e.states] for e in (engine, reference))
            assert not engine.parameters[~inside].any(), str(trace)
            for what, got, expected, a in zip(names, ours, theirs, allowed, strict=True):
                bound = relative(expected) + a
                close(trace, f"step {step}, {what}", got[inside], expected[inside], bound[inside])
                got[loose] = expected[loose]
    return count, loose_count


def stops_alike(trace, engines, reference, x, y, weights):
    """The loss is not finite: no engine makes this step, and all name the same layer."""
    one_batch = np.arange(len(x)), len(x), np.array([0.01])
    expected = reference.epoch(x.astype(np.float64), y, weights, *one_batch)["diverged"]
    for engine in engines.values():
        before = copies(engine)
        assert engine.epoch(x, y, weights, *one_batch)["diverged"] == expected, str(trace)
        for a, b in zip(before, state_of(engine), strict=True):
            np.testing.assert_array_equal(a, b)


def native(trace, dtype):
    kind = _core.NetworkFloat32 if dtype == "float32" else _core.NetworkFloat64
    return adapted(kind(trace.case.spec, []))


@pytest.mark.parametrize("first", [*some(range(0, 300, TOGETHER), 3), *range(300, 360, TOGETHER)])
def test_ten_free_steps_in_float64(each_level, first):
    count = loose = 0
    for number in range(first, first + TOGETHER):
        trace = Trace(number, "float64")
        engines = {level: native(trace, "float64") for level in each_level()}
        done = free_run(trace, engines)
        count, loose = count + done[0], loose + done[1]
    assert loose <= 0.1 * count, f"{loose} of {count} elements were put equal again"


# float32


def allowed_by_rounding(reference, gradient, tape, rate, share, expected, roundings):
    """What functional.optimizers states: 2 ulp, and 4 eps of what is added, before anything cancels; for each result.

    roundings: of clipping and of the proximal step.
    """
    before, step = copies(reference), reference.step
    sizes = [np.zeros_like(e) for e in expected]
    signs = [(np.abs, np.abs), (lambda a: -np.abs(a), np.abs), (np.asarray, np.asarray)]
    for of_gradient, of_states in signs:
        put(reference, [0 * before[0], before[1], *(of_states(s) for s in before[2:])], step)
        for size, result in zip(sizes, update(reference, tape, of_gradient(gradient), rate, share), strict=True):
            np.maximum(size, np.abs(result), out=size)
    put(reference, before, step)
    tiny = float(np.finfo(np.float32).smallest_normal)  # smaller results are flushed to zero
    ulp, eps = (2 + roundings) * EPS32, (4 + roundings) * EPS32
    return [ulp * np.abs(e) + eps * size + tiny for e, size in zip(expected, sizes, strict=True)]


def restarted_run(trace, engines):
    """Ten updates, each from the reference's state; returns the relative errors of the gradients of each engine."""
    reference, noise = trace.reference, Noise(trace.case.spec, "float32")
    errors = {name: [] for name in [*engines, "reference"]}
    spec = json.loads(trace.case.spec)
    roundings = sum(spec[key] is not None for key in ("clip_norm", "clip_value")) + ('"l1": 0.01' in trace.case.spec)
    for step, rate in enumerate(RATES):
        state = [a.astype(np.float32) for a in copies(reference)]
        put(reference, state, step)
        x, y, weights = trace.batch(step, "float32")
        x64, y64, weights = trace.batch(step, "float64")
        value, _, _, tape = reference._gradient(x64, y64, weights, True)
        if not np.isfinite(value):
            stops_alike(trace, engines, reference, x, y, weights)
            break
        share = reference._share([y], [weights])
        truth = shown(reference, x64, y64, weights)
        put(reference, state, step)
        bound = noise.bound(truth, reference, x, y, weights, trace.rng) + EPS32 * np.abs(truth)
        size, gradient = reference.parameters.size, reference.gradients.copy()
        length = np.linalg.norm(gradient)
        plain = noise.shown(reference, x, y, weights)[:size]
        errors["reference"].append(np.linalg.norm(plain - gradient) / max(length, 1e-30))
        one_batch = np.arange(len(x)), len(x), np.array([rate])
        for name, engine in engines.items():
            _core.use_level(name)
            put(engine, state, step)
            engine.gradient(x, y, weights)
            mine = engine.gradients.copy()
            outputs = np.empty((len(x), engine.outputs), np.float32)
            result = engine.epoch(x, y, weights, *one_batch, outputs=outputs)
            assert (result["diverged"], engine.step) == (None, step + 1), str(trace)
            numbers = [mine, engine.statistics, outputs.ravel(), [result["loss"], result["penalty"]]]
            got = np.concatenate([np.asarray(a, np.float64) for a in numbers])
            close(trace, f"step {step}, of gradient, statistics, outputs, loss and penalty", got, truth, bound)
            errors[name].append(np.linalg.norm(mine - gradient) / max(length, 1e-30))
            expected = update(reference, tape, mine.astype(np.float64), rate, share)
            allowed = allowed_by_rounding(reference, mine.astype(np.float64), tape, rate, share, expected, roundings)
            names = ["parameter", *(f"state {k}" for k in range(len(engine.states)))]
            for what, g, e, a in zip(names, [engine.parameters, *engine.states], expected, allowed, strict=True):
                close(
                    trace, f"step {step}, {what}", g[trace.inside].astype(np.float64), e[trace.inside], a[trace.inside]
                )
        reference.gradients[:] = gradient
        reference._update([tape], rate, share)
    return errors


@CHUNKS
def test_float32_from_the_same_state(each_level, first):
    """Gradients within their bound, updates of the same gradients within theirs.

    And the error of a gradient, its length over the gradient's, is at most 4 times that of NumPy in float32, in the
    median of ten steps (one may have a sign that NumPy's rounding happened to get right), or a few roundings.
    """
    for number in range(first, first + TOGETHER):
        trace = Trace(number, "float32")
        errors = restarted_run(trace, {level: native(trace, "float32") for level in each_level()})
        theirs = np.median(errors.pop("reference"))
        for level, ours in errors.items():
            assert np.median(ours) <= 4 * theirs + 4 * EPS32, (
                f"{trace} ({level}): {np.median(ours):.3g}, NumPy {theirs:.3g}"
            )
