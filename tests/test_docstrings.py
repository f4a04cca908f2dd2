"""Every example in a docstring runs, and every operation has one that says what it takes."""

from __future__ import annotations

import doctest
import importlib
import pkgutil

import numpy as np
import pytest
from helpers import OPS

import densekit

MODULES = sorted(
    m.name
    for m in pkgutil.walk_packages(densekit.__path__, "densekit.")
    if not m.name.endswith(("._core", ".libdensekit_openmp", ".__main__"))
)
GLOBALS = {"np": np, "densekit": densekit}


@pytest.mark.parametrize("name", MODULES)
def test_examples_run(name):
    if name.startswith(("densekit.sklearn", "densekit.convert")):
        pytest.importorskip("sklearn")
    drawing = name.startswith("densekit.plots.") and not name.endswith("_style")
    if drawing:
        pytest.importorskip("matplotlib", reason="matplotlib is not installed").use("Agg")
    module = importlib.import_module(name)
    finder = doctest.DocTestFinder(exclude_empty=True)
    for test in finder.find(module, name, globs=GLOBALS):
        runner = doctest.DocTestRunner(verbose=False)
        runner.run(test)
        assert runner.summarize(verbose=False).failed == 0, test.name
    if drawing:
        importlib.import_module("matplotlib.pyplot").close("all")


@pytest.mark.parametrize("op", OPS.values(), ids=OPS.keys())
def test_operation_is_documented(op):
    text = op.function.__doc__
    assert text, f"{op.name} has no docstring"
    if op.backward_of is None:
        assert ">>>" in text, f"{op.name} has no example"


@pytest.mark.parametrize("op", OPS.values(), ids=OPS.keys())
def test_examples_of_operations_run(op):
    """Also of those that are made from their twins, which the examples of their module above lack."""
    runner = doctest.DocTestRunner(verbose=False)
    runner.run(doctest.DocTestParser().get_doctest(op.function.__doc__, GLOBALS.copy(), op.name, None, 0))
    assert runner.summarize(verbose=False).failed == 0
