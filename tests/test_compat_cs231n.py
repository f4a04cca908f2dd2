"""densekit.compat.cs231n beside the formulas in plain NumPy, what the notebooks publish, and its contracts."""

from __future__ import annotations

import importlib
import pickle
import re

import numpy as np
import numpy_cs231n as plain
import pytest

from densekit.compat import ConvolutionNotSupported
from densekit.compat.cs231n import gradient_check, layer_utils, layers, optim
from densekit.compat.cs231n.classifiers.fc_net import FullyConnectedNet, TwoLayerNet
from densekit.compat.cs231n.data_utils import get_CIFAR10_data
from densekit.compat.cs231n.gradient_check import eval_numerical_gradient, eval_numerical_gradient_array
from densekit.compat.cs231n.solver import Solver
from densekit.compat.cs231n.vis_utils import visualize_grid
from densekit.datasets import load_digits

# Sums are added in another order than NumPy adds them: a few eps of the largest element.
BOUND = {np.float64: 1e-12, np.float32: 1e-4}


def near(got, expected, bound=1e-12):
    got, expected = np.asarray(got), np.asarray(expected)
    assert got.shape == expected.shape
    assert np.abs(got - expected).max(initial=0) <= bound * max(1.0, np.abs(expected).max(initial=0))


@pytest.fixture(params=[np.float64, np.float32])
def dtype(request):
    return request.param


@pytest.fixture
def rng():
    return np.random.default_rng(231)


def draw(rng, dtype, *shapes):
    return [rng.normal(size=shape).astype(dtype) for shape in shapes]


# Layers


def test_affine(rng, dtype):
    x, w, b, dout = draw(rng, dtype, (7, 2, 3, 5), (30, 4), 4, (7, 4))
    out, cache = layers.affine_forward(x, w, b)
    expected, plain_cache = plain.affine_forward(x, w, b)
    assert out.dtype == dtype
    near(out, expected, BOUND[dtype])
    for got, want in zip(layers.affine_backward(dout, cache), plain.affine_backward(dout, plain_cache), strict=True):
        assert got.dtype == dtype
        near(got, want, BOUND[dtype])


def test_affine_relu_is_affine_then_relu(rng, dtype):
    x, w, b, dout = draw(rng, dtype, (7, 6), (6, 4), 4, (7, 4))
    out, cache = layer_utils.affine_relu_forward(x, w, b)
    z, dense = layers.affine_forward(x, w, b)
    expected, relu = layers.relu_forward(z)
    np.testing.assert_array_equal(out, expected)
    expected = layers.affine_backward(layers.relu_backward(dout, relu), dense)
    for got, want in zip(layer_utils.affine_relu_backward(dout, cache), expected, strict=True):
        np.testing.assert_array_equal(got, want)


def test_relu_keeps_its_input_and_the_gradient(rng):
    x, dout = draw(rng, np.float64, (5, 6), (5, 6))
    before = x.copy(), dout.copy()
    out, cache = layers.relu_forward(x)
    near(layers.relu_backward(dout, cache), plain.relu_backward(dout, x), 0)
    np.testing.assert_array_equal(out, np.maximum(0, x))
    np.testing.assert_array_equal((x, dout), before)


@pytest.mark.parametrize("name", ["softmax_loss", "svm_loss"])
def test_losses(rng, dtype, name):
    (x,) = draw(rng, dtype, (9, 5))
    y = rng.integers(0, 5, 9).astype(np.uint8)
    loss, dx = getattr(layers, name)(x, y)
    expected, gradient = getattr(plain, name)(x.astype(np.float64), y)
    assert loss.dtype == dx.dtype == dtype
    near(loss, expected, BOUND[dtype])
    near(dx, gradient, BOUND[dtype])


@pytest.mark.parametrize("mode", ["train", "test"])
def test_batchnorm(rng, mode):
    x, gamma, beta, dout = draw(rng, np.float64, (8, 5), 5, 5, (8, 5))
    ours, theirs = {"mode": "train", "eps": 1e-3, "momentum": 0.7}, {"mode": "train", "eps": 1e-3, "momentum": 0.7}
    for _ in range(3):  # the running statistics begin at zero
        layers.batchnorm_forward(x + 2, gamma, beta, ours)
        plain.batchnorm_forward(x + 2, gamma, beta, theirs)
    held = ours["running_mean"]
    ours["mode"] = theirs["mode"] = mode
    out, cache = layers.batchnorm_forward(x, gamma, beta, ours)
    expected, plain_cache = plain.batchnorm_forward(x, gamma, beta, theirs)
    near(out, expected)
    for key in ("running_mean", "running_var"):
        near(ours[key], theirs[key])
    assert ours["running_mean"] is not held  # replaced, not changed
    if mode == "test":
        return
    for backward in (layers.batchnorm_backward, layers.batchnorm_backward_alt):
        for got, want in zip(backward(dout, cache), plain.batchnorm_backward(dout, plain_cache), strict=True):
            near(got, want)


def test_batchnorm_of_one_row_gives_beta(rng):
    x, gamma, beta, dout = draw(rng, np.float64, (1, 5), 5, 5, (1, 5))
    ours, theirs = {"mode": "train"}, {"mode": "train"}
    out, cache = layers.batchnorm_forward(x, gamma, beta, ours)
    expected, plain_cache = plain.batchnorm_forward(x, gamma, beta, theirs)
    np.testing.assert_array_equal(out, expected)
    for got, want in zip(
        layers.batchnorm_backward(dout, cache), plain.batchnorm_backward(dout, plain_cache), strict=True
    ):
        near(got, want, 1e-10)
    for key in ("running_mean", "running_var"):
        near(ours[key], theirs[key])


def test_layernorm(rng):
    x, gamma, beta, dout = draw(rng, np.float64, (8, 5), 5, 5, (8, 5))
    out, cache = layers.layernorm_forward(x, gamma, beta, {"eps": 1e-3})
    expected, plain_cache = plain.layernorm_forward(x, gamma, beta, {"eps": 1e-3})
    near(out, expected)
    for got, want in zip(
        layers.layernorm_backward(dout, cache), plain.layernorm_backward(dout, plain_cache), strict=True
    ):
        near(got, want)


@pytest.mark.parametrize("p_means", ["keep", "drop"])
def test_dropout_draws_what_numpy_draws(rng, dtype, p_means):
    x, dout = draw(rng, dtype, (50, 40), (50, 40))
    param = {"mode": "train", "p": 0.3, "p_means": p_means}
    np.random.seed(7)
    out, cache = layers.dropout_forward(x, param)
    after = np.random.rand()
    np.random.seed(7)
    expected, mask = plain.dropout_forward(x, param)
    assert after == np.random.rand()
    near(out, expected, BOUND[dtype])
    assert out.dtype == dtype
    assert abs((out == 0).mean() - (0.7 if p_means == "keep" else 0.3)) < 0.04
    near(layers.dropout_backward(dout, cache), plain.dropout_backward(dout, mask), BOUND[dtype])
    param["mode"] = "test"
    out, cache = layers.dropout_forward(x, param)
    np.testing.assert_array_equal(out, x)
    np.testing.assert_array_equal(layers.dropout_backward(dout, cache), dout)


def test_dropout_seeds_the_global_generator_if_asked():
    param = {"mode": "train", "p": 0.5, "seed": 123}
    first, second = (layers.dropout_forward(np.ones((9, 9)), param)[0] for _ in range(2))
    np.testing.assert_array_equal(first, second)


def test_spatial_batchnorm_is_by_channel(rng):
    x, gamma, beta, dout = draw(rng, np.float64, (2, 3, 4, 5), 3, 3, (2, 3, 4, 5))
    out, cache = layers.spatial_batchnorm_forward(x, gamma, beta, {"mode": "train"})

    def flat(a):
        return a.transpose(0, 2, 3, 1).reshape(-1, 3)

    expected, plain_cache = plain.batchnorm_forward(flat(x), gamma, beta, {"mode": "train"})
    near(flat(out), expected)
    dx, dgamma, dbeta = layers.spatial_batchnorm_backward(dout, cache)
    for got, want in zip((flat(dx), dgamma, dbeta), plain.batchnorm_backward(flat(dout), plain_cache), strict=True):
        near(got, want)


# What the notebooks of assignment 2 print. Sources: the notebooks' own cells (`correct_out`, `expected_next_w`), which
# every solution has in common, and outputs kept in public solutions (initial losses, dropout statistics).


def test_published_affine_and_relu():
    x = np.linspace(-0.1, 0.5, num=240).reshape(2, 4, 5, 6)
    w, b = np.linspace(-0.2, 0.3, num=360).reshape(120, 3), np.linspace(-0.3, 0.1, num=3)
    out, _ = layers.affine_forward(x, w, b)
    near(out, [[1.49834967, 1.70660132, 1.91485297], [3.25553199, 3.5141327, 3.77273342]], 1e-8)
    out, _ = layers.relu_forward(np.linspace(-0.5, 0.5, num=12))
    near(out[6:], [0.04545455, 0.13636364, 0.22727273, 0.31818182, 0.40909091, 0.5], 1e-8)


TABLES = {
    "sgd_momentum": (
        {"learning_rate": 1e-3, "velocity": (0.6, 0.9)},
        {
            "next_w": [0.1406, 0.20738947, 0.27417895, 0.34096842, 0.40775789],
            "velocity": [0.5406, 0.55475789, 0.56891579, 0.58307368, 0.59723158],
        },
    ),
    "rmsprop": (
        {"learning_rate": 1e-2, "cache": (0.6, 0.9)},
        {
            "next_w": [-0.39223849, -0.34037513, -0.28849239, -0.23659121, -0.18467247],
            "cache": [0.5976, 0.6126277, 0.6277108, 0.64284931, 0.65804321],
        },
    ),
    "adam": (
        {"learning_rate": 1e-2, "m": (0.6, 0.9), "v": (0.7, 0.5), "t": 5},
        {
            "next_w": [-0.40094747, -0.34836187, -0.29577703, -0.24319299, -0.19060977],
            "v": [0.69966, 0.68908382, 0.67851319, 0.66794809, 0.65738853],
            "m": [0.48, 0.49947368, 0.51894737, 0.53842105, 0.55789474],
        },
    ),
}


@pytest.mark.parametrize("name", TABLES)
def test_published_updates(name):
    config, expected = TABLES[name]
    config = {k: np.linspace(*v, num=20).reshape(4, 5) if isinstance(v, tuple) else v for k, v in config.items()}
    w, dw = np.linspace(-0.4, 0.6, num=20).reshape(4, 5), np.linspace(-0.6, 0.4, num=20).reshape(4, 5)
    next_w, config = getattr(optim, name)(w, dw, config=config)
    for key, row in expected.items():
        near((next_w if key == "next_w" else config[key])[0], row, 6e-9)


def test_published_two_layer_network():
    model = TwoLayerNet(input_dim=5, hidden_dim=50, num_classes=7)
    model.params["W1"] = np.linspace(-0.7, 0.3, num=250).reshape(5, 50)
    model.params["b1"] = np.linspace(-0.1, 0.9, num=50)
    model.params["W2"] = np.linspace(-0.3, 0.4, num=350).reshape(50, 7)
    model.params["b2"] = np.linspace(-0.9, 0.1, num=7)
    x, y = np.linspace(-5.5, 4.5, num=15).reshape(5, 3).T, np.array([0, 5, 1])
    near(
        model.loss(x)[0],
        [11.53165108, 12.2917344, 13.05181771, 13.81190102, 14.57198434, 15.33206765, 16.09215096],
        1e-8,
    )
    assert abs(model.loss(x, y)[0] - 3.4702243556) < 1e-10
    model.reg = 1.0
    assert abs(model.loss(x, y)[0] - 26.5948426952) < 1e-10


def published_network(runs, **kwargs):
    np.random.seed(231)
    x, y = np.random.randn(2, 15), np.random.randint(10, size=2)
    for run in runs:
        model = FullyConnectedNet(
            [20, 30], input_dim=15, num_classes=10, weight_scale=5e-2, dtype=np.float64, **kwargs, **run
        )
        yield model, x, y


@pytest.mark.parametrize(
    ("kwargs", "runs", "losses"),
    [
        ({}, [{"reg": 0}], [2.3004790897684924]),
        ({"normalization": "batchnorm"}, [{"reg": 0}], [2.2611955101340957]),
        (
            {"seed": 123},
            [{"dropout": 1}, {"dropout": 0.75}, {"dropout": 0.5}],
            [2.3004790897684924, 2.302371489704412, 2.3042759220785896],
        ),
    ],
    ids=["plain", "batchnorm", "dropout"],
)
def test_published_initial_losses(kwargs, runs, losses):
    # Dropout seeds the generator at every pass, so one pass leaves the state that the notebook's gradient check leaves.
    for (model, x, y), expected in zip(published_network(runs, **kwargs), losses, strict=True):
        assert abs(model.loss(x, y)[0] - expected) < 2e-15


def test_published_initial_losses_with_reg():
    for kwargs, expected in (({}, 7.052114776533016), ({"normalization": "batchnorm"}, 6.996533220108303)):
        *_, (model, x, y) = published_network([{"reg": 0}, {"reg": 3.14}], **kwargs)
        assert abs(model.loss(x, y)[0] - expected) < 4e-15


def test_published_dropout_statistics():
    np.random.seed(231)
    x = np.random.randn(500, 500) + 10
    published = {
        0.25: (10.014059116977283, 0.749784),
        0.4: (9.977917658761159, 0.600796),
        0.7: (9.987811912159426, 0.30074),
    }
    for p, (mean, zeros) in published.items():
        out, _ = layers.dropout_forward(x, {"mode": "train", "p": p})
        assert abs(out.mean() - mean) < 1e-13
        assert (out == 0).mean() == zeros


def test_published_sizes_of_losses():
    np.random.seed(231)
    x, y = 0.001 * np.random.randn(50, 10), np.random.randint(10, size=50)
    assert round(float(layers.svm_loss(x, y)[0]), 1) == 9.0
    assert round(float(layers.softmax_loss(x, y)[0]), 1) == 2.3


# Gradients


@pytest.mark.parametrize(
    "kwargs",
    [{}, {"reg": 0.7}, {"normalization": "batchnorm"}, {"normalization": "layernorm", "reg": 3.0},
     {"normalization": "batchnorm", "dropout_keep_ratio": 0.6, "seed": 5}],
    ids=str,
)  # fmt: skip
def test_gradients_of_networks_equal_numerical_ones(kwargs):
    np.random.seed(3)
    model = FullyConnectedNet([6, 5], 4, 3, weight_scale=0.5, dtype=np.float64, **kwargs)
    x, y = np.random.randn(7, 4), np.arange(7) % 3
    _, grads = model.loss(x, y)
    assert grads.keys() == model.params.keys()
    for name, gradient in grads.items():
        numerical = eval_numerical_gradient(lambda _: model.loss(x, y)[0], model.params[name], verbose=False)
        near(gradient, numerical, 1e-6)


def test_numerical_gradients(rng, capsys):
    (x,) = draw(rng, np.float64, (2, 3))
    before = x.copy()
    gradient = eval_numerical_gradient(lambda a: (a**3).sum(), x)
    near(gradient, 3 * x**2, 1e-8)
    np.testing.assert_array_equal(x, before)
    assert capsys.readouterr().out.splitlines()[0].startswith("(0, 0) ")
    df = rng.normal(size=(2, 3))
    near(eval_numerical_gradient_array(lambda a: a, x, df), df, 1e-9)  # the function returns x itself
    gradient_check.grad_check_sparse(lambda a: (a**3).sum(), x, gradient, num_checks=4)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 4
    assert all(re.fullmatch(r"numerical: \S+ analytic: \S+, relative error: \S+", line) for line in lines)


# Updates


@pytest.mark.parametrize("name", optim.RULES)
def test_updates_are_those_of_the_formulas(rng, dtype, name):
    w, *gradients = draw(rng, dtype, *[(3, 4)] * 6)
    theirs, config, plain_config = w.copy(), {"learning_rate": 0.1}, {"learning_rate": 0.1}
    for dw in gradients:
        before = w.copy(), {k: np.array(v) for k, v in config.items()}
        held, states = w, dict(config)
        w, config = getattr(optim, name)(w, dw, config)
        theirs, plain_config = getattr(plain, name)(theirs, dw, plain_config)
        assert w.dtype == dtype
        near(w, theirs, 1e-14 if dtype == np.float64 else 1e-6)
        if name == "sgd":
            assert w is held
            continue
        np.testing.assert_array_equal(held, before[0])  # what was given has not changed
        for key, value in before[1].items():
            np.testing.assert_array_equal(states[key], value)
    assert config.keys() == plain_config.keys()
    for key, value in plain_config.items():
        near(config[key], value, 1e-14 if dtype == np.float64 else 1e-6)


@pytest.mark.parametrize("name", optim.RULES)
def test_updates_have_defaults(name):
    w, dw = np.ones(3), np.full(3, 2.0)
    expected, config = getattr(plain, name)(w.copy(), dw, {})
    next_w, filled = getattr(optim, name)(w.copy(), dw)
    near(next_w, expected, 1e-15)
    assert filled.keys() == config.keys()


@pytest.mark.parametrize("name", ["sgd", "sgd_momentum"])
def test_small_and_large_updates_have_the_same_bits(rng, dtype, name):
    """Small ones are left to NumPy, which starts sooner."""
    w, dw, v = draw(rng, dtype, 10_000, 10_000, 10_000)
    parts = [
        getattr(optim, name)(
            w[i : i + 500].copy(), dw[i : i + 500], {"learning_rate": 0.1, "velocity": v[i : i + 500]}
        )[0]
        for i in range(0, 10_000, 500)
    ]
    whole, _ = getattr(optim, name)(w.copy(), dw, {"learning_rate": 0.1, "velocity": v})
    np.testing.assert_array_equal(np.concatenate(parts), whole)


# Training


def run_solver(**kwargs):
    (x, y), (xt, yt) = load_digits()
    data = {"X_train": x[:300].astype(np.float64), "y_train": y[:300], "X_val": xt[:100], "y_val": yt[:100]}
    solver = Solver(FullyConnectedNet([20, 15], 64, 10, dtype=np.float64, **kwargs.pop("net")), data, **kwargs)
    solver.train()
    return solver, data


@pytest.mark.parametrize(
    ("rule", "rate", "net"),
    [
        ("sgd", 0.5, {"weight_scale": 0.3}),
        ("sgd_momentum", 0.05, {"weight_scale": 0.1, "normalization": "batchnorm", "reg": 0.01}),
        ("rmsprop", 0.01, {"weight_scale": 0.1, "normalization": "layernorm"}),
        ("adam", 0.01, {"weight_scale": 0.1, "normalization": "batchnorm", "dropout_keep_ratio": 0.8}),
    ],
)
def test_a_training_is_that_of_plain_numpy(rule, rate, net):
    """The same draws and the same losses, 30 steps long."""
    settings = {"update_rule": rule, "optim_config": {"learning_rate": rate}, "batch_size": 50}
    np.random.seed(1)
    # All rows are measured, so the generator serves the batches (and dropout) alone.
    solver, data = run_solver(net=net, num_epochs=5, num_train_samples=None, verbose=False, **settings)
    np.random.seed(1)
    keep = net.get("dropout_keep_ratio", 1)
    model = plain.Network([64, 20, 15, 10], keep, net.get("normalization"), net.get("reg", 0.0), net["weight_scale"])
    losses = plain.train(model, data["X_train"], data["y_train"], getattr(plain, rule), {"learning_rate": rate}, 50, 30)
    np.testing.assert_allclose(solver.loss_history, losses, rtol=1e-9)
    assert solver.loss_history[-1] < 0.7 * solver.loss_history[0]


def test_solver_prints_and_keeps_what_the_course_says(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    np.random.seed(0)
    solver, data = run_solver(
        net={"weight_scale": 0.3}, update_rule="adam", optim_config={"learning_rate": 2e-2}, lr_decay=0.5,
        batch_size=100, num_epochs=3, print_every=2, num_val_samples=50, checkpoint_name="digits",
    )  # fmt: skip
    lines = capsys.readouterr().out.splitlines()
    assert re.fullmatch(r"\(Iteration 1 / 9\) loss: \d\.\d{6}", lines[0])
    epochs = [line for line in lines if line.startswith("(Epoch")]
    assert re.fullmatch(r"\(Epoch 0 / 3\) train acc: 0\.\d{6}; val_acc: 0\.\d{6}", epochs[0])
    assert [line[7] for line in epochs] == ["0", "1", "2", "3"]
    assert [line.split()[1] for line in lines if line.startswith("(Iteration")] == ["1", "3", "5", "7", "9"]
    assert len(solver.loss_history) == 9
    assert len(solver.train_acc_history) == len(solver.val_acc_history) == 4
    assert solver.best_val_acc == max(solver.val_acc_history)
    assert {c["learning_rate"] for c in solver.optim_configs.values()} == {2e-2 / 8}
    assert solver.optim_config == {"learning_rate": 2e-2}
    assert solver.model.params is solver.best_params
    right = solver.model.loss(data["X_train"]).argmax(axis=1) == data["y_train"]
    assert solver.check_accuracy(data["X_train"], data["y_train"]) == right.mean()
    saved = pickle.loads((tmp_path / "digits_epoch_2.pkl").read_bytes())
    assert saved["epoch"] == 2
    assert len(saved["loss_history"]) == 6


def test_solver_names_what_it_does_not_know():
    model = TwoLayerNet(4, 3, 2)
    data = dict.fromkeys(("X_train", "y_train", "X_val", "y_val"), np.zeros(2))
    with pytest.raises(ValueError, match=r"unknown arguments learning_rate; known are update_rule, .*"):
        Solver(model, data, learning_rate=1)
    with pytest.raises(ValueError, match=r"update_rule must be one of .*, got 'adamw'"):
        Solver(model, data, update_rule="adamw")


def test_network_in_float32_stays_so():
    np.random.seed(0)
    model = FullyConnectedNet([5], 4, 3, normalization="batchnorm")
    loss, grads = model.loss(np.random.randn(6, 4), np.arange(6) % 3)
    assert loss.dtype == np.float32
    assert {a.dtype for a in (*grads.values(), *model.params.values())} == {np.dtype(np.float32)}


def test_parameters_are_saved_without_pickle(tmp_path, capsys):
    model, other = TwoLayerNet(4, 3, 2), TwoLayerNet(4, 3, 2)
    model.save(tmp_path / "best.npy")
    assert other.load(tmp_path / "best.npy")
    assert not other.load(tmp_path / "worst.npy")
    for name, w in model.params.items():
        np.testing.assert_array_equal(other.params[name], w)
    assert [line.split()[-1] for line in capsys.readouterr().out.splitlines()] == ["saved.", "loaded.", "available."]


@pytest.mark.parametrize(("kwargs", "uses"), [
    ({}, False), ({"dropout": 0}, False), ({"dropout": 1}, False), ({"dropout": 0.5}, True),
    ({"dropout": 0, "p_means": "drop"}, False), ({"dropout_keep_ratio": 0.3}, True), ({"dropout_keep_ratio": 1}, False),
])  # fmt: skip
def test_words_of_all_years_for_dropout(kwargs, uses):
    assert FullyConnectedNet([5], 4, 3, **kwargs).use_dropout == uses


# Data, pictures, and what is not there


def test_cifar10_files(tmp_path):
    rng = np.random.default_rng(0)
    raw = rng.integers(0, 256, (60, 3072)).astype(np.uint8)
    for i, name in enumerate([f"data_batch_{k}" for k in range(1, 6)] + ["test_batch"]):
        batch = {"data": raw[10 * i : 10 * i + 10], "labels": list(range(10))}
        (tmp_path / name).write_bytes(pickle.dumps(batch, protocol=2))
    data = get_CIFAR10_data(40, 10, 5, cifar10_dir=tmp_path)
    assert {k: v.shape for k, v in data.items() if k.startswith("X")} == {
        "X_train": (40, 3, 32, 32), "X_val": (10, 3, 32, 32), "X_test": (5, 3, 32, 32)
    }  # fmt: skip
    mean = raw[:40].mean(axis=0)
    near(data["X_val"].reshape(10, -1), raw[40:50] - mean, 1e-12)
    np.testing.assert_array_equal(data["y_val"], range(10))
    with pytest.raises(FileNotFoundError, match=r"cifar-10-python\.tar\.gz"):
        get_CIFAR10_data(cifar10_dir=tmp_path / "elsewhere")
    (tmp_path / "data_batch_1").write_bytes(pickle.dumps({"data": print}))
    with pytest.raises(pickle.UnpicklingError, match="print is no part of a CIFAR-10 file"):
        get_CIFAR10_data(cifar10_dir=tmp_path)


def test_grid_of_images():
    grid = visualize_grid(np.arange(5.0 * 12).reshape(5, 2, 2, 3))
    assert grid.shape == (8, 8, 3)
    assert grid.max() == 255
    assert (grid[2] == 0).all()


CONVOLUTIONS = {
    "layers": ["conv_forward_naive", "conv_backward_naive", "max_pool_forward_naive", "max_pool_backward_naive"],
    "layer_utils": ["conv_relu_forward", "conv_relu_pool_forward", "conv_bn_relu_backward"],
}


@pytest.mark.parametrize(("module", "name"), [(m, n) for m, names in CONVOLUTIONS.items() for n in names])
def test_convolution_says_that_it_is_not_there(module, name):
    function = getattr(importlib.import_module(f"densekit.compat.cs231n.{module}"), name)
    with pytest.raises(ConvolutionNotSupported, match=f"{name}.*dense layers only.*from cs231n.{module} import {name}"):
        function(np.ones((1, 3, 4, 4)), None)


def test_imports_of_the_notebooks_go_through():
    program = """
from densekit.compat.cs231n.classifiers.fc_net import *
from densekit.compat.cs231n.data_utils import get_CIFAR10_data
from densekit.compat.cs231n.gradient_check import eval_numerical_gradient, eval_numerical_gradient_array
from densekit.compat.cs231n.solver import Solver
from densekit.compat.cs231n.layers import *
from densekit.compat.cs231n.layer_utils import *
from densekit.compat.cs231n.optim import sgd_momentum, rmsprop, adam
from densekit.compat.cs231n.vis_utils import visualize_grid
"""
    names = {}
    exec(program, names)
    assert {"FullyConnectedNet", "TwoLayerNet", "affine_forward", "affine_relu_forward", "svm_loss"} <= names.keys()


def test_errors_quote():
    with pytest.raises(ValueError, match=r"x is \(2, 3\) but w is \(4, 5\)"):
        layers.affine_forward(np.ones((2, 3)), np.ones((4, 5)), np.ones(5))
    with pytest.raises(ValueError, match=r"'evaluate'"):
        layers.dropout_forward(np.ones(3), {"mode": "evaluate", "p": 0.5})
    with pytest.raises(ValueError, match="p=0 keeps no element; p is the probability to keep one"):
        layers.dropout_forward(np.ones(3), {"mode": "train", "p": 0})
    with pytest.raises(ValueError, match=r"layernorn.*did you mean 'layernorm'"):
        FullyConnectedNet([3], normalization="layernorn")


# What a star gives, by the imports and definitions of the course's modules.

LAYER_NAMES = {
    "np",
    "affine_forward",
    "affine_backward",
    "relu_forward",
    "batchnorm_forward",
    "dropout_forward",
    "softmax_loss",
}
STARS = {
    "layers": LAYER_NAMES,
    "layer_utils": LAYER_NAMES | {"affine_relu_forward", "affine_relu_backward", "conv_relu_forward"},
    "optim": {"np", "sgd", "sgd_momentum", "rmsprop", "adam"},
    "solver": {"np", "os", "pickle", "optim", "Solver"},
    "gradient_check": {
        "np", "randrange", "eval_numerical_gradient", "eval_numerical_gradient_array", "grad_check_sparse",
    },
    "data_utils": {"np", "os", "pickle", "load_CIFAR_batch", "load_CIFAR10", "get_CIFAR10_data"},
    "vis_utils": {"np", "sqrt", "ceil", "visualize_grid"},
    "classifiers.fc_net": LAYER_NAMES | {"os", "affine_relu_forward", "TwoLayerNet", "FullyConnectedNet"},
    "classifiers.linear_svm": {"np", "shuffle", "svm_loss_naive", "svm_loss_vectorized"},
    "classifiers.softmax": {"np", "shuffle", "softmax_loss_naive", "softmax_loss_vectorized"},
    "classifiers.linear_classifier": {"np", "LinearClassifier", "LinearSVM", "Softmax", "svm_loss_vectorized"},
    "classifiers.k_nearest_neighbor": {"np", "KNearestNeighbor"},
    "classifiers.neural_net": {"np", "TwoLayerNet"},
}  # fmt: skip


@pytest.mark.parametrize("module", STARS)
def test_a_star_gives_what_the_courses_module_gives(module):
    names = {}
    exec(f"from densekit.compat.cs231n.{module} import *", names)
    assert STARS[module] <= names.keys()
    ours = {"F", "Array", "Any", "Cache", "Kind", "promoted", "rows", "dense", "annotations"}
    assert not ours & names.keys()  # what a star brings hides what a notebook has: functional as F, a variable rows
