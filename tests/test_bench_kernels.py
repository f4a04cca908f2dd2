"""bench/python/kernels.py runs, and notices when libraries do not do the same."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

SCRIPT = Path(__file__).parents[1] / "bench/python/kernels.py"


def run(*arguments):
    return subprocess.run(
        [sys.executable, str(SCRIPT), *map(str, arguments)], capture_output=True, text=True, timeout=300
    )


def test_quick_run_agrees_and_is_reported(tmp_path):
    """Every kind of kernel, beside NumPy."""
    found = run("--quick", "--libraries", "densekit,numpy", "--json", tmp_path / "kernels.json")
    assert found.returncode == 0, found.stderr
    results = json.loads((tmp_path / "kernels.json").read_text())["results"]
    assert len({r["kind"] for r in results}) == 10
    for result in results:
        assert set(result["rows"]) == {"densekit", "numpy"}
        row = result["rows"]["numpy"]
        assert row["seconds"] > 0
        assert row["low"] <= row["ratio"] <= row["high"]
    pytest.importorskip("matplotlib")
    report = [sys.executable, str(SCRIPT.parents[1] / "report.py"), str(tmp_path), "--docs", str(tmp_path / "docs")]
    done = subprocess.run(report, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert "| adam 64 | 1T |" in (tmp_path / "docs/benchmarks.md").read_text(encoding="utf-8")
    assert (tmp_path / "docs/benchmarks/kernels.png").stat().st_size > 10_000


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--only", "convolution"], "no case matches 'convolution'; there are dense 32x64x64"),
        (["--libraries", "keras"], "no 'keras' among densekit, torch"),
        (["--threads", "many"], "--threads must be numbers"),
    ],
)
def test_wrong_arguments(arguments, said):
    found = run("--quick", *arguments)
    assert found.returncode == 2
    assert said in found.stderr


def test_disagreement_is_found(monkeypatch):
    monkeypatch.syspath_prepend(str(SCRIPT.parent))
    from kernel_peers.cases import agree, arrays, case, digest

    c = case("adam", 5000)
    p = arrays(c)["p"]
    assert agree(c, digest(c, (p,)), digest(c, (p * np.float32(1.00001),)))
    assert not agree(c, digest(c, (p,)), digest(c, (p * np.float32(1.01),)))
    assert not agree(c, digest(c, (p,)), digest(c, (p, p)))
    assert not agree(c, digest(c, (p,)), digest(c, (np.full_like(p, np.nan),)))
    d = case("dropout", 5000)
    x = arrays(d)["x"]
    kept = np.arange(5000) % 2 == 0
    assert agree(d, digest(d, (x * kept * 2,)), digest(d, (x * ~kept * 2,)))
    assert not agree(d, digest(d, (x * kept * 2,)), digest(d, (x * kept,)))
