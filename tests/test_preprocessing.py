"""The scalers beside scikit-learn's: equal to 1e-12 whatever the data, whole or in parts; and without scikit-learn."""

from __future__ import annotations

import pickle
import subprocess
import sys

import numpy as np
import pytest

from densekit.preprocessing import MinMaxScaler, StandardScaler

theirs = pytest.importorskip("sklearn.preprocessing", reason="scikit-learn is not installed")
from sklearn import config_context  # noqa: E402
from sklearn.base import clone  # noqa: E402
from sklearn.pipeline import make_pipeline  # noqa: E402
from sklearn.utils.estimator_checks import parametrize_with_checks  # noqa: E402

PAIRS = [
    (StandardScaler, theirs.StandardScaler, {}),
    (StandardScaler, theirs.StandardScaler, {"with_mean": False}),
    (StandardScaler, theirs.StandardScaler, {"with_std": False}),
    (StandardScaler, theirs.StandardScaler, {"with_mean": False, "with_std": False}),
    (MinMaxScaler, theirs.MinMaxScaler, {}),
    (MinMaxScaler, theirs.MinMaxScaler, {"feature_range": (-2, 5), "clip": True}),
]
IDS = [f"{ours.__name__}{options or ''}" for ours, _, options in PAIRS]
ATTRIBUTES = ("mean_", "var_", "scale_", "min_", "data_min_", "data_max_", "data_range_", "n_samples_seen_")


@parametrize_with_checks(
    [StandardScaler(), MinMaxScaler(), StandardScaler(with_mean=False), MinMaxScaler((-1, 1), clip=True)]
)
def test_estimator_checks(estimator, check):
    check(estimator)


@pytest.fixture
def data(rng):
    """Columns far from zero, tiny, constant, of zeros, with NaN, and of NaN alone."""
    X = rng.normal(3, 2, (300, 7))
    X[:, 1] = 1e6 + X[:, 1]
    X[:, 2] *= 1e-12
    X[:, 3], X[:, 4] = 7.3, 0.0
    X[rng.random(300) < 0.3, 5] = np.nan
    X[:, 6] = np.nan
    return X


def assert_equal_scalers(ours, scaler, X, rtol=1e-12):
    for name in ATTRIBUTES:
        assert hasattr(ours, name) == hasattr(scaler, name), name
        expected = getattr(scaler, name, None)
        if expected is None:
            assert getattr(ours, name, None) is None
            continue
        np.testing.assert_allclose(getattr(ours, name), expected, rtol=rtol, atol=rtol, err_msg=name)
        assert np.shape(getattr(ours, name)) == np.shape(expected), name
    Z = scaler.transform(X)
    np.testing.assert_allclose(ours.transform(X), Z, rtol=rtol, atol=rtol)
    np.testing.assert_allclose(ours.inverse_transform(Z), scaler.inverse_transform(Z), rtol=rtol, atol=rtol)


@pytest.mark.filterwarnings("ignore:All-NaN:RuntimeWarning", "ignore:invalid value:RuntimeWarning")
@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize(("ours", "scaler", "options"), PAIRS, ids=IDS)
def test_equal_to_sklearn(ours, scaler, options, order, data):
    X = np.asarray(data, order=order)
    before = X.copy()
    assert_equal_scalers(ours(**options).fit(X), scaler(**options).fit(X), X)
    np.testing.assert_array_equal(X, before)


@pytest.mark.filterwarnings("ignore:All-NaN:RuntimeWarning", "ignore:invalid value:RuntimeWarning")
@pytest.mark.parametrize(("ours", "scaler", "options"), PAIRS, ids=IDS)
def test_partial_fit_equals_sklearn_and_one_fit(ours, scaler, options, data):
    X = data[:, :6]
    X[:, 1] -= 1e6  # means that differ by one rounding of 1e6 differ by more than 1e-12 standard deviations
    a, b = ours(**options), scaler(**options)
    for part in (X[:1], X[1:120], X[120:]):
        a.partial_fit(part)
        b.partial_fit(part)
    assert_equal_scalers(a, b, X)
    whole = ours(**options).fit(X)
    np.testing.assert_allclose(a.transform(X), whole.transform(X), rtol=1e-12, atol=1e-12)
    assert a.fit(X[:50]).n_samples_seen_ is not None
    np.testing.assert_array_equal(a.transform(X), ours(**options).fit(X[:50]).transform(X))


@pytest.mark.parametrize(("ours", "scaler", "options"), PAIRS, ids=IDS)
def test_float32_stays_and_is_close(ours, scaler, options, rng):
    X = rng.normal(3, 2, (200, 5)).astype(np.float32)
    a, b = ours(**options).fit(X), scaler(**options).fit(X)
    Z = a.transform(X)
    assert Z.dtype == np.float32
    assert a.inverse_transform(Z).dtype == np.float32
    np.testing.assert_allclose(Z, b.transform(X), rtol=2e-6, atol=2e-6)
    np.testing.assert_allclose(a.inverse_transform(Z), X, rtol=1e-5, atol=1e-5)


def test_weights(rng):
    X, w = rng.normal(size=(100, 3)), rng.random(100)
    a, b = StandardScaler().fit(X, sample_weight=w), theirs.StandardScaler().fit(X, sample_weight=w)
    assert_equal_scalers(a, b, X)
    whole = rng.integers(0, 4, 100)
    np.testing.assert_allclose(
        StandardScaler().fit(X, sample_weight=whole).var_, StandardScaler().fit(np.repeat(X, whole, axis=0)).var_
    )
    with pytest.raises(ValueError, match=r"sample_weight\[0\] is -1"):
        StandardScaler().fit(X, sample_weight=np.r_[-1, np.ones(99)])


@pytest.mark.parametrize("format", ["csr", "csc"])
def test_sparse(format, rng):
    sparse = pytest.importorskip("scipy.sparse")
    X = sparse.random(80, 6, density=0.3, random_state=rng, format=format)
    a, b = StandardScaler(with_mean=False).fit(X), theirs.StandardScaler(with_mean=False).fit(X)
    np.testing.assert_allclose(a.var_, b.var_, rtol=1e-12)
    Z = a.transform(X)
    np.testing.assert_allclose(Z.toarray(), b.transform(X).toarray(), rtol=1e-12)
    np.testing.assert_allclose(a.inverse_transform(Z).toarray(), X.toarray(), rtol=1e-12)
    with pytest.raises(ValueError, match="Cannot center sparse"):
        StandardScaler().fit(X)


def test_copy_false_writes_into_x(rng):
    for scaler in (StandardScaler(copy=False), MinMaxScaler(copy=False)):
        X = rng.normal(size=(20, 3))
        expected = scaler.fit(X).transform(X.copy())
        assert scaler.transform(X) is X
        np.testing.assert_array_equal(X, expected)


def test_estimator_manners(rng):
    X = rng.normal(size=(30, 2))
    scaler = MinMaxScaler((0, 2))
    assert clone(scaler).get_params() == scaler.get_params()
    assert repr(scaler) == "MinMaxScaler(feature_range=(0, 2))"
    pipe = make_pipeline(StandardScaler(), MinMaxScaler()).fit(X)
    again = pickle.loads(pickle.dumps(pipe))
    np.testing.assert_array_equal(again.transform(X), pipe.transform(X))


def test_set_output(rng):
    pd = pytest.importorskip("pandas", reason="pandas is not installed")
    X = pd.DataFrame(rng.normal(size=(10, 2)), columns=["a", "b"])
    out = StandardScaler().set_output(transform="pandas").fit_transform(X)
    assert list(out.columns) == ["a", "b"]
    with config_context(transform_output="pandas"):
        assert list(MinMaxScaler().fit_transform(X).columns) == ["a", "b"]
    assert StandardScaler().fit(X).get_feature_names_out().tolist() == ["a", "b"]


def test_bad_input():
    with pytest.raises(ValueError, match="infinity"):
        StandardScaler().fit([[1.0], [np.inf]])
    with pytest.raises(ValueError, match="smaller than maximum"):
        MinMaxScaler((1, 0)).fit([[1.0]])
    with pytest.raises(TypeError, match="with_mean must be True or False, got 'no'"):
        StandardScaler(with_mean="no").fit([[1.0]])


ALONE = """
import sys
sys.modules["sklearn"] = None
import numpy as np
from densekit.preprocessing import MinMaxScaler, StandardScaler
X = np.array([[1.0, 5.0], [3.0, np.nan], [5.0, 6.0]])
scaler = StandardScaler()
print(scaler.fit_transform(X).round(4).tolist(), scaler, scaler.n_samples_seen_.tolist())
print(MinMaxScaler((0, 2)).set_params(clip=True).fit(X).transform([[9, 9]]).tolist(), MinMaxScaler((0, 2)))
for bad, call in (
    ("infinite", lambda: scaler.fit([[np.inf]])),
    ("3 features", lambda: scaler.fit(X).transform([[1, 2, 3]])),
    ("not fitted", lambda: MinMaxScaler().transform(X)),
    ("no parameter", lambda: scaler.set_params(a=1)),
):
    try:
        call()
    except ValueError as error:
        assert bad in str(error), error
    else:
        raise AssertionError(bad)
import densekit
try:
    densekit.sklearn
except ImportError as error:
    assert "pip install 'densekit[sklearn]'" in str(error)
else:
    raise AssertionError("densekit.sklearn without scikit-learn")
"""


def test_without_sklearn():
    done = subprocess.run([sys.executable, "-c", ALONE], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0] == "[[-1.2247, -1.0], [0.0, nan], [1.2247, 1.0]] StandardScaler() [3, 2]"
    assert lines[1] == "[[2.0, 2.0]] MinMaxScaler(feature_range=(0, 2))"


# Columns without variance or without values, in every way that data comes.


def _forms(X):
    yield X
    yield np.asfortranarray(X)
    sparse = pytest.importorskip("scipy.sparse")
    yield from (made(X) for made in (sparse.csr_array, sparse.csc_array, sparse.csr_matrix))


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_constant_column_has_no_variance(weighted, dtype, rng):
    rows = 97
    w = rng.uniform(0.001, 2, rows) if weighted else None
    constants = np.r_[rng.uniform(-1e3, 1e3, 40), 1e-30, 1e30, 0.1, 0.0].astype(dtype)
    X = np.tile(constants, (rows, 1))
    with_nan = np.where(rng.random(X.shape) < 0.2, np.nan, X).astype(dtype)
    for table in (X, with_nan):
        for given in _forms(table):
            scaler = StandardScaler(with_mean=False).fit(given, sample_weight=w)
            np.testing.assert_array_equal(scaler.mean_, constants)
            np.testing.assert_array_equal(scaler.var_, 0)
            np.testing.assert_array_equal(scaler.scale_, 1)
            for start in (0, 30, 60):  # joined from parts
                part = slice(start, start + 37)
                scaler.partial_fit(given[part], sample_weight=None if w is None else w[part])
            np.testing.assert_array_equal(scaler.scale_, 1)


@pytest.mark.parametrize("weighted", [False, True])
def test_columns_of_nan_among_the_parts_of_a_fit(weighted, rng):
    X = rng.normal(3, 2, (60, 3))
    X[:20, 0] = X[20:40, 1] = X[:, 2] = np.nan
    w = rng.uniform(0.5, 2, 60) if weighted else None
    whole = StandardScaler(with_mean=False).fit(X, sample_weight=w)
    assert np.isfinite(whole.var_[:2]).all()
    assert np.isnan(whole.var_[2])
    for given in _forms(X):
        scaler = StandardScaler(with_mean=False)
        for part in (slice(0, 20), slice(20, 40), slice(40, 60)):
            scaler.partial_fit(given[part], sample_weight=None if w is None else w[part])
        for name in ("mean_", "var_", "scale_", "n_samples_seen_"):
            np.testing.assert_allclose(getattr(scaler, name), getattr(whole, name), rtol=1e-12)


def test_nearly_constant_columns_as_in_scikit_learn():
    for average in (1e-10, 1.0, 1e10):
        for scale in (1e-30, 1e-20, 1e-9, 1e-3):
            X = np.repeat([[average + scale], [average - scale]], 500, axis=0)
            for given in _forms(X):
                expected = theirs.StandardScaler(with_mean=False).fit(given).scale_
                np.testing.assert_allclose(StandardScaler(with_mean=False).fit(given).scale_, expected, rtol=1e-6)


def test_elements_stored_twice_are_one():
    sparse = pytest.importorskip("scipy.sparse")
    twice = sparse.csr_matrix((np.array([1.0, 2.0, 4.0]), np.array([0, 0, 0]), np.array([0, 2, 3])), shape=(2, 1))
    scaler = StandardScaler(with_mean=False).fit(twice)
    assert (scaler.mean_[0], scaler.var_[0]) == (3.5, 0.25)
    assert twice.nnz == 3  # as it was


@pytest.mark.parametrize("scaler", [StandardScaler, MinMaxScaler])
def test_float16_stays(scaler, rng):
    X = rng.normal(5, 3, (50, 4)).astype(np.float16)
    given = X.copy()
    found = scaler().fit(given)
    assert found.transform(given).dtype == found.inverse_transform(given).dtype == np.float16
    np.testing.assert_allclose(found.transform(given), scaler().fit_transform(X.astype(float)), atol=5e-3)
    np.testing.assert_array_equal(given, X)
