"""Networks from and to scikit-learn and PyTorch: outputs equal to 1e-6 in float32; errors where none can be."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

import densekit as dk
from densekit import convert
from densekit.layers import (
    Activation,
    BatchNorm,
    Dense,
    Dropout,
    Flatten,
    GaussianNoise,
    Input,
    Lambda,
    LayerNorm,
    Rescaling,
    Reshape,
    Residual,
    Scale,
)

CLOSE = {"rtol": 1e-6, "atol": 1e-6}


@pytest.fixture
def X(rng):
    return rng.normal(size=(60, 5)).astype(np.float32)


def busy(model, X, rng):
    """Weights and running statistics that are not those of the beginning."""
    model.build(X.shape[1])
    for view in model.weights.values():
        view[...] = rng.uniform(0.2, 1.2, view.shape) * rng.choice([-1, 1] if view.ndim == 2 else [1], view.shape)
    return model


# scikit-learn.


@pytest.fixture
def nets():
    return pytest.importorskip("sklearn.neural_network", reason="scikit-learn is not installed")


@pytest.mark.parametrize("activation", ["identity", "logistic", "tanh", "relu"])
@pytest.mark.parametrize("classes", [2, 4])
def test_classifier_from_sklearn_and_back(nets, activation, classes, X, rng):
    y = np.array(list("abcd"))[rng.integers(0, classes, len(X))]
    theirs = nets.MLPClassifier((7, 4), activation, solver="lbfgs", max_iter=20, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # 20 steps may be enough, or not
        theirs.fit(X, y)
    ours = convert.from_sklearn(theirs)
    assert ours.dtype == theirs.coefs_[0].dtype
    probabilities = theirs.predict_proba(X)
    outputs = ours.predict(X)
    np.testing.assert_allclose(outputs[:, -1], probabilities[:, -1], **CLOSE)
    again = convert.to_sklearn(ours, classes=theirs.classes_)
    assert again.out_activation_ == theirs.out_activation_
    np.testing.assert_allclose(again.predict_proba(X), probabilities, **CLOSE)
    np.testing.assert_array_equal(again.predict(X), theirs.predict(X))
    assert again.score(X, y) == theirs.score(X, y)
    before = again.coefs_[0].copy()
    again.partial_fit(X, y)  # it trains on
    assert (again.coefs_[0] != before).any()
    assert (ours.layers[0].kernel == before).all()


def test_regressor_and_multilabel(nets, X, rng):
    Y = rng.normal(size=(len(X), 2))
    with pytest.warns(UserWarning, match="converge"):
        theirs = nets.MLPRegressor(hidden_layer_sizes=(6,), max_iter=3, random_state=0).fit(X, Y)
    ours = convert.from_sklearn(theirs)
    np.testing.assert_allclose(ours.predict(X), theirs.predict(X), **CLOSE)
    np.testing.assert_allclose(convert.to_sklearn(ours).predict(X), theirs.predict(X), **CLOSE)
    with pytest.warns(UserWarning, match="converge"):
        labels = nets.MLPClassifier((6,), max_iter=3, random_state=0).fit(X, Y > 0)
    again = convert.to_sklearn(convert.from_sklearn(labels))
    np.testing.assert_allclose(again.predict_proba(X), labels.predict_proba(X), **CLOSE)
    np.testing.assert_array_equal(again.predict(X), labels.predict(X))


def test_poisson_gives_logarithms(nets, X, rng):
    if "loss" not in nets.MLPRegressor().get_params():
        pytest.skip("this scikit-learn has no Poisson loss")
    with pytest.warns(UserWarning, match="converge"):
        theirs = nets.MLPRegressor("poisson", max_iter=3, random_state=0).fit(X, rng.poisson(2, len(X)))
    np.testing.assert_allclose(np.exp(convert.from_sklearn(theirs).predict(X)[:, 0]), theirs.predict(X), **CLOSE)


def test_two_class_softmax_becomes_one_output(nets, X, rng):
    model = busy(dk.Sequential([Dense(6, "tanh"), Dense(2, "softmax")], seed=0), X, rng)
    theirs = convert.to_sklearn(model, classes=["yes", "no"])
    assert theirs.classes_.tolist() == ["no", "yes"]
    np.testing.assert_allclose(theirs.predict_proba(X), model(X)[:, ::-1], **CLOSE)


def test_batch_norm_and_dropout_become_part_of_sklearns_layers(nets, X, rng):
    layers = [Dense(6), BatchNorm(eps=1e-3), Activation("relu"), Dropout(0.3), GaussianNoise(1.0), Dense(3, "softmax")]
    model = busy(dk.Sequential(layers, seed=0), X, rng)
    np.testing.assert_allclose(convert.to_sklearn(model).predict_proba(X), model(X), **CLOSE)


def test_densekits_own_estimator(nets, X, rng):
    from densekit.sklearn import MLPRegressor

    with pytest.warns(UserWarning, match="converge"):
        estimator = MLPRegressor(hidden_layer_sizes=(6,), batch_norm=True, max_iter=3, random_state=0).fit(X, X[:, 0])
    model = convert.from_sklearn(estimator)
    assert model is not estimator.model_
    np.testing.assert_array_equal(model.predict(X)[:, 0], estimator.predict(X))


def test_sklearn_takes_rows_that_are_flat_already(nets, rng):
    images = rng.normal(size=(20, 4, 3)).astype(np.float32)
    model = dk.Sequential([Input((4, 3)), Flatten(), Dense(5, "tanh"), Flatten(), Dense(3, "softmax")], seed=0).build(
        (4, 3)
    )
    theirs = convert.to_sklearn(model)
    np.testing.assert_allclose(theirs.predict_proba(images.reshape(20, -1)), model(images), **CLOSE)
    for layers in ([Dense(5), Dense(1)], [Dense(5), Flatten(), Dense(1)], [Flatten(), Reshape((2, 6)), Dense(1)]):
        with pytest.raises(
            ValueError, match=r"plain rows, but Dense\(\d\) is given rows of shape|nothing like Reshape"
        ):
            convert.to_sklearn(dk.Sequential([Input((4, 3)), *layers], seed=0).build((4, 3)))


@pytest.mark.parametrize(
    ("layers", "options", "message"),
    [
        ([Dense(3, "gelu"), Dense(1)], {}, "one of identity, sigmoid, tanh, relu in all hidden layers, got .'gelu'"),
        ([Dense(3, "relu"), Dense(3, "tanh"), Dense(1)], {}, "in all hidden layers"),
        ([Dense(3), LayerNorm(), Dense(1)], {}, r"nothing like LayerNorm\(\)"),
        ([Dense(3, "relu"), BatchNorm(), Dense(1)], {}, r"nothing like BatchNorm\(\)"),
        ([Dense(3, "relu")], {}, "ends in 'relu'"),
        ([Dense(3, "softmax")], {"classes": [0, 1]}, r"3 different labels, got \[0, 1\]"),
        ([Dense(1, "sigmoid")], {"classes": [1, 0]}, "must rise"),
        ([Activation("relu", inputs=5)], {}, "nothing like"),
        ([Dense(3), Activation("softmax", temperature=2.0)], {}, "no temperature"),
    ],
)
def test_what_sklearn_cannot_have(nets, layers, options, message):
    with pytest.raises(ValueError, match=message):
        convert.to_sklearn(dk.Sequential(layers, seed=0).build(5), **options)


def test_unfitted(nets):
    with pytest.raises(ValueError, match="MLPClassifier is not fitted yet"):
        convert.from_sklearn(nets.MLPClassifier())
    with pytest.raises(ValueError, match="int is no multi-layer perceptron"):
        convert.from_sklearn(3)
    with pytest.raises(ValueError, match="no weights yet"):
        convert.to_sklearn(dk.Sequential([Dense(1)]))


# PyTorch.


@pytest.fixture
def torch():
    return pytest.importorskip("torch", reason="PyTorch is not installed")


def torch_network(torch, dtype):
    nn = torch.nn
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Flatten(),
        nn.Linear(5, 8),
        nn.BatchNorm1d(8, eps=1e-3, momentum=0.3),
        nn.ReLU(),
        nn.Sequential(nn.Linear(8, 8, bias=False), nn.LayerNorm(8, eps=1e-4), nn.GELU(approximate="tanh")),
        nn.Dropout(0.2),
        nn.Linear(8, 8),
        nn.BatchNorm1d(8, affine=False),
        nn.LeakyReLU(0.2),
        nn.Identity(),
        nn.Linear(8, 3),
        nn.Softmax(dim=1),
    ).to(getattr(torch, dtype))


@pytest.mark.parametrize(("dtype", "rtol"), [("float32", 1e-6), ("float64", 1e-12)])
def test_from_torch_and_back(torch, X, dtype, rtol):
    theirs = torch_network(torch, dtype)
    x = torch.from_numpy(X.astype(dtype))
    theirs.train()(x)  # running statistics that are not those of the beginning
    theirs.eval()
    ours = convert.from_torch(theirs)
    assert ours.dtype == dtype
    expected = theirs(x).detach().numpy()
    np.testing.assert_allclose(ours.predict(X), expected, rtol=rtol, atol=rtol)
    again = convert.to_torch(ours)
    np.testing.assert_allclose(again(x).detach().numpy(), expected, rtol=rtol, atol=rtol)
    assert {str(p.dtype) for p in again.parameters()} == {f"torch.{dtype}"}
    kept = theirs[1].weight.detach().numpy().copy()
    ours.layers[0].kernel[...] = 0  # nothing is shared
    np.testing.assert_array_equal(theirs[1].weight.detach().numpy(), kept)
    np.testing.assert_array_equal(again[0].weight.detach().numpy(), kept)


def test_training_goes_on_as_in_torch(torch, X, rng):
    """Three steps of SGD with batch norms in training: weights and running statistics stay together."""
    nn = torch.nn
    torch.manual_seed(1)
    theirs = nn.Sequential(nn.Linear(5, 6), nn.BatchNorm1d(6), nn.Tanh(), nn.Linear(6, 1)).double()
    ours = convert.from_torch(theirs).compile(dk.optimizers.SGD(0.1), "mse")
    y = rng.normal(size=(len(X), 1))
    optimizer, x, t = torch.optim.SGD(theirs.parameters(), 0.1), torch.from_numpy(X).double(), torch.from_numpy(y)
    for _ in range(3):
        optimizer.zero_grad()
        nn.functional.mse_loss(theirs(x), t).backward()
        optimizer.step()
        ours.train_on_batch(X, y)
    again = convert.to_torch(ours)
    for name, value in theirs.eval().state_dict().items():
        if name.endswith("num_batches_tracked"):
            continue
        np.testing.assert_allclose(again.state_dict()[name].numpy(), value.numpy(), rtol=1e-9, atol=1e-12, err_msg=name)


NAMES = (
    "identity relu leaky_relu elu selu gelu gelu_tanh silu mish sigmoid hard_sigmoid tanh softplus softsign hard_swish "
    "relu6 hard_tanh softshrink"
)


@pytest.mark.parametrize("name", [*NAMES.split(), "softmax", "log_softmax"])
def test_every_activation(torch, X, rng, name):
    model = busy(dk.Sequential([Dense(4, name), Dense(3), Activation(name)], seed=0), X, rng)
    theirs = convert.to_torch(model)
    expected = theirs(torch.from_numpy(X)).detach().numpy()
    np.testing.assert_allclose(model(X), expected, rtol=2e-6, atol=2e-6)
    np.testing.assert_allclose(convert.from_torch(theirs).predict(X), expected, rtol=2e-6, atol=2e-6)


def test_every_activation_is_tested():
    assert {*NAMES.split(), "softmax", "log_softmax"} == set(dk.layers.ACTIVATIONS)


@pytest.mark.parametrize(("dtype", "rtol"), [("float32", 2e-6), ("float64", 1e-12)])
@pytest.mark.parametrize("options", [{}, {"eps": 1e-3}, {"eps": 0.0}, {"elementwise_affine": False}])
def test_rms_norm(torch, X, dtype, rtol, options):
    """eps=None, the default, is that of the dtype."""
    torch.manual_seed(2)
    theirs = torch.nn.Sequential(torch.nn.Linear(5, 4), torch.nn.RMSNorm(4, **options)).to(getattr(torch, dtype))
    for parameter in theirs[1].parameters():
        parameter.data.uniform_(0.5, 2)
    x = torch.from_numpy(X.astype(dtype)) * 1e-3  # so that eps matters
    ours = convert.from_torch(theirs)
    assert ours.layers[1].eps == options.get("eps", np.finfo(dtype).eps)
    expected = theirs(x).detach().numpy()
    np.testing.assert_allclose(ours.predict(x.numpy()), expected, rtol=rtol, atol=rtol)
    again = convert.to_torch(ours)
    np.testing.assert_allclose(again(x).detach().numpy(), expected, rtol=rtol, atol=rtol)
    assert len(list(again[1].parameters())) == len(list(theirs[1].parameters()))


@pytest.mark.parametrize("count", [1, 4])
def test_prelu(torch, X, count):
    nn = torch.nn
    torch.manual_seed(3)
    theirs = nn.Sequential(nn.Linear(5, 4), nn.PReLU(count, init=-0.5), nn.Linear(4, 2))
    theirs[1].weight.data.uniform_(-1, 1)
    theirs[1].requires_grad_(False)
    x = torch.from_numpy(X)
    ours = convert.from_torch(theirs)
    assert (ours.layers[1].shared, ours.layers[1].init, ours.layers[1].trainable) == (count == 1, -0.5, False)
    assert ours.layers[1].alpha.shape == (count,)
    expected = theirs(x).detach().numpy()
    np.testing.assert_allclose(ours.predict(X), expected, **CLOSE)
    again = convert.to_torch(ours)
    np.testing.assert_allclose(again(x).detach().numpy(), expected, **CLOSE)
    assert again[1].num_parameters == count
    assert not again[1].weight.requires_grad
    assert convert.from_torch(nn.Sequential(nn.PReLU(7))).inputs == 7


def test_the_threshold_of_softshrink(torch, X):
    theirs = torch.nn.Sequential(torch.nn.Linear(5, 4), torch.nn.Softshrink(0.125))
    ours = convert.from_torch(theirs)
    expected = theirs(torch.from_numpy(X)).detach().numpy()
    np.testing.assert_allclose(ours.predict(X), expected, **CLOSE)
    assert convert.to_torch(ours)[1].lambd == 0.125


@pytest.mark.parametrize("options", [{}, {"scale": False}, {"center": False}, {"scale": False, "center": False}])
@pytest.mark.parametrize("norm", [BatchNorm, LayerNorm])
def test_norms_with_some_parameters(torch, X, rng, norm, options):
    model = busy(dk.Sequential([Dense(4), norm(eps=1e-3, **options)], seed=0), X, rng)
    theirs = convert.to_torch(model)
    np.testing.assert_allclose(theirs(torch.from_numpy(X)).detach().numpy(), model(X), rtol=2e-6, atol=2e-6)
    if norm is BatchNorm:
        assert theirs[1].momentum == pytest.approx(1 - 0.9)


def test_frozen_layers_stay_frozen(torch, X):
    theirs = torch.nn.Sequential(torch.nn.Linear(5, 4), torch.nn.ReLU(), torch.nn.Linear(4, 1))
    theirs[0].requires_grad_(False)
    ours = convert.from_torch(theirs)
    assert [layer.trainable for layer in ours.layers] == [False, True]
    assert [p.requires_grad for p in convert.to_torch(ours).parameters()] == [False, False, True, True]


SHAPED = {
    "flatten": ((4, 3), lambda nn: [nn.Flatten(), nn.Linear(12, 5), nn.ReLU()]),
    "along the last axis": ((4, 3), lambda nn: [nn.Linear(3, 5), nn.GELU(), nn.LayerNorm(5), nn.Linear(5, 2)]),
    "root mean square": ((4, 3), lambda nn: [nn.Linear(3, 5), nn.PReLU(), nn.RMSNorm(5), nn.Linear(5, 2)]),
    "flatten later": ((4, 3), lambda nn: [nn.Linear(3, 5), nn.Flatten(), nn.Tanh(), nn.Linear(20, 2)]),
    "softmax": ((4, 3), lambda nn: [nn.Linear(3, 5), nn.Softmax(dim=2), nn.Linear(5, 2), nn.LogSoftmax(dim=-1)]),
    "channels first": ((3, 8, 8), lambda nn: [nn.Flatten(), nn.Linear(192, 4), nn.BatchNorm1d(4), nn.Linear(4, 2)]),
    "unflatten": (12, lambda nn: [nn.Unflatten(1, (4, 3)), nn.Linear(3, 5), nn.Flatten(1, 2), nn.Linear(20, 1)]),
    "unflatten a part": ((2, 12), lambda nn: [nn.Unflatten(-1, (4, -1)), nn.Linear(3, 5), nn.SiLU()]),
    "flatten a part": ((2, 4, 3), lambda nn: [nn.Flatten(2), nn.Linear(12, 5), nn.Flatten(1, 2), nn.Linear(10, 2)]),
    "of plain rows": (12, lambda nn: [nn.Linear(12, 6), nn.Flatten(), nn.ReLU(), nn.Unflatten(1, (2, 3))]),
}


@pytest.mark.parametrize("name", SHAPED)
def test_shapes_from_torch_and_back(torch, rng, name):
    shape, parts = SHAPED[name]
    torch.manual_seed(0)
    theirs = torch.nn.Sequential(*parts(torch.nn)).double()
    X = rng.normal(size=(9, *(shape if isinstance(shape, tuple) else (shape,))))
    x = torch.from_numpy(X)
    theirs.train()(x)
    theirs.eval()
    ours = convert.from_torch(theirs, inputs=shape)
    expected = theirs(x).detach().numpy()
    assert ours.input_shape == X.shape[1:]
    np.testing.assert_allclose(ours.predict(X), expected, rtol=1e-12, atol=1e-12)
    again = convert.to_torch(ours)
    np.testing.assert_allclose(again(x).detach().numpy(), expected, rtol=1e-12, atol=1e-12)
    once_more = convert.from_torch(again, inputs=shape)
    np.testing.assert_allclose(once_more.predict(X), expected, rtol=1e-12, atol=1e-12)


def test_plain_rows_of_torch_need_no_shape(torch, X):
    """A Flatten in front is left out, an Unflatten says how many columns there are."""
    nn = torch.nn
    ours = convert.from_torch(nn.Sequential(nn.Flatten(), nn.Linear(5, 4), nn.ReLU()))
    assert ours.input_shape == (5,)
    assert [type(layer) for layer in ours.layers] == [Dense]
    ours = convert.from_torch(nn.Sequential(nn.Unflatten(1, (1, 5)), nn.Linear(5, 4)))
    assert (ours.input_shape, ours.output_shape) == ((5,), (1, 4))


def test_reshape_to_torch_goes_over_a_plain_row(torch, rng):
    model = dk.Sequential([Input((4, 6)), Reshape((3, 8)), Dense(2, "softmax"), Reshape(6)], seed=0).build((4, 6))
    theirs = convert.to_torch(model)
    X = rng.normal(size=(7, 4, 6)).astype(np.float32)
    np.testing.assert_allclose(theirs(torch.from_numpy(X)).detach().numpy(), model(X), rtol=1e-6)
    assert [type(part).__name__ for part in theirs] == ["Flatten", "Unflatten", "Linear", "Softmax", "Flatten"]


@pytest.mark.parametrize(
    ("shape", "parts", "message"),
    [
        (
            None,
            lambda nn: [nn.Linear(3, 5), nn.Flatten(), nn.Linear(20, 2)],
            r"20 columns, but .* \(5,\).*inputs= says",
        ),
        ((4, 3), lambda nn: [nn.Linear(4, 5)], r"takes 4 columns, but rows of shape \(4, 3\) come in"),
        ((4, 3), lambda nn: [nn.Linear(3, 5), nn.BatchNorm1d(5)], r"columns in axis 1, but rows are of shape \(4, 5\)"),
        ((4, 3), lambda nn: [nn.PReLU(3)], r"columns in axis 1, but rows are of shape \(4, 3\)"),
        ((4, 3), lambda nn: [nn.LayerNorm((4, 3))], "normalizes several axes"),
        ((4, 3), lambda nn: [nn.Softmax(dim=1)], "has no counterpart"),
        ((4, 3), lambda nn: [nn.Flatten(0)], "flattens something else than rows"),
        ((4, 3), lambda nn: [nn.Unflatten(2, (2, 2))], r"does not fit rows of shape \(4, 3\)"),
        ((4, 3), lambda nn: [nn.Unflatten(3, (2, 2))], r"does not fit rows of shape \(4, 3\)"),
        (None, lambda nn: [nn.Unflatten(2, (2, 2)), nn.Linear(2, 2)], "inputs= says which they have"),
        (0, lambda nn: [nn.Linear(2, 2)], "inputs must be a whole number from 1"),
    ],
)
def test_shapes_that_do_not_fit(torch, shape, parts, message):
    with pytest.raises(ValueError, match=message):
        convert.from_torch(torch.nn.Sequential(*parts(torch.nn)), inputs=shape)


def test_a_batch_norm_of_several_axes_is_not_torchs(torch):
    with pytest.raises(ValueError, match=r"no module like BatchNorm\(\) for rows of shape \(4, 3\)"):
        convert.to_torch(dk.Sequential([Input((4, 3)), BatchNorm()], seed=0).build((4, 3)))


def test_what_has_no_counterpart(torch):
    nn = torch.nn
    for module, message in (
        (nn.Sequential(nn.Linear(2, 2), nn.CELU()), "CELU"),
        (nn.Sequential(nn.Linear(2, 2), nn.Hardtanh(0, 1)), r"Hardtanh\(min_val=0, .*which goes from -1 to 1"),
        (nn.Sequential(nn.Linear(4, 4), nn.RMSNorm((2, 2))), "normalizes several axes"),
        (nn.Sequential(nn.PReLU()), "how many columns"),
        (nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2, momentum=None)), "constant decay"),
        (nn.Sequential(nn.Linear(2, 2), nn.Softplus(beta=2)), "Softplus"),
        (nn.Linear(2, 2).half(), "torch.float16"),
        (nn.Sequential(nn.ReLU()), "how many columns"),
        (nn.Sequential(nn.Flatten(0), nn.Linear(2, 2)), "flattens"),
    ):
        with pytest.raises(ValueError, match=message):
            convert.from_torch(module)
    for layer in (
        Residual([Dense(2)]),
        GaussianNoise(0.1),
        Dropout(0.1, mode="classic"),
        Lambda(np.square),
        Activation("log_softmax", temperature=2.0),
        Scale(),
        Rescaling(0.5),
    ):
        with pytest.raises(ValueError, match=r"PyTorch has no module like|no temperature"):
            convert.to_torch(dk.Sequential([Dense(2), layer], seed=0).build(2))
    with pytest.raises(ValueError, match="no weights yet"):
        convert.to_torch(dk.Sequential([Dense(1)]))
