"""The machine's limits for a workload, measured by build/bench/bench/native/densekit_roofline."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from training.workloads import Workload, stream_bytes

ROOT = Path(__file__).resolve().parents[3]
PROGRAM = ROOT / "build/bench/bench/native/densekit_roofline"
BUILD = "cmake --preset bench && cmake --build --preset bench --target densekit_roofline"


def limits(w: Workload, threads: int, level: str, program: Path = PROGRAM) -> dict[str, float]:
    """FMA peak in FLOP/s, and bytes/s of the stream that the workload's parameters need, at their size."""
    stream, _, size = stream_bytes(w)
    command = [str(program), "--level", level, "--threads", str(threads), "--stream", stream, "--bytes", str(int(size))]
    found: dict[str, float] = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return found


def available(program: Path = PROGRAM) -> bool:
    return program.exists()
