"""No memory left: MemoryError, or the result all the same; never the end of the process, whatever a thread calls first.

What the C and C++ libraries make at a thread's first use is the danger (thread-local variables, the place of its
exceptions), and what the pool makes at its first start.
"""

from __future__ import annotations

import sys

import pytest
from processes import succeeds

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="limits the address space")

SETUP = """
import contextlib, os, resource, sys, threading
import numpy as np
import densekit as dk
import densekit.functional as F
from densekit import _core
from densekit.layers import BatchNorm, Dense, Dropout

rng = np.random.default_rng(0)
X = rng.normal(size=(3000, 200)).astype(np.float32)
y = rng.integers(0, 5, 3000)
w = rng.normal(size=(200, 100)).astype(np.float32)
model = dk.Sequential([Dense(300, "relu"), BatchNorm(), Dropout(0.1), Dense(5, "softmax")], seed=0)
model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
model.build(200)
targets = np.zeros((3000, 200), np.float32)
out = np.empty_like(X)
state = [np.zeros_like(X) for _ in range(2)]

def calls_of(model):
    return {
        "relu": lambda: F.relu(X, out=out),
        "relu, refused": lambda: F.relu(X, out=out[:5]),
        "matmul": lambda: F.matmul(X, w),
        "distances": lambda: F.distances(X[:400], X[:400], metric="l1"),
        "softmax": lambda: F.log_softmax(X),
        "loss": lambda: F.softmax_cross_entropy(X, y),
        "labels, refused": lambda: F.softmax_cross_entropy(X, y + 1000),
        "mse": lambda: F.mse(X, targets),
        "batch norm": lambda: F.batch_norm(X),
        "adam": lambda: F.adam(targets, X, *state, step=1, lr=1e-6),
        "norms": lambda: F.vector_norm(X, axis=1),
        "fit": lambda: model.fit(X, y, batch_size=512, verbose=0),
        "predict": lambda: model.predict(X),
        "evaluate": lambda: model.evaluate(X, y),
        "vjp": lambda: model.vjp(X)[1](np.ones((3000, 5), np.float32)),
        "compile": lambda: model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"]),
        "build": lambda: dk.Sequential([Dense(1500, inputs=1500)], seed=0).build(1500),
    }

calls = calls_of(model)

def memory():
    with open("/proc/self/statm") as sizes:
        return int(sizes.read().split()[0]) * resource.getpagesize()

@contextlib.contextmanager
def limit(extra):
    resource.setrlimit(resource.RLIMIT_AS, (memory() + extra, resource.RLIM_INFINITY))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))

def attempt(name, calls=calls):
    try:
        calls[name]()
        return "done"
    except MemoryError:
        return "MemoryError"
    except ValueError as error:
        if "refused" in name:
            return "refused"
        raise

def fill():
    "Takes what the allocator still has in its lists, so that the next small request needs the system."
    held, size = [], 1 << 20
    while size >= 16:
        try:
            while True:
                held.append(bytearray(size))
        except MemoryError:
            size //= 2
    return held
"""


@pytest.mark.parametrize("threads", [1, 2, 8])
def test_calls_under_a_limit_that_grows(threads):
    """Each call, with 0 to 40 MB left, from the main thread; the pool starts its workers under the limit."""
    out = succeeds(
        SETUP
        + f"""
_core.set_serial_threshold(0)
_core.set_threads({threads})
seen = set()
for extra in [*range(0, 2_000_000, 500_000), *range(2_000_000, 40_000_000, 9_000_000)]:
    for name in calls:
        with limit(extra):
            seen.add(attempt(name))
for name in calls:
    assert attempt(name) in ("done", "refused"), name  # nothing was lost
model.fit(X, y, verbose=0)
assert np.isfinite(model.predict(X)).all()
print(sorted(seen))
""",
        timeout=300,
    )
    assert "MemoryError" in out
    assert "done" in out


@pytest.mark.parametrize("filled", [False, True], ids=["the system refuses", "the allocator has nothing"])
def test_the_first_call_of_a_thread(filled):
    """Threads that exist, but have not called densekit yet, when memory ends; each makes one call, then all calls."""
    out = succeeds(
        SETUP
        + f"""
filled = {filled}
_core.set_serial_threshold(0)
_core.set_threads(2)
found, go = {{}}, threading.Event()
own = {{name: calls_of(model.clone().build(200)) for name in calls}}
held = []

def work(name):
    go.wait()
    try:
        found[name] = attempt(name, own[name])
    except BaseException as error:
        found[name] = repr(error)[:200]

threads = [threading.Thread(target=work, args=(name,)) for name in calls]
for thread in threads:
    thread.start()
with limit(0):
    if filled:
        held = fill()
    go.set()
    for thread in threads:
        thread.join()
del held
assert set(found) == set(calls)
assert set(found.values()) <= {{"done", "MemoryError", "refused"}}, found
for name in calls:
    assert attempt(name) in ("done", "refused"), name
print(sorted(set(found.values())))
""",
        timeout=300,
        environment={"MALLOC_ARENA_MAX": "1"},
    )
    assert "MemoryError" in out


def test_a_pool_whose_threads_are_refused_does_the_work_with_fewer():
    """EAGAIN, as at a container's limit: the caller works, results are the same, and later there are threads again."""
    succeeds(
        SETUP
        + """
_core.set_serial_threshold(0)
_core.set_threads(1)
expected = F.gelu(X)
_core.set_threads(8)
before = len(os.listdir("/proc/self/task"))
with limit(3 << 20):  # less than the stack of one thread
    for _ in range(50):
        F.gelu(X, out=out)
        assert np.array_equal(out[::7], expected[::7])
    assert len(os.listdir("/proc/self/task")) == before
import time
time.sleep(0.2)
_core.set_all_hands(True)
_core.last_workers()
assert np.array_equal(F.gelu(X), expected)
assert _core.last_workers() == 8
""",
        environment={"OPENBLAS_NUM_THREADS": "1"},
    )
