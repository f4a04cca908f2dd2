"""bench/python/train.py runs, and notices when libraries do not do the same."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[1] / "bench/python/train.py"


def run(*arguments, **options):
    return subprocess.run(
        [sys.executable, str(SCRIPT), *map(str, arguments)], capture_output=True, text=True, timeout=300, **options
    )


def test_quick_run_agrees(tmp_path):
    """Adam, batch norm with dropout, one row; beside NumPy alone, because others take seconds to import."""
    found = run("--quick", "--only", "W1|W2|W6a", "--libraries", "densekit,numpy", "--json", tmp_path / "r.json")
    assert found.returncode == 0, found.stderr
    results = {r["workload"]["name"]: r for r in json.loads((tmp_path / "r.json").read_text())["results"]}
    assert list(results) == ["W1", "W2", "W6a"]
    for result in results.values():
        assert {"numpy", result["ours"]} <= set(result["rows"])
        for row in result["rows"].values():
            assert row["seconds"] > 0
            assert row["low"] <= row["ratio"] <= row["high"]
    losses = {name: row["loss"] for name, row in results["W1"]["rows"].items()}
    for loss in losses.values():
        assert loss == pytest.approx(losses["densekit fit"], rel=1e-5)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--only", "W9"], "no workload matches 'W9'"),
        (["--libraries", "tensorflow"], "no 'tensorflow' among densekit, torch"),
        (["--threads", "many"], "--threads must be numbers"),
    ],
)
def test_wrong_arguments(arguments, said):
    found = run("--quick", *arguments)
    assert found.returncode != 0
    assert said in found.stderr


def test_disagreement_is_found(monkeypatch, capsys):
    monkeypatch.syspath_prepend(str(SCRIPT.parent))
    import train
    from training.workloads import W1, W6A

    one = train.Run(1, [], None)
    one.agree(W1, {"densekit fit": {"loss": 1.0}, "torch": {"loss": 1.0001}, "numpy": {"loss": 1.01}})
    one.agree(W6A, {"densekit model(x)": {"error": 1e-7}, "torch": {"error": float("nan")}})
    assert [message.split(":")[0] for message in one.failures] == ["W1", "W6a"]
    assert "loss of numpy is 1.01" in capsys.readouterr().err


def test_report(tmp_path):
    """A page and pictures from what train.py wrote; what is missing is left out."""
    pytest.importorskip("matplotlib")
    found = run("--quick", "--only", "W1|W6a", "--libraries", "densekit,numpy", "--json", tmp_path / "train.json")
    assert found.returncode == 0, found.stderr
    report = SCRIPT.parents[1] / "report.py"
    command = [sys.executable, str(report), str(tmp_path), "--docs", str(tmp_path / "docs")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert "scaling.json is not there: left out" in done.stdout
    page = (tmp_path / "docs/benchmarks.md").read_text(encoding="utf-8")
    assert "| densekit fit |" in page
    assert "share.png" not in page  # without the probe there is no floor
    assert (tmp_path / "docs/benchmarks/training.png").stat().st_size > 10_000
