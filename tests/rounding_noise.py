"""How well a network's gradient is known: what one rounding more or less at every layer's edge makes of it.

Forward error bounds of whole networks are far too wide to test with, and condition numbers do not see what cancels
inside an operation (the gradient of a bias before a batch norm is nothing but rounding errors). So the reference engine
computes the same gradient a few times in the dtype in question, each time with every parameter, every row and all that
one layer hands to the next moved by a few units of roundoff at random (Monte Carlo arithmetic: Parker, UCLA
CSD-970002). An engine that rounds as often, only elsewhere, strays by as much.
"""

from __future__ import annotations

import json

import numpy as np

from densekit._reference_engine import ReferenceEngine
from densekit._reference_engine.layers import GaussianNoise, Normalization, RmsNorm, walk

SAMPLES = 6
UNITS = 4  # of roundoff, uniformly distributed: an operation rounds a few times
# Student's t with 6 degrees of freedom is beyond 32 once in 1e8, and the tests compare some 1e7 elements.
FACTOR = 32


class NoisyEngine(ReferenceEngine):
    """A reference engine whose layers hand over everything slightly wrong."""

    def __init__(self, spec: str, hosts: list, dtype: str) -> None:
        super().__init__(json.dumps({**json.loads(spec), "dtype": dtype}), hosts)
        self.rng: np.random.Generator | None = None
        for layer in walk(self._layers):
            layer.forward = self._forward_with_noise(layer)
            layer.backward = self._backward_with_noise(layer.backward)
            if isinstance(layer, Normalization):
                layer.normalized_backward = self._normalized_backward
            if isinstance(layer, RmsNorm):
                layer.normalized_backward = self._rms_backward

    def moved(self, a, size=0.0):
        """size: of terms that a is made of, however small it is itself."""
        if self.rng is None:
            return a
        unit = UNITS * np.finfo(self.dtype).eps / 2
        moved = a * (1 + unit * self.rng.uniform(-1, 1, a.shape))
        if size:
            moved += size * unit * self.rng.uniform(-1, 1, a.shape)
        return moved.astype(self.dtype)

    def _forward_with_noise(self, layer):
        # std cos(angle) is known to eps of std: the cosine of an angle that is near a right one is what cancels.
        forward, std = layer.forward, layer.std if isinstance(layer, GaussianNoise) else 0.0

        def noisy(x, run):
            y, saved = forward(x, run)
            return self.moved(y, std if run.training else 0.0), saved

        return noisy

    def _backward_with_noise(self, backward):
        return lambda dy, saved, gradients: self.moved(backward(self.moved(dy), saved, gradients))

    def _normalized_backward(self, dz, z, inverse, axis):
        """With noise on the three terms: those of two elements cancel almost wholly, and only rounding is left."""
        level = dz.mean(axis=axis, keepdims=True, dtype=np.float64).astype(dz.dtype)
        tilt = (dz * z).mean(axis=axis, keepdims=True, dtype=np.float64).astype(dz.dtype)
        return (self.moved(dz) - self.moved(level) - self.moved(z) * self.moved(tilt)) * inverse

    def _rms_backward(self, dz, z, inverse):
        """The same of the two terms of a row without a mean."""
        tilt = (dz * z).mean(axis=1, keepdims=True, dtype=np.float64).astype(dz.dtype)
        return (self.moved(dz) - self.moved(z) * self.moved(tilt)) * inverse


class Noise:
    """What a step of a network shows, and how far that strays, in a dtype."""

    def __init__(self, spec: str, dtype: str) -> None:
        self.engine = NoisyEngine(spec, [], dtype)

    def shown(self, at, x, y, weights, rng=None):
        """In the dtype, from the state of the engine `at`; with noise if there is an rng. See `shown`."""
        e = self.engine
        e.rng, e.step = rng, at.step
        e.parameters[:] = e.moved(at.parameters.astype(e.dtype))
        e.statistics[:] = at.statistics
        y = y.astype(e.dtype) if y.dtype.kind == "f" else y
        return shown(e, e.moved(x.astype(e.dtype)), y, weights)

    def bound(self, truth, at, x, y, weights, rng):
        """For each number: FACTOR times the root mean square of how far the samples are from the truth."""
        samples = [self.shown(at, x, y, weights, rng) - truth for _ in range(SAMPLES)]
        return FACTOR * np.sqrt(np.mean(np.square(samples), axis=0))


def shown(engine, x, y, weights):
    """In one array: the gradient, the statistics after the step, the outputs, loss and penalty. Statistics change."""
    loss, penalty, z, tape = engine._gradient(x, y, weights, True)
    for layer, saved in zip(engine._layers, tape, strict=True):
        layer.commit(saved, engine.statistics)
    parts = [engine.gradients, engine.statistics, engine._activated(z).ravel(), [loss, penalty]]
    return np.concatenate([np.asarray(p, np.float64) for p in parts])
