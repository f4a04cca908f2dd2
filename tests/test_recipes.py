"""The recipes of CONTRIBUTING.md: each names every file that a kind of its sort is in, and what they promise holds.

One kind of each sort stands for the others: the files that name it are those of its recipe, so that nobody has to find
out what the next one needs. Whether a kind does what it says is tested in test_kinds.py and in the tests of its sort.
"""

from __future__ import annotations

import doctest
import inspect
import json
import re
from pathlib import Path

import numpy as np
import pytest
from helpers import OPS
from public_calls import Public

import densekit
from densekit import _core, functional, metrics, reference, schedules
from densekit._activations import ENTRIES
from densekit.schedules import Schedule

ROOT = Path(__file__).parents[1]
KINDS = _core.kinds()
RECIPES = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
# Of the sorts whose kinds have records, and of the two that are Python's alone: a kind, and how its files write it.
EXAMPLES = {
    "activation": ("hard_tanh", "HardTanh"),
    "layer": ("rescaling", "Rescaling"),
    "loss": ("log_cosh", "LogCosh"),
    "optimizer": ("yogi", "Yogi"),
    "metric": ("top_k",),
    "schedule": ("OneCycle",),
}
# `make docs` makes these; and what takes only some kinds, by their names.
MADE = ("_core.pyi", "functional/_made_")
CHOOSING = ("_keras.py", "compat", "convert.py", "diagnostics", "plots", "sklearn")


def recipe(sort: str) -> str:
    return RECIPES.split(f"\n## A new {sort}\n", 1)[1].split("\n## ", 1)[0]


def steps(sort: str) -> list[str]:
    """The numbered paragraphs of a recipe."""
    return re.split(r"^\d+\. ", recipe(sort).split("\n\n")[1], flags=re.MULTILINE)[1:]


def files(text: str, kind: str) -> set[str]:
    """The files that a text names; a name without a folder is in that of the one before."""
    found, folder = set(), Path()
    for name in re.findall(r"`([\w/<>]+\.(?:h|cpp|def|py))`", text):
        path = Path(name.replace("<kind>", kind))
        folder = path.parent if len(path.parts) > 1 else folder
        found.add((folder / path.name).as_posix())
    return found


def sources():
    for folder in ("cpp", "python"):
        for path in sorted((ROOT / folder).rglob("*")):
            name = path.relative_to(ROOT).as_posix()
            chosen = name.removeprefix("python/densekit/").split("/")[0] in CHOOSING
            if path.suffix in (".h", ".cpp", ".def", ".py", ".pyi") and not chosen and not any(m in name for m in MADE):
                yield name, path.read_text(encoding="utf-8")


@pytest.mark.parametrize("sort", EXAMPLES)
def test_a_recipe_names_every_file(sort):
    words = EXAMPLES[sort]
    naming = {name for name, text in sources() if any(re.search(rf"\b{word}\b", text) for word in words)}
    for name in sorted(naming):
        assert name in files(recipe(sort), words[0]), (
            f"{name} names {words[0]}; the recipe of a new {sort} does not have it"
        )
    for step in steps(sort):
        assert files(step, words[0]) & naming, f"nothing of the {sort} {words[0]} is in the files of the step {step!r}"


@pytest.mark.parametrize("sort", EXAMPLES)
def test_the_files_of_a_recipe_exist(sort):
    for name in files(recipe(sort), EXAMPLES[sort][0]):
        assert (ROOT / name).is_file(), f"the recipe of a new {sort} has the file {name}"


# The public function of a kind: its own, or that of a kind that is a part of it.
FUNCTIONS = {
    **{name: entry.function for name, entry in ENTRIES.items()},
    **{kind: kind for kind in (*KINDS["losses"], *KINDS["optimizers"]) if kind != "host"},
    "multiclass_hinge": "hinge",
}


@pytest.mark.parametrize("kind", FUNCTIONS)
def test_a_kind_is_an_operation_with_its_twin(kind):
    """In densekit.functional and densekit.reference, with the words and defaults of the record."""
    name = FUNCTIONS[kind]
    assert name in OPS, f"densekit.functional has no {name}"
    assert OPS[name].function is getattr(functional, name)
    assert OPS[name].reference is getattr(reference, name), f"densekit.reference has no {name}"
    parameters = inspect.signature(getattr(functional, name)).parameters
    for of in ("losses", "optimizers"):
        for field, about in KINDS[of].get(kind, {"fields": {}})["fields"].items():
            if field != "initial":  # what a training's states begin with, before the first call of the function
                assert field in parameters, f"densekit.functional.{name} lacks {field}"
                assert parameters[field].default == about["default"], f"densekit.functional.{name}: {field}"


@pytest.mark.parametrize("of", ["layers", "losses", "optimizers", "initializers"])
def test_the_document_says_what_a_kind_computes(of):
    document = (ROOT / "docs/network.md").read_text(encoding="utf-8")
    section = {"layers": "Layers", "losses": "Loss", "optimizers": "Optimizer", "initializers": "Layers"}[of]
    text = document.split(f"\n## {section}\n", 1)[1].split("\n## ", 1)[0]
    words = set(re.findall(r"\w+", " ".join(re.findall(r"`[^`]*`", text))))
    assert set(KINDS[of]) <= words, f"docs/network.md, {section}: {sorted(set(KINDS[of]) - words)} is missing"


def runs(text: str) -> int:
    """Runs the examples of a docstring; how many there are."""
    found = doctest.DocTestParser().get_doctest(text, {"np": np, "densekit": densekit}, "example", None, 0)
    runner = doctest.DocTestRunner(verbose=False)
    runner.run(found)
    assert runner.summarize(verbose=False).failed == 0
    return len(found.examples)


# Metrics: functions of (y_true, y_pred) that the module lists, but for tables.
METRICS = [
    n for n in metrics.__all__ if inspect.isfunction(getattr(metrics, n)) and n not in ("get", "confusion_matrix")
]


@pytest.mark.parametrize("name", METRICS)
def test_a_metric_is_found_documented_weighed_and_saved(name, tmp_path):
    function = getattr(metrics, name)
    assert runs(function.__doc__) > 0, f"metrics.{name} has no example"
    assert list(inspect.signature(function).parameters)[:2] == ["y_true", "y_pred"]
    assert re.search(rf"\b{name}\b", metrics.get.__doc__), f"the docstring of metrics.get does not list {name}"
    metric = metrics.get(name)
    assert metric.function is function, f"python/densekit/metrics/__init__.py: _FUNCTIONS lacks {name!r}"
    assert metrics.get(json.loads(json.dumps(metric.config()))) == metric

    rng = np.random.default_rng(0)
    y, scores = rng.integers(0, 2, 40), rng.random(40)
    weights = rng.integers(0, 4, 40).astype(np.float64)
    repeated = np.repeat(np.arange(40), weights.astype(int))  # a weight of 3 is a row that is there three times
    pair, outputs, loss = (y, scores), 1, "bce_with_logits"
    try:
        metric(*pair)
    except ValueError:  # it takes a column for each class
        pair, outputs, loss = (y, np.column_stack([1 - scores, scores])), 2, "cross_entropy"
    weighed = metric(*pair, sample_weight=weights)
    assert weighed == pytest.approx(metric(*(a[repeated] for a in pair)), rel=1e-12)

    model = densekit.Sequential([densekit.layers.Dense(outputs, inputs=3)], seed=0)
    model.compile("sgd", loss, metrics=[name])
    X = rng.normal(size=(40, 3))
    model.fit(X, y, epochs=1, verbose=0)
    model.save(tmp_path / "m.npz")
    loaded = densekit.load(tmp_path / "m.npz")
    assert dict(loaded.evaluate(X, y)) == dict(model.evaluate(X, y))
    assert name in dict(loaded.evaluate(X, y))


SCHEDULES = [
    name
    for name, made in vars(schedules).items()
    if isinstance(made, type) and issubclass(made, Schedule) and made is not Schedule
]


def arguments(made) -> dict[str, object]:
    """What a schedule cannot do without, and the length of six epochs of four updates where it would take the fit's."""
    found = Public(f"densekit.schedules.{made.__name__}", made).required()
    schedule = made(**found)
    if schedule.needs_total:
        known = inspect.signature(made).parameters
        found[next(p for p in known if p in ("length", "period"))] = 24 if schedule.unit == "step" else 6
    return found


@pytest.mark.parametrize("name", SCHEDULES)
def test_a_schedule_is_listed_documented_checked_and_saved(name, tmp_path):
    made = getattr(schedules, name)
    assert name in schedules.__all__, f"python/densekit/schedules.py: __all__ lacks {name}"
    assert runs(made.__doc__) > 0, f"schedules.{name} has no example"
    schedule = made(**arguments(made))
    assert schedules.get(json.loads(json.dumps(schedule.config()))) == schedule
    rate = next(p for p in inspect.signature(made).parameters if p in ("lr", "max_lr", "schedule"))
    with pytest.raises(ValueError, match="finite number"):
        made(**{**arguments(made), rate: -1.0})

    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(32, 3)), rng.normal(size=32)

    def model():
        network = densekit.Sequential([densekit.layers.Dense(4, "tanh"), densekit.layers.Dense(1)], seed=0)
        network.compile(densekit.optimizers.SGD(made(**arguments(made))), "mse")
        return network

    whole, half = model(), model()
    whole.fit(X, y, epochs=6, verbose=0, batch_size=8)
    half.fit(X, y, epochs=3, verbose=0, batch_size=8)
    half.save(tmp_path / "m.npz")
    loaded = densekit.load(tmp_path / "m.npz")
    half.fit(X, y, epochs=3, verbose=0, batch_size=8)
    loaded.fit(X, y, epochs=3, verbose=0, batch_size=8)
    assert loaded.optimizer.lr == half.optimizer.lr
    np.testing.assert_array_equal(loaded(X), half(X))
    np.testing.assert_array_equal(half(X), whole(X))  # two fits go through a schedule as one does
