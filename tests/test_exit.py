"""A process that ends while threads are inside densekit ends with its own exit code, whatever they do just then."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from processes import run_script
from thorough import THOROUGH

SETUP = """
import sys, threading, time
import numpy as np
import densekit as dk
import densekit.functional as F
from densekit import _core
from densekit.layers import BatchNorm, Dense, Dropout, Lambda, Layer

_core.use_thread_backend("{backend}")
_core.set_threads(2)
rng = np.random.default_rng(0)
X = rng.normal(size=(4000, 64)).astype(np.float32)
y = rng.integers(0, 3, 4000)
begun = threading.Event()

def model(*layers, **compiled):
    kind = dict(optimizer="adam", loss="sparse_categorical_crossentropy") | compiled
    return dk.Sequential([*layers, Dense(3, "softmax")], seed=0).compile(kind.pop("optimizer"), **kind)

def forever(call):
    def run():
        while True:
            call()
            begun.set()
    for _ in range({threads}):
        threading.Thread(target=run, daemon=True).start()
    begun.wait(60)
    time.sleep({delay})
"""

# Each leaves threads in a loop over calls, or in one call without end.
LOOPS = {
    "fit, many epochs": """
m = model(Dense(256, "relu"))
forever(lambda: m.clone().fit(X, y, epochs=200, verbose=0) if begun.is_set() else m.clone().fit(X, y, verbose=0))
""",
    "fit, batch by batch": """
class Watch(dk.callbacks.Callback):
    def on_train_batch_end(self, batch, logs=None):
        begun.set()
m = model(Dense(64, "relu"), Dropout(0.1), BatchNorm())
forever(lambda: m.clone().fit(X, y, epochs=10**6, verbose=0, callbacks=[Watch()]))
""",
    "small calls": "forever(lambda: F.relu(X[:10]))",
    "predict": "m = model(Dense(512, 'relu')).build(64); forever(lambda: m.predict(X))",
    "one long product": """
a = rng.normal(size=(1500, 1500))
forever(lambda: (begun.set(), F.matmul(a, a)))
""",
    "a layer in Python": """
class Slow(Layer):
    def build(self, inputs):
        self.outputs = inputs
    def forward(self, x, training=False):
        begun.set()
        return sum(x * 0.01 for _ in range(100)), x
m = model(Dense(32, "relu"), Lambda(lambda x: sum(x * 0.01 for _ in range(100)), lambda dy, x, y: dy))
forever(lambda: m.clone().fit(X, y, epochs=3, verbose=0))
""",
    "a loss in Python": """
def loss(pred, target):
    for _ in range(1000):
        begun.set()
    return float(((pred - target) ** 2).mean()), 2 * (pred - target) / pred.size
m = dk.Sequential([Dense(8), Dense(1)], seed=0).compile("sgd", loss)
t = X[:, :1].copy()
forever(lambda: m.clone().fit(X, t, epochs=3, verbose=0))
""",
    "in place": """
w, g = [np.zeros(3_000_000, np.float32) for _ in range(2)]
forever(lambda: F.sgd(w.copy(), g, lr=0.1))
""",
    "the reference engine": """
m = model(Dense(32, "relu")).compile("adam", "sparse_categorical_crossentropy", engine="reference")
forever(lambda: m.clone().fit(X, y, verbose=0))
""",
    "pullback": "m = model(Dense(256, 'relu')).build(64); forever(lambda: m.vjp(X)[1](np.ones((4000, 3), np.float32)))",
    "making networks": "forever(lambda: dk.Sequential([Dense(700, inputs=700)], seed=0).build(700))",
}

ENDS = {
    "falls off the end": "",
    "sys.exit": "sys.exit(7)",
    "an exception": "raise KeyError('mine')",
    "a last call of its own": "import atexit; atexit.register(lambda: print(F.softmax(X).sum() > 0, flush=True))",
}
CODES = {"sys.exit": 7, "an exception": 1}


def ends_well(loop, backend, end="", code=0, threads=2, delay=0.05):
    script = (
        SETUP.format(backend=backend, threads=threads, delay=delay) + LOOPS[loop] + "\nprint('end', flush=True)\n" + end
    )
    # As passive waiters libgomp's threads leave the two processors to the others.
    done = run_script(script, environment={"OMP_WAIT_POLICY": "passive"})
    assert done.returncode == code, f"{loop}: exit code {done.returncode}\n{done.stdout}\n{done.stderr}"
    assert done.stdout.startswith("end"), done.stdout
    return done


@pytest.mark.parametrize("loop", LOOPS)
def test_daemon_threads_inside_the_engine(loop, backend):
    rng = np.random.default_rng(len(loop))
    for _ in range(3 if THOROUGH and backend == "pool" else 1):
        done = ends_well(loop, backend, delay=rng.uniform(0, 0.1))
        assert not done.stderr, done.stderr


@pytest.mark.parametrize("end", ENDS)
def test_every_way_to_end(end):
    done = ends_well("fit, many epochs", "pool", ENDS[end], CODES.get(end, 0))
    if end == "an exception":
        assert "KeyError: 'mine'" in done.stderr
    else:
        assert not done.stderr, done.stderr
    if end == "a last call of its own":
        assert done.stdout.split() == ["end", "True"], "atexit still has densekit"


def test_many_threads_at_once():
    for _ in range(2):
        ends_well("small calls", "pool", threads=8, delay=0.0)


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
def test_control_c_ends_a_program_whose_other_threads_are_inside():
    end = """
import os, signal
signal.signal(signal.SIGINT, signal.default_int_handler)
os.kill(os.getpid(), signal.SIGINT)
time.sleep(10)
"""
    done = ends_well("fit, many epochs", "pool", end, code=-2)
    assert "KeyboardInterrupt" in done.stderr


def test_a_fork_of_it_ends_well_too():
    if not hasattr(__import__("os"), "fork"):
        pytest.skip("no os.fork here")
    end = """
import os, warnings
warnings.filterwarnings("ignore", ".*fork.*", DeprecationWarning)
pid = os.fork()
if pid == 0:
    F.softmax(X)
    sys.exit(3)
_, status = os.waitpid(pid, 0)
assert os.waitstatus_to_exitcode(status) == 3, status
"""
    ends_well("small calls", "pool", end)
