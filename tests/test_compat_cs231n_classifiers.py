"""densekit.compat.cs231n.classifiers: nearest neighbours, linear classifiers, and the network of assignment 1."""

from __future__ import annotations

import importlib

import numpy as np
import numpy_cs231n as plain
import pytest

from densekit.compat.cs231n.classifiers import KNearestNeighbor, LinearClassifier, LinearSVM, Softmax
from densekit.compat.cs231n.classifiers.neural_net import TwoLayerNet
from densekit.compat.cs231n.gradient_check import eval_numerical_gradient


@pytest.fixture
def rng():
    return np.random.default_rng(11)


def near(got, expected, bound=1e-12):
    assert np.abs(np.asarray(got) - expected).max() <= bound * max(1.0, np.abs(expected).max())


# Linear classifiers


@pytest.mark.parametrize("name", ["svm", "softmax"])
def test_losses_of_linear_classifiers(rng, name):
    module = importlib.import_module(f"densekit.compat.cs231n.classifiers.{'linear_svm' if name == 'svm' else name}")
    w, x, y = rng.normal(size=(6, 4)), rng.normal(size=(9, 6)), rng.integers(0, 4, 9)
    for form in ("naive", "vectorized"):
        function = getattr(module, f"{name}_loss_{form}")
        loss, dw = function(w, x, y, 0.3)
        expected, dscores = getattr(plain, f"{name}_loss")(x @ w, y)
        near(loss, expected + 0.3 * (w**2).sum())
        near(dw, x.T @ dscores + 0.6 * w)
        near(dw, eval_numerical_gradient(lambda w, f=function: f(w, x, y, 0.3)[0], w, verbose=False), 1e-7)


def plain_training(loss, x, y, rate, reg, steps, batch):
    w, losses = 0.001 * np.random.randn(x.shape[1], y.max() + 1), []
    for _ in range(steps):
        rows = np.random.choice(len(x), batch)
        value, dscores = loss(x[rows] @ w, y[rows])
        losses.append(value + reg * (w**2).sum())
        w = w - rate * (x[rows].T @ dscores + 2 * reg * w)
    return w, losses


@pytest.mark.parametrize(("kind", "loss"), [(LinearSVM, plain.svm_loss), (Softmax, plain.softmax_loss)])
def test_linear_classifiers_train_as_plain_numpy_does(rng, kind, loss, capsys):
    y = rng.integers(0, 3, 60)
    x = rng.normal(size=(60, 5)) + 2 * np.eye(3, 5)[y]
    np.random.seed(3)
    model = kind()
    losses = model.train(x, y, learning_rate=0.1, reg=0.01, num_iters=120, batch_size=20, verbose=True)
    np.random.seed(3)
    w, expected = plain_training(loss, x, y, 0.1, 0.01, 120, 20)
    np.testing.assert_allclose(losses, expected, rtol=1e-10)
    near(model.W, w, 1e-10)
    np.testing.assert_array_equal(model.predict(x), (x @ w).argmax(axis=1))
    assert (model.predict(x) == y).mean() > 0.8
    lines = capsys.readouterr().out.splitlines()
    assert lines == [f"iteration {i} / 120: loss {expected[i]:f}" for i in (0, 100)]
    before = model.W.copy()
    model.train(x, y, num_iters=1)  # goes on with the same weights
    assert not np.array_equal(model.W, before)
    near(model.W, before, 0.01)


def test_linear_classifier_alone_has_no_loss_and_models_are_saved(tmp_path, capsys):
    with pytest.raises(NotImplementedError, match="use LinearSVM or Softmax"):
        LinearClassifier().train(np.ones((3, 2)), np.array([0, 1, 1]))
    first, second = Softmax(), Softmax()
    first.train(np.ones((3, 2)), np.array([0, 1, 1]), num_iters=2)
    first.save(tmp_path / "best_softmax.npy")
    assert second.load(tmp_path / "best_softmax.npy")
    np.testing.assert_array_equal(second.W, first.W)


# The two-layer network


def toy():
    """The toy model and data of the notebook: seeds 0 and 1."""
    np.random.seed(0)
    net = TwoLayerNet(4, 10, 3, std=1e-1)
    np.random.seed(1)
    return net, 10 * np.random.randn(5, 4), np.array([0, 1, 2, 2, 1])


def test_published_toy_network():
    """Scores and loss are the notebook's own; the last loss is what public solutions print, 2e-16 apart among them."""
    net, x, y = toy()
    published = [
        [-0.81233741, -1.27654624, -0.70335995],
        [-0.17129677, -1.18803311, -0.47310444],
        [-0.51590475, -1.01354314, -0.8504215],
        [-0.15419291, -0.48629638, -0.52901952],
        [-0.00618733, -0.12435261, -0.15226949],
    ]
    near(net.loss(x), np.array(published), 6e-9)
    assert abs(net.loss(x, y, reg=0.05)[0] - 1.30378789133) < 1e-11
    np.random.seed(0)
    net = TwoLayerNet(4, 10, 3, std=1e-1)
    history = net.train(x, y, x, y, learning_rate=1e-1, reg=5e-6, num_iters=100)
    assert abs(history["loss_history"][-1] - 0.017149607938732) < 1e-15
    assert len(history["train_acc_history"]) == len(history["val_acc_history"]) == 100  # 5 rows, batches of 200
    np.testing.assert_array_equal(net.predict(x), y)


def test_toy_network_has_numerical_gradients():
    net, x, y = toy()
    _, grads = net.loss(x, y, reg=0.05)
    assert grads.keys() == net.params.keys()
    for name, gradient in grads.items():
        numerical = eval_numerical_gradient(lambda _: net.loss(x, y, reg=0.05)[0], net.params[name], verbose=False)
        near(gradient, numerical, 1e-8)


def test_learning_rate_decays_at_the_start_of_an_epoch(rng, capsys):
    np.random.seed(2)
    net = TwoLayerNet(3, 4, 2)
    x, y = rng.normal(size=(40, 3)), rng.integers(0, 2, 40)
    history = net.train(x, y, x, y, num_iters=9, batch_size=10, learning_rate=0.0, verbose=True)
    assert len(history["loss_history"]) == 9
    assert len(history["train_acc_history"]) == 3  # iterations 0, 4 and 8
    assert capsys.readouterr().out.startswith("iteration 0 / 9: loss 0.69")


# Nearest neighbours


def test_nearest_neighbours(rng):
    train, labels, x = rng.normal(size=(30, 6)), rng.integers(0, 3, 30), rng.normal(size=(8, 6))
    knn = KNearestNeighbor()
    knn.train(train, labels)
    distances = np.sqrt(((x[:, None] - train) ** 2).sum(axis=2))
    for form in ("two_loops", "one_loop", "no_loops"):
        near(getattr(knn, f"compute_distances_{form}")(x), distances, 1e-10)
    for k in (1, 5):
        expected = []
        for row in distances:
            votes = labels[np.argsort(row)[:k]].tolist()
            expected.append(min(set(votes), key=lambda c, v=votes: (-v.count(c), c)))
        for loops in (0, 1, 2):
            np.testing.assert_array_equal(knn.predict(x, k=k, num_loops=loops), expected)
    with pytest.raises(ValueError, match="num_loops must be a whole number from 0 to 2, got 3"):
        knn.predict(x, num_loops=3)


def test_of_equal_votes_the_smallest_class_wins():
    knn = KNearestNeighbor()
    knn.train(np.array([[0.0], [1.0]]), np.array([2, 1]))
    assert knn.predict_labels(np.array([[0.1, 0.9]]), k=2).tolist() == [1]
