"""No operation reads or writes beside its arrays: guard_pages.py, on every instruction set of this machine.

`make test` runs a fixed fortieth, shared among the instruction sets; DENSEKIT_THOROUGH=1 everything on each.
"""

from __future__ import annotations

import json
import os
import pathlib
import subprocess
import sys

import pytest
from conftest import LEVELS

PROGRAM = pathlib.Path(__file__).parent / "guard_pages.py"
THOROUGH = os.environ.get("DENSEKIT_THOROUGH") == "1"
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="calls mprotect of the C library")


def run(*arguments, level):
    command = [sys.executable, *arguments]
    return subprocess.run(
        command,
        env={**os.environ, "DENSEKIT_ISA": level},
        cwd=PROGRAM.parent,
        capture_output=True,
        text=True,
        timeout=7200,
    )


@pytest.mark.parametrize("level", LEVELS)
def test_arrays_between_pages_that_cannot_be_read(level):
    part, parts = (0, 1) if THOROUGH else (LEVELS.index(level), 40 * len(LEVELS))
    done = run(str(PROGRAM), str(part), str(parts), level=level)
    assert done.returncode == 0, f"in {done.stdout.splitlines()[-1:]}:\n{done.stderr[-3000:]}"
    found = json.loads(done.stdout.splitlines()[-1])
    print(f"figure: {found['level']}: {found['calls']} calls, {found['arrays']} arrays, 0 faults, 0 changed bytes")
    assert found["level"] == level
    assert found["calls"] > (5_000_000 if THOROUGH else 50_000)


@pytest.mark.parametrize("at_end", [True, False])
def test_the_pages_are_there(at_end):
    """A byte beyond either end of an array ends the process; a byte within a gap is seen."""
    script = f"""
import ctypes, numpy as np, guard_pages as g
slots = g.Slots(1000)
slots.begin({at_end}, 8)
a = slots.placed(np.zeros(5, np.float32))
beside = a.ctypes.data + (a.nbytes if {at_end} else -1)
assert slots.intact()
ctypes.memset(beside, 1, 1)
assert not slots.intact()
slots.begin({at_end}, 0)
a = slots.placed(np.zeros(5, np.float32))
ctypes.string_at(a.ctypes.data, a.nbytes)
print("within", flush=True)
ctypes.string_at(a.ctypes.data + (a.nbytes if {at_end} else -1), 1)
print("beyond")
"""
    done = run("-c", f"import sys; sys.path.insert(0, {str(PROGRAM.parent)!r})\n{script}", level="baseline")
    assert done.returncode < 0, done.stderr
    assert done.stdout.strip() == "within", done.stderr
