"""The package as a user meets it: import, information, command line, data, the README's program, what a wheel holds."""

from __future__ import annotations

import ast
import importlib.metadata
import importlib.resources
import pathlib
import re
import subprocess
import sys

import numpy as np
import pytest

import densekit
from densekit import __main__, _core
from densekit.datasets import load_digits

ROOT = pathlib.Path(__file__).parent.parent


def python(code: str, *arguments: str, **kwargs) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=True, timeout=300, **kwargs
    )


@pytest.mark.parametrize("module", ["functional", "reference"])
def test_first_program_of_the_readme_runs_as_it_stands(module):
    program = re.search(r"```python\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL)[1]
    assert "densekit.functional" in program
    loss, accuracy = map(float, python(program.replace("densekit.functional", f"densekit.{module}")).stdout.split())
    assert 0.2 < loss < 0.3
    assert accuracy > 0.93


def test_numpy_is_the_only_requirement():
    required = [r for r in importlib.metadata.requires("densekit") if "extra ==" not in r]
    assert [re.match(r"[\w-]+", r)[0] for r in required] == ["numpy"]


def test_show_versions(capsys):
    densekit.show_versions()
    text = capsys.readouterr().out
    for word in (
        "densekit",
        "compiler",
        "instruction set in use",
        "threads",
        "thread backend",
        "OpenMP runtimes loaded",
    ):
        assert word in text
    assert _core.active_level() in text


def test_use_isa_lists_what_there_is(level):
    densekit.use_isa(level)
    with pytest.raises(ValueError, match=r"'avx9' is not available; this machine has: .*baseline"):
        densekit.use_isa("avx9")
    with pytest.raises(TypeError, match="4"):
        densekit.use_isa(4)
    assert _core.active_level() == level


def test_set_num_threads():
    before = densekit.get_num_threads()
    densekit.set_num_threads(3)
    assert densekit.get_num_threads() == 3
    for bad in (0, -1, 2.0, True, "2", 5000):
        with pytest.raises(ValueError, match=re.escape(repr(bad))):
            densekit.set_num_threads(bad)
    assert densekit.get_num_threads() == 3
    densekit.set_num_threads(None)
    assert densekit.get_num_threads() == before


def test_digits():
    (x, y), (x_test, y_test) = load_digits()
    assert x.shape == (1437, 64)
    assert x_test.shape == (360, 64)
    assert x.dtype == x_test.dtype == np.float32
    assert y.dtype == y_test.dtype == np.int64
    assert x.min() == 0
    assert x.max() == 1
    counts, test_counts = np.bincount(y), np.bincount(y_test)
    assert len(counts) == len(test_counts) == 10
    np.testing.assert_allclose(test_counts / 360, counts / 1437, atol=0.005)  # stratified
    assert not {row.tobytes() for row in x} & {row.tobytes() for row in x_test}, (
        "a test image is among the training images"
    )
    x[...] = 0
    assert load_digits()[0][0].any(), "callers get arrays of their own"


def test_digits_are_those_of_scikit_learn():
    datasets = pytest.importorskip("sklearn.datasets", reason="scikit-learn is not installed")
    theirs = datasets.load_digits()
    (x, y), (x_test, y_test) = load_digits()
    ours = np.concatenate([x, x_test]) * 16
    labels = np.concatenate([y, y_test])

    def in_order(images, digits):
        rows = np.column_stack([images, digits]).astype(np.uint8)
        return rows[np.lexsort(rows.T)]

    np.testing.assert_array_equal(in_order(ours, labels), in_order(theirs.data, theirs.target))


def test_package_ships_its_data_licence_and_types():
    files = importlib.resources.files("densekit")
    assert files.joinpath("py.typed").is_file()
    assert files.joinpath("_core.pyi").is_file()
    assert "CC BY 4.0" in files.joinpath("datasets/digits-licence.txt").read_text(encoding="utf-8")
    assert len(files.joinpath("datasets/digits.npz").read_bytes()) < 100_000


def test_command_line(tmp_path, capsys):
    assert __main__.main(["info"]) == 0
    assert "instruction sets" in capsys.readouterr().out
    for bad in (["demo", "--seeds", "0"], ["demo", "--out", str(tmp_path / "missing")], ["dance"], []):
        with pytest.raises(SystemExit) as stop:
            __main__.main(bad)
        assert stop.value.code == 2
        assert capsys.readouterr().err


def test_demo(tmp_path, capsys):
    """A short run; `make demo` is the whole one. 12 epochs of one seed already pass the mark of 0.95."""
    __main__.main(["demo", "--seeds", "1", "--epochs", "12", "--out", str(tmp_path)])
    text = capsys.readouterr().out
    assert float(re.search(r"median test accuracy over 1 seeds: ([\d.]+)", text)[1]) > 0.95
    assert re.search(r"time of an epoch: densekit [\d.]+ ms, the same network in a NumPy loop [\d.]+ ms: [\d.]+x", text)
    assert "the same, bit for bit" in text
    assert (tmp_path / "digits-demo.npz").stat().st_size > 50_000
    try:
        import matplotlib  # noqa: F401
    except ImportError:
        assert "matplotlib is not installed" in text
    else:
        assert (tmp_path / "digits-demo.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("tool", "file"),
    [
        (["make_operations_table.py"], "docs/operations.md"),
        (["make_kinds_table.py"], "docs/kinds.md"),
        *(
            (["make_stubs.py", name], f"python/densekit/functional/_made_{name}.pyi")
            for name in ("activations", "losses")
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_generated_files_are_current(tool, file):
    made = subprocess.run(
        [sys.executable, "-X", "utf8", str(ROOT / "tools" / tool[0]), *tool[1:]],
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=True,
        timeout=60,
    ).stdout
    committed = (ROOT / file).read_text(encoding="utf-8")
    if file.endswith(".pyi"):  # which are formatted, too
        made, committed = (ast.dump(ast.parse(text)) for text in (made, committed))
    assert made == committed, f"{file} is out of date; run make docs"
