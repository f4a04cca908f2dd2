"""Every operation against its NumPy twin: instruction sets, dtypes, layouts, ugly sizes, out=, aliasing."""

from __future__ import annotations

import inspect

import numpy as np
import pytest
from helpers import (
    LARGE_SIZES,
    LAYOUTS,
    OPS,
    SIZES,
    assert_agrees,
    expected_results,
    fresh,
    is_float_array,
    run,
    spread,
    with_layout,
)

import densekit.functional
import densekit.info
import densekit.reference
import densekit.reference.info

ALL = pytest.mark.parametrize("op", OPS.values(), ids=OPS.keys())


@ALL
def test_agrees_with_reference(op, level, dtype, rng):
    for size in SIZES + LARGE_SIZES:
        call = op.domain(rng, dtype, size)
        expected = expected_results(op, call)
        assert_agrees(op, call, run(op, op.function, fresh(call)), expected, dtype)


@ALL
@pytest.mark.parametrize("layout", LAYOUTS)
def test_layout_changes_no_bit(op, level, dtype, layout, rng):
    """Strides, alignment and byte order give exactly the bits of contiguous input, which agrees with the reference."""
    for size in SIZES:
        call = op.domain(rng, dtype, size)
        plain = run(op, op.function, fresh(call))
        other = with_layout(fresh(call), LAYOUTS[layout], op)
        before = fresh(other).args
        for a, b in zip(plain, run(op, op.function, other), strict=True):
            np.testing.assert_array_equal(a, b, strict=True)
        if not op.in_place:
            for a, b in zip(spread(before), spread(other.args), strict=True):
                np.testing.assert_array_equal(a, b, err_msg=f"{op.name} changed its input")


@ALL
def test_keeps_dtype(op, dtype, rng):
    call = op.domain(rng, dtype, 8)
    for result in run(op, op.function, call):
        assert result.dtype in (dtype, np.bool_) or result.ndim == 0


def _takes_out(op):
    return "out" in inspect.signature(op.function).parameters


@pytest.mark.parametrize("op", [o for o in OPS.values() if not o.in_place], ids=lambda o: o.name)
def test_out(op, level, dtype, rng):
    """Results go to out=, of any layout, and the returned array is that one."""
    returns_arrays = any(isinstance(r, np.ndarray) and r.ndim for r in run_raw(op, op.domain(rng, dtype, 5)))
    assert _takes_out(op) or not returns_arrays, f"{op.name} returns an array and has no out="
    if not _takes_out(op):
        return
    for size in (0, 1, 17, 130):
        call = op.domain(rng, dtype, size)
        if size == 0 and op.gradient_of_first:
            continue
        plain = run_raw(op, fresh(call))
        if isinstance(plain[0], list):  # a list of arrays has a list for `out`, which the family's own tests try
            return
        arrays = plain[-1:] if op.gradient_of_first and len(plain) == 2 else plain
        for layout in (np.ascontiguousarray, LAYOUTS["strided"], LAYOUTS["fortran"], LAYOUTS["misaligned"]):
            outs = [layout(np.full(a.shape, 7, a.dtype)) if a.ndim else np.full((), 7, a.dtype) for a in arrays]
            out = tuple(outs) if len(outs) > 1 else outs[0]
            got = run_raw(op, call, out=out)
            got = got[-1:] if op.gradient_of_first and len(plain) == 2 else got
            for target, g, expected in zip(outs, got, arrays, strict=True):
                assert g is target
                np.testing.assert_array_equal(target, expected)


def run_raw(op, call, **more):
    result = op.function(*call.args, **call.kwargs, **more)
    return result if isinstance(result, tuple) else (result,)


@pytest.mark.parametrize("op", [o for o in OPS.values() if not o.in_place], ids=lambda o: o.name)
def test_out_may_overlap_inputs(op, dtype, rng):
    """out= may be an input or a shifted view of one: the result is that of separate memory."""
    if not _takes_out(op):
        return
    call = op.domain(rng, dtype, 40)
    results = run_raw(op, fresh(call))
    target = results[-1]
    for number, a in enumerate(call.args):
        if not (
            is_float_array(a) and isinstance(target, np.ndarray) and a.shape == target.shape and a.dtype == target.dtype
        ):
            continue
        if len(results) > 1 and not (op.gradient_of_first and len(results) == 2):
            continue
        for shift in (0, 1):
            memory = np.zeros(a.size + 1, dtype)
            view = memory[:-1].reshape(a.shape)
            view[...] = a
            out = memory[shift : shift + a.size].reshape(a.shape)
            args = (*call.args[:number], view, *call.args[number + 1 :])
            got = op.function(*args, **call.kwargs, out=out)
            np.testing.assert_array_equal((got if isinstance(got, tuple) else (got,))[-1], target)


@ALL
def test_twins_have_one_signature(op):
    ours, twin = inspect.signature(op.function), inspect.signature(op.reference)
    assert [(p.name, p.kind, p.default) for p in ours.parameters.values()] == [
        (p.name, p.kind, p.default) for p in twin.parameters.values()
    ]
    ours, twins = MODULES[op.module]
    assert op.reference is getattr(twins, op.name)
    assert op.function is getattr(ours, op.name)


# Where operations are, and where their twins.
MODULES = {
    "densekit.functional": (densekit.functional, densekit.reference),
    "densekit.info": (densekit.info, densekit.reference.info),
}


@pytest.mark.parametrize("name", MODULES)
def test_every_public_function_is_registered(name):
    registered = {op.name for op in OPS.values() if op.module == name}
    for module in MODULES[name]:
        public = {n for n, f in vars(module).items() if inspect.isfunction(f) and not n.startswith("_")}
        defined = {n for n in public if name == "densekit.functional" or n in module.__all__}
        assert defined - {"frequencies"} == registered  # frequencies makes a distribution of labels, words even
