"""Central differences and the Taylor remainder for every operation with a gradient."""

from __future__ import annotations

import inspect

import numpy as np
import pytest
from gradients import away_from_kinks, check_gradient, taylor_slope
from helpers import OPS
from test_activation_kinks import KINKS

from densekit import _core

BACKWARD = [o for o in OPS.values() if o.backward_of and o.family in ("activations", "softmax")]


@pytest.mark.parametrize("op", BACKWARD, ids=lambda o: o.name)
def test_backward_is_the_gradient_of_forward(op, level, rng):
    forward = OPS[op.backward_of].function
    kinks = [kink for name, number, kink, _ in KINKS if name == op.backward_of and number is None]
    x = away_from_kinks(rng.uniform(-4, 4, (5, 7)), kinks)
    dy = rng.normal(size=x.shape)
    keeps_input = op.family == "activations" and _core.saves_input(_core.Activation.__members__[op.backward_of])
    saved = x if keeps_input else forward(x)
    check_gradient(lambda z: float(np.vdot(dy, forward(z))), op.function(dy, saved), x, rng)


LOSSES = [
    (o, reduction)
    for o in OPS.values()
    if o.gradient_of_first
    for reduction in (("mean", "sum") if "reduction" in inspect.signature(o.function).parameters else (None,))
]


@pytest.mark.parametrize(("op", "reduction"), LOSSES, ids=lambda p: getattr(p, "name", p))
def test_loss_gradient(op, level, reduction, rng):
    """Losses with each reduction, and penalties, which have none."""
    call = op.domain(rng, np.float64, 40)
    rest, kwargs = call.args[1:], {**call.kwargs, **({} if reduction is None else {"reduction": reduction})}
    x = call.args[0]
    gradient = op.function(x, *rest, **kwargs)[1]
    check_gradient(lambda z: op.function(z, *rest, **kwargs)[0], gradient, x, rng)


@pytest.mark.parametrize("activation", [None, "relu", "gelu", "tanh", "mish"])
def test_dense_gradients(level, activation, rng):
    f = OPS["dense"].function
    x, w, b, dy = rng.normal(size=(5, 4)), rng.normal(size=(4, 3)), rng.normal(size=3), rng.normal(size=(5, 3))
    _, saved = f(x, w, b, activation=activation, return_saved=True)
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
