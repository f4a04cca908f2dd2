"""Losses: values from other programs, conventions, edges. The generic tests compare them with their NumPy twins."""

from __future__ import annotations

import math

import numpy as np
import pytest
from gradients import check_gradient
from helpers import OPS
from scipy import special

import densekit.functional as F
import densekit.reference as R

# name, arguments, keywords, expected losses with reduction="none"; SciPy 1.17, or mpmath 1.4 at 40 digits.
LITERALS = [
    # -(t log s(z) + (1 - t) log(1 - s(z))), s the logistic function, mpmath
    ("binary_cross_entropy", ([-3.0, 0.5, 2.0, 30.0], [1.0, 0.0, 0.25, 1.0]), {},
     [3.0485873515737421, 0.97407698418010668, 1.6269280110429725, 9.3576229688397368e-14]),
    # -(t log p + (1 - t) log(1 - p)), mpmath
    ("binary_cross_entropy", ([0.25, 0.5, 0.875], [1.0, 0.0, 0.25]), {"from_logits": False},
     [1.3862943611198906, 0.69314718055994531, 1.5929640044160076]),
    ("mse", ([1.0, -2.0, 0.5], [3.0, 1.0, 0.5]), {}, [4.0, 9.0, 0.0]),  # by hand
    ("mae", ([1.0, -2.0, 0.5], [3.0, 1.0, 0.5]), {}, [2.0, 3.0, 0.0]),  # by hand
    # scipy.special.huber(1.5, ...)
    ("huber", ([0.5, -1.25, 4.0], [0.0, 0.0, 0.0]), {"delta": 1.5}, [0.125, 0.78125, 4.875]),
    # log(cosh(d)), mpmath; cosh(1000) overflows float64, and cosh(2^-20) rounds to 1 + a few ulp
    ("log_cosh", ([2.0**-20, 0.5, -2.5, 700.0, 1000.0], [0.0] * 5), {},
     [4.5474735088639519e-13, 0.12011450695827752, 1.8135681679291728, 699.30685281944005, 999.30685281944005]),
    ("pinball", ([0.0, 0.0, 1.0], [4.0, -4.0, 1.0]), {"quantile": 0.75}, [3.0, 1.0, 0.0]),  # by hand
    # -scipy.stats.poisson.logpmf
    ("poisson_nll", ([0.5, 1.0, -0.25], [0.0, 3.0, 12.0]), {"full": True},
     [1.6487212707001282, 1.5100412976871, 23.76601527873329]),
    ("poisson_nll", ([0.5, 2.0, 10.0], [0.0, 3.0, 12.0]), {"full": True, "log_input": False},
     [0.5, 1.7123179275482192, 2.356193379733334]),
    # -scipy.stats.gamma.logpdf(y, shape, scale=exp(z) / shape)
    ("gamma_nll", ([0.25, 1.0, -0.5], [0.5, 3.0, 7.0]), {"full": True},
     [0.6394003915357024, 2.103638323514327, 11.041048894900896]),
    ("gamma_nll", ([0.25, 1.0, -0.5], [0.5, 3.0, 7.0]), {"full": True, "shape": 2.5},
     [0.6321777904667053, 1.6051334165711846, 22.677713054456806]),
    # -scipy.stats.norm.logpdf(y, mean, exp(v / 2)) and -scipy.stats.laplace.logpdf(y, median, exp(s))
    ("gaussian_nll", ([[0.5, -1.0], [0.0, 0.5], [0.5, 2.0]], [1.0, -2.0, 0.5]), {"full": True},
     [0.7587237617620533, 2.3819998526299395, 1.9189385332046727]),
    ("laplace_nll", ([[0.5, -1.0], [0.0, 0.5], [0.5, 2.0]], [1.0, -2.0, 0.5]), {"full": True},
     [1.0522880947894677, 2.4062084999852122, 2.6931471805599454]),
    # -log 1/4, -log 4/5; and -(targets * log p).sum(1)
    ("nll", (np.log([[0.5, 0.25, 0.25], [0.1, 0.1, 0.8]]), [1, 2]), {}, [1.3862943611198906, 0.2231435513142097]),
    ("nll", (np.log([[0.5, 0.25, 0.25], [0.1, 0.1, 0.8]]), [[0.25, 0.75, 0.0], [0.2, 0.3, 0.5]]), {},
     [1.2130075659799042, 1.2628643221541276]),
    # CS231n, "Linear classification": scores (13, -7, 11), label 0, margin 10 give 8; label 1 by hand
    ("hinge", ([[13.0, -7.0, 11.0], [13.0, -7.0, 11.0]], [0, 1]), {"margin": 10.0}, [8.0, 58.0]),
    ("hinge", ([0.5, -2.0, 0.25], [1.0, -1.0, -1.0]), {}, [0.5, 0.0, 1.25]),  # by hand
    # scipy.special.rel_entr(target, pred).sum(1)
    ("kl_divergence", ([[0.5, 0.25, 0.25], [0.1, 0.1, 0.8]], [[0.25, 0.75, 0.0], [0.2, 0.3, 0.5]]), {},
     [0.6506724213610959, 0.23321130808955406]),
]  # fmt: skip
IDS = [f"{name}-{number}" for number, (name, *_) in enumerate(LITERALS)]


def typed(args, dtype):
    return [np.asarray(a) if np.asarray(a).dtype.kind == "i" else np.asarray(a, dtype) for a in args]


@pytest.mark.parametrize("module", [F, R], ids=["functional", "reference"])
@pytest.mark.parametrize(("name", "args", "kwargs", "expected"), LITERALS, ids=IDS)
def test_values_of_other_programs(module, level, dtype, name, args, kwargs, expected):
    losses, _ = getattr(module, name)(*typed(args, dtype), **kwargs, reduction="none")
    assert losses.dtype == dtype
    np.testing.assert_allclose(losses, expected, rtol=16 * np.finfo(dtype).eps, atol=0)


@pytest.mark.parametrize(("name", "args", "kwargs", "expected"), LITERALS, ids=IDS)
def test_reductions_agree(level, name, args, kwargs, expected):
    """mean = sum / number = sum(none) / number, and the gradients likewise."""
    f, args = getattr(F, name), typed(args, np.float64)
    mean, gradient = f(*args, **kwargs)
    total, gradient_of_sum = f(*args, **kwargs, reduction="sum")
    losses, gradient_of_none = f(*args, **kwargs, reduction="none")
    assert isinstance(mean, float)
    assert isinstance(total, float)
    assert total == pytest.approx(losses.sum(), rel=1e-15)
    assert mean == pytest.approx(total / losses.size, rel=1e-15)
    np.testing.assert_array_equal(gradient_of_sum, gradient_of_none)
    np.testing.assert_allclose(gradient * losses.size, gradient_of_sum, rtol=1e-15)


@pytest.mark.parametrize(("name", "args", "kwargs", "expected"), LITERALS, ids=IDS)
def test_a_row_of_weight_two_is_a_row_twice(level, name, args, kwargs, expected):
    f, (pred, target) = getattr(F, name), typed(args, np.float64)
    weight = np.ones(len(pred))
    weight[1] = 2
    twice = [*range(len(pred)), 1]
    loss, gradient = f(pred, target, **kwargs, sample_weight=weight)
    repeated, spread = f(pred[twice], target[twice], **kwargs)
    assert loss == pytest.approx(repeated, rel=1e-15)
    spread[1] += spread[-1]
    np.testing.assert_allclose(gradient, spread[:-1], rtol=1e-14)
    losses, _ = f(pred, target, **kwargs, sample_weight=weight, reduction="none")
    np.testing.assert_allclose(losses, np.asarray(expected) * weight, rtol=1e-14)


@pytest.mark.parametrize(("name", "args", "kwargs", "expected"), LITERALS, ids=IDS)
def test_a_row_of_weight_zero_may_hold_anything(level, dtype, name, args, kwargs, expected):
    f, (pred, target) = getattr(F, name), typed(args, dtype)
    weight = np.ones(len(pred))
    weight[0] = 0
    without, rest = f(pred[1:], target[1:], **kwargs)
    for junk in (np.nan, np.inf):
        pred = pred.copy()
        pred[0] = junk if kwargs.get("from_logits", True) and name != "kl_divergence" else np.nan
        loss, gradient = f(pred, target, **kwargs, sample_weight=weight)
        assert loss == pytest.approx(without, rel=8 * float(np.finfo(dtype).eps))
        assert not gradient[0].any()
        np.testing.assert_allclose(gradient[1:], rest, rtol=8 * np.finfo(dtype).eps)


@pytest.mark.parametrize(("name", "args", "kwargs", "expected"), LITERALS, ids=IDS)
def test_nan_propagates(level, dtype, name, args, kwargs, expected):
    f, (pred, target) = getattr(F, name), typed(args, dtype)
    if name == "nll":
        target = np.full(pred.shape, 1 / 3, dtype)  # with class indices only the label's column is read
    pred[1] = np.nan
    loss, gradient = f(pred, target, **kwargs)
    assert math.isnan(loss)
    if name != "nll":  # whose gradient does not depend on the log-probabilities
        assert np.isnan(gradient[1]).any()
    assert np.isfinite(gradient[0]).all()


@pytest.mark.parametrize("name", sorted(o.name for o in OPS.values() if o.family == "losses"))
def test_bits_do_not_depend_on_threads(name, dtype, backend, threads_forced, rng):
    op = OPS[name]
    call = op.domain(rng, dtype, 60_000)
    weight = rng.uniform(0, 2, len(call.args[0]))
    results = []
    for threads in (1, 2, 3, 7):
        threads_forced(threads)
        results.append(op.function(*call.args, **call.kwargs, sample_weight=weight))
    for loss, gradient in results[1:]:
        assert loss == results[0][0]
        np.testing.assert_array_equal(gradient, results[0][1])


# torch.sqrt(torch.nn.functional.mse_loss(pred, target)) and its gradient by autograd, PyTorch 2.13.0
ROOTS = [
    ([1.0, -2.0, 0.5], [3.0, 1.0, 0.5], 2.0816659994661326, [-0.32025630761017426, -0.4803844614152614, 0.0]),
    ([0.25, -4.0, 7.0, 1.0], [0.0, -1.0, 7.5, -3.0], 2.5155764746872635,
     [0.024845199749997663, -0.29814239699997197, -0.049690399499995326, 0.3975231959999626]),
    ([[1000.0, 2.0], [-5.0, 0.125]], [[999.0, 2.5], [4.0, 0.0]], 4.535019983417934,
     [[0.05512654870631487, -0.027563274353157436], [-0.49613893835683387, 0.006890818588289359]]),
]  # fmt: skip


@pytest.mark.parametrize(("pred", "target", "expected", "gradient"), ROOTS)
@pytest.mark.parametrize("module", [F, R], ids=["functional", "reference"])
def test_rmse_of_another_program(module, level, pred, target, expected, gradient):
    got = module.rmse(np.array(pred), np.array(target))
    assert got[0] == pytest.approx(expected, rel=1e-15)
    np.testing.assert_allclose(got[1], gradient, rtol=1e-14)


GRADIENTS = [
    ("binary_cross_entropy", lambda g: (g.uniform(0.2, 0.8, (6, 3)), g.uniform(0, 1, (6, 3))), {"from_logits": False}),
    ("binary_cross_entropy", lambda g: (g.normal(size=(6, 3)), g.uniform(0, 1, (6, 3))), {"label_smoothing": 0.1}),
    ("rmse", lambda g: (g.normal(size=(6, 3)), g.normal(size=(6, 3))), {}),
    ("poisson_nll", lambda g: (g.uniform(1, 5, (6, 3)), g.integers(0, 9, (6, 3))), {"log_input": False, "full": True}),
    ("gamma_nll", lambda g: (g.normal(size=(6, 3)), g.uniform(0.5, 5, (6, 3))), {"shape": 0.5, "full": True}),
    ("gaussian_nll", lambda g: (g.normal(size=(6, 2)), g.normal(size=6)), {"full": True}),
    ("hinge", lambda g: (g.integers(-3, 4, (6, 3)) + 0.5, g.choice([-1, 1], (6, 3))), {}),
    ("kl_divergence", lambda g: (np.log(g.uniform(0.1, 1, (6, 3))), g.dirichlet(np.ones(3), 6)), {"log_input": True}),
    ("nll", lambda g: (np.log(g.dirichlet(np.ones(3), 6)), g.integers(0, 3, 6)), {"class_weight": [1.0, 2.0, 0.5]}),
]


@pytest.mark.parametrize(("name", "make", "kwargs"), GRADIENTS, ids=[f"{g[0]}-{i}" for i, g in enumerate(GRADIENTS)])
@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_gradients_with_weights(level, name, make, kwargs, reduction, rng):
    """The forms that the generic gradient test does not reach, with sample weights."""
    pred, target = make(rng)
    kwargs = {**kwargs, "sample_weight": rng.uniform(0.5, 2, 6), "reduction": reduction}
    f = getattr(F, name)
    check_gradient(lambda x: f(x, target, **kwargs)[0], f(pred, target, **kwargs)[1], pred, rng)


@pytest.mark.parametrize(("name", "make", "kwargs"), GRADIENTS, ids=[f"{g[0]}-{i}" for i, g in enumerate(GRADIENTS)])
def test_options_agree_with_the_reference(level, dtype, name, make, kwargs, rng):
    pred, target = make(rng)
    pred = pred.astype(dtype)
    target = target.astype(dtype) if target.dtype.kind == "f" else target
    for reduction in ("mean", "sum") if name == "rmse" else ("mean", "sum", "none"):
        more = {**kwargs, "sample_weight": rng.uniform(0.5, 2, 6), "reduction": reduction}
        for got, expected in zip(
            getattr(F, name)(pred, target, **more), getattr(R, name)(pred, target, **more), strict=True
        ):
            eps = np.finfo(dtype).eps
            np.testing.assert_allclose(got, expected, rtol=16 * eps, atol=16 * eps)
            assert np.shape(got) == np.shape(expected)
            assert not isinstance(got, np.ndarray) or got.dtype == expected.dtype


# Conventions: what each name means.


def test_four_conventions_of_the_squared_error(rng):
    p, t = rng.normal(size=(8, 3)), rng.normal(size=(8, 3))
    ours = F.mse(p, t)[0]
    assert ours == pytest.approx(((p - t) ** 2).mean())
    assert ours / 2 == pytest.approx(0.5 * ((p - t) ** 2).mean())  # scikit-learn's MLP, CS231n
    assert ours * p.size / 2 == pytest.approx(0.5 * ((p - t) ** 2).sum())  # DLFS
    assert ours * p.size == pytest.approx(F.mse(p, t, reduction="sum")[0])
    roots = np.sqrt(((p - t) ** 2).mean(axis=0))
    assert F.rmse(p, t)[0] == pytest.approx(math.sqrt((roots**2).mean()))
    assert abs(F.rmse(p, t)[0] - roots.mean()) > 1e-3  # scikit-learn averages the roots


def test_two_class_softmax_is_binary_cross_entropy(level, rng):
    z, t = rng.normal(0, 5, 20), rng.integers(0, 2, 20)
    loss, dz = F.binary_cross_entropy(z, t)
    softmax_loss, dlogits = F.softmax_cross_entropy(np.stack([np.zeros(20), z], axis=1), t)
    assert loss == pytest.approx(softmax_loss, rel=1e-14)
    np.testing.assert_allclose(dz, dlogits[:, 1], rtol=1e-12)


def test_logits_and_probabilities_agree(level, rng):
    z, t = rng.normal(0, 3, 20), rng.uniform(0, 1, 20)
    loss = F.binary_cross_entropy(F.sigmoid(z), t, from_logits=False)[0]
    assert F.binary_cross_entropy(z, t)[0] == pytest.approx(loss, rel=1e-13)


@pytest.mark.parametrize("z", [30.0, 1e4, np.inf])
def test_binary_cross_entropy_of_certain_logits(level, dtype, z):
    losses, gradient = F.binary_cross_entropy(np.asarray([z, -z, z, -z], dtype), [1, 0, 0, 1], reduction="none")
    np.testing.assert_allclose(losses, [np.exp(-z)] * 2 + [z] * 2, rtol=1e-6)
    np.testing.assert_allclose(gradient, [-np.exp(-z), np.exp(-z), 1, -1], rtol=1e-6)


def test_binary_cross_entropy_clips_nothing(level, dtype):
    p, t = np.asarray([0, 1, 0, 1, 1e-30], dtype), [0, 1, 1, 0, 1]
    losses, gradient = F.binary_cross_entropy(p, t, from_logits=False, reduction="none")
    np.testing.assert_allclose(losses, [0, 0, np.inf, np.inf, 30 * math.log(10)], rtol=1e-6)
    np.testing.assert_allclose(gradient, [1, -1, -np.inf, np.inf, -1e30], rtol=1e-6)


def test_label_smoothing():
    plain = F.binary_cross_entropy([2.0, -1.0], [0.9, 0.1])[0]
    assert F.binary_cross_entropy([2.0, -1.0], [1, 0], label_smoothing=0.2)[0] == pytest.approx(plain, rel=1e-15)


def test_slopes_at_kinks(level, dtype):
    same = np.asarray([1.5, -2.0], dtype)
    for f in (F.mae, F.pinball, F.huber, F.rmse, F.log_cosh):
        loss, gradient = f(same, same)
        assert loss == 0, f.__name__
        assert not gradient.any(), f.__name__
    assert not F.hinge(np.asarray([1.0, -1.0], dtype), [1, -1])[1].any()
    assert not F.laplace_nll(np.asarray([[1.5, -800.0]], dtype), same[:1])[1][0, 0]


def test_regression_losses_far_away(level, dtype):
    far = float(np.finfo(dtype).max) / 4
    p, t = np.asarray([far, -far], dtype), np.zeros(2, dtype)
    assert F.log_cosh(p, t)[0] == pytest.approx(far)
    np.testing.assert_array_equal(F.log_cosh(p, t, reduction="sum")[1], [1, -1])
    assert F.huber(p, t)[0] == pytest.approx(far)
    assert F.mse(p, t)[0] == math.inf
    if dtype == np.float32:  # squares are summed in float64
        loss, gradient = F.rmse(p, t)
        assert loss == pytest.approx(far)
        np.testing.assert_allclose(gradient, [0.5, -0.5])


def test_rmse_of_a_sum_is_a_length_and_of_none_is_an_error():
    loss, gradient = F.rmse([3.0, 4.0], [0.0, 0.0], reduction="sum")
    assert loss == 5.0
    np.testing.assert_allclose(gradient, [0.6, 0.8], rtol=1e-15)
    with pytest.raises(ValueError, match="rmse: reduction 'none' has no meaning"):
        F.rmse([1.0], [0.0], reduction="none")


def test_pinball_finds_the_quantile(rng):
    y = rng.normal(size=1001)
    grid = np.sort(y)
    for q in (0.1, 0.5, 0.9):
        best = min(grid, key=lambda m: F.pinball(np.full_like(y, m), y, quantile=q)[0])
        assert best == pytest.approx(np.quantile(y, q, method="inverted_cdf"))
    assert F.pinball([1.0, 2.0], [3.0, -1.0])[0] == F.mae([1.0, 2.0], [3.0, -1.0])[0] / 2


def test_constants_do_not_change_the_gradient(level, rng):
    pred, y = rng.normal(size=(6, 4)), rng.uniform(0.5, 4, (6, 2))
    for f, p in (
        (F.gaussian_nll, pred),
        (F.laplace_nll, pred),
        (F.poisson_nll, pred[:, :2]),
        (F.gamma_nll, pred[:, :2]),
    ):
        np.testing.assert_array_equal(f(p, y)[1], f(p, y, full=True)[1])
    for f, constant in ((F.gaussian_nll, math.log(2 * math.pi) / 2), (F.laplace_nll, math.log(2))):
        assert f(pred, y, full=True)[0] - f(pred, y)[0] == pytest.approx(constant, rel=1e-13)


def test_poisson_constant_is_log_gamma(level, dtype):
    y = np.asarray([0, 1, 2, 0.5, 7, 20, 1000, 1e5], dtype)
    full, plain = (F.poisson_nll(np.zeros_like(y), y, full=full, reduction="none")[0] for full in (True, False))
    np.testing.assert_array_equal(plain, np.ones_like(y))
    # 8e-15: the absolute bound of log_gamma near its zeros
    np.testing.assert_allclose(full, 1 + special.gammaln(y.astype(float) + 1), rtol=4 * np.finfo(dtype).eps, atol=8e-15)


def test_poisson_of_rate_zero(level, dtype):
    z = np.asarray([-np.inf, 0, 0], dtype)
    losses, gradient = F.poisson_nll(z[1:], [0, 2], log_input=False, reduction="none")
    np.testing.assert_array_equal(losses, [0, np.inf])
    np.testing.assert_array_equal(gradient, [1, -np.inf])
    losses, gradient = F.poisson_nll(z[:1], [0], reduction="none")
    assert losses[0] == gradient[0] == 0


def test_gaussian_of_a_tiny_variance_does_not_overflow(level):
    pred = np.float32([[1e20, 100.0]])  # (1e20)^2 is beyond float32, its quotient by e^100 is not
    loss, gradient = F.gaussian_nll(pred, np.float32([0.0]))
    assert loss == pytest.approx((100 + 1e40 * math.exp(-100)) / 2, rel=1e-5)
    np.testing.assert_allclose(gradient, [[1e20 * math.exp(-100), (1 - 1e40 * math.exp(-100)) / 2]], rtol=1e-5)


def test_nll_is_softmax_cross_entropy_of_log_softmax(level, rng):
    z, y, q = rng.normal(size=(9, 4)), rng.integers(0, 4, 9), rng.dirichlet(np.ones(4), 9)
    options = {"class_weight": [1.0, 2.0, 0.5, 3.0], "sample_weight": rng.uniform(0, 2, 9)}
    for targets, more in ((y, {"ignore_index": 2}), (y, {}), (q, {})):
        loss, gradient = F.nll(F.log_softmax(z), targets, **options, **more)
        fused, dz = F.softmax_cross_entropy(z, targets, **options, **more)
        assert loss == pytest.approx(fused, rel=1e-14)
        np.testing.assert_allclose(F.log_softmax_backward(gradient, F.log_softmax(z)), dz, atol=1e-15)


def test_zero_probability_targets_do_not_touch_infinity(level, dtype):
    log_p = np.asarray([[-np.inf, 0.0]], dtype)
    assert F.nll(log_p, np.asarray([[0, 1]], dtype))[0] == 0
    assert F.nll(log_p, np.asarray([[1, 0]], dtype))[0] == math.inf
    loss, gradient = F.kl_divergence(np.asarray([[0, 1]], dtype), np.asarray([[0, 1]], dtype))
    assert loss == 0
    np.testing.assert_array_equal(gradient, [[0, -1]])
    assert F.kl_divergence(np.asarray([[0, 1]], dtype), np.asarray([[0.5, 0.5]], dtype))[0] == math.inf
    assert F.kl_divergence(log_p, np.asarray([[0, 1]], dtype), log_input=True)[0] == 0


def test_kl_divergence_of_a_distribution_from_itself_is_zero(level, dtype, rng):
    p = rng.dirichlet(np.ones(5), 8).astype(dtype)
    assert F.kl_divergence(p, p)[0] == 0
    q = rng.dirichlet(np.ones(5), 8).astype(dtype)
    assert F.kl_divergence(p, q)[0] > 0


def test_hinge_of_a_right_answer_by_the_margin_is_zero(level, dtype):
    loss, gradient = F.hinge(np.asarray([[2, 1, 0], [0, 1, 5]], dtype), [0, 2])
    assert loss == 0
    assert not gradient.any()


def test_shapes():
    for shape in ((), (3,), (2, 3, 2)):
        loss, gradient = F.mse(np.ones(shape, np.float32), np.zeros(shape, np.float32))
        assert loss == 1
        assert gradient.shape == shape
    for shape in ((0,), (0, 4), (3, 0)):
        empty = np.ones(shape)
        with pytest.raises(ValueError, match=r"mse: pred is \(\d.*\); the mean over no elements"):
            F.mse(empty, empty)
        assert F.mse(empty, empty, reduction="sum")[0] == 0
        assert F.mse(empty, empty, reduction="none")[0].shape == shape
    pred, target = np.arange(12.0).reshape(3, 4), np.ones((3, 2))
    column = [F.gaussian_nll(pred[:, [j, j + 2]], target[:, j], reduction="sum")[0] for j in (0, 1)]
    assert F.gaussian_nll(pred, target, reduction="sum")[0] == pytest.approx(sum(column), rel=1e-14)


BAD = [
    (lambda: F.mse(np.ones((3, 1)), np.ones(3)), ValueError, r"mse: pred is \(3, 1\) but target is \(3,\)"),
    (lambda: F.mse(np.ones(3, np.float32), np.ones(3)), TypeError, "mse: pred is float32 but target is float64"),
    (lambda: F.mse([1.0], [1.0], reduction="avg"),
     ValueError, "mse: reduction must be one of 'mean', 'sum', 'none', got 'avg'"),
    (lambda: F.mse([1.0, 2.0], [1.0, 2.0], sample_weight=[1.0]),
     ValueError, r"sample_weight is \(1,\), expected \(2,\)"),
    (lambda: F.binary_cross_entropy([0.0, 1.0], [0.0, 2.0]), ValueError, r"target\[1\] is 2.0, expected a probability"),
    (lambda: F.binary_cross_entropy([0.0], [np.nan]), ValueError, r"target\[0\] is nan"),
    (lambda: F.binary_cross_entropy([[3.0]], [[1.0]], from_logits=False),
     ValueError, r"pred\[0, 0\] is 3.0.*from_logits=True"),
    (lambda: F.binary_cross_entropy([0.0], [0.0], from_logits="no"), TypeError, "from_logits must be True or False"),
    (lambda: F.huber([1.0], [1.0], delta=0), ValueError, r"huber: delta must be a finite number in \(0"),
    (lambda: F.pinball([1.0], [1.0], quantile=1), ValueError, r"pinball: quantile must be .* in \(0, 1\), got 1"),
    (lambda: F.poisson_nll([1.0], [-1.0]), ValueError, r"poisson_nll: target\[0\] is -1.0, expected a count"),
    (lambda: F.poisson_nll([-1.0], [1.0], log_input=False),
     ValueError, r"poisson_nll: pred\[0\] is -1.0, expected a rate"),
    (lambda: F.gamma_nll([1.0], [0.0]), ValueError, r"gamma_nll: target\[0\] is 0.0, expected a number greater than 0"),
    (lambda: F.gaussian_nll(np.ones((3, 2)), np.ones((3, 2))), ValueError, r"pred is \(3, 2\) but target is \(3, 2\)"),
    (lambda: F.laplace_nll(np.ones(3), np.ones(3)), ValueError, r"laplace_nll: pred is \(3,\) but target is \(3,\)"),
    (lambda: F.nll(np.zeros((2, 3)), [0, 3]), ValueError, "nll: label 3 in row 1 is not a class: expected 0 to 2"),
    (lambda: F.nll(np.zeros((2, 3)), [0.0, 1.0]), TypeError, "nll: targets are float64"),
    (lambda: F.nll(np.zeros((0, 3)), []), ValueError, r"nll: log_probs are \(0, 3\); the mean over no rows"),
    (lambda: F.hinge([1.0, 2.0], [1, 0]), ValueError, r"hinge: target\[1\] is 0.0, expected -1 or 1"),
    (lambda: F.hinge(np.ones((2, 3)), [1, 5]), ValueError, "hinge: label 5 in row 1"),
    (lambda: F.kl_divergence([[-0.5, 1.0]], [[0.5, 0.5]]), ValueError, r"pred\[0, 0\] is -0.5.*log_input=True"),
    (lambda: F.kl_divergence([0.5, 0.5], [0.5, 0.5]),
     ValueError, r"kl_divergence: pred are \(2,\), expected \(rows, classes\)"),
]  # fmt: skip


@pytest.mark.parametrize(("call", "error", "message"), BAD, ids=[message[:40] for *_, message in BAD])
def test_errors_quote(call, error, message):
    with pytest.raises(error, match=message):
        call()
