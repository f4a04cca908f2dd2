"""Saved models: exact, readable by NumPy, resumed as if nothing had happened; damaged and hostile files are refused."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import tracemalloc
import zipfile

import numpy as np
import pytest
from models import noisy, plain
from python_layers import Scale, Stretch

import densekit as dk
from densekit import _archive, _core, _files
from densekit.layers import Activation, BatchNorm, Dense, Dropout, GaussianNoise, Lambda, LayerNorm, Residual

ENGINES = ["native", "reference"]


@pytest.fixture
def path(tmp_path):
    return tmp_path / "model.npz"


@pytest.fixture
def data(rng):
    X = rng.normal(size=(64, 5))
    return X, X.sum(axis=1, keepdims=True) ** 2


def same_state(a, b):
    assert list(a.weights) == list(b.weights)
    for name, value in a.weights.items():
        np.testing.assert_array_equal(value, b.weights[name], err_msg=name)
    for mine, other in zip(a._ready().states, b._ready().states, strict=True):
        np.testing.assert_array_equal(mine, other)
    assert (a.step, a.epoch, a.seed, a.dtype) == (b.step, b.epoch, b.seed, b.dtype)
    assert a.config() == b.config()
    assert list(map(repr, a.layers)) == list(map(repr, b.layers))


OPTIMIZERS = [
    "sgd", "momentum", "nesterov", "rmsprop", "adagrad", "adadelta", "adam", "adamw", "adamax", "nadam", "lion",
    dk.optimizers.Adam(dk.schedules.Cosine(0.01)), dk.optimizers.SGD(0.1, momentum=0.9, compat="keras"),
]  # fmt: skip


@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=str)
@pytest.mark.parametrize("engine", ENGINES)
def test_round_trip(engine, optimizer, data, path):
    model = noisy(engine, optimizer, regularizer=dk.regularizers.L2(0.01), clip_norm=1.0, metrics=["mae"])
    model.fit(*data, epochs=2, verbose=0)
    model.save(path)
    loaded = dk.load(path, engine=engine)
    same_state(loaded, model)
    np.testing.assert_array_equal(loaded.predict(data[0]), model.predict(data[0]))
    before = path.read_bytes()
    loaded.save(path)
    assert path.read_bytes() == before  # the bytes follow from the model


ALL_KINDS = [
    Dense(6, Activation("leaky_relu", slope=0.3), kernel_initializer="he_normal", kernel_regularizer="l1", inputs=5),
    BatchNorm(running_var="unbiased", center=False, name="a norm"),
    Residual([Dense(6, "gelu", use_bias=False), LayerNorm(), Residual([Dropout(0.1, mode="classic")])]),
    GaussianNoise(0.1),
    Activation("elu", alpha=0.5),
    Dense(4, "softmax", kernel_initializer="orthogonal", bias_initializer=[1, 2, 3, 4], trainable=False),
]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("engine", ENGINES)
def test_all_layers(engine, dtype, path, rng):
    import copy

    model = dk.Sequential(copy.deepcopy(ALL_KINDS), seed=2**64 - 1, dtype=dtype, name="näme", engine=engine)
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy", "top_2"], clip_value=0.5)
    X, y = rng.normal(size=(40, 5)), rng.integers(0, 4, 40)
    model.fit(X, y, epochs=2, verbose=0)
    model.save(path)
    same_state(dk.load(path, engine=engine), model)
    for other in ENGINES:
        np.testing.assert_allclose(dk.load(path, engine=other).predict(X), model.predict(X), rtol=1e-5, atol=1e-6)


def test_numpy_reads_it(path, data):
    model = noisy("native")
    model.fit(*data, verbose=0)
    model.save(path)
    with np.load(path, allow_pickle=False) as arrays:
        for name, value in model.weights.items():
            np.testing.assert_array_equal(arrays[name.replace(".", "/")], value)
        np.testing.assert_array_equal(arrays["optimizer/1"], model._ready().states[1])
        header = json.loads(arrays["header"].tobytes())
    assert (header["format"], header["version"], header["numbers"]["step"]) == ("densekit model", 1, 2)
    assert zipfile.ZipFile(path).testzip() is None


@pytest.mark.parametrize("engine", ENGINES)
def test_without_training_without_weights_without_layers(engine, path):
    for model in (
        dk.Sequential([Dense(3, inputs=2)], seed=4, engine=engine),
        dk.Sequential([Dense(3)], seed=4, engine=engine).compile("adam", "mse"),
        dk.Sequential(seed=4, engine=engine),
    ):
        model.save(path)
        loaded = dk.load(path, engine=engine)
        assert repr(loaded) == repr(model)
        assert loaded.built == model.built
        assert loaded.config() == model.config()


# Resuming.


def fit_on(model, X, y, first, last, **options):
    model.fit(X, y, epochs=last, initial_epoch=first, batch_size=16, verbose=0, **options)


@pytest.mark.parametrize(
    "rate",
    [
        0.01,
        dk.schedules.Cosine(0.01),
        dk.schedules.Plateau(0.05, monitor="loss", patience=0, threshold=9.0, threshold_mode="abs"),
    ],
    ids=["constant", "cosine", "plateau"],
)
@pytest.mark.parametrize("engine", ENGINES)
def test_resumed_training_equals_an_uninterrupted_one(engine, rate, data, path):
    """Cosine depends on the number of epochs, so both are told the same end."""
    epochs = 6

    class Saver(dk.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            self.model.save(path.with_name(f"{epoch + 1}.npz"))

    whole = noisy(engine, dk.optimizers.Adam(rate))
    fit_on(whole, *data, 0, epochs, callbacks=[Saver()])
    for done in range(1, epochs):
        loaded = dk.load(path.with_name(f"{done}.npz"), engine=engine)
        fit_on(loaded, *data, done, epochs)
        same_state(loaded, whole)


# What is written in Python.


def quartic(pred, target):
    return float(np.mean((pred - target) ** 4)), 4 * (pred - target) ** 3 / pred.size


def largest_error(y_true, y_pred):
    return float(np.abs(y_true - y_pred).max())


@pytest.mark.parametrize("engine", ENGINES)
def test_python_of_ones_own(engine, data, path):
    model = dk.Sequential([Dense(3, inputs=5), Stretch(0.5), Dense(1)], seed=1, engine=engine)
    model.compile("adam", quartic, metrics=[largest_error, "mae"])
    model.fit(*data, epochs=2, verbose=0)
    model.save(path)
    objects = {"Stretch": Stretch, "quartic": quartic, "largest_error": largest_error}
    loaded = dk.load(path, objects, engine=engine)
    same_state(loaded, model)
    assert loaded.evaluate(*data) == model.evaluate(*data)
    for name in objects:
        missing = {key: value for key, value in objects.items() if key != name}
        with pytest.raises(ValueError, match=rf"load: .*{name!r}.*give it as {{{name!r}: {name}}} in custom_objects="):
            dk.load(path, missing)


def test_a_class_that_changed_is_noticed(data, path):
    class Other(Scale):
        def build(self, inputs):
            self.add_parameter("factor", (1,), 1.0)
            return inputs

    dk.Sequential([Scale(inputs=5)], seed=1).save(path)
    with pytest.raises(ValueError, match=r"differs from the one that was saved, in layers: .* class in custom_objects"):
        dk.load(path, {"Scale": Other})


def half(x):
    return x / 2


def half_gradient(dy, x, y):
    return dy / 2


@pytest.mark.parametrize("engine", ENGINES)
def test_lambda_layers_are_saved_by_the_names_of_their_functions(engine, data, path):
    stack = [Lambda(dk.functional.tanh), Residual([Lambda(half, half_gradient)]), Dense(1)]
    model = dk.Sequential(stack, seed=1, engine=engine).compile("adam", "mse")
    model.fit(*data, epochs=1, verbose=0)
    model.save(path)
    with pytest.raises(ValueError, match=r"function 'half'.*give it as {'half': half} in custom_objects="):
        dk.load(path)
    loaded = dk.load(path, {"half": half, "half_gradient": half_gradient}, engine=engine)
    np.testing.assert_array_equal(loaded.predict(data[0]), model.predict(data[0]))
    for one in (model, loaded):
        one.fit(*data, epochs=1, verbose=0)
    same_state(loaded, model)


def test_functions_without_a_name_cannot_be_saved(path):
    with pytest.raises(TypeError, match="cannot be saved"):
        dk.Sequential([Lambda(lambda x: x, inputs=3)], seed=1).save(path)
    assert not path.exists()


# Damaged files.


def small_file(path):
    model = dk.Sequential([Dense(2, "tanh", inputs=2), Dense(1)], seed=1).compile("sgd", "mse")
    model.save(path)
    raw = path.read_bytes()
    assert len(raw) <= 4608
    return model, raw


def refused(raw):
    """Whether the file is a ValueError; anything else but a model is a failure of the test."""
    try:
        _files.read(io.BytesIO(raw), "it", {}, None)
    except ValueError as error:
        return str(error).startswith("load: it: ")
    return False


def test_every_truncation_is_refused(path):
    _, raw = small_file(path)
    assert all(refused(raw[:length]) for length in range(len(raw)))


def test_longer_files_are_refused(path):
    _, raw = small_file(path)
    for rest in (b"\0", raw, b"PK\5\6" + bytes(18)):
        assert refused(raw + rest)


@pytest.mark.parametrize("bit", range(8))
def test_every_flipped_bit_is_refused(path, bit):
    _, raw = small_file(path)
    for at in range(len(raw)):
        flipped = bytearray(raw)
        flipped[at] ^= 1 << bit
        assert refused(flipped), f"bit {bit} of byte {at}"


def test_flipped_bytes_of_a_larger_file(path, data, rng):
    model = noisy("native")
    model.fit(*data, verbose=0)
    model.save(path)
    raw = path.read_bytes()
    for at in rng.integers(0, len(raw), 2000):
        flipped = bytearray(raw)
        flipped[at] ^= int(rng.integers(1, 256))
        assert refused(flipped)


def with_header(raw, change):
    """The file with another header, made as a stranger would who knows the format."""
    reader = _archive.Reader(io.BytesIO(raw))
    header = json.loads(reader.header())
    arrays = np.load(io.BytesIO(raw))
    given = [arrays[e["name"]] for e in header["arrays"]]
    entries = [_archive.entry_of(e["name"], a) for e, a in zip(header["arrays"], given, strict=True)]
    change(header)
    text = np.frombuffer(json.dumps(header).encode(), np.uint8)
    return b"".join(_archive.parts_of([_archive.entry_of("header", text), *entries], [text, *given]))


def test_with_header_changes_nothing_by_itself(path):
    _, raw = small_file(path)
    assert with_header(raw, lambda header: None) == raw


HOSTILE = {
    "version": lambda h: h.update(version=2),
    "format": lambda h: h.update(format="other"),
    "no spec": lambda h: h.update(spec=None),
    "spec of a list": lambda h: h.update(spec=[1]),
    "huge layer": lambda h: h["spec"]["layers"][0].update(units=2**40),
    "huge layer, described alike": lambda h: (
        h["spec"]["layers"][0].update(units=2**30),
        h["python"]["layers"][0].update(units=2**30),
    ),
    "huge array": lambda h: h["arrays"][0].update(shape=[2**47]),
    "negative array": lambda h: h["arrays"][0].update(shape=[-1, 4]),
    "array of true": lambda h: h["arrays"][0].update(shape=[True, 4]),
    "other shape": lambda h: h["arrays"][0].update(shape=[4, 1]),
    "other type": lambda h: h["arrays"][0].update(dtype="|O"),
    "other checksum": lambda h: h["arrays"][0].update(crc32=5),
    "arrays renamed": lambda h: h["arrays"][0].update(name="dense/bias"),
    "an array less": lambda h: h["arrays"].pop(),
    "name of a number": lambda h: h["arrays"][0].update(name=5),
    "no numbers": lambda h: h.pop("numbers"),
    "negative step": lambda h: h["numbers"].update(step=-1),
    "step of a string": lambda h: h["numbers"].update(step="1"),
    "unknown layer": lambda h: h["python"]["layers"][0].update({"class": "Popen"}),
    "layer of a number": lambda h: h["python"].update(layers=[3]),
    "other activation": lambda h: h["python"]["layers"][0].update(activation="relu"),
    "unknown argument": lambda h: h["python"]["layers"][0].update(shell=True),
    "unknown optimizer": lambda h: h["python"]["compiled"]["optimizer"].update({"class": "eval"}),
    "NaN": lambda h: h["numbers"].update(step=float("nan")),
    "deep": lambda h: h.update(extra=json.loads("[" * 900 + "]" * 900)),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_files_that_lie(name, path):
    """Right in all bytes, wrong in what they say."""
    _, raw = small_file(path)
    tracemalloc.start()
    lying = with_header(raw, HOSTILE[name])
    if name == "deep":
        assert not refused(lying)  # what is not asked for is not looked at
    else:
        assert refused(lying)
    assert tracemalloc.get_traced_memory()[1] < 4 << 20
    tracemalloc.stop()


def test_files_that_are_no_models(path):
    np.savez(path, header=np.zeros(3), w=np.zeros(2))
    assert refused(path.read_bytes())
    for raw in (b"", b"PK", b"PK\3\4" + bytes(100), b"\x93NUMPY" + bytes(200), bytes(5000)):
        assert refused(raw)
    with pytest.raises(FileNotFoundError):
        dk.load(path.with_name("nothing"))


def test_memory_while_loading(path):
    """NumPy's arrays beside the engine's: next to nothing. The whole process: the model's own arrays and 1 MB."""
    model = dk.Sequential([Dense(700, inputs=700), Dense(700)], seed=0).compile("adam", "mse")
    model.save(path)
    tracemalloc.start()
    dk.load(path)
    assert tracemalloc.get_traced_memory()[1] < 1 << 20
    tracemalloc.stop()
    if sys.platform != "linux":
        return
    program = (
        "import resource, sys, densekit as dk; dk.load(sys.argv[1]); peak = lambda: resource.getrusage(0).ru_maxrss;"
        "before = peak(); model = dk.load(sys.argv[2]); print((peak() - before) * 1024)"
    )
    tiny = path.with_name("tiny.npz")
    dk.Sequential([Dense(1, inputs=1), Dense(1)], seed=0).compile("adam", "mse").save(tiny)
    grown = int(subprocess.run([sys.executable, "-c", program, tiny, path], capture_output=True, check=True).stdout)
    gradients = model._ready().parameters.nbytes
    assert grown <= path.stat().st_size + gradients + (1 << 20)


# Files that C++ wrote: there is a spec and no description for Python.


def described_by_the_spec(path):
    raw = with_header(path.read_bytes(), lambda header: header.update(python=None))
    path.write_bytes(raw)


@pytest.mark.parametrize("engine", ENGINES)
def test_without_a_description_for_python(engine, path, data):
    model = noisy(engine, dk.optimizers.SGD(0.1, momentum=0.9, nesterov=True, compat="keras"), clip_norm=1.0)
    model.fit(*data, verbose=0)
    model.save(path)
    described_by_the_spec(path)
    loaded = dk.load(path, engine=engine)
    for name, value in model.weights.items():
        np.testing.assert_array_equal(loaded.weights[name], value)
    fit_on(model, *data, 1, 3)
    fit_on(loaded, *data, 1, 3)
    for name, value in model.weights.items():
        np.testing.assert_array_equal(loaded.weights[name], value)


@pytest.mark.parametrize("number", [*range(30), *range(300, 340)])
def test_random_specs_have_a_description(number):
    from random_networks import Case

    from densekit import _network
    from densekit._spec_objects import as_python_says_it, config_of_spec

    spec = json.loads(_core.normalize_spec(Case(number, "float32").spec))
    model = dk.Sequential.from_config(json.loads(json.dumps(config_of_spec(spec))))
    made, _ = _network.network_spec(model.layers, model.seed, model.dtype, model._compiled)
    assert made == as_python_says_it(spec, made)


def test_save_is_a_method_and_a_function(path):
    model = plain("native")
    model.build(3)
    _files.save(model, str(path))
    same_state(dk.load(str(path)), model)
