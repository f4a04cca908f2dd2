"""Central differences and the Taylor remainder for every operation with a gradient."""

from __future__ import annotations

import numpy as np
import pytest
from helpers import OPS

from densekit import _core

STEPS = 2.0 ** -np.arange(6, 14)


def taylor_slope(f, gradient, x, direction):
    """The slope of abs(f(x + h v) - f(x) - h <g, v>) in h on a log-log scale: 2 for a right gradient, 1 for a wrong one.

    None if the remainder is at round-off for every h, as for a linear function.
    """
    at = f(x)
    along = float(np.vdot(gradient, direction))
    remainders = np.array([abs(f(x + h * direction) - at - h * along) for h in STEPS])
    floor = 64 * np.finfo(np.float64).eps * max(abs(at), abs(along), 1.0)
    kept = remainders > floor
    if kept.sum() < 3:
        return None
    return float(np.polyfit(np.log(STEPS[kept]), np.log(remainders[kept]), 1)[0])


def check_gradient(f, gradient, x, rng, *, allowed=1e-6):
    """Both tests along random directions, and central differences for up to 20 single elements."""
    for _ in range(3):
        slope = taylor_slope(f, gradient, x, rng.normal(size=x.shape))
        assert slope is None or slope >= 1.9, f"Taylor remainder falls with slope {slope:.2f}, expected 2"
    h = 1e-5
    scale = max(1.0, float(np.abs(gradient).max(initial=0)))
    for flat in rng.permutation(x.size)[:20]:
        step = np.zeros_like(x)
        step.flat[flat] = h
        numeric = (f(x + step) - f(x - step)) / (2 * h)
        assert abs(numeric - gradient.flat[flat]) <= allowed * scale


def away_from_kinks(x, kinks=(-3.0, 0.0, 3.0), distance=0.5):
    """Moves elements that are near a kink away from it: there the one-sided slopes differ."""
    for kink in kinks:
        near = np.abs(x - kink) < distance
        x = np.where(near, kink + np.where(x < kink, -distance, distance), x)
    return x


BACKWARD = [o for o in OPS.values() if o.backward_of and o.family in ("activations", "softmax")]


@pytest.mark.parametrize("op", BACKWARD, ids=lambda o: o.name)
def test_backward_is_the_gradient_of_forward(op, level, rng):
    forward = OPS[op.backward_of].function
    x = away_from_kinks(rng.uniform(-4, 4, (5, 7)))
    dy = rng.normal(size=x.shape)
    keeps_input = op.family == "activations" and _core.saves_input(_core.Activation.__members__[op.backward_of])
    saved = x if keeps_input else forward(x)
    check_gradient(lambda z: float(np.vdot(dy, forward(z))), op.function(dy, saved), x, rng)


@pytest.mark.parametrize("op", [o for o in OPS.values() if o.gradient_of_first], ids=lambda o: o.name)
@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_loss_gradient(op, level, reduction, rng):
    call = op.domain(rng, np.float64, 40)
    rest, kwargs = call.args[1:], {**call.kwargs, "reduction": reduction}
    x = call.args[0]
    gradient = op.function(x, *rest, **kwargs)[1]
    check_gradient(lambda z: op.function(z, *rest, **kwargs)[0], gradient, x, rng)


@pytest.mark.parametrize("activation", [None, "relu", "gelu", "tanh", "mish"])
def test_dense_gradients(level, activation, rng):
    f = OPS["dense"].function
    x, w, b, dy = rng.normal(size=(5, 4)), rng.normal(size=(4, 3)), rng.normal(size=3), rng.normal(size=(5, 3))
    y, saved = f(x, w, b, activation=activation, return_saved=True)
    dx, dw, db = OPS["dense_backward"].function(dy, x, w, activation=activation, saved=saved)

    def along(x, w, b):
        return float(np.vdot(dy, f(x, w, b, activation=activation)))

    check_gradient(lambda v: along(v, w, b), dx, x, rng)
    check_gradient(lambda v: along(x, v, b), dw, w, rng)
    check_gradient(lambda v: along(x, w, v), db, b, rng)


def test_a_planted_factor_of_two_fails(rng):
    x = rng.uniform(-3, 3, 12)
    right = OPS["tanh_backward"].function(np.ones(12), np.tanh(x))

    def f(z):
        return float(np.tanh(z).sum())

    check_gradient(f, right, x, rng)
    assert taylor_slope(f, 2 * right, x, rng.normal(size=12)) < 1.2
    with pytest.raises(AssertionError, match="slope 1"):
        check_gradient(f, 2 * right, x, rng)
