"""What 4 threads a processor cost beside the best number of threads: rounds of the two in turn, the least time of each.

    python tests/oversubscribed.py [ROUNDS]

Prints JSON: for each kind of work the least time with the best number of threads, with four times as many threads as
there are processors, and their ratio. The exit code is 1 if one is above 1.2.
"""

from __future__ import annotations

import json
import os
import sys
import time

import numpy as np

import densekit as dk
import densekit.functional as F
from densekit import _core
from densekit.layers import Dense


def works():
    rng = np.random.default_rng(0)
    a = rng.normal(size=(1024, 1024)).astype(np.float32)
    z = rng.normal(size=4_000_000).astype(np.float32)
    X, y = rng.normal(size=(4096, 256)).astype(np.float32), rng.normal(size=(4096, 1)).astype(np.float32)
    model = dk.Sequential([Dense(512, "relu"), Dense(512, "relu"), Dense(1)], seed=0).compile("adam", "mse").build(256)
    out, product = np.empty_like(z), np.empty_like(a)
    return {
        "product 1024": lambda: F.matmul(a, a, out=product),
        "gelu of 4e6": lambda: F.gelu(z, out=out),
        "fit 256-512-512-1": lambda: model.fit(X, y, batch_size=128, shuffle=False, verbose=0),
        "predict": lambda: model.predict(X),
    }


def timed(work, threads):
    _core.set_threads(threads)
    work()  # makes the threads
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def measure(rounds: int) -> dict:
    processors = len(os.sched_getaffinity(0))
    found = {}
    for name, work in works().items():
        times = {threads: [] for threads in (*range(1, processors + 1), 4 * processors)}
        for _ in range(rounds):
            for threads, seconds in times.items():
                seconds.append(timed(work, threads))
        least = {threads: min(seconds) for threads, seconds in times.items()}
        most = least.pop(4 * processors)
        best = min(least, key=least.get)
        found[name] = {"best": best, "ms": 1e3 * least[best], "oversubscribed": 1e3 * most, "ratio": most / least[best]}
    _core.set_threads(0)
    return {"processors": processors, "rounds": rounds, "work": found}


if __name__ == "__main__":
    found = measure(int(sys.argv[1]) if len(sys.argv) > 1 else 20)
    for name, figures in found["work"].items():
        print(f"figure: {name}, 4 threads a processor: {figures['ratio']:.2f} of the best time, {figures['ms']:.2f} ms")
    print(json.dumps(found))
    sys.exit(any(figures["ratio"] > 1.2 for figures in found["work"].values()))
