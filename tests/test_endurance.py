"""Memory stays flat over ten thousand fits and ten thousand predictions."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap

import pytest

pytestmark = pytest.mark.skipif(not os.path.exists("/proc/self/statm"), reason="reads /proc, which Linux has")

# A fresh process, so that nobody else's memory is counted. Prints how many resident bytes and Python objects the last
# nine tenths of the calls added. An object of 48 bytes lost in each would be 432 kB.
MOST_BYTES = 400_000
PROGRAM = """
    import gc, json, os, sys
    import numpy as np
    import densekit as dk
    from densekit.layers import BatchNorm, Dense, Dropout

    engine, count = sys.argv[1], int(sys.argv[2])
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(20, 3)).astype(np.float32), rng.integers(0, 2, 20)
    layers = [Dense(4, "relu"), BatchNorm(), Dropout(0.2), Dense(2, "softmax")]
    model = dk.Sequential(layers, seed=0, engine=engine)
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"]).build(3)
    calls = {
        "fit": lambda: model.fit(x, y, batch_size=10, validation_data=(x, y), verbose=0),
        "predict": lambda: model.predict(x, batch_size=7),
        "model(x)": lambda: model(x[:1]),
        "a model of its own": lambda: model.clone().fit(x, y, verbose=0),
    }

    def memory():
        gc.collect()
        with open("/proc/self/statm") as statm:
            return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE"), len(gc.get_objects())

    found = {}
    for name, call in calls.items():
        for i in range(count):
            call()
            if i == count // 10:
                before = memory()
        after = memory()
        found[name] = [after[0] - before[0], after[1] - before[1]]
    print(json.dumps(found))
"""


@pytest.mark.parametrize(("engine", "count"), [("native", 10_000), ("reference", 300)])
def test_memory_is_flat(engine, count):
    command = [sys.executable, "-c", textwrap.dedent(PROGRAM), engine, str(count)]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
    # What is lost in each call is lost in every process; a heap may grow by itself once, where the machine is busy.
    tries = []
    for _ in range(2):
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=600)
        assert done.returncode == 0, done.stderr
        tries.append(json.loads(done.stdout))
        if all(grown < MOST_BYTES for grown, _ in tries[-1].values()):
            break
    least = {name: [min(values) for values in zip(*(one[name] for one in tries), strict=True)] for name in tries[0]}
    for name, (grown, objects) in least.items():
        assert grown < MOST_BYTES, f"{name}: {grown} bytes more after {count} calls"
        assert objects < 100, f"{name}: {objects} objects more after {count} calls"
