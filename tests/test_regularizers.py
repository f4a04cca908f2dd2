"""Regularizers as objects: the penalty, the spec, and what scikit-learn finds under the same one."""

from __future__ import annotations

import json
import pickle

import numpy as np
import pytest

from densekit import regularizers
from densekit._reference_engine import ReferenceEngine
from densekit.losses import MeanSquaredError
from densekit.optimizers import SGD
from densekit.regularizers import L1, L1L2, L2, ElasticNet, sparsity

EXAMPLES = [
    L1(0.3),
    L1(0.3, mode="subgradient"),
    L2(0.3),
    L2(0.3, compat="keras"),
    L1L2(0.1, 0.2),
    ElasticNet(0.4, 0.3),
]


@pytest.mark.parametrize("regularizer", EXAMPLES, ids=str)
def test_spec_is_the_penalty(regularizer, rng):
    spec = regularizer.spec()
    assert set(spec) == {"l1", "l2", "proximal"}
    assert json.loads(json.dumps(spec)) == spec
    w = rng.normal(size=(4, 3))
    w[0] = 0
    value, gradient = regularizer(w)
    np.testing.assert_allclose(value, spec["l1"] * abs(w).sum() + spec["l2"] / 2 * (w**2).sum(), rtol=1e-14)
    np.testing.assert_allclose(gradient, spec["l1"] * np.sign(w) + spec["l2"] * w, rtol=1e-14)
    assert regularizer(w.astype(np.float32))[1].dtype == np.float32


@pytest.mark.parametrize(
    ("regularizer", "value"),
    [
        (L1(0.5), 1.5),
        (L2(0.5), 1.25),
        (L2(0.5, compat="keras"), 2.5),
        (L1L2(0.5, 0.5, compat="keras"), 4.0),
        (ElasticNet(0.5, 0.5), 1.375),
    ],
    ids=str,
)
def test_conventions(regularizer, value):
    assert regularizer([1.0, -2.0, 0.0])[0] == value


def test_scikit_learns_alpha_depends_on_the_batch():
    assert L2(0.5, compat="sklearn").per_weight
    assert L1L2(0.5, 0.5, compat="sklearn").per_weight
    assert not any(r.per_weight for r in EXAMPLES)


def fit(regularizer, x, y, *, factor=1.0, steps=20_000):
    """A dense layer without hidden ones, trained on all rows at once until it rests: (w, b)."""
    penalty = regularizer.spec()
    none = {"l1": 0.0, "l2": 0.0, "proximal": True}
    layer = {
        "kind": "dense", "name": "dense", "trainable": True, "units": 1, "bias": True, "activation": "identity",
        "parameter": 0.0, "kernel_initializer": {"kind": "zeros"}, "bias_initializer": {"kind": "zeros"},
        "kernel_penalty": penalty, "bias_penalty": none,
    }  # fmt: skip
    spec = {
        "version": 2, "dtype": "float64", "seed": 0, "inputs": x.shape[1], "layers": [layer], "heads": [],
        "loss": MeanSquaredError(factor=factor).spec_for("identity"), "optimizer": SGD(0.1).spec(),
        "clip_norm": None, "clip_value": None, "penalty_per_weight": regularizer.per_weight, "fuse": True,
        "precision": "highest",
    }  # fmt: skip
    engine = ReferenceEngine(json.dumps(spec), [])
    target = y[:, None]
    for step in range(steps):
        before = engine.parameters.copy()
        engine.step_on(x, target, None, 0.1)
        if step % 50 == 0 and np.abs(engine.parameters - before).max() < 1e-13:
            break
    return engine.parameters[: x.shape[1]].copy(), engine.parameters[engine.segments[1]["offset"]]


@pytest.fixture
def table(rng):
    x = rng.normal(size=(60, 8))
    return x, x[:, :3] @ [2.0, -1.0, 0.5] + 0.3 + 0.1 * rng.normal(size=60)


def test_lasso(table):
    linear_model = pytest.importorskip("sklearn.linear_model", reason="scikit-learn is not installed")
    theirs = linear_model.Lasso(alpha=0.1, tol=1e-12, max_iter=100_000).fit(*table)
    w, b = fit(L1(0.2), *table)
    np.testing.assert_allclose(w, theirs.coef_, atol=1e-6)
    np.testing.assert_allclose(b, theirs.intercept_, atol=1e-6)
    found = sparsity(w)
    assert found.zeros == (theirs.coef_ == 0).sum() > 0  # exact zeros
    hovering, _ = fit(L1(0.2, mode="subgradient"), *table, steps=2000)
    assert sparsity(hovering).zeros == 0  # they only come near


def test_ridge(table):
    linear_model = pytest.importorskip("sklearn.linear_model", reason="scikit-learn is not installed")
    theirs = linear_model.Ridge(alpha=60 * 0.5 / 2, tol=1e-12).fit(*table)
    w, b = fit(L2(0.5), *table)
    np.testing.assert_allclose(w, theirs.coef_, atol=1e-9)
    np.testing.assert_allclose(b, theirs.intercept_, atol=1e-9)


def test_elastic_net(table):
    linear_model = pytest.importorskip("sklearn.linear_model", reason="scikit-learn is not installed")
    theirs = linear_model.ElasticNet(alpha=0.3, l1_ratio=0.4, tol=1e-12, max_iter=100_000).fit(*table)
    w, b = fit(ElasticNet(0.3, 0.4), *table, factor=0.5)
    np.testing.assert_allclose(w, theirs.coef_, atol=1e-6)
    np.testing.assert_allclose(b, theirs.intercept_, atol=1e-6)


@pytest.mark.parametrize("regularizer", EXAMPLES, ids=str)
def test_config_and_pickle(regularizer):
    assert regularizers.get(json.loads(json.dumps(regularizer.config()))) == regularizer
    assert pickle.loads(pickle.dumps(regularizer)) == regularizer
    assert regularizers.get(regularizer) is regularizer


def test_names():
    assert regularizers.get("l1") == L1(0.01)
    assert regularizers.get("L1L2") == L1L2(0.01, 0.01) == regularizers.get("l1_l2")
    assert regularizers.get("elastic_net") == ElasticNet()


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: L1(-1), ValueError, "L1: lam"),
        (lambda: L2("0.1"), TypeError, "lam must be a number, got '0.1'"),
        (lambda: L1(mode="prox"), ValueError, "did you mean 'proximal'"),
        (lambda: L2(compat="pytorch"), ValueError, "did you mean 'torch'"),
        (lambda: L1L2(0.1, -0.1), ValueError, "l2"),
        (lambda: ElasticNet(1.0, 1.5), ValueError, "l1_ratio"),
        (lambda: regularizers.get("l3"), ValueError, "regularizer: name must be one of 'l1', 'l2'"),
        (lambda: regularizers.get(0.1), TypeError, "0.1"),
    ],
)
def test_refusals(make, error, message):
    with pytest.raises(error, match=message):
        make()


# How many weights are zero.


class Model:
    def __init__(self, arrays):
        self.arrays = arrays

    def get_weights(self):
        return self.arrays


def test_sparsity():
    arrays = [np.array([[0.0, 1.0], [-0.0, 2.0]]), np.zeros(3), np.ones((2, 5))]
    found = sparsity(Model(arrays))  # biases have no penalty and do not count
    assert found.rows == (("weights[0]", (2, 2), 2, 4), ("weights[2]", (2, 5), 0, 10))
    assert (found.zeros, found.size, found.share) == (2, 14, 2 / 14)
    assert str(found).splitlines()[-1].split() == ["all", "2", "14", "14.3", "%"]
    model = Model([])
    model.weights = {"dense.kernel": arrays[0], "dense.bias": arrays[1]}
    assert sparsity(model).rows == (("dense.kernel", (2, 2), 2, 4),)
    assert sparsity(arrays).size == 17
    assert sparsity([0.0, 1.0]).rows == (("weights[0]", (2,), 1, 2),)
    assert sparsity(np.zeros((0, 2))).share == 0
    with pytest.raises(TypeError, match="None"):
        sparsity(None)
