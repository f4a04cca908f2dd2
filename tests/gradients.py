"""The two gradient tests: central differences, and the Taylor remainder."""

from __future__ import annotations

import numpy as np

STEPS = 2.0 ** -np.arange(6, 14)


def taylor_slope(f, gradient, x, direction):
    """The slope of abs(f(x + h v) - f(x) - h <g, v>) in h, log-log: 2 for a right gradient, 1 for a wrong one.

    None if the remainder is at round-off for every h, as for a linear function.
    """
    at = f(x)
    along = float(np.vdot(gradient, direction))
    remainders = np.array([abs(f(x + h * direction) - at - h * along) for h in STEPS])
    floor = 64 * np.finfo(np.float64).eps * max(abs(at), abs(along), 1.0)
    kept = remainders > floor
    if kept.sum() < 3:
        return None
    return float(np.polyfit(np.log(STEPS[kept]), np.log(remainders[kept]), 1)[0])


def check_gradient(f, gradient, x, rng, *, allowed=1e-6):
    """Both tests along random directions, and central differences for up to 20 single elements."""
    for _ in range(3):
        slope = taylor_slope(f, gradient, x, rng.normal(size=x.shape))
        assert slope is None or slope >= 1.9, f"Taylor remainder falls with slope {slope:.2f}, expected 2"
    h = 1e-5
    scale = max(1.0, float(np.abs(gradient).max(initial=0)))
    for flat in rng.permutation(x.size)[:20]:
        step = np.zeros_like(x)
        step.flat[flat] = h
        numeric = (f(x + step) - f(x - step)) / (2 * h)
        assert abs(numeric - gradient.flat[flat]) <= allowed * scale


def away_from_kinks(x, kinks, distance=0.5):
    """Moves elements that are near a kink away from it: there the one-sided slopes differ."""
    for kink in kinks:
        near = np.abs(x - kink) < distance
        x = np.where(near, kink + np.where(x < kink, -distance, distance), x)
    return x
