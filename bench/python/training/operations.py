"""Single operations of the register, measured like contenders: what bench/compare.py compares beside whole networks."""

from __future__ import annotations

import re
import time
from typing import Any

import numpy as np

import densekit
import densekit.functional
import densekit.info  # the two fill the register
from densekit.registry import OPS

SIZES = (1_000, 1_000_000)
TARGET = 2e-3  # seconds of one measurement


class Server:
    """The interface of training.worker.Server; the workload is a regular expression for names of operations."""

    def __init__(self) -> None:
        self.release()

    def release(self) -> None:
        self.calls: dict[str, Any] = {}
        self.repeats: dict[str, int] = {}

    def prepare(self, names: str, leave_out: list[str]) -> dict[str, Any]:
        for name, op in OPS.items():
            for size in SIZES if re.search(names, name) else ():
                case = f"{name} {size:,}"
                self.calls[case] = (op.function, op.domain(np.random.default_rng(0), np.float32, size))
                self._seconds(case, 1)
                once = self._seconds(case, 3)[0] / 3
                self.repeats[case] = max(1, int(TARGET / max(once, 1e-9)))
        return {case: {} for case in self.calls if case not in leave_out}

    def _seconds(self, case: str, repeats: int) -> tuple[float, float]:
        function, call = self.calls[case]
        start, start_cpu = time.perf_counter(), time.process_time()
        for _ in range(repeats):
            function(*call.args, **call.kwargs)
        return time.perf_counter() - start, time.process_time() - start_cpu

    def measure(self, case: str) -> tuple[float, float]:
        wall, cpu = self._seconds(case, self.repeats[case])
        return wall / self.repeats[case], cpu / self.repeats[case]


def version() -> str:
    return f"densekit {densekit.__version__} ({densekit._core.active_level()})"
