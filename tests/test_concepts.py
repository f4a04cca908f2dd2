"""The table of concepts: what it names exists, and a tick needs a test that ran and passed."""

from __future__ import annotations

import ast
import functools
import importlib
import re
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tools"))
import make_concepts  # noqa: E402

CONCEPTS = tomllib.loads((ROOT / "docs" / "concepts.toml").read_text(encoding="utf-8"))
ROWS = [row for group in CONCEPTS["group"] for row in group["row"]]
each_row = pytest.mark.parametrize("row", ROWS, ids=[row["id"] for row in ROWS])


def test_ids_and_pages_are_distinct():
    assert len({row["id"] for row in ROWS}) == len(ROWS) == 50
    assert len({row["page"] for row in ROWS}) == len(ROWS)


@each_row
def test_the_call_exists(row):
    names = row["call"].split(".")
    assert names[0] == "densekit"
    if names[1] == "sklearn":
        pytest.importorskip("sklearn", reason="scikit-learn is missing")
    if names[1] == "plots":
        pytest.importorskip("matplotlib", reason="matplotlib is missing")
    found = importlib.import_module("densekit")
    for name in names[1:]:
        assert not name.startswith("_")
        try:
            found = getattr(found, name)
        except AttributeError:
            found = importlib.import_module(f"{found.__name__}.{name}")
    assert found.__doc__


@functools.cache
def functions_of(file):
    tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
    names = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
    for node in tree.body:
        if isinstance(node, ast.ClassDef):
            names |= {f"{node.name}::{f.name}" for f in node.body if isinstance(f, ast.FunctionDef)}
    return names


@each_row
def test_the_tests_exist(row):
    assert row["tests"]
    for test in row["tests"]:
        file, name = test.split("::", 1)
        assert name in functions_of(file), f"{file} has no {name}"


@each_row
def test_the_page_exists_and_starts_from_a_question(row):
    text = (ROOT / "examples" / f"{row['page']}.py").read_text(encoding="utf-8")
    page = ast.get_docstring(ast.parse(text))
    assert re.search(r'\*"[^"]+[.?!…]"\*', page), "no question of a person"
    assert "plt.show()" in text, "no picture"


def test_every_page_is_a_row_of_the_table():
    files = {str(p.relative_to(ROOT / "examples").with_suffix("")) for p in (ROOT / "examples").glob("*/plot_*.py")}
    assert files == {row["page"] for row in ROWS}


def test_links_between_documents_lead_somewhere():
    for page in (ROOT / "docs").glob("*.md"):
        for link in re.findall(r"\]\(([^)#\s]+)", page.read_text(encoding="utf-8")):
            if "://" in link or link.startswith("gallery/"):
                continue
            assert (page.parent / link).exists(), f"{page.name} links to {link}"


JUNIT = """<testsuites><testsuite>
<testcase classname="tests.test_a" name="test_good[1]"/>
<testcase classname="tests.test_a" name="test_good[2]"/>
<testcase classname="tests.test_a" name="test_bad[1]"/>
<testcase classname="tests.test_a" name="test_bad[2]"><failure message="no"/></testcase>
<testcase classname="tests.test_a" name="test_left_out"><skipped message="no peer"/></testcase>
<testcase classname="tests.test_b.TestClass" name="test_good"/>
<testcase classname="tests.test_b" name="test_stopped"><error message="no"/></testcase>
</testsuite></testsuites>"""


@pytest.mark.parametrize(
    ("tests", "tick"),
    [
        (["test_a.py::test_good"], True),
        (["test_b.py::TestClass::test_good"], True),
        (["test_a.py::test_good", "test_b.py::TestClass::test_good"], True),
        (["test_a.py::test_bad"], False),
        (["test_a.py::test_good", "test_a.py::test_bad"], False),
        (["test_a.py::test_left_out"], False),
        (["test_b.py::test_stopped"], False),
        (["test_a.py::test_that_is_not_there"], False),
        ([], False),
    ],
)
def test_a_tick_needs_a_test_that_passed(tmp_path, tests, tick):
    junit = tmp_path / "tests.xml"
    junit.write_text(JUNIT, encoding="utf-8")
    row = {"id": "X1", "name": "it", "call": "densekit.load", "page": "p/q", "tests": [f"tests/{t}" for t in tests]}
    text = make_concepts.table({"group": [{"title": "All", "row": [row]}]}, make_concepts.outcomes(junit))
    assert ("✓" in text) == tick
    assert f"{int(tick)} of 1 concepts proved" in text
