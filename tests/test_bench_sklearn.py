"""bench/python/scikit_learn.py runs, and its fits have the same scores."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[1] / "bench/python/scikit_learn.py"


def test_quick_run_agrees():
    pytest.importorskip("sklearn", reason="scikit-learn is not installed")
    found = subprocess.run([sys.executable, str(SCRIPT), "--quick"], capture_output=True, text=True, timeout=300)
    assert found.returncode == 0, found.stderr
    rows = [
        line.split() for line in found.stdout.splitlines() if line.startswith(("digits", "wine", "diabetes", "table"))
    ]
    assert len(rows) == 8  # on one thread, and on two
    assert all(row[1] == row[2] and float(row[3]) == 0 for row in rows)
