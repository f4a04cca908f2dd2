"""What several test files share: ugly sizes, layouts, and the comparison of a result with the float64 reference."""

from __future__ import annotations

import numpy as np

import densekit.functional
import densekit.info  # noqa: F401  the two fill the register
from densekit import _core
from densekit.registry import OPS, Call, Op

# Lengths where loops change their mind: the vector widths (2 to 16 lanes), blocks of 64 rows and 4,096 elements.
SIZES = [0, 1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 32, 33, 63, 64, 65, 127, 130, 257]
LARGE_SIZES = [4095, 4096, 4097, 16385]


def strided(a):
    padded = np.full((*a.shape[:-1], 2 * a.shape[-1]), np.nan, a.dtype)
    padded[..., ::2] = a
    return padded[..., ::2]


def fortran(a):
    return np.asfortranarray(a)


def negative(a):
    return a[::-1].copy()[::-1]


def misaligned(a):
    raw = np.empty(a.nbytes + 1, np.uint8)
    view = raw[1:].view(a.dtype).reshape(a.shape)
    view[...] = a
    return view


def shifted(a):
    """Aligned to the item, not to the vector."""
    raw = np.empty(a.size + 1, a.dtype)
    view = raw[1:].reshape(a.shape)
    view[...] = a
    return view


def read_only(a):
    a = a.copy()
    a.flags.writeable = False
    return a


def byte_swapped(a):
    return a.astype(a.dtype.newbyteorder())


LAYOUTS = {
    f.__name__: f
    for f in (np.ascontiguousarray, strided, fortran, negative, misaligned, shifted, read_only, byte_swapped)
}


def is_float_array(value) -> bool:
    return isinstance(value, np.ndarray) and value.ndim > 0 and value.dtype.kind == "f"


def for_arrays(f, value):
    """f(value) if it is an array, a list of f of each if it is a list of arrays, else the value itself."""
    if isinstance(value, list) and any(isinstance(a, np.ndarray) for a in value):
        return [f(a) for a in value]
    return f(value) if isinstance(value, np.ndarray) else value


def spread(values) -> list:
    """The values, those that are lists of arrays replaced by their arrays."""
    return [
        a for v in values for a in (v if isinstance(v, list) and all(isinstance(a, np.ndarray) for a in v) else [v])
    ]


def with_layout(call: Call, layout, op: Op) -> Call:
    """The call with every float array, but those updated in place, laid out anew."""
    names = parameter_names(op, call)

    def lay(a):
        return layout(a) if is_float_array(a) else a

    args = tuple(a if n in op.in_place else for_arrays(lay, a) for n, a in zip(names, call.args, strict=False))
    return Call(args, call.kwargs)


def parameter_names(op: Op, call: Call) -> list[str]:
    import inspect

    return list(inspect.signature(op.function).parameters)[: len(call.args)]


def fresh(call: Call) -> Call:
    """A copy of the call whose arrays nobody else holds."""
    copy = {k: for_arrays(np.copy, v) for k, v in call.kwargs.items()}
    return Call(tuple(for_arrays(np.copy, a) for a in call.args), copy)


def run(op: Op, function, call: Call) -> tuple[np.ndarray, ...]:
    """All results of a call as arrays, lists of them spread out: what it returns, and what it updates in place."""
    result = function(*call.args, **call.kwargs)
    if op.in_place:
        names = parameter_names(op, call)
        given = dict(zip(names, call.args, strict=False)) | call.kwargs
        result = tuple(given[name] for name in op.in_place)
    results = result if isinstance(result, tuple) else (result,)
    return tuple(np.asarray(r) for r in spread(results) if r is not None)


def in_float64(call: Call) -> Call:
    def up(a):
        return a.astype(np.float64) if a.dtype.kind == "f" else a

    return Call(tuple(for_arrays(up, a) for a in call.args), {k: for_arrays(up, v) for k, v in call.kwargs.items()})


def expected_results(op: Op, call: Call) -> tuple[np.ndarray, ...]:
    """The reference in float64, not rounded to the dtype of the call."""
    return run(op, op.reference, in_float64(fresh(call)))


def assert_agrees(op: Op, call: Call, got, expected, dtype) -> None:
    assert len(got) == len(expected)
    for number, (g, e) in enumerate(zip(got, expected, strict=True)):
        assert g.shape == e.shape, f"{op.name}: result {number} is {g.shape}, reference {e.shape}"
        if e.dtype.kind != "f":
            np.testing.assert_array_equal(g, e)
            continue
        # In float64 the reference is as far from the truth as the kernel may be.
        allowed = op.tolerance_of(number).allowed(call, e, dtype) * (2 if dtype == np.float64 else 1)
        with np.errstate(over="ignore"):
            rounded = e.astype(dtype)
        with np.errstate(invalid="ignore"):
            error = np.abs(g.astype(np.float64) - e)
            same = (np.isnan(g) & np.isnan(e)) | (np.isinf(rounded) & (g == rounded)) | (error <= allowed)
        if not same.all():
            at = np.unravel_index(int(np.argmin(same)), same.shape) if same.ndim else ()
            bound = np.broadcast_to(allowed, e.shape)[at]
            raise AssertionError(
                f"{op.name} ({_core.active_level()}): result {number} at {at}: got {g[at]!r}, reference {e[at]!r}, "
                f"error {error[at]:.3g}, allowed {bound:.3g}"
            )


__all__ = ["LARGE_SIZES", "LAYOUTS", "OPS", "SIZES"]
