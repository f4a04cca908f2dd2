"""densekit.compat.dlfs beside the formulas in plain NumPy, what the book prints, its contracts, and whole scripts."""

from __future__ import annotations

import re
import sys
import types

import numpy as np
import numpy_dlfs as plain
import pytest

from densekit.compat import ConvolutionNotSupported
from densekit.compat.dlfs import functions, layers, optimizer, util
from densekit.compat.dlfs.gradient import numerical_gradient, numerical_gradient_2d
from densekit.compat.dlfs.multi_layer_net import MultiLayerNet
from densekit.compat.dlfs.multi_layer_net_extend import MultiLayerNetExtend
from densekit.compat.dlfs.trainer import Trainer
from densekit.datasets import load_digits


def near(got, expected, bound=1e-12):
    got, expected = np.asarray(got), np.asarray(expected)
    assert got.shape == expected.shape
    assert np.abs(got - expected).max(initial=0) <= bound * max(1.0, np.abs(expected).max(initial=0))


@pytest.fixture
def rng():
    return np.random.default_rng(4)


# Functions


def test_functions_of_the_book():
    """Values that the book and its readers' notes print (chapters 3 and 4)."""
    near(functions.sigmoid(np.array([-1.0, 1.0, 2.0])), [0.26894142, 0.73105858, 0.88079708], 1e-8)
    near(functions.softmax(np.array([0.3, 2.9, 4.0])), [0.01821127, 0.24519181, 0.73659691], 1e-8)
    assert functions.softmax(np.array([1010, 1000, 990])).round(8).tolist() == [0.9999546, 0.0000454, 0.0]
    t = np.eye(10)[2]
    right = np.array([0.1, 0.05, 0.6, 0.0, 0.05, 0.1, 0.0, 0.1, 0.0, 0.0])
    wrong = np.array([0.1, 0.05, 0.1, 0.0, 0.05, 0.1, 0.0, 0.6, 0.0, 0.0])
    assert abs(functions.sum_squared_error(right, t) - 0.097500000000000031) < 1e-16
    assert abs(functions.sum_squared_error(wrong, t) - 0.59750000000000003) < 1e-15
    assert abs(functions.cross_entropy_error(right, t) - 0.51082545709933802) < 1e-15
    assert abs(functions.cross_entropy_error(wrong, t) - 2.3025840929945458) < 1e-15


def test_functions(rng):
    x = rng.normal(size=(6, 5))
    near(functions.sigmoid_grad(x), plain.sigmoid(x) * (1 - plain.sigmoid(x)), 1e-15)
    near(functions.softmax(x), plain.softmax(x), 1e-15)
    np.testing.assert_array_equal(functions.relu(x), np.maximum(0, x))
    np.testing.assert_array_equal(functions.relu_grad(np.array([-1.0, 0.0, 2.0])), [0, 1, 1])
    np.testing.assert_array_equal(functions.step_function(np.array([-1.0, 0.0, 2.0])), [0, 0, 1])
    assert functions.identity_function(x) is x
    assert functions.relu(np.array([-1, 2])).dtype.kind == "i"
    assert functions.mean_squared_error is functions.sum_squared_error


def test_functions_of_single_numbers():
    for function, value in ((functions.sigmoid, 0.5), (functions.relu, 0.0), (functions.step_function, 0)):
        assert np.ndim(function(0)) == 0
        assert function(0) == value
    assert functions.sigmoid(-1e4) == 0  # no overflow


@pytest.mark.parametrize("one_hot", [False, True])
def test_cross_entropy(rng, one_hot):
    y, labels = plain.softmax(rng.normal(size=(6, 5))), rng.integers(0, 5, 6)
    t = np.eye(5)[labels] if one_hot else labels
    assert abs(functions.cross_entropy_error(y, t) - plain.cross_entropy_error(y, t)) < 1e-15
    z = rng.normal(size=(6, 5))
    assert abs(functions.softmax_loss(z, t) - plain.cross_entropy_error(plain.softmax(z), t)) < 1e-15


def test_numerical_gradients(rng):
    x = rng.normal(size=(3, 4))
    before = x.copy()
    near(numerical_gradient(lambda a: (a**3).sum(), x), 3 * x**2, 1e-7)
    np.testing.assert_array_equal(x, before)
    rows = numerical_gradient_2d(lambda row: (row**2).sum(), x)
    near(rows, 2 * x, 1e-9)
    near(numerical_gradient_2d(lambda row: (row**2).sum(), x[0]), 2 * x[0], 1e-9)


# Layers


@pytest.mark.parametrize("name", ["Relu", "Sigmoid"])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_activations(rng, name, dtype):
    x, dout = rng.normal(size=(4, 5)).astype(dtype), rng.normal(size=(4, 5)).astype(dtype)
    x[0, 0] = 0
    ours, theirs = getattr(layers, name)(), getattr(plain, name)()
    bound = 1e-15 if dtype == np.float64 else 3e-7
    before = x.copy()
    out = ours.forward(x)
    near(out, theirs.forward(x), bound)
    expected = theirs.backward(dout.copy())
    got = ours.backward(dout)
    near(got, expected, bound)
    assert out.dtype == got.dtype == dtype
    np.testing.assert_array_equal(x, before)


def test_relu_writes_into_the_gradient_from_above(rng):
    layer, dout = layers.Relu(), rng.normal(size=(4, 5))
    out = layer.forward(rng.normal(size=(4, 5)))
    mask = layer.mask.copy()
    out[...] = -1  # what forward returned is the caller's
    assert layer.backward(dout) is dout
    assert (dout[mask] == 0).all()
    assert (dout[~mask] != 0).all()


@pytest.mark.parametrize("shape", [(4, 6), (4, 2, 3)])
def test_affine(rng, shape):
    x, w, b, dout = rng.normal(size=shape), rng.normal(size=(6, 3)), rng.normal(size=3), rng.normal(size=(4, 3))
    ours, theirs = layers.Affine(w, b), plain.Affine(w, b)
    near(ours.forward(x), theirs.forward(x))
    near(ours.backward(dout), theirs.backward(dout))
    near(ours.dW, theirs.dw)
    near(ours.db, theirs.db)
    assert ours.W is w
    assert ours.b is b
    w += 1  # held, not copied
    near(ours.forward(x), theirs.forward(x))
    ours.end_backward(dout)
    near(ours.dW, theirs.dw)
    near(ours.db, theirs.db)


def test_float32_images_and_float64_weights(rng):
    """load_mnist gives float32, np.random.randn float64: NumPy computes in float64."""
    x, w, b = rng.normal(size=(4, 6)).astype(np.float32), rng.normal(size=(6, 3)), np.zeros(3)
    layer = layers.Affine(w, b)
    out = layer.forward(x)
    assert out.dtype == np.float64
    near(out, x @ w, 1e-14)
    layer.backward(np.ones((4, 3)))
    assert layer.dW.dtype == np.float64


@pytest.mark.parametrize("one_hot", [False, True])
def test_softmax_with_loss(rng, one_hot):
    x, labels = rng.normal(size=(6, 5)), rng.integers(0, 5, 6)
    t = np.eye(5)[labels] if one_hot else labels
    ours, theirs = layers.SoftmaxWithLoss(), plain.SoftmaxWithLoss()
    assert abs(ours.forward(x, t) - theirs.forward(x, t)) < 1e-15
    near(ours.y, theirs.y, 1e-15)
    near(ours.backward(), theirs.backward(), 1e-15)
    np.testing.assert_array_equal(ours.backward(7), ours.backward())  # dout is not looked at


def test_dropout_draws_what_numpy_draws(rng):
    x, dout = rng.normal(size=(40, 30)), rng.normal(size=(40, 30))
    ours, theirs = layers.Dropout(0.3), plain.Dropout(0.3)
    np.random.seed(9)
    out = ours.forward(x)
    after = np.random.rand()
    np.random.seed(9)
    np.testing.assert_array_equal(out, theirs.forward(x))
    assert after == np.random.rand()
    np.testing.assert_array_equal(ours.backward(dout), theirs.backward(dout))
    near(ours.forward(x, train_flg=False), 0.7 * x, 1e-15)
    assert layers.Dropout().dropout_ratio == 0.5


@pytest.mark.parametrize("shape", [(8, 6), (8, 1, 2, 3), (1, 6)])
def test_batch_normalization(rng, shape):
    gamma, beta = rng.normal(size=6), rng.normal(size=6)
    ours, theirs = layers.BatchNormalization(gamma, beta, 0.8), plain.BatchNormalization(gamma, beta, 0.8)
    for _ in range(3):
        x, dout = 2 + rng.normal(size=shape), rng.normal(size=shape)
        near(ours.forward(x), theirs.forward(x))
        near(ours.running_mean, theirs.mean)
        near(ours.running_var, theirs.var)
        near(ours.backward(dout), theirs.backward(dout), 1e-9 if shape[0] == 1 else 1e-12)
        near(ours.dgamma, theirs.dgamma)
        near(ours.dbeta, theirs.dbeta)
    near(ours.forward(x, train_flg=False), theirs.forward(x, train_flg=False))


def test_batch_normalization_leaves_given_statistics_alone(rng):
    mean, var = np.full(3, 2.0), np.full(3, 4.0)
    layer = layers.BatchNormalization(np.ones(3), np.zeros(3), running_mean=mean, running_var=var)
    x = rng.normal(size=(5, 3))
    near(layer.forward(x, train_flg=False), (x - 2) / np.sqrt(4 + 1e-6), 1e-15)
    layer.forward(x)
    assert (mean == 2).all()
    assert (var == 4).all()
    near(layer.running_mean, 0.9 * 2 + 0.1 * x.mean(axis=0), 1e-15)


# Updates

RULES = {
    "SGD": {},
    "Momentum": {"momentum": 0.7},
    "Nesterov": {"momentum": 0.7},
    "AdaGrad": {},
    "RMSprop": {"decay_rate": 0.8},
    "Adam": {"beta1": 0.8, "beta2": 0.95},
}


@pytest.mark.parametrize("name", RULES)
@pytest.mark.parametrize("settings", [False, True])
def test_updates_are_in_place_and_those_of_the_formulas(rng, name, settings):
    settings = {"lr": 0.1, **RULES[name]} if settings else {}
    ours = {"W1": rng.normal(size=(3, 4)), "b1": rng.normal(size=4), "W2": rng.normal(size=(4, 6)).T}
    theirs = {key: w.copy() for key, w in ours.items()}
    held = dict(ours)
    a = getattr(optimizer, name)(**settings)
    b = getattr(plain, name)(**{"lr": 0.001 if name == "Adam" else 0.01, **settings})
    for _ in range(6):
        grads = {key: rng.normal(size=w.shape) for key, w in ours.items()}
        kept = {key: g.copy() for key, g in grads.items()}
        a.update(ours, grads)
        b.update(theirs, grads)
        for key, w in ours.items():
            assert w is held[key]
            np.testing.assert_array_equal(grads[key], kept[key])
            near(w, theirs[key], 1e-14)


@pytest.mark.parametrize("name", RULES)
def test_updates_of_plain_numbers(name):
    """Chapter 6 compares the optimizers on f(x, y) = x^2 / 20 + y^2 with numbers in params."""
    params, theirs = {"x": -7.0, "y": 2.0}, {"x": np.array(-7.0), "y": np.array(2.0)}
    a, b = getattr(optimizer, name)(lr=0.1), getattr(plain, name)(lr=0.1)
    for _ in range(30):
        a.update(params, {"x": params["x"] / 10.0, "y": 2.0 * params["y"]})
        b.update(theirs, {"x": theirs["x"] / 10.0, "y": 2.0 * theirs["y"]})
        assert isinstance(params["x"], float)
    near([params["x"], params["y"]], [theirs["x"], theirs["y"]], 1e-13)


def test_updates_refuse_integers_by_name():
    with pytest.raises(TypeError, match=r"params\['W'\] is int64; it is updated in place"):
        optimizer.SGD().update({"W": np.arange(3, dtype=np.int64)}, {"W": np.ones(3)})
    with pytest.raises(ValueError, match=r"params\[.W.\] is \(3,\) but its gradient is \(4,\)"):
        optimizer.Adam().update({"W": np.ones(3)}, {"W": np.ones(4)})


# Networks


@pytest.mark.parametrize("kwargs", [
    {}, {"activation": "sigmoid", "weight_init_std": "xavier"}, {"weight_init_std": 0.3, "weight_decay_lambda": 0.7},
    {"use_batchnorm": True, "weight_decay_lambda": 0.1}, {"use_batchnorm": True, "activation": "sigmoid"},
], ids=str)  # fmt: skip
def test_gradients_equal_numerical_ones(rng, kwargs):
    np.random.seed(2)
    net = MultiLayerNetExtend(4, [6, 5], 3, **kwargs)
    x, t = rng.normal(size=(7, 4)), np.eye(3)[rng.integers(0, 3, 7)]
    grads = net.gradient(x, t)
    numerical = net.numerical_gradient(x, t)
    assert grads.keys() == numerical.keys() == net.params.keys()
    # The layer's gradient is that of log p, the loss is log(p + 1e-7): they differ by the share 1e-7 / p.
    right = net.last_layer.y[t == 1]
    for name in grads:
        near(grads[name], numerical[name], 1e-6 + 1e-7 / right.min())


@pytest.mark.parametrize("kwargs", [
    {}, {"weight_init_std": 0.01, "weight_decay_lambda": 0.1}, {"activation": "sigmoid", "weight_init_std": "sigmoid"},
    {"use_batchnorm": True, "use_dropout": True, "dropout_ration": 0.2},
], ids=str)  # fmt: skip
def test_networks_begin_and_differentiate_as_plain_numpy_does(rng, kwargs):
    nets = []
    for kind in (MultiLayerNetExtend, plain.MultiLayerNetExtend):
        np.random.seed(5)
        nets.append(kind(6, [8, 7, 7], 3, **kwargs))
    ours, theirs = nets
    for name, w in theirs.params.items():
        np.testing.assert_array_equal(ours.params[name], w)
    x, t = rng.normal(size=(9, 6)), rng.integers(0, 3, 9)
    results = []
    for net in nets:
        np.random.seed(6)
        results.append(net.gradient(x, t))
    for name, expected in results[1].items():
        near(results[0][name], expected, 1e-10)
    near(ours.loss(x, t), theirs.loss(x, t), 1e-10)
    assert ours.accuracy(x, t) == theirs.accuracy(x, t) == ours.accuracy(x, np.eye(3)[t])


def test_names_that_scripts_use():
    net = MultiLayerNet(4, [5, 6], 3, weight_init_std="he")
    assert list(net.params) == ["W1", "b1", "W2", "b2", "W3", "b3"]
    assert list(net.layers) == ["Affine1", "Activation_function1", "Affine2", "Activation_function2", "Affine3"]
    assert net.layers["Affine2"].W is net.params["W2"]
    assert (net.hidden_layer_num, net.last_layer.loss) == (2, None)
    names = {}
    exec("from densekit.compat.dlfs.layers import *\nfrom densekit.compat.dlfs.optimizer import *", names)
    assert {"Affine", "Relu", "SoftmaxWithLoss", "softmax", "cross_entropy_error", "SGD", "Adam"} <= names.keys()
    with pytest.raises(ValueError, match=r"'tanh'"):
        MultiLayerNet(4, [5], 3, activation="tanh")
    with pytest.raises(ValueError, match="weight_init_std is 'glorot', expected a number, 'relu'"):
        MultiLayerNet(4, [5], 3, weight_init_std="glorot")


def test_gradients_come_in_the_books_order():
    net = MultiLayerNetExtend(2, [2], 2, use_batchnorm=True)
    x, t = np.ones((3, 2)), np.array([0, 1, 1])
    order = ["W1", "b1", "gamma1", "beta1", "W2", "b2"]
    assert list(net.gradient(x, t)) == list(net.numerical_gradient(x, t)) == order


# Whole scripts, unchanged but for the import: `common` is the book's package.

# What `from common.MODULE import *` gives, by the imports and definitions of the book's modules.
FUNCTIONS = {
    "np", "identity_function", "step_function", "sigmoid", "sigmoid_grad", "relu", "relu_grad", "softmax",
    "cross_entropy_error", "softmax_loss",
}  # fmt: skip
LAYERS = FUNCTIONS | {
    "Relu", "Sigmoid", "Affine", "SoftmaxWithLoss", "Dropout", "BatchNormalization", "Convolution", "Pooling",
    "im2col", "col2im",
}  # fmt: skip
OPTIMIZERS = {"np", "SGD", "Momentum", "Nesterov", "AdaGrad", "RMSprop", "Adam"}
NETWORK = LAYERS | {"sys", "os", "OrderedDict", "numerical_gradient"}
BOOK = {
    "functions": FUNCTIONS,
    "gradient": {"np", "numerical_gradient", "numerical_gradient_2d"},
    "layers": LAYERS,
    "optimizer": OPTIMIZERS,
    "trainer": OPTIMIZERS | {"sys", "os", "Trainer"},
    "util": {"np", "smooth_curve", "shuffle_dataset", "conv_output_size", "im2col", "col2im"},
    "multi_layer_net": NETWORK | {"MultiLayerNet"},
    "multi_layer_net_extend": NETWORK | {"MultiLayerNetExtend"},
}


@pytest.mark.parametrize("module", BOOK)
def test_a_star_gives_what_the_books_module_gives(module):
    """Scripts of chapters 4 and 6 have no `import numpy`: np comes with the star."""
    names = {}
    exec(f"from densekit.compat.dlfs.{module} import *", names)
    assert BOOK[module] <= names.keys()
    # and nothing that a script would not expect: the mean squared error has two names, by the printing
    assert names.keys() - BOOK[module] <= {"__builtins__", "mean_squared_error", "sum_squared_error"}


PROGRAMS = {
    "two layers of one's own": """
import numpy as np
from collections import OrderedDict
from common.layers import Affine, Relu, SoftmaxWithLoss

class Net:
    def __init__(self, sizes):
        self.params = {}
        for i in (1, 2):
            self.params["W%d" % i] = 0.01 * np.random.randn(sizes[i - 1], sizes[i])
            self.params["b%d" % i] = np.zeros(sizes[i])
        p = self.params
        self.layers = [Affine(p["W1"], p["b1"]), Relu(), Affine(p["W2"], p["b2"])]
        self.last = SoftmaxWithLoss()

    def step(self, x, t, lr):
        for layer in self.layers:
            x = layer.forward(x)
        loss = self.last.forward(x, t)
        dout = self.last.backward(1)
        for layer in reversed(self.layers):
            dout = layer.backward(dout)
        for layer in (self.layers[0], self.layers[2]):
            layer_w = layer.W if hasattr(layer, "W") else layer.w
            layer_w -= lr * (layer.dW if hasattr(layer, "dW") else layer.dw)
            layer.b -= lr * layer.db
        return loss

net = Net([64, 50, 10])
for i in range(120):
    batch = np.random.choice(len(x_train), 50)
    loss = net.step(x_train[batch], t_train[batch], 0.5)
    if i % 20 == 0:
        print("loss", loss)
""",
    "optimizers compared": """
import numpy as np
from common.optimizer import *
from common.multi_layer_net import MultiLayerNet

rules = {"SGD": SGD(lr=0.1), "Momentum": Momentum(), "Nesterov": Nesterov(), "AdaGrad": AdaGrad(), "RMSprop": RMSprop(),
         "Adam": Adam(lr=0.001)}
networks = {key: MultiLayerNet(input_size=64, hidden_size_list=[30, 30, 30, 30], output_size=10) for key in rules}
for i in range(12):
    mask = np.random.choice(x_train.shape[0], 64)
    for key in rules:
        grads = networks[key].gradient(x_train[mask], t_train[mask])
        rules[key].update(networks[key].params, grads)
        print(key, networks[key].loss(x_train[mask], t_train[mask]))
""",
    "overfitting with dropout": """
import numpy as np
from common.multi_layer_net_extend import MultiLayerNetExtend
from common.trainer import Trainer

network = MultiLayerNetExtend(input_size=64, hidden_size_list=[30, 30], output_size=10, use_dropout=True,
                              dropout_ration=0.2, weight_decay_lambda=0.001)
trainer = Trainer(network, x_train[:300], t_train[:300], x_test, t_test, epochs=14, mini_batch_size=70, optimizer="sgd",
                  optimizer_param={"lr": 0.1}, evaluate_sample_num_per_epoch=100)
trainer.train()
print(len(trainer.train_acc_list), len(trainer.test_acc_list), trainer.train_loss_list[-1])
""",
    "batch normalization": """
import numpy as np
from common.multi_layer_net_extend import MultiLayerNetExtend
from common.util import shuffle_dataset
from common.trainer import Trainer

x_train, t_train = shuffle_dataset(x_train, t_train)
for scale in (0.3, 0.03):
    network = MultiLayerNetExtend(64, [20, 20, 20], 10, weight_init_std=scale, use_batchnorm=True)
    Trainer(network, x_train, t_train, x_test, t_test, epochs=1, mini_batch_size=100, optimizer="Adam",
            optimizer_param={"lr": 0.01}).train()
""",
    # Chapter 4's own network and its gradients: np comes with the functions.
    "a network of functions, without import numpy": """
import os, sys
from common.functions import *
from common.gradient import numerical_gradient

class TwoLayers:
    def __init__(self, sizes, scale=0.3):
        d, h, c = sizes
        self.params = {"W1": scale * np.random.randn(d, h), "b1": np.zeros(h)}
        self.params["W2"], self.params["b2"] = scale * np.random.randn(h, c), np.zeros(c)

    def predict(self, x):
        p = self.params
        return softmax(np.dot(sigmoid(np.dot(x, p["W1"]) + p["b1"]), p["W2"]) + p["b2"])

    def loss(self, x, t):
        return cross_entropy_error(self.predict(x), t)

    def numerical_gradient(self, x, t):
        return {key: numerical_gradient(lambda _: self.loss(x, t), w) for key, w in self.params.items()}

    def gradient(self, x, t):
        p, grads = self.params, {}
        a = np.dot(x, p["W1"]) + p["b1"]
        z = sigmoid(a)
        dy = (softmax(np.dot(z, p["W2"]) + p["b2"]) - t) / x.shape[0]
        grads["W2"], grads["b2"] = np.dot(z.T, dy), np.sum(dy, axis=0)
        dz = sigmoid_grad(a) * np.dot(dy, p["W2"].T)
        grads["W1"], grads["b1"] = np.dot(x.T, dz), np.sum(dz, axis=0)
        return grads

net = TwoLayers([64, 8, 10])
exact, estimated = net.gradient(x_train[:5], t_train[:5]), net.numerical_gradient(x_train[:5], t_train[:5])
for key in exact:
    print(key, bool(np.average(np.abs(exact[key] - estimated[key])) < 1e-7))
for i in range(200):
    batch = np.random.choice(x_train.shape[0], 100)
    for key, g in net.gradient(x_train[batch], t_train[batch]).items():
        net.params[key] -= g
    if i % 20 == 0:
        print("loss", net.loss(x_train[batch], t_train[batch]))
""",
    # Chapter 6: np comes with the optimizers.
    "optimizers compared, without import numpy": """
from common.util import smooth_curve
from common.multi_layer_net import MultiLayerNet
from common.optimizer import *

rules = {"SGD": SGD(), "Momentum": Momentum(), "AdaGrad": AdaGrad(), "Adam": Adam(lr=0.001)}
networks, losses = {}, {}
for key in rules.keys():
    networks[key] = MultiLayerNet(input_size=64, hidden_size_list=[20, 20, 20, 20], output_size=10)
    losses[key] = []
for i in range(30):
    mask = np.random.choice(x_train.shape[0], 64)
    for key in rules.keys():
        rules[key].update(networks[key].params, networks[key].gradient(x_train[mask], t_train[mask]))
        losses[key].append(networks[key].loss(x_train[mask], t_train[mask]))
x = np.arange(30)
for key in rules.keys():
    print(key, len(x), smooth_curve(losses[key])[::10].tolist())
""",
    "a function of two numbers, without import numpy": """
from collections import OrderedDict
from common.optimizer import *

rules = OrderedDict()
rules["SGD"], rules["Momentum"] = SGD(lr=0.95), Momentum(lr=0.1)
rules["AdaGrad"], rules["Adam"] = AdaGrad(lr=1.5), Adam(lr=0.3)
for key in rules:
    params, grads = {"x": -7.0, "y": 2.0}, {}
    for i in range(30):
        grads["x"], grads["y"] = params["x"] / 10.0, 2.0 * params["y"]
        rules[key].update(params, grads)
    print(key, np.round(params["x"], 8), np.round(params["y"], 8))
""",
    # Chapter 5: everything that layers, OrderedDict and numerical_gradient need comes with multi_layer_net.
    "a layered network out of multi_layer_net's names": """
from common.multi_layer_net import *

params = {"W1": 0.3 * np.random.randn(64, 6), "b1": np.zeros(6), "W2": 0.3 * np.random.randn(6, 10), "b2": np.zeros(10)}
net = OrderedDict()
net["Affine1"], net["Relu1"] = Affine(params["W1"], params["b1"]), Relu()
net["Affine2"], last = Affine(params["W2"], params["b2"]), SoftmaxWithLoss()

def loss(x, t):
    for layer in net.values():
        x = layer.forward(x)
    return last.forward(x, t)

x, t = x_train[:3], t_train[:3]
print("first", loss(x, t))
dout = last.backward(1)
layers = list(net.values())
layers.reverse()
for layer in layers:
    dout = layer.backward(dout)
dW = net["Affine2"].dW if hasattr(net["Affine2"], "dW") else net["Affine2"].dw
for key, mine in [("W2", dW), ("b1", net["Affine1"].db)]:
    estimated = numerical_gradient(lambda _: loss(x, t), params[key])
    print(key, bool(np.average(np.abs(mine - estimated)) < 1e-7), np.abs(mine).sum())
print(callable(os.path.join), len(sys.argv) > 0, step_function(np.array([-1.0, 2.0, 3.0])), identity_function(4), 1, 2)
""",
    # Chapter 6: hyperparameters drawn at random, and gradients of a batch norm.
    "hyperparameters and a gradient check": """
import sys, os
from common.multi_layer_net_extend import *
from common.multi_layer_net import MultiLayerNet
from common.util import *
from common.trainer import *

x_train, t_train = shuffle_dataset(x_train[:300], t_train[:300])
cut = int(x_train.shape[0] * 0.2)
for i in range(2):
    decay, lr = 10 ** np.random.uniform(-8, -4), 10 ** np.random.uniform(-1, -0.5)
    network = MultiLayerNet(input_size=64, hidden_size_list=[20, 20], output_size=10, weight_decay_lambda=decay)
    trainer = Trainer(network, x_train[cut:], t_train[cut:], x_train[:cut], t_train[:cut], epochs=3, mini_batch_size=40,
                      optimizer="sgd", optimizer_param={"lr": lr}, verbose=False)
    trainer.train()
    print("val acc", trainer.test_acc_list[-1], trainer.train_acc_list[-1], lr)
network = MultiLayerNetExtend(input_size=64, hidden_size_list=[5], output_size=10, use_batchnorm=True)
x, t = x_train[:4], t_train[:4]
exact, estimated = network.gradient(x, t), network.numerical_gradient(x, t)
for key in sorted(estimated.keys()):
    print(key, bool(np.average(np.abs(exact[key] - estimated[key])) < 1e-4))
sgd = SGD(lr=0.1)
sgd.update(network.params, exact)
print("after", network.loss(x, t))
""",
}  # fmt: skip


def run(program, capsys):
    (x, t), (x_test, t_test) = load_digits()
    data = {"x_train": x, "t_train": np.eye(10)[t], "x_test": x_test, "t_test": np.eye(10)[t_test]}
    np.random.seed(1)
    exec(program, data)
    return capsys.readouterr().out


@pytest.mark.parametrize("name", PROGRAMS)
def test_scripts_run_unchanged_but_for_the_import(name, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "common", types.ModuleType("common"))
    for module in BOOK:
        monkeypatch.setitem(sys.modules, f"common.{module}", plain)
    expected = run(PROGRAMS[name], capsys)
    got = run(PROGRAMS[name].replace("from common.", "from densekit.compat.dlfs."), capsys)
    numbers = r"-?\d+(?:\.\d+)?(?:e-?\d+)?"
    assert re.split(numbers, got) == re.split(numbers, expected)
    ours, theirs = (np.array(re.findall(numbers, text), float) for text in (got, expected))
    assert len(ours) > 5
    np.testing.assert_allclose(ours, theirs, rtol=1e-8)
    losses = [float(v) for v in re.findall(r"loss:?\s*(\S+)", got)]
    assert not losses or losses[-1] < 0.8 * losses[0]


def test_trainer_measures_when_a_fraction_says_so(capsys):
    """With 300 rows and batches of 70 an epoch is 4.2857 iterations: only the 0th iteration begins one exactly."""
    (x, t), _ = load_digits()
    trainer = Trainer(MultiLayerNet(64, [5], 10), x[:300], t[:300], x[:50], t[:50], epochs=3, mini_batch_size=70)
    assert (trainer.max_iter, trainer.iter_per_epoch) == (12, 300 / 70)
    trainer.train()
    assert (len(trainer.train_acc_list), trainer.current_iter, len(trainer.train_loss_list)) == (1, 12, 12)
    lines = capsys.readouterr().out.splitlines()
    assert re.fullmatch(r"train loss:\d\.\d+", lines[0])
    assert re.fullmatch(r"=== epoch:1, train acc:0\.\d+, test acc:0\.\d+ ===", lines[1])
    assert lines[-2] == "=============== Final Test Accuracy ==============="
    with pytest.raises(ValueError, match=r"'adamw'.*did you mean 'adam'"):
        Trainer(MultiLayerNet(64, [5], 10), x, t, x, t, optimizer="AdamW")


# The rest


def test_shuffle_and_smooth(rng):
    x, t = rng.normal(size=(10, 3)), np.arange(10)
    np.random.seed(3)
    order = np.random.permutation(10)
    np.random.seed(3)
    shuffled, labels = util.shuffle_dataset(x, t)
    np.testing.assert_array_equal(labels, order)
    np.testing.assert_array_equal(shuffled, x[order])
    assert util.shuffle_dataset(x.reshape(10, 1, 3, 1), t)[0].shape == (10, 1, 3, 1)
    curve = util.smooth_curve(rng.normal(size=50).cumsum())
    assert curve.shape == (50,)
    window = np.kaiser(11, 2) / np.kaiser(11, 2).sum()
    line = util.smooth_curve(np.arange(50.0))
    near(line[5:-5], np.arange(5.0, 45.0), 1e-14)  # a line in the middle stays a line
    near(line[0], window @ np.abs(np.arange(-5.0, 6.0)), 1e-14)  # the ends are mirrored


@pytest.mark.parametrize(("make", "module"), [
    (layers.Convolution, "common.layers"), (layers.Pooling, "common.layers"),
    (util.im2col, "common.util"), (util.col2im, "common.util"), (util.conv_output_size, "common.util"),
], ids=lambda v: getattr(v, "__name__", v))  # fmt: skip
def test_convolution_says_that_it_is_not_there(make, module):
    with pytest.raises(ConvolutionNotSupported, match=f"dense layers only.*from {module} import {make.__name__}"):
        make(np.ones((1, 1, 3, 3)), None)
