"""Laws that hold for any input, tried by Hypothesis on inputs nobody would write down."""

from __future__ import annotations

import numpy as np
import pytest
from helpers import OPS
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

settings.register_profile("densekit", derandomize=True, max_examples=40, deadline=None, database=None)
settings.load_profile("densekit")

EPS = float(np.finfo(np.float64).eps)


def operation(name):
    """The operation, or a skip where this build does not have it."""
    if name not in OPS:
        pytest.skip(f"no operation {name}")
    return OPS[name].function


def needs(*names):
    missing = [name for name in names if name not in OPS]
    return pytest.mark.skipif(bool(missing), reason=f"no operation {', '.join(missing)}")


def numbers(low=-50.0, high=50.0):
    return st.floats(low, high, allow_nan=False, width=64)


def vectors(low=-50.0, high=50.0, longest=150):
    return arrays(np.float64, st.integers(1, longest), elements=numbers(low, high))


def matrices(low=-50.0, high=50.0, most=20):
    return arrays(
        np.float64, array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=most), elements=numbers(low, high)
    )


def close(a, b, ulps=16, scale=1.0):
    """Equal within so many eps of the larger of the two, or of `scale`."""
    a, b = np.asarray(a, np.float64), np.asarray(b, np.float64)
    allowed = ulps * EPS * np.maximum(scale, np.maximum(np.abs(a), np.abs(b)))
    assert (np.abs(a - b) <= allowed).all(), f"{a} and {b} differ by {np.abs(a - b).max()}, allowed {np.max(allowed)}"


# Softmax


@given(matrices(), numbers(-1e3, 1e3))
def test_softmax_does_not_see_a_shift(z, shift):
    f = operation("softmax")
    # Adding the shift rounds z, which changes e^z by as much, relatively.
    np.testing.assert_allclose(f(z + shift), f(z), rtol=4 * EPS * (50 + abs(shift)) + 32 * EPS, atol=1e-300)


@given(matrices(-1e300, 1e300), st.sampled_from([np.float32, np.float64]), st.sampled_from([0, 1, -1]))
def test_softmax_sums_to_one(z, dtype, axis):
    with np.errstate(over="ignore"):
        z = np.clip(z, np.finfo(dtype).min, np.finfo(dtype).max).astype(dtype)
    y = operation("softmax")(z, axis=axis)
    assert (y >= 0).all()
    assert (y <= 1).all()
    np.testing.assert_allclose(y.astype(np.float64).sum(axis=axis), 1, rtol=0, atol=32 * float(np.finfo(dtype).eps))


@given(matrices(), st.floats(0.05, 20))
def test_log_softmax_is_the_logarithm_of_softmax(z, temperature):
    p = operation("softmax")(z, temperature=temperature)
    log_p = operation("log_softmax")(z, temperature=temperature)
    seen = p > 1e-290
    scale = 1 + np.ptp(z) / temperature
    np.testing.assert_allclose(log_p[seen], np.log(p[seen]), rtol=0, atol=64 * EPS * scale)
    assert (log_p <= 8 * EPS * scale).all()


@given(matrices(), st.randoms(use_true_random=False))
def test_softmax_permutes_with_its_classes(z, random):
    order = list(range(z.shape[1]))
    random.shuffle(order)
    close(operation("softmax")(z[:, order]), operation("softmax")(z)[:, order], ulps=8)


# Activations: symmetries, monotony, bounds

ODD = ["tanh", "softsign", "identity"]
MONOTONE = [
    "identity",
    "relu",
    "leaky_relu",
    "elu",
    "selu",
    "sigmoid",
    "hard_sigmoid",
    "tanh",
    "softplus",
    "softsign",
]
MINUS_MIRROR_IS_Z = ["relu", "softplus", "gelu", "silu", "hard_swish"]  # f(z) - f(-z) = z


@pytest.mark.parametrize("name", ODD)
@given(z=vectors(-1e6, 1e6))
def test_odd_activations(name, z):
    f = operation(name)
    np.testing.assert_array_equal(f(-z), -f(z))


@pytest.mark.parametrize("name", ["sigmoid", "hard_sigmoid"])
@given(z=vectors(-1e3, 1e3))
def test_sigmoids_of_opposites_sum_to_one(name, z):
    f = operation(name)
    close(f(z) + f(-z), np.ones_like(z), ulps=4)


@pytest.mark.parametrize("name", MINUS_MIRROR_IS_Z)
@given(z=vectors(-1e3, 1e3))
def test_rectifiers_minus_their_mirror(name, z):
    f = operation(name)
    close(f(z) - f(-z), z, ulps=8)


@pytest.mark.parametrize("name", MONOTONE)
@pytest.mark.parametrize("dtype", [np.float32, np.float64], ids=["float32", "float64"])
@given(z=vectors(-200, 200))
def test_monotone_activations(name, dtype, z):
    """Up to the error bound: y may fall by no more than the two roundings of its neighbours."""
    op = OPS[name]
    z = np.sort(z.astype(dtype))
    y = op.function(z)
    slack = 2 * op.tolerance_of(0).ulps * np.spacing(np.maximum(np.abs(y[1:]), np.abs(y[:-1]))) + np.finfo(dtype).tiny
    assert (y[1:] - y[:-1] >= -slack).all()


@given(vectors(-1e3, 1e3))
def test_ranges_of_activations(z):
    for name, low, high in (
        ("sigmoid", 0, 1),
        ("tanh", -1, 1),
        ("softsign", -1, 1),
        ("hard_sigmoid", 0, 1),
        ("elu", -1, np.inf),
    ):
        y = operation(name)(z)
        assert (y >= low).all(), name
        assert (y <= high).all(), name
    assert (operation("softplus")(z) >= np.maximum(z, 0)).all()


@given(vectors(-30, 30))
def test_identities_between_activations(z):
    sigmoid, tanh = operation("sigmoid")(z), operation("tanh")(z)
    close(2 * operation("sigmoid")(2 * z) - 1, tanh, ulps=8)
    close(operation("silu")(z), z * sigmoid, ulps=8)
    close(operation("mish")(z), z * operation("tanh")(operation("softplus")(z)), ulps=16)
    close(operation("softplus_backward")(np.ones_like(z), z), sigmoid, ulps=8)


# Dense


@given(st.integers(1, 12), st.integers(1, 9), st.integers(1, 9), st.randoms(use_true_random=False))
def test_rows_of_a_dense_layer_are_independent(n, k, m, random):
    rng = np.random.default_rng(random.getrandbits(32))
    x, w, b = rng.normal(size=(n, k)), rng.normal(size=(k, m)), rng.normal(size=m)
    order = rng.permutation(n)
    f = operation("dense")
    np.testing.assert_array_equal(f(x[order], w, b), f(x, w, b)[order])  # the same bits


@given(st.integers(1, 30), st.integers(1, 30), st.integers(1, 30), st.randoms(use_true_random=False))
def test_products_of_integers_are_exact_and_transpose(m, k, n, random):
    rng = np.random.default_rng(random.getrandbits(32))
    a, b = rng.integers(-9, 9, (m, k)).astype(np.float32), rng.integers(-9, 9, (k, n)).astype(np.float32)
    f, exact = operation("matmul"), a.astype(np.int64) @ b.astype(np.int64)
    np.testing.assert_array_equal(f(a, b), exact)
    np.testing.assert_array_equal(f(b, a, transpose_a=True, transpose_b=True), exact.T)


# Cross entropy


@given(st.integers(2, 40), numbers(-1e300, 1e300))
def test_equal_logits_cost_log_n(classes, magnitude):
    for dtype in (np.float32, np.float64):
        value = np.clip(magnitude, np.finfo(dtype).min, np.finfo(dtype).max)
        loss, gradient = operation("softmax_cross_entropy")(np.full((3, classes), value, dtype), [0, 1, 0])
        assert abs(loss - np.log(classes)) <= 8 * np.finfo(dtype).eps * np.log(classes)
        np.testing.assert_allclose(gradient.sum(axis=1), 0, atol=8 * np.finfo(dtype).eps)


@st.composite
def classified(draw, most=20):
    z = draw(matrices(-20, 20, most))
    assume(z.shape[1] > 1)
    return z, draw(arrays(np.int64, z.shape[0], elements=st.integers(0, z.shape[1] - 1)))


@given(classified(), st.integers(0, 20))
def test_a_batch_is_the_weighted_sum_of_its_parts(data, cut):
    z, y = data
    cut = 1 + cut % max(1, len(z) - 1)
    assume(cut < len(z))
    f = operation("softmax_cross_entropy")
    whole, gradient = f(z, y)
    parts = [f(z[s], y[s]) for s in (slice(0, cut), slice(cut, None))]
    shares = (cut / len(z), 1 - cut / len(z))
    close(whole, sum(w * loss for w, (loss, _) in zip(shares, parts, strict=True)), ulps=64, scale=40)
    close(gradient, np.concatenate([w * g for w, (_, g) in zip(shares, parts, strict=True)]), ulps=16)


@given(classified(12), st.data())
def test_weight_two_is_the_row_twice(data, more):
    z, y = data
    counts = more.draw(arrays(np.int64, len(z), elements=st.integers(0, 3)))
    assume(counts.sum() > 0)
    f = operation("softmax_cross_entropy")
    weighted, gradient = f(z, y, sample_weight=counts)
    repeated, long = f(np.repeat(z, counts, axis=0), np.repeat(y, counts))
    close(weighted, repeated, ulps=64, scale=40)
    summed = np.array([g.sum(axis=0) for g in np.split(long, np.cumsum(counts)[:-1])])
    close(gradient, summed, ulps=32)


@given(classified(12), st.randoms(use_true_random=False))
def test_cross_entropy_does_not_depend_on_the_names_of_the_classes(data, random):
    z, y = data
    order = list(range(z.shape[1]))
    random.shuffle(order)
    f = operation("softmax_cross_entropy")
    place = np.argsort(order)
    loss, gradient = f(z, y)
    other, permuted = f(z[:, order], place[y])
    close(loss, other, ulps=64, scale=40)
    close(gradient[:, order], permuted, ulps=16)


# Pointwise losses: whatever is in the register and takes (pred, target)

POINTWISE = [n for n in ("mse", "mae", "huber", "log_cosh", "pinball") if n in OPS]


@pytest.mark.parametrize("name", POINTWISE)
@given(pred=matrices(-9, 9, 12), data=st.data())
def test_laws_of_pointwise_losses(name, pred, data):
    f = operation(name)
    target = data.draw(arrays(np.float64, pred.shape, elements=numbers(-9, 9)))
    counts = data.draw(arrays(np.int64, len(pred), elements=st.integers(0, 3)))
    assume(counts.sum() > 0)
    loss, gradient = f(pred, target)
    assert loss >= 0
    assert f(pred, pred)[0] == 0
    weighted, _ = f(pred, target, sample_weight=counts)
    close(weighted, f(np.repeat(pred, counts, axis=0), np.repeat(target, counts, axis=0))[0], ulps=64, scale=1)
    order = np.random.default_rng(0).permutation(len(pred))
    other, permuted = f(pred[order], target[order])
    close(loss, other, ulps=64, scale=1)
    close(gradient[order], permuted, ulps=8)


# Norms and distances


@needs("vector_norm")
@given(vectors(-1e3, 1e3, 60), st.sampled_from([1, 1.5, 2, 3, np.inf]), numbers(-1e3, 1e3), st.data())
def test_laws_of_vector_norms(a, p, factor, data):
    f = operation("vector_norm")
    b = data.draw(arrays(np.float64, a.shape, elements=numbers(-1e3, 1e3)))
    size = float(f(a, p))
    assert size >= 0
    assert (size == 0) == (not a.any()) or np.abs(a).max() < 1e-150  # powers of less than that vanish
    assert float(f(a + b, p)) <= (size + float(f(b, p))) * (1 + 64 * EPS) + 1e-150
    np.testing.assert_allclose(float(f(factor * a, p)), abs(factor) * size, rtol=1e-13, atol=1e-150)
    assert float(f(a, np.inf)) <= size * (1 + 64 * EPS) + 1e-150


@needs("distances")
@given(matrices(-1e3, 1e3, 8), st.sampled_from(["l1", "l2"]))
def test_laws_of_distances(x, metric):
    d = operation("distances")(x, x, metric=metric)
    slack = 1e-6 * (1 + np.abs(x).max()) * (1 + x.shape[1])
    assert (d >= 0).all()
    np.testing.assert_allclose(d, d.T, rtol=0, atol=slack)
    np.testing.assert_allclose(np.diag(d), 0, rtol=0, atol=slack)
    assert (d[:, None, :] <= d[:, :, None] + d[None, :, :] + slack).all()


# Normalization and dropout


@needs("layer_norm")
@settings(suppress_health_check=[HealthCheck.filter_too_much])  # matrices with constant lines are common
@given(matrices(-1e3, 1e3, 20))
def test_moments_of_layer_norm(x):
    assume(x.shape[1] > 1 and (x.std(axis=1) > 1e-2).all())
    columns = x.shape[1]
    y = operation("layer_norm")(x, np.ones(columns), np.zeros(columns))
    y = y[0] if isinstance(y, tuple) else y
    np.testing.assert_allclose(y.mean(axis=1), 0, atol=1e-9)
    var = x.var(axis=1)
    np.testing.assert_allclose(y.var(axis=1), var / (var + 1e-5), rtol=1e-9)


@needs("batch_norm")
@settings(suppress_health_check=[HealthCheck.filter_too_much])  # matrices with constant lines are common
@given(matrices(-1e3, 1e3, 20))
def test_moments_of_batch_norm(x):
    assume(x.shape[0] > 1 and (x.std(axis=0) > 1e-2).all())
    columns = x.shape[1]
    y = operation("batch_norm")(x, np.ones(columns), np.zeros(columns))
    y = y[0] if isinstance(y, tuple) else y
    np.testing.assert_allclose(y.mean(axis=0), 0, atol=1e-9)
    var = x.var(axis=0)
    np.testing.assert_allclose(y.var(axis=0), var / (var + 1e-5), rtol=1e-9)


@needs("dropout")
@given(st.floats(0.05, 0.95), st.integers(0, 2**31))
def test_mean_of_dropout(rate, seed):
    """Inverted dropout keeps the expectation: 20,000 elements are within five standard deviations."""
    x = np.ones(20_000)
    y = operation("dropout")(x, rate=rate, seed=seed)
    y = y[0] if isinstance(y, tuple) else y
    kept = 1 - rate
    assert abs(y.mean() - 1) <= 5 * np.sqrt(rate / kept / x.size)
    np.testing.assert_allclose(np.unique(y), [0, 1 / kept], rtol=1e-15)


# Updates


@given(vectors(), st.floats(0, 2), st.data())
def test_gradient_ascent_is_descent_of_the_opposite(w, lr, data):
    f = operation("sgd")
    dw = data.draw(arrays(np.float64, w.shape, elements=numbers()))
    up, down = w.copy(), w.copy()
    f(up, dw, lr=lr, maximize=True)
    f(down, -dw, lr=lr)
    np.testing.assert_array_equal(up, down)
