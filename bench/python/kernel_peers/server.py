"""The side of a library's process: contenders of one case, by name (see training/worker.py)."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Any, TypeAlias

from kernel_peers.cases import CASES, Array, Case, arrays, digest

Call: TypeAlias = Callable[[], tuple[Any, ...]]  # does it once, returns the results
Make: TypeAlias = Callable[[Case, dict[str, Array]], Call]
Contenders: TypeAlias = Callable[[Case], dict[str, Make]]


def by_kind(functions: dict[str, Any]) -> dict[str, Make]:
    """For each kind of case the function of a module with its name; Adam's makes AdamW, too."""
    return {c.kind: functions["adam" if c.kind == "adamw" else c.kind] for c in CASES}


SHORTEST = 0.02  # seconds of one measurement


class KernelServer:
    def __init__(self, contenders: Contenders) -> None:
        self.contenders = contenders
        self.release()

    def release(self) -> None:
        self.calls: dict[str, Call] = {}
        self.repeats: dict[str, int] = {}

    def prepare(self, c: Case, leave_out: list[str]) -> dict[str, Any]:
        """Makes and runs each once; {name: {"answer": digest of the results}}."""
        self.release()
        found: dict[str, Any] = {}
        for name, make in self.contenders(c).items():
            if name in leave_out:
                continue
            call = make(c, arrays(c))  # each its own arrays, because some are updated in place
            found[name] = {"answer": digest(c, call())}
            self.calls[name] = call
            self._seconds(name, 1)
            once = self._seconds(name, 1)[0]
            self.repeats[name] = max(1, min(100_000, math.ceil(SHORTEST / max(once, 1e-7))))
        return found

    def _seconds(self, name: str, repeats: int) -> tuple[float, float]:
        call = self.calls[name]
        start, start_cpu = time.perf_counter(), time.process_time()
        for _ in range(repeats):
            call()
        return (time.perf_counter() - start) / max(1, repeats), (time.process_time() - start_cpu) / max(1, repeats)

    def measure(self, name: str) -> tuple[float, float]:
        """Wall and CPU seconds of a call, after some that do not count: the process was stopped, its caches cold."""
        self._seconds(name, -(-self.repeats[name] // 2) if self.repeats[name] > 1 else 0)
        return self._seconds(name, self.repeats[name])
