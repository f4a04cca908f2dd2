"""Threads, instruction sets, and what this installation is made of."""

from __future__ import annotations

import os
import platform

from densekit import _core
from densekit._arrays import BFLOAT16S
from densekit._checks import short


def set_num_threads(count: int | None) -> None:
    """How many threads a call may use, the calling one included; None goes back to the default.

    The default is DENSEKIT_NUM_THREADS, else OMP_NUM_THREADS, else the processors that this process may use (affinity
    mask and cgroup quota). The results have the same bits for any number; small calls use one thread anyway.
    """
    if count is None:
        _core.set_threads(0)
        return
    if isinstance(count, bool) or not isinstance(count, int) or not 1 <= count <= 1024:
        raise ValueError(f"set_num_threads: count must be a whole number from 1 to 1024 or None, got {short(count)}")
    _core.set_threads(count)


def get_num_threads() -> int:
    """How many threads a call may use now."""
    return _core.threads()


def use_isa(name: str) -> None:
    """Makes all kernels run on one instruction set: "x86_v4", "x86_v3", "neon" or "baseline".

    ValueError lists what this machine has. The environment variable DENSEKIT_ISA does the same at import.
    """
    if not isinstance(name, str):
        raise TypeError(f"use_isa: name must be a string such as 'baseline', got {short(name)}")
    try:
        _core.use_level(name if name.isascii() and name.isprintable() and len(name) < 40 else "?")
    except ValueError as error:
        raise ValueError(f"use_isa: {error}") from None


def openmp_runtimes() -> list[str]:
    """The OpenMP libraries that this process has loaded; empty where the system does not tell."""
    try:
        with open("/proc/self/maps", encoding="utf-8") as maps:
            paths = {line.split(maxsplit=5)[5].strip() for line in maps if line.count(" ") >= 5 and "/" in line}
    except OSError:
        return []
    names = ("libgomp", "libomp", "libiomp", "vcomp")
    return sorted(path for path in paths if os.path.basename(path).startswith(names))


def versions() -> dict[str, str]:
    """What show_versions prints, as a dictionary."""
    import numpy as np

    levels = [name if supported else f"({name}: not on this machine)" for name, supported in _core.levels()]
    rounding = [word for word, count in BFLOAT16S.items() if _core.has_bfloat16(count)]
    return {
        "densekit": _core.__version__,
        "python": f"{platform.python_version()} ({platform.python_implementation()})",
        "numpy": np.__version__,
        "platform": platform.platform(),
        "compiler": _core.compiler,
        "instruction sets": ", ".join(levels),
        "instruction set in use": _core.active_level(),
        "bfloat16 products": ", ".join(f"precision={word!r}" for word in rounding) or "no",
        "threads": str(_core.threads()),
        "thread backend": f"{_core.thread_backend()} (installed: {', '.join(_core.thread_backends())})",
        "OpenMP runtimes loaded": ", ".join(openmp_runtimes()) or "none",
    }


def show_versions() -> None:
    """Prints versions, compiler, instruction sets, threads and OpenMP runtimes: paste it into a bug report."""
    table = versions()
    width = max(map(len, table))
    for name, value in table.items():
        print(f"{name:>{width}}: {value}")
