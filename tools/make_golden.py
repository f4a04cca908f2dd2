"""Golden hashes: chooses trainings, computes their hashes, and says which ship.

    python tools/make_golden.py trainings   # tests/golden/trainings.txt anew: only while no version has been released
    python tools/make_golden.py hashes      # tests/golden/hashes.txt from the trainings, on this machine; and what
    ships

The trainings are random networks, losses, optimizers and settings whose loss stays finite. New kinds append to
trainings.txt; a training that is there stays as it is. A change of hashes.txt is a change of bits: it needs a line in
the changelog.
"""

from __future__ import annotations

import json
import pathlib
import sys

import numpy as np

ROOT = pathlib.Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "tests"))

import random_networks  # noqa: E402

from densekit import _core, _verify  # noqa: E402

GOLDEN, SHIPPED = ROOT / "tests" / "golden", ROOT / "python" / "densekit" / "golden"
COUNT, SHIPPED_COUNT = 500, 40
HEADER = """\
# Trainings whose bits are promised, one a line: name, rows, batch size, columns of the targets, kind of targets,
# sample weights (1), seed of the data, spec. densekit/_verify.py runs them; tools/make_golden.py wrote them.
"""
TARGETS = {
    "softmax_cross_entropy": "shares",
    "kl_divergence": "shares",
    "nll": "labels",
    "multiclass_hinge": "labels",
    "binary_cross_entropy": "unit",
    "hinge": "sign",
    "poisson_nll": "count",
    "gamma_nll": "count",
}


def training(number: int) -> _verify.Training:
    random_networks.OPTIMIZERS = [*dict.fromkeys([*random_networks.OPTIMIZERS, "lion"])]
    case = random_networks.Case(number, "float64")
    spec = json.loads(case.spec)
    spec["optimizer"]["lr"] = 0.0078125
    kind = case.loss_kind
    targets = "labels" if case.y.ndim == 1 else TARGETS.get(kind, "numbers")
    columns = case.outputs // 2 if kind in ("gaussian_nll", "laplace_nll") else case.outputs
    text = json.dumps(spec, separators=(",", ":"))
    weighted = case.weights is not None
    size = min(case.batch_size, 32)
    return _verify.Training(f"{number:04d}", case.rows, size, columns, targets, weighted, number, text)


def tame(one: _verify.Training) -> bool:
    """Whether the training stays finite and moves, on every instruction set, in both dtypes."""
    for dtype in _verify.DTYPES:
        engine, losses = one.train(dtype)
        if engine.step != _verify.STEPS or not np.isfinite([*losses, np.abs(engine.parameters).max(initial=0)]).all():
            return False
    return True


def choose() -> None:
    chosen, number = [], 0
    while len(chosen) < COUNT:
        one = training(number)
        if tame(one):
            chosen.append(one.line())
        number += 1
    (GOLDEN / "trainings.txt").write_text(HEADER + "\n".join(chosen) + "\n", encoding="utf-8")
    print(f"{number} networks drawn, {len(chosen)} kept")


def kinds_of(one: _verify.Training) -> set[str]:
    """What a training has: layers, activations, loss, optimizer, settings."""
    found = set()

    def layers(stack: list[dict]) -> None:
        for layer in stack:
            found.add(f"layer {layer['kind']}")
            if "activation" in layer:
                found.add(f"activation {layer['activation']}")
            layers(layer.get("layers", []))

    spec = json.loads(one.spec)
    layers(spec["layers"])
    found.add(f"loss {spec['loss']['kind']}")
    found.add(f"optimizer {spec['optimizer']['kind']} {spec['optimizer']['compat']}")
    found |= {key for key in ("clip_norm", "clip_value", "penalty_per_weight") if spec[key]}
    return found


def select(trainings: list[_verify.Training]) -> list[_verify.Training]:
    """A few short ones that have every kind: the next is the one that adds most for its length."""
    seen: set[str] = set()
    chosen: list[_verify.Training] = []
    rest = list(trainings)
    while rest and len(chosen) < SHIPPED_COUNT:
        best = max(rest, key=lambda one: len(kinds_of(one) - seen) / (400 + len(one.spec)))
        if not kinds_of(best) - seen:
            seen = set()
        chosen.append(best)
        rest.remove(best)
        seen |= kinds_of(best)
    return sorted(chosen, key=lambda one: one.name)


def hash_all() -> None:
    trainings = list(_verify.read((GOLDEN / "trainings.txt").read_text(encoding="utf-8").splitlines()))
    levels = [name for name, supported in _core.levels() if supported]
    found: dict[tuple[str, str, str], str] = {}
    for level in levels:
        _core.use_level(level)
        for one in trainings:
            for dtype in _verify.DTYPES:
                key = (one.name, dtype, _verify.family(level))
                value = one.hash(dtype)
                if found.setdefault(key, value) != value:
                    sys.exit(f"{one.name} in {dtype} has other bits on {level}: nothing was written")
    shipped = select(trainings)
    names = {one.name for one in shipped}

    def lines(wanted: set[str] | None) -> str:
        return "".join(
            f"{' '.join(key)} {value}\n" for key, value in found.items() if wanted is None or key[0] in wanted
        )

    (GOLDEN / "hashes.txt").write_text(lines(None), encoding="utf-8")
    SHIPPED.mkdir(exist_ok=True)
    (SHIPPED / "hashes.txt").write_text(lines(names), encoding="utf-8")
    (SHIPPED / "trainings.txt").write_text(HEADER + "".join(one.line() + "\n" for one in shipped), encoding="utf-8")
    print(f"{len(trainings)} trainings on {', '.join(levels)}; {len(shipped)} ship")


if __name__ == "__main__":
    {"trainings": choose, "hashes": hash_all}[sys.argv[1]]()
