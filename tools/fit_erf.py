"""Makes cpp/simd/erf_coefficients.h: Chebyshev fits of erf and erfc, computed to 60 digits (needs mpmath).

    python tools/fit_erf.py > cpp/simd/erf_coefficients.h

erf(x) = x + x * P(x^2) on [0, 1], so that the rounding of P counts for an eighth; the normal distribution function is
1/2 + x * H(x^2) on [0, sqrt 2], H being the same polynomial with the factor 1 / sqrt 2 in its coefficients;
erfc(x) = exp(-x^2) / (1 + 2x) * Q(t), t = (x - 2) / (x + 2), on [0.7, 28]: the change of variable of Shepherd and
Laframboise, Math. Comp. 36 (1981), 249-253.
"""

import mpmath as mp

mp.mp.dps = 60
SPLIT = 2  # the K of t = (x - K) / (x + K)


def chebyshev_fit(f, low, high, degree):
    """Monomial coefficients, lowest first, of the interpolant of f at the Chebyshev nodes of [low, high]."""
    count = degree + 1
    nodes = [mp.cos(mp.pi * (2 * i + 1) / (2 * count)) for i in range(count)]
    values = [f((low + high) / 2 + (high - low) / 2 * u) for u in nodes]
    series = [
        2 * mp.fsum(v * mp.cos(k * mp.acos(u)) for u, v in zip(nodes, values, strict=True)) / count
        for k in range(count)
    ]
    series[0] /= 2
    scale, shift = 2 / (high - low), -(low + high) / (high - low)

    def times_u(p):  # multiplies a polynomial in x by u = scale * x + shift
        return [shift * a + scale * b for a, b in zip([*p, 0], [0, *p], strict=True)]

    def add(p, q, factor=1):
        p, q = list(p), list(q)
        p += [0] * (len(q) - len(p))
        q += [0] * (len(p) - len(q))
        return [a + factor * b for a, b in zip(p, q, strict=True)]

    before, now = [mp.mpf(1)], times_u([mp.mpf(1)])
    total = add([series[0]], [series[1] * c for c in now])
    for coefficient in series[2:]:
        before, now = now, add([2 * c for c in times_u(now)], before, -1)
        total = add(total, [coefficient * c for c in now])
    return total


def erf_over_x(z):
    return mp.erf(mp.sqrt(z)) / mp.sqrt(z) if z else 2 / mp.sqrt(mp.pi)


def scaled_erfc(t):
    x = SPLIT * (1 + t) / (1 - t)
    return (1 + 2 * x) * mp.exp(x * x) * mp.erfc(x)


def emit(name, values, suffix, digits):
    print(f"constexpr {'float' if suffix else 'double'} {name}[] = {{")
    for value in values:
        print(f"    {mp.nstr(value, digits, min_fixed=0, max_fixed=0)}{suffix},")
    print("};")


if __name__ == "__main__":
    low, high = ((mp.mpf(x) - SPLIT) / (x + SPLIT) for x in (mp.mpf("0.7"), mp.mpf(28)))
    print("// Made by tools/fit_erf.py, which says what these are. Lowest power first.")
    print("#pragma once\n\nnamespace densekit {")
    for name, degree, suffix, digits in (("f32", 6, "f", 10), ("f64", 11, "", 19)):
        fit = chebyshev_fit(erf_over_x, mp.mpf(0), mp.mpf(1), degree)
        emit(f"erf_{name}", [fit[0] - 1, *fit[1:]], suffix, digits)
        emit(f"half_normal_{name}", [c / mp.sqrt(2) / 2 ** (i + 1) for i, c in enumerate(fit)], suffix, digits)
    emit("erfc_f32", chebyshev_fit(scaled_erfc, low, high, 9), "f", 10)
    emit("erfc_f64", chebyshev_fit(scaled_erfc, low, high, 20), "", 19)
    print("}  // namespace densekit")
