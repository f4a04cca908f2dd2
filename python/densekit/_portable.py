"""Functions whose bits depend neither on the machine nor on its C library.

They consist of sums, products and square roots of IEEE 754, each an operation of its own.

NumPy takes `power` and `cos` from the C library or from code of its own for the processor at hand, so that their last
digit differs between machines. One step later so would a training whose learning rate comes from them.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float64]

_SPLITTER = 2.0**27 + 1  # Dekker: cuts 53 bits into halves whose products are exact


def _times(a: Floats, low_a: Floats, b: Floats, low_b: Floats) -> tuple[Floats, Floats]:
    """(a + low_a)(b + low_b) as a float64 and what that lacks. Dekker, Numerische Mathematik 18 (1971), mul2."""
    head_a, head_b = _SPLITTER * a, _SPLITTER * b
    head_a, head_b = head_a - (head_a - a), head_b - (head_b - b)
    tail_a, tail_b = a - head_a, b - head_b
    product = a * b
    low = ((head_a * head_b - product) + head_a * tail_b + tail_a * head_b) + tail_a * tail_b
    low = low + (a * low_b + low_a * b)
    total = product + low
    return total, (product - total) + low


def power(base: float, exponents: Floats | float) -> Floats:
    """base^n elementwise, base 0 or greater; 0^0 = 1, as np.power has it.

    Whole exponents below 2^40: off by little more than half an ulp. Others: the fraction is the product of the square
    roots of square roots that its binary digits name, off by some ulp.
    """
    n = np.asarray(exponents, np.float64)
    size = np.abs(n)
    whole = np.minimum(np.floor(size), 2.0**52)
    result, root, fraction = _whole_power(float(base), whole), np.float64(base), size - whole
    with np.errstate(over="ignore", divide="ignore"):
        while (fraction > 0).any():
            root, fraction = np.sqrt(root), 2 * fraction
            result = np.where(fraction >= 1, result * root, result)
            fraction = np.where(fraction >= 1, fraction - 1, fraction)
        return np.where(n < 0, 1 / result, result)


def _whole_power(base: float, n: Floats) -> Floats:
    """base^n for whole n from 0 to 2^52.

    By squares and products of twice the precision; powers of two are kept apart, so that nothing in between overflows.
    """
    if base == 0 or not np.isfinite(base):
        return np.where(n == 0, 1.0, base)
    left = n.astype(np.int64)
    fraction, two = np.frexp(np.float64(base))
    square, low_square, square_two = np.full(n.shape, fraction), np.zeros(n.shape), int(two)
    result, low, result_two = np.ones(n.shape), np.zeros(n.shape), np.zeros(n.shape)
    while (left > 0).any():
        odd = left % 2 == 1
        product, low_product = _times(result, low, square, low_square)
        product, shift = np.frexp(product)
        result, low = np.where(odd, product, result), np.where(odd, np.ldexp(low_product, -shift), low)
        result_two = np.where(odd, result_two + float(square_two) + shift, result_two)
        square, low_square = _times(square, low_square, square, low_square)
        square, shift = np.frexp(square)
        low_square, square_two = np.ldexp(low_square, -shift), 2 * square_two + int(np.max(shift, initial=-2))
        left = left // 2
    with np.errstate(over="ignore", under="ignore"):
        return np.asarray(np.ldexp(result, np.clip(result_two, -4000, 4000).astype(np.int32)), np.float64)


# The polynomials of fdlibm's __kernel_sin and __kernel_cos: less than an ulp up to pi / 4.
_SIN = (1.58969099521155010221e-10, -2.50507602534068634195e-08, 2.75573137070700676789e-06)
_SIN += (-1.98412698298579493134e-04, 8.33333333332248946124e-03, -1.66666666666666324348e-01)
_COS = (-1.13596475577881948265e-11, 2.08757232129817482790e-09, -2.75573143513906633035e-07)
_COS += (2.48015872894767294178e-05, -1.38888888888741095749e-03, 4.16666666666666019037e-02)


def _polynomial(coefficients: tuple[float, ...], z: Floats) -> Floats:
    total = np.full_like(z, coefficients[0])
    for c in coefficients[1:]:
        total = total * z + c
    return total


def cos_pi(x: Floats) -> Floats:
    """cos(pi x) for x in [0, 1], elementwise, within 2^-52; exactly 1, 0 and -1 at 0, 1/2 and 1."""
    x = np.asarray(x, np.float64)
    near = np.where(x > 0.5, 1 - x, x)  # exact, as is the next difference
    small = near <= 0.25
    angle = np.pi * np.where(small, near, 0.5 - near)
    z = angle * angle
    cosine = 1 - (0.5 * z - z * (z * _polynomial(_COS, z)))
    sine = angle + angle * (z * _polynomial(_SIN, z))
    value = np.where(small, cosine, sine)
    return np.where(x > 0.5, -value, value)
