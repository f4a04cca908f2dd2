"""A process for each library: it sets up what it is told, and measures when it is asked.

A process of its own gives each library its own threads, allocator and settings. While one measures, the others are
stopped: threads that wait for work by spinning (OpenMP's, Eigen's, OpenBLAS's) would take a processor from it. The
number of threads is set in the environment and, where there are more processors, by affinity (the only way that limits
XLA) before anything is imported.
"""

from __future__ import annotations

import importlib
import math
import os
import signal
import sys
import time
import traceback
from dataclasses import replace
from multiprocessing import get_context
from typing import Any

THREAD_VARIABLES = (
    "OPENBLAS_NUM_THREADS",
    "OMP_NUM_THREADS",
    "MKL_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "DENSEKIT_NUM_THREADS",
)
# Library: our module, what must be importable. The first one is what the others are compared with.
LIBRARIES = {
    "densekit": ("training.ours", "densekit"),
    "torch": ("training.torch_peer", "torch"),
    "jax": ("training.jax_peer", "jax"),
    "keras": ("training.keras_peer", "keras"),
    "sklearn": ("training.sklearn_peer", "sklearn"),
    "numpy": ("training.numpy_peer", "numpy"),
}
# The register's operations: for bench/compare.py.
OPERATIONS = "operations"
MODULES = {name: module for name, (module, _) in LIBRARIES.items()} | {OPERATIONS: "training.operations"}
LONG = 0.5  # seconds of an epoch that needs no other before it
SHORTEST = 0.02  # seconds of one measurement, of several epochs from the start if one takes less


class Worker:
    """The parent's side. Each call returns what the method of Server with that name returns."""

    def __init__(self, library: str, threads: int, path: str | None = None, module: str | None = None) -> None:
        """path: a folder with another densekit, to be imported instead. module: what to serve instead of networks."""
        self.library = library
        context = get_context("spawn")
        self.pipe, other = context.Pipe()
        self.process = context.Process(
            target=serve, args=(other, module or MODULES[library], threads, path), daemon=True
        )
        start_with(threads, self.process)
        other.close()
        self.version: str = self._answer()

    def __call__(self, method: str, *arguments: Any) -> Any:
        self._signal("SIGCONT")
        self.pipe.send((method, arguments))
        return self._answer()

    def _signal(self, name: str) -> None:
        if hasattr(signal, name) and self.process.pid is not None and self.process.is_alive():
            os.kill(self.process.pid, getattr(signal, name))

    def _answer(self) -> Any:
        try:
            good, value = self.pipe.recv()
        except EOFError:
            raise RuntimeError(f"the process of {self.library} ended") from None
        self._signal("SIGSTOP")
        if not good:
            raise RuntimeError(f"{self.library}: {value}")
        return value

    def close(self) -> None:
        self._signal("SIGCONT")
        self.pipe.close()
        self.process.join(10)


class Server:
    """The child's side: contenders of one workload, by name."""

    def __init__(self, module: Any) -> None:
        self.module = module
        self.release()

    def release(self) -> None:
        self.trainers: dict[str, Any] = {}
        self.predictors: dict[str, Any] = {}
        self.repeats: dict[str, int] = {}
        self.once: dict[str, float] = {}

    def prepare(self, w: Any, leave_out: list[str]) -> dict[str, Any]:
        """Builds, compiles and runs each once; {name: {"setup": seconds, and "loss" or "error"}}.

        loss: after one epoch without dropout in the order of the rows. error: the largest difference of a probability.
        """
        from training.workloads import cross_entropy, probabilities, problem

        self.release()
        self.w, self.problem = w, problem(w)
        plain = replace(w, rate=0.0)
        found: dict[str, Any] = {}
        makers = self.module.trainers(w) if w.kind == "train" else self.module.predictors(w)
        for name, make in makers.items():
            if name in leave_out:
                continue
            start = time.perf_counter()
            contender = make(plain, self.problem)
            if w.kind == "predict":
                self.predictors[name] = contender
                y = contender(self.problem.x)
                found[name] = {"setup": time.perf_counter() - start}
                found[name]["error"] = float(abs(y - probabilities(self.problem.weights, self.problem.x)).max())
            else:
                contender.load(self.problem.weights)
                contender.epoch(False)
                found[name] = {"setup": time.perf_counter() - start}
                found[name]["loss"] = cross_entropy(contender.weights(), self.problem)
                if w.rate > 0:
                    contender = make(w, self.problem)
                self.trainers[name] = contender
                self._seconds(name)  # compiles with dropout, and shuffles for the first time
            self.once[name] = once = self._seconds(name)[0]
            self.repeats[name] = max(1, min(10_000, math.ceil(SHORTEST / max(once, 1e-7))))
        return found

    def _seconds(self, name: str, repeats: int = 1) -> tuple[float, float]:
        """Wall and CPU seconds of an epoch from the start, or of a prediction; the mean of several."""
        wall = cpu = 0.0
        if name in self.predictors:
            predict, x = self.predictors[name], self.problem.x
            start, start_cpu = time.perf_counter(), time.process_time()
            for _ in range(repeats):
                predict(x)
            wall, cpu = time.perf_counter() - start, time.process_time() - start_cpu
        else:
            trainer = self.trainers[name]
            for _ in range(repeats):
                trainer.load(self.problem.weights)
                start, start_cpu = time.perf_counter(), time.process_time()
                trainer.epoch(True)
                wall += time.perf_counter() - start
                cpu += time.process_time() - start_cpu
        return wall / repeats, cpu / repeats

    def measure(self, name: str) -> tuple[float, float]:
        """Of one step or prediction, after some that do not count: the process was stopped, its caches are cold."""
        if self.once[name] < LONG:
            self._seconds(name, -(-self.repeats[name] // 2))
        wall, cpu = self._seconds(name, self.repeats[name])
        steps = self.w.steps if self.w.kind == "train" else 1
        return wall / steps, cpu / steps

    def final_loss(self, name: str) -> float:
        """After the last measured epoch."""
        from training.workloads import cross_entropy

        return cross_entropy(self.trainers[name].weights(), self.problem)


def serve(pipe: Any, name: str, threads: int, path: str | None) -> None:
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[-threads:])
    if path is not None:
        sys.path.insert(0, path)
    try:
        module = importlib.import_module(name)
        if path is not None and not str(sys.modules["densekit"].__file__).startswith(path):
            raise ImportError(f"densekit came from {sys.modules['densekit'].__file__}, not from {path}")
        if hasattr(module, "set_threads"):
            module.set_threads(threads)
        server = module.Server() if hasattr(module, "Server") else Server(module)
        pipe.send((True, module.version()))
    except Exception:
        pipe.send((False, traceback.format_exc()))
        return
    import gc

    gc.disable()
    while True:
        try:
            method, arguments = pipe.recv()
        except EOFError:
            return
        try:
            gc.collect()
            pipe.send((True, getattr(server, method)(*arguments)))
        except Exception:
            pipe.send((False, traceback.format_exc()))


def start_with(threads: int, process: Any) -> None:
    """Starts it in an environment that says how many threads libraries may use; they read it when imported."""
    before = {name: os.environ.get(name) for name in THREAD_VARIABLES}
    os.environ.update(dict.fromkeys(THREAD_VARIABLES, str(threads)))
    try:
        process.start()
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
