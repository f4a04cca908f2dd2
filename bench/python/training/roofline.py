"""The machine's limits, measured by build/bench/bench/native/densekit_roofline."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
PROGRAM = ROOT / "build/bench/bench/native/densekit_roofline"
BUILD = "cmake --preset bench && cmake --build --preset bench --target densekit_roofline"


def limits(stream: str, size: float, threads: int, level: str, program: Path = PROGRAM) -> dict[str, float]:
    """FMA peak in FLOP/s, and bytes/s of a stream through arrays of `size` bytes in all."""
    command = [str(program), "--level", level, "--threads", str(threads), "--stream", stream, "--bytes", str(int(size))]
    found: dict[str, float] = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return found


def available(program: Path = PROGRAM) -> bool:
    return program.exists()
