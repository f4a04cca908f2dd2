"""Learning rates have the same bits on every machine: single operations of IEEE 754, whatever NumPy's give."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest

import densekit as dk
from densekit import schedules
from densekit._portable import cos_pi, power
from densekit.layers import Dense

SCHEDULES = {
    "Step": schedules.Step(0.1, step_size=3, gamma=0.7, unit="step"),
    "Exponential": schedules.Exponential(0.1, gamma=0.993, unit="step"),
    "Exponential, rising": schedules.Exponential(1e-4, gamma=1.01, unit="step"),
    "Cosine": schedules.Cosine(0.1, period=777, lr_min=0.003, unit="step"),
    "OneCycle": schedules.OneCycle(0.3, length=900),
    "WarmUp": schedules.WarmUp(schedules.Exponential(0.1, gamma=0.97, unit="step"), length=13),
}
# SHA-256 of the bits of the first thousand rates, little-endian; they may change with a line in the changelog only.
BITS = {
    "Step": "1e0dafc871241a67",
    "Exponential": "2eb910b22be58786",
    "Exponential, rising": "2fc4e8faa55a65e7",
    "Cosine": "e6f1f65892771e0d",
    "OneCycle": "8fc12a9541b89d75",
    "WarmUp": "f7df35543eeaa28a",
}


@pytest.mark.parametrize("name", SCHEDULES)
def test_the_bits_of_the_rates(name):
    rates = SCHEDULES[name].values(0, 1000, 10)
    assert hashlib.sha256(rates.astype("<f8").tobytes()).hexdigest()[:16] == BITS[name]


def off_by_some_ulp(function):
    """A function of NumPy on a machine whose last digits are others."""

    def other(*args, **kwargs):
        return function(*args, **kwargs) * (1 + 2**-50)

    return other


def rates_of_everything():
    """Every rate that densekit computes by itself: schedules, scikit-learn's "invscaling", the rates of lr_finder."""
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(60, 3)).astype(np.float32), rng.normal(size=(60, 1)).astype(np.float32)
    found = {name: schedule.values(0, 1000, 10) for name, schedule in SCHEDULES.items()}
    model = dk.Sequential([Dense(2, "relu"), Dense(1)], seed=0).compile("sgd", "mse")
    found["lr_finder"] = dk.lr_finder(model, X, y, steps=37).lrs
    try:
        from densekit.sklearn import MLPRegressor
    except ImportError:
        return found
    for power_t in (0.5, 0.3, 1, 1.7):
        one = MLPRegressor(hidden_layer_sizes=(3,), solver="sgd", learning_rate="invscaling", power_t=power_t)
        one.set_params(random_state=0)
        for epoch in range(1, 4):
            one.partial_fit(X, y.ravel())
            found[f"invscaling, {power_t}, {epoch}"] = np.array([c.sum() for c in one.coefs_])
    return found


def test_no_rate_comes_from_a_function_that_differs_between_machines(monkeypatch):
    before = rates_of_everything()
    for name in ("cos", "sin", "power", "float_power", "exp", "log", "log10", "exp2", "geomspace", "logspace"):
        monkeypatch.setattr(np, name, off_by_some_ulp(getattr(np, name)))
    after = rates_of_everything()
    for name, rates in before.items():
        np.testing.assert_array_equal(rates, after[name], err_msg=name)


def test_power_is_rounded_as_it_should_be():
    mp = pytest.importorskip("mpmath", reason="mpmath is not installed").mp
    rng = np.random.default_rng(1)
    with mp.workprec(400):
        for _ in range(100):
            near_one = 1 + rng.choice([-1, 1]) * 10.0 ** -rng.uniform(0.1, 9)
            base = float(rng.choice([rng.uniform(0, 2), near_one, 10.0 ** rng.uniform(-200, 200)]))
            n = np.floor(10 ** rng.uniform(0, 6, 20))
            for got, exponent in zip(power(base, n), n, strict=True):
                true = mp.mpf(base) ** int(exponent)
                if true >= mp.mpf(2) ** 1024:
                    assert got == np.inf
                else:
                    assert abs(mp.mpf(float(got)) - true) <= 0.50001 * float(np.spacing(got)), (base, exponent)
            for exponent in (0.5, 0.3, 1.7, 12.25, -0.75):
                true = mp.mpf(base) ** mp.mpf(exponent)
                if 1e-300 < true < 1e300:
                    assert abs(float(power(base, exponent)) / true - 1) < 1e-14, (base, exponent)


def test_power_at_the_edges():
    np.testing.assert_array_equal(power(0.0, np.array([0.0, 1, 2, 0.5])), [1, 0, 0, 0])
    np.testing.assert_array_equal(power(1.0, np.array([0.0, 1e6, 0.1, -3])), [1, 1, 1, 1])
    np.testing.assert_array_equal(power(2.0, np.array([-1.0, 0, 0.5, 1023, 1024])), [0.5, 1, 2**0.5, 2.0**1023, np.inf])
    np.testing.assert_array_equal(power(0.5, np.array([1074.0, 1075, 1e9])), [2.0**-1074, 0, 0])
    assert power(0.5, np.zeros(0)).shape == (0,)
    assert power(0.5, 3.0).shape == ()


def test_cos_pi():
    mp = pytest.importorskip("mpmath", reason="mpmath is not installed").mp
    x = np.concatenate([np.random.default_rng(0).uniform(0, 1, 3000), [0, 0.25, 0.5, 0.75, 1, 1e-20]])
    with mp.workprec(120):
        true = np.array([float(mp.cos(mp.pi * mp.mpf(float(v)))) for v in x])
    assert np.abs(cos_pi(x) - true).max() <= 2.0**-52
    np.testing.assert_array_equal(cos_pi(np.array([0, 0.5, 1])), [1, 0, -1])
