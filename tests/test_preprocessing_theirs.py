"""scikit-learn's own tests of StandardScaler and MinMaxScaler, from the installed package, run on ours.

All that name one of the two; what is left out would stand in _LEFT_OUT with its reason. Those of other array types are
skipped unless SCIPY_ARRAY_API is set, as in scikit-learn.
"""

from __future__ import annotations

import ast
import importlib.util
import pathlib
from collections.abc import Iterator
from typing import Any

import pytest

pytest.importorskip("sklearn", reason="scikit-learn is not installed")

pytestmark = pytest.mark.filterwarnings("ignore")

_OURS = ("MinMaxScaler", "StandardScaler")
_MODULES = ("sklearn.preprocessing.tests.test_data", "sklearn.preprocessing.tests.test_common")

_LEFT_OUT: dict[str, str] = {}  # name: why it cannot run on ours; none with scikit-learn 1.9


def _with_lists(mark: pytest.Mark) -> pytest.Mark:
    """Generators as lists, which pytest wants of parametrize."""
    arguments = [list(one) if isinstance(one, Iterator) else one for one in mark.args]
    return getattr(pytest.mark, mark.name).with_args(*arguments, **mark.kwargs).mark


def _tests(module: str) -> dict[str, Any]:
    """The tests of the module that name one of the two scalers, made anew with ours in their place."""
    found = importlib.util.find_spec(module)
    if found is None or found.origin is None:
        pytest.skip("this scikit-learn comes without its tests", allow_module_level=True)
    source = pathlib.Path(found.origin).read_text(encoding="utf-8")
    tree = ast.parse(source)
    wanted: list[str] = []
    for node in tree.body:
        if isinstance(node, ast.ImportFrom) and node.module == "sklearn.preprocessing":
            node.names = [name for name in node.names if name.name not in _OURS]
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
            names = {one.id for one in ast.walk(node) if isinstance(one, ast.Name)}
            if names & set(_OURS) and node.name not in _LEFT_OUT:
                wanted.append(node.name)
    tree.body.insert(0, *ast.parse("from densekit.preprocessing import MinMaxScaler, StandardScaler").body)
    names: dict[str, Any] = {"__name__": __name__}
    exec(compile(tree, found.origin, "exec"), names)
    for name in wanted:
        marks = getattr(names[name], "pytestmark", [])
        names[name].pytestmark = [_with_lists(mark) for mark in marks]
    return {f"test_{module.rpartition('.')[2]}_{name}": names[name] for name in wanted}


globals().update({name: test for module in _MODULES for name, test in _tests(module).items()})
