"""Every public callable, each parameter in turn, with objects that nobody means: TypeError or ValueError for people.

Nothing but the kinds of errors that programs are written for comes out, with a text that names the callable or the
argument; no AttributeError out of the middle of the package, no text of pybind11, no crash, and no file under an odd name.

A fixed tenth runs by itself; DENSEKIT_THOROUGH=1 runs all.
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
from public_calls import Public, model, public

import densekit as dk
from densekit.layers import Dense

pytest.importorskip("matplotlib").use("agg")
pytest.importorskip("sklearn")
with contextlib.suppress(ImportError):
    import torch  # noqa: F401 - takes long, and must not be cut off by the alarm

THOROUGH = os.environ.get("DENSEKIT_THOROUGH") == "1"
SECONDS = 20  # of one call, on a crowded machine


def closed_file():
    file = io.StringIO()
    file.close()
    return file


ODD = {
    "None": lambda: None,
    "a word": lambda: "x",
    "bytes": lambda: b"x",
    "an object": object,
    "3.5": lambda: 3.5,
    "-1": lambda: -1,
    "huge": lambda: 10**30,
    "beyond floats": lambda: 10**400,
    "NaN": lambda: float("nan"),
    "an empty list": list,
    "a list of words": lambda: ["a", "b"],
    "a list of None": lambda: [None],
    "an empty dictionary": dict,
    "a dictionary": lambda: {"a": 1},
    "a set": lambda: {1, 2},
    "a function": lambda: lambda *_: None,
    "a class": lambda: dict,
    "complex": lambda: 1j,
    "an ellipsis": lambda: ...,
    "a generator": lambda: (i for i in range(2)),
    "a closed file": closed_file,
    "a long string": lambda: "long" * 5000,
    "an array of objects": lambda: np.array([None, "a"], object),
    "an array of words": lambda: np.array(["a", "b"]),
    "an array of dates": lambda: np.zeros(3, "datetime64[s]"),
    "a structured array": lambda: np.zeros(3, [("x", float)]),
    "a complex array": lambda: np.zeros((2, 2), complex),
    "float16": lambda: np.zeros((2, 2), np.float16),
    "four dimensions": lambda: np.zeros((2, 1, 2, 2)),
    "no rows": lambda: np.zeros((0, 2)),
    "a 0-d array": lambda: np.array(2.5),
    "an array of int8": lambda: np.zeros(4, np.int8),
}

# What a program may be written for: "not compiled yet", a missing file, folder or package, a loss that is not finite.
ALLOWED = (TypeError, ValueError, RuntimeError, OSError, ImportError, ArithmeticError)
NEVER = (RecursionError, OverflowError, ZeroDivisionError, FloatingPointError, np.exceptions.AxisError)
RAW = (
    "incompatible function arguments", "has no attribute", "not subscriptable", "unsupported operand",
    "is not iterable", "has no len()", "cannot unpack", "must be real number, not", "truth value of an array",
    "object is not callable", "interpreted as an integer", "not supported between instances", "unhashable type",
    "only integer scalar arrays", "Python integer", "bad operand type", "setting an array element",
    "expected string or bytes", "pybind11",
)  # fmt: skip

# Endless loops that were asked for, and the checks of scikit-learn, which our estimators run as they are.
ENDLESS = ("num_iters", "num_checks", "max_updates")
THEIRS = ("int too large to convert to float", "not supported between instances of 'str'", "unhashable type")

CALLABLES = public()


class TooSlow(BaseException):
    pass


def alarm(*_):
    raise TooSlow


def fault(call: Public, parameter: str, odd: str) -> str | None:
    """What is wrong with the error that comes out; None if nothing is, or if none comes."""
    before = signal.signal(signal.SIGALRM, alarm)
    signal.setitimer(signal.ITIMER_REAL, SECONDS)
    where = f"{call.name}({parameter}={odd})"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            call.call(**{parameter: ODD[odd]()})
    except TooSlow:
        return f"{where}: takes longer than {SECONDS} s"
    except BaseException as error:
        text = str(error)
        if call.name.startswith("densekit.sklearn.") and any(their in text for their in THEIRS):
            return None
        if not isinstance(error, ALLOWED) or isinstance(error, NEVER):
            return f"{where}: {type(error).__name__}: {text[:150]}"
        if any(raw in text for raw in RAW):
            return f"{where}: raw text: {type(error).__name__}: {text[:150]}"
        if not text:
            return f"{where}: {type(error).__name__} without a text"
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    return None


def chosen(call: Public) -> list[tuple[str, str]]:
    pairs = [(p.name, odd) for p in call.parameters() if p.kind is not p.VAR_KEYWORD for odd in ODD]
    pairs = [(name, odd) for name, odd in pairs if not (name in ENDLESS and odd in ("huge", "beyond floats"))]
    return [pair for pair in pairs if THOROUGH or zlib.crc32(repr((call.name, pair)).encode()) % 10 == 0]


@pytest.fixture(autouse=True)
def somewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    threads = dk.get_num_threads()
    yield
    dk.set_num_threads(threads)
    from matplotlib import pyplot

    pyplot.close("all")


def test_there_are_as_many_as_there_should_be():
    names = [call.name for call in CALLABLES]
    assert len(names) > 350
    for name in (
        "densekit.Sequential.save",
        "densekit.load",
        "densekit.diagnostics.diagnose",
        "densekit.convert.from_torch",
    ):
        assert name in names


@pytest.mark.parametrize("call", CALLABLES, ids=lambda call: call.name.removeprefix("densekit."))
def test_odd_objects(call, tmp_path, capsys):
    faults = [found for pair in chosen(call) if (found := fault(call, *pair)) is not None]
    assert not faults, "\n".join(faults)
    allowed = {"x", "model.npz", "params.npz", ("long" * 5000)}
    assert set(os.listdir(tmp_path)) <= allowed


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
    try:
        for number in (victim, np.int64(victim), True):
            for save in (model().save, dk.load, TwoLayerNet().save, TwoLayerNet().load, LinearSVM().save):
                with pytest.raises(TypeError, match="must be the name of a file"):
                    save(number)
        assert os.fstat(victim).st_size == 0
    finally:
        os.close(victim)


@pytest.mark.parametrize("name", [b"model.npz", "", "a\0b", None, object(), 3.5])
def test_names_that_are_none(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for call in (model().save, dk.load, dk.callbacks.Checkpoint):
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


def test_the_guard_names_what_was_given():
    with pytest.raises(TypeError, match=r"from_curve: these arguments do not fit: curve: LearningCurve = 'x'"):
        dk.plots.LearningCurveDisplay.from_curve("x")
    with pytest.raises(TypeError, match="set_weights: weights must be a list of 4 arrays"):
        model().set_weights(None)
