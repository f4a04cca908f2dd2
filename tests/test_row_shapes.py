"""Rows of several axes in the engines: layers along the last axis, other shapes, and what is joined across them."""

from __future__ import annotations

import networks as net
import numpy as np
import pytest

from densekit import _core

# A network of rows (a, b, c) is one of n a b rows of c columns, as long as no layer sees whole rows.
ALONG_THE_LAST_AXIS = {
    "dense": [net.dense(9, "gelu"), net.dense(4, "tanh")],
    "batch norm": [net.dense(9), net.batch_norm(), net.activation("relu"), net.dense(4)],
    "batch norm first": [net.batch_norm(unbiased=True), net.dense(4)],
    "layer norm": [net.layer_norm(), net.dense(9, "silu"), net.layer_norm(scale=False), net.dense(4)],
    "rms norm": [net.rms_norm(), net.dense(4)],
    "scales": [net.scale(), net.rescaling(0.5, 1.0), net.dense(4)],
    "softmax": [net.dense(9), net.activation("softmax", parameter=2.0), net.dense(4, "log_softmax")],
    "residual": [net.dense(9), net.residual([net.dense(9, "mish"), net.batch_norm(), net.dense(9)]), net.dense(4)],
    "frozen": [net.dense(9, "elu", trainable=False), net.batch_norm(trainable=False), net.dense(4)],
}
COLUMNS = 7


def engine_of(name, layers, shape, dtype, loss="mse", optimizer="sgd", **settings):
    loss = net.loss(loss) if isinstance(loss, str) else loss
    return net.engine_of(name)(net.network(layers, shape, loss, net.optimizer(optimizer), dtype=dtype, **settings), [])


def assert_same_bits(a, b, what):
    a, b = np.ascontiguousarray(a), np.ascontiguousarray(b)
    np.testing.assert_array_equal(a.ravel().view(np.uint8), b.ravel().view(np.uint8), err_msg=what)


def assert_one_network(name, dtype, layers, rows, lead, rng):
    """With and without axes: outputs in both modes, both gradients, and all that two epochs of training change."""
    places = int(np.prod(lead))
    x = rng.normal(size=(rows, places * COLUMNS)).astype(dtype)
    axes, plain = (engine_of(name, layers, shape, dtype, optimizer="adam") for shape in ([*lead, COLUMNS], COLUMNS))
    assert axes.outputs == places * plain.outputs
    y = rng.normal(size=(rows, axes.outputs)).astype(dtype)
    apart = {"x": x.reshape(-1, COLUMNS), "y": y.reshape(-1, plain.outputs)}
    order = rng.permutation(rows)
    order_apart = (order[:, None] * places + np.arange(places)).ravel()
    rates = np.full(-(-rows // 16), 0.01)
    for _ in range(2):
        axes.epoch(x, y, None, order, 16, rates)
        plain.epoch(apart["x"], apart["y"], None, order_apart, 16 * places, rates)
    for what in ("parameters", "statistics"):
        assert_same_bits(getattr(axes, what), getattr(plain, what), what)
    for training in (False, True):
        tapes = axes.tape(x, training), plain.tape(apart["x"], training)
        assert_same_bits(tapes[0].output, tapes[1].output, f"output, training {training}")
        dy = rng.normal(size=tapes[0].output.shape).astype(dtype)
        for ours, theirs in zip(tapes[0].pullback(dy), tapes[1].pullback(dy.reshape(len(apart["y"]), -1)), strict=True):
            assert_same_bits(ours, theirs, f"pullback, training {training}")
    losses = axes.gradient(x, y, None), plain.gradient(apart["x"], apart["y"], None)
    assert losses[0] == pytest.approx(losses[1], rel=1e-6 if dtype == "float32" else 1e-14)
    assert_same_bits(axes.gradients, plain.gradients, "gradient")


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("kind", ALONG_THE_LAST_AXIS)
def test_leading_axes_are_rows_to_the_layers(kind, dtype, level, rng):
    # 615 rows of the layers: several blocks of 64, and a last one that is not full.
    assert_one_network("native", dtype, ALONG_THE_LAST_AXIS[kind], 41, (3, 5), rng)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("kind", ALONG_THE_LAST_AXIS)
def test_leading_axes_are_rows_to_the_layers_of_the_reference(kind, dtype, rng):
    # Numbers of rows and columns that divide exactly: the reference divides the loss by one, then by the other.
    assert_one_network("reference", dtype, ALONG_THE_LAST_AXIS[kind], 32, (2, 4), rng)


# What the native engine joins: an activation and a dropout become the end of the dense layer before them, a batch norm
# takes the sums that the dense layer made of blocks of rows. Between them may be a change of shape, which is no
# operation: what is one row on one side is several on the other.

SHAPE = [3, 5, COLUMNS]


def joined():
    """{name: (layers, loss)} for rows of SHAPE."""
    back = net.reshape(15, 6)
    return {
        "dropout": ([net.dense(6, "gelu"), net.dropout(0.3), net.dense(4)], "mse"),
        "dropout alone": ([net.dense(6), net.dropout(0.3, mode="classic"), net.dense(4)], "mse"),
        "slope from y": ([net.dense(6, "tanh"), net.dropout(0.3), net.dense(4, "sigmoid"), net.dropout(0.1)], "mse"),
        "sign of y": ([net.dense(6, "relu"), net.dropout(0.3), net.dense(4)], "mse"),
        "many saved": ([net.dense(6, "silu"), net.dropout(0.3), net.dense(9, "mish"), net.dropout(0.2)], "mse"),
        "flatten before the activation": ([net.dense(6), net.flatten(), net.activation("gelu"), net.dense(4)], "mse"),
        "flatten before the dropout": ([net.dense(6, "silu"), net.flatten(), net.dropout(0.3), net.dense(4)], "mse"),
        "flatten before the batch norm": ([net.dense(6), net.flatten(), net.batch_norm(), net.dense(4)], "mse"),
        "reshape before the batch norm": ([net.dense(6), net.reshape(9, 10), net.batch_norm(), net.dense(4)], "mse"),
        "block moments": ([net.dense(6), net.batch_norm(), net.activation("relu"), net.dropout(0.1)], "mse"),
        "block moments of other axes": ([net.dense(6), back, net.batch_norm(), net.dense(4)], "mse"),
        "block moments, then a wider one": ([net.dense(6), net.batch_norm(), net.flatten(), net.dense(40)], "mse"),
        "softmax": ([net.dense(6), net.activation("softmax", parameter=2.0), net.dense(4)], "mse"),
        "log softmax": ([net.dense(6, "log_softmax"), net.dropout(0.3), net.dense(4)], "mse"),
        "softmax of the whole row": ([net.dense(6), net.flatten(), net.activation("softmax")], "mse"),
        "residual": ([net.dense(6), net.residual([net.dense(6, "elu"), net.dropout(0.2)]), net.dense(4)], "mse"),
        "residual with shapes": ([net.residual([net.flatten(), net.dense(105, "tanh"), net.reshape(*SHAPE)])], "mse"),
        "noise": ([net.gaussian_noise(0.3), net.flatten(), net.dense(6), net.gaussian_noise(0.1)], "mse"),
        "shapes alone": ([net.reshape(21, 5), net.flatten()], "mse"),
        "linked sigmoid": (
            [net.dense(6, "selu"), net.dense(4, "sigmoid")],
            net.loss("binary_cross_entropy", link=True),
        ),
        "linked softmax": (
            [net.dense(2), net.flatten(), net.activation("softmax", parameter=2.0)],
            net.loss("softmax_cross_entropy", link=True),
        ),
        "frozen": ([net.dense(6, "gelu", trainable=False), net.dropout(0.2), net.batch_norm(), net.dense(4)], "huber"),
    }


JOINED = joined()


def data_for(engine, loss, dtype, rng, rows=23):
    x = rng.normal(size=(rows, int(np.prod(SHAPE)))).astype(dtype)
    if loss == "mse" or loss == "huber":
        return x, rng.normal(size=(rows, engine.outputs)).astype(dtype)
    if loss["kind"] == "softmax_cross_entropy":
        return x, rng.integers(0, engine.outputs, rows)
    return x, rng.integers(0, 2, (rows, engine.outputs)).astype(dtype)


def everything(engine, x, y):
    """Two epochs, then passes of every kind; what all of it shows by name."""
    seen, rng = {}, np.random.default_rng(3)
    weights = rng.uniform(0.5, 2, len(x))
    for epoch in range(2):
        outputs = np.zeros((len(x), engine.outputs), x.dtype)
        rates = np.full(-(-len(x) // 8), 0.01)
        result = engine.epoch(x, y, weights, rng.permutation(len(x)), 8, rates, outputs=outputs)
        assert result["diverged"] is None
        seen |= {f"outputs {epoch}": outputs, f"loss {epoch}": np.array([result["loss"]])}
    seen |= {"parameters": engine.parameters.copy(), "statistics": engine.statistics.copy()}
    for training in (False, True):
        tape = engine.tape(x, training)
        dx, dparameters = tape.pullback(rng.normal(size=tape.output.shape).astype(x.dtype))
        seen |= {f"output {training}": tape.output, f"dx {training}": dx, f"dparameters {training}": dparameters}
        seen[f"loss {training}"] = np.array(engine.loss(x, y, weights, training))
    engine.gradient(x, y, weights)
    seen["gradient"] = engine.gradients.copy()
    return seen


@pytest.mark.parametrize("name", JOINED)
def test_the_engines_agree(name, level, rng):
    layers, loss = JOINED[name]
    engines = [engine_of(which, layers, SHAPE, "float64", loss) for which in ("native", "reference")]
    x, y = data_for(engines[0], loss, "float64", rng)
    ours, theirs = (everything(engine, x, y) for engine in engines)
    for what, expected in theirs.items():
        np.testing.assert_allclose(ours[what], expected, rtol=1e-10, atol=1e-12, err_msg=what)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", JOINED)
def test_joining_changes_no_bit(name, dtype, level, rng):
    layers, loss = JOINED[name]
    engines = [engine_of("native", layers, SHAPE, dtype, loss, fuse=fuse) for fuse in (True, False)]
    x, y = data_for(engines[0], loss, dtype, rng)
    joined, apart = (everything(engine, x, y) for engine in engines)
    for what, expected in apart.items():
        assert_same_bits(joined[what], expected, what)


@pytest.mark.parametrize("name", JOINED)
def test_the_number_of_threads_changes_no_bit(name, threads_forced, rng):
    layers, loss = JOINED[name]
    found = []
    for threads in (1, 2):
        threads_forced(threads)
        engine = engine_of("native", layers, SHAPE, "float32", loss)
        x, y = data_for(engine, loss, "float32", np.random.default_rng(1), rows=150)
        _core.last_workers()
        found.append(everything(engine, x, y))
        assert _core.last_workers() == threads
    for what, expected in found[0].items():
        assert_same_bits(found[1][what], expected, what)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", JOINED)
def test_a_row_has_the_same_bits_in_any_batch(name, dtype, level, rng):
    layers, loss = JOINED[name]
    engine = engine_of("native", layers, SHAPE, dtype, loss)
    x, _ = data_for(engine, loss, dtype, rng, rows=2100)  # more than go through the network together
    engine.statistics[:] = rng.uniform(0.5, 2, engine.statistics.shape)
    names = [one["name"] for one in layers]
    for call in (engine.forward, *(lambda part, at=at: engine.hidden(part, at) for at in names)):
        whole = call(x)
        for size in (1, 2, 17, 64, 500):
            for start in (0, 1, 63, 1500, 2100 - size):
                part = np.ascontiguousarray(x[start : start + size])
                assert_same_bits(call(part), whole[start : start + size], f"{size} rows from {start}")


@pytest.mark.parametrize("name", JOINED)
def test_gradients_are_differences_of_values(name, rng):
    """Central differences of sum(dy y) along a direction of x and one of the parameters; dropout keeps its mask."""
    layers, loss = JOINED[name]
    engine = engine_of("native", layers, SHAPE, "float64", loss)
    x, _ = data_for(engine, loss, "float64", rng, rows=5)
    start, h = engine.parameters.copy(), 1e-6
    for training in (False, True):
        tape = engine.tape(x, training)
        dy, u = rng.normal(size=tape.output.shape), rng.normal(size=x.shape)
        dx, dparameters = tape.pullback(dy)
        v = rng.normal(size=start.shape) * (dparameters != 0)

        def value(t, training=training, dy=dy, u=u, v=v):
            engine.parameters[:] = start + t * v
            return (dy * engine.forward(x + t * u, training)).sum()

        slope = (value(h) - value(-h)) / (2 * h)
        engine.parameters[:] = start
        assert slope == pytest.approx((dx * u).sum() + (dparameters * v).sum(), rel=2e-6, abs=1e-6)
