"""Everything that is not meant to be given, given to every argument of every operation, and to the strict binding.

Each call raises a TypeError or ValueError that names the operation and quotes what it got, or gives the reference's
result; nothing crashes, no input changes, and what is updated in place is left alone when a call fails.
"""

from __future__ import annotations

import enum
import inspect
import os

import numpy as np
import pytest
from helpers import OPS, assert_agrees, expected_results, fresh, is_float_array, run

import densekit.functional
from densekit import _core
from densekit.registry import Call


class Sparse:
    """What a scipy.sparse matrix looks like from outside."""

    shape = (3, 3)
    dtype = np.dtype(np.float64)

    def toarray(self):
        return np.zeros((3, 3))


class Hostile:
    """Refuses to be an array."""

    def __array__(self, dtype=None, copy=None):
        raise ValueError("no array for you")


def odd_arrays(a):
    """Name and value of what may be given where the float array `a` is expected."""
    other = np.float32 if a.dtype == np.float64 else np.float64
    yield "None", None
    yield "a string", "seven"
    yield "bytes", b"seven"
    yield "a dictionary", {"a": 1}
    yield "a set", {1.0, 2.0}
    yield "a generator", (x for x in (1.0, 2.0))
    yield "a function", len
    yield "objects", a.astype(object)
    yield "strings", a.astype(str)
    yield "complex", a.astype(complex)
    yield "float16", np.clip(a, -9, 9).astype(np.float16)
    yield "long double", a.astype(np.longdouble)
    yield "the other float", a.astype(other)
    yield "masked", np.ma.masked_array(a, np.arange(a.size).reshape(a.shape) % 2)
    yield "sparse", Sparse()
    yield "hostile", Hostile()
    yield "ragged", [[1.0, 2.0], [3.0]]
    yield "dates", np.zeros(a.shape, "datetime64[s]")
    yield "structured", np.zeros(a.shape, [("x", a.dtype)])
    yield "one longer", np.concatenate([a, a[:1]]) if a.size else np.zeros((1, *a.shape[1:]), a.dtype)
    yield "one shorter", a[:-1].copy()
    yield "no rows", a[:0].copy()
    yield "one more dimension", a[None].copy()
    yield "one more column", np.zeros((*a.shape[:-1], a.shape[-1] + 1), a.dtype)
    yield "0-d", np.array(0.5, a.dtype)
    yield "a number", 0.5
    yield "an empty list", []
    yield "four dimensions", np.ones((2, 1, 2, 3), a.dtype)
    # kind ones, which should work
    yield "a list", a.tolist()
    yield "a tuple of rows", tuple(a.tolist())
    yield "integers", np.arange(a.size).reshape(a.shape) % 2
    yield "booleans", a > 0
    yield "byte-swapped", a.astype(a.dtype.newbyteorder())
    yield "a subclass", np.asarray(a).view(type("Mine", (np.ndarray,), {}))
    yield "read-only and strided", np.broadcast_to(a[:1], a.shape)


ODD_VALUES = {
    "None": None,
    "a string": "seven",
    "an empty string": "",
    "NaN": float("nan"),
    "infinity": float("inf"),
    "-infinity": float("-inf"),
    "negative": -1,
    "negative float": -0.5,
    "zero": 0,
    "two": 2,
    "huge": 1e308,
    "tiny": 5e-324,
    "huge integer": 10**400,
    "negative huge integer": -(10**400),
    "64 bits": 2**64,
    "true": True,
    "complex": 1j,
    "list": [1.0, 2.0],
    "array": np.array([0.25, 0.75]),
    "0-d array": np.array(0.5),
    "NumPy integer": np.int64(1),
    "NumPy float": np.float32(0.5),
    "bytes": b"mean",
    "dictionary": {},
    "object": object(),
    "tuple": (),
    "misspelt": "maen",
}


def tokens(value):
    """Words of which an error should contain one: what was given, or what kind of thing it was."""
    yield repr(value)
    yield type(value).__name__
    if isinstance(value, tuple):
        for inner in value:
            yield from tokens(inner)
    if isinstance(value, np.ndarray):
        yield from ("masked", "read-only")
    if isinstance(value, np.ndarray) or np.isscalar(value):
        yield str(np.asarray(value).dtype)
        yield str(np.asarray(value).shape)
        yield from (repr(x) for x in np.asarray(value).ravel()[:200].tolist())
        yield from (str(x) for x in np.asarray(value).ravel()[:200])
    else:
        try:
            array = np.asarray(value)
        except Exception:
            yield "rectangular"
        else:
            yield str(array.shape)
            yield str(array.dtype)
            yield from (str(x) for x in array.ravel()[:200])


def digest(value):
    if isinstance(value, np.ma.MaskedArray):
        return digest(value.data), digest(np.ma.getmaskarray(value))
    if isinstance(value, np.ndarray) and value.dtype != object:
        return value.tobytes(), value.dtype, value.shape
    return repr(value) if isinstance(value, list | tuple) else None


def bound(op, call) -> dict:
    """Argument by name, those of **parameters under their own."""
    arguments = inspect.signature(op.function).bind(*call.args, **call.kwargs).arguments
    return {n: v for n, v in arguments.items() if n not in more_keywords(op)} | {
        k: v for n in more_keywords(op) for k, v in arguments.get(n, {}).items()
    }


def more_keywords(op) -> list[str]:
    return [n for n, p in inspect.signature(op.function).parameters.items() if p.kind is p.VAR_KEYWORD]


def as_call(op, arguments) -> Call:
    positional = [n for n, p in inspect.signature(op.function).parameters.items() if p.kind is p.POSITIONAL_OR_KEYWORD]
    args = []
    for name in positional:
        if name not in arguments:
            break
        args.append(arguments[name])
    return Call(tuple(args), {n: v for n, v in arguments.items() if n not in positional[: len(args)]})


def in_full(value):
    return np.float64(value) if isinstance(value, np.floating) else value


def attempt(op, call, parameter, what, value) -> str:
    """One call with `value` for `parameter`: "result" or "error"; AssertionError if it is not of the right kind."""
    given = {**bound(op, fresh(call)), parameter: value}
    odd = as_call(op, given)
    title = f"{op.name}({parameter}={what})"
    before = {n: digest(v) for n, v in given.items()}
    untouched = {n: v.copy() for n, v in given.items() if n in op.in_place and isinstance(v, np.ndarray)}
    if inspect.isgenerator(value):
        before.pop(parameter)
    try:
        result = run(op, op.function, odd)
    except (TypeError, ValueError) as error:
        message = str(error)
        assert op.name in message, f"{title}: the message does not name the operation: {message}"
        assert any(word in message for word in (parameter, *tokens(value)) if word), (
            f"{title}: quotes nothing: {message}"
        )
        changed = [n for n, v in before.items() if digest(given[n]) != v]
        assert not changed, f"{title} failed, and changed {changed}"
        return "error"
    except Exception as error:
        raise AssertionError(f"{title} raises {type(error).__name__}: {error}") from error
    changed = [n for n, v in before.items() if digest(given[n]) != v and n not in op.in_place and n != "out"]
    assert not changed, f"{title} changed {changed}"
    floating = [r for r in result if r.dtype.kind == "f" and r.ndim]
    # What is compared here is whether it means the same, not how accurate it is: a list beside float32 is rounded to
    # float32 before anything is computed from it, and so is a number at the end of the range.
    dtype = np.float32 if any(r.dtype == np.float32 for r in floating) or not floating else np.float64
    meanings = [value]
    if isinstance(value, float):
        with np.errstate(over="ignore"):
            meanings.append(float(np.float32(value)))
    for meaning in meanings:
        again = {n: in_full(untouched.get(n, v)) for n, v in {**given, parameter: meaning}.items() if n != "out"}
        if parameter in untouched:
            again[parameter] = untouched[parameter]
        try:
            expected = expected_results(op, as_call(op, again))
        except Exception as error:
            text = f"{title} gives a result, but the reference raises {type(error).__name__}: {error}"
            raise AssertionError(text) from error
        assert [r.shape for r in result] == [e.shape for e in expected], title
        different = [(r, e) for r, e in zip(result, expected, strict=True) if not means_the_same(r, e, dtype)]
        if not different:
            return "result"
    raise AssertionError(f"{title}: {different[0][0]}, reference {different[0][1]}")


def means_the_same(result, expected, dtype) -> bool:
    if expected.dtype.kind != "f":
        return bool((result == expected).all())
    most = float(np.finfo(dtype).max) / 1e8  # from there on, how often something is rounded decides what overflows
    with np.errstate(all="ignore"):
        r, e = (np.clip(a.astype(np.float64), -most, most) for a in (result, expected))
        scale = max(1.0, np.abs(e[np.isfinite(e)]).max(initial=0))
        return bool(np.isclose(r, e, rtol=2e-4, atol=2e-4 * scale, equal_nan=True).all())


def odd_values_of(op, call):
    """Every argument with everything that may be given for it."""
    given = bound(op, call)
    defaults = {
        n: p.default for n, p in inspect.signature(op.function).parameters.items() if n not in more_keywords(op)
    }
    for name, value in {**defaults, **given}.items():
        if is_float_array(value):
            yield from ((name, what, odd) for what, odd in odd_arrays(value))
        elif isinstance(value, np.ndarray):
            yield from ((name, what, odd) for what, odd in odd_integers(value))
        elif name == "out":
            yield from ((name, what, odd) for what, odd in odd_outputs(op, call))
        else:
            yield from ((name, what, odd) for what, odd in ODD_VALUES.items())


def odd_integers(a):
    """Where integers are expected, labels for example."""
    yield "None", None
    yield "a string", "seven"
    yield "strings", a.astype(str)
    yield "objects", a.astype(object)
    yield "floats", a.astype(np.float64)
    yield "halves", a + 0.5
    yield "complex", a.astype(complex)
    yield "masked", np.ma.masked_array(a, np.arange(a.size).reshape(a.shape) % 2)
    yield "ragged", [[1, 2], [3]]
    yield "sparse", Sparse()
    yield "negative", a - 100
    yield "too large", a + 1000
    yield "the largest", np.full(a.shape, 2**63 - 1)
    yield "unsigned", np.full(a.shape, 2**64 - 1, np.uint64)
    yield "one longer", np.concatenate([a, a[:1]])
    yield "one shorter", a[:-1].copy()
    yield "no rows", a[:0].copy()
    yield "one more dimension", a[None].copy()
    yield "a number", 1
    yield "an empty list", []
    yield "a list", a.tolist()
    yield "small", a.astype(np.int8)
    yield "byte-swapped", a.astype(a.dtype.newbyteorder())


def odd_outputs(op, call):
    result = op.function(*fresh(call).args, **call.kwargs)
    several = isinstance(result, tuple) and not op.gradient_of_first
    first = np.asarray(result[-1] if isinstance(result, tuple) else result)
    read_only = np.zeros_like(first)
    read_only.flags.writeable = False
    for what, odd in {
        "a string": "here",
        "a list": first.tolist(),
        "a number": 3.5,
        "float16": np.zeros(first.shape, np.float16),
        "integers": np.zeros(first.shape, np.int64),
        "objects": np.zeros(first.shape, object),
        "the other float": np.zeros(first.shape, np.float32 if first.dtype == np.float64 else np.float64),
        "masked": np.ma.zeros(first.shape, first.dtype),
        "another shape": np.zeros((*first.shape, 2), first.dtype),
        "read-only": read_only,
        "broadcast": np.broadcast_to(np.zeros((), first.dtype), (*first.shape, 3)),
        "an empty tuple": (),
        "a long tuple": (None,) * 9,
    }.items():
        yield what, ((*((None,) * (len(result) - 1)), odd) if several and "tuple" not in what else odd)


calls = {"result": 0, "error": 0}


@pytest.mark.parametrize("op", OPS.values(), ids=OPS.keys())
def test_odd_arguments(op, dtype):
    call = op.domain(np.random.default_rng(12), dtype, 12)
    faults, count = [], 0
    for parameter, what, value in odd_values_of(op, call):
        count += 1
        try:
            calls[attempt(op, call, parameter, what, value)] += 1
        except AssertionError as error:
            faults.append(str(error))
    assert not faults, f"{len(faults)} of {count} calls:\n" + "\n".join(faults)
    assert count >= 35


def test_words_are_no_flags():
    """ "no" would be true: where the default is True or False, nothing else is taken."""
    checked = 0
    for op in OPS.values():
        call = op.domain(np.random.default_rng(12), np.float64, 12)
        for name, parameter in inspect.signature(op.function).parameters.items():
            if isinstance(parameter.default, bool):
                for bad in ("no", "False", 1, 0.0, None, []):
                    with pytest.raises(TypeError, match=name):
                        op.function(*fresh(call).args, **{**call.kwargs, name: bad})
                    checked += 1
    assert checked


def test_numbers_are_no_words():
    for op in OPS.values():
        call = op.domain(np.random.default_rng(12), np.float64, 12)
        for name, parameter in inspect.signature(op.function).parameters.items():
            if isinstance(parameter.default, str) and "float" not in str(parameter.annotation):
                for bad in (1, True, None, b"mean", ["mean"]):
                    with pytest.raises(TypeError, match=name):
                        op.function(*fresh(call).args, **{**call.kwargs, name: bad})
                with pytest.raises(ValueError, match="'nonsense'"):
                    op.function(*fresh(call).args, **{**call.kwargs, name: "nonsense"})


@pytest.mark.parametrize("op", [o for o in OPS.values() if o.in_place], ids=lambda o: o.name)
def test_targets_of_any_layout_are_updated_in_place(op, dtype, rng):
    """Strided, misaligned, byte-swapped and transposed targets, and gradients that are shifted views of the target."""
    from helpers import LAYOUTS, parameter_names

    call = op.domain(rng, dtype, 37)
    plain = run(op, op.function, fresh(call))
    for layout in LAYOUTS:
        if layout == "read_only":
            continue
        other = fresh(call)
        names = parameter_names(op, other)
        args = tuple(
            LAYOUTS[layout](a) if n in op.in_place and isinstance(a, np.ndarray) else a
            for n, a in zip(names, other.args, strict=False)
        )
        kwargs = {
            n: LAYOUTS[layout](a) if n in op.in_place and isinstance(a, np.ndarray) else a
            for n, a in other.kwargs.items()
        }
        for a, b in zip(plain, run(op, op.function, Call(args, kwargs)), strict=True):
            np.testing.assert_array_equal(a, b, err_msg=f"{op.name}, {layout} targets")
    first, second = call.args[:2]
    for shift in (0, 1):
        memory = np.zeros(first.size + 1, dtype)
        memory[: first.size] = first
        memory[shift : shift + second.size] = second if shift else first
        separate = Call(
            (memory[: first.size].copy(), memory[shift : shift + second.size].copy(), *fresh(call).args[2:]),
            call.kwargs,
        )
        expected = run(op, op.function, fresh(separate))
        shared = Call((memory[: first.size], memory[shift : shift + second.size], *fresh(call).args[2:]), call.kwargs)
        got = run(op, op.function, shared)
        np.testing.assert_array_equal(got[0], expected[0], err_msg=f"{op.name}: a gradient {shift} beside the target")


@pytest.mark.skipif("asan" in os.environ.get("LD_PRELOAD", ""), reason="AddressSanitizer ends the process instead")
def test_sizes_that_no_memory_holds_are_a_memory_error():
    """Views without memory whose products leave 64 bits: the scratch that they need must not wrap to a small number."""
    for exponent in (40, 56, 57, 58):
        a, b = np.broadcast_to(1.0, (1, 2**exponent)), np.broadcast_to(1.0, (2**exponent, 1))
        with pytest.raises(MemoryError):
            densekit.functional.matmul(a, b)
    huge = np.broadcast_to(np.float32(1), (2**30, 2**30))
    for name in ("relu", "softmax", "log_softmax"):
        with pytest.raises((MemoryError, ValueError)):
            OPS[name].function(huge)


# The strict binding: what Python has checked is checked again, so that a mistake there is an error and not a crash.


def recorded_calls(monkeypatch):
    """One valid call of each function of the binding that takes arrays, as the operations make it."""
    seen = {}

    def recorder(name, function):
        def record(*args):
            if name not in seen and any(isinstance(a, np.ndarray) for a in args):
                seen[name] = (function, [a.copy() if isinstance(a, np.ndarray) else a for a in args])
            return function(*args)

        return record

    functions = {
        n: f for n, f in vars(_core).items() if callable(f) and not isinstance(f, type) and not n.startswith("_")
    }
    for name, function in functions.items():
        monkeypatch.setattr(_core, name, recorder(name, function))
    # The short ways answer instead of refusing (test_ready.py); here they send everything the long way.
    monkeypatch.setattr(_core, "ready", lambda read, written: False)
    monkeypatch.setattr(_core, "plain_dense", lambda *arguments: None)
    for op in OPS.values():
        run(op, op.function, op.domain(np.random.default_rng(5), np.float32, 24))
    monkeypatch.undo()
    return seen


def wrong_arrays(a):
    yield "None", None
    yield "a list", a.tolist()
    yield "a string", "array"
    yield "a number", 1.0
    for other in (np.float16, np.float32, np.float64, np.int64, np.int32, np.complex64, object, np.longdouble):
        if a.dtype != other:
            with np.errstate(all="ignore"):
                converted = a.astype(other)
            yield np.dtype(other).name, converted
    yield "byte-swapped", a.astype(a.dtype.newbyteorder())
    yield "no elements", a[:0].copy()
    yield "one shorter", a[:-1].copy()
    yield "one longer", np.concatenate([a, a[:1]]) if a.size else np.zeros((1, *a.shape[1:]), a.dtype)
    yield "0-d", np.zeros((), a.dtype)
    yield "one dimension more", a[None].copy()
    yield "five dimensions", np.ones((1, 2, 1, 2, 1), a.dtype)
    yield "flat", a.ravel().copy()
    yield "transposed", a.T.copy()
    yield "another width", np.ones((*a.shape[:-1], a.shape[-1] + 3), a.dtype)
    double = np.zeros((*a.shape[:-1], 2 * a.shape[-1]), a.dtype)
    yield "strided", double[..., ::2]
    raw = np.zeros(a.nbytes + 1, np.uint8)
    yield "misaligned", raw[1:].view(a.dtype).reshape(a.shape)
    yield "broadcast", np.broadcast_to(a.ravel()[:1], a.shape) if a.size else a
    yield "huge", np.broadcast_to(np.zeros((), a.dtype), (2**31, *a.shape[1:]))


def test_strict_binding_refuses_and_never_crashes(monkeypatch):
    seen = recorded_calls(monkeypatch)
    assert {"dense", "dense_backward", "activation_forward", "softmax_cross_entropy"} <= set(seen)
    count, refusals = 0, []
    for name, (function, args) in seen.items():
        function(*(a.copy() if isinstance(a, np.ndarray) else a for a in args))  # the recorded call is valid
        for position, original in enumerate(args):
            for what, value in _wrong(original):
                mutated = [a.copy() if isinstance(a, np.ndarray) else a for a in args]
                mutated[position] = value
                count += 1
                try:
                    function(*mutated)
                except (TypeError, ValueError, MemoryError):
                    continue
                # Not refused: then the type was right. (A wrong shape may be right for another call.)
                if isinstance(original, np.ndarray):
                    # Where all else is float64 anyway, an input may be of either type.
                    types = {original.dtype, *map(np.dtype, (np.float32, np.float64))}
                    right = value is None or (isinstance(value, np.ndarray) and value.dtype in types)
                    assert right, f"_core.{name} accepts {what} as argument {position}"
            if isinstance(original, np.ndarray) and original.size:
                mutated = [a.copy() if isinstance(a, np.ndarray) else a for a in args]
                mutated[position].flags.writeable = False
                before = mutated[position].copy()
                count += 1
                try:
                    function(*mutated)
                except ValueError as error:
                    refusals.append(f"_core.{name}: {error}")
                np.testing.assert_array_equal(
                    mutated[position], before, err_msg=f"_core.{name} wrote to a read-only array"
                )
    assert count >= 500
    assert refusals
    assert all("writeable" in r or "read-only" in r for r in refusals), refusals


def _wrong(value):
    if isinstance(value, np.ndarray):
        yield from wrong_arrays(value)
    elif isinstance(value, bool) or value is None:
        yield from (("None", None), ("a string", "yes"), ("an array", np.ones(3)))
    elif isinstance(value, str):
        yield from (("None", None), ("another word", "nonsense"), ("a number", 3))
    elif isinstance(value, int | float):
        numbers = (
            None,
            "one",
            float("nan"),
            float("inf"),
            -1,
            -(2**31),
            2**31,
            2**62,
            2**64,
            1e308,
            0,
            0.5,
            [1],
            np.ones(2),
        )
        yield from ((repr(v), v) for v in numbers)
    elif isinstance(value, enum.Enum) or hasattr(type(value), "__members__"):
        for number in (-1, 3, 99, 2**31 - 1):
            try:
                yield f"member {number}", type(value)(number)
            except (TypeError, ValueError):
                continue
        yield from (("None", None), ("a word", "relu"), ("a number", 1))


def test_kind_inputs(rng):
    """Lists, integers, booleans, single numbers and arrays without elements, on every operation of one array."""
    refusals = []
    for op in OPS.values():
        call = op.domain(rng, np.float64, 6)
        if len(call.args) != 1 or call.args[0].ndim != 1:
            continue
        for value in (
            [1, 2, 3],
            (0.5, 1),
            [True, False],
            np.array([1, 0], np.uint8),
            np.arange(4)[::-2],
            1,
            0.5,
            True,
            np.float32(0.5),
        ):
            try:
                result = op.function(value, **call.kwargs)
            except ValueError as error:  # two is no probability, for example
                refusals.append((op.name, str(error)))
                continue
            expected = expected_results(op, Call((value,), call.kwargs))
            results = result if isinstance(result, tuple) else (result,)
            for r, e in zip(results, expected, strict=True):
                assert np.shape(r) == e.shape
                if getattr(value, "dtype", None) != np.float32:
                    assert_agrees(
                        op, Call((np.asarray(value, np.float64),), call.kwargs), (np.asarray(r),), (e,), np.float64
                    )
        for shape in ((0,), (3, 0), (0, 3), (2, 0, 5)):
            try:
                result = op.function(np.zeros(shape, np.float32), **call.kwargs)
            except ValueError as error:  # the mean of nothing, for example: says what it got
                refusals.append((op.name, str(error)))
                continue
            for r in result if isinstance(result, tuple) else (result,):
                assert not isinstance(r, np.ndarray) or r.dtype == np.float32
    assert all(name in message for name, message in refusals), refusals


def test_enough_was_tried():
    """Runs last in this file; with only some tests selected or spread over processes there is nothing to count."""
    if sum(calls.values()) == 0:
        pytest.skip("the table ran elsewhere")
    per_operation = 2 * 35
    assert sum(calls.values()) >= per_operation
    every = (
        sum(len(list(odd_values_of(op, op.domain(np.random.default_rng(12), np.float32, 12)))) for op in OPS.values())
        * 2
    )
    assert every >= 2000, f"the table has {every} calls"
