"""docs/glossary.md: every term has its Korean word and a call that runs."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

import densekit

TEXT = (Path(__file__).resolve().parent.parent / "docs" / "glossary.md").read_text(encoding="utf-8")
ROWS = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in TEXT.splitlines() if line.startswith("| ")]
ROWS = [row for row in ROWS if row[0] != "English"]
KOREAN = re.compile("[\uac00-\ud7a3]")


@pytest.mark.filterwarnings("ignore")
def test_every_term_leads_to_a_call():
    assert len(ROWS) >= 80
    for term, korean, meaning, call in ROWS:
        assert KOREAN.search(korean), term
        assert meaning
        code = call.strip("`")
        if code.startswith("plots."):
            pytest.importorskip("matplotlib", reason="matplotlib is missing")
        eval(
            code, {"np": np} | {name: getattr(densekit, name) for name in densekit.__all__}
        )  # raises if it does not run


def test_terms_are_distinct():
    assert len({row[0] for row in ROWS}) == len(ROWS)
