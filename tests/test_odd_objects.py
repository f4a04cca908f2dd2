"""Every public callable, each parameter in turn, with objects that nobody means: TypeError or ValueError for people.

What comes out is an error that a program may be written for, whose text names the argument or says what was expected;
never an AttributeError out of the middle of the package, a text of NumPy's or pybind11's, a crash, or a file under an
odd name. No array of the caller's changes.

A fixed part runs by itself; DENSEKIT_THOROUGH=1 runs all.
"""

from __future__ import annotations

import contextlib
import io
import os
import signal
import warnings
import zlib

import numpy as np
import pytest
from public_calls import Public, X, files_left, has_example, model, public, y

import densekit as dk
from densekit.layers import Dense
from densekit.registry import OPS

pytest.importorskip("matplotlib").use("agg")
pytest.importorskip("sklearn")
with contextlib.suppress(ImportError):
    import torch  # noqa: F401 - takes long, and must not be cut off by the alarm

THOROUGH = os.environ.get("DENSEKIT_THOROUGH") == "1"
PART = 1 if THOROUGH else 10
SECONDS = 20  # of one call, on a crowded machine


class Hostile:
    """Neither an array, nor printable."""

    def __array__(self, dtype=None, copy=None):
        raise ValueError("no array for you, which must not be read")

    def __repr__(self):
        raise IndexError("no text for you")


class Anything:
    """A class that takes all arguments."""

    def __init__(self, *args, **keywords):
        pass


def closed_file():
    file = io.StringIO()
    file.close()
    return file


def endless():
    found = [1.0]
    found.append(found)
    return found


ODD = {
    "None": lambda: None,
    "a word": lambda: "x",
    "an empty word": lambda: "",
    "half a character": lambda: "\udc80",
    "a null character": lambda: "a\0b",
    "a long word": lambda: "long" * 5000,
    "bytes": lambda: b"x",
    "an object": object,
    "a hostile object": Hostile,
    "True": lambda: True,
    "0": lambda: 0,
    "-1": lambda: -1,
    "3.5": lambda: 3.5,
    "2**63": lambda: 2**63,
    "2**70": lambda: 2**70,
    "beyond floats": lambda: 10**400,
    "beyond printing": lambda: 10**5000,
    "the least int64": lambda: np.int64(-(2**63)),
    "the largest uint64": lambda: np.uint64(2**64 - 1),
    "NaN": lambda: float("nan"),
    "minus infinity": lambda: float("-inf"),
    "float32": lambda: np.float32(0.5),
    "complex": lambda: 1j,
    "an ellipsis": lambda: ...,
    "an empty list": list,
    "a list of words": lambda: ["a", "b"],
    "a list of None": lambda: [None],
    "a ragged list": lambda: [[1.0], [2.0, 3.0]],
    "a list in itself": endless,
    "an empty dictionary": dict,
    "a dictionary": lambda: {"a": 1},
    "a dictionary of numbers": lambda: {1: None},
    "a set": lambda: {1, 2},
    "a function": lambda: lambda *_: None,
    "a class": lambda: Anything,
    "a class of ours": lambda: dk.Sequential,
    "a generator": lambda: (i for i in range(2)),
    "a closed file": closed_file,
    "a module": lambda: np,
    "an untrained model": lambda: dk.Sequential([Dense(2)], seed=0),
    "a layer": lambda: Dense(2),
    "an array of objects": lambda: np.array([None, "a"], object),
    "an array of words": lambda: np.array(["a", "b"]),
    "an array of dates": lambda: np.zeros(3, "datetime64[s]"),
    "a structured array": lambda: np.zeros(3, [("x", float)]),
    "a complex array": lambda: np.zeros((2, 2), complex),
    "a masked array": lambda: np.ma.masked_array([1.0, 2.0], [True, False]),
    "float16": lambda: np.zeros((2, 2), np.float16),
    "four dimensions": lambda: np.zeros((2, 1, 2, 2)),
    "no rows": lambda: np.zeros((0, 2)),
    "no columns": lambda: np.zeros((24, 0)),
    "one row": lambda: np.zeros((1, 2)),
    "rows of NaN": lambda: np.full((24, 2), np.nan),
    "rows of zeros": lambda: np.zeros((24, 2)),
    "huge rows": lambda: np.full((24, 2), 1e300),
    "labels too large": lambda: np.full(24, 2**40),
    "labels below zero": lambda: np.full(24, -(2**63)),
    "a 0-d array": lambda: np.array(2.5),
    "an array of int8": lambda: np.zeros(4, np.int8),
    "an array of booleans": lambda: np.zeros(24, bool),
    "a read-only array": lambda: np.broadcast_to(np.float64(1), (24, 2)),
}

# What a program may be written for: "not compiled yet", a missing file, folder or package, a loss that is not finite.
ALLOWED = (TypeError, ValueError, RuntimeError, OSError, ImportError, ArithmeticError, MemoryError)
NEVER = (RecursionError, OverflowError, ZeroDivisionError, FloatingPointError, UnicodeError, np.exceptions.AxisError)
RAW = (
    "incompatible function arguments", "has no attribute", "not subscriptable", "unsupported operand",
    "is not iterable", "has no len()", "cannot unpack", "must be real number, not", "truth value of an array",
    "object is not callable", "interpreted as an integer", "not supported between instances", "unhashable type",
    "only integer scalar arrays", "Python integer", "bad operand type", "setting an array element",
    "expected string or bytes", "pybind11", "could not be broadcast", "no text for you", "Exceeds the limit",
    "values to unpack", "embedded null", "not a valid index", "only length-1 arrays", "ufunc ",
    "reduction operation", "invalid literal", "could not convert", "cannot convert float",
)  # fmt: skip
SPEAKS = (
    "expected", "must", "needs", "give ", "write ", "encode", "available", "needed", "no ", "not ", "missing", "only",
    "closed file", "positional argument", "rows", "too few", "diverged", "no such file",
    "such as", " but ", " than ", "inconsistent", "unable to allocate", "masked", "required", "label type",
    "should have", "contains nan", "samples", " from ",
)  # fmt: skip

# Estimators and scalers run scikit-learn's own checks: these texts are its convention, and NumPy's under it.
THEIRS = ("densekit.sklearn.", "densekit.preprocessing.")
THEIR_TEXTS = (
    "could not convert", "setting an array element", "invalid literal", "not supported between instances",
    "truth value of an array", "must be real number, not", "Exceeds the limit", "unhashable type",
)  # fmt: skip

# Endless loops that were asked for.
ENDLESS = ("num_iters", "num_checks", "max_updates", "permutations", "repeats", "epochs", "steps", "n", "size", "count")
HUGE = ("2**63", "2**70", "beyond floats", "beyond printing", "the largest uint64")

# Updates of what was given are what these are for.
IN_PLACE = ("Relu.backward", "update", "sgd", "fit", "train", "train_step", "partial_fit", "set_weights")

CALLABLES = public()


class TooSlow(BaseException):
    pass


def alarm(*_):
    raise TooSlow


def arrays_in(arguments):
    """The arrays among arguments and in their lists and dictionaries, with copies."""
    found = []
    for value in arguments.values():
        inside = value.values() if isinstance(value, dict) else value if isinstance(value, list | tuple) else [value]
        found += [(one, one.copy()) for one in inside if type(one) is np.ndarray and one.dtype != object]
    return found


def fault(call: Public, parameter: str, odd: str) -> str | None:
    """What is wrong with the error that comes out, or with the arguments afterwards; None if nothing is."""
    where = f"{call.name}({parameter}={odd})"
    arguments = call.required() | {parameter: ODD[odd]()}
    before_call = arrays_in(arguments)
    before = signal.signal(signal.SIGALRM, alarm)
    signal.setitimer(signal.ITIMER_REAL, SECONDS)
    failed = False
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            call.call(arguments)
    except TooSlow:
        return f"{where}: takes longer than {SECONDS} s"
    except BaseException as error:
        failed = True
        text = str(error)
        if not isinstance(error, ALLOWED) or isinstance(error, NEVER):
            return f"{where}: {type(error).__name__}: {text[:150]}"
        if call.name.startswith(THEIRS) and any(theirs in text for theirs in THEIR_TEXTS):
            return None
        if any(raw in text for raw in RAW):
            return f"{where}: raw text: {type(error).__name__}: {text[:150]}"
        if not (parameter in text or any(word in text.lower() for word in SPEAKS)):
            return f"{where}: says nothing about the argument: {type(error).__name__}: {text[:150]}"
        if len(text) > 1000 and not call.name.startswith(THEIRS):
            return f"{where}: a message of {len(text)} characters"
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    key = call.keys[-1]
    in_place = any(one in IN_PLACE for one in call.keys) or (key in OPS and OPS[key].in_place)
    if failed or not in_place:
        for array, copied in before_call:
            if not np.array_equal(array, copied, equal_nan=array.dtype.kind in "fc"):
                return f"{where}: changes an array of the caller's"
    return None


def chosen(call: Public) -> list[tuple[str, str]]:
    pairs = [(p.name, odd) for p in call.parameters() if p.kind is not p.VAR_KEYWORD for odd in ODD]
    pairs = [(name, odd) for name, odd in pairs if not (name in ENDLESS and odd in HUGE)]
    return [pair for pair in pairs if zlib.crc32(repr((call.name, pair)).encode()) % PART == 0]


@pytest.fixture(autouse=True)
def somewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    threads, level = dk.get_num_threads(), dk._core.active_level()
    yield
    dk.set_num_threads(threads)
    dk._core.use_level(level)
    from matplotlib import pyplot

    pyplot.close("all")


def test_there_are_as_many_as_there_should_be():
    names = {call.name for call in CALLABLES}
    assert len(names) > 480
    for name in ("Sequential.save", "load", "diagnostics.diagnose", "convert.from_torch", "functional.relu"):
        assert f"densekit.{name}" in names


CALLED = [call for call in CALLABLES if has_example(call)]


@pytest.mark.parametrize("call", CALLED, ids=lambda call: call.name.removeprefix("densekit."))
def test_odd_objects(call, tmp_path, capsys):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        call.call(call.required())  # else the first argument hides what becomes of the others
    faults = [found for pair in chosen(call) if (found := fault(call, *pair)) is not None]
    assert not faults, "\n".join(faults)
    assert files_left(tmp_path) <= {"x", "\udc80"}


# What the walk cannot see.


@pytest.mark.parametrize("engine", ["native", "reference"])
def test_blocks_in_blocks(engine, tmp_path):
    """Twenty deep is saved and loaded; deeper says so, and does not speak of JSON or of recursion."""
    from densekit.layers import Residual

    def nested(levels):
        layer = Dense(2)
        for _ in range(levels):
            layer = Residual([layer])
        return layer

    made = dk.Sequential([nested(20)], seed=0, engine=engine).compile("adam", "mse").build(2)
    made.save(tmp_path / "deep.npz")
    assert dk.load(tmp_path / "deep.npz", engine=engine).weights.keys() == made.weights.keys()
    with pytest.raises(ValueError, match="21 deep in one another, at most 20"):
        nested(21)


def test_a_number_is_not_a_file(tmp_path):
    """open(3) takes a file descriptor: whatever it is, it would be written into and closed."""
    from densekit.compat.cs231n.classifiers import LinearSVM
    from densekit.compat.cs231n.classifiers.fc_net import TwoLayerNet

    victim = os.open(tmp_path / "victim", os.O_RDWR | os.O_CREAT)
    svm = LinearSVM()
    svm.train(X(), y(), num_iters=1)
    try:
        for number in (victim, np.int64(victim), True):
            for save in (model().save, dk.load, TwoLayerNet().save, TwoLayerNet().load, svm.save, svm.load):
                with pytest.raises(TypeError, match="must be the name of a file"):
                    save(number)
        assert os.fstat(victim).st_size == 0
    finally:
        os.close(victim)


@pytest.mark.parametrize("name", [b"model.npz", "", "a\0b", None, object(), 3.5, "long" * 100, "folder/" + "ö" * 200])
def test_names_that_are_none(name, tmp_path):
    for call in (model().save, dk.load, dk.callbacks.Checkpoint, dk.callbacks.CSVLogger):
        with pytest.raises((TypeError, ValueError), match="path"):
            call(name)
    assert os.listdir(tmp_path) == []


def test_errors_of_functions_that_were_given_come_out_as_they_are():
    """KeyError of one's own loss, model or function is not made into something else."""

    def mine(*_):
        return {}["missing"]

    for call in (
        lambda: dk.diagnostics.gradcheck(mine, np.ones(3)),
        lambda: dk.taylor.coefficients(mine),
        lambda: dk.diagnostics.restarts(mine, 2, np.ones((4, 2)), np.zeros(4)),
    ):
        with pytest.raises(KeyError, match="missing"):
            call()


def test_what_was_given_is_quoted_in_few_words():
    from densekit._checks import given, short

    assert short(Hostile()) == "<Hostile>"
    assert short(10**5000) == "<int>"
    assert len(short("long" * 5000)) == 80
    assert given(3) == "3 (int)"
    assert given(np.zeros((2, 3))) == "an array of float64 (2, 3) (ndarray)"
    with pytest.raises(TypeError, match=r"set_weights: weights must be a list of 4 arrays, .* got None"):
        model().set_weights(None)


def test_other_models_are_told_what_converts_them():
    from sklearn.neural_network import MLPRegressor

    cures = {
        "write model.model_": dk.sklearn.MLPClassifier(),
        r"write densekit\.convert\.from_sklearn\(model\)": MLPRegressor(),
        r"make one first, e\.g\. Sequential\(\[Dense\(10\)\]\)": dk.Sequential,
    }
    for cure, other in cures.items():
        for call in (
            lambda it: dk.diagnostics.diagnose(it, X(), y()),
            lambda it: dk.lr_finder(it, X(), y()),
            dk.convert.to_sklearn,
            lambda it: dk.plots.GradientFlowDisplay.from_model(it, X(), y()),
            lambda it: dk.manifold.hidden_spaces(it, X()),
        ):
            with pytest.raises(TypeError, match=cure):
                call(other)


def test_modules_that_cannot_be_read_say_what_can():
    nn = pytest.importorskip("torch").nn

    class Mine(nn.Module):
        def __init__(self):
            super().__init__()
            self.inside = nn.Sequential(nn.Linear(2, 3))

        def forward(self, x):
            return self.inside(x) + 1

    with pytest.raises(ValueError, match=r"forward of its own.*torch\.nn\.Sequential"):
        dk.convert.from_torch(Mine())
    assert dk.convert.from_torch(Mine().inside).predict(X()).shape == (24, 3)
    with pytest.raises(TypeError, match="a state_dict has weights but no layers"):
        dk.convert.from_torch(Mine().state_dict())
    with pytest.raises(TypeError, match="make one first"):
        dk.convert.from_torch(Mine)


def test_updates_of_the_book_change_all_parameters_or_none():
    from densekit.compat.dlfs import optimizer

    for rule in (optimizer.SGD, optimizer.Momentum, optimizer.Nesterov, optimizer.AdaGrad, optimizer.Adam):
        params = {"a": np.ones(2), "b": np.ones(3)}
        for wrong in ({"a": np.ones(2)}, {"a": np.ones(2), "b": np.ones(2)}, {"a": np.ones(2), "b": ["x"] * 3}):
            with pytest.raises((TypeError, ValueError), match="'b'"):
                rule().update(params, wrong)
        assert (np.concatenate(list(params.values())) == 1).all()


def test_numerical_gradients_of_integers_are_refused():
    """Steps of 1e-4 in an array of integers are none: the gradient would be 0 without a word."""
    from densekit.compat.cs231n.gradient_check import eval_numerical_gradient
    from densekit.compat.dlfs.gradient import numerical_gradient

    for difference in (eval_numerical_gradient, numerical_gradient):
        whole = np.array([3, 4])
        with pytest.raises(TypeError, match="x is changed in place, and must be an array of floats, got an array of i"):
            difference(lambda x: (x**2).sum(), whole)
        kept = np.ones(2)
        with pytest.raises(ZeroDivisionError):
            difference(lambda x: 1 // 0, kept)
        assert (kept == 1).all()
