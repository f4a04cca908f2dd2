"""Initial values: both engines draw the same; the distributions and orthogonality themselves."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from densekit import _core
from densekit._reference_engine.initializers import initial_values

GLOROT = {"kind": "variance_scaling", "scale": 1.0, "mode": "fan_avg", "distribution": "uniform"}
KINDS = [
    {"kind": "zeros"}, {"kind": "ones"}, {"kind": "given"}, {"kind": "constant", "value": -2.5},
    {"kind": "uniform", "low": -1.0, "high": 3.0}, {"kind": "normal", "mean": 1.0, "std": 0.25},
    {"kind": "truncated_normal", "mean": -1.0, "std": 2.0}, GLOROT,
    GLOROT | {"scale": 2.0, "mode": "fan_in", "distribution": "normal"},
    GLOROT | {"mode": "fan_out", "distribution": "truncated_normal"},
]  # fmt: skip
SHAPES = [(0,), (1,), (3,), (4,), (5, 7), (16, 17), (130, 9), (9, 130), (97, 97), (400, 50), (2, 3, 4), ()]


def native(kind, shape, dtype=np.float64, seed=2**63 + 5, segment=3, fans=(10, 20)):
    out = np.full(shape, np.nan, dtype)
    _core.initialize(kind, seed, segment, float(fans[0]), float(fans[1]), out)
    return out


def reference(kind, shape, seed=2**63 + 5, segment=3, fans=(10, 20)):
    return initial_values(kind, shape, seed=seed, segment=segment, fans=fans)


def assert_same(got, expected, allowed=1e-12):
    if got.dtype == np.float64:
        np.testing.assert_allclose(got, expected, rtol=allowed, atol=allowed)
    else:  # one unit in the last place: the float64 values may lie on two sides of a midpoint
        assert (np.abs(got - expected) <= np.spacing(np.abs(expected).astype(np.float32)) + allowed).all()


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_the_engines_agree(kind, shape, dtype, level):
    assert_same(native(kind, shape, dtype), reference(kind, shape))


@pytest.mark.parametrize("kind", KINDS[4:8], ids=str)
def test_many_elements_any_threads(kind, level, threads_forced):
    """Whole pieces, cut anywhere, whoever draws them; a seed and a segment for each."""
    threads_forced(1)
    one = native(kind, 70_001, seed=9, segment=2**20 - 1)
    assert_same(one, reference(kind, (70_001,), seed=9, segment=2**20 - 1))
    threads_forced(3)
    np.testing.assert_array_equal(native(kind, 70_001, seed=9, segment=2**20 - 1), one)
    assert not np.array_equal(native(kind, 70_001, seed=9, segment=4), one)
    assert not np.array_equal(native(kind, 70_001, seed=9 + 2**32, segment=2**20 - 1), one)


@pytest.mark.parametrize("shape", [s for s in SHAPES if len(s) == 2], ids=str)
def test_orthogonal(shape, dtype, level):
    """Both orthonormalise the same normal matrix; an error of eps in it is magnified by its condition."""
    kind = {"kind": "orthogonal", "gain": 1.5}
    drawn = reference({"kind": "normal", "mean": 0.0, "std": 1.0}, shape)
    allowed = max(1e-12, 4 * np.finfo(np.float64).eps * np.linalg.cond(drawn) * max(shape) ** 0.5)
    got = native(kind, shape, dtype)
    assert_same(got, reference(kind, shape), allowed)
    q = got.astype(np.float64) / 1.5
    gram = q.T @ q if shape[0] >= shape[1] else q @ q.T
    np.testing.assert_allclose(gram, np.eye(min(shape)), atol=4 * max(shape) ** 0.5 * np.finfo(dtype).eps)


@pytest.mark.parametrize("shape", [(1, 1), (1, 5), (5, 1), (0, 4), (300, 300)], ids=str)
def test_orthogonal_edges(shape):
    q = native({"kind": "orthogonal", "gain": 1.0}, shape)
    gram = q.T @ q if shape[0] >= shape[1] else q @ q.T
    np.testing.assert_allclose(gram, np.eye(min(shape)), atol=1e-14 * max(shape))


def test_orthogonal_bits_do_not_depend_on_threads(level, threads_forced):
    kind = {"kind": "orthogonal", "gain": 1.0}
    threads_forced(1)
    one = native(kind, (200, 150))
    threads_forced(3)
    np.testing.assert_array_equal(native(kind, (200, 150)), one)


@pytest.mark.parametrize(
    ("kind", "distribution"),
    [
        (KINDS[4], stats.uniform(-1, 4)),
        (KINDS[5], stats.norm(1, 0.25)),
        (KINDS[6], stats.truncnorm(-2, 2, -1, 2)),
        (KINDS[7], stats.uniform(-np.sqrt(0.2), 2 * np.sqrt(0.2))),
        (KINDS[8], stats.norm(0, np.sqrt(0.2))),
        (KINDS[9], stats.truncnorm(-2, 2, 0, np.sqrt(1 / 20) / 0.87962566103423978)),
    ],
    ids=lambda value: str(value) if isinstance(value, dict) else "",  # a frozen distribution prints its address
)
def test_distributions(kind, distribution):
    """Kolmogorov and Smirnov over 200,000 draws; the seed is fixed, so this fails for a wrong distribution only."""
    values = native(kind, 200_000, seed=1)
    assert stats.kstest(values, distribution.cdf).pvalue > 0.01
    assert values.std() == pytest.approx(distribution.std(), rel=0.01)


@pytest.mark.parametrize(
    ("kind", "shape", "message"),
    [
        ({"kind": "orthogonal", "gain": 1.0}, (3,), "an orthogonal initializer needs a matrix"),
        ({"kind": "glorot"}, (3,), 'kind is "glorot", which is none of variance_scaling, zeros'),
    ],
)
def test_refusals(kind, shape, message):
    with pytest.raises(ValueError, match=message):
        native(kind, shape)
