"""JAX: a jitted step with donated arrays, and a whole epoch, rows gathered by a shuffled order, in one dispatch."""

from __future__ import annotations

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from training.contender import MakePredictor, MakeTrainer, batches
from training.workloads import BETA1, BETA2, EPS, MOMENTUM, NORM_EPS, STATS_DECAY, Array, Problem, Weights, Workload

State = Any  # (weights, running statistics, first moments, second moments, updates done, random key)


def forward(w: Workload, weights: Any, running: Any, x: Any, key: Any) -> tuple[Any, Any]:
    """Logits in training mode and the new running statistics."""
    new = []
    for number, layer in enumerate(weights):
        x = x @ layer["w"]
        if "gamma" in layer:
            mean, var = x.mean(axis=0), x.var(axis=0)
            old = running[number]
            new.append(
                (STATS_DECAY * old[0] + (1 - STATS_DECAY) * mean, STATS_DECAY * old[1] + (1 - STATS_DECAY) * var)
            )
            x = (x - mean) * (layer["gamma"] * jax.lax.rsqrt(var + NORM_EPS)) + layer["beta"]
        else:
            x = x + layer["b"]
        if number < len(weights) - 1:
            x = jax.nn.relu(x)
            if w.rate > 0:
                kept = jax.random.bernoulli(jax.random.fold_in(key, number), 1 - w.rate, x.shape)
                x = jnp.where(kept, x / (1 - w.rate), 0)
    return x, new


def loss_of(w: Workload, weights: Any, running: Any, x: Any, y: Any, key: Any) -> tuple[Any, Any]:
    logits, new = forward(w, weights, running, x, key)
    picked = jnp.take_along_axis(jax.nn.log_softmax(logits), y[:, None], axis=1)
    return -picked.mean(), new


def step(w: Workload, state: State, x: Any, y: Any) -> tuple[State, Any]:
    weights, running, first, second, count, key = state
    key, mine = jax.random.split(key) if w.rate > 0 else (key, key)
    (loss, running), g = jax.value_and_grad(partial(loss_of, w), has_aux=True)(weights, running, x, y, mine)
    count = count + 1
    if w.optimizer == "momentum":
        g = jax.tree.map(lambda d, p: d + w.weight_decay * p if p.ndim == 2 else d, g, weights)
        first = jax.tree.map(lambda m, d: MOMENTUM * m + d, first, g)
        weights = jax.tree.map(lambda p, m: p - w.lr * m, weights, first)
        return (weights, running, first, second, count, key), loss
    first = jax.tree.map(lambda m, d: BETA1 * m + (1 - BETA1) * d, first, g)
    second = jax.tree.map(lambda v, d: BETA2 * v + (1 - BETA2) * d * d, second, g)
    t = count.astype(jnp.float32)
    scale, root = w.lr / (1 - BETA1**t), (1 - BETA2**t) ** -0.5
    decay = w.lr * w.weight_decay

    def new_weights(p: Any, m: Any, v: Any) -> Any:
        kept = p * (1 - decay) if p.ndim == 2 and decay else p
        return kept - scale * m / (jnp.sqrt(v) * root + EPS)

    weights = jax.tree.map(new_weights, weights, first, second)
    return (weights, running, first, second, count, key), loss


class JaxTrainer:
    def __init__(self, w: Workload, given: Problem, scan: bool) -> None:
        self.w, self.scan = w, scan
        self.x, self.y = jnp.asarray(given.x), jnp.asarray(given.y.astype(np.int32))
        self.batches = [(jnp.asarray(x), jnp.asarray(y.astype(np.int32))) for x, y in batches(w, given)]
        self.step = jax.jit(partial(step, w), donate_argnums=0)
        self.rng = np.random.default_rng(0)

        def whole(state: State, order: Any, x: Any, y: Any) -> tuple[State, Any]:
            def body(carry: State, rows: Any) -> tuple[State, Any]:
                return step(w, carry, x[rows], y[rows])

            return jax.lax.scan(body, state, order.reshape(w.steps, w.batch))

        self.whole = jax.jit(whole, donate_argnums=0)

    def load(self, weights: Weights) -> None:
        def zeros() -> Any:
            return jax.tree.map(lambda a: jnp.zeros(a.shape, jnp.float32), weights)

        mine = jax.tree.map(lambda a: jnp.array(a, copy=True), weights)
        running = [(jnp.zeros(n), jnp.ones(n)) for n in self.w.sizes[1:-1]] if self.w.norm else []
        second = zeros() if self.w.optimizer != "momentum" else []
        state = (mine, running, zeros(), second, jnp.int32(0), jax.random.key(0))
        self.state = jax.block_until_ready(state)

    def weights(self) -> Weights:
        return [{key: np.array(array) for key, array in layer.items()} for layer in self.state[0]]

    def epoch(self, shuffle: bool) -> None:
        if self.scan:
            n = self.w.rows
            order = self.rng.permutation(n).astype(np.int32) if shuffle else np.arange(n, dtype=np.int32)
            self.state, _ = self.whole(self.state, order, self.x, self.y)
        else:
            for x, y in self.batches:
                self.state, _ = self.step(self.state, x, y)
        jax.block_until_ready(self.state)


def predictor(w: Workload, given: Problem) -> Any:
    weights = jax.tree.map(jnp.asarray, given.weights)
    function = jax.jit(lambda p, x: jax.nn.softmax(forward(w, p, [], x, None)[0]))

    def predict(x: Array) -> Array:
        return np.asarray(function(weights, x))

    return predict


def trainers(w: Workload) -> dict[str, MakeTrainer]:
    return {
        "jax": lambda w, p: JaxTrainer(w, p, scan=False),
        "jax scan": lambda w, p: JaxTrainer(w, p, scan=True),
    }


def predictors(w: Workload) -> dict[str, MakePredictor]:
    return {"jax": predictor}


def version() -> str:
    return f"JAX {jax.__version__}"
