"""Golden hashes: trainings whose bits every machine must reproduce, and `verify`, which recomputes them here.

A training is a line of text: its name, the numbers that decide its data, and the spec of docs/network.md. Data and the
order of rows come from Philox (Salmon et al., SC'11) by exact arithmetic alone, so they are the same on every machine
and under every version of NumPy. tests/golden holds 500 of them with the hashes that they must have; the folder golden
beside this file has those that ship. tests/native/golden_hashes.cpp does the same without Python.
"""

from __future__ import annotations

import hashlib
import json
import platform
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from importlib import resources
from typing import Any

import numpy as np
from numpy.typing import NDArray

from densekit import _core
from densekit._arrays import one_of
from densekit.reference.dropout import _philox

Array = NDArray[Any]
STEPS = 20
DTYPES = ("float32", "float64")
_DATA, _TARGETS, _WEIGHTS, _ORDER = range(4)  # streams of random words; _ORDER + e is that of epoch e


def family(level: str) -> str:
    """Instruction sets with FMA give one set of bits; baseline, which rounds products before it adds, its own."""
    return "baseline" if level == "baseline" else "fma"


@dataclass(frozen=True)
class Training:
    """One training: 20 updates of a network on data that follows from `seed`.

    rows, batch_size: of the data; batches are cut from a new order of the rows for each epoch, a last short one is
    left out. targets: "labels" (0 … columns − 1), "shares", "unit", "sign", "count" or "numbers", each (rows,
    columns). weighted: with sample weights.
    """

    name: str
    rows: int
    batch_size: int
    columns: int
    targets: str
    weighted: bool
    seed: int
    spec: str

    @classmethod
    def of_line(cls, line: str) -> Training:
        name, rows, batch_size, columns, targets, weighted, seed, spec = line.rstrip("\n").split(" ", 7)
        return cls(name, int(rows), int(batch_size), int(columns), targets, weighted == "1", int(seed), spec)

    def line(self) -> str:
        """The training as a line of text."""
        numbers = f"{self.rows} {self.batch_size} {self.columns} {self.targets} {int(self.weighted)} {self.seed}"
        return f"{self.name} {numbers} {self.spec}"

    def _words(self, stream: int, count: int) -> Array:
        counters = np.zeros((-(-count // 4), 4), np.uint64)
        counters[:, 0] = np.arange(len(counters))
        counters[:, 1] = stream
        drawn: Array = _philox(counters, (self.seed, 0)).ravel()[:count]
        return drawn

    def data(self, dtype: str) -> tuple[Array, Array, Array | None]:
        """x, y and the sample weights: quotients with powers of two, so that nothing is rounded on the way."""
        inputs = json.loads(self.spec)["inputs"]
        x = self._signed(_DATA, self.rows * inputs).reshape(self.rows, inputs).astype(dtype)
        n, m = self.rows, self.columns
        words = self._words(_TARGETS, n * max(m, 2))
        weights = (1 + self._words(_WEIGHTS, n) % np.uint64(8)).astype(np.float64) / 4 if self.weighted else None
        if self.targets == "labels":
            return x, (words[:n] % np.uint64(m)).astype(np.int64), weights
        if self.targets == "shares":  # three quarters of one class, a quarter of another
            y = np.zeros((n, m))
            for share, part in ((0.75, words[:n]), (0.25, words[n : 2 * n])):
                y[np.arange(n), (part % np.uint64(m)).astype(np.int64)] += share
            return x, y.astype(dtype), weights
        some = words[: n * m].reshape(n, m)
        if self.targets == "unit":
            y = (some % np.uint64(5)).astype(np.float64) / 4
        elif self.targets == "sign":
            y = (some % np.uint64(2)).astype(np.float64) * 2 - 1
        elif self.targets == "count":
            y = 1 + (some % np.uint64(4)).astype(np.float64)
        else:
            y = 2 * self._signed(_TARGETS, n * m).reshape(n, m)
        return x, y.astype(dtype), weights

    def _signed(self, stream: int, count: int) -> Array:
        """In (−1, 1)."""
        drawn: Array = (self._words(stream, count).astype(np.float64) + 0.5) / 2.0**31 - 1
        return drawn

    def order(self, epoch: int) -> Array:
        """A permutation of the rows."""
        return np.argsort(self._words(_ORDER + epoch, self.rows), kind="stable").astype(np.int64)

    def train(self, dtype: str) -> tuple[Any, list[float]]:
        """The engine after 20 updates, and the loss of each epoch."""
        spec = json.loads(self.spec) | {"dtype": dtype}
        made: Any = {"float32": _core.NetworkFloat32, "float64": _core.NetworkFloat64}[dtype]
        engine = made(json.dumps(spec), [])
        x, y, weights = self.data(dtype)
        left, epoch, losses = STEPS, 0, []
        while left > 0:
            steps = min(left, self.rows // self.batch_size)
            order = np.ascontiguousarray(self.order(epoch)[: steps * self.batch_size])
            rates = np.full(steps, spec["optimizer"]["lr"])
            result = engine.epoch(x, y, weights, order, self.batch_size, rates)
            losses.append(result["loss"])
            left, epoch = left - steps, epoch + 1
        return engine, losses

    def hash(self, dtype: str) -> str:
        """SHA-256 of weights, running statistics, predictions and losses (little-endian) on the level in use."""
        engine, losses = self.train(dtype)
        digest = hashlib.sha256()
        for segment in sorted(engine.segments, key=lambda s: s["kind"] != "parameter"):
            flat = engine.parameters if segment["kind"] == "parameter" else engine.statistics
            size = int(np.prod(segment["shape"]))
            digest.update(_bytes(flat[segment["offset"] : segment["offset"] + size]))
        digest.update(_bytes(engine.forward(self.data(dtype)[0], False)))
        digest.update(_bytes(np.array(losses)))
        return digest.hexdigest()


def _bytes(array: Array) -> bytes:
    return np.ascontiguousarray(array, array.dtype.newbyteorder("<")).tobytes()


def read(lines: Iterable[str]) -> Iterator[Training]:
    """The trainings of a text; lines that begin with # are comments."""
    return (Training.of_line(line) for line in lines if line.strip() and not line.startswith("#"))


def read_hashes(lines: Iterable[str]) -> dict[tuple[str, str, str], str]:
    """{(name, dtype, family): hash} from lines of these four words."""
    rows = (line.split() for line in lines if line.strip() and not line.startswith("#"))
    return {(name, dtype, kind): value for name, dtype, kind, value in rows}


def _shipped() -> tuple[list[Training], dict[tuple[str, str, str], str]]:
    folder = resources.files("densekit") / "golden"
    trainings = (folder / "trainings.txt").read_text(encoding="utf-8").splitlines()
    hashes = (folder / "hashes.txt").read_text(encoding="utf-8").splitlines()
    return list(read(trainings)), read_hashes(hashes)


@dataclass(frozen=True)
class Verification:
    """What `verify` found; true if every training gave the bits it must give.

    checked: how many trainings were run on each instruction set. failed: (instruction set, training, dtype) of those
    whose bits differ. machine, version: where, and of which densekit.
    """

    checked: dict[str, int]
    failed: list[tuple[str, str, str]] = field(default_factory=list)
    machine: str = ""
    version: str = ""

    def __bool__(self) -> bool:
        return not self.failed

    def __str__(self) -> str:
        lines = [f"densekit {self.version} on {self.machine}"]
        for level, count in self.checked.items():
            wrong = [f"{name} in {dtype}" for where, name, dtype in self.failed if where == level]
            of = "its own (it has no FMA)" if level == "baseline" else "every instruction set with FMA"
            if wrong:
                some = ", ".join(wrong[:5]) + (", …" if len(wrong) > 5 else "")
                lines.append(f"{level:>9}: {len(wrong)} of {count} trainings DIFFER from the bits of {of}: {some}")
            else:
                lines.append(f"{level:>9}: all {count} trainings have the bits of {of}")
        return "\n".join(lines)


def verify(level: str | None = None) -> Verification:
    """Recomputes trainings on this machine and compares their bits with those that ship with densekit.

    Parameters
    ----------
    level : str, optional
        An instruction set such as "x86_v3", or "all" for every one that this machine has. By default the one in use.
        Another one is chosen for the whole process while it is checked, and the one in use is put back afterwards.

    Returns
    -------
    Verification
        True if all agree; `print` it. x86_v3, x86_v4 and neon must give one set of bits, whatever the machine, the
        number of threads and the operating system; baseline, which has no FMA, has a set of its own.

    Raises
    ------
    ValueError
        If this machine does not have that instruction set.

    Examples
    --------
    >>> bool(densekit.verify())
    True
    """
    available = [name for name, supported in _core.levels() if supported]
    before = _core.active_level()
    if level is None:
        levels = [before]
    else:
        one_of("verify", "level", level, [*available, "all"])
        levels = available if level == "all" else [level]
    trainings, hashes = _shipped()
    checked, failed = {}, []
    try:
        for name in levels:
            if name != before or len(levels) > 1:
                _core.use_level(name)
            for training in trainings:
                for dtype in DTYPES:
                    if training.hash(dtype) != hashes[training.name, dtype, family(name)]:
                        failed.append((name, training.name, dtype))
            checked[name] = len(trainings) * len(DTYPES)
    finally:
        _core.use_level(before)
    machine = f"{platform.system()} {platform.machine()}, {_core.compiler}"
    return Verification(checked, failed, machine, _core.__version__)
