"""A model that is saved, copied or asked for its weights while another thread changes it: of one moment."""

from __future__ import annotations

import copy
import itertools
import os
import pickle
import signal
import threading
import time
import warnings
import zlib

import numpy as np
import pytest

import densekit as dk
from densekit import _archive
from densekit.layers import BatchNorm, Dense

ENGINES = ["native", "reference"]


def counting(engine="native", width=256, optimizer=None, dtype="float32"):
    """Every update adds exactly 1 to every weight of the kernel, and a momentum of 0 keeps the gradient in a state."""
    layers = [Dense(1, use_bias=False, kernel_initializer="zeros", inputs=width)]
    model = dk.Sequential(layers, seed=0, engine=engine, dtype=dtype)
    return model.compile(optimizer or dk.optimizers.SGD(1.0, momentum=0.0), upwards)


def upwards(pred, target):
    """A loss whose gradient is -1 for each row."""
    return float(-pred.sum()), -np.ones_like(pred)


class Training:
    """fit in another thread, as long as the with block lasts."""

    def __init__(self, model, X, y, **options):
        self.model, self.stopped, self.error = model, False, None
        watch = dk.callbacks.LambdaCallback(on_epoch_end=self.after_epoch)
        self.thread = threading.Thread(target=self.run, args=(X, y), kwargs={**options, "callbacks": [watch]})

    def after_epoch(self, epoch, logs):
        self.model.stop_training = self.stopped

    def run(self, X, y, **options):
        try:
            self.model.fit(X, y, epochs=10**6, verbose=0, **options)
        except BaseException as error:
            self.error = error

    def __enter__(self):
        self.thread.start()
        while self.model.step == 0 and self.thread.is_alive():
            time.sleep(0.001)
        return self

    def __exit__(self, *_):
        self.stopped = True
        self.thread.join(60)
        assert self.error is None
        assert not self.thread.is_alive()


def one_value(array):
    np.testing.assert_array_equal(array, array.ravel()[0])
    return float(array.ravel()[0])


def loaded(path, model):
    return dk.load(path, {"upwards": upwards}, engine=model._engine_name)


WAYS = {
    "save": lambda model, path: (model.save(path), loaded(path, model))[1],
    "pickle": lambda model, path: pickle.loads(pickle.dumps(model)),
    "deepcopy": lambda model, path: copy.deepcopy(model),
    "clone": lambda model, path: model.clone(weights=True),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("engine", ENGINES)
def test_a_copy_is_of_one_moment(engine, way, tmp_path):
    """All weights have one value, and that is the number of updates that the copy says were done."""
    width = 40_000 if engine == "native" else 2_000
    model = counting(engine, width)
    X, y = np.ones((8, width), np.float32), np.zeros((8, 1), np.float32)
    seen, until = [], time.monotonic() + 60
    with Training(model, X, y, batch_size=1, shuffle=False):
        while (len(seen) < 20 or seen[-1] == seen[0]) and time.monotonic() < until:
            found = WAYS[way](model, tmp_path / "model.npz")
            value = one_value(found.weights["dense.kernel"])
            assert value == found.step
            seen.append(value)
    assert seen[-1] > seen[0]  # the training went on between them


@pytest.mark.parametrize("engine", ENGINES)
def test_weights_are_of_one_moment(engine):
    width = 40_000 if engine == "native" else 2_000
    model = counting(engine, width)
    X, y = np.ones((8, width), np.float32), np.zeros((8, 1), np.float32)
    with Training(model, X, y, batch_size=1, shuffle=False):
        values = []
        until = time.monotonic() + 60
        while (len(values) < 30 or values[-1] == values[0]) and time.monotonic() < until:
            values.append(one_value(model.get_weights()[0]))
    assert values == sorted(values)
    assert values[-1] > values[0]


def checked(path):
    """Reads all checksums with Python's own zlib, as a reader that knows nothing of densekit."""
    with np.load(path) as arrays:
        return {name: zlib.crc32(arrays[name].tobytes()) for name in arrays.files}


def test_every_file_can_be_read_with_adam_batch_norm_and_a_callback(tmp_path):
    """Two threads save, the training's own callback saves, too: every file is whole, and training ends as without."""
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(512, 32)).astype(np.float32), rng.normal(size=(512, 1)).astype(np.float32)

    def made():
        layers = [Dense(256, "relu"), BatchNorm(), Dense(1)]
        return dk.Sequential(layers, seed=0).compile("adam", "mse").build(32)

    model, plain, stop, errors = made(), made(), threading.Event(), []

    def saver(path):
        try:
            while not stop.is_set():
                model.save(path)
                dk.load(path)
                checked(path)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=saver, args=(tmp_path / f"{i}.npz",)) for i in range(2)]
    for thread in threads:
        thread.start()
    checkpoint = dk.callbacks.Checkpoint(tmp_path / "own.npz", monitor="loss")
    model.fit(X, y, epochs=12, verbose=0, callbacks=[checkpoint])
    stop.set()
    for thread in threads:
        thread.join(60)
    assert errors == []
    plain.fit(X, y, epochs=12, verbose=0)
    for name, value in plain.weights.items():
        np.testing.assert_array_equal(model.weights[name], value)
    assert dk.load(tmp_path / "own.npz").step == model.step


@pytest.mark.parametrize("engine", ENGINES)
def test_writes_into_views_leave_files_whole(engine, tmp_path):
    """Whoever writes into a view may tear it, but what is in the file has its checksum."""
    model = dk.Sequential([Dense(200, inputs=300)], seed=0, engine=engine).compile("adam", "mse").build(300)
    view, stop = model.weights["dense.kernel"], threading.Event()

    def write():
        value = 0.0
        while not stop.is_set():
            view[...] = value
            value += 1.0

    thread = threading.Thread(target=write)
    thread.start()
    try:
        for _ in range(60):
            model.save(tmp_path / "model.npz")
            dk.load(tmp_path / "model.npz", engine=engine)
    finally:
        stop.set()
        thread.join()


def test_every_array_is_copied_before_its_checksum_is_made(tmp_path, monkeypatch):
    """Without luck: the views change between the checksum and the writing."""
    model = dk.Sequential([Dense(3, inputs=2)], seed=0).compile("adam", "mse").build(2)
    entry_of = _archive.entry_of

    def and_then_write(name, array):
        entry = entry_of(name, array)
        for view in [*model.weights.values(), *model._ready().states]:
            view += 1.0
        return entry

    monkeypatch.setattr("densekit._files.entry_of", and_then_write)
    before = model.get_weights()
    model.save(tmp_path / "model.npz")
    for mine, kept in zip(dk.load(tmp_path / "model.npz").get_weights(), before, strict=True):
        np.testing.assert_array_equal(mine, kept)


def test_lbfgs_is_saved_where_the_search_is(tmp_path):
    """Not where its line search tries: the objective of saved files never grows."""
    pytest.importorskip("scipy")
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(300, 20)), rng.normal(size=(300, 1))
    model = dk.Sequential([Dense(30, "tanh"), Dense(1)], seed=0, dtype="float64")
    model.compile(dk.optimizers.LBFGS(maxiter=300), "mse").build(20)
    losses, done = [model.evaluate(X, y)], threading.Event()

    def save():
        while not done.is_set():
            model.save(tmp_path / "model.npz")
            losses.append(dk.load(tmp_path / "model.npz").evaluate(X, y))

    thread = threading.Thread(target=save)
    thread.start()
    model.fit(X, y, verbose=0)
    done.set()
    thread.join()
    values = [float(loss["loss"]) for loss in losses]
    assert all(b <= a + 1e-12 for a, b in itertools.pairwise(values))


def test_another_thread_may_not_change_what_is_trained():
    model = counting(width=4)
    X, y = np.ones((8, 4), np.float32), np.zeros((8, 1), np.float32)
    with Training(model, X, y):
        with pytest.raises(RuntimeError, match="another thread is training"):
            model.set_lr(0.5)
        with pytest.raises(RuntimeError, match="another thread is training"):
            model.layers[0].trainable = False
    model.set_lr(0.5)  # afterwards it may


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="needs setitimer")
@pytest.mark.parametrize("engine", ENGINES)
def test_a_signal_handler_saves_in_the_middle_of_fit(engine, tmp_path):
    """As a batch system's SIGTERM asks for: a whole file, or (NumPy in the middle of an update) a RuntimeError."""
    model = counting(engine, 3_000)
    X, y = np.ones((64, 3_000), np.float32), np.zeros((64, 1), np.float32)
    saved = []

    def handler(*_):
        try:
            model.save(tmp_path / "model.npz")
        except RuntimeError as error:
            saved.append(str(error))
            return
        found = loaded(tmp_path / "model.npz", model)
        assert one_value(found.weights["dense.kernel"]) == found.step
        saved.append(found.step)

    before = signal.signal(signal.SIGALRM, handler)
    signal.setitimer(signal.ITIMER_REAL, 0.02, 0.03)
    try:
        started = time.monotonic()
        watch = dk.callbacks.LambdaCallback(
            on_epoch_end=lambda e, logs: setattr(model, "stop_training", time.monotonic() - started > 1.0)
        )
        model.fit(X, y, batch_size=1, epochs=10**6, verbose=0, shuffle=False, callbacks=[watch])
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert len(saved) > 3
    assert any(isinstance(one, int) for one in saved)
    assert all(isinstance(one, int) or "in the middle of an update" in one for one in saved)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_fork_in_the_middle_of_training_does_not_hang(tmp_path):
    """The child saves a whole file, or gets a RuntimeError: the thread that held the model is not there."""
    model = counting(width=40_000)
    X, y = np.ones((8, 40_000), np.float32), np.zeros((8, 1), np.float32)
    with Training(model, X, y, batch_size=1), warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        for i in range(20):
            child = os.fork()
            if child == 0:
                try:
                    signal.alarm(20)
                    model.save(tmp_path / f"{i}.npz")
                    found = loaded(tmp_path / f"{i}.npz", model)
                    os._exit(0 if (found.weights["dense.kernel"] == found.step).all() else 1)
                except RuntimeError:
                    os._exit(2)
                except BaseException:
                    os._exit(3)
            assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) in (0, 2)
