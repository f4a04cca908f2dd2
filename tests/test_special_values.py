"""NaN, infinities, zeros, the largest, smallest and denormal numbers in every position of short arrays.

A vector loop and its tail are different code: a kernel that loses a NaN often does so at one position of one length.
"""

from __future__ import annotations

import inspect
import math

import numpy as np
import pytest
from helpers import OPS, expected_results, fresh, run
from probing import argument_at, float_arguments, is_elementwise, replaced, takes_floats

LENGTHS = range(1, 131)
# Where an operation has to be run once for each position, there is time for the lengths where loops change their mind.
SOME_LENGTHS = (1, 2, 3, 5, 9, 17, 33, 65, 130)
SHIFTS = 12  # three special values in four places, nine special values


def special_values(dtype):
    info = np.finfo(dtype)
    return {
        "NaN": np.nan,
        "infinity": np.inf,
        "-infinity": -np.inf,
        "-0": -0.0,
        "largest": info.max,
        "-largest": -info.max,
        "smallest normal": info.smallest_normal,
        "denormal": info.smallest_normal / 7,
        "-smallest denormal": -info.smallest_subnormal,
    }


def bound(op, number, call, plain_call, expected, dtype, *, out_of_range=None):
    """The register's bound of one result, but at least that of the plain call. Where a special value makes the former
    meaningless: the latter, or `out_of_range`, for where the terms themselves have left the range."""
    tolerance = op.tolerance_of(number)
    with np.errstate(all="ignore"):
        allowed = np.broadcast_to(tolerance.allowed(call, expected, dtype), expected.shape)
        plain = np.broadcast_to(tolerance.allowed(plain_call, expected, dtype), expected.shape)
        instead = plain if out_of_range is None else out_of_range
        allowed = np.where(np.isfinite(allowed), np.fmax(allowed, plain), instead)
    # In float64 the reference is as far from the truth as the kernel may be.
    return allowed * (2 if dtype == np.float64 else 1)


def agrees(got, expected, allowed, dtype):
    with np.errstate(all="ignore"):
        rounded = expected.astype(dtype)
        error = np.abs(got.astype(np.float64) - expected)
        at_the_edge = np.isinf(rounded) & (np.abs(expected) - allowed <= np.finfo(dtype).max) & (error <= allowed)
        return (
            (np.isnan(got) & np.isnan(expected))
            | (np.isinf(rounded) & (got == rounded))
            | (error <= allowed)
            | at_the_edge
        )


ELEMENTWISE = [name for name in OPS if is_elementwise(name)]
OTHERS = [name for name in OPS if name not in ELEMENTWISE and takes_floats(name)]


def _taken(op, call, number, dtype) -> dict:
    """The special values that an argument may have: an operation of probabilities refuses NaN and more."""
    taken, refusals = {}, []
    for word, value in special_values(dtype).items():
        one = type(call)(tuple(a[:1] for a in call.args), call.kwargs)
        try:
            run(op, op.function, fresh(replaced(one, (number,), np.array([value], dtype))))
            taken[word] = value
        except ValueError as error:
            refusals.append(str(error))
    assert all(op.name in message for message in refusals), refusals
    return taken


def _patterns(op, call, dtype):
    """Calls of full length in which every special value visits every position, in one argument at a time and in all.

    An ordinary number follows three special ones, so that the neighbours can be watched. Together there is no largest
    number: a slope may then leave the range of float32, upwards or downwards, before it meets an infinite or zero dy.
    """
    length = len(call.args[0])
    alone = [(n,) for n in range(len(call.args))]
    taken = [_taken(op, call, n, dtype) for n in range(len(call.args))]
    assert all({"-0", "denormal", "smallest normal"} <= set(words) for words in taken)
    for shift in range(SHIFTS):
        for which in [*alone, tuple(range(len(call.args)))][: 1 if len(alone) == 1 else None]:
            args, touched = [], np.zeros(length, bool)
            for number, a in enumerate(call.args):
                a = a.copy()
                if number in which:
                    values = [v for word, v in taken[number].items() if len(which) == 1 or not word.endswith("largest")]
                    values = np.array(values, dtype)
                    place = np.arange(length) + shift + (5 * number if len(which) > 1 else 0)
                    special = place % 4 != 3
                    a[special] = values[(place[special] - place[special] // 4) % len(values)]
                    touched |= special
                args.append(a)
            yield shift, type(call)(tuple(args), call.kwargs), touched


def _lengths(shift):
    """All up to 66; of the longer ones each has a third of the shifts, and three in a row have them all."""
    return [n for n in LENGTHS if n <= 66 or (n + shift) % 3 == 0]


def _on_every_length(op, call, lengths, results, dtype):
    """The call on its first 1, 2, … 130 elements: for each result an array with one row a length."""
    got = [np.zeros((len(lengths), max(LENGTHS)), dtype) for _ in range(results)]
    names = list(inspect.signature(op.function).parameters)
    updated = [i for i in range(len(call.args)) if names[i] in op.in_place]
    for row, length in enumerate(lengths):
        args = [a[:length] for a in call.args]
        if op.in_place:
            for i in updated:
                args[i] = args[i].copy()
            op.function(*args, **call.kwargs)
            some = [args[i] for i in updated]
        else:
            result = op.function(*args, **call.kwargs)
            some = result if isinstance(result, tuple) else (result,)
        for target, result in zip(got, some, strict=True):
            target[row, :length] = result
    return got


@pytest.mark.parametrize("name", ELEMENTWISE)
def test_in_every_position_elementwise(name, level, dtype, rng):
    """Every length agrees with the reference at every position, and the ordinary neighbours keep their bits."""
    op = OPS[name]
    plain_call = op.domain(rng, dtype, max(LENGTHS))
    plain = run(op, op.function, fresh(plain_call))
    for shift, call, touched in _patterns(op, plain_call, dtype):
        expected = expected_results(op, call)
        overflowed = np.zeros(len(touched), bool)
        for e in expected:
            with np.errstate(over="ignore"):
                overflowed |= np.isinf(e.astype(dtype)) | np.isnan(e)
        lengths = _lengths(shift)
        got = _on_every_length(op, call, lengths, len(expected), dtype)
        inside = np.arange(max(LENGTHS)) < np.array(lengths)[:, None]
        for number, (g, e) in enumerate(zip(got, expected, strict=True)):
            good = agrees(g, e, bound(op, number, call, plain_call, e, dtype), dtype)
            if len(expected) > 1:  # an accumulator that overflowed makes the other results of its element meaningless
                good |= overflowed
            with np.errstate(over="ignore"):
                vanished = (g == 0) & (np.abs(e) >= 64 * float(np.finfo(dtype).smallest_subnormal))
            for what, bad in {
                "differs from the reference": ~good & inside,
                "has lost a denormal": vanished & inside & touched,
                "changed beside a special value": (g != plain[number]) & inside & ~touched,
            }.items():
                if bad.any():
                    row, at = np.argwhere(bad)[0]
                    arguments = [a[at] for a in call.args]
                    raise AssertionError(
                        f"{name}, length {lengths[row]}: result {number}, element {at} {what}: "
                        f"arguments {arguments}, got {g[row, at]!r}, reference {e[at]!r}"
                    )


@pytest.mark.parametrize("name", OTHERS)
def test_in_every_position(name, dtype, rng, each_level):
    """On each instruction set; a sum that overflows may be non-finite or within its bound."""
    op, seen, checked = OPS[name], set(), 0
    for size in SOME_LENGTHS:
        plain_call = op.domain(rng, dtype, size)
        shapes = tuple(argument_at(plain_call, place).shape for place in float_arguments(plain_call))
        if shapes in seen or max(map(math.prod, shapes)) > 500:
            continue
        seen.add(shapes)
        for argument in float_arguments(plain_call):
            size = argument_at(plain_call, argument).size
            places = range(size) if size <= 35 else [0, *np.unique(rng.integers(1, size - 1, 6)), size - 1]
            for word, value in special_values(dtype).items():
                checked += _check_places(op, dtype, plain_call, argument, places, word, value, each_level)
    assert checked > 0


def _check_places(op, dtype, plain_call, argument, places, word, value, each_level) -> int:
    """One value at each of the places in turn, everything compared at once at the end; how many calls there were."""
    kept, expected, allowed, got, refusals = [], [], [], {}, []
    out_of_range = np.inf if word.endswith("largest") else None
    for at in places:
        array = argument_at(plain_call, argument).copy()
        array.flat[at] = value
        call = replaced(plain_call, argument, array)
        results = {}
        try:
            for level in each_level():
                results[level] = run(op, op.function, fresh(call))
        except ValueError as error:  # outside of what the operation is defined for
            refusals.append((str(error), len(results)))
            continue
        reference = expected_results(op, call)
        kept.append(at)
        expected.append([np.asarray(e, np.float64) for e in reference])
        allowed.append(
            [bound(op, n, call, plain_call, e, dtype, out_of_range=out_of_range) for n, e in enumerate(expected[-1])]
        )
        for level, result in results.items():
            got.setdefault(level, []).append(result)
    assert all(op.name in message for message, _ in refusals), refusals
    assert not any(levels for _, levels in refusals), f"{op.name} is an error on one instruction set only: {refusals}"
    for level, results in got.items():
        for number in range(len(expected[0])):
            g, e, a = (np.stack([one[number] for one in all_]) for all_ in (results, expected, allowed))
            good = agrees(g, e, a, dtype)
            if word.endswith("largest"):
                good |= ~np.isfinite(g) | ((dtype == np.float64) & ~np.isfinite(e))
            if not good.all():
                where = tuple(np.argwhere(~good)[0])
                raise AssertionError(
                    f"{op.name} on {level}: {word} in argument {argument}, {array.shape}, at "
                    f"{kept[where[0]]}: result {number} at {where[1:]} is {g[where]!r}, reference {e[where]!r}"
                )
    return len(kept)
