"""Labels, row numbers and all other inputs that somebody writes while a call reads them.

Each is read once, checked and used from a copy, so a call gives numbers or raises ValueError, whatever is written: by a
layer in Python in the middle of an epoch (what happens is known then), or by a thread (written_inputs.py, which
`make sanitize` runs longer, under AddressSanitizer).
"""

from __future__ import annotations

import json
import os
import pathlib
import re
import subprocess
import sys

import networks as net
import numpy as np
import pytest

import densekit as dk
from densekit.layers import Dense, Lambda

HERE = pathlib.Path(__file__).parent
SANITIZED = "asan" in os.environ.get("LD_PRELOAD", "")


def test_a_thread_writes_into_every_input_of_every_function():
    command = [sys.executable, str(HERE / "written_inputs.py"), "0.3" if SANITIZED else "0.01"]
    run = subprocess.run(command, capture_output=True, text=True, timeout=1500)
    assert run.returncode == 0, f"in {run.stdout.splitlines()[-1:]}:\n{run.stderr[-6000:]}"
    seen = json.loads(run.stdout.splitlines()[-1])
    assert set(seen["methods"]) >= {"epoch", "step_on", "gradient", "loss", "forward", "hidden", "tape", "pullback"}


# A layer in Python that writes: the batch whose labels were gathered is not touched, the next one finds them.


class Writes:
    """A layer for a spec that changes nothing but what `write` changes, the first time."""

    def __init__(self, write):
        self.write = write

    def forward(self, x, parameters, training):
        self.write()
        return x, None

    def backward(self, dy, saved, parameters, gradients):
        return dy


LOSSES = {
    "softmax_cross_entropy": "softmax",
    "nll": "log_softmax",
    "multiclass_hinge": "identity",
}


def engine_that_writes(engine, loss, write):
    fields = {"link": True} if loss == "softmax_cross_entropy" else {}
    layers = [net.host(0, 4, name="writes"), net.dense(3, LOSSES[loss], "last")]
    spec = net.network(layers, 4, net.loss(loss, **fields), net.optimizer("adam"))
    return net.engine_of(engine)(spec, [Writes(write)])


def found_after(updates):
    return f"; found after {updates} update{'' if updates == 1 else 's'} of this epoch, at step {updates}"


def epoch(engine, x, y, order, lr=None):
    return engine.epoch(x, y, None, order, 4, np.full(4, 0.1) if lr is None else lr)


@pytest.mark.parametrize("label", [3, -1, 10**10, -(10**10), 2**63 - 1, -(2**63)])
@pytest.mark.parametrize("loss", LOSSES)
def test_labels_written_in_an_epoch(engine, rng, loss, label):
    x, y, order = rng.normal(size=(16, 4)), rng.integers(0, 3, 16), rng.permutation(16)

    def write():
        if written.step == 1:  # the labels of the second batch have been taken
            y[:] = label

    written = engine_that_writes(engine, loss, write)
    as_ever = engine_that_writes(engine, loss, lambda: None)
    text = f"label {label} in row {order[8]} is not a class: expected 0 to 2{found_after(2)}"
    kept = y.copy()
    with pytest.raises(ValueError, match=re.escape(text)):
        epoch(written, x, y, order)
    as_ever.epoch(x, kept, None, order[:8], 4, np.full(2, 0.1))
    assert written.step == as_ever.step == 2
    np.testing.assert_array_equal(written.parameters, as_ever.parameters)
    y[:] = kept
    assert epoch(written, x, y, order)["steps"] == 4


@pytest.mark.parametrize("row", [16, -1, 2**62, -(2**63)])
def test_an_order_written_in_an_epoch(engine, rng, row):
    x, y, order = rng.normal(size=(16, 4)), rng.integers(0, 3, 16), np.arange(16)

    def write():
        order[13] = row

    written = engine_that_writes(engine, "nll", write)
    text = f"order[13] is {row}, expected the number of one of 16 rows, from 0{found_after(3)}"
    with pytest.raises(ValueError, match=re.escape(text)):
        epoch(written, x, y, order)
    assert written.step == 3


@pytest.mark.parametrize("rate", [np.nan, np.inf, -0.1])
def test_rates_written_in_an_epoch(engine, rng, rate):
    x, y, lr = rng.normal(size=(16, 4)), rng.integers(0, 3, 16), np.full(4, 0.1)

    def write():
        lr[1] = rate

    written = engine_that_writes(engine, "nll", write)
    with pytest.raises(ValueError, match="expected a finite number of at least 0" + found_after(1)):
        epoch(written, x, y, np.arange(16), lr)
    assert written.step == 1


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("call", ["loss", "gradient", "step_on"])
def test_labels_written_in_other_calls(engine, rng, loss, call):
    """The labels are taken before the layer runs."""
    x, y = rng.normal(size=(16, 4)), rng.integers(0, 3, 16)

    def write():
        y[:] = 10**10

    written = engine_that_writes(engine, loss, write)
    more = (0.1,) if call == "step_on" else ()
    assert all(map(np.isfinite, getattr(written, call)(x, y, None, *more)))
    with pytest.raises(ValueError, match="label 10000000000 in row 0 is not a class: expected 0 to 2"):
        getattr(written, call)(x, y, None, *more)


def test_an_ignored_label_is_named(engine, rng):
    x, y = rng.normal(size=(16, 4)), rng.integers(0, 3, 16)
    layers = [net.dense(3, "softmax", "last")]
    spec = net.network(layers, 4, net.loss("softmax_cross_entropy", link=True, ignore_index=-100), net.optimizer("sgd"))
    made = net.engine_of(engine)(spec, [])
    y[3] = -100
    made.loss(x, y, None)
    y[5] = -99
    with pytest.raises(
        ValueError, match="label -99 in row 5 is not a class: expected 0 to 2, or -100, which is ignored"
    ):
        made.loss(x, y, None)
    with pytest.raises(ValueError, match="label -99 in row 5"):  # a weight of zero makes no class of it
        made.loss(x, y, (y != -99).astype(float))


def test_labels_written_in_fit(engine):
    X, y = np.zeros((64, 4), np.float32), np.zeros(64, np.int64)

    def forward(x):
        y[:] = 10**10
        return x

    layers = [Lambda(forward, lambda dy, x, out: dy), Dense(3, "softmax")]
    model = dk.Sequential(layers, seed=0, engine=engine).compile("sgd", "sparse_categorical_crossentropy").build(4)
    with pytest.raises(ValueError, match=r"label 10000000000 in row \d+ is .*" + found_after(1)):
        model.fit(X, y, batch_size=32, verbose=0)
    assert model.step == 1
    assert model.epoch == 0
    y[:] = 0
    model.train_on_batch(X, y)  # the labels are taken before the layer writes
    with pytest.raises(ValueError, match=r"train_on_batch: .*expected a label from 0 to 2"):
        model.train_on_batch(X, y)
    assert model.step == 2


def bodies_without_the_lock(text):
    """What a binding runs without the interpreter lock.

    Those are the arguments of interruptible and unlocked, and the rest of a function after an Unlocked.
    """
    for match in re.finditer(r"\b(?:interruptible|unlocked)\(", text):
        depth, end = 1, match.end()
        while depth:
            depth += {"(": 1, ")": -1}.get(text[end], 0)
            end += 1
        yield text[match.end() : end]
    for match in re.finditer(r"\bconst Unlocked \w+;", text):
        yield text[match.end() : text.index("\n}", match.end())]


ARRAYS = re.compile(r"(?:\bContiguous<[^>]+>|\bStrided<[^>]+>|\bRows|py::array(?:_t<[^>]+>)?)>?&? (\w+)[,)({;]")


def test_bindings_read_no_array_after_the_lock_is_released():
    """Another thread may then resize the array or give it another shape: sizes are those that were checked."""
    files, bodies = sorted((HERE.parent / "cpp" / "bindings").glob("*.cpp")), 0
    for path in files:
        text = path.read_text(encoding="utf-8")
        arrays = set(ARRAYS.findall(text))
        for body in bodies_without_the_lock(text):
            bodies += 1
            members = r"\b(\w+)(?:\.|->)(?:size|shape|ndim|strides|data|mutable_data|nbytes)\("
            touched = [name for name in re.findall(members, body) if name in arrays]
            assert not touched, f"{path.name}: {touched} without the interpreter lock, in {body[:200]}"
    assert len(files) >= 15
    assert bodies >= 30
