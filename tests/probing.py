"""What kind of operation an operation is, found by asking its NumPy twin: tests need no list of names kept by hand."""

from __future__ import annotations

import functools
import inspect

import numpy as np
from helpers import expected_results, is_float_array

from densekit.registry import OPS, Call, Op

SEED = 20261122


def float_arguments(call: Call) -> list[tuple[int, ...]]:
    """Where the arrays of floats are: (argument,), or (argument, place in the list)."""
    places = [(i,) for i, a in enumerate(call.args) if is_float_array(a)]
    return places + [
        (i, k) for i, a in enumerate(call.args) if isinstance(a, list) for k, b in enumerate(a) if is_float_array(b)
    ]


def argument_at(call: Call, place: tuple[int, ...]):
    argument = call.args[place[0]]
    return argument if len(place) == 1 else argument[place[1]]


def replaced(call: Call, place: tuple[int, ...], array) -> Call:
    if len(place) == 2:
        array = [array if k == place[1] else b for k, b in enumerate(call.args[place[0]])]
    return Call((*call.args[: place[0]], array, *call.args[place[0] + 1 :]), call.kwargs)


def takes_floats(name: str) -> bool:
    """Whether any argument is an array of floats (a mask is drawn from numbers alone)."""
    return bool(float_arguments(OPS[name].domain(np.random.default_rng(SEED), np.float64, 12)))


@functools.cache
def is_elementwise(name: str) -> bool:
    """Arguments and results are vectors of one length, and an element of a result depends on its own position only."""
    op = OPS[name]
    call = op.domain(np.random.default_rng(SEED), np.float64, 12)
    if not all(is_float_array(a) and a.shape == (12,) for a in call.args):
        return False
    plain = expected_results(op, call)
    if any(r.shape != (12,) for r in plain):
        return False
    for number in range(len(call.args)):
        for at in (0, 5, 11):
            other = call.args[number].copy()
            other[at] = other[(at + 1) % 12]
            for a, b in zip(plain, expected_results(op, replaced(call, (number,), other)), strict=True):
                if (np.delete(a, at) != np.delete(b, at)).any():
                    return False
    return True


def some_rows(call: Call, rows, number_of_rows: int, op: Op) -> Call:
    """The call on some of its rows: every array that has one row (or element) a sample is cut."""

    def cut(value):
        sample = isinstance(value, np.ndarray) and value.ndim > 0 and value.shape[0] == number_of_rows
        return value[rows].copy() if sample else value

    return Call(tuple(cut(a) for a in call.args), {k: cut(v) for k, v in call.kwargs.items()})


@functools.cache
def is_row_wise(name: str) -> bool:
    """A row of each result depends on the same row of the arguments only, by the twin."""
    op = OPS[name]
    if "seed" in inspect.signature(op.function).parameters:
        return False  # a mask is a function of the element's number, by design
    call = op.domain(np.random.default_rng(SEED), np.float64, 91)
    rows = len(call.args[0]) if is_float_array(call.args[0]) else 0
    plain = expected_results(op, call)
    if rows < 2 or any(r.ndim == 0 or len(r) != rows for r in plain):
        return False
    for row in (0, rows // 2, rows - 1):
        try:
            alone = expected_results(op, some_rows(call, slice(row, row + 1), rows, op))
        except (TypeError, ValueError):
            return False
        for a, b in zip(plain, alone, strict=True):
            if b.shape != (1, *a.shape[1:]) or not np.allclose(a[row], b[0], rtol=1e-12, atol=1e-300, equal_nan=True):
                return False
    return True
