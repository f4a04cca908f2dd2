"""Initial values of parameters: functions of the seed and the number of the segment, in float64."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from densekit._reference_engine import philox

Values = NDArray[np.float64]

_STEP = 2**64 - 1  # no update has this number
_REDRAWN = 2**20  # added to the segment's number for each attempt at a truncated normal number
_TRUNCATED_STD = 0.87962566103423978  # of a standard normal number that is in [-2, 2]


def initial_values(
    spec: dict[str, Any], shape: tuple[int, ...], *, seed: int, segment: int, fans: tuple[int, int] = (1, 1)
) -> Values:
    """What an initialiser of the spec gives a segment. fans: inputs and units of the layer's kernel."""
    kind, count = spec["kind"], math.prod(shape)
    place = {"seed": seed, "layer": segment, "step": _STEP}
    if kind in ("zeros", "given"):
        return np.zeros(shape)
    if kind == "ones":
        return np.ones(shape)
    if kind == "constant":
        return np.full(shape, float(spec["value"]))
    if kind == "uniform":
        low, high = float(spec["low"]), float(spec["high"])
        return (low + (high - low) * philox.uniforms(count, **place)).reshape(shape)
    if kind == "normal":
        return (float(spec["mean"]) + float(spec["std"]) * philox.normals(count, **place)).reshape(shape)
    if kind == "truncated_normal":
        return (float(spec["mean"]) + float(spec["std"]) * _truncated(count, place)).reshape(shape)
    if kind == "variance_scaling":
        return _variance_scaling(spec, count, place, fans).reshape(shape)
    if kind == "orthogonal":
        return float(spec["gain"]) * _orthogonal(shape, place)
    raise ValueError(f"initializer kind {kind!r} is not known")


def _truncated(count: int, place: dict[str, int]) -> Values:
    z = philox.normals(count, **place)
    attempt = 0
    while (outside := np.abs(z) > 2).any():
        attempt += 1
        again = philox.normals(count, **{**place, "layer": place["layer"] + _REDRAWN * attempt})
        z[outside] = again[outside]
    return z


def _variance_scaling(spec: dict[str, Any], count: int, place: dict[str, int], fans: tuple[int, int]) -> Values:
    fan = {"fan_in": fans[0], "fan_out": fans[1], "fan_avg": sum(fans) / 2}[spec["mode"]]
    variance = float(spec["scale"]) / fan
    if spec["distribution"] == "uniform":
        limit = math.sqrt(3 * variance)
        return -limit + 2 * limit * philox.uniforms(count, **place)
    if spec["distribution"] == "normal":
        return math.sqrt(variance) * philox.normals(count, **place)
    if spec["distribution"] == "truncated_normal":
        return math.sqrt(variance) / _TRUNCATED_STD * _truncated(count, place)
    raise ValueError(f"variance_scaling: distribution {spec['distribution']!r} is not known")


def _orthogonal(shape: tuple[int, ...], place: dict[str, int]) -> Values:
    """Columns (or rows, where they are fewer) orthonormalised in order: QR with a positive diagonal of R."""
    rows, cols = shape if len(shape) == 2 else (1, math.prod(shape))
    normal = philox.normals(rows * cols, **place).reshape(rows, cols)
    q, r = np.linalg.qr(normal if rows >= cols else normal.T)
    q = q * np.where(np.diag(r) < 0, -1.0, 1.0)
    return np.ascontiguousarray(q if rows >= cols else q.T).reshape(shape)
