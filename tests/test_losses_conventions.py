"""What losses divide by, in whose words: weights of nothing, ignored rows, and the ways of Keras and PyTorch.

The numbers of the other libraries are written down; where a library is installed, it is asked for more of them.
"""

from __future__ import annotations

import itertools
import math
import os

import numpy as np
import pytest

import densekit
import densekit.functional as F
import densekit.reference as R
from densekit import losses
from densekit.layers import Dense

Z = np.array([[1.0, -0.5, 0.25], [0.0, 2.0, -1.0], [-1.5, 0.5, 1.0], [0.75, 0.25, -0.25]])
LABELS = np.array([0, 2, 1, 1])
SHARES = np.array([[0.2, 0.5, 0.3], [0.7, 0.2, 0.1], [0.1, 0.1, 0.8], [0.25, 0.25, 0.5]])
OF_CLASS = np.array([1.0, 2.0, 0.5])
UNEVEN = np.array([[0.2, 0.5, 0.9], [0.7, 0.2, 0.1], [0.1, 0.1, 0.2], [0.25, 0.75, 0.5]])  # rows that do not sum to 1
BOTH = pytest.mark.parametrize("module", [F, R], ids=["functional", "reference"])
CLASSES = [getattr(losses, name) for name in losses.__all__ if name not in ("Loss", "HostLoss", "get")]


def sample(cls, rng, rows=5):
    """Predictions and targets that a loss of this class takes."""
    p = rng.dirichlet(np.ones(4), rows)
    kind = cls.kind
    if kind in ("softmax_cross_entropy", "nll"):
        soft = cls.__name__ == "CategoricalCrossentropy"
        pred = p if cls.__name__.endswith("CategoricalCrossentropy") or soft else np.log(p)
        return pred, np.eye(4)[rng.integers(0, 4, rows)] if soft else rng.integers(0, 4, rows)
    if kind == "multiclass_hinge":
        return np.log(p), rng.integers(0, 4, rows)
    if kind in ("gaussian_nll", "laplace_nll"):
        return np.log(p), rng.normal(size=(rows, 2))
    if kind == "hinge":
        return np.log(p), rng.choice([-1.0, 1.0], p.shape)
    return p, rng.dirichlet(np.ones(4), rows)


# Nothing that weighs anything.


@pytest.mark.parametrize("cls", CLASSES, ids=lambda c: c.__name__)
@pytest.mark.parametrize("reduction", ["mean", "count", "sum", "none"])
def test_weights_of_zero_alone_give_zero(cls, reduction, dtype, rng):
    pred, target = sample(cls, rng)
    pred[0] = np.nan  # such a row may hold anything
    if cls.__name__.endswith("CategoricalCrossentropy"):
        pred[0] = 0.5
    if reduction == "none" and cls.kind == "rmse":
        return
    loss, gradient = cls()(pred.astype(dtype), target, sample_weight=np.zeros(len(pred)), reduction=reduction)
    assert not np.any(loss)
    assert np.shape(loss) == ((len(pred),) if reduction == "none" else ())
    assert gradient.dtype == dtype
    assert gradient.shape == pred.shape
    assert not gradient.any()


@BOTH
@pytest.mark.parametrize(
    "call",
    [
        lambda m, **k: m.mse(Z, SHARES, **k),
        lambda m, **k: m.rmse(Z, SHARES, **k),
        lambda m, **k: m.gaussian_nll(np.hstack([Z, Z]), SHARES, **k),
        lambda m, **k: m.hinge(Z, LABELS, **k),
        lambda m, **k: m.nll(Z, LABELS, **k),
        lambda m, **k: m.kl_divergence(SHARES, SHARES, **k),
        lambda m, **k: m.softmax_cross_entropy(Z, LABELS, **k),
        lambda m, **k: m.softmax_cross_entropy(Z, SHARES, label_smoothing=0.1, **k),
        lambda m, **k: m.softmax_cross_entropy(Z, SHARES, class_weight=OF_CLASS, compat="torch", **k),
    ],
)
def test_the_sum_over_nothing_is_zero_and_the_mean_an_error(module, call, level):
    loss, gradient = call(module, sample_weight=np.zeros(4), reduction="sum")
    assert loss == 0
    assert not gradient.any()
    if module is F:
        with pytest.raises(ValueError, match=r"every sample_weight is zero, so there is no mean"):
            call(module, sample_weight=np.zeros(4))


def test_class_weights_of_zero_alone(level):
    loss, gradient = F.softmax_cross_entropy(Z, LABELS, class_weight=np.zeros(3), reduction="sum")
    assert loss == 0
    assert not gradient.any()
    with pytest.raises(ValueError, match="every class_weight is zero"):
        F.softmax_cross_entropy(Z, LABELS, class_weight=np.zeros(3))


@pytest.mark.parametrize("options", [{"reduction": "sum"}, {"compat": "keras"}, {"reduction": "count"}])
def test_training_on_weights_of_zero(options, engine, dtype):
    model = densekit.Sequential([Dense(1, inputs=2)], seed=0, dtype=np.dtype(dtype).name)
    model.compile("sgd", losses.MeanSquaredError(**options), engine=engine)
    before = [w.copy() for w in model.get_weights()]
    X, y, nothing = np.ones((3, 2)), np.ones((3, 1)), np.zeros(3)
    assert float(dict(model.train_on_batch(X, y, sample_weight=nothing))["loss"]) == 0
    assert float(dict(model.evaluate(X, y, sample_weight=nothing))["loss"]) == 0
    model.fit(X, y, sample_weight=nothing, epochs=2, verbose=0)
    for a, b in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    model.compile("sgd", losses.MeanSquaredError(), engine=engine)
    for call in (model.train_on_batch, model.evaluate):
        with pytest.raises(ValueError, match="every sample_weight is zero, so there is no mean"):
            call(X, y, sample_weight=nothing)


# Keras.


def test_keras_counts_the_rows_that_are_not_ignored(engine, dtype):
    """keras.losses.SparseCategoricalCrossentropy(from_logits=True, ignore_class=1), Keras 3.15: of two rows."""
    weights = np.array([2.0, 0.0, 1.0, 1.0])
    for weight, expected in ((None, 1.848910927772522), (weights, 0.5279757380485535)):
        loss = losses.SparseCategoricalCrossentropy(from_logits=True, ignore_index=1, compat="keras")
        value, gradient = loss(Z.astype(dtype), LABELS, sample_weight=weight)
        assert value == pytest.approx(expected, rel=1e-6)
        assert not gradient[2:].any()
        # The same in a network whose outputs are Z.
        outputs = Dense(3, kernel_initializer=Z, use_bias=False, inputs=4)
        model = densekit.Sequential([outputs], seed=0, dtype=np.dtype(dtype).name).compile("sgd", loss, engine=engine)
        X = np.eye(4)
        assert dict(model.evaluate(X, LABELS, sample_weight=weight))["loss"] == pytest.approx(expected, rel=1e-6)
        parts = dict(model.evaluate(X, LABELS, sample_weight=weight, batch_size=3))
        assert parts["loss"] == pytest.approx(expected, rel=1e-6)
        kernel = model.layers[0].kernel.copy()
        assert dict(model.train_on_batch(X, LABELS, sample_weight=weight))["loss"] == pytest.approx(expected, rel=1e-6)
        np.testing.assert_allclose(kernel - model.layers[0].kernel, 0.01 * gradient, rtol=1e-4, atol=1e-7)
        # An epoch of batches of 3 and 1 rows, of which 2 and 0 count, with a rate of 0.
        model.set_weights([Z])
        model.set_lr(0.0)
        history = model.fit(X, LABELS, sample_weight=weight, batch_size=3, shuffle=False, epochs=1, verbose=0)
        assert history.history["loss"][0] == pytest.approx(expected, rel=1e-6)


def test_everything_ignored_is_zero(engine):
    loss = losses.CrossEntropy(ignore_index=2, compat="keras")
    value, gradient = loss(Z, np.full(4, 2))
    assert value == 0
    assert not gradient.any()
    model = densekit.Sequential([Dense(3, inputs=3)], seed=0).compile("sgd", loss, engine=engine)
    assert dict(model.train_on_batch(Z, np.full(4, 2)))["loss"] == 0


def test_a_saved_loss_counts_as_before(tmp_path):
    loss = losses.SparseCategoricalCrossentropy(from_logits=True, ignore_index=1, compat="keras")
    model = densekit.Sequential([Dense(3, inputs=3)], seed=0).compile("sgd", loss)
    model.save(tmp_path / "m.npz")
    again = densekit.load(tmp_path / "m.npz")
    assert again.loss == model.loss
    assert dict(again.evaluate(Z, LABELS)) == dict(model.evaluate(Z, LABELS))


def test_keras_divides_probabilities_by_their_sum(dtype, rng):
    """Keras 3.15; the gradient by differences."""
    loss, target = losses.CategoricalCrossentropy(label_smoothing=0.2, compat="keras"), np.eye(3)[LABELS]
    sparse = losses.SparseCategoricalCrossentropy(compat="keras")
    assert sparse(UNEVEN.astype(dtype), LABELS)[0] == pytest.approx(1.61536705493927, rel=1e-6)
    assert loss(UNEVEN.astype(dtype), target.astype(dtype))[0] == pytest.approx(1.5445587635040283, rel=1e-6)
    logarithms = np.log(8) + np.log(10) + np.log(4) + np.log(2)  # the shares are 1/8, 1/10, 1/4 and 1/2
    assert sparse(100 * UNEVEN, LABELS)[0] == pytest.approx(logarithms / 4, rel=1e-14)
    for made, y in ((loss, target), (sparse, LABELS)):
        _, gradient = made(UNEVEN, y)
        for at in np.ndindex(UNEVEN.shape):
            step = np.zeros_like(UNEVEN)
            step[at] = 1e-6
            slope = (made(UNEVEN + step, y)[0] - made(UNEVEN - step, y)[0]) / 2e-6
            assert gradient[at] == pytest.approx(slope, abs=1e-8)
    # Ours takes them as they are.
    plain = losses.SparseCategoricalCrossentropy()(UNEVEN, LABELS)[0]
    assert plain == pytest.approx(-np.log(UNEVEN[np.arange(4), LABELS]).mean(), rel=1e-12)
    with pytest.raises(ValueError, match="pred must be probabilities"):
        losses.SparseCategoricalCrossentropy()(2 * UNEVEN, LABELS)
    with pytest.raises(ValueError, match="pred must be probabilities"):
        sparse(-UNEVEN, LABELS)


def test_the_installed_keras_agrees(rng):
    os.environ.setdefault("KERAS_BACKEND", "torch")
    keras = pytest.importorskip("keras", reason="Keras is not installed")
    theirs, labels = keras.losses, rng.integers(0, 3, 12)
    p, z = rng.uniform(0.05, 0.9, (12, 3)), rng.normal(size=(12, 3))
    close = lambda a, b: np.testing.assert_allclose(float(a), float(b), rtol=1e-5, atol=1e-7)  # noqa: E731
    for smoothing in (0.0, 0.1):
        close(
            losses.CategoricalCrossentropy(label_smoothing=smoothing, compat="keras")(p, np.eye(3)[labels])[0],
            theirs.CategoricalCrossentropy(label_smoothing=smoothing)(np.eye(3)[labels], p),
        )
    for ignored, weight in itertools.product((None, 0, 1, -1), (None, rng.uniform(0, 2, 12), np.zeros(12))):
        for logits, pred in ((True, z), (False, p)):
            ours = losses.SparseCategoricalCrossentropy(from_logits=logits, ignore_index=ignored, compat="keras")
            close(
                ours(pred, labels, sample_weight=weight)[0],
                theirs.SparseCategoricalCrossentropy(from_logits=logits, ignore_class=ignored)(
                    labels, pred, sample_weight=weight
                ),
            )


# PyTorch.


@BOTH
@pytest.mark.parametrize(
    ("targets", "smoothing", "mean", "total"),
    [
        (LABELS, 0.0, 1.1856829467775887, 6.521256207276737),
        (LABELS, 0.1, 1.1794298140138681, 6.486863977076275),
        (SHARES, 0.0, 1.4918990466655169, 5.9675961866620675),
        (SHARES, 0.1, 1.497142489630768, 5.988569958523072),
    ],
)
def test_class_weights_as_pytorch_takes_them(module, level, dtype, targets, smoothing, mean, total):
    """torch.nn.functional.cross_entropy(Z, targets, weight=, label_smoothing=), torch 2.13."""
    options = {"class_weight": OF_CLASS, "label_smoothing": smoothing, "compat": "torch"}
    z, rel = Z.astype(dtype), 1e-13 if dtype == np.float64 else 1e-6
    assert module.softmax_cross_entropy(z, targets, **options)[0] == pytest.approx(mean, rel=rel)
    assert module.softmax_cross_entropy(z, targets, reduction="sum", **options)[0] == pytest.approx(total, rel=rel)
    rows, _ = module.softmax_cross_entropy(z, targets, reduction="none", **options)
    assert rows.sum(dtype=np.float64) == pytest.approx(total, rel=rel)
    # Without class weights, and of labels without smoothing, there is one way.
    for same in ({"label_smoothing": smoothing}, {"class_weight": OF_CLASS}):
        if "class_weight" in same and targets is SHARES:
            continue
        one, other = (module.softmax_cross_entropy(Z, targets, **same, **more)[0] for more in ({}, {"compat": "torch"}))
        assert one == pytest.approx(other, rel=1e-14)


@BOTH
def test_the_installed_pytorch_agrees(module, rng):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    labels, z, p = rng.integers(0, 5, 9), rng.normal(size=(9, 5)), rng.dirichlet(np.ones(5), 9)
    scores = torch.tensor(z, requires_grad=True)
    of_class = rng.uniform(0.1, 3, 5)
    of_class[2] = 0
    for targets, smoothing, reduction, ignored in itertools.product(
        (labels, p), (0.0, 0.1, 0.7), ("mean", "sum", "none"), (None, int(labels[0]), -100)
    ):
        if targets is p and ignored is not None:
            continue
        theirs = torch.nn.functional.cross_entropy(
            scores,
            torch.tensor(targets),
            weight=torch.tensor(of_class),
            label_smoothing=smoothing,
            reduction=reduction,
            **({} if ignored is None else {"ignore_index": ignored}),
        )
        (slope,) = torch.autograd.grad(theirs.sum(), scores)
        loss, gradient = module.softmax_cross_entropy(
            z,
            targets,
            class_weight=of_class,
            label_smoothing=smoothing,
            ignore_index=ignored,
            reduction=reduction,
            compat="torch",
        )
        np.testing.assert_allclose(loss, theirs.detach().numpy(), rtol=1e-12)
        np.testing.assert_allclose(gradient, slope.numpy(), rtol=1e-11, atol=1e-14)


def test_compat_torch_checks_what_it_is_given():
    with pytest.raises(ValueError, match=r"targets\[1\] is 7, expected a class from 0 to 2"):
        F.softmax_cross_entropy(Z, [0, 7, 1, 1], class_weight=OF_CLASS, compat="torch")
    with pytest.raises(ValueError, match=r"compat must be one of 'torch'"):
        F.softmax_cross_entropy(Z, LABELS, compat="keras")
    with pytest.raises(ValueError, match="the weights of all 4 rows are zero"):
        F.softmax_cross_entropy(Z, [0, 0, 0, 0], class_weight=[0, 1, 1], label_smoothing=0.1, compat="torch")


# Precision.


@pytest.mark.parametrize("cls", CLASSES, ids=lambda c: c.__name__)
def test_float64_targets_beside_float32_predictions(cls, rng):
    """NumPy's usual targets beside what predict gives: in the precision of the prediction, as fit takes them."""
    pred, target = sample(cls, rng)
    pred = pred.astype(np.float32)
    narrow = target.astype(np.float32) if target.dtype.kind == "f" else target
    for given in (target, np.asfortranarray(target)):
        loss, gradient = cls()(pred, given)
        expected = cls()(pred, narrow)
        assert gradient.dtype == np.float32
        assert loss == expected[0]
        np.testing.assert_array_equal(gradient, expected[1])
    assert math.isfinite(loss)


# Rows that do not count.


@pytest.mark.parametrize("classes", [1, 2, 3, 7, 8, 15, 16, 17, 33, 64, 65, 130])
@pytest.mark.parametrize("loss", ["softmax_cross_entropy", "nll"])
def test_an_ignored_row_may_hold_anything(loss, classes, level, dtype, rng):
    """NaN and infinity in a row that ignore_index (or a weight of 0) takes out: it adds exactly nothing."""
    function = getattr(F, loss)
    for rows in (1, 2, 3, 4, 7, 8, 9, 15, 16, 17, 33):
        z, y = rng.normal(size=(rows, classes)).astype(dtype), rng.integers(0, classes, rows)
        out = np.zeros(rows, bool)
        out[rng.integers(0, rows)] = out[rng.integers(0, rows)] = True
        for bad in (np.nan, np.inf, -np.inf):
            dirty, labels = z.copy(), y.copy()
            dirty[out] = bad
            labels[out] = rng.choice([-100, 2**40])
            for options in ({}, {"label_smoothing": 0.1} if loss == "softmax_cross_entropy" else {}):
                for ignoring in (
                    {"targets": np.where(out, -100, y), "ignore_index": -100},
                    {"targets": y, "sample_weight": np.where(out, 0.0, 1.0)},
                ):
                    call = lambda a: function(a, **ignoring, reduction="sum", **options)  # noqa: B023, E731
                    each, _ = function(dirty, **ignoring, reduction="none", **options)
                    value, gradient = call(dirty)
                    clean, slope = call(z)
                    assert value == clean
                    np.testing.assert_array_equal(gradient, slope)
                    assert not gradient[out].any()
                    assert not each[out].any()
                    assert np.isfinite(each).all()


@pytest.mark.parametrize("classes", [3, 40])
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_an_ignored_row_may_overflow_in_training(classes, smoothing, engine, dtype, rng):
    """Rows whose scores overflow to infinity and NaN are ignored: the update is that of the other rows."""
    X, y = rng.normal(size=(9, 4)).astype(dtype), rng.integers(0, classes, 9)
    y[[1, 5]] = -1
    dirty = X.copy()
    dirty[[1, 5]] = np.finfo(dtype).max
    kernel = rng.normal(size=(4, classes)) + 3  # sums of these rows overflow

    def updated(given):
        layer = Dense(classes, kernel_initializer=kernel, inputs=4)
        loss = losses.CrossEntropy(ignore_index=-1, label_smoothing=smoothing)
        model = densekit.Sequential([layer], seed=0, dtype=np.dtype(dtype).name).compile("sgd", loss, engine=engine)
        assert np.isfinite(model(given)).all() == (given is X)
        return dict(model.train_on_batch(given, y))["loss"], *model.get_weights()

    with np.errstate(all="ignore"):
        for got, expected in zip(updated(dirty), updated(X), strict=True):
            np.testing.assert_array_equal(got, expected)
