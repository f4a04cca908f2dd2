"""The n-th request for memory fails, for every n of a call: MemoryError, or the result all the same; then it works.

failing_allocations.c stands before malloc and its relatives and before the making of threads. What counts is what the
extension and the C++ library ask for, on any thread, and in a second run what NumPy asks for meanwhile, too; not what
Python asks for, which is Python's matter. Each request fails once alone, and once with all that follow;
`make test` takes the first ten of each call and every tenth of the others, DENSEKIT_THOROUGH=1 all up to 1,000.
"""

from __future__ import annotations

import json
import os
import pathlib
import shutil
import subprocess
import sys

import pytest
from processes import succeeds

THOROUGH = os.environ.get("DENSEKIT_THOROUGH") == "1"
SOURCE = pathlib.Path(__file__).with_name("failing_allocations.c")
COMPILER = shutil.which(os.environ.get("CC", "cc"))
pytestmark = pytest.mark.skipif(
    sys.platform != "linux"
    or os.uname().machine != "x86_64"
    or COMPILER is None
    or "asan" in os.environ.get("LD_PRELOAD", ""),
    reason="stands before the malloc of glibc, with a C compiler",
)

PROGRAM = """
import ctypes, gc, io, json, os, sys, tempfile, warnings
import numpy as np
import densekit as dk
import densekit.functional as F
from densekit import _core, info
from densekit.layers import BatchNorm, Dense, Dropout, LayerNorm, Residual

warnings.simplefilter("ignore", UserWarning)  # passes of training that no update follows
shim = ctypes.CDLL(None)
assert shim.failing_watch(b"densekit/_core") > 0
assert shim.failing_watch(b"libstdc++") > 0
if WITH_NUMPY:
    assert shim.failing_watch(b"_multiarray_umath") > 0
_core.set_serial_threshold(0)
_core.set_threads(THREADS)

rng = np.random.default_rng(0)
X = rng.normal(size=(60, 20)).astype(np.float32)
y = rng.integers(0, 5, 60)
w = rng.normal(size=(20, 40)).astype(np.float32)
big = rng.normal(size=(400, 700)).astype(np.float32)
big_w = rng.normal(size=(700, 300)).astype(np.float32)
path = os.path.join(tempfile.mkdtemp(), "model.npz")

def made():
    inner = Residual([Dense(30, "gelu"), LayerNorm()])
    model = dk.Sequential([Dense(30, "relu"), BatchNorm(), Dropout(0.1), inner, Dense(5, "softmax")], seed=0)
    return model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"], clip_norm=1.0)

trained = made()
trained.fit(X, y, epochs=2, verbose=0)
trained.save(path)
pulled = trained.vjp(X)[1]
dy = np.ones((60, 5), np.float32)

def updated(update):
    a, slots = X.copy(), [np.zeros_like(X) for _ in range(2)]
    update(a, slots)
    return a

def weights(model):
    return np.concatenate([p.ravel() for p in model.get_weights()])

# What each makes anew is made in the call, so that the requests of making count; what is there is used by the rest.
CALLS = {
    "relu": lambda: F.relu(X),
    "matmul": lambda: F.matmul(X, w),
    "matmul, packed": lambda: F.matmul(big, big_w),
    "dense": lambda: F.dense(X, w, activation="gelu"),
    "dense_backward": lambda: F.dense_backward(F.dense(X, w), X, w)[1],
    "distances": lambda: F.distances(X, X, metric="l1"),
    "softmax": lambda: F.log_softmax(X),
    "loss": lambda: F.softmax_cross_entropy(X, y)[1],
    "mse": lambda: F.mse(X, X * 2)[1],
    "batch norm": lambda: F.batch_norm(X),
    "layer norm": lambda: F.layer_norm(X),
    "dropout": lambda: F.dropout(X, 0.3, seed=1, step=2),
    "adam": lambda: updated(lambda a, s: F.adam(a, X, *s, step=1, lr=0.1)),
    "norms": lambda: F.vector_norm(X, axis=1),
    "clip": lambda: F.clip_by_global_norm([X, w], 1.0)[0][0],
    "standardize": lambda: F.standardize(X),
    "entropy": lambda: info.entropy(F.softmax(X)),
    "build": lambda: weights(made().build(20)),
    "fit": lambda: fitted(),
    "predict": lambda: trained.predict(X),
    "model(x)": lambda: trained(X[:3]),
    "transform": lambda: trained.transform(X, -2),
    "evaluate": lambda: np.array(trained.evaluate(X, y)),
    "vjp": lambda: trained.vjp(X)[1](dy)[0],
    "pullback": lambda: pulled(dy)[0],
    "gradients": lambda: next(iter(trained.loss_and_gradients(X, y)[1].values())),
    "train_on_batch": lambda: np.array(trained.clone(weights=True).train_on_batch(X, y)),
    "load": lambda: dk.load(path).predict(X),
    "save": lambda: trained.save(path),
    "an error": lambda: refused(),
}

def fitted():
    model = made()
    model.fit(X, y, batch_size=16, verbose=0)
    return weights(model)

def refused():
    try:
        F.softmax_cross_entropy(X, y + 1000)
    except ValueError as error:
        assert "label" in str(error)

def same(a, b):
    return a is b is None or np.array_equal(a, b, equal_nan=True)

found = {"tries": 0, "MemoryError": 0, "done": 0, "most": 0}
for name, call in CALLS.items():
    expected = call()
    gc.collect()
    before = X.tobytes(), y.tobytes(), w.tobytes()
    for later in (0, 1):
        n = 0
        while True:
            n += 1 if n < 10 else STEP
            print(name, n, later, flush=True)
            shim.failing_arm(n, later)
            try:
                result = call()
                outcome = "done"
            except MemoryError:
                outcome = "MemoryError"
            finally:
                requests = shim.failing_disarm()
            found["tries"] += 1
            found[outcome] += 1
            if outcome == "done":
                assert same(result, expected), (name, n, "another result")
            assert (X.tobytes(), y.tobytes(), w.tobytes()) == before, (name, n, "an input was changed")
            assert same(call(), expected), (name, n, "does not work any more")
            if requests < n or n >= 1000:
                found["most"] = max(found["most"], n)
                break
print(json.dumps(found))
"""


@pytest.fixture(scope="module")
def shim(tmp_path_factory):
    library = tmp_path_factory.mktemp("shim") / "failing_allocations.so"
    command = [
        COMPILER,
        "-shared",
        "-fPIC",
        "-O1",
        "-Wall",
        "-Wextra",
        "-Werror",
        str(SOURCE),
        "-o",
        str(library),
        "-ldl",
    ]
    subprocess.run(command, check=True, capture_output=True)
    return library


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("with_numpy", [False, True], ids=["the extension", "NumPy, too"])
def test_the_nth_request_fails(shim, threads, with_numpy):
    step = 1 if THOROUGH else 10
    program = f"WITH_NUMPY, THREADS, STEP = {with_numpy}, {threads}, {step}\n" + PROGRAM
    out = succeeds(program, timeout=1200, environment={"LD_PRELOAD": str(shim), "OPENBLAS_NUM_THREADS": "1"})
    found = json.loads(out.splitlines()[-1])
    print(f"figure: {threads} threads{', NumPy, too' if with_numpy else ''}: {found}")
    assert found["MemoryError"] > 100
    assert found["done"] > 0
