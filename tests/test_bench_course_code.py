"""bench/python/course_code.py runs, and notices when the two sides do not do the same."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).parents[1] / "bench/python/course_code.py"


def test_quick_run_agrees():
    found = subprocess.run([sys.executable, str(SCRIPT), "--quick"], capture_output=True, text=True, timeout=300)
    assert found.returncode == 0, found.stderr
    rows = [line for line in found.stdout.splitlines() if line.startswith(("cs231n", "dlfs"))]
    assert len(rows) == 4
    assert all(" to " in row for row in rows)


def test_another_formula_is_noticed(monkeypatch, capsys):
    monkeypatch.syspath_prepend(str(SCRIPT.parent))
    import course_code
    import numpy_dlfs

    monkeypatch.setattr(course_code, "CASES", course_code.CASES[2:3])
    monkeypatch.setattr(numpy_dlfs.SGD, "change", lambda rule, key, g: -1.000001 * rule.lr * g)
    monkeypatch.setattr(sys, "path", list(sys.path))
    for variable in course_code.THREAD_VARIABLES:
        monkeypatch.setenv(variable, "1")
    assert course_code.main(["--quick"]) == 1
    assert "FAILED dlfs, two layers, SGD: losses differ by" in capsys.readouterr().err
