"""PReLU: PyTorch's numbers, the side of 0, one alpha or many, any axis, what decays and what is penalised."""

from __future__ import annotations

import networks as net
import numpy as np
import pytest

import densekit as dk
import densekit.functional as F
from densekit import optimizers, reference, regularizers
from densekit.layers import Dense, PReLU

X = np.array([[-2.0, 0.0, 3.0], [-0.5, -1.0, 0.0], [4.0, 2.0, -8.0], [1.0, -3.0, -0.25]])
DY = np.array([[1.0, -2.0, 0.5], [3.0, 1.0, -1.0], [-1.0, 2.0, 0.25], [0.5, 1.5, -4.0]])
ALPHA = np.array([0.25, -0.5, 2.0])
# torch.nn.functional.prelu and its gradients, PyTorch 2.13.0
VALUES = [[-0.5, 0.0, 3.0], [-0.125, 0.5, 0.0], [4.0, 2.0, -16.0], [1.0, 1.5, -0.5]]
SLOPES = [[0.25, 1.0, 0.5], [0.75, -0.5, -2.0], [-1.0, 2.0, 0.5], [0.5, -0.75, -8.0]]
OF_ALPHA = [-3.5, -5.5, -1.0]
OF_ONE = -10.0


@pytest.mark.parametrize("module", [F, reference], ids=["functional", "reference"])
def test_values_and_gradients_are_pytorchs(module, level, dtype):
    x, dy, alpha = (a.astype(dtype) for a in (X, DY, ALPHA))
    np.testing.assert_array_equal(module.prelu(x, alpha), np.array(VALUES, dtype), strict=True)
    dx, dalpha = module.prelu_backward(dy, x, alpha)
    np.testing.assert_array_equal(dx, np.array(SLOPES, dtype), strict=True)
    np.testing.assert_array_equal(dalpha, np.array(OF_ALPHA, dtype), strict=True)
    one = dtype(0.25)
    np.testing.assert_array_equal(module.prelu(x, one), np.where(x > 0, x, x / 4), strict=True)
    dx, dalpha = module.prelu_backward(dy, x, one)
    np.testing.assert_array_equal(dx, np.where(x > 0, dy, dy / 4), strict=True)
    assert dalpha == OF_ONE
    assert np.shape(dalpha) == ()


@pytest.mark.parametrize("shared", [False, True])
def test_the_installed_pytorch_agrees(shared, rng):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed; its numbers are here as literals")
    x, dy, alpha = rng.normal(size=(50, 6)), rng.normal(size=(50, 6)), rng.normal(size=1 if shared else 6)
    x[rng.random(x.shape) < 0.2] = 0
    tx, ta = (torch.tensor(a, requires_grad=True) for a in (x, alpha))
    ty = torch.nn.functional.prelu(tx, ta)
    ty.backward(torch.tensor(dy))
    slope = alpha[0] if shared else alpha
    np.testing.assert_array_equal(F.prelu(x, slope), ty.detach().numpy())
    dx, dalpha = F.prelu_backward(dy, x, slope)
    np.testing.assert_array_equal(dx, tx.grad.numpy())
    np.testing.assert_allclose(np.reshape(dalpha, -1), ta.grad.numpy(), rtol=1e-13)


@pytest.mark.parametrize("module", [F, reference], ids=["functional", "reference"])
@pytest.mark.parametrize("axis", [0, 1, 2, -2])
def test_channels_along_any_axis(module, axis, rng):
    x, dy = rng.normal(size=(3, 4, 5)), rng.normal(size=(3, 4, 5))
    alpha = rng.normal(size=x.shape[axis])
    last = (np.moveaxis(a, axis, -1).reshape(-1, len(alpha)) for a in (x, dy))
    flat, upstream = (np.ascontiguousarray(a) for a in last)
    moved = np.moveaxis(module.prelu(x, alpha, axis=axis), axis, -1)
    np.testing.assert_array_equal(moved.reshape(flat.shape), module.prelu(flat, alpha))
    dx, dalpha = module.prelu_backward(dy, x, alpha, axis=axis)
    expected = module.prelu_backward(upstream, flat, alpha)
    np.testing.assert_array_equal(np.moveaxis(dx, axis, -1).reshape(flat.shape), expected[0])
    np.testing.assert_allclose(dalpha, expected[1], rtol=1e-14)


@pytest.mark.parametrize("shared", [False, True])
def test_threads_change_no_bit(shared, backend, threads_forced, dtype, rng):
    x, dy = rng.normal(size=(1000, 70)).astype(dtype), rng.normal(size=(1000, 70)).astype(dtype)
    alpha = dtype(0.3) if shared else rng.normal(size=70).astype(dtype)
    seen = []
    for count in (1, 2, 3):
        threads_forced(count)
        seen.append((F.prelu(x, alpha), *F.prelu_backward(dy, x, alpha)))
    for other in seen[1:]:
        for a, b in zip(seen[0], other, strict=True):
            np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("function", [F.prelu, F.prelu_backward])
def test_refuses_alphas_of_another_length(function):
    arrays = [X] if function is F.prelu else [DY, X]
    for wrong in (np.ones(2), np.ones(1), np.ones((1, 3))):
        with pytest.raises(ValueError, match=rf"{function.__name__}: alpha is .*expected \(3,\), one value a channel"):
            function(*arrays, wrong)
    with pytest.raises(ValueError, match="axis"):
        function(*arrays, ALPHA, axis=2)


# The layer.


@pytest.mark.parametrize("engine", ["native", "reference"])
@pytest.mark.parametrize("shared", [False, True])
def test_a_step_of_the_layer_is_pytorchs(engine, shared, rng):
    """Three updates of Dense, PReLU, Dense by SGD with momentum."""
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    layers = [Dense(4, inputs=3), PReLU(shared=shared, init=-0.125), Dense(1)]
    model = dk.Sequential(layers, seed=0, dtype="float64", engine=engine)
    model.compile(optimizers.SGD(0.01, momentum=0.9), "mse")
    nn = torch.nn
    theirs = nn.Sequential(nn.Linear(3, 4), nn.PReLU(1 if shared else 4, -0.125), nn.Linear(4, 1)).double()
    for module, layer in ((theirs[0], layers[0]), (theirs[2], layers[2])):
        module.weight.data[...], module.bias.data[...] = torch.tensor(layer.kernel.T.copy()), torch.tensor(layer.bias)
    optimizer, y = torch.optim.SGD(theirs.parameters(), 0.01, momentum=0.9), X[:, :1] + X[:, 1:2] ** 2
    for _ in range(3):
        optimizer.zero_grad()
        nn.functional.mse_loss(theirs(torch.tensor(X)), torch.tensor(y)).backward()
        optimizer.step()
        model.train_on_batch(X, y)
    assert layers[1].alpha.shape == ((1,) if shared else (4,))
    np.testing.assert_allclose(layers[1].alpha, theirs[1].weight.detach().numpy(), rtol=1e-12)
    np.testing.assert_allclose(layers[0].kernel.T, theirs[0].weight.detach().numpy(), rtol=1e-11, atol=1e-13)


@pytest.mark.parametrize("engine", ["native", "reference"])
def test_alpha_decays_only_when_biases_do_and_has_its_own_penalty(engine):
    def alpha_after(optimizer, **options):
        layer = PReLU(inputs=2, init=1.0, **options)
        model = dk.Sequential([layer], seed=0, dtype="float64", engine=engine).compile(optimizer, "mse")
        model.train_on_batch(np.ones((4, 2)), np.ones((4, 2)))  # right already, and without a gradient of alpha
        return layer.alpha.tolist()

    assert alpha_after(optimizers.SGD(0.5, weight_decay=0.25)) == [1.0, 1.0]
    assert alpha_after(optimizers.SGD(0.5, weight_decay=0.25, decay_biases=True)) == [0.875, 0.875]
    assert alpha_after(optimizers.SGD(0.5), alpha_regularizer=regularizers.L2(0.25)) == [0.875, 0.875]


def test_the_first_of_each_is_called_prelu():
    model = dk.Sequential([PReLU(inputs=2), PReLU(), Dense(1)], seed=0)
    assert [layer.name for layer in model.layers] == ["prelu", "prelu_1", "dense"]
    assert repr(model.layers[0]) == "PReLU(inputs=2)"


@pytest.mark.parametrize("word", ["num_parameters", "shared_axes", "alpha_initializer"])
def test_other_libraries_words_say_what_to_write(word):
    with pytest.raises(TypeError, match=f"PReLU: {word} is not a parameter; write "):
        PReLU(**{word: 1})


def test_a_frozen_alpha_has_no_gradient(rng):
    layers = [net.dense(3, "tanh"), net.of_kind("prelu", "frozen", trainable=False), net.dense(1)]
    for name in ("native", "reference"):
        engine = net.engine_of(name)(net.network(layers, 4, net.loss("mse"), net.optimizer("sgd")), [])
        x, y = rng.normal(size=(8, 4)), rng.normal(size=(8, 1))
        engine.gradient(x, y, None)
        assert (net.segment(engine, "frozen", "alpha", engine.gradients) == 0).all()
        engine.step_on(x, y, None, 0.1)
        assert (net.segment(engine, "frozen", "alpha") == 0.25).all()
