"""How far the functions of cpp/simd/math.h are from the truth, in units in the last place of the true result."""

from __future__ import annotations

import functools

import mpmath
import numpy as np
from scipy import special

from densekit import _core

FUNCTIONS = list(_core.math_functions)
# What math.h states: float32, float64.
BOUND = {
    "exp": (1.1, 1.5),
    "expm1": (2, 2),
    "log": (1, 1),
    "log1p": (1, 1),
    "tanh": (2.5, 2.5),
    "sigmoid": (2.5, 2.5),
    "softplus": (2, 2),
    "erf": (1.5, 1.5),
    "normal_cdf": (5, 6),
    "sin2pi": (2, 2),
    "cos2pi": (2, 2),
}
HAS_LONG_DOUBLE = bool(np.finfo(np.longdouble).eps < np.finfo(np.float64).eps)


def _sigmoid(x):
    e = np.exp(-np.abs(x))
    return np.where(x < 0, e, 1) / (1 + e)


def _softplus(x):
    return np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))


def _turn(x, quarters):
    """sin(2 pi x + quarters pi / 2); whole turns and quarters are taken away exactly."""
    r = 4 * (x - np.rint(x))
    quarter = np.rint(r)
    f = (r - quarter) * (2 * np.arctan(x.dtype.type(1)))
    which = np.nan_to_num(quarter + quarters).astype(int) % 4
    return np.choose(which, [np.sin(f), np.cos(f), -np.sin(f), -np.cos(f)])


# In whatever type x has: float64 for results in float32, long double for results in float64.
_NUMPY = {
    "exp": np.exp, "expm1": np.expm1, "log": np.log, "log1p": np.log1p, "tanh": np.tanh,
    "sigmoid": _sigmoid, "softplus": _softplus, "sin2pi": lambda x: _turn(x, 0), "cos2pi": lambda x: _turn(x, 1),
}  # fmt: skip
_SCIPY = {"erf": special.erf, "normal_cdf": special.ndtr}  # float64 only

_MPMATH = {
    "exp": mpmath.exp,
    "expm1": mpmath.expm1,
    "log": lambda x: mpmath.log(x) if x > 0 else mpmath.mpf("-inf") if x == 0 else mpmath.nan,
    "log1p": lambda x: mpmath.log1p(x) if x > -1 else mpmath.mpf("-inf") if x == -1 else mpmath.nan,
    "tanh": mpmath.tanh,
    "sigmoid": lambda x: 1 / (1 + mpmath.exp(-x)),
    "softplus": lambda x: mpmath.log1p(mpmath.exp(x)),
    "erf": mpmath.erf,
    "normal_cdf": lambda x: mpmath.erfc(-x / mpmath.sqrt(2)) / 2,
    "sin2pi": lambda x: mpmath.sinpi(2 * x),
    "cos2pi": lambda x: mpmath.cospi(2 * x),
}


def kernel(name, x):
    y = np.empty_like(x)
    _core.math(name, x, y)
    return y


def truth_in_float64(name, x):
    with np.errstate(all="ignore"):
        return (_NUMPY | _SCIPY)[name](x.astype(np.float64))


def truth_in_long_double(name, x):
    with np.errstate(all="ignore"):
        return _NUMPY[name](x.astype(np.longdouble))


def ulp(truth, dtype):
    """The distance of neighbouring numbers of dtype around the true value."""
    info = np.finfo(dtype)
    _, exponent = np.frexp(truth)
    lowest = info.minexp
    return np.ldexp(np.ones_like(truth), np.maximum(exponent - 1, lowest) - info.nmant)


def errors(got, truth):
    """abs(got - truth) in ulp of the truth; 0 where both are NaN or the same infinity, infinite where only one is NaN.

    An infinity in place of a finite number counts as the power of two behind the largest number, and so does a true
    value beyond that.
    """
    dtype, wide = got.dtype, truth.dtype.type
    edge = np.ldexp(wide(1), np.finfo(dtype).maxexp)
    with np.errstate(all="ignore"):
        g, t = np.clip(got.astype(wide), -edge, edge), np.clip(truth, -edge, edge)
        result = np.abs(g - t) / ulp(np.where(np.abs(t) == edge, edge / 2, np.nan_to_num(t)), dtype)
    both, either = np.isnan(got) & np.isnan(truth), np.isnan(got) | np.isnan(truth)
    return np.where(both, 0, np.where(either, np.inf, result)).astype(np.float64)


def float32_patterns(first, last, step=1):
    """The float32 numbers whose bit patterns are first, first + step, … below last."""
    return np.arange(first, last, step, dtype=np.uint64).astype(np.uint32).view(np.float32)


@functools.cache
def special_points(dtype):
    """Zeros, denormals, the ends of the range, infinities, NaN, and neighbours of where a function ends or turns."""
    info = np.finfo(dtype)
    ends = [
        0,
        info.smallest_subnormal,
        3 * info.smallest_subnormal,
        info.smallest_normal,
        info.eps,
        info.max,
        np.inf,
        np.nan,
    ]
    turns = [0.25, 0.5, np.sqrt(0.5), 1, np.sqrt(2), 2, np.e, 10, 14.5, 16.6, 17, 20, 28, 37.5, 38.5, 39, 40, 60]
    turns += [np.log(2) / 2, np.log(2), *-np.log([float(info.smallest_normal), float(info.smallest_subnormal)])]
    turns += [float(np.log(info.max)), 87.3, 88.7, 89, 103.9, 104, 708.4, 709.8, 745.1, 746]
    near = np.array(turns, dtype)
    around = [near]
    for direction in (-np.inf, np.inf):
        step = near
        for _ in range(4):
            step = np.nextafter(step, dtype(direction))
            around.append(step)
    points = np.concatenate([np.array(ends, dtype), *around])
    return np.concatenate([points, -points])


def random_points(dtype, size, seed=7):
    """Evenly spread over the ranges where the functions change, and over all magnitudes."""
    rng = np.random.default_rng(seed)
    info = np.finfo(dtype)
    low, high = float(np.log2(info.smallest_normal)) + 1, info.maxexp - 1
    parts = [rng.uniform(-r, r, size // 8) for r in (1.5, 6, 20, 40, float(np.log(info.max)) * 1.06)]
    parts += [
        rng.choice([-1, 1], size // 4) * 2 ** rng.uniform(low, high, size // 4),
        1 + rng.normal(size=size // 8) * 1e-3,
    ]
    return np.concatenate(parts).astype(dtype)


@functools.cache
def float32_case(name):
    """About a million points, and the truth."""
    x = np.concatenate(
        [float32_patterns(0, 2**32, 4099), special_points(np.float32), random_points(np.float32, 80_000)]
    )
    return x, truth_in_float64(name, x)


@functools.cache
def float64_case(name):
    """Points and truth in long double: many, for the functions that NumPy has in long double."""
    x = np.concatenate([special_points(np.float64), random_points(np.float64, 160_000)])
    return x, truth_in_long_double(name, x)


@functools.cache
def mpmath_case(name):
    """Some 2,000 points and the truth to 60 digits: a part that is a long double, and the rest."""
    x = np.concatenate([special_points(np.float64), random_points(np.float64, 1_600)])
    x = x[np.isfinite(x)]
    with mpmath.workdps(60):
        values = [_MPMATH[name](mpmath.mpf(float(v))) if abs(v) < 1e4 else _far(name, float(v)) for v in x]
    return x, values


def _far(name, v):
    """The same where mpmath would need a number with 1e300 digits."""
    if name in ("log", "log1p", "sin2pi", "cos2pi"):
        return _MPMATH[name](mpmath.mpf(v))
    right = {"tanh": 1, "sigmoid": 1, "erf": 1, "normal_cdf": 1, "softplus": v}
    left = {"expm1": -1, "tanh": -1, "erf": -1}
    return mpmath.mpf(right.get(name, "inf") if v > 0 else left.get(name, 0))


def errors_by_mpmath(got, values):
    """As errors(), with the difference taken in mpmath."""
    result = np.empty(len(values))
    edge = mpmath.mpf(2) ** 1024
    with mpmath.workdps(60):
        for i, (g, t) in enumerate(zip(got.tolist(), values, strict=True)):
            if mpmath.isnan(t) or np.isnan(g):
                result[i] = 0 if mpmath.isnan(t) and np.isnan(g) else np.inf
                continue
            near = [max(-edge, min(edge, mpmath.mpf(v))) for v in (g, t)]
            _, exponent = mpmath.frexp(near[1])
            result[i] = abs(near[0] - near[1]) / mpmath.mpf(2) ** (max(min(exponent - 1, 1023), -1022) - 52)
    return result
