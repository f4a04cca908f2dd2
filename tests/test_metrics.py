"""Metrics: scikit-learn's numbers, the shapes that they take, names, and what a loss changes."""

from __future__ import annotations

import json
import pickle

import numpy as np
import pytest

from densekit import losses, metrics
from densekit.metrics import Metric

sklearn = pytest.importorskip("sklearn.metrics", reason="scikit-learn is not installed")
ROWS, CLASSES = 60, 4


@pytest.fixture(params=[False, True], ids=["plain", "weighted"])
def weight(request, rng):
    return rng.uniform(0, 2, ROWS) if request.param else None


@pytest.fixture
def several(rng):
    """Labels and probabilities of classes."""
    return rng.integers(0, CLASSES, ROWS), rng.dirichlet(np.ones(CLASSES), ROWS)


@pytest.fixture
def two(rng):
    """Labels 0 and 1 and probabilities with ties."""
    return rng.integers(0, 2, ROWS), rng.integers(1, 10, ROWS) / 10 + 0.01


@pytest.fixture
def numbers(rng):
    return rng.normal(size=(ROWS, 3)), rng.normal(size=(ROWS, 3))


def same(ours, theirs):
    np.testing.assert_allclose(ours, theirs, rtol=1e-12, atol=1e-15)


# Classes.


def test_accuracy(several, two, weight):
    y, p = several
    expected = sklearn.accuracy_score(y, p.argmax(1), sample_weight=weight)
    for true in (y, y[:, None], y.astype(np.float32), np.eye(CLASSES)[y]):
        same(metrics.accuracy(true, p, sample_weight=weight), expected)
    same(metrics.accuracy(y, p.argmax(1), sample_weight=weight), expected)
    y, p = two
    expected = sklearn.accuracy_score(y, p > 0.5, sample_weight=weight)
    for true, pred in ((y, p), (y[:, None], p[:, None]), (2 * y - 1, p), (y == 1, p.astype(np.float32))):
        same(metrics.accuracy(true, pred, sample_weight=weight), expected)
    same(metrics.accuracy(y, p - 0.5, threshold=0, sample_weight=weight), expected)
    same(metrics.accuracy(y, np.column_stack([1 - p, p]), sample_weight=weight), expected)


def test_binary_accuracy(rng, weight):
    y, p = rng.integers(0, 2, (ROWS, 3)), rng.uniform(size=(ROWS, 3))
    right = ((p > 0.5) == y).mean(axis=1)
    same(metrics.binary_accuracy(y, p, sample_weight=weight), np.average(right, weights=weight))
    same(metrics.binary_accuracy(y, p - 0.5, threshold=0, sample_weight=weight), np.average(right, weights=weight))
    with pytest.raises(ValueError, match=r"\(60, 3\) but y_pred is \(60,\)"):
        metrics.binary_accuracy(y, p[:, 0])


@pytest.mark.parametrize("k", [1, 2, 3, 4, 9])
def test_top_k(several, weight, k):
    y, p = several
    expected = sklearn.top_k_accuracy_score(y, p, k=k, sample_weight=weight) if k < CLASSES else 1.0
    same(metrics.top_k(y, p, k=k, sample_weight=weight), expected)
    same(metrics.top_k(np.eye(CLASSES)[y], p, k=k), metrics.top_k(y, p, k=k))


@pytest.mark.parametrize("average", ["macro", "micro", "weighted", None])
@pytest.mark.parametrize("name", ["precision", "recall", "f1"])
def test_precision_recall_f1(name, average, several, weight):
    y, p = several
    y = np.where(y == 3, 0, y)  # a class that only occurs among the predictions
    theirs = getattr(sklearn, f"{name}_score")
    expected = theirs(y, p.argmax(1), average=average, sample_weight=weight, zero_division=0)
    same(getattr(metrics, name)(y, p, average=average, sample_weight=weight), expected)


@pytest.mark.parametrize("name", ["precision", "recall", "f1"])
def test_precision_recall_f1_of_two(name, two, weight):
    y, p = two
    expected = getattr(sklearn, f"{name}_score")(y, p > 0.5, sample_weight=weight)
    ours = getattr(metrics, name)
    same(ours(y, p, sample_weight=weight), expected)
    same(ours(y, p, average="binary", sample_weight=weight), expected)
    same(ours(y, np.column_stack([1 - p, p]), average="binary", sample_weight=weight), expected)
    assert ours(np.zeros(3, int), np.zeros(3)) == 0  # nothing to divide by
    with pytest.raises(ValueError, match=r"binary.*\[0, 1, 2\]"):
        ours([0, 1, 2], [0, 1, 2], average="binary")


def test_roc_auc(two, weight):
    y, p = two
    expected = sklearn.roc_auc_score(y, p, sample_weight=weight)
    for true, pred in ((y, p), (2 * y - 1, p[:, None]), (y, np.column_stack([1 - p, p])), (y, 10 * p - 7)):
        same(metrics.roc_auc(true, pred, sample_weight=weight), expected)


@pytest.mark.parametrize("average", ["macro", "weighted"])
def test_roc_auc_of_several(several, weight, average):
    y, p = several
    if weight is None or average == "macro":
        expected = sklearn.roc_auc_score(y, p, multi_class="ovr", average=average, sample_weight=weight)
    else:  # scikit-learn weighs its classes by their counts, without the weights
        each = [sklearn.roc_auc_score(y == c, p[:, c], sample_weight=weight) for c in range(CLASSES)]
        expected = np.average(each, weights=np.bincount(y, weight))
    same(metrics.roc_auc(y, p, average=average, sample_weight=weight), expected)
    same(metrics.roc_auc(np.eye(CLASSES)[y], p, average=average, sample_weight=weight), expected)


def test_roc_auc_of_one_class():
    assert np.isnan(metrics.roc_auc([1, 1], [0.2, 0.3]))
    assert np.isnan(metrics.roc_auc([0, 1], [0.2, np.nan]))


@pytest.mark.parametrize("normalize", [None, "true", "pred", "all"])
def test_confusion_matrix(several, weight, normalize):
    y, p = several
    expected = sklearn.confusion_matrix(y, p.argmax(1), sample_weight=weight, normalize=normalize)
    found = metrics.confusion_matrix(y, p, sample_weight=weight, normalize=normalize)
    same(found, expected)
    assert found.dtype == (np.int64 if weight is None and normalize is None else np.float64)


def test_confusion_matrix_sizes():
    assert metrics.confusion_matrix([0, 1], [0, 0]).shape == (2, 2)
    assert metrics.confusion_matrix([0, 1], [0, 0], classes=5).shape == (5, 5)
    assert metrics.confusion_matrix([0, 0], [0.1, 0.2]).shape == (2, 2)
    with pytest.raises(ValueError, match="classes"):
        metrics.confusion_matrix([0, 3], [0, 0], classes=2)
    with pytest.raises(ValueError, match="the least label is -1"):
        metrics.confusion_matrix([0, -1], [0, 0])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_cross_entropy(several, two, weight, dtype):
    tolerance = {"rtol": 1e-5 if dtype == np.float32 else 1e-12}
    y, p = several
    expected = sklearn.log_loss(y, p, sample_weight=weight)
    for true in (y, np.eye(CLASSES)[y]):
        np.testing.assert_allclose(
            metrics.cross_entropy(true, p.astype(dtype), sample_weight=weight), expected, **tolerance
        )
    logits = metrics.cross_entropy(y, np.log(p).astype(dtype), from_logits=True, sample_weight=weight)
    np.testing.assert_allclose(logits, expected, **tolerance)
    y, p = two
    expected = sklearn.log_loss(y, p, sample_weight=weight)
    for pred in (p, p[:, None]):
        np.testing.assert_allclose(
            metrics.cross_entropy(y, pred.astype(dtype), sample_weight=weight), expected, **tolerance
        )
        value = metrics.binary_cross_entropy(y, pred.astype(dtype), sample_weight=weight)
        np.testing.assert_allclose(value, expected, **tolerance)


# Numbers.


@pytest.mark.parametrize("multioutput", ["uniform_average", "raw_values"])
@pytest.mark.parametrize(
    ("name", "theirs"),
    [
        ("mse", "mean_squared_error"),
        ("mae", "mean_absolute_error"),
        ("rmse", "root_mean_squared_error"),
        ("r2", "r2_score"),
    ],
)
def test_numbers(name, theirs, multioutput, numbers, weight):
    expected = getattr(sklearn, theirs)(*numbers, multioutput=multioutput, sample_weight=weight)
    same(getattr(metrics, name)(*numbers, multioutput=multioutput, sample_weight=weight), expected)
    true, pred = numbers[0][:, 0], numbers[1][:, :1]
    expected = getattr(sklearn, theirs)(true, pred, sample_weight=weight)
    same(getattr(metrics, name)(true, pred, sample_weight=weight), expected)


def test_rmse_is_one_root(numbers):
    same(metrics.rmse(*numbers), np.sqrt(((numbers[0] - numbers[1]) ** 2).mean()))
    true, pred = np.zeros(4), np.array([0.0, 0, 0, 2])
    assert metrics.rmse(true, pred) == 1  # where the mean of two batches' roots is 0.7
    same(metrics.rmse(np.float32([1e20]), np.float32([3e20])), float(np.float32(3e20)) - float(np.float32(1e20)))


def test_r2_of_constants(rng):
    for true, pred in (([1, 1], [1, 1]), ([1, 1], [1, 2])):
        same(metrics.r2(np.float64(true), pred), sklearn.r2_score(true, pred))
    true, pred = rng.normal(size=(9, 2)), rng.normal(size=(9, 2))
    true[:, 1] = 2
    for multioutput in ("uniform_average", "variance_weighted", "raw_values"):
        expected = sklearn.r2_score(true, pred, multioutput=multioutput)
        same(metrics.r2(true, pred, multioutput=multioutput), expected)
    assert np.isnan(metrics.r2([1.0], [1.0]))


# Refusals.


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: metrics.mse([1.0, 2.0], [[1.0, 2.0]]), ValueError, r"mse: y_true is \(2,\) but y_pred is \(1, 2\)"),
        (lambda: metrics.mse(np.zeros((2, 3)), np.zeros((2, 2))), ValueError, r"\(2, 3\) but y_pred is \(2, 2\)"),
        (lambda: metrics.mse([], []), ValueError, "no rows"),
        (lambda: metrics.accuracy([], []), ValueError, "no rows"),
        (lambda: metrics.cross_entropy([], np.zeros((0, 2))), ValueError, "no rows"),
        (lambda: metrics.mse(["a"], [1.0]), TypeError, "y_true"),
        (lambda: metrics.mse([1.0], [1.0], sample_weight=[-1]), ValueError, "-1"),
        (lambda: metrics.mse([1.0], [1.0], multioutput="mean"), ValueError, "multioutput"),
        (lambda: metrics.accuracy([0, 5], np.eye(2)), ValueError, r"y_true\[1\] is 5, expected a label from 0 to 1"),
        (lambda: metrics.accuracy([0, 0.5], np.eye(2)), ValueError, r"y_true\[1\] is 0.5"),
        (lambda: metrics.accuracy(np.zeros((2, 3)), np.eye(2)), ValueError, r"\(2, 3\)"),
        (lambda: metrics.accuracy(np.zeros((2, 3)), [0, 1]), ValueError, r"\(2, 3\)"),
        (lambda: metrics.top_k([0], [0.5]), ValueError, r"\(1,\), expected \(n, classes\)"),
        (lambda: metrics.f1([0], [0], average="mean"), ValueError, "average"),
        (lambda: metrics.cross_entropy([0], [[2.0, -1.0]]), ValueError, "from_logits"),
    ],
)
def test_refusals(call, error, message):
    with pytest.raises(error, match=message):
        call()


# By name.


def test_every_name(several):
    for name in metrics._FUNCTIONS:
        metric = metrics.get(name)
        assert metric.name == name
        assert metrics.get(json.loads(json.dumps(metric.config()))) == metric == pickle.loads(pickle.dumps(metric))
        assert repr(metric).startswith("Metric(")
    assert metrics.get("accuracy")(*several) == metrics.accuracy(*several)
    assert metrics.get(metric) is metric


def test_options_and_functions(several, weight):
    y, p = several
    assert metrics.get("top_3")(y, p) == metrics.top_k(y, p, k=3)
    macro = Metric("f1", "macro f1", average="macro")
    assert macro(y, p, weight) == metrics.f1(y, p, average="macro", sample_weight=weight)
    assert macro.name == "macro f1"
    largest = metrics.get(lambda y_true, y_pred: y_pred.max())
    assert largest(y, p) == p.max()
    with pytest.raises(TypeError, match="takes no sample_weight"):
        largest(y, p, np.ones(ROWS))
    with pytest.raises(TypeError, match="cannot be saved"):
        largest.config()
    with pytest.raises(ValueError, match=r"expected one number, got an array \(4,\)"):
        Metric("f1", average=None)(y, p)
    assert hash(macro) == hash(Metric("f1", "macro f1", average="macro"))


def test_losses_are_metrics_too(numbers):
    metric = metrics.get("huber")
    assert metric.name == "huber"
    same(metric(*numbers), losses.Huber()(numbers[1], numbers[0])[0])
    assert metrics.get(metric.config()) == metric == pickle.loads(pickle.dumps(metric))
    assert metrics.get(losses.Huber(2.0)).name == "Huber"


def test_unknown_names():
    with pytest.raises(ValueError, match="did you mean 'accuracy'"):
        metrics.get("accurracy")
    with pytest.raises(TypeError, match="3"):
        metrics.get(3)
    with pytest.raises(ValueError, match="class"):
        metrics.get({"class": "Huber"})


def test_a_loss_of_logits_moves_the_threshold(rng):
    z, y = rng.normal(size=(ROWS, 3)), rng.integers(0, 2, (ROWS, 3))
    logits = losses.BinaryCrossentropy(from_logits=True)
    p = 1 / (1 + np.exp(-z))
    for name in ("accuracy", "binary_accuracy"):
        same(metrics.get(name, logits)(y, z), metrics.binary_accuracy(y, p))
        assert metrics.get(name, logits).name == name
        same(metrics.get(name, losses.BinaryCrossentropy())(y, p), metrics.binary_accuracy(y, p))
    same(metrics.get("accuracy", losses.Hinge())(2 * y - 1, z), metrics.binary_accuracy(y, p))
    same(metrics.get("f1", logits)(y[:, 0], z[:, 0]), metrics.f1(y[:, 0], p[:, 0]))
    same(metrics.get("binary_crossentropy", logits)(y, z), metrics.binary_cross_entropy(y, p))
    same(
        metrics.get("log_loss", losses.CrossEntropy())(y[:, 0], z), metrics.cross_entropy(y[:, 0], z, from_logits=True)
    )
    metric = metrics.get("accuracy", logits)
    assert metrics.get(metric.config()) == metric


def test_ignored_rows_do_not_count(several, weight):
    y, p = several
    seen = y.copy()
    seen[::3] = -1
    kept = seen >= 0
    loss = losses.SparseCategoricalCrossentropy(ignore_index=-1)
    for name in ("accuracy", "top_2", "f1", "log_loss", "sparse_categorical_crossentropy", "kld"):
        metric = metrics.get(name, loss)
        if name == "kld":  # rows of probabilities have no label to ignore
            same(metric(np.eye(CLASSES)[y], p), metrics.get(name)(np.eye(CLASSES)[y], p))
            continue
        expected = metrics.get(name)(y[kept], p[kept], None if weight is None else weight[kept])
        same(metric(seen, p, weight), expected)
        assert metrics.get(metric.config(), loss) == metric == pickle.loads(pickle.dumps(metric))


def test_a_density_is_measured_at_its_locations(numbers, rng):
    density = losses.GaussianNLL()
    pred = np.hstack([numbers[1], rng.normal(size=(ROWS, 3))])
    metric = metrics.get("mae", density)
    same(metric(numbers[0], pred), metrics.mae(*numbers))
    same(metric(numbers[0], pred, np.ones(ROWS)), metrics.mae(*numbers))
    assert metrics.get(metric.config(), density) == metric == pickle.loads(pickle.dumps(metric))
