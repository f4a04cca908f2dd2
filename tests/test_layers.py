"""The layers: constructors, what they refuse, repr, names, freezing, layers written in Python."""

from __future__ import annotations

import numpy as np
import pytest
from python_layers import Scale, Stretch

import densekit as dk
import densekit.functional as F
from densekit import layers
from densekit.layers import (
    Activation,
    BatchNorm,
    Dense,
    Dropout,
    GaussianNoise,
    Input,
    Lambda,
    Layer,
    LayerNorm,
    Residual,
)


@pytest.mark.parametrize(
    ("make", "kind", "text"),
    [
        (lambda: Dense(0), ValueError, "Dense: units must be a whole number from 1 .*, got 0"),
        (lambda: Dense(2.5), TypeError, r"Dense: units must be a whole number, got 2.5 \(float\)"),
        (lambda: Dense(2, "rleu"), ValueError, r"got 'rleu' \(did you mean 'relu'\?\)"),
        (lambda: Dense(2, lambda x: x), TypeError, "for a function of your own use layers.Lambda"),
        (lambda: Dense(2, kernel_initializer="he_norml"), ValueError, r"\(did you mean 'he_normal'\?\)"),
        (lambda: Dense(2, kernel_regularizer="l3"), ValueError, "'l1', 'l2'"),
        (lambda: Dense(2, use_bias="no"), TypeError, "use_bias must be True or False, got 'no'"),
        (lambda: Dense(2, name="a.b"), ValueError, r"name must be letters, .*, got 'a.b'"),
        (lambda: Dense(2, inputs=0), ValueError, "inputs must be a whole number from 1 .*, got 0"),
        (
            lambda: BatchNorm(momentum=0.9),
            TypeError,
            "PyTorch momentum=0.1 and Keras momentum=0.9 both mean stats_decay=0.9",
        ),
        (lambda: BatchNorm(epsilon=1e-3), TypeError, "epsilon is not a parameter; write eps="),
        (lambda: BatchNorm(0), ValueError, r"axis must be -1 \(or 1\), the columns of \(rows, columns\), got 0"),
        (lambda: BatchNorm(running_var="sample"), ValueError, "'biased', 'unbiased', got 'sample'"),
        (lambda: BatchNorm(stats_decay=2), ValueError, r"stats_decay must be a finite number in \[0, 1\], got 2"),
        (lambda: LayerNorm(epsilon=1), TypeError, "write eps="),
        (lambda: Dropout(p=0.5), TypeError, "rate is the probability of being dropped"),
        (lambda: Dropout(keep_prob=0.5), TypeError, "1 - keep_prob"),
        (lambda: Dropout(1.5), ValueError, r"rate must be a finite number in \[0, 1\], got 1.5"),
        (lambda: Dropout(0.5, mode="alpha"), ValueError, "'inverted', 'classic', got 'alpha'"),
        (lambda: GaussianNoise(stddev=1), TypeError, "write std="),
        (lambda: GaussianNoise(-1), ValueError, "std must be"),
        (lambda: Activation("relu", slope=0.1), TypeError, "relu takes no number, got slope=0.1"),
        (lambda: Activation("elu", slope=0.1), TypeError, "elu takes alpha, got slope=0.1"),
        (lambda: Activation("softmax", temperature=0), ValueError, "temperature must be .*got 0"),
        (lambda: Residual([]), TypeError, "a list with at least one layer"),
        (lambda: Residual([Dense]), TypeError, r"Dense is a class; write Dense\(…\)"),
        (lambda: Residual(["relu"]), TypeError, r"'relu' is no layer; write Activation\('relu'\)"),
        (lambda: Lambda("square"), TypeError, "function and gradient must be functions"),
        (lambda: Input(()), ValueError, r"Input: shape must have 1 to 8 axes, got \(\)"),
        (lambda: Input((8, 0)), ValueError, "Input: shape must be a whole number from 1 to"),
        (lambda: dk.Sequential(Dense(2)), TypeError, "layers must be a list of layers"),
        (lambda: dk.Sequential([3]), TypeError, "expected layers of densekit.layers, got 3"),
        (lambda: layers.Linear, AttributeError, r"Linear\(64, 10\) is Dense\(10\)"),
        (lambda: layers.Conv2D, AttributeError, "no attribute 'Conv2D'"),
    ],
)
def test_errors_say_what_to_write(make, kind, text):
    with pytest.raises(kind, match=text):
        make()


def test_repr_reads_like_the_constructor():
    for text in (
        "Dense(3)",
        "Dense(3, 'relu', use_bias=False, kernel_regularizer=L2(lam=0.1, compat='torch'), name='first', inputs=2)",
        "Dense(3, trainable=False)",
        "Activation('leaky_relu', slope=0.2)",
        "BatchNorm(eps=0.001, running_var='unbiased', center=False)",
        "LayerNorm()",
        "Dropout(0.5, mode='classic')",
        "GaussianNoise(0.1)",
        "Residual([Dense(3), Activation('tanh')], name='block')",
        "Input(64)",
        "Scale(3.0, name='s')",
    ):
        made = eval(text, {**vars(layers), "L2": dk.regularizers.L2, "Scale": Scale})
        assert repr(made) == text
    assert repr(Dense(3, kernel_initializer=np.ones((4, 3)))) == (
        "Dense(3, kernel_initializer=<float64 array of (4, 3)>)"
    )
    square = Lambda(np.square, inputs=2)
    dk.Sequential([square])
    assert repr(square) == "Lambda(<ufunc 'square'>, inputs=2)"
    assert repr(Lambda(np.square, outputs=3)) == "Lambda(<ufunc 'square'>, outputs=3)"


def test_names_are_unique_and_stable():
    block = Residual([Dense(2), Dense(2)])
    model = dk.Sequential([Dense(2), block, Dense(2, name="dense_2"), Dense(2), BatchNorm(), Scale()])
    assert [layer.name for layer in model.layers] == ["dense", "residual", "dense_2", "dense_4", "batch_norm", "scale"]
    assert [layer.name for layer in block.layers] == ["dense_1", "dense_3"]
    with pytest.raises(ValueError, match="two layers are called 'dense'; names must be unique"):
        model.add(Dense(2, name="dense"))
    with pytest.raises(ValueError, match="keeps its name while it belongs to a model"):
        model.layers[0].name = "other"
    with pytest.raises(ValueError, match="dense already belongs to a model; make a new layer, or clone the model"):
        dk.Sequential([model.layers[0]])
    assert Dense(2).name is None
    for again in (model.clone(), dk.Sequential.from_config(model.clone().config(), {"Scale": Scale})):
        assert [layer.name for layer in again.layers] == [layer.name for layer in model.layers]


def test_input_gives_the_width():
    for first in (Input(4), Input((4,))):
        model = dk.Sequential([first, Dense(2)], seed=0)
        assert (model.inputs, model.outputs, len(model.layers)) == (4, 2, 1)
        assert model.layers[0].kernel.shape == (4, 2)
    with pytest.raises(ValueError, match="Input is the first element of the list"):
        dk.Sequential([Dense(2), Input(4)])
    with pytest.raises(ValueError, match=r"Input\(4\), but the first layer has inputs=3"):
        dk.Sequential([Input(4), Dense(2, inputs=3)])


@pytest.mark.parametrize("name", layers.ACTIVATIONS)
def test_activations_are_those_of_functional(engine, name, rng):
    x = rng.normal(size=(5, 4))
    function = {"gelu_tanh": lambda z: F.gelu(z, approximate="tanh"), "identity": lambda z: z}.get(name)
    expected = (function or getattr(F, name))(x)
    for model in (
        dk.Sequential([Dense(4, name, kernel_initializer=np.eye(4))], dtype="float64", engine=engine),
        dk.Sequential([Activation(name)], dtype="float64", engine=engine),
    ):
        np.testing.assert_allclose(model(x), expected, rtol=1e-13, atol=1e-15)


def test_activation_numbers_functions_and_synonyms(engine, rng):
    x = rng.normal(size=(5, 4))

    def out(*args, **kwargs):
        return dk.Sequential([Activation(*args, **kwargs)], dtype="float64", engine=engine)(x)

    np.testing.assert_array_equal(out("leaky_relu", slope=0.3), np.where(x > 0, x, 0.3 * x))
    np.testing.assert_allclose(out("elu", alpha=2.0), np.where(x > 0, x, 2 * np.expm1(x)), rtol=1e-13)
    np.testing.assert_allclose(out("softmax", temperature=2.0), F.softmax(x / 2), rtol=1e-13)
    np.testing.assert_array_equal(out(F.tanh), out("tanh"))
    np.testing.assert_array_equal(out("swish"), out("silu"))
    np.testing.assert_array_equal(out("linear"), x)
    inside = dk.Sequential(
        [Dense(4, Activation("elu", alpha=2.0), kernel_initializer=np.eye(4))], dtype="float64", engine=engine
    )
    np.testing.assert_array_equal(inside(x), out("elu", alpha=2.0))


def test_initial_values_of_the_user(engine):
    kernel, made = np.arange(6.0).reshape(2, 3), []

    def bias(shape, rng):
        made.append(rng.normal(size=shape))
        return made[-1]

    def build(seed):
        layer = Dense(3, kernel_initializer=kernel, bias_initializer=bias)
        return dk.Sequential([layer], seed=seed, dtype="float64", engine=engine).build(2)

    model = build(1)
    np.testing.assert_array_equal(model.layers[0].kernel, kernel)
    np.testing.assert_array_equal(model.layers[0].bias, made[0])
    again, other = build(1), build(2)
    np.testing.assert_array_equal(again.layers[0].bias, model.layers[0].bias)
    assert (other.layers[0].bias != model.layers[0].bias).all()
    assert (kernel == np.arange(6.0).reshape(2, 3)).all()
    with pytest.raises(ValueError, match=r"dense.kernel: .*\(2, 3\), but the parameter is \(5, 3\)"):
        dk.Sequential([Dense(3, kernel_initializer=kernel)], engine=engine).build(5)


def test_residual_keeps_the_width(engine, rng):
    x = rng.normal(size=(4, 3))
    kernel = rng.normal(size=(3, 3))
    block = Residual([Dense(3, "tanh", kernel_initializer=kernel)])
    model = dk.Sequential([block], dtype="float64", engine=engine)
    np.testing.assert_allclose(model(x), x + np.tanh(x @ kernel), rtol=1e-12)
    with pytest.raises(ValueError, match=r"3 columns come in and 2 come out; end the block with Dense\(3\)"):
        dk.Sequential([Residual([Dense(2)])], engine=engine).build(3)


def test_frozen_layers_do_not_move(engine, rng):
    X, y = rng.normal(size=(40, 3)), rng.normal(size=40)
    model = dk.Sequential(
        [Dense(4, "tanh"), Residual([Dense(4), BatchNorm()]), Dense(1)], seed=0, dtype="float64", engine=engine
    ).compile("adam", "mse")
    model.fit(X, y, epochs=2, verbose=0)
    step, states = model.step, [s.copy() for s in model._engine.states]
    model.layers[1].trainable = False
    before = {name: value.copy() for name, value in model.weights.items()}
    assert model.step == step  # the optimizer goes on
    for old, new in zip(states, model._engine.states, strict=True):
        np.testing.assert_array_equal(old, new)
    model.fit(X, y, epochs=2, verbose=0)
    moved = {name for name, value in model.weights.items() if (value != before[name]).any()}
    assert moved == {"dense.kernel", "dense.bias", "dense_2.kernel", "dense_2.bias"}
    model.layers[1].trainable = True
    model.fit(X, y, verbose=0)
    assert (model.weights["dense_1.kernel"] != before["dense_1.kernel"]).any()
    with pytest.raises(TypeError, match="trainable must be True or False, got 0"):
        model.layers[1].trainable = 0


def test_layers_written_in_python_are_layers_like_others(engine, rng):
    X, y = rng.normal(size=(30, 3)), rng.normal(size=(30, 2))

    def model(middle):
        made = dk.Sequential([Dense(3, "tanh"), middle, Dense(2)], seed=0, dtype="float64", engine=engine)
        return made.compile(dk.optimizers.SGD(0.1), "mse")

    a, b = model(Scale(1.0)), model(Dense(3, use_bias=False, kernel_initializer=np.eye(3), trainable=False))
    a.build(3)
    b.build(3)
    b.set_weights({"dense.kernel": a.layers[0].kernel, "dense_2.kernel": a.layers[2].kernel})
    np.testing.assert_allclose(a(X), b(X), rtol=1e-14)
    a.layers[1].trainable = False
    for made in (a, b):
        made.fit(X, y, epochs=3, verbose=0)
    np.testing.assert_allclose(a.layers[0].kernel, b.layers[0].kernel, rtol=1e-10)
    a.layers[1].trainable = True
    a.fit(X, y, epochs=3, verbose=0)
    assert (a.layers[1].weight("factor") != 1).all()
    assert a.summary().layers[1].parameters == 3


def test_what_python_layers_do_wrong(engine, rng):
    X, y = rng.normal(size=(8, 3)), rng.normal(size=(8, 3))

    def fails(layer, text, kind, call="fit"):
        # Behind another layer, so that its gradient is asked for.
        model = dk.Sequential([Dense(3), layer], seed=0, dtype="float64", engine=engine).compile("sgd", "mse")
        with pytest.raises(kind, match=text):
            model.predict(X) if call == "predict" else model.fit(X, y, verbose=0)
        return model

    class Wide(Layer):
        def forward(self, x, parameters, training):
            return np.hstack([x, x]), None

    class NoPair(Layer):
        def forward(self, x, parameters, training):
            return x

    class NoWidth(Layer):
        def build(self, inputs):
            pass

    class Narrow(Scale):
        def backward(self, dy, saved, parameters, gradients):
            return dy[:, :2]

    class Twice(Layer):
        def build(self, inputs):
            self.add_parameter("w", (1,))
            self.add_parameter("w", (1,))

    fails(Wide(), r"wide.forward: y is \(8, 6\), expected \(8, 3\)", ValueError, "predict")
    fails(NoPair(), r"no_pair.forward must return \(y, saved\), got ndarray", TypeError, "predict")
    fails(NoWidth(), "no_width: build must return the width of the output, got None", TypeError)
    fails(Narrow(), r"narrow.backward: dx is \(8, 2\), expected \(8, 3\)", ValueError)
    fails(Twice(), "that the layer does not use yet, got 'w'", ValueError)
    fails(Lambda(np.square), r"write Lambda\(function, gradient\) to train through it", TypeError)
    model = fails(Scale("orthogonal"), "give a number, an array, or a function", TypeError)
    assert model.step == 0


def test_an_error_of_a_python_layer_ends_the_fit_before_the_update(engine, rng):
    X, y = rng.normal(size=(8, 3)), rng.normal(size=(8, 3))

    class Moody(Scale):
        calls = 0

        def backward(self, dy, saved, parameters, gradients):
            Moody.calls += 1
            if Moody.calls == 3:
                raise KeyError("not today")
            return super().backward(dy, saved, parameters, gradients)

    model = dk.Sequential([Moody()], seed=0, dtype="float64", engine=engine).compile("sgd", "mse")
    seen = []
    watch = dk.callbacks.LambdaCallback(on_train_batch_end=lambda b, logs: seen.append(model.get_weights()))
    with pytest.raises(KeyError, match="not today"):
        model.fit(X, y, batch_size=2, verbose=0, callbacks=watch)
    assert model.step == 2
    np.testing.assert_array_equal(model.get_weights()[0], seen[-1][0])
    model.fit(X, y, batch_size=2, verbose=0)


def test_python_losses(engine, rng):
    X, y = rng.normal(size=(20, 3)), rng.normal(size=(20, 2))

    def squares(pred, target):
        d = pred - target
        return float((d**2).mean()), 2 * d / d.size

    ours, theirs = (
        dk.Sequential([Dense(2)], seed=0, dtype="float64", engine=engine).compile("sgd", loss)
        for loss in ("mse", squares)
    )
    a, b = (model.fit(X, y, epochs=3, verbose=0) for model in (ours, theirs))
    np.testing.assert_allclose(a.history["loss"], b.history["loss"], rtol=1e-12)
    assert theirs.evaluate(X, y)["loss"] == pytest.approx(ours.evaluate(X, y)["loss"])
    with pytest.raises(TypeError, match="squares: it takes no sample_weight"):
        theirs.fit(X, y, sample_weight=np.ones(20), verbose=0)


def test_custom_layers_from_a_config():
    model = dk.Sequential([Stretch(3.0, inputs=2), Residual([Stretch()])], seed=0)
    with pytest.raises(ValueError, match=r"'Stretch' is not one of densekit's; give it as \{'Stretch': Stretch\} in "):
        dk.Sequential.from_config(model.config())
    made = dk.Sequential.from_config(model.config(), custom={"Stretch": Stretch})
    assert repr(made) == repr(model)
    with pytest.raises(TypeError, match=r"lambda.function: .* cannot be saved"):
        dk.Sequential([Lambda(lambda x: x)]).config()
