"""Every operation with its arrays beside pages that cannot be read: lengths 0 to 260, gaps of 0 to 63 bytes.

A read or a write beyond an array ends the process, so it is a program of its own, which tests/test_guard_pages.py runs:

    DENSEKIT_ISA=x86_v3 python tests/guard_pages.py 0 1    # part 0 of 1: everything

The bytes around each array are canaries, inputs keep their bytes, and results have the bits that they have elsewhere.
Prints the number of calls and of arrays as JSON.
"""

from __future__ import annotations

import ctypes
import json
import mmap
import sys
import time

import numpy as np
from helpers import OPS, fresh, parameter_names
from test_ops import _takes_out

from densekit import _core
from densekit.registry import Call

PAGE = mmap.PAGESIZE
AROUND = 128  # bytes of canaries on either side, as far as there is memory
CANARY = b"\xa5" * AROUND
LENGTHS, GAPS = range(261), range(64)
SLOTS = 12  # arrays of one call
libc = ctypes.CDLL(None, use_errno=True)


class Guarded:
    """Memory between two pages that cannot be touched, for one array at a time."""

    def __init__(self, size: int):
        inside = -(-size // PAGE) * PAGE
        self.map = mmap.mmap(-1, inside + 2 * PAGE)
        self.bytes = np.frombuffer(self.map, np.uint8)
        for page in (self.bytes.ctypes.data, self.bytes.ctypes.data + PAGE + inside):
            if libc.mprotect(ctypes.c_void_p(page), PAGE, 0):  # PROT_NONE
                raise OSError(ctypes.get_errno(), "mprotect")
        self.first, self.last = PAGE, PAGE + inside

    def place(self, a: np.ndarray, at_end: bool, gap: int) -> np.ndarray:
        """A copy, `gap` bytes away from the page behind it or from the page in front of it."""
        begin = self.last - gap - a.nbytes if at_end else self.first + gap
        self.before = slice(max(begin - AROUND, self.first), begin)
        self.behind = slice(begin + a.nbytes, min(begin + a.nbytes + AROUND, self.last))
        self.bytes[self.before] = self.bytes[self.behind] = CANARY[0]
        self.data = self.bytes[begin : begin + a.nbytes]
        view = self.data.view(a.dtype).reshape(a.shape)
        view[...] = a
        return view

    def intact(self) -> bool:
        before, behind = self.bytes[self.before].tobytes(), self.bytes[self.behind].tobytes()
        return before == CANARY[: len(before)] and behind == CANARY[: len(behind)]


class Slots:
    """Places for the arrays of a call, one each."""

    def __init__(self, size: int):
        self.guarded = [Guarded(size) for _ in range(SLOTS)]
        self.used = 0

    def begin(self, at_end: bool, gap: int) -> None:
        self.used, self.at_end, self.gap = 0, at_end, gap

    def placed(self, value):
        """The value with the arrays in it, or in a list of them, placed; numbers as they are."""
        if isinstance(value, list | tuple):
            return type(value)(self.placed(v) for v in value)
        if not isinstance(value, np.ndarray) or value.ndim == 0:
            return value
        self.used += 1
        return self.guarded[self.used - 1].place(value, self.at_end, self.gap)

    def intact(self) -> bool:
        return all(g.intact() for g in self.guarded[: self.used])


def arrays_in(value):
    if isinstance(value, list | tuple):
        return [a for v in value for a in arrays_in(v)]
    return [value] if isinstance(value, np.ndarray) and value.ndim else []


def digest(values) -> list[bytes]:
    return [np.asarray(a).tobytes() for a in values]


def flat(result) -> list:
    """Results in a row, the arrays in lists spread out."""
    if isinstance(result, list | tuple):
        return [r for part in result for r in flat(part)]
    return [] if result is None else [result]


def output_for(op, result):
    """What out= takes, made like what was returned; None if the operation has none."""
    if op.in_place or not _takes_out(op):
        return None
    wanted = result
    if isinstance(result, tuple):  # a loss is a number, beside the arrays
        kept = tuple(r for r in result if isinstance(r, np.ndarray | list))
        wanted = kept[0] if len(kept) == 1 else kept
    if not arrays_in(wanted):
        return None

    def filled(value):
        return type(value)(map(filled, value)) if isinstance(value, list | tuple) else np.full_like(value, 7)

    return filled(wanted)


def check(op, call: Call, slots: Slots, pairs) -> int:
    """The call at each of the places; returns how many arrays lay at them."""
    names, arrays = parameter_names(op, call), 0
    targets = [i for i, n in enumerate(names) if n in op.in_place]
    keyed = [n for n in call.kwargs if n in op.in_place]
    plain_call = fresh(call)
    plain = op.function(*plain_call.args, **plain_call.kwargs)

    def changed(of: Call):
        return digest(arrays_in([of.args[i] for i in targets] + [of.kwargs[n] for n in keyed]))

    expected = digest(flat(plain)), changed(plain_call)
    out = output_for(op, plain)
    inputs = [a for i, a in enumerate(call.args) if i not in targets]
    inputs += [v for n, v in call.kwargs.items() if n not in keyed]
    kept = digest(arrays_in(inputs))
    for at_end, gap in pairs:
        slots.begin(at_end, gap)
        placed = Call(slots.placed(call.args), {n: slots.placed(v) for n, v in call.kwargs.items()})
        more = {} if out is None else {"out": slots.placed(out)}
        got = op.function(*placed.args, **placed.kwargs, **more)
        now = [a for i, a in enumerate(placed.args) if i not in targets]
        now += [v for n, v in placed.kwargs.items() if n not in keyed]
        wrong = ""
        if (digest(flat(got)), changed(placed)) != expected:
            wrong = "other bits than elsewhere"
        elif digest(arrays_in(now)) != kept:
            wrong = "an input was changed"
        elif not slots.intact():
            wrong = "bytes beside an array were written"
        if wrong:
            shapes = [a.shape for a in arrays_in(list(call.args))]
            raise AssertionError(
                f"{op.name}: {wrong}; {'end' if at_end else 'begin'} of the pages, gap {gap}, {shapes}"
            )
        arrays += slots.used
    return arrays


def places(length: int, part: int, parts: int):
    """Both ends and all gaps, or a part of them; the gap 0, which is flush, belongs to one of at most three parts."""
    for at_end in (True, False):
        for gap in GAPS:
            mixed = ((length * len(GAPS) + gap) * 2 + at_end) * 2654435761 % 2**32 >> 16
            if mixed % parts == part or (gap == 0 and length % min(parts, 3) == part % 3):
                yield at_end, gap


def room(op, call: Call) -> int:
    """Bytes for the largest array of the longest call."""
    result = op.function(*fresh(call).args, **fresh(call).kwargs)
    arrays = arrays_in([list(call.args), list(call.kwargs.values()), flat(result)])
    return max((a.nbytes for a in arrays), default=0) + max(GAPS) + 1


def run(part: int, parts: int) -> dict:
    _core.set_threads(1)
    calls = arrays = 0
    begun = time.monotonic()
    for number, op in enumerate(OPS.values()):
        for dtype in (np.float32, np.float64):
            rng = np.random.default_rng(number)
            slots = Slots(room(op, op.domain(rng, dtype, LENGTHS[-1])))
            print(op.name, np.dtype(dtype).name, flush=True)
            for length in LENGTHS:
                call = op.domain(rng, dtype, length)
                at = list(places(length, part, parts))
                arrays += check(op, call, slots, at)
                calls += len(at)
    return {"level": _core.active_level(), "calls": calls, "arrays": arrays, "seconds": time.monotonic() - begun}


if __name__ == "__main__":
    print(json.dumps(run(int(sys.argv[1]), int(sys.argv[2]))))
