"""Surprisal, entropies, likelihoods: values from other programs, laws, edges."""

from __future__ import annotations

import math

import mpmath
import numpy as np
import pytest
from scipy import stats

import densekit.functional as F
import densekit.reference as R
from densekit import _core, info
from densekit.reference import info as twins

BOTH = pytest.mark.parametrize("module", [F, R], ids=["functional", "reference"])
OF_INFO = pytest.mark.parametrize("module", [info, twins], ids=["info", "reference"])
P = np.array([[0.5, 0.25, 0.25], [0.1, 0.1, 0.8]])
T = np.array([[0.25, 0.75, 0.0], [0.2, 0.3, 0.5]])


def test_names_that_moved_say_where_they_are():
    """functional.cross_entropy was taken for PyTorch's, of logits: inf without a word for one-hot rows."""
    for module, where in ((F, "densekit.info"), (R, "densekit.reference.info")):
        for name in ("surprisal", "entropy", "cross_entropy", "kl", "perplexity"):
            assert not hasattr(module, name)
            assert name not in dir(module)
            with pytest.raises(AttributeError, match=rf"{where}\.{name}\b") as error:
                getattr(module, name)
            loss = f"{module.__name__}.softmax_cross_entropy"
            assert (loss in str(error.value)) == (name == "cross_entropy")
            assert callable(getattr(info if module is F else twins, name))
        with pytest.raises(AttributeError, match=f"module '{module.__name__}' has no attribute 'crossentropy'$"):
            getattr(module, "cross" + "entropy")
        everything: dict[str, object] = {}
        exec(f"from {module.__name__} import *", everything)
        assert "softmax_cross_entropy" in everything
        assert not {"surprisal", "entropy", "cross_entropy", "kl", "perplexity"} & set(everything)


@OF_INFO
def test_the_box_of_999_black_balls_and_a_white_one(module, level):
    box = np.array([0.999, 0.001])
    # mpmath 1.4: -log2 of the two float64 numbers
    np.testing.assert_allclose(module.surprisal(box, base=2), [0.0014434168696687187, 9.965784284662087], rtol=1e-15)
    assert module.entropy(box, base=2) == pytest.approx(0.011407757737461136, rel=1e-14)


@OF_INFO
def test_values_of_other_programs(module, level):
    # scipy.stats.entropy, SciPy 1.17
    np.testing.assert_allclose(module.entropy(P), [1.0397207708399179, 0.639031859650177], rtol=1e-15)
    assert module.entropy(P[1], base=2) == pytest.approx(0.9219280948873624, rel=1e-15)
    assert module.entropy([1 / 3, 1 / 3, 1 / 3]) == pytest.approx(1.0986122886681096, rel=1e-15)
    # scipy.stats.entropy(T, P)
    np.testing.assert_allclose(module.kl(T, P), [0.6506724213610959, 0.23321130808955406], rtol=1e-14)
    assert module.kl(T[1], P[1], base=2) == pytest.approx(0.33645279766002784, rel=1e-14)
    # -(T * np.log(P)).sum(1), NumPy 2
    np.testing.assert_allclose(module.cross_entropy(T, P), [1.2130075659799042, 1.2628643221541276], rtol=1e-15)
    # np.exp(scipy.stats.entropy(P))
    assert module.perplexity(P[1]) == pytest.approx(1.8946457081379977, rel=1e-15)
    assert module.perplexity([0.25] * 4) == pytest.approx(4, rel=1e-15)
    np.testing.assert_allclose(module.perplexity(T, P), np.exp([1.2130075659799042, 1.2628643221541276]), rtol=1e-15)


def test_laws(level, dtype, rng):
    p, q = (rng.dirichlet(np.ones(6), 50).astype(dtype) for _ in range(2))
    eps = np.finfo(dtype).eps
    np.testing.assert_allclose(info.cross_entropy(p, q), info.entropy(p) + info.kl(p, q), rtol=4 * eps)
    assert (info.kl(p, q) > 0).all()
    assert not info.kl(p, p).any()
    np.testing.assert_array_equal(info.cross_entropy(p, p), info.entropy(p))
    assert (info.entropy(p) <= math.log(6)).all()
    np.testing.assert_allclose(info.entropy(p, base=2) * math.log(2), info.entropy(p), rtol=4 * eps)
    np.testing.assert_allclose(info.entropy(p.T, axis=0), info.entropy(p), rtol=0)
    cube = rng.dirichlet(np.ones(4), (2, 3)).astype(dtype)
    np.testing.assert_allclose(info.entropy(np.moveaxis(cube, 2, 1), axis=1), info.entropy(cube), rtol=0)
    # Expected surprisal; two independent things surprise as the sum.
    np.testing.assert_allclose((p * info.surprisal(p)).sum(axis=1), info.entropy(p), rtol=8 * eps)
    product = (p[:, :, None] * q[:, None, :]).reshape(50, 36)
    np.testing.assert_allclose(info.entropy(product), info.entropy(p) + info.entropy(q), rtol=8 * eps)


def test_zeros(level, dtype):
    certain, other = np.asarray([1, 0], dtype), np.asarray([0, 1], dtype)
    assert info.entropy(certain) == 0
    assert info.perplexity(certain) == 1
    assert info.kl(certain, certain) == 0
    assert info.kl(certain, other) == info.cross_entropy(certain, other) == info.perplexity(certain, other) == math.inf
    np.testing.assert_array_equal(info.surprisal(certain), [0, math.inf])


def test_results_are_numbers_where_one_is_left(dtype):
    p = np.asarray([0.5, 0.5], dtype)
    for value in (info.entropy(p), info.kl(p, p), info.perplexity(p), F.log_likelihood("poisson", p * 4, rate=1.0)):
        assert isinstance(value, dtype)
    out = np.empty((), dtype)
    assert info.entropy(p, out=out) is out
    assert out == info.entropy(p)
    assert info.surprisal(dtype(0.5)).shape == ()


# Log-likelihoods. distribution, data, parameters, expected: sums of scipy.stats' logpdf or logpmf, SciPy 1.17
X = [1.5, -0.5, 2.0, 0.25]
LITERALS = [
    ("gaussian", X, {"mean": 0.5, "std": 1.5}, -6.255947898584682),
    ("laplace", X, {"mean": 0.5, "scale": 1.5}, -6.894449154672438),
    ("bernoulli", [1, 0, 1, 1], {"p": 0.3}, -3.968593356916541),
    ("categorical", [0, 2, 1, 1], {"p": [0.2, 0.5, 0.3]}, -4.199705077879927),
    ("poisson", [0, 3, 1, 7], {"rate": 2.5}, -10.237722779677764),
    ("exponential", [0.5, 2.0, 0.25], {"rate": 1.5}, -2.908604675675506),
    ("gaussian", [-3.0, 0.0, 7.0], {"mean": -1.0, "std": 0.25}, -550.5979325162543),
    ("gaussian", [100.0], {"mean": 98.5, "std": 10.0}, -3.2327736261987186),
    ("laplace", [-3.0, 0.0, 7.0], {"mean": -1.0, "scale": 0.25}, -41.920558458320166),
    ("laplace", [100.0], {"mean": 98.5, "scale": 10.0}, -3.145732273553991),
    ("bernoulli", [0, 0, 0], {"p": 0.9}, -6.907755278982138),
    ("bernoulli", [1, 0], {"p": 0.001}, -6.908755779315721),
    ("categorical", [0, 0], {"p": [0.9, 0.1]}, -0.21072103131565256),
    ("categorical", [3, 1, 2, 0], {"p": [0.1, 0.2, 0.3, 0.4]}, -6.0322865416282365),
    ("poisson", [0, 0], {"rate": 0.25}, -0.5),
    ("poisson", [100, 120], {"rate": 110.0}, -7.446083062510013),
    ("exponential", [0.0, 3.0], {"rate": 0.1}, -4.905170185988092),
    ("exponential", [0.001], {"rate": 200.0}, 5.098317366548036),
]
IDS = [f"{name}-{number}" for number, (name, *_) in enumerate(LITERALS)]


@BOTH
@pytest.mark.parametrize(("distribution", "data", "parameters", "expected"), LITERALS, ids=IDS)
def test_likelihoods_of_other_programs(module, level, distribution, data, parameters, expected):
    assert module.log_likelihood(distribution, data, **parameters) == pytest.approx(expected, rel=1e-14)
    assert module.likelihood(distribution, data, **parameters) == pytest.approx(math.exp(expected), rel=1e-14)


SCIPY = {
    "gaussian": (lambda g: g.normal(3, 2, 5000), {"mean": np.linspace(1, 5, 4)[:, None], "std": np.linspace(0.5, 4, 3)},
                 lambda x, v: stats.norm.logpdf(x, v["mean"], v["std"])),
    "laplace": (lambda g: g.laplace(3, 2, 5000),
                {"mean": np.linspace(1, 5, 4)[:, None], "scale": np.linspace(0.5, 4, 3)},
                lambda x, v: stats.laplace.logpdf(x, v["mean"], v["scale"])),
    "bernoulli": (lambda g: g.integers(0, 2, 5000), {"p": np.linspace(0.1, 0.9, 5)},
                  lambda x, v: stats.bernoulli.logpmf(x, v["p"])),
    "poisson": (lambda g: g.poisson(6, 5000), {"rate": np.linspace(1, 20, 6).reshape(2, 3)},
                lambda x, v: stats.poisson.logpmf(x, v["rate"])),
    "exponential": (lambda g: g.exponential(2, 5000), {"rate": np.linspace(0.1, 5, 5)},
                    lambda x, v: stats.expon.logpdf(x, scale=1 / v["rate"])),
}  # fmt: skip


@pytest.mark.parametrize("distribution", SCIPY)
def test_surfaces_equal_scipy(level, distribution, rng):
    make, parameters, log_density = SCIPY[distribution]
    data = make(rng)
    expected = log_density(data, {name: v[..., None] for name, v in parameters.items()}).sum(axis=-1)
    for module in (F, R):
        surface = module.log_likelihood(distribution, data, **parameters)
        assert surface.shape == np.broadcast_shapes(*(v.shape for v in parameters.values()))
        np.testing.assert_allclose(surface, expected, rtol=1e-12)
    single = F.log_likelihood(distribution, data, **{name: v.ravel()[0] for name, v in parameters.items()})
    assert single == surface.ravel()[0] or single == pytest.approx(surface.ravel()[0], rel=1e-14)


def test_categorical_surface(level, rng):
    p, data = rng.dirichlet(np.ones(4), (3, 2)), rng.integers(0, 4, 500)
    expected = np.log(p[..., data]).sum(axis=-1)
    for module in (F, R):
        np.testing.assert_allclose(module.log_likelihood("categorical", data, p=p), expected, rtol=1e-12)


MAXIMA = {
    # distribution: the parameters where the likelihood is largest; the variance with divisor n, not n - 1
    "gaussian": lambda x: {"mean": x.mean(), "std": x.std()},
    "laplace": lambda x: {"mean": np.median(x), "scale": np.abs(x - np.median(x)).mean()},
    "bernoulli": lambda x: {"p": x.mean()},
    "poisson": lambda x: {"rate": x.mean()},
    "exponential": lambda x: {"rate": 1 / x.mean()},
}


@pytest.mark.parametrize("distribution", MAXIMA)
def test_the_maximum_is_where_theory_says(level, distribution, rng):
    data = SCIPY[distribution][0](rng)[:501]
    best = MAXIMA[distribution](data)
    at_best = F.log_likelihood(distribution, data, **best)
    for name, value in best.items():
        for factor in (0.99, 1.01):
            assert F.log_likelihood(distribution, data, **{**best, name: value * factor}) < at_best


def test_likelihood_at_the_ends(level):
    assert F.likelihood("bernoulli", [1, 1], p=1.0) == 1
    assert F.likelihood("bernoulli", [1, 0], p=1.0) == 0
    assert F.log_likelihood("poisson", [0, 0], rate=0.0) == 0
    assert F.log_likelihood("poisson", [0, 1], rate=0.0) == -math.inf
    assert F.log_likelihood("categorical", [0, 0], p=[1.0, 0.0]) == 0
    assert F.log_likelihood("categorical", [0, 1], p=[1.0, 0.0]) == -math.inf
    assert F.log_likelihood("gaussian", [], mean=0.0, std=1.0) == 0
    assert F.likelihood("gaussian", [], mean=0.0, std=1.0) == 1
    assert np.isnan(F.log_likelihood("gaussian", [np.nan], mean=0.0, std=1.0))
    assert F.log_likelihood("gaussian", [np.inf], mean=0.0, std=1.0) == -math.inf
    assert F.log_likelihood("gaussian", [1.0], mean=np.ones((0, 3)), std=1.0).shape == (0, 3)


def test_float32_data_with_float64_parameters(level, rng):
    data = rng.normal(size=1000).astype(np.float32)
    surface = F.log_likelihood("gaussian", data, mean=np.linspace(-1, 1, 5), std=1.5)
    assert surface.dtype == np.float32
    np.testing.assert_allclose(
        surface, stats.norm.logpdf(data.astype(float), np.linspace(-1, 1, 5)[:, None], 1.5).sum(1), rtol=1e-7
    )


def test_likelihood_bits_do_not_depend_on_threads(dtype, backend, threads_forced, rng):
    data = rng.normal(size=40_000).astype(dtype)
    p = rng.dirichlet(np.ones(7), 5000).astype(dtype)
    results = []
    for threads in (1, 2, 3, 7):
        threads_forced(threads)
        surface = F.log_likelihood("gaussian", data, mean=np.linspace(-1, 1, 9)[:, None], std=[0.5, 1.0])
        results.append((surface, info.entropy(p), info.surprisal(p)))
    for result in results[1:]:
        for a, b in zip(result, results[0], strict=True):
            np.testing.assert_array_equal(a, b)


def log_gamma(x):
    y = np.empty_like(x)
    _core.log_gamma(x, y)
    return y


def test_log_gamma(level, dtype):
    """Against mpmath: 4 ulp and, in float64 where the parts cancel, 8e-15 absolute; float32 1 ulp."""
    x = np.concatenate(
        [np.geomspace(1e-30, 1e30, 1201), np.linspace(0.01, 12, 1200), [1, 2, 8, 0.5, 1.4616321449683623]]
    )
    x = x.astype(dtype)
    with mpmath.workdps(30):
        exact = np.array([mpmath.loggamma(mpmath.mpf(float(v))) for v in x])
    rounded = exact.astype(np.float64)
    got = log_gamma(x)
    error = np.abs(np.array([mpmath.mpf(float(g)) for g in got]) - exact).astype(np.float64)
    ulp = np.spacing(np.abs(rounded).astype(dtype)).astype(np.float64)
    allowed = ulp + 8e-15 if dtype == np.float32 else 4 * ulp + np.where(x < 8, 8e-15, 0)
    worst = int(np.argmax(error - allowed))
    assert (error <= allowed).all(), (
        f"log_gamma({x[worst]!r}) is off by {error[worst]:.3g}, allowed {allowed[worst]:.3g}"
    )


def test_log_gamma_at_the_ends(level, dtype):
    x = np.asarray([0, 1, 2, np.inf, np.nan, np.finfo(dtype).smallest_subnormal], dtype)
    got = log_gamma(x)
    np.testing.assert_array_equal(got[:5], [np.inf, 0, 0, np.inf, np.nan])
    assert got[5] == pytest.approx(-math.log(float(x[5])), rel=1e-6)


BAD = [
    (lambda: info.surprisal([0.5, 1.5]), ValueError, r"surprisal: p\[1\] is 1.5, expected a probability from 0 to 1"),
    (lambda: info.surprisal([np.nan]), ValueError, r"surprisal: p\[0\] is nan"),
    (lambda: info.surprisal([0.5], base=1), ValueError, "surprisal: base is 1, which has no logarithm"),
    (lambda: info.surprisal([0.5], base=-2), ValueError, r"surprisal: base must be a finite number in \(0"),
    (lambda: info.entropy([0.5, 0.4]), ValueError, r"entropy: p \(2,\) sums to 0.9 along axis 0, expected 1"),
    (lambda: info.entropy([[0.5, 0.5], [0.5, 0.6]]),
     ValueError, r"entropy: p \(2, 2\) sums to 1.1 along axis 1 \(row 1\)"),
    (lambda: info.entropy(np.float64(0.5)), ValueError, "entropy: .* expected at least one dimension"),
    (lambda: info.entropy([]), ValueError, r"entropy: p \(0,\) sums to 0"),
    (lambda: info.kl([0.5, 0.5], [0.5, 0.25, 0.25]), ValueError, r"kl: p is \(2,\) but q is \(3,\)"),
    (lambda: info.cross_entropy([0.5, 0.5], [0.5, 0.6]), ValueError, r"cross_entropy: q \(2,\) sums to 1.1"),
    (lambda: info.perplexity([-0.5, 1.5]), ValueError, r"perplexity: p\[0\] is -0.5"),
    (lambda: F.log_likelihood("gausian", [1.0], mean=0.0, std=1.0), ValueError,
     r"log_likelihood: distribution must be one of 'gaussian', 'laplace', .*did you mean 'gaussian'"),
    (lambda: F.log_likelihood("gaussian", [1.0], mean=0.0), TypeError, "std missing; gaussian takes mean and std"),
    (lambda: F.likelihood("poisson", [1.0], mean=0.0),
     TypeError, "likelihood: poisson has no parameter 'mean'; poisson takes rate"),
    (lambda: F.log_likelihood("gaussian", [1.0], mean=0.0, std=0.0),
     ValueError, r"std is 0.0, expected a number in \(0, inf\)"),
    (lambda: F.log_likelihood("bernoulli", [1], p=[0.5, 2]),
     ValueError, r"p\[1\] is 2.0, expected a number in \[0, 1\]"),
    (lambda: F.log_likelihood("bernoulli", [0.5], p=0.5), ValueError, r"data\[0\] is 0.5, expected 0 or 1"),
    (lambda: F.log_likelihood("poisson", [1, -1], rate=2.0), ValueError, r"data\[1\] is -1.0, expected a whole number"),
    (lambda: F.log_likelihood("exponential", [-1.0], rate=2.0),
     ValueError, r"data\[0\] is -1.0, expected a number, 0 or more"),
    (lambda: F.log_likelihood("categorical", [3], p=[0.5, 0.5]),
     ValueError, r"data\[0\] is 3.0, expected a class from 0 to 1"),
    (lambda: F.log_likelihood("categorical", [0], p=[0.5, 0.6]), ValueError, r"p \(2,\) sums to 1.1"),
    (lambda: F.log_likelihood("gaussian", [[1.0]], mean=0.0, std=1.0),
     ValueError, r"data are \(1, 1\), expected \(n,\)"),
    (lambda: F.log_likelihood("gaussian", [1.0], mean=np.zeros(2), std=np.ones(3)), ValueError,
     r"mean is \(2,\) but std is \(3,\), which do not broadcast"),
]  # fmt: skip


@pytest.mark.parametrize(("call", "error", "message"), BAD, ids=[message[:40] for *_, message in BAD])
def test_errors_quote(call, error, message):
    with pytest.raises(error, match=message):
        call()


@pytest.mark.parametrize("scale", [1e-200, 1e-100, 1.0, 1e100, 1e200])
@pytest.mark.parametrize("center", [0.0, 1e6])
def test_sums_of_a_gaussian_lose_nothing_at_any_scale(scale, center):
    """Squares of the data leave float64 at the ends; a far center must not cancel digits; equal data have no spread."""
    unit = np.random.default_rng(0).normal(size=500) + center
    mean, std = np.array([center - 3, center + 0.1])[:, None] * scale, np.array([0.5, 2.0, 100.0]) * scale
    for data in (unit * scale, np.full(40, (center + 1) * scale)):
        exact = -0.5 * ((data - mean[..., None]) / std[:, None]) ** 2 - np.log(std)[:, None] - 0.5 * np.log(2 * np.pi)
        found = F.log_likelihood("gaussian", data, mean=mean, std=std)
        np.testing.assert_allclose(found, exact.sum(axis=-1), rtol=1e-9)
        alone = F.log_likelihood("gaussian", data, mean=mean[1, 0], std=std[2])
        assert alone == found[1, 2]  # the number of points changes no bit
