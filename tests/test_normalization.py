"""Batch and layer normalisation: literal values, gradients, statistics at large means, running statistics, refusals."""

from __future__ import annotations

import numpy as np
import pytest
from gradients import check_gradient
from numpy.testing import assert_allclose, assert_array_equal

import densekit.functional as F
from densekit import _core, reference

# Lengths around the blocks: 64 rows, 1,024 columns, 4,096 elements of a run.
CUBES = [
    (2, 1, 1),
    (3, 5, 1),
    (64, 3, 1),
    (65, 33, 1),
    (130, 1025, 1),
    (9000, 1, 1),
    (3, 4, 7),
    (2, 3, 4097),
    (1, 2, 64),
    (65, 2, 2),
]
BOTH = pytest.mark.parametrize("module", [F, reference], ids=["functional", "reference"])


# Literal values.

X = np.array([[1.0, -2.0], [4.0, 0.0], [2.0, 7.0], [9.0, -1.0]])
GAMMA, BETA = np.array([1.5, -2.0]), np.array([-0.25, 3.0])
DY = np.array([1.0, -2.0, 0.5, 3.0])


@BOTH
def test_batch_norm_literal(module):
    # mpmath 1.4 with 40 digits: gamma (x - mean) / sqrt(var + 1e-5) + beta, var divided by n
    expected = [
        [-1.7099920217602116, 4.697055596025612],
        [-0.25, 3.5656851986752036],
        [-1.2233280145068077, -0.3941111920512228],
        [2.1833200362670193, 4.131370397350407],
    ]
    assert_allclose(module.batch_norm(X, GAMMA, BETA), expected, rtol=1e-14)


@BOTH
def test_batch_norm_without_eps_is_the_z_score(module):
    # scipy.stats.zscore, SciPy 1.17
    expected = [
        [-0.9733285267845753, -0.848528137423857],
        [0.0, -0.282842712474619],
        [-0.6488856845230502, 1.697056274847714],
        [1.6222142113076254, -0.565685424949238],
    ]
    assert_allclose(module.batch_norm(X, eps=0), expected, rtol=1e-14)


@BOTH
def test_batch_norm_backward_literal(module):
    # mpmath.diff with 40 digits of sum dy batch_norm(x), gamma 1.5, eps 1e-5
    x = X[:, :1]
    saved = module.batch_norm(x, GAMMA[:1], return_saved=True)[1]
    dx, dgamma, dbeta = module.batch_norm_backward(DY[:, None], x, GAMMA[:1], saved=saved)
    assert_allclose(
        dx[:, 0], [0.6051278273044829, -1.277493019040185, 0.22091954881629544, 0.45144564291940675], rtol=1e-13
    )
    assert_allclose(dgamma, [3.5688693865249617], rtol=1e-14)
    assert_allclose(dbeta, [2.5])


@BOTH
def test_layer_norm_literal(module):
    # mpmath 1.4 with 40 digits; the gradient by mpmath.diff of sum dy layer_norm(x)
    gamma, beta = np.array([1.5, -2.0, 0.5, 1.0]), np.arange(4.0)
    y, saved = module.layer_norm(X[:, 0], gamma, beta, return_saved=True)
    assert_allclose(y, [-1.4599920217602116, 1.0, 1.6755573284977308, 4.622213357511346], rtol=1e-14)
    dx, dgamma, dbeta = module.layer_norm_backward(DY, X[:, 0], gamma, saved=saved)
    expected = [0.03308434490852712, 0.588052342097863, -0.4578485549914218, -0.16328813201496828]
    assert_allclose(dx, expected, rtol=1e-13)
    assert_allclose(dgamma, DY * (y - beta) / gamma, rtol=1e-13)
    assert_array_equal(dbeta, DY)
    # the row 1, -2, 5 without gamma and beta
    row = [-0.11624756805275209, -1.162475680527521, 1.278723248580273]
    assert_allclose(module.layer_norm([[1, -2, 5]]), [row], rtol=1e-14)


@BOTH
def test_running_statistics_literal(module):
    # Batch: mean 4 and 1, variance 9.5 and 12.5 biased, 38/3 and 50/3 unbiased. By hand: 0.9 * 1 + 0.1 * 38/3; the
    # unbiased kind is PyTorch's convention, with momentum=0.1.
    for kind, expected in (("biased", [1.85, 2.15]), ("unbiased", [2.1666666666666665, 2.566666666666667])):
        mean, var = np.zeros(2), np.ones(2)
        module.batch_norm(X, None, None, mean, var, running_var_kind=kind)
        assert_allclose(mean, [0.4, 0.1], rtol=1e-15)
        assert_allclose(var, expected, rtol=1e-14)
        module.batch_norm(X, None, None, mean, var, running_var_kind=kind, stats_decay=0.5)
        assert_allclose(mean, [2.2, 0.55], rtol=1e-15)
    mean, var = np.array([1.0, 2.0]), np.array([4.0, 0.25])
    y = module.batch_norm(X, GAMMA, BETA, mean, var, training=False, eps=0)
    assert_allclose(y, [[-0.25, 19.0], [2.0, 11.0], [0.5, -17.0], [5.75, 15.0]], rtol=1e-15)
    assert_array_equal(mean, [1, 2])  # inference changes nothing
    assert_array_equal(var, [4, 0.25])


# Statistics.


@pytest.mark.parametrize(("ratio", "allowed"), [(100, 1e-6), (1e4, 1e-4)])
@pytest.mark.parametrize("axis", [-1, 0])
def test_statistics_at_a_large_mean(ratio, allowed, axis, level, rng):
    """12,544 values in float32, where the mean of squares minus the square of the mean is 12 % off."""
    x = (ratio + rng.normal(size=(12544, 5))).astype(np.float32)
    exact = x.astype(np.longdouble)
    mean, var = exact.mean(axis=0), exact.var(axis=0)
    given = x if axis == -1 else np.ascontiguousarray(x.T)
    y, saved = F.batch_norm(given, eps=0, axis=axis, return_saved=True)
    y = y if axis == -1 else y.T
    assert_allclose(saved[1] ** -2, var.astype(float), rtol=allowed)
    assert_allclose(saved[1] ** -2, var.astype(float), rtol=1e-12)  # what the kernel in fact does
    assert_allclose(saved[0], mean.astype(float), rtol=1e-13)
    # The output keeps its digits, too, because the mean is subtracted in two parts: two differences, scale, product.
    z = ((exact - mean) / np.sqrt(var)).astype(float)
    assert (np.abs(y - z) <= 4 * np.finfo(np.float32).eps * np.abs(z)).all()
    if ratio == 1e4:  # what would have been lost
        single = (x - mean.astype(np.float32)) / np.sqrt(var).astype(np.float32)
        assert np.abs(single - z).max() > 1e-5


@pytest.mark.parametrize("shape", CUBES)
def test_channel_moments(shape, level, dtype, rng):
    x = rng.normal(3, 2, shape).astype(dtype)
    moments = np.empty((2, shape[1]))
    _core.channel_moments(x, moments)
    exact = x.astype(np.longdouble)
    assert_allclose(moments[0], exact.mean(axis=(0, 2)).astype(float), rtol=0, atol=1e-14)
    assert_allclose(moments[1], (exact.var(axis=(0, 2)) * shape[0] * shape[2]).astype(float), rtol=1e-13)


@pytest.mark.parametrize("shape", CUBES)
def test_constant_channels_have_no_variance_at_all(shape, level, dtype):
    x = np.broadcast_to(np.array(0.1 + np.arange(shape[1]), dtype)[:, None], shape).copy()
    moments = np.empty((2, shape[1]))
    _core.channel_moments(x, moments)
    assert_array_equal(moments[0], x[0, :, 0])
    assert_array_equal(moments[1], 0)


@pytest.mark.parametrize("shape", [(200, 3, 1), (3, 2, 5000)])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("at", [0, 1, 63, 64, 199])
def test_not_finite_values_propagate_as_in_numpy(shape, value, at, level, dtype, rng):
    x = rng.normal(size=shape).astype(dtype)
    along = np.moveaxis(x, 1, 0).reshape(shape[1], -1).copy()
    along[0, at] = value
    along[1, :2] = np.inf, -value
    x = np.ascontiguousarray(np.moveaxis(along.reshape(shape[1], shape[0], shape[2]), 0, 1))
    moments = np.empty((2, shape[1]))
    _core.channel_moments(x, moments)
    with np.errstate(invalid="ignore"):
        assert_array_equal(moments[0, :2], x.mean(axis=(0, 2), dtype=np.float64)[:2])
        assert_array_equal(np.isnan(moments[1]), np.isnan(x.var(axis=(0, 2), dtype=np.float64)))
    y = F.batch_norm(x, axis=1)
    assert np.isnan(y[:, :2]).all()
    assert np.isfinite(y[:, 2:]).all()


def test_squares_that_overflow_give_an_infinite_variance(level):
    x = np.array([[1e200, 1], [-1e200, 2], [0, 4]])
    moments = np.empty((2, 2))
    _core.channel_moments(x[:, :, None], moments)
    assert moments[1, 0] == np.inf
    assert_array_equal(F.batch_norm(x)[:, 0], 0)  # as x.var() is infinite in NumPy


# Shapes.


@pytest.mark.parametrize(
    ("shape", "axis"),
    [
        ((6, 5), 1),
        ((6, 5), 0),
        ((5, 3, 4, 6), 1),
        ((5, 4, 6, 3), -1),
        ((5, 4, 6, 3), 2),
        ((5, 3, 4, 6), (1, 2, 3)),
        ((5, 3, 4), (0, 2)),
    ],
)
def test_axes(shape, axis, level, rng):
    """The definition on a copy with the channels last; (1, 2, 3) normalises each activation by itself."""
    x = rng.normal(3, 2, shape)
    axes = axis if isinstance(axis, tuple) else (axis,)
    kept = tuple(shape[a] for a in axes)
    flat = np.moveaxis(x, axes, range(-len(axes), 0)).reshape(-1, int(np.prod(kept)))
    gamma, beta, dy = rng.normal(size=kept), rng.normal(size=kept), rng.normal(size=shape)

    def back(rows):
        lead = [n for a, n in enumerate(shape) if a not in {b % len(shape) for b in axes}]
        return np.moveaxis(rows.reshape(*lead, *kept), range(-len(axes), 0), axes)

    z = (flat - flat.mean(0)) / np.sqrt(flat.var(0) + 1e-5)
    y, saved = F.batch_norm(x, gamma, beta, axis=axis, return_saved=True)
    assert_allclose(y, back(z * gamma.ravel() + beta.ravel()), rtol=0, atol=1e-12)
    assert saved.shape == (2, *kept)
    g = np.moveaxis(dy, axes, range(-len(axes), 0)).reshape(flat.shape)
    dx, dgamma, dbeta = F.batch_norm_backward(dy, x, gamma, saved=saved, axis=axis)
    inverse = 1 / np.sqrt(flat.var(0) + 1e-5)
    expected = gamma.ravel() * inverse * (g - g.mean(0) - z * (g * z).mean(0))
    assert_allclose(dx, back(expected), rtol=0, atol=1e-12)
    assert_allclose(dgamma.ravel(), (g * z).sum(0), rtol=0, atol=1e-12)
    assert_allclose(dbeta.ravel(), g.sum(0), rtol=0, atol=1e-12)
    for ours, twin in zip(
        (y, saved, dx, dgamma, dbeta),
        (
            *reference.batch_norm(x, gamma, beta, axis=axis, return_saved=True),
            *reference.batch_norm_backward(dy, x, gamma, saved=saved, axis=axis),
        ),
        strict=True,
    ):
        assert_allclose(ours, twin, rtol=0, atol=1e-12)


@pytest.mark.parametrize("axis", [0, 1, 2, -1])
def test_layer_norm_axes(axis, level, rng):
    x, dy = rng.normal(3, 2, (2, 5, 4, 6)), rng.normal(size=(2, 5, 4, 6))
    n = x.shape[axis]
    gamma, beta = rng.normal(size=n), rng.normal(size=n)
    y, saved = F.layer_norm(x, gamma, beta, axis=axis, return_saved=True)
    dx, dgamma, dbeta = F.layer_norm_backward(dy, x, gamma, saved=saved, axis=axis)
    expected = reference.layer_norm(x, gamma, beta, axis=axis, return_saved=True)
    gradients = reference.layer_norm_backward(dy, x, gamma, saved=saved, axis=axis)
    for ours, twin in zip((y, saved, dx, dgamma, dbeta), (*expected, *gradients), strict=True):
        assert ours.shape == twin.shape
        assert_allclose(ours, twin, rtol=0, atol=1e-12)


def test_a_row_alone_gives_the_bits_it_has_in_a_batch(level, dtype, rng):
    for n in (1, 7, 64, 300, 5000):
        x, dy = rng.normal(3, 2, (9, n)).astype(dtype), rng.normal(size=(9, n)).astype(dtype)
        gamma = rng.normal(size=n).astype(dtype)
        y, saved = F.layer_norm(x, gamma, return_saved=True)
        dx = F.layer_norm_backward(dy, x, gamma, saved=saved)[0]
        for i in (0, 4, 8):
            alone, kept = F.layer_norm(x[i], gamma, return_saved=True)
            assert_array_equal(alone, y[i])
            assert_array_equal(kept, saved[:, i])
            assert_array_equal(F.layer_norm_backward(dy[i], x[i], gamma, saved=kept)[0], dx[i])


@pytest.mark.parametrize("shape", CUBES)
def test_bits_do_not_depend_on_threads(shape, level, backend, threads_forced, rng):
    x, dy = rng.normal(3, 2, shape).astype(np.float32), rng.normal(size=shape).astype(np.float32)
    rows, upstream = x.reshape(-1, shape[-1] * shape[1]), dy.reshape(-1, shape[-1] * shape[1])

    def everything():
        y, saved = F.batch_norm(x, axis=1, return_saved=True)
        z, kept = F.layer_norm(rows, return_saved=True)
        backward = F.batch_norm_backward(dy, x, saved=saved, axis=1), F.layer_norm_backward(upstream, rows, saved=kept)
        return [y, saved, z, kept, *backward[0], *backward[1]]

    threads_forced(1)
    alone = everything()
    for count in (2, 3):
        threads_forced(count)
        for a, b in zip(alone, everything(), strict=True):
            assert_array_equal(a, b)


# Gradients.


def staged_batch_norm_backward(dy, x, gamma, eps):
    """The computation graph step by step, as CS231n's second assignment derives it (in one's own words)."""
    n = len(x)
    mean = x.sum(axis=0) / n
    centered = x - mean
    squares = centered**2
    var = squares.sum(axis=0) / n
    root = np.sqrt(var + eps)
    inverse = 1 / root
    dgamma = (dy * centered * inverse).sum(axis=0)
    dnormal = dy * gamma
    dinverse = (dnormal * centered).sum(axis=0)
    dcentered = dnormal * inverse
    droot = -dinverse / root**2
    dvar = droot / (2 * root)
    dcentered = dcentered + 2 * centered * (dvar / n)
    dmean = -dcentered.sum(axis=0)
    return dcentered + dmean / n, dgamma, dy.sum(axis=0)


@BOTH
def test_backward_equals_the_staged_derivation(module, rng):
    x, dy, gamma = rng.normal(3, 2, (300, 17)), rng.normal(size=(300, 17)), rng.normal(size=17)
    saved = module.batch_norm(x, gamma, return_saved=True)[1]
    got = module.batch_norm_backward(dy, x, gamma, saved=saved)
    for ours, staged in zip(got, staged_batch_norm_backward(dy, x, gamma, 1e-5), strict=True):
        assert_allclose(ours, staged, rtol=0, atol=1e-12)


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize(("shape", "axis"), [((6, 3), -1), ((3, 2, 2, 3), 1)])
def test_batch_norm_gradients(training, shape, axis, level, rng):
    x, dy = rng.normal(3, 2, shape), rng.normal(size=shape)
    c = shape[axis]
    gamma, beta, mean, var = rng.normal(size=c), rng.normal(size=c), rng.normal(size=c), rng.uniform(1, 2, c)
    how = {"axis": axis, "training": training}
    if not training:
        how |= {"running_mean": mean, "running_var": var}

    def f(x, gamma, beta):
        return float(np.vdot(dy, F.batch_norm(x, gamma, beta, **how)))

    saved = F.batch_norm(x, gamma, beta, **how, return_saved=True)[1]
    dx, dgamma, dbeta = F.batch_norm_backward(dy, x, gamma, saved=saved, training=training, axis=axis)
    check_gradient(lambda v: f(v, gamma, beta), dx, x, rng)
    check_gradient(lambda v: f(x, v, beta), dgamma, gamma, rng)
    check_gradient(lambda v: f(x, gamma, v), dbeta, beta, rng)
    for ours, twin in zip(
        (dx, dgamma, dbeta),
        reference.batch_norm_backward(dy, x, gamma, saved=saved, training=training, axis=axis),
        strict=True,
    ):
        assert_allclose(ours, twin, rtol=0, atol=1e-12)


@pytest.mark.parametrize("gamma", [None, 1])
def test_layer_norm_gradients(gamma, level, rng):
    x, dy, beta = rng.normal(3, 2, (4, 6)), rng.normal(size=(4, 6)), rng.normal(size=6)
    gamma = None if gamma is None else rng.normal(size=6)

    def f(x, gamma, beta):
        return float(np.vdot(dy, F.layer_norm(x, gamma, beta)))

    saved = F.layer_norm(x, gamma, beta, return_saved=True)[1]
    dx, dgamma, dbeta = F.layer_norm_backward(dy, x, gamma, saved=saved)
    check_gradient(lambda v: f(v, gamma, beta), dx, x, rng)
    check_gradient(lambda v: f(x, v, beta), dgamma, np.ones(6) if gamma is None else gamma, rng)
    check_gradient(lambda v: f(x, gamma, v), dbeta, beta, rng)


def test_shifting_and_scaling_a_channel_changes_nothing(rng):
    x = rng.normal(size=(50, 3))
    assert_allclose(F.batch_norm(4 * x - 7, eps=0), F.batch_norm(x, eps=0), atol=1e-13)
    assert_allclose(F.layer_norm(4 * x - 7, eps=0), F.layer_norm(x, eps=0), atol=1e-13)
    dx = F.batch_norm_backward(rng.normal(size=x.shape), x, saved=F.batch_norm(x, return_saved=True)[1])[0]
    assert_allclose(dx.sum(axis=0), 0, atol=1e-13)  # so the gradient has no part along a shift


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_in_inference_the_gradient_does_not_see_x(value, level, rng):
    x, dy = rng.normal(size=(5, 3)), rng.normal(size=(5, 3))
    x[1, 1] = value
    saved = np.array([[1.0, 2, 3], [0.5, 2, 4]])
    dx, dgamma, _ = F.batch_norm_backward(dy, x, np.array([1.0, -1, 2]), saved=saved, training=False)
    assert_allclose(dx, dy * [0.5, -2, 8], rtol=1e-15)
    assert not np.isfinite(dgamma[1])


@pytest.mark.parametrize("axis", [1, 0])
def test_an_infinite_gamma_gives_infinite_gradients(axis, level, rng):
    x, dy = rng.normal(size=(6, 6)), rng.normal(size=(6, 6))
    gamma = np.array([1, np.inf, 1, 1, -np.inf, 1])
    saved = F.batch_norm(x, axis=axis, return_saved=True)[1]
    got = F.batch_norm_backward(dy, x, gamma, saved=saved, axis=axis)[0]
    expected = reference.batch_norm_backward(dy, x, gamma, saved=saved, axis=axis)[0]
    assert np.isinf(expected).sum() == 12
    assert_allclose(got, expected, rtol=1e-10)


# Edges and refusals.


def test_constant_channel_gives_beta(level, dtype):
    x = np.full((70, 3), 0.1, dtype)
    beta = np.array([1, -2, 0.5], dtype)
    assert_array_equal(F.batch_norm(x, None, beta), np.broadcast_to(beta, x.shape))
    assert_array_equal(F.layer_norm(x, None, beta), np.broadcast_to(beta, x.shape))


@pytest.mark.parametrize("layout", ["strided", "byteswapped", "misaligned"])
def test_running_statistics_of_any_layout_are_updated_in_place(layout, dtype):
    plain = np.zeros(2, dtype), np.ones(2, dtype)
    F.batch_norm(X.astype(dtype), None, None, *plain)
    memory = [np.zeros(8, dtype), np.zeros(8, dtype)]
    if layout == "strided":
        other = [m[::4] for m in memory]
    elif layout == "byteswapped":
        other = [m[:2].astype(m.dtype.newbyteorder()) for m in memory]
    else:
        other = [np.zeros(2 * m.itemsize + 1, np.uint8)[1:].view(dtype) for m in memory]
    other[0][...], other[1][...] = 0, 1
    F.batch_norm(X.astype(dtype), None, None, *other)
    assert_array_equal(other[0], plain[0])
    assert_array_equal(other[1], plain[1])


def test_saved_goes_to_out(rng):
    x = rng.normal(size=(5, 3)).astype(np.float32)
    y, saved = F.batch_norm(x, return_saved=True)
    assert saved.dtype == np.float64
    target = np.empty_like(x), np.empty((2, 3))
    got = F.batch_norm(x, return_saved=True, out=target)
    assert got[0] is target[0]
    assert got[1] is target[1]
    assert_array_equal(got[0], y)
    assert_array_equal(got[1], saved)
    with pytest.raises(TypeError, match="saved is float32, expected float64"):
        F.batch_norm(x, return_saved=True, out=(None, np.empty((2, 3), np.float32)))


def test_out_may_be_any_of_the_inputs(rng):
    x, dy = rng.normal(size=(3, 3)), rng.normal(size=(3, 3))
    expected, saved = F.batch_norm(x, return_saved=True)
    assert_array_equal(F.batch_norm(x.copy(), out=(a := x.copy())), expected)
    b = x.copy()
    assert_array_equal(F.batch_norm(b, out=b), expected)
    gradients = F.batch_norm_backward(dy, x, saved=saved)
    for which in (0, 1):
        pair = [dy.copy(), x.copy()]
        got = F.batch_norm_backward(*pair, saved=saved, out=(pair[which], None, None))
        for g, e in zip(got, gradients, strict=True):
            assert_array_equal(g, e)
    pair = [dy.copy(), x.copy()]  # a parameter's gradient written over the input that dx still reads
    got = F.batch_norm_backward(*pair, saved=saved, out=(None, pair[1][0], None))
    assert_array_equal(got[0], gradients[0])
    assert a is not b


@BOTH
def test_momentum_is_refused_with_help(module):
    with pytest.raises(TypeError, match=r"PyTorch momentum=0\.1 and Keras momentum=0\.9 both mean stats_decay=0\.9"):
        module.batch_norm(X, momentum=0.9)
    with pytest.raises(TypeError, match="unexpected keyword argument"):
        module.batch_norm(X, decay=0.9)


@BOTH
@pytest.mark.parametrize(("shape", "axis"), [((1, 3), -1), ((0, 3), -1), ((1, 3, 1, 1), 1), ((4, 3), (0, 1))])
def test_one_value_a_channel_has_no_variance(module, shape, axis):
    with pytest.raises(ValueError, match="at least 2"):
        module.batch_norm(np.ones(shape), axis=axis)


def test_one_row_is_fine_for_inference():
    assert F.batch_norm(np.ones((1, 2)), None, None, np.ones(2), np.ones(2), training=False).tolist() == [[0, 0]]
    assert F.batch_norm(np.ones((0, 2)), None, None, np.ones(2), np.ones(2), training=False).shape == (0, 2)
    assert F.batch_norm(np.ones((5, 0))).shape == (5, 0)
    assert F.layer_norm(np.ones((0, 3))).shape == (0, 3)
    assert F.layer_norm(np.ones((3, 0))).shape == (3, 0)


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: F.batch_norm(1.0), ValueError, "single number"),
        (lambda: F.batch_norm(X, np.ones(3)), ValueError, r"gamma is \(3,\), expected \(2,\)"),
        (lambda: F.batch_norm(X, None, np.ones((2, 1))), ValueError, r"beta is \(2, 1\), expected \(2,\)"),
        (lambda: F.batch_norm(X, axis=2), ValueError, "axis must be a whole number from -2 to 1, got 2"),
        (lambda: F.batch_norm(X, axis=(0, -2)), ValueError, "none twice"),
        (lambda: F.batch_norm(X, axis=[1]), TypeError, "axis must be a whole number"),
        (lambda: F.batch_norm(X, eps=-1), ValueError, "eps must be"),
        (lambda: F.batch_norm(X, stats_decay=1.5), ValueError, "stats_decay must be"),
        (lambda: F.batch_norm(X, running_var_kind="unbias"), ValueError, "did you mean 'unbiased'"),
        (lambda: F.batch_norm(X, None, None, np.zeros(2)), ValueError, "running_var is None"),
        (lambda: F.batch_norm(X, training=False), ValueError, "needs running_mean and running_var"),
        (lambda: F.batch_norm(X, None, None, np.zeros(3), np.ones(2)), ValueError, r"running_mean is \(3,\)"),
        (
            lambda: F.batch_norm(X, None, None, np.zeros(2, np.float32), np.ones(2)),
            TypeError,
            "running_mean is float32",
        ),
        (lambda: F.batch_norm(X, None, None, [0, 0], [1, 1]), TypeError, "running_mean is list"),
        (lambda: F.batch_norm(X, np.ones(2, np.float32)), TypeError, "x is float64"),
        (
            lambda: F.batch_norm_backward(X, X[:3], saved=np.ones((2, 2))),
            ValueError,
            r"x is \(3, 2\) but dy is \(4, 2\)",
        ),
        (
            lambda: F.batch_norm_backward(X, X, saved=np.ones((2, 4))),
            ValueError,
            r"saved is \(2, 4\), expected \(2, 2\)",
        ),
        (lambda: F.layer_norm(X, np.ones(4)), ValueError, r"gamma is \(4,\), expected \(2,\)"),
        (lambda: F.batch_norm(X, training="no"), TypeError, "training must be True or False, got 'no'"),
        (lambda: F.layer_norm(X, return_saved=1), TypeError, "return_saved must be True or False, got 1"),
        (lambda: F.layer_norm(X, axis=(0, 1)), TypeError, "axis must be a whole number"),
        (
            lambda: F.layer_norm_backward(X, X, saved=np.ones((2, 2))),
            ValueError,
            r"saved is \(2, 2\), expected \(2, 4\)",
        ),
    ],
)
def test_refusals_quote_what_they_got(call, error, words):
    with pytest.raises(error, match=words):
        call()


def test_a_refused_call_leaves_the_running_statistics_alone():
    mean, var = np.zeros(2), np.ones(2)
    var.flags.writeable = False
    with pytest.raises(ValueError, match="running_var is read-only"):
        F.batch_norm(X, None, None, mean, var)
    assert_array_equal(mean, 0)


@pytest.mark.parametrize("scale", [1e-43, 1e-30, 1e37])
@pytest.mark.parametrize("name", ["batch_norm", "layer_norm"])
def test_rows_whose_inverse_deviation_leaves_float32(name, scale, level, rng):
    """1 / std is 1e43 or 1e-37 here; outputs near 1 must not notice, nor gradients that float32 can hold."""
    x = (rng.normal(size=(5, 9)) * scale).astype(np.float32)
    dy = (rng.normal(size=(5, 9)) * min(1e10 * scale, 1)).astype(np.float32)
    y, saved = getattr(F, name)(x, eps=0, return_saved=True)
    expected, exact = getattr(reference, name)(x.astype(np.float64), eps=0, return_saved=True)
    assert_allclose(y, expected, rtol=1e-6, atol=1e-6)
    if name == "batch_norm" and scale < 1e-38:
        return  # its means are not stretched in the backward pass, and a denormal mean has few digits
    gradients = getattr(F, f"{name}_backward")(dy, x, saved=saved)
    arrays = (dy.astype(np.float64), x.astype(np.float64))
    for ours, theirs in zip(gradients, getattr(reference, f"{name}_backward")(*arrays, saved=exact), strict=True):
        assert_allclose(ours, theirs, rtol=1e-6, atol=1e-6 * np.abs(theirs).max())
