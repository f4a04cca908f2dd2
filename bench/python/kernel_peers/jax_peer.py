"""JAX: each kernel jitted; what is updated in place is donated."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from training.jax_peer import version as version

from kernel_peers.cases import DECAY, EPS, FIRST, LR, MOMENTUM, RATE, SHRINK, Array, Case
from kernel_peers.server import Call, KernelServer, Make, by_kind


def every_call(function: Callable[..., Any], *given: Array) -> Call:
    """The jitted function of the arrays, waited for."""
    compiled, mine = jax.jit(function), [jnp.asarray(a) for a in given]
    return lambda: tuple(jax.block_until_ready(compiled(*mine)))


def in_place(function: Callable[..., Any], state: tuple[Any, ...], *given: Array) -> Call:
    """function(state, *given) -> state, which is donated; the first of it is the result."""
    compiled, mine = jax.jit(function, donate_argnums=0), [jnp.asarray(a) for a in given]
    current = [state]

    def call() -> tuple[Any, ...]:
        current[0] = jax.block_until_ready(compiled(current[0], *mine))
        return (current[0][0],)

    return call


def dense(c: Case, a: dict[str, Array]) -> Call:
    return every_call(lambda x, w, b: (x @ w + b,), a["x"], a["w"], a["b"])


def dense_backward(c: Case, a: dict[str, Array]) -> Call:
    return every_call(lambda dy, x, w: (dy @ w.T, x.T @ dy, dy.sum(0)), a["dy"], a["x"], a["w"])


def softmax_cross_entropy(c: Case, a: dict[str, Array]) -> Call:
    def loss(z: Any, labels: Any) -> Any:
        return -jnp.take_along_axis(jax.nn.log_softmax(z), labels[:, None], axis=1).mean()

    return every_call(jax.value_and_grad(loss), a["z"], a["labels"].astype(np.int32))


def normalized(x: Any, gamma: Any, beta: Any) -> Any:
    return (x - x.mean(0)) * (gamma * jax.lax.rsqrt(x.var(0) + EPS)) + beta


def batch_norm(c: Case, a: dict[str, Array]) -> Call:
    return every_call(lambda x, gamma, beta: (normalized(x, gamma, beta),), a["x"], a["gamma"], a["beta"])


def batch_norm_backward(c: Case, a: dict[str, Array]) -> Call:
    mean, std = a["x"].mean(0, dtype=np.float64), np.sqrt(a["x"].var(0, dtype=np.float64) + EPS)

    def backward(dy: Any, x: Any, gamma: Any, mean: Any, scale: Any) -> Any:
        xhat = (x - mean) * scale
        dgamma, dbeta = (dy * xhat).sum(0), dy.sum(0)
        return gamma * scale * (dy - dbeta / len(x) - xhat * (dgamma / len(x))), dgamma, dbeta

    return every_call(backward, a["dy"], a["x"], a["gamma"], mean.astype(np.float32), (1 / std).astype(np.float32))


def dropout(c: Case, a: dict[str, Array]) -> Call:
    x, keys = jnp.asarray(a["x"]), [jax.random.key(1)]

    def masked(key: Any, x: Any) -> Any:
        key, mine = jax.random.split(key)
        return key, jnp.where(jax.random.bernoulli(mine, 1 - RATE, x.shape), x / (1 - RATE), 0)

    compiled = jax.jit(masked)

    def call() -> tuple[Any, ...]:
        keys[0], y = jax.block_until_ready(compiled(keys[0], x))
        return (y,)

    return call


def adam(c: Case, a: dict[str, Array]) -> Call:
    decay = LR * DECAY if c.kind == "adamw" else 0.0

    def update(state: Any, g: Any) -> Any:
        p, m, v, t = state
        t = t + 1
        m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g * g
        scale, root = LR / (1 - 0.9**t), (1 - 0.999**t) ** -0.5
        return (p * (1 - decay) if decay else p) - scale * m / (jnp.sqrt(v) * root + 1e-8), m, v, t

    p = jnp.array(a["p"])
    return in_place(update, (p, jnp.zeros_like(p), jnp.zeros_like(p), jnp.float32(0)), a["g"])


def momentum(c: Case, a: dict[str, Array]) -> Call:
    def update(state: Any, g: Any) -> Any:
        p, v = state
        v = MOMENTUM * v + g + DECAY * p
        return p - LR * v, v

    p = jnp.array(a["p"])
    return in_place(update, (p, jnp.zeros_like(p)), a["g"])


def clip(c: Case, a: dict[str, Array]) -> Call:
    def update(state: Any) -> Any:
        g, limit = state
        limit = limit * SHRINK
        return g * jnp.minimum(1, limit / jnp.sqrt(jnp.vdot(g, g))), limit

    return in_place(update, (jnp.array(a["g"]), jnp.float32(FIRST * np.linalg.norm(a["g"]))))


MAKE = by_kind(globals())


def contenders(c: Case) -> dict[str, Make]:
    return {"jax": MAKE[c.kind]}


def Server() -> KernelServer:
    return KernelServer(contenders)
