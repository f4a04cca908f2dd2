"""Calls every function of the extension while a thread writes garbage into all arrays that it was given.

What it looks for (a read or a write out of bounds, a check that another read makes worthless) ends the process or wakes
a sanitizer, so it is a program of its own, which tests/test_written_inputs.py runs:

    python tests/written_inputs.py SECONDS_PER_CALL

A call gives numbers or raises ValueError; with its first inputs put back, it works again.
"""

from __future__ import annotations

import itertools
import json
import sys
import threading
import time

import networks as net
import numpy as np

import densekit.functional as F
from densekit import _core, info
from densekit.registry import OPS

ROWS = 1500
assert info.entropy in {op.function for op in OPS.values()}  # its import registers operations, too
FLOATS = (np.float32, np.float64)


# The calls: what the operations of the register give to the extension, and what no operation uses.


def arrays_in(value):
    """All arrays of a call, those in lists and tuples, too."""
    if isinstance(value, np.ndarray):
        yield value
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from arrays_in(inner)


def copied(value):
    """The same with arrays that nobody else has, writable and as contiguous as they were."""
    if isinstance(value, np.ndarray):
        return np.array(value, order="K")
    if isinstance(value, list | tuple):
        return type(value)(map(copied, value))
    return value


def kind_of(arguments):
    """What tells calls of one function apart: the dtypes, and which arguments are missing."""
    return tuple(None if a is None else [b.dtype.str for b in arrays_in(a)] or str(a)[:12] for a in arguments)


class Recorder:
    """Stands in for the functions of the extension, and keeps the arguments of different calls."""

    def __init__(self) -> None:
        self.calls: dict[tuple[str, str], tuple[str, tuple]] = {}

    def __enter__(self):
        self.functions = {n: f for n, f in vars(_core).items() if callable(f) and not isinstance(f, type)}
        for name, function in self.functions.items():
            setattr(_core, name, self._keeping(name, function))
        return self

    def __exit__(self, *_):
        for name, function in self.functions.items():
            setattr(_core, name, function)

    def _keeping(self, name, function):
        def call(*args):
            if any(a.size > 1 for a in arrays_in(args)):
                self.calls.setdefault((name, str(kind_of(args))), (name, copied(args)))
            return function(*args)

        return call


def recorded():
    """Calls of all functions that operations use: of each operation, and of losses of classes with all they take."""
    rng = np.random.default_rng(11)
    with Recorder() as seen:
        for op, dtype in itertools.product(OPS.values(), FLOATS):
            call = op.domain(rng, dtype, ROWS)
            op.function(*call.args, **call.kwargs)
        for dtype, classes, ignore in itertools.product(FLOATS, (3, 40), (None, -100, 1)):
            z, labels = rng.normal(size=(ROWS, classes)).astype(dtype), rng.integers(0, classes, ROWS)
            if ignore is not None:
                labels[::5] = ignore
            more = {"sample_weight": np.ones(ROWS), "ignore_index": ignore}
            F.softmax_cross_entropy(z, labels, class_weight=np.ones(classes), **more)
            F.softmax_cross_entropy(z, labels, label_smoothing=0.1, **more)
            F.nll(z, labels, class_weight=np.ones(classes), **more)
            if ignore is None:
                F.hinge(z, labels, sample_weight=np.ones(ROWS))
                for loss in (F.softmax_cross_entropy, F.nll):
                    loss(z, np.full_like(z, 1 / classes), class_weight=np.ones(classes))
        for dtype in FLOATS:
            x, w = rng.normal(size=(ROWS, 9)).astype(dtype), rng.normal(size=(9, 5)).astype(dtype)
            F.dense(x[:, ::-1], w, np.zeros(5, dtype), activation="gelu", return_saved=True)
            F.batch_norm(x, np.ones(9, dtype), np.zeros(9, dtype), running_mean=np.zeros(9, dtype),
                         running_var=np.ones(9, dtype), training=True)  # fmt: skip
    yield from seen.calls.values()


def further():
    """Calls of the functions that no operation uses."""
    for dtype in FLOATS:
        a, b = np.linspace(0, 1, ROWS, dtype=dtype), np.empty(ROWS, dtype)
        for name in _core.math_functions:
            yield "math", (name, a, b)
        yield "log_gamma", (a + 1, b)
        yield "clamp", (b, -1.0, 1.0)
        yield "singular_values", (a.reshape(-1, 30), np.empty(30))
        yield "categorical_log_likelihood", (a[:30].astype(float), a.reshape(-1, 30).astype(float), b[:50], True)
        yield "ready", ((a,), (b,))
        for kind in ("zeros", "truncated_normal", "orthogonal"):
            fields = _core.kinds()["initializers"][kind]["fields"]
            made = {"kind": kind} | {name: about["default"] for name, about in fields.items()}
            yield "initialize", (made, 1, 0, 40.0, 30.0, np.empty((40, 30), dtype))
        yield (
            "distances",
            (a.reshape(-1, 50), b.reshape(-1, 50), _core.Metric.l2, 2.0, False, np.empty((30, 30), dtype)),
        )


class Host:
    """A layer and a loss in Python."""

    def forward(self, x, parameters, training):
        return x * parameters[0], x

    def backward(self, dy, saved, parameters, gradients):
        gradients[0][...] = (dy * saved).sum(axis=0)
        return dy * parameters[0]

    def __call__(self, scores, y, weights):
        return float(np.nanmean(np.abs(scores))), scores / len(scores)


def engines():
    """Name, engine, and whether it takes labels."""
    body = [net.dense(7, "gelu", "first"), net.batch_norm(), net.dropout(0.2), net.layer_norm()]
    losses = {
        "softmax_cross_entropy": ("softmax", {"link": True, "ignore_index": -100}),
        "nll": ("log_softmax", {"reduction": "sum"}),
        "multiclass_hinge": ("identity", {"reduction": "count"}),
        "mse": ("identity", {}),
        "gaussian_nll": ("identity", {}),
        "host": ("identity", {}),
    }
    for dtype, (kind, (last, fields)) in itertools.product(("float32", "float64"), losses.items()):
        layers = [*body, net.host(0, 7, [("scale", (7,))], "python"), net.dense(4, last, "last")]
        loss = (
            {"kind": "host", "index": 0, "reduction": "mean", "factor": 1.0, "link": False, "missing": "none"}
            if kind == "host"
            else None
        )
        spec = net.network(layers, 5, loss or net.loss(kind, **fields), net.optimizer("adam"), dtype=dtype)
        engine = (_core.NetworkFloat32 if dtype == "float32" else _core.NetworkFloat64)(spec, [Host()])
        yield f"{kind}, {dtype}", engine, dtype


def network_calls():
    """(what, function, arguments, more arrays that are written) of every call of the engine."""
    rng = np.random.default_rng(12)
    for name, engine, dtype in engines():
        kind = name.split(",")[0]
        x = rng.normal(size=(ROWS, 5)).astype(dtype)
        views = [engine.parameters, engine.statistics, engine.gradients, *engine.states]
        targets = []
        if kind in ("softmax_cross_entropy", "nll", "multiclass_hinge", "host"):
            targets.append(rng.integers(0, 4, ROWS))
        if kind != "multiclass_hinge":
            width = 2 if kind == "gaussian_nll" else 4
            targets.append(np.full((ROWS, width), 0.25, dtype))
        for y, weights in itertools.product(targets, (None, np.ones(ROWS))):
            out = np.empty((ROWS, 4), dtype)
            yield f"{name}: loss", engine.loss, (x, y, weights, False, out), views
            yield f"{name}: gradient", engine.gradient, (x, y, weights), views
            yield f"{name}: step_on", engine.step_on, (x, y, weights, 1e-3), views
            yield f"{name}: loss_and_gradients", engine.loss_and_gradients, (x, y, weights, out), views
            order, lr = np.arange(ROWS), np.full(-(-ROWS // 64), 1e-3)
            rows = [np.array(x, kind) for kind in (np.float32, np.float64)] + [
                rng.integers(0, 9, (ROWS, 5)).astype("u1")
            ]
            for given in (rows[0], rows[1], rows[2], np.asfortranarray(x)):
                arguments = (given, y, weights, order, 64, lr, False, out, False)
                yield f"{name}: epoch of {given.dtype}", engine.epoch, arguments, views
        yield f"{name}: forward", engine.forward, (x, True, True), views
        yield f"{name}: set_statistics", engine.set_statistics, (x,), views
        yield f"{name}: apply_gradients", engine.apply_gradients, (engine.gradients.copy(), 1e-3), views
        yield f"{name}: predict", engine.forward, (x,), views
        yield f"{name}: hidden", engine.hidden, (x, "first"), views
        yield f"{name}: tape", lambda *a, e=engine: e.tape(*a).output, (x, True), views
        yield f"{name}: pullback", engine.tape(x, True).pullback, (np.ones((ROWS, 4), dtype),), views


# The thread.


def garbage(array, rng):
    """What is written: bits, and numbers that are just wrong, far out, and (for one element only) anything."""
    raw = rng.integers(0, 256, array.nbytes, dtype=np.uint8)
    if array.dtype == bool:
        yield (raw % 2).astype(bool).reshape(array.shape)
        return
    yield raw.view(array.dtype).reshape(array.shape)
    if array.dtype.kind == "f":
        far = [0.0, -0.0, np.nan, np.inf, -np.inf, np.finfo(array.dtype).max, np.finfo(array.dtype).smallest_subnormal]
    elif array.dtype.kind == "u":
        far = [0, np.iinfo(array.dtype).max]
    else:
        far = [-1, -100, 3, 4, 40, len(array), 10**10, -(10**10), np.iinfo(array.dtype).max, np.iinfo(array.dtype).min]
    for value in far:
        yield np.full_like(array, value)
        one = np.array(array)
        one.flat[rng.integers(array.size)] = value
        yield one


class Writer:
    """A thread that writes garbage and, half of the time, what was there at first."""

    def __init__(self, arrays):
        rng = np.random.default_rng(13)
        self.arrays = [a for a in arrays if a.flags.writeable and a.size]
        self.first = [np.array(a) for a in self.arrays]
        self.rubbish = [list(garbage(a, rng)) for a in self.arrays]
        self.done = False
        self.thread = threading.Thread(target=self._write)

    def _write(self):
        for turn in itertools.count():
            for array, first, rubbish in zip(self.arrays, self.first, self.rubbish, strict=True):
                array[...] = rubbish[turn % len(rubbish)]
                array[...] = first
                if self.done:
                    return

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.done = True
        self.thread.join()
        for array, first in zip(self.arrays, self.first, strict=True):
            array[...] = first


def hammer(what, function, arguments, seconds, more=()):
    """Calls for so long; says how many calls were refused."""
    print(what, flush=True)
    calls = refused = 0
    end = time.monotonic() + seconds
    with Writer([*arrays_in(arguments), *more]):
        while time.monotonic() < end or calls < 2:
            calls += 1
            try:
                function(*arguments)
            except ValueError:
                refused += 1
    function(*arguments)  # nothing is broken
    return calls, refused


def main(seconds):
    sys.setswitchinterval(1e-5)
    _core.set_serial_threshold(2000)  # threads of the pool read the inputs, too
    reached, refused = set(), 0
    for name, arguments in itertools.chain(recorded(), further()):
        reached.add(name)
        kinds = [a.dtype.str for a in arrays_in(arguments)]
        refused += hammer(f"{name}({', '.join(kinds)})", getattr(_core, name), arguments, seconds)[1]
    functions = {n for n, f in vars(_core).items() if not isinstance(f, type) and callable(f)}
    functions = {n for n in functions if "numpy" in getattr(_core, n).__doc__.split("->")[0]}
    assert functions <= reached, f"no call of {functions - reached}"
    methods = set()
    for what, method, arguments, views in network_calls():
        methods.add(what.split(": ")[1].split()[0])
        refused += hammer(what, method, arguments, seconds, views)[1]
    assert refused > 0, "the thread never wrote in time"
    print(json.dumps({"functions": len(reached), "methods": sorted(methods), "refused": refused}))


if __name__ == "__main__":
    main(float(sys.argv[1]))
