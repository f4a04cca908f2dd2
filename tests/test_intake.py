"""Everything that people pass where numbers are expected: taken exactly, or refused by name; never read for ever."""

from __future__ import annotations

import array
import collections
import datetime
import decimal
import fractions
import subprocess
import sys
import textwrap

import numpy as np
import pytest

import densekit as dk
import densekit.functional as F
from densekit import info, metrics, shift
from densekit._intake import as_array, as_labels, refuse_batches
from densekit.layers import Dense
from densekit.losses import MeanSquaredError, SparseCategoricalCrossentropy
from densekit.preprocessing import MinMaxScaler, StandardScaler, mixup

NAN = float("nan")
EXPECTED = np.array([[1.0, 2.0], [3.0, 4.0]])


def taken(value, expected, dtype=None):
    found = as_array("fit", "X", value)
    np.testing.assert_array_equal(found, expected)
    assert found.dtype == (dtype or found.dtype), found.dtype
    assert found.dtype.isnative
    assert found.flags.aligned


class Interface:
    """An array by the oldest of NumPy's protocols."""

    def __init__(self, a):
        self.a, self.__array_interface__ = a, a.__array_interface__


class OnlyDlpack:
    def __init__(self, a):
        self.a = a

    def __dlpack__(self, **options):
        return self.a.__dlpack__(**options)

    def __dlpack_device__(self):
        return self.a.__dlpack_device__()


@pytest.mark.parametrize(
    "value",
    [
        EXPECTED.tolist(),
        tuple(map(tuple, EXPECTED.tolist())),
        [EXPECTED[0], EXPECTED[1].tolist()],
        collections.deque([collections.deque([1, 2.0]), [3, 4]]),
        [range(1, 3), range(3, 5)],
        np.matrix(EXPECTED),
        EXPECTED.astype(object),
        [[1, decimal.Decimal(2)], [fractions.Fraction(3), np.float32(4)]],
        [array.array("d", [1, 2]), array.array("f", [3, 4])],
        memoryview(EXPECTED),
        Interface(EXPECTED),
        OnlyDlpack(EXPECTED),
        [[np.array(1.0), 2], [3, np.array(4)]],
    ],
    ids=lambda v: type(v).__name__,
)
def test_numbers_in_every_form(value):
    taken(value, EXPECTED)


@pytest.mark.parametrize(
    ("value", "expected", "dtype"),
    [
        (np.float32(1.5), np.float32(1.5), np.float32),
        (3, 3, np.int64),
        (True, True, np.bool_),
        ([], np.empty(0), None),
        ([[], []], np.empty((2, 0)), None),
        (range(3), [0, 1, 2], np.int64),
        (np.array([True, False], object), [True, False], np.bool_),
        (np.array([2**53 + 1, -1], object), [2**53 + 1, -1], np.int64),
        (np.array([1, 0.1, True], object), [1, 0.1, 1], np.float64),
        ([decimal.Decimal("0.1"), 2**70], [0.1, 2.0**70], np.float64),
        (np.ones(3, np.float16), np.ones(3), np.float16),
        (np.ones(3, ">f4"), np.ones(3), np.float32),
    ],
)
def test_the_type_is_kept(value, expected, dtype):
    taken(value, expected, dtype)


def test_an_array_is_not_copied():
    x = np.ones((4, 3), np.float32)
    assert as_array("fit", "X", x) is x
    assert np.shares_memory(as_array("fit", "X", x[::2, 1:]), x)


@pytest.mark.parametrize(
    ("value", "kind", "text"),
    [
        (None, TypeError, "fit: X is None, expected an array of numbers"),
        ("abc", TypeError, "X holds strings such as 'abc'"),
        (b"abc", TypeError, "X holds strings such as b'abc'"),
        ([[1, "2"]], TypeError, "X holds strings such as '2'"),
        (np.array(["a"]), TypeError, "X holds strings such as 'a'; encode them as numbers"),
        ([1, None], TypeError, r"X is object, with values such as None; convert it, .*, first at X\[1\]"),
        ({"a": [1]}, TypeError, r"X is a dict, .*; of columns by name write np.column_stack\(list\(X.values\(\)\)\)"),
        ({1, 2}, TypeError, "X is a set, .*; write a list in the order that you mean"),
        (len, TypeError, "X is a builtin_function_or_method, expected an array of numbers"),
        (float, TypeError, "X is the class float"),
        (datetime.date(2020, 1, 1), TypeError, "X is datetime's date"),
        ([[1, 2], [3]], ValueError, r"X is not a rectangular array: X\[1\] has 1 element\(s\) but X\[0\] has 2"),
        ([[[1], [2]], [[3], [4, 5]]], ValueError, r"X\[1, 1\] has 2 element\(s\) but X\[0, 0\] has 1"),
        ([[1, 2], 3], ValueError, r"X\[0\] is a list but X\[1\] is 3"),
        ([np.ones(2), np.ones(3)], ValueError, r"X\[1\] is \(3,\) but X\[0\] is \(2,\)"),
        ([(np.ones((3, 2)), np.ones(3))], ValueError, "a list of batches is not taken yet"),
        (np.zeros(3, "M8[D]"), TypeError, "a time, expected numbers; write e.g. the days since the first one"),
        (
            np.zeros(2, [("a", float), ("b", int)]),
            TypeError,
            r"with the fields a, b; .*structured_to_unstructured\(X\)",
        ),
        ([1j], TypeError, "X is complex128, expected real numbers"),
        (np.ones(2, np.longdouble), TypeError, "at most 64 bits"),
        (np.ma.masked_array([1.0], [True]), TypeError, r"masked array; fill it first, e.g. X.filled\(0\)"),
        ([1.5, 10**400], ValueError, "a number that float64 does not hold"),
        ([decimal.Decimal("1e400"), 1], ValueError, "a number that float64 does not hold"),
        (np.array([[1], [{}]], object), TypeError, r"values such as \{\}; .*, first at X\[1, 0\]"),
    ],
)
def test_refused(value, kind, text):
    with pytest.raises(kind, match=text):
        as_array("fit", "X", value)


def test_lists_that_contain_themselves():
    one, two, beside = [], [], [1]
    one.append(one)
    two.extend([two, two])  # doubles at each level
    beside.append(beside)
    for value, text in ((one, "32 deep"), (two, "32 deep"), (beside, "not a rectangular array")):
        with pytest.raises(ValueError, match=text):
            as_array("fit", "X", value)
        refuse_batches("fit", "X", value)  # ends


# Objects that give items one after another, for ever if they are let.


class Sequence:
    """Like Keras's PyDataset and PyTorch's Dataset: an index gives a batch."""

    def __len__(self):
        return 10**12

    def __getitem__(self, index):
        raise AssertionError("an item was read")


class Endless:
    def __getitem__(self, index):
        raise AssertionError("an item was read")


class Stream:
    """Like a tf.data.Dataset."""

    def __iter__(self):
        raise AssertionError("an item was read")


def batches():
    raise AssertionError("an item was read")
    yield


ENDLESS = {
    "sequence": Sequence,
    "endless": Endless,
    "stream": Stream,
    "generator": batches,
    "map": lambda: map(abs, batches()),
    "list of sequences": lambda: [Sequence(), Sequence()],
    "tuple in a list": lambda: [(Endless(),)],
}

X = np.arange(24.0).reshape(8, 3) / 24
LABELS = np.array([0, 1, 2, 0, 1, 2, 0, 1])


def model():
    return dk.Sequential([Dense(3, "softmax", inputs=3)], seed=0).compile("sgd", "sparse_categorical_crossentropy")


def estimator(name):
    from densekit import sklearn

    return getattr(sklearn, name)(hidden_layer_sizes=(2,), max_iter=1)


CALLS = {
    "fit X": lambda v: model().fit(v, verbose=0),
    "fit X y": lambda v: model().fit(v, LABELS, verbose=0),
    "fit y": lambda v: model().fit(X, v, verbose=0),
    "fit weights": lambda v: model().fit(X, LABELS, sample_weight=v, verbose=0),
    "fit validation X": lambda v: model().fit(X, LABELS, validation_data=(v, LABELS), verbose=0),
    "fit validation y": lambda v: model().fit(X, LABELS, validation_data=(X, v), verbose=0),
    "predict": lambda v: model().predict(v),
    "call": lambda v: model()(v),
    "monte carlo": lambda v: dk.Sequential([dk.layers.Dropout(0.5, inputs=3)], seed=0).predict(v, mc_samples=2),
    "transform": lambda v: model().transform(v, 0),
    "evaluate X": lambda v: model().evaluate(v, LABELS),
    "evaluate y": lambda v: model().evaluate(X, v),
    "train_on_batch X": lambda v: model().train_on_batch(v, LABELS),
    "train_on_batch y": lambda v: model().train_on_batch(X, v),
    "vjp": lambda v: model().vjp(v),
    "pullback": lambda v: model().vjp(X)[1](v),
    "lr_finder": lambda v: dk.lr_finder(model(), v, LABELS),
    "diagnose": lambda v: dk.diagnostics.diagnose(model(), v, LABELS),
    "explain_backward": lambda v: dk.diagnostics.explain_backward(model(), v, [0]),
    "functional": lambda v: F.relu(v),
    "functional dense": lambda v: F.dense(X, v),
    "reference": lambda v: dk.reference.tanh(v),
    "loss": lambda v: MeanSquaredError()(X, v),
    "loss labels": lambda v: SparseCategoricalCrossentropy()(X, v),
    "loss pred": lambda v: MeanSquaredError()(v, X),
    "loss weights": lambda v: MeanSquaredError()(X, X, sample_weight=v),
    "loss function": lambda v: dk.losses.get(lambda p, t: (0.0, p))(v, X),
    "set_weights": lambda v: model().set_weights({"dense.bias": v}),
    "confusion_matrix": lambda v: metrics.confusion_matrix(LABELS, v),
    "recall": lambda v: metrics.recall(LABELS, v),
    "metric": lambda v: metrics.accuracy(v, LABELS),
    "metric top_k": lambda v: metrics.top_k(LABELS, v),
    "scaler": lambda v: StandardScaler().fit(v),
    "scaler transform": lambda v: MinMaxScaler().fit(X).transform(v),
    "scaler weights": lambda v: StandardScaler().fit(X, sample_weight=v),
    "mixup": lambda v: mixup(X, v),
    "shift": lambda v: shift.ks_test(X, v),
    "shift labels": lambda v: shift.simulate_label(X, v, [0.2, 0.3, 0.5]),
    "frequencies": lambda v: info.frequencies(v),
    "hidden_spaces": lambda v: dk.manifold.hidden_spaces(model(), v),
    "penalty_path": lambda v: dk.sweeps.penalty_path(v, X[:, 0], "l1"),
    "classifier X": lambda v: estimator("MLPClassifier").fit(v, LABELS),
    "classifier y": lambda v: estimator("MLPClassifier").fit(X, v),
    "classifier partial_fit": lambda v: estimator("MLPClassifier").partial_fit(X, v, classes=[0, 1, 2]),
    "classifier weights": lambda v: estimator("MLPClassifier").fit(X, LABELS, sample_weight=v),
    "classifier predict": lambda v: estimator("MLPClassifier").fit(X, LABELS).predict(v),
    "regressor X": lambda v: estimator("MLPRegressor").fit(v, X[:, 0]),
    "regressor y": lambda v: estimator("MLPRegressor").fit(X, v),
}


@pytest.mark.filterwarnings("ignore:Stochastic Optimizer")
@pytest.mark.parametrize("kind", ENDLESS)
@pytest.mark.parametrize("call", CALLS)
def test_items_one_after_another_are_refused_unread(call, kind):
    if call.startswith(("classifier", "regressor")):
        pytest.importorskip("sklearn", reason="scikit-learn is not installed")
    with pytest.raises(TypeError, match="expected an array of numbers"):
        CALLS[call](ENDLESS[kind]())


def test_what_was_given_is_named_and_what_to_write():
    with pytest.raises(
        TypeError, match=r"^fit: X is .*Sequence, expected an array.* batches .*not taken yet.*train_on"
    ):
        model().fit(Sequence(), verbose=0)
    with pytest.raises(TypeError, match=r"^fit: y is a generator, expected an array"):
        model().fit(X, batches(), verbose=0)
    with pytest.raises(TypeError, match=r"^fit: y is None"):
        model().fit(X, verbose=0)


def test_data_loaders_of_pytorch():
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    data = torch.utils.data
    table = data.TensorDataset(torch.tensor(X), torch.tensor(LABELS))
    for given in (table, data.DataLoader(table, batch_size=2)):
        with pytest.raises(TypeError, match=r"X is torch's (TensorDataset|DataLoader), expected an array of numbers"):
            model().fit(given, LABELS, verbose=0)


def test_tensors_of_pytorch():
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    tensor = torch.tensor(EXPECTED)
    for value in (tensor, list(tensor), [[tensor[0, 0], tensor[0, 1]], list(tensor[1])], [tensor[0], [3, 4]]):
        taken(value, EXPECTED, np.float64)
    taken(tensor.half(), EXPECTED, np.float16)
    plain = model().fit(X, LABELS, verbose=0).history
    assert model().fit(torch.tensor(X), torch.tensor(LABELS), verbose=0).history == plain
    for bad, text in (
        (tensor.clone().requires_grad_(), "torch's Tensor, which cannot be read as an array: .*requires grad"),
        (tensor.to_sparse(), "which cannot be read as an array: .*[Ss]parse"),
        (tensor.bfloat16(), "cannot be read as an array"),
    ):
        with pytest.raises(TypeError, match=text):
            model().fit(bad, LABELS, verbose=0)


# Tables.


def frames():
    pd = pytest.importorskip("pandas", reason="pandas is not installed")
    D = decimal.Decimal
    yield pd.get_dummies(pd.DataFrame({"age": [1.5, 2.5], "job": ["a", "b"]})), [[1.5, 1, 0], [2.5, 0, 1]], np.float64
    yield pd.DataFrame({"a": [1.5, 2], "b": pd.array([1, None], "Int64")}), [[1.5, 1], [2, NAN]], np.float64
    yield pd.DataFrame({"b": pd.array([2**60 + 1, 1], "Int64")}), [[2**60 + 1], [1]], np.int64
    yield pd.DataFrame({"b": pd.array([1, None], "UInt8")}), [[1], [NAN]], np.float64
    yield pd.DataFrame({"a": pd.array([1.5, None], "Float32")}), [[1.5], [NAN]], np.float32
    yield pd.DataFrame({"a": pd.array([1.5, None], "Float64"), "b": [True, False]}), [[1.5, 1], [NAN, 0]], np.float64
    yield pd.DataFrame({"a": pd.array([True, None], "boolean")}), [[1], [NAN]], np.float64
    yield pd.DataFrame({"a": pd.array([True, False], "boolean")}), [[True], [False]], np.bool_
    yield pd.DataFrame({"a": pd.Categorical([20, 10, 20]), "b": [1, 2, 3]}), [[20, 1], [10, 2], [20, 3]], np.int64
    yield pd.DataFrame({"a": pd.Categorical([1.5, None])}), [[1.5], [NAN]], np.float64
    yield pd.DataFrame({"a": pd.Categorical([None, None])}), [[NAN], [NAN]], np.float64
    yield pd.DataFrame({"a": pd.arrays.SparseArray([0, 1.5]), "b": [1, 2]}), [[0, 1], [1.5, 2]], np.float64
    yield pd.DataFrame({"a": [D("1.25"), None]}), [[1.25], [NAN]], np.float64
    yield pd.DataFrame({"a": pd.Series([1, 2.5], dtype=object), "b": [True, False]}), [[1, 1], [2.5, 0]], np.float64
    yield pd.DataFrame({"a": pd.Series([1, pd.NA], dtype=object)}), [[1], [NAN]], np.float64
    yield pd.DataFrame({"a": np.float32([1, 2]), "b": np.int8([3, 4])}), [[1, 3], [2, 4]], np.float32
    yield pd.DataFrame([[1, 2.5]], columns=["a", "a"]), [[1, 2.5]], np.float64
    yield pd.Series([1, None], dtype="Int64"), [1, NAN], np.float64
    yield pd.Series(["1", "0"]).astype(int).astype("category"), [1, 0], np.int64
    yield pd.array([1, None], "Int64"), [1, NAN], np.float64
    yield pd.Index([1, 2]), [1, 2], np.int64
    yield [pd.Series([1, 2]), pd.Series([3, 4])], [[1, 2], [3, 4]], np.int64


def test_frames_and_series_of_pandas():
    for value, expected, dtype in frames():
        taken(value, expected, dtype)


@pytest.mark.parametrize(
    ("column", "text"),
    [
        (lambda pd: ["x", "y"], r"X holds strings such as 'x' in column 'c'; .* pandas.get_dummies\(X\)"),
        (lambda pd: pd.Categorical(["x", "y"]), "X holds strings such as 'x' in column 'c'"),
        (lambda pd: pd.Series([None, "y"], dtype=object), "X holds strings such as 'y' in column 'c'"),
        (lambda pd: pd.array(["1", "2"], "string"), "X holds strings such as '1' in column 'c'"),
        (lambda pd: pd.to_datetime(["2020-01-01", "2021-01-01"]), r"column 'c' of X is datetime64\[\w+\], a time"),
        (lambda pd: pd.to_datetime(["2020", "2021"]).tz_localize("UTC"), "column 'c' of X has Timestamp.* in row 0"),
        (lambda pd: pd.to_timedelta([1, 2]), r"column 'c' of X is timedelta64\[\w+\], a time"),
        (lambda pd: pd.period_range("2020", periods=2), "column 'c' of X has Period"),
        (
            lambda pd: pd.Series([1, [2]], dtype=object),
            r"column 'c' of X has \[2\] \(list\) in row 1, expected numbers",
        ),
        (lambda pd: [1j, 2], "column 'c' of X is complex128"),
        (lambda pd: np.ones(2, np.longdouble), "column 'c' of X is float128"),
    ],
)
def test_the_column_that_holds_no_numbers_is_named(column, text):
    pd = pytest.importorskip("pandas", reason="pandas is not installed")
    frame = pd.DataFrame({"a": [1, 2], "b": [0.5, 1.5], "c": column(pd)})
    for call in (
        lambda: model().fit(frame, [0, 1], verbose=0),
        lambda: model().predict(frame),
        lambda: shift.ks_test(frame, X),
    ):
        with pytest.raises(TypeError, match=text.replace("X", r"X(_ref)?")):
            call()
    if pytest.importorskip("sklearn"):
        for call in (lambda: StandardScaler().fit(frame), lambda: estimator("MLPClassifier").fit(frame, [0, 1])):
            with pytest.raises(ValueError, match=text):
                call()


def test_missing_values_of_a_frame_are_nan_and_named():
    pd = pytest.importorskip("pandas", reason="pandas is not installed")
    frame = pd.DataFrame({"a": [1.5, 2, 3], "b": pd.array([1, None, 3], "Int64"), "c": [True, False, True]})
    with pytest.raises(ValueError, match=r"fit: X\[1, 1\] \(column 'b'\) is nan; fill such values or drop their rows"):
        model().fit(frame, [0, 1, 2], verbose=0)
    found = model().predict(frame)
    assert np.isnan(found[1]).all()
    assert np.isfinite(found[[0, 2]]).all()
    with pytest.raises(ValueError, match=r"fit: y\[1, 0\] \(column 'b'\) is nan; a target that is missing"):
        dk.Sequential([Dense(1)]).compile("sgd", "mse").fit(X[:3], frame[["b"]], verbose=0)
    with pytest.raises(ValueError, match=r"fit: y\[1\] is nan; a target that is missing"):
        dk.Sequential([Dense(1)]).compile("sgd", "mse").fit(X[:3], frame.b, verbose=0)


@pytest.mark.filterwarnings("ignore:Stochastic Optimizer")
def test_estimators_and_scalers_take_mixed_frames():
    pd = pytest.importorskip("pandas", reason="pandas is not installed")
    pytest.importorskip("sklearn", reason="scikit-learn is not installed")
    frame = pd.DataFrame({"a": X[:, 0], "b": pd.array([1, 2] * 4, "Int64"), "c": [True, False] * 4})
    numbers = frame.to_numpy(dtype=float)
    scaler = StandardScaler().fit(frame)
    np.testing.assert_array_equal(scaler.transform(frame), StandardScaler().fit_transform(numbers))
    assert list(scaler.feature_names_in_) == ["a", "b", "c"]
    classifier = estimator("MLPClassifier").set_params(random_state=0).fit(frame, LABELS)
    plain = estimator("MLPClassifier").set_params(random_state=0).fit(numbers, LABELS)
    np.testing.assert_array_equal(classifier.predict_proba(frame), plain.predict_proba(numbers))
    with pytest.raises(ValueError, match="names"):
        classifier.predict(frame[["c", "b", "a"]])


def test_frames_of_polars():
    pl = pytest.importorskip("polars", reason="polars is not installed")
    for value, expected, dtype in (
        (pl.DataFrame({"a": [1, 2], "b": [1.5, None], "c": [True, None]}), [[1, 1.5, 1], [2, NAN, NAN]], np.float64),
        (pl.DataFrame({"a": [True, False]}), [[True], [False]], np.bool_),
        (pl.DataFrame({"a": [None, None], "b": [1, 2]}), [[NAN, 1], [NAN, 2]], np.float64),
        (pl.DataFrame({"a": pl.Series([1, None], dtype=pl.Float32)}), [[1], [NAN]], np.float32),
        (pl.DataFrame({"a": pl.Series([200, None], dtype=pl.UInt8)}), [[200], [NAN]], np.float64),
        (pl.DataFrame({"a": pl.Series([decimal.Decimal("1.25")], dtype=pl.Decimal(9, 2))}), [[1.25]], np.float64),
        (pl.Series([1, None]), [1, NAN], np.float64),
    ):
        taken(value, expected, dtype)
    for column, text in (
        (["x", "y"], "X holds strings such as 'x' in column 'c'"),
        (pl.Series(["x", "y"], dtype=pl.Categorical), "X holds strings such as 'x' in column 'c'"),
        ([datetime.date(2020, 1, 1)] * 2, "column 'c' of X has datetime.date.* in row 0"),
        ([[1, 2], [3, 4]], r"column 'c' of X has \[1, 2\] \(list\) in row 0"),
    ):
        with pytest.raises(TypeError, match=text):
            model().predict(pl.DataFrame({"a": [1, 2], "b": [1, 2], "c": column}))
    with pytest.raises(TypeError, match=r"X is polars's LazyFrame, .*; write X.collect\(\)"):
        model().predict(pl.LazyFrame({"a": [1]}))


def test_tables_of_pyarrow():
    pa = pytest.importorskip("pyarrow", reason="pyarrow is not installed")
    table = pa.table({"a": [1, None], "b": [True, False], "c": pa.array([2, 2]).dictionary_encode()})
    taken(table, [[1, 1, 2], [NAN, 0, 2]], np.float64)
    taken(pa.table({"a": [decimal.Decimal("1.25"), None]}), [[1.25], [NAN]], np.float64)
    taken(pa.chunked_array([[1.5], [2.5]]), [1.5, 2.5], np.float64)
    words = pa.table({"a": [1] * 8, "c": ["x"] * 8})
    with pytest.raises(TypeError, match="X holds strings such as 'x' in column 'c'"):
        as_array("fit", "X", words)
    m = model()
    m.fit(pa.table({name: X[:, i] for i, name in enumerate("abc")}), LABELS, verbose=0)
    assert m.feature_names == ("a", "b", "c")
    np.testing.assert_array_equal(m.predict(pa.table({"c": X[:, 2], "b": X[:, 1], "a": X[:, 0]})), m.predict(X))
    with pytest.raises(ValueError, match="X holds strings such as 'x' in column 'c'"):
        estimator("MLPClassifier").fit(words, LABELS)
    with pytest.raises(ValueError, match=r"NaN in column 1 \('b'\), first in row 3"):
        estimator("MLPClassifier").fit(pa.table({"a": X[:, 0], "b": [1, 2, 3, None] * 2}), LABELS)


def test_labels_may_be_words():
    assert as_labels("f", "y", ["a", "b"]).tolist() == ["a", "b"]
    with pytest.raises(TypeError, match=r"y is .*Sequence"):
        as_labels("f", "y", Sequence())


def test_no_library_is_imported_for_it():
    code = """
        import sys, numpy as np, densekit as dk
        before = set(sys.modules)
        m = dk.Sequential([dk.layers.Dense(1)], seed=0).compile("sgd", "mse")
        m.fit(np.ones((4, 2)), [[1.0]] * 4, verbose=0)
        m.predict([[1, 2]])
        print(sorted({name.partition(".")[0] for name in set(sys.modules)} & {"pandas", "polars", "pyarrow", "torch"}))
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
