"""Every page of the gallery runs, without a warning, and shows a picture."""

from __future__ import annotations

import runpy
import warnings
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"
PAGES = sorted(str(page.relative_to(EXAMPLES).with_suffix("")) for page in EXAMPLES.glob("*/plot_*.py"))


@pytest.mark.parametrize("page", PAGES)
def test_page_runs(page, monkeypatch):
    matplotlib = pytest.importorskip("matplotlib", reason="matplotlib is missing")
    matplotlib.use("agg")
    import matplotlib.pyplot as plt

    pytest.importorskip("scipy", reason="SciPy is missing")  # some fits are by L-BFGS
    if "sklearn" in (EXAMPLES / f"{page}.py").read_text(encoding="utf-8"):
        pytest.importorskip("sklearn", reason="scikit-learn is missing")
    shown = []

    def show():
        for number in plt.get_fignums():
            plt.figure(number).canvas.draw()
            shown.append(plt.figure(number).axes)
        plt.close("all")

    monkeypatch.setattr(plt, "show", show)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        runpy.run_path(str(EXAMPLES / f"{page}.py"), run_name="__main__")
    assert shown
    assert all(axes and all(ax.has_data() or not ax.axison for ax in axes) for axes in shown)
