"""The guides docs/from-*.md: every block and every line of every table runs, and the sides of a line agree.

A page is run from top to bottom in one namespace. In a table, columns "NumPy", "scikit-learn", "PyTorch..." and
"in NumPy" are compared with column "densekit", as far as both have code and a value; column "Keras" is not run.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

import densekit
from densekit import losses, optimizers, schedules
from densekit.layers import Dense, Dropout, Layer

DOCS = Path(__file__).parents[1] / "docs"
PAGES = ["from-numpy", "from-keras", "from-pytorch", "from-scikit-learn"]

try:
    import torch
except ImportError:
    torch = None


def parts(page):
    """("code", text, line) and ("row", {column: cell}, line), in order."""
    lines = (DOCS / f"{page}.md").read_text(encoding="utf-8").splitlines()
    i, columns = 0, None
    while i < len(lines):
        if lines[i].startswith("```python"):
            end = lines.index("```", i)
            yield "code", "\n".join(lines[i + 1 : end]), i + 1
            i, columns = end, None
        elif lines[i].startswith("|"):
            cells = [cell.strip() for cell in lines[i].strip("|").split("|")]
            if columns is None:
                columns = cells
            elif not re.fullmatch(r"[|-]+", lines[i]):
                assert len(cells) == len(columns), (
                    f"{page}.md, line {i + 1}: {len(cells)} cells, {len(columns)} columns"
                )
                yield "row", dict(zip(columns, cells, strict=True)), i + 1
        else:
            columns = None
        i += 1


def value(cell, names):
    """What the code in a cell gives; None where there is none, or where it is a statement."""
    code = re.fullmatch(r"`(.*)`", cell)
    if code is None:
        return None
    try:
        compiled = compile(code[1], cell, "eval")
    except SyntaxError:
        exec(code[1], names)
        return None
    return eval(compiled, names)


def arrays(result):
    """A number, an array, a tensor, or a tuple of them, as a list of arrays; None for anything else."""
    if isinstance(result, tuple | list):
        each = [arrays(r) for r in result]
        return None if None in each else [a for part in each for a in part]
    if torch is not None and isinstance(result, torch.Tensor):
        return [result.detach().numpy()]
    return [np.asarray(result)] if isinstance(result, float | int | np.ndarray | np.number) else None


def same(theirs, ours):
    """AssertionError unless both are the same; True if they could be compared."""
    a, b = arrays(theirs), arrays(ours)
    if a is not None and b is not None:
        assert len(a) == len(b)
        for x, y in zip(a, b, strict=True):
            np.testing.assert_allclose(y, x, rtol=1e-10, atol=1e-12)
        return True
    if torch is None:
        return False
    for kind, mine, compare in (
        (torch.optim.Optimizer, optimizers.Optimizer, same_optimizer),
        (torch.optim.lr_scheduler.LRScheduler, schedules.Schedule, same_schedule),
        (torch.nn.modules.loss._Loss, losses.Loss, same_loss),
        (torch.nn.Module, Layer, same_layer),
    ):
        if isinstance(theirs, kind) and isinstance(ours, mine):
            compare(theirs, ours)
            return True
    return False


def same_optimizer(theirs, ours):
    """Five updates of w^2 / 2 from 1."""
    (w,) = theirs.param_groups[0]["params"]
    with torch.no_grad():
        w.fill_(1.0)
    layer = Dense(1, use_bias=False, kernel_initializer="ones", inputs=1)
    model = densekit.Sequential([layer], seed=0, dtype="float64").compile(ours, losses.MeanSquaredError(factor=0.5))
    for _ in range(5):
        theirs.zero_grad()
        (w**2 / 2).sum().backward()
        theirs.step()
        model.train_on_batch([[1.0]], [[0.0]])
        assert float(layer.kernel[0, 0]) == pytest.approx(w.item(), rel=1e-12)


def same_schedule(theirs, ours):
    rates = []
    for _ in range(12):
        rates.append(theirs.get_last_lr()[0])
        theirs.optimizer.step()
        if len(rates) < 12:
            theirs.step()
    # The last rates are differences of larger ones: a few eps of 0.1.
    np.testing.assert_allclose(ours.values(0, 12, 1, 12), rates, rtol=1e-12, atol=1e-16)
    for group in theirs.optimizer.param_groups:  # as the next line finds it
        group["lr"] = group["initial_lr"] = 0.1


def same_loss(theirs, ours):
    rng = np.random.default_rng(1)
    z = rng.normal(size=(6, 3))
    t = rng.integers(0, 3, 6) if isinstance(ours, losses.CrossEntropy) else rng.integers(0, 2, (6, 3)).astype(float)
    tensor = torch.tensor(z, requires_grad=True)
    expected = theirs(tensor, torch.tensor(t))
    expected.backward()
    loss, gradient = ours(z, t)
    assert loss == pytest.approx(expected.item(), rel=1e-12)
    np.testing.assert_allclose(gradient, tensor.grad.numpy(), rtol=1e-10, atol=1e-14)


def same_layer(theirs, ours):
    """Outputs in training, twice, and then in inference; those that draw random numbers only have to run."""
    rng = np.random.default_rng(2)
    model = densekit.Sequential([ours], seed=0, dtype="float64")
    model.build(4)
    drawing = isinstance(ours, Dropout | Dense)
    model.compile("sgd", "mse")
    for training in (True, True, False):
        x = rng.normal(1, 2, (6, 4))
        theirs.train(training)
        expected = theirs(torch.tensor(x)).detach().numpy()
        got = model(x, training=training)
        assert got.shape == expected.shape
        if not drawing:
            np.testing.assert_allclose(got, expected, rtol=1e-9)
        if training:  # our running statistics move with updates alone
            model.set_lr(0.0)
            model.train_on_batch(x, np.zeros_like(got))


@pytest.fixture
def float64():
    """PyTorch's default dtype, in which NAdam keeps its product whatever the parameters are."""
    if torch is None:
        yield
        return
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(before)


@pytest.mark.usefixtures("float64")
@pytest.mark.filterwarnings("ignore:Detected call of `lr_scheduler")  # PyTorch's, when schedulers share an optimizer
@pytest.mark.parametrize("page", PAGES)
def test_every_line_of_a_guide_runs(page, tmp_path, monkeypatch, capsys):
    if page == "from-scikit-learn":
        pytest.importorskip("sklearn", reason="scikit-learn is not installed")
    monkeypatch.chdir(tmp_path)
    names, compared, ran = {}, 0, 0
    threads = densekit.get_num_threads()
    for kind, part, line in parts(page):
        where = f"docs/{page}.md, line {line}"
        try:
            if kind == "code":
                if torch is not None or "import torch" not in part:
                    exec(compile(part, where, "exec"), names)
                continue
            others = [
                c
                for c in part
                if c in ("NumPy", "in NumPy", "scikit-learn") or (c.startswith("PyTorch") and torch is not None)
            ]
            ours = value(part.get("densekit", ""), names)
            theirs = [value(part[column], names) for column in others]
            ran += "densekit" in part
            compared += any(same(other, ours) for other in theirs if other is not None and ours is not None)
        except Exception as error:
            raise AssertionError(f"{where}: {type(error).__name__}: {error}") from error
    densekit.set_num_threads(threads)
    assert ran >= 30
    least = {
        "from-numpy": 30,
        "from-keras": 18,
        "from-pytorch": 60 if torch is not None else 0,
        "from-scikit-learn": 23,
    }
    assert compared >= least[page]
