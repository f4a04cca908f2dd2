"""Initializers as objects: the spec, the variances and bounds it stands for, names, presets, values of the user's."""

from __future__ import annotations

import json
import math
import pickle

import numpy as np
import pytest

from densekit import initializers
from densekit._reference_engine.initializers import initial_values
from densekit.initializers import (
    Constant,
    Given,
    GlorotNormal,
    GlorotUniform,
    HeNormal,
    HeUniform,
    LecunNormal,
    LecunUniform,
    Normal,
    Ones,
    Orthogonal,
    TruncatedNormal,
    Uniform,
    VarianceScaling,
    Zeros,
)

CLASSES = [
    getattr(initializers, n) for n in initializers.__all__ if n[0].isupper() and n not in ("Initializer", "PRESETS")
]

# The fields of each kind, as docs/network.md lists them.
FIELDS = {
    "zeros": set(),
    "ones": set(),
    "constant": {"value"},
    "uniform": {"low", "high"},
    "normal": {"mean", "std"},
    "truncated_normal": {"mean", "std"},
    "variance_scaling": {"scale", "mode", "distribution"},
    "orthogonal": {"gain"},
    "given": set(),
}
FAN_IN, FAN_OUT = 30, 70


@pytest.mark.parametrize("make", CLASSES)
def test_spec_has_every_field_of_its_kind(make):
    spec = make().spec()
    assert set(spec) == {"kind"} | FIELDS[spec["kind"]]
    assert json.loads(json.dumps(spec)) == spec


def variance(initializer):
    spec = initializer.spec()
    return spec["scale"] / {"fan_in": FAN_IN, "fan_out": FAN_OUT, "fan_avg": (FAN_IN + FAN_OUT) / 2}[spec["mode"]]


@pytest.mark.parametrize(
    ("initializer", "bound"),
    [
        (GlorotUniform(), math.sqrt(6 / (FAN_IN + FAN_OUT))),
        (GlorotUniform(2.0), 2 * math.sqrt(6 / (FAN_IN + FAN_OUT))),
        (HeUniform(), math.sqrt(6 / FAN_IN)),
        (LecunUniform(), math.sqrt(3 / FAN_IN)),
        (initializers.preset("torch")[0], 1 / math.sqrt(FAN_IN)),
        (initializers.preset("torch")[1], 1 / math.sqrt(FAN_IN)),
        (initializers.preset("keras")[0], math.sqrt(6 / (FAN_IN + FAN_OUT))),
        (initializers.preset("sklearn")[1], math.sqrt(6 / (FAN_IN + FAN_OUT))),
        (initializers.preset("sklearn", "sigmoid")[0], math.sqrt(2 / (FAN_IN + FAN_OUT))),
    ],
)
def test_bounds(initializer, bound):
    assert initializer.spec()["distribution"] == "uniform"
    assert math.isclose(math.sqrt(3 * variance(initializer)), bound, rel_tol=1e-15)


@pytest.mark.parametrize(
    ("make", "expected"),
    [(GlorotNormal, 2 / (FAN_IN + FAN_OUT)), (HeNormal, 2 / FAN_IN), (LecunNormal, 1 / FAN_IN)],
)
def test_variances(make, expected):
    assert math.isclose(variance(make()), expected, rel_tol=1e-15)
    assert make().spec()["distribution"] == "truncated_normal"
    assert make(truncated=False).spec()["distribution"] == "normal"


@pytest.mark.parametrize(
    "initializer",
    [
        GlorotUniform(),
        GlorotNormal(),
        GlorotNormal(truncated=False),
        HeUniform(),
        HeNormal(),
        LecunNormal(),
        VarianceScaling(0.5, "fan_out", "normal"),
        initializers.preset("torch")[0],
    ],
    ids=str,
)
def test_moments(initializer):
    """Of 210,000 numbers: the mean within 4 sigma of 0, the variance within 4 sigma (1.3 %) of what is promised."""
    values = np.concatenate([draw(initializer, (FAN_IN, FAN_OUT), seed) for seed in range(100)])
    expected = variance(initializer)
    assert abs(values.mean()) < 4 * math.sqrt(expected / values.size)
    assert math.isclose(values.var(), expected, rel_tol=0.013)
    spec = initializer.spec()
    limit = {"uniform": math.sqrt(3), "truncated_normal": 2 / 0.87962566103423978, "normal": 10}[spec["distribution"]]
    assert np.abs(values).max() <= limit * math.sqrt(expected) * (1 + 1e-12)


def draw(initializer, shape, seed):
    return initial_values(initializer.spec(), shape, seed=seed, segment=0, fans=(FAN_IN, FAN_OUT))


@pytest.mark.parametrize(("initializer", "std"), [(Normal(1.0, 0.5), 0.5), (TruncatedNormal(1.0, 0.5), 0.5 * 0.8796)])
def test_moments_that_are_given(initializer, std):
    values = draw(initializer, (500, 400), 1)
    assert math.isclose(values.mean(), 1, abs_tol=4 * 0.5 / math.sqrt(200_000))
    assert math.isclose(values.std(), std, rel_tol=0.007)
    uniform = draw(Uniform(1.0, 3.0), (500, 400), 1)
    assert 1 <= uniform.min() < 1.001
    assert 2.999 < uniform.max() <= 3


@pytest.mark.parametrize("shape", [(30, 70), (70, 30), (5, 5)])
def test_orthogonal(shape):
    w = draw(Orthogonal(2.0), shape, 3)
    small = w @ w.T if shape[0] <= shape[1] else w.T @ w
    np.testing.assert_allclose(small, 4 * np.eye(min(shape)), atol=1e-12)


def test_torch_agrees():
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    w = torch.empty(FAN_OUT, FAN_IN, dtype=torch.float64)
    cases = [
        (torch.nn.init.xavier_uniform_, "xavier_uniform"),
        (torch.nn.init.xavier_normal_, "xavier_normal"),
        (lambda t: torch.nn.init.kaiming_uniform_(t, nonlinearity="relu"), "kaiming_uniform"),
        (lambda t: torch.nn.init.kaiming_normal_(t, nonlinearity="relu"), "kaiming_normal"),
    ]
    for theirs, name in cases:  # their sample's variance of 210,000 numbers is within 4 sigma (about 1.3%) of ours
        torch.manual_seed(0)
        sample = torch.stack([theirs(w).clone() for _ in range(100)]).var().item()
        assert math.isclose(sample, variance(initializers.get(name)), rel_tol=0.013), name


@pytest.mark.parametrize("make", [c for c in CLASSES if c is not Given])
def test_names_config_and_pickle(make):
    initializer = make()
    assert initializers.get(make.__name__) == initializer
    assert initializers.get(make) == initializer
    assert initializers.get(initializer) is initializer
    assert initializers.get(json.loads(json.dumps(initializer.config()))) == initializer
    assert pickle.loads(pickle.dumps(initializer)) == initializer


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("glorot_uniform", GlorotUniform()),
        ("random_normal", Normal()),
        ("he_normal", HeNormal()),
        ("kaiming_normal", HeNormal(truncated=False)),
        ("truncated_normal", TruncatedNormal()),
        ("zeros", Zeros()),
        (0.5, Constant(0.5)),
    ],
)
def test_get(name, expected):
    assert initializers.get(name) == expected


def test_arrays_and_functions():
    values = np.arange(6.0).reshape(2, 3)
    given = initializers.get(values)
    values[...] = 0  # the user's array may be used again
    np.testing.assert_array_equal(given.array((2, 3)), np.arange(6.0).reshape(2, 3))
    assert given.spec() == {"kind": "given"}
    np.testing.assert_array_equal(initializers.get([[1, 2]]).array((1, 2)), [[1, 2]])
    np.testing.assert_array_equal(initializers.get(np.ones).array((2,)), [1, 1])
    for draw in (lambda shape, rng: rng.normal(size=shape), lambda shape, *, rng: rng.normal(size=shape)):
        expected = np.random.default_rng(7).normal(size=(2, 2))
        np.testing.assert_array_equal(initializers.get(draw).array((2, 2), seed=7), expected)
    with pytest.raises(ValueError, match=r"the values are \(2, 3\), but the parameter is \(3, 2\)"):
        given.array((3, 2))
    with pytest.raises(ValueError, match="no values"):
        initializers.get(given.config()).array((2, 3))


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: Uniform(1, 0), ValueError, "Uniform: high"),
        (lambda: Normal(std=-1), ValueError, "std"),
        (lambda: Constant("a"), TypeError, "value"),
        (lambda: VarianceScaling(0), ValueError, "scale"),
        (lambda: VarianceScaling(mode="fan"), ValueError, "did you mean 'fan_in'|'fan_out'|'fan_avg'"),
        (lambda: HeNormal(truncated=1), TypeError, "truncated"),
        (lambda: Orthogonal(float("inf")), ValueError, "gain"),
        (lambda: initializers.get("glorot"), ValueError, "did you mean 'glorot_"),
        (lambda: initializers.get("torch"), ValueError, r"initializers.preset\('torch'\)"),
        (lambda: initializers.get(None), TypeError, "None"),
        (lambda: initializers.preset("tensorflow"), ValueError, "'torch', 'keras', 'sklearn'"),
        (lambda: Given(np.array(["a"])), TypeError, "values"),
    ],
)
def test_refusals(make, error, message):
    with pytest.raises(error, match=message):
        make()


def test_ones():
    assert Ones() == initializers.get("ones")
