"""Numbers of every type as parameters: the result is that of Python's number, or a TypeError."""

from __future__ import annotations

import fractions
import inspect

import numpy as np
import pytest
from helpers import OPS, fresh

import densekit.functional as F
import densekit.reference as R

TYPES = {
    **{t.__name__: t for t in (np.uint8, np.int8, np.uint16, np.int32, np.uint64, np.int64)},
    **{t.__name__: t for t in (np.float16, np.float32, np.float64, np.longdouble)},
    "bool": bool,
    "numpy bool": np.bool_,
    "0-d of uint8": lambda v: np.array(v, np.uint8),
    "0-d of float16": lambda v: np.array(v, np.float16),
    "Fraction": fractions.Fraction,
}
# Whole numbers first, so that the unsigned types are tried; halves where a parameter must be below 1.
CANDIDATES = [1, 2, 0, 0.5, 0.25]


def parameters():
    """(operation, the name of a parameter that is one number, its place among the arguments or None)."""
    for op in OPS.values():
        call = op.domain(np.random.default_rng(0), np.float64, 6)
        for place, (name, parameter) in enumerate(inspect.signature(op.function).parameters.items()):
            given = call.args[place] if place < len(call.args) else call.kwargs.get(name, parameter.default)
            if name == "lr" or (isinstance(given, int | float) and not isinstance(given, bool)):
                yield pytest.param(op, name, place if place < len(call.args) else None, id=f"{op.name}-{name}")
            elif name in ("base", "ignore_index", "p", "activation_parameter") and given is None:
                yield pytest.param(op, name, None, id=f"{op.name}-{name}")


def outcome(op, function, name, place, value):
    """The results, in-place ones among them; or the error."""
    call = fresh(op.domain(np.random.default_rng(1), np.float64, 6))
    args, kwargs = list(call.args), dict(call.kwargs)
    if place is None:
        kwargs[name] = value
    else:
        args[place] = value
    if name == "activation_parameter":
        kwargs |= {"activation": "elu"} | ({"saved": args[0]} if op.name == "dense_backward" else {})
    if op.name == "distances" and name == "p":
        kwargs["metric"] = "lp"
    try:
        result = function(*args, **kwargs)
    except (TypeError, ValueError) as error:
        return error
    return [result, *args] if op.in_place else [result]


def flat(results):
    """The numbers and arrays of nested results."""
    if isinstance(results, tuple | list):
        return [array for result in results for array in flat(result)]
    return [] if results is None or isinstance(results, str) else [np.asarray(results)]


@pytest.mark.parametrize(("op", "name", "place"), list(parameters()))
@pytest.mark.parametrize("twin", [False, True], ids=["compiled", "reference"])
def test_a_number_of_any_type(op, name, place, twin):
    function, tried = op.reference if twin else op.function, 0
    for value in CANDIDATES:
        expected = outcome(op, op.function, name, place, value)
        if isinstance(expected, Exception):
            continue
        expected = outcome(op, function, name, place, value)
        assert not isinstance(expected, Exception), expected
        for kind, make in TYPES.items():
            typed = make(value)
            if typed != value:
                continue  # the type does not have the number
            got = outcome(op, function, name, place, typed)
            if isinstance(got, Exception):
                assert isinstance(got, TypeError), (kind, value, got)
                assert twin or name in str(got), (kind, value, got)
                continue
            tried += 1
            for a, b in zip(flat(got), flat(expected), strict=True):
                np.testing.assert_array_equal(a, b, err_msg=f"{kind} {value}")
    assert tried


def test_the_slope_of_huber_with_an_unsigned_delta():
    for module in (F, R):
        loss, gradient = module.huber(np.array([[3.0, -2.0]]), np.zeros((1, 2)), delta=np.uint8(1))
        assert loss == 2
        np.testing.assert_array_equal(gradient, [[0.5, -0.5]])


@pytest.mark.parametrize("kind", [np.uint8, np.uint64, np.int8, bool])
def test_targets_of_any_integer_type(kind):
    """Targets that are numbers are computed with as numbers: the negative of an unsigned 1 is -1."""
    p, ones = np.array([0.5, -2.0]), np.ones(2)
    for module in (F, R):
        np.testing.assert_array_equal(module.hinge(p, ones.astype(kind))[1], module.hinge(p, ones)[1])
        np.testing.assert_array_equal(module.mse(p, ones.astype(kind))[1], module.mse(p, ones)[1])
        scores, labels = np.array([[0.5, -2.0], [1.0, 0.0]]), np.array([1, 0])
        if kind is not bool:
            for name in ("hinge", "nll", "softmax_cross_entropy"):
                one, other = (getattr(module, name)(scores, y) for y in (labels, labels.astype(kind)))
                np.testing.assert_array_equal(one[1], other[1])


@pytest.mark.parametrize("kind", [np.uint8, np.float16])
def test_numbers_in_a_tuple(kind):
    """The range from 2 to 1: its width is -1 in every type."""
    x = np.array([[1.0], [3.0], [2.0]])
    expected = [[2.0], [1.0], [1.5]]
    np.testing.assert_array_equal(R.min_max_scale(x, feature_range=(kind(2), kind(1))), expected)
