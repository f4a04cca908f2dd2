"""The gallery's recurrent network: gradients through time are right and have the norms that theory says."""

from __future__ import annotations

import runpy
from pathlib import Path

import numpy as np
import pytest

PAGE = Path(__file__).resolve().parent.parent / "examples" / "optimization" / "plot_12_recurrent.py"


@pytest.fixture(scope="module")
def page():
    matplotlib = pytest.importorskip("matplotlib", reason="matplotlib is missing")
    matplotlib.use("agg")
    return runpy.run_path(str(PAGE))


def test_gradients_through_time_equal_differences(page):
    rng = np.random.default_rng(0)
    w, b = page["network"](1.1, units=5, inputs=2)
    b = 0.1 * rng.normal(size=5)
    x, c = rng.normal(size=(6, 3, 2)), rng.normal(size=(3, 5))

    def loss(w, b):
        return float(np.sum(c * page["unroll"](w, b, x)[-1]))

    dw, db, _ = page["backward"](w, x, page["unroll"](w, b, x), c)
    h = 1e-6
    for gradient, which in ((dw, 0), (db, 1)):
        for i in np.ndindex(gradient.shape):
            at = [w.copy(), b.copy()], [w.copy(), b.copy()]
            at[0][which][i] += h
            at[1][which][i] -= h
            assert gradient[i] == pytest.approx((loss(*at[0]) - loss(*at[1])) / (2 * h), rel=1e-6, abs=1e-8)


def test_gradients_of_states_equal_differences(page):
    """∂L/∂h_t: the rest of the sequence, begun from a state that was moved a little."""
    rng = np.random.default_rng(1)
    w, b = page["network"](0.9, units=4, inputs=2)
    x, c = rng.normal(size=(5, 1, 2)), rng.normal(size=(1, 4))
    states = page["unroll"](w, b, x)
    back = page["backward"](w, x, states, c)[2]

    def rest(t, state):
        for x_t in x[t:]:
            state = np.tanh(np.hstack([x_t, state]) @ w + b)
        return float(np.sum(c * state))

    for t in range(6):
        for i in range(4):
            step = np.zeros((1, 4))
            step[0, i] = 1e-6
            numeric = (rest(t, states[t] + step) - rest(t, states[t] - step)) / 2e-6
            assert back[t, 0, i] == pytest.approx(numeric, rel=1e-6, abs=1e-9)


@pytest.mark.parametrize("factor", [0.5, 0.8, 1.0, 1.2])
def test_norms_follow_the_singular_values_where_tanh_is_straight(page, factor):
    x = 1e-7 * np.random.default_rng(2).normal(size=(30, 4, 3))
    w, b = page["network"](factor)
    back = page["backward"](w, x, page["unroll"](w, b, x), np.ones((4, 32)))[2]
    norms = np.linalg.norm(back, axis=(1, 2))
    np.testing.assert_allclose(norms[:-1] / norms[1:], factor, rtol=1e-6)


def test_singular_values_above_one_do_not_suffice_to_explode_and_those_below_one_bound(page):
    x = np.random.default_rng(3).normal(size=(30, 4, 3))
    for factor, inputs in ((1.2, 3 * x), (0.8, 3 * x), (0.8, 0.1 * x)):
        w, b = page["network"](factor)
        back = page["backward"](w, inputs, page["unroll"](w, b, inputs), np.ones((4, 32)))[2]
        norms = np.linalg.norm(back, axis=(1, 2))
        assert np.all(norms[:-1] <= factor * norms[1:] * (1 + 1e-12))
        if factor > 1:
            assert norms[0] < 1e-3 * norms[-1]


def test_clipping_bounds_the_step_and_brings_nothing_back(page):
    import densekit.functional as F

    x = 3 * np.random.default_rng(4).normal(size=(30, 4, 3))
    w, b = page["network"](1.2)
    states = page["unroll"](w, b, x)
    dw, db, back = page["backward"](w, x, states, 100 * np.ones((4, 32)))
    (cw, cb), norm = F.clip_by_global_norm([dw, db], 1.0)
    assert norm > 1
    assert np.hypot(np.linalg.norm(cw), np.linalg.norm(cb)) == pytest.approx(1.0)
    np.testing.assert_allclose(cw * norm, dw, rtol=1e-12)  # its direction is the same: early steps have no larger share
    assert np.linalg.norm(back[0]) < 1e-3 * np.linalg.norm(back[-1])
