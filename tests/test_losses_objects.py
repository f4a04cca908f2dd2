"""Losses as objects: what they compute, the spec that they write, the targets that they take, and their names."""

from __future__ import annotations

import functools
import json
import pickle

import numpy as np
import pytest

import densekit.functional as F
from densekit import losses
from densekit.losses import (
    NLL,
    BinaryCrossentropy,
    CategoricalCrossentropy,
    CrossEntropy,
    GaussianNLL,
    Hinge,
    HostLoss,
    Huber,
    KLDivergence,
    MeanSquaredError,
    MulticlassHinge,
    Pinball,
    PoissonNLL,
    RootMeanSquaredError,
    SparseCategoricalCrossentropy,
)

CLASSES = [getattr(losses, name) for name in losses.__all__ if name not in ("Loss", "HostLoss", "get")]
ROWS, WIDTH = 6, 4

# The fields of each kind, as docs/network.md lists them.
FIELDS = {
    "softmax_cross_entropy": {"label_smoothing", "ignore_index"},
    "nll": {"ignore_index"},
    "binary_cross_entropy": {"from_logits", "label_smoothing"},
    "mse": set(),
    "mae": set(),
    "log_cosh": set(),
    "rmse": set(),
    "huber": {"delta"},
    "pinball": {"quantile"},
    "poisson_nll": {"log_input", "full"},
    "gamma_nll": {"full"},
    "gaussian_nll": {"full"},
    "laplace_nll": {"full"},
    "hinge": {"margin"},
    "multiclass_hinge": {"margin"},
    "kl_divergence": {"log_input"},
}


def problem(loss, rng):
    """Predictions and targets (float64) in the domain of a loss."""
    pred, target = rng.normal(size=(ROWS, WIDTH)), rng.normal(size=(ROWS, WIDTH))
    probabilities, labels = rng.dirichlet(np.ones(WIDTH), ROWS), rng.integers(0, WIDTH, ROWS)
    if loss.kind in ("softmax_cross_entropy", "nll", "multiclass_hinge"):
        target = probabilities if isinstance(loss, CategoricalCrossentropy) else labels
        pred = rng.dirichlet(np.ones(WIDTH), ROWS) if loss.link_activation == "softmax" else pred
    elif loss.kind == "binary_cross_entropy":
        pred, target = rng.uniform(0.1, 0.9, pred.shape), rng.uniform(size=pred.shape)
    elif loss.kind == "kl_divergence":
        pred, target = rng.dirichlet(np.ones(WIDTH), ROWS), probabilities
    elif loss.kind in ("poisson_nll", "gamma_nll"):
        target = rng.integers(1, 9, pred.shape).astype(float)
    elif loss.kind in ("gaussian_nll", "laplace_nll"):
        target = target[:, : WIDTH // 2]
    elif loss.kind == "hinge":
        target = np.sign(target)
    return pred, target


@pytest.mark.parametrize("make", CLASSES)
def test_spec_has_every_field_of_its_kind(make):
    spec = make().spec_for({"softmax": "softmax", "sigmoid": "sigmoid"}.get(make().link_activation))
    assert set(spec) == {"kind", "reduction", "factor", "link", "missing"} | FIELDS[spec["kind"]]
    assert json.loads(json.dumps(spec)) == spec
    assert make().spec() == {k: v for k, v in spec.items() if k not in ("link", "missing", "from_logits")} | (
        {"from_logits": False} if "from_logits" in spec else {}
    )


def test_every_kind_has_a_class():
    assert {make.kind for make in CLASSES} == set(FIELDS)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("reduction", ["mean", "count", "sum"])
@pytest.mark.parametrize("make", CLASSES)
def test_reductions_are_what_network_md_says(make, reduction, weighted, rng):
    loss = make(factor=1.5, reduction=reduction)
    pred, target = problem(loss, rng)
    weight = rng.uniform(0.5, 2, ROWS) if weighted else np.ones(ROWS)
    divisor = {"mean": weight.sum(), "count": ROWS, "sum": 1}[reduction]
    value, gradient = loss(pred, target, sample_weight=weight if weighted else None)
    if loss.kind == "rmse":
        expected = 1.5 * np.sqrt((weight * ((pred - target) ** 2).mean(axis=1)).sum() / divisor)
    else:
        each = [loss(pred[i : i + 1], target[i : i + 1], reduction="mean")[0] for i in range(ROWS)]
        expected = (weight * each).sum() / divisor
        rows, _ = loss(pred, target, sample_weight=weight, reduction="none")
        np.testing.assert_allclose(rows, weight * each, rtol=1e-12)
    np.testing.assert_allclose(value, expected, rtol=1e-12)

    direction = rng.normal(size=pred.shape)
    if loss.link_activation == "softmax" or loss.kind == "kl_divergence":
        direction -= direction.mean(axis=1, keepdims=True)
    h = 1e-6
    ends = [loss(pred + s * h * direction, target, sample_weight=weight)[0] for s in (1, -1)]
    np.testing.assert_allclose((ends[0] - ends[1]) / (2 * h), (gradient * direction).sum(), rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("make", CLASSES)
def test_float32_stays(make, rng):
    loss = make()
    pred, target = problem(loss, rng)
    if target.dtype.kind == "f":
        target = target.astype(np.float32)
    value, gradient = loss(pred.astype(np.float32), target, reduction="count")
    assert isinstance(value, float)
    assert gradient.dtype == np.float32
    assert gradient.shape == pred.shape


@pytest.mark.parametrize("make", CLASSES)
def test_rows_that_weigh_nothing_cost_nothing(make, rng):
    loss = make()
    pred, target = problem(loss, rng)
    value, gradient = loss(pred, target, sample_weight=np.zeros(ROWS))
    assert value == 0
    assert gradient.shape == pred.shape
    assert not gradient.any()


def test_ignored_rows(rng):
    logits = rng.normal(size=(3, 4))
    for loss in (CrossEntropy(ignore_index=-1), NLL(ignore_index=-1)):
        kept = loss(logits[:2], [1, 2])
        value, gradient = loss(logits, [1, 2, -1])
        assert value == kept[0]
        np.testing.assert_array_equal(gradient[:2], kept[1])
        assert not gradient[2].any()
        assert loss(logits, [-1, -1, -1])[0] == 0
        assert loss(logits, np.array([1, -1, -1]), sample_weight=[0, 1, 1])[0] == 0


@pytest.mark.parametrize("smoothing", [0.0, 0.2])
def test_cross_entropy_of_probabilities_is_that_of_their_logits(smoothing, rng):
    logits, labels, weight = rng.normal(size=(5, 3)), np.array([0, 2, 1, -1, 2]), rng.uniform(1, 2, 5)
    p = F.softmax(logits)
    direct = CrossEntropy(label_smoothing=smoothing, ignore_index=-1)
    by_p = SparseCategoricalCrossentropy(label_smoothing=smoothing, ignore_index=-1)
    for reduction in ("mean", "count", "sum"):
        value, slope = direct(logits, labels, sample_weight=weight, reduction=reduction)
        other, dp = by_p(p, labels, sample_weight=weight, reduction=reduction)
        np.testing.assert_allclose(other, value, rtol=1e-12)
        np.testing.assert_allclose(F.softmax_backward(dp, p), slope, atol=1e-14)
    one_hot = np.eye(3)[[0, 2, 1, 0, 2]]
    value = CategoricalCrossentropy(label_smoothing=smoothing)(p, one_hot)[0]
    np.testing.assert_allclose(value, CrossEntropy(label_smoothing=smoothing)(logits, one_hot)[0], rtol=1e-12)


def test_certain_answers():
    loss = CategoricalCrossentropy()
    assert loss([[1.0, 0.0]], [[1, 0]])[0] == 0
    value, gradient = loss([[0.0, 1.0]], [[1, 0]])
    assert value == np.inf
    assert gradient[0, 0] == -np.inf
    with pytest.raises(ValueError, match="from_logits=True"):
        loss([[2.0, -1.0]], [[1, 0]])


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_torch(smoothing, rng):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    pred, labels = rng.normal(size=(7, 5)), rng.integers(0, 5, 7)
    target = rng.normal(size=(7, 5))
    counts = rng.integers(1, 9, (7, 5)).astype(float)
    cases = [
        (
            CrossEntropy(label_smoothing=smoothing, ignore_index=2),
            labels,
            torch.nn.CrossEntropyLoss(label_smoothing=smoothing, ignore_index=2),
        ),
        (BinaryCrossentropy(from_logits=True), (target > 0) * 1.0, torch.nn.BCEWithLogitsLoss()),
        (losses.get("MSELoss"), target, torch.nn.MSELoss()),
        (losses.get("L1Loss"), target, torch.nn.L1Loss()),
        (losses.get("SmoothL1Loss"), target, torch.nn.SmoothL1Loss()),
        (Huber(0.5), target, torch.nn.HuberLoss(delta=0.5)),
        (losses.get("NLLLoss"), labels, torch.nn.NLLLoss()),
        (PoissonNLL(), counts, torch.nn.PoissonNLLLoss()),
    ]
    for ours, wanted, theirs in cases:
        z = torch.tensor(pred, requires_grad=True)
        value = theirs(z, torch.tensor(wanted))
        value.backward()
        loss, gradient = ours(pred, wanted)
        np.testing.assert_allclose(loss, value.item(), rtol=1e-12)
        np.testing.assert_allclose(gradient, z.grad.numpy(), rtol=1e-9, atol=1e-15)
    kl = torch.nn.functional.kl_div(
        torch.tensor(pred), torch.softmax(torch.tensor(target), 1), reduction="batchmean"
    ).item()
    assert losses.get("KLDivLoss") == KLDivergence(log_input=True)
    np.testing.assert_allclose(KLDivergence(log_input=True)(pred, F.softmax(target))[0], kl, rtol=1e-12)


def test_four_conventions_of_the_squared_error(rng):
    pred, target = rng.normal(size=(5, 3)), rng.normal(size=(5, 3))
    squares = (pred - target) ** 2
    expected = {
        MeanSquaredError(): squares.mean(),
        MeanSquaredError(compat="sklearn"): squares.mean() / 2,
        MeanSquaredError(factor=0.5): squares.mean() / 2,  # CS231n
        MeanSquaredError(compat="dlfs"): squares.sum() / 2,
    }
    for loss, value in expected.items():
        np.testing.assert_allclose(loss(pred, target)[0], value, rtol=1e-14)
        spec, rows = loss.spec(outputs=3), squares.mean(axis=1)
        by_spec = spec["factor"] * (rows.mean() if spec["reduction"] == "mean" else rows.sum())
        np.testing.assert_allclose(by_spec, value, rtol=1e-14)


def test_keras_divides_by_the_count(rng):
    pred, target, weight = rng.normal(size=(4, 2)), rng.normal(size=(4, 2)), np.array([1.0, 0, 0, 2])
    value, _ = MeanSquaredError(compat="keras")(pred, target, sample_weight=weight)
    np.testing.assert_allclose(value, (weight * ((pred - target) ** 2).mean(axis=1)).sum() / 4, rtol=1e-14)


# Which last activation they follow.


@pytest.mark.parametrize(
    ("loss", "activation"),
    [
        ("categorical_crossentropy", "softmax"),
        ("sparse_categorical_crossentropy", "softmax"),
        ("binary_crossentropy", "sigmoid"),
    ],
)
def test_link(loss, activation):
    loss = losses.get(loss)
    assert loss.link_activation == activation
    spec = loss.spec_for(activation)
    assert spec["link"] is True
    assert spec.get("from_logits", True) is True  # linked, it takes what goes into the activation
    assert type(loss)(from_logits=True).spec_for("identity")["link"] is False


def test_probabilities_of_unknown_origin():
    assert BinaryCrossentropy().spec_for(None) == {
        "kind": "binary_cross_entropy",
        "reduction": "mean",
        "factor": 1.0,
        "from_logits": False,
        "label_smoothing": 0.0,
        "link": False,
        "missing": "none",
    }


@pytest.mark.parametrize(
    ("loss", "activation", "message"),
    [
        (CategoricalCrossentropy(), "sigmoid", "softmax for one class of several, or BinaryCrossentropy"),
        (CategoricalCrossentropy(), "identity", "end it in 'softmax', or say from_logits=True"),
        (CategoricalCrossentropy(), None, "something unknown"),
        (CrossEntropy(), "softmax", "squashed twice"),
        (CrossEntropy(), "sigmoid", "squashed twice"),
        (BinaryCrossentropy(), "softmax", "use CategoricalCrossentropy or SparseCategoricalCrossentropy"),
        (BinaryCrossentropy(), "relu", "end it in 'sigmoid', or say from_logits=True"),
        (BinaryCrossentropy(from_logits=True), "sigmoid", "squashed twice"),
        (NLL(), "softmax", "log_softmax"),
        (KLDivergence(), "identity", "softmax"),
        (KLDivergence(log_input=True), "softmax", "log_softmax"),
    ],
)
def test_activations_that_do_not_fit(loss, activation, message):
    with pytest.raises(ValueError, match=message):
        loss.spec_for(activation)


# Targets.


def test_labels():
    loss = SparseCategoricalCrossentropy(ignore_index=-1)
    for given in ([0, 2, -1], [[0], [2], [-1]], np.float32([0, 2, -1]), np.int8([0, 2, -1])):
        labels = loss.targets(given, 3)
        assert labels.dtype == np.int64
        np.testing.assert_array_equal(labels, [0, 2, -1])
    for bad, message in [
        ([0, 3], r"target\[1\] is 3, expected a label from 0 to 2 or -1"),
        ([0, -2], "-2"),
        ([0.5, 1], r"target\[0\] is 0.5"),
        ([np.nan, 1], "nan"),
        (np.zeros((2, 3)), r"\(2, 3\)"),
    ]:
        with pytest.raises(ValueError, match=message):
            loss.targets(bad, 3)


def test_one_hot_or_labels():
    one_hot = np.eye(3)[[2, 0]]
    for loss in (CrossEntropy(), CategoricalCrossentropy(), NLL()):
        rows = loss.targets(one_hot, 3)
        assert rows.dtype == np.float32
        assert rows.flags.c_contiguous
    np.testing.assert_array_equal(CrossEntropy().targets([2, 0], 3), [2, 0])
    with pytest.raises(ValueError, match="SparseCategoricalCrossentropy"):
        CategoricalCrossentropy().targets([2, 0], 3)
    with pytest.raises(ValueError, match=r"targets are \(2, 3\), expected labels \(n,\) from 0 to 3 or .* \(n, 4\)"):
        CrossEntropy().targets(one_hot, 4)
    with pytest.raises(ValueError, match=r"1\.5"):
        CategoricalCrossentropy().targets(one_hot * 1.5, 3)


@pytest.mark.parametrize("make", CLASSES)
def test_targets_of_a_problem_are_accepted(make, rng, dtype):
    loss = make()
    pred, target = problem(loss, rng)
    prepared = loss.targets(target, pred.shape[1], dtype)
    assert prepared.flags.c_contiguous
    assert prepared.dtype in (np.int64, dtype)
    value = loss(pred.astype(dtype), prepared)[0]
    np.testing.assert_allclose(value, loss(pred, target)[0], rtol=1e-5)


def test_numbers():
    assert Huber().targets([1, 2, 3], 1).shape == (3, 1)
    with pytest.raises(ValueError, match=r"targets are \(3,\), expected \(n, 2\)"):
        Huber().targets([1, 2, 3], 2)
    with pytest.raises(ValueError, match=r"target\[1, 0\] is -1.0, expected a count"):
        PoissonNLL().targets([0.0, -1.0], 1)
    with pytest.raises(ValueError, match="greater than 0"):
        losses.GammaNLL().targets([0.0], 1)
    with pytest.raises(ValueError, match="2"):
        BinaryCrossentropy().targets([2], 1)


def test_hinge_reads_zeros_and_ones():
    np.testing.assert_array_equal(Hinge().targets([0, 1, 1], 1), [[-1], [1], [1]])
    np.testing.assert_array_equal(Hinge().targets([-1, 1, 1], 1), [[-1], [1], [1]])
    with pytest.raises(ValueError, match=r"target\[2, 0\] is 0.0, expected -1 or 1"):
        Hinge().targets([-1, 1, 0], 1)


def test_densities_need_two_outputs_for_each_column():
    loss = GaussianNLL()
    assert loss.outputs_for(3) == 6
    assert Huber().outputs_for(3) == 3
    assert loss.targets(np.zeros((5, 3)), 6).shape == (5, 3)
    with pytest.raises(ValueError, match="3 outputs, expected two"):
        loss.targets(np.zeros((5, 3)), 3)


# Names, configs, ranges.


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("MSE", MeanSquaredError()),
        ("mean_squared_error", MeanSquaredError()),
        ("MeanSquaredError", MeanSquaredError()),
        ("MSELoss", MeanSquaredError()),
        ("cross_entropy", CrossEntropy()),
        ("CrossEntropyLoss", CrossEntropy()),
        ("sparse_categorical_crossentropy", SparseCategoricalCrossentropy()),
        ("BCEWithLogitsLoss", BinaryCrossentropy(from_logits=True)),
        ("BCELoss", BinaryCrossentropy()),
        ("huber_loss", Huber()),
        ("poisson", PoissonNLL(log_input=False)),
        ("PoissonNLLLoss", PoissonNLL()),
        ("multiclass hinge", MulticlassHinge()),
        (Pinball, Pinball()),
        (F.huber, Huber()),
        (F.softmax_cross_entropy, CrossEntropy()),
        (F.binary_cross_entropy, BinaryCrossentropy(from_logits=True)),
    ],
)
def test_get(name, expected):
    assert losses.get(name) == expected


def test_unknown_names():
    with pytest.raises(ValueError, match="did you mean 'sparse_categorical_crossentropy'"):
        losses.get("sparse_categorical_crosentropy")
    with pytest.raises(TypeError, match="3"):
        losses.get(3)
    with pytest.raises(ValueError, match="'delat'"):
        losses.get({"class": "Huber", "delat": 2})
    with pytest.raises(ValueError, match="did you mean 'Huber'"):
        losses.get({"class": "Hubre"})


@pytest.mark.parametrize("make", CLASSES)
def test_config_and_pickle(make):
    loss = make(factor=2.0, compat="keras")
    config = json.loads(json.dumps(loss.config()))
    assert losses.get(config) == loss == pickle.loads(pickle.dumps(loss))
    assert losses.get(loss) is loss


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Huber(0.0), "Huber: delta must be .* got 0.0"),
        (lambda: Pinball(1.0), "quantile"),
        (lambda: CrossEntropy(label_smoothing=1.5), "label_smoothing"),
        (lambda: MeanSquaredError(reduction="average"), "reduction must be one of 'mean', 'count', 'sum'"),
        (lambda: MeanSquaredError(compat="kers"), "did you mean 'keras'"),
        (lambda: MulticlassHinge(-1), "margin"),
        (lambda: Huber(compat="dlfs"), "dlfs"),
    ],
)
def test_ranges(make, message):
    with pytest.raises(ValueError, match=message):
        make()
    for bad in (lambda: BinaryCrossentropy(from_logits="no"), lambda: CrossEntropy(ignore_index=0.5)):
        with pytest.raises(TypeError, match=r"no|0\.5"):
            bad()


def test_rmse_has_no_rows(rng):
    with pytest.raises(ValueError, match="none"):
        RootMeanSquaredError()(rng.normal(size=(2, 2)), rng.normal(size=(2, 2)), reduction="none")


# Losses written in Python.


def quartic(pred, target):
    d = pred - target
    return float(np.mean(d**4)), 4 * d**3 / d.size


def test_host_loss():
    loss = losses.get(quartic)
    assert isinstance(loss, HostLoss)
    assert loss.spec_for("softmax") == {
        "kind": "host",
        "reduction": "mean",
        "factor": 1.0,
        "index": 0,
        "link": False,
        "missing": "none",
    }
    value, gradient = loss(np.array([[2.0]]), np.array([[0.0]]), None)
    assert value == 16
    assert gradient == [[32.0]]
    with pytest.raises(TypeError, match="quartic: it takes no sample_weight"):
        loss(np.ones((2, 1)), np.zeros((2, 1)), np.array([1.0, 2.0]))
    assert loss(np.ones((2, 1)), np.zeros((2, 1)), np.zeros(2))[0] == 0
    with pytest.raises(TypeError, match="quartic cannot be saved"):
        loss.config()
    assert loss.targets([1, 2], 5).dtype == np.int64
    assert loss.targets([[1, 2]], 5).dtype == np.float32


def test_host_loss_gives_weights_to_those_who_take_them(rng):
    pred, target, weight = rng.normal(size=(3, 2)), rng.normal(size=(3, 2)), rng.uniform(1, 2, 3)
    loss = losses.get(functools.partial(F.huber, delta=0.5))
    assert isinstance(loss, HostLoss)
    expected = F.huber(pred, target, delta=0.5, sample_weight=weight)
    value, gradient = loss(pred, target, weight)
    assert value == expected[0]
    np.testing.assert_array_equal(gradient, expected[1])
    assert loss(pred, target, reduction="sum")[0] == F.huber(pred, target, delta=0.5, reduction="sum")[0]


@pytest.mark.parametrize(
    ("result", "error", "message"),
    [
        (1.0, TypeError, r"expected \(loss, gradient"),
        ((1.0, np.zeros(2)), ValueError, r"gradient \(2, 1\) like pred, got shapes \(\) and \(2,\)"),
        ((np.zeros(2), np.zeros((2, 1))), ValueError, "expected a number"),
    ],
)
def test_host_loss_that_returns_nonsense(result, error, message):
    with pytest.raises(error, match=message):
        losses.get(lambda p, t: result)(np.ones((2, 1)), np.zeros((2, 1)))


def test_host_loss_reduces_by_itself():
    with pytest.raises(ValueError, match="factor"):
        HostLoss(quartic, factor=2.0)
    with pytest.raises(TypeError, match="takes no reduction"):
        HostLoss(quartic, reduction="sum")


@pytest.mark.parametrize("loss", [losses.CrossEntropy, losses.NLL])
@pytest.mark.parametrize("keyword", ["weight", "class_weight"])
def test_weights_of_classes_are_told_where_they_go(loss, keyword):
    """PyTorch's modules have them; its convention differs from that of fit(class_weight=)."""
    with pytest.raises(TypeError, match=rf"^{loss.__name__}: {keyword} is not a parameter; .*compat='torch'"):
        loss(**{keyword: [1.0, 2.0]})
    assert pickle.loads(pickle.dumps(loss())) == loss()
