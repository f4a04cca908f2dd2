"""Callbacks: when they are called, what they do to a model, what they write and show."""

from __future__ import annotations

import csv
import pickle
import re
import signal
import sys
from types import SimpleNamespace

import numpy as np
import pytest

from densekit import callbacks
from densekit.callbacks import (
    Callback,
    CallbackList,
    Checkpoint,
    CSVLogger,
    EarlyStopping,
    History,
    LambdaCallback,
    Progress,
    TerminateOnNaN,
)


class Model:
    """The surface that callbacks may use; its only weight is the number of the epoch."""

    def __init__(self):
        self.stop_training, self.epoch, self.saved = False, -1, []

    def get_weights(self):
        return [np.array([self.epoch])]

    def set_weights(self, weights):
        self.epoch = int(weights[0][0])

    def save(self, path):
        with open(path, "w") as file:
            file.write(str(self.epoch))
        self.saved.append(path)


def train(values, *given, key="val_loss", verbose=0, model=None):
    """Runs epochs whose logs have these values, as fit does: (model, number of epochs)."""
    model = model or Model()
    model.stop_training = False
    params = {"epochs": len(values), "steps": 1, "verbose": verbose, "initial_epoch": 0}
    hooks = CallbackList(list(given), model=model, params=params)
    hooks.on_train_begin()
    epoch = -1
    for epoch, value in enumerate(values):
        hooks.on_epoch_begin(epoch)
        model.epoch = epoch
        hooks.on_epoch_end(epoch, value if isinstance(value, dict) else {"loss": 1.0, key: value})
        if model.stop_training:
            break
    hooks.on_train_end()
    return model, epoch + 1


# The list.


class Recorder(Callback):
    def __init__(self, calls, name=""):
        self.calls, self.name = calls, name

    def on_train_begin(self, logs=None):
        self.calls.append(self.name + "train")

    def on_train_end(self, logs=None):
        self.calls.append(self.name + "end")

    def on_epoch_begin(self, epoch, logs=None):
        self.calls.append(f"{self.name}begin {epoch}")

    def on_epoch_end(self, epoch, logs=None):
        self.calls.append(f"{self.name}end {epoch}")
        logs.clear()  # a copy: what others see stays


def test_order():
    calls, history = [], History()
    train([1.0], Recorder(calls, "a "), Recorder(calls, "b "), history)
    assert calls == ["a train", "b train", "a begin 0", "b begin 0", "a end 0", "b end 0", "a end", "b end"]
    assert history.history["val_loss"] == [1.0]


def test_a_history_is_always_there_and_first():
    hooks = CallbackList(None, model=Model(), params={"verbose": 0})
    assert hooks.callbacks == [hooks.history]
    own = History()
    hooks = CallbackList([own], model=Model(), params={"verbose": 0})
    assert hooks.history is own
    assert hooks.callbacks == [own]
    seen = []
    one = LambdaCallback(on_epoch_end=lambda epoch, logs: seen.append(len(hooks.history.epoch)))
    hooks = CallbackList(one, model=Model(), params={"verbose": 0})
    hooks.on_epoch_end(0, {"loss": 1.0})
    assert seen == [1]


def test_batches_only_on_request():
    class Batches(Callback):
        def on_train_batch_end(self, batch, logs=None):
            seen.append((batch, logs["loss"]))

    seen = []
    plain, one = Callback(), Batches()
    assert not CallbackList([plain, EarlyStopping(), Progress()], model=None, params={}).wants_batches
    hooks = CallbackList([plain, one], model=None, params={"verbose": 0})
    assert hooks.wants_batches
    hooks.on_train_batch_begin(0)
    hooks.on_train_batch_end(0, {"loss": 2.0})
    assert seen == [(0, 2.0)]
    assert LambdaCallback(on_train_batch_begin=lambda batch, logs: None).wants_batches
    assert not LambdaCallback(on_epoch_end=lambda epoch, logs: None).wants_batches


def test_callbacks_know_model_and_params():
    one, model = Callback(), Model()
    CallbackList(one, model=model, params={"epochs": 3, "verbose": 0})
    assert one.model is model
    assert one.params["epochs"] == 3


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (3, "got 3"),
        ([print], "LambdaCallback"),
        ([EarlyStopping], r"expected an object: EarlyStopping\(\)"),
        ([None], "None"),
    ],
)
def test_what_is_no_callback(given, message):
    with pytest.raises(TypeError, match=message):
        CallbackList(given, model=None, params={"verbose": 0})


MISSPELT = {
    "on_epoch_ends": "on_epoch_end",
    "on_epoch_finish": "on_epoch_begin",
    "on_train_batch_ended": "on_train_batch_end",
    "on_batch_end": "on_train_batch_end",  # Keras's other name
    "on_training_end": "on_train_end",
}


@pytest.mark.parametrize("name", MISSPELT)
@pytest.mark.parametrize("how", ["class", "mixin", "attribute", "static", "class method", "function"])
def test_a_misspelt_hook_is_refused_before_the_training(name, how, monkeypatch):
    """It was never called, and nobody said so."""
    calls = []

    def hook(*given):
        calls.append(given)

    wrap = {"static": staticmethod, "class method": classmethod}.get(how, lambda function: function)
    bases = (type("Mixin", (), {name: hook}), Callback) if how == "mixin" else (Callback,)
    one = type("Loud", bases, {} if how in ("mixin", "attribute", "function") else {name: wrap(hook)})()
    if how == "attribute":
        setattr(one, name, hook)
    if how == "function":
        monkeypatch.setattr(type(one), name, len, raising=False)
    with pytest.raises(
        TypeError, match=rf"Loud has a method {name}, which fit never calls; did you mean {MISSPELT[name]}\?"
    ):
        train([1.0], Callback(), one)
    assert not calls


def test_what_begins_with_on_but_is_no_method():
    class Own(Callback):
        on_gpu = False

        def __init__(self):
            self.on_top = "text"

        @property
        def on_fire(self):
            raise AssertionError("asked for")

        def _on_something(self):
            pass

    assert train([1.0], Own())[1] == 1


def test_lambda_callback():
    calls = []
    names = ("on_train_begin", "on_epoch_begin", "on_epoch_end", "on_train_end")
    one = LambdaCallback(**{name: lambda *a, name=name: calls.append(name) for name in names})
    train([1.0], one)
    assert calls == list(names)
    with pytest.raises(TypeError, match="on_epoch_end must be a function, got 3"):
        LambdaCallback(on_epoch_end=3)


# History.


def test_history():
    history = History()
    train([{"loss": 2.0}, {"loss": 1.0, "val_loss": 3.0}, {"val_loss": 2.5}], history)
    np.testing.assert_equal(history.history, {"loss": [2.0, 1.0, float("nan")], "val_loss": [float("nan"), 3.0, 2.5]})
    assert history.epoch == [0, 1, 2]
    assert repr(history) == "History(3 epochs, loss=nan, val_loss=2.5)"
    assert history.model is None  # it may outlive the model
    assert pickle.loads(pickle.dumps(history)).history["val_loss"][1:] == [3.0, 2.5]


def test_history_plot():
    matplotlib = pytest.importorskip("matplotlib", reason="matplotlib is not installed")
    matplotlib.use("Agg")
    history = History()
    train([{"loss": 2.0, "val_loss": 3.0, "lr": 0.1}, {"loss": 1.0, "val_loss": 2.0, "lr": 0.1}], history)
    ax = history.plot()
    assert [line.get_label() for line in ax.lines] == ["loss", "val_loss"]
    assert ax.lines[0].get_color() == ax.lines[1].get_color()
    assert [line.get_linestyle() for line in ax.lines] == ["-", "--"]
    np.testing.assert_array_equal(ax.lines[1].get_xydata(), [[1, 3], [2, 2]])
    assert history.plot(["lr"], ax=ax) is ax
    with pytest.raises(ValueError, match="'val_loss'"):
        history.plot(["val_los"])
    matplotlib.pyplot.close("all")


def test_history_plot_without_matplotlib(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(ImportError, match="pip install matplotlib"):
        History().plot()


# The best epoch, and the one whose weights were put back.


LOSSES = [3.0, 1.0, 2.0, 1.5, 0.5]


def test_the_history_knows_the_epoch_that_was_restored():
    """It showed the last epoch, whose weights were gone."""
    history, stopping = History(), EarlyStopping(patience=2)
    assert (history.best_epoch, history.restored_epoch, history.now()) == (None, None, {})
    assert train(LOSSES, history, stopping)[0].epoch == 1
    assert (history.best_epoch, history.restored_epoch, stopping.restored_epoch) == (1, 1, 1)
    assert history.now() == {"loss": 1.0, "val_loss": 1.0}
    assert repr(history) == "History(4 epochs, restored_epoch=1, loss=1, val_loss=1)"
    train([9.0, 8.0, 8.5, 7.0], history)  # goes on, without early stopping
    assert (history.best_epoch, history.restored_epoch) == (None, None)
    assert repr(history) == "History(8 epochs, loss=1, val_loss=7)"
    train([6.0, 5.0, 5.5, 5.6], history, EarlyStopping(patience=2))
    assert history.now()["val_loss"] == 5.0  # epoch 1 of this fit, not of the first
    assert pickle.loads(pickle.dumps(history)).restored_epoch == 1


def test_best_but_not_restored(tmp_path):
    history, keep = History(), EarlyStopping(patience=2, restore_best=False)
    train(LOSSES, history, keep)
    assert (history.best_epoch, history.restored_epoch, history.now()["val_loss"]) == (1, None, 1.5)
    history, saver = History(), Checkpoint(tmp_path / "best.npz", save_best_only=True)
    train(LOSSES, history, saver)
    assert (history.best_epoch, history.restored_epoch, saver.best_epoch) == (4, None, 4)
    train([float("nan")] * 3, history, EarlyStopping(patience=1))
    assert (history.best_epoch, history.restored_epoch) == (None, None)


def test_a_callback_of_ones_own_may_restore():
    class Back(Callback):
        def on_train_end(self, logs=None):
            self.model.set_weights([[0]])
            self.restored_epoch = 0

    history = History()
    train(LOSSES, Back(), history)
    assert history.restored_epoch == 0
    assert history.now()["val_loss"] == 3.0


@pytest.mark.parametrize("first", [True, False])
def test_the_last_line_says_what_was_restored(capsys, first):
    """Wherever the Progress stands in the list."""
    progress, stopping = Progress("lines"), EarlyStopping(patience=2)
    train(LOSSES, *([progress, stopping] if first else [stopping, progress]))
    lines = capsys.readouterr().out.splitlines()
    assert lines[-2].startswith("epoch 4/5")
    assert lines[-1] == "the weights are those of epoch 2  loss 1  val_loss 1"
    train([3.0, 2.0, 1.0], progress, stopping)
    assert capsys.readouterr().out.splitlines()[-1].startswith("epoch 3/3")  # the last one was the best
    train(LOSSES, Progress("silent"), stopping)
    assert capsys.readouterr() == ("", "")


def test_the_last_line_after_a_bar(capsys, monkeypatch):
    class Bar:
        def __init__(self, *given, **options):
            pass

        set_postfix = update = close = __init__

    monkeypatch.setitem(sys.modules, "tqdm", SimpleNamespace())
    monkeypatch.setitem(sys.modules, "tqdm.auto", SimpleNamespace(tqdm=Bar))
    train(LOSSES, EarlyStopping(patience=2), verbose=1)
    out, err = capsys.readouterr()
    assert out == ""
    assert err.splitlines()[-1] == "the weights are those of epoch 2  loss 1  val_loss 1"


# Early stopping.


def test_stops_and_goes_back():
    stopping = EarlyStopping(patience=2)
    model, epochs = train([3.0, 1.0, 2.0, 1.0, 0.5], stopping)
    assert epochs == 4  # an equal value is no gain
    assert model.epoch == 1
    assert (stopping.best, stopping.best_epoch, stopping.stopped_epoch) == (1.0, 1, 3)


def test_goes_back_also_when_it_did_not_stop():
    stopping = EarlyStopping(patience=5)
    model, epochs = train([3.0, 1.0, 2.0], stopping)
    assert (epochs, model.epoch, stopping.stopped_epoch) == (3, 1, None)
    model, _ = train([3.0, 1.0, 2.0], EarlyStopping(patience=5, restore_best=False))
    assert model.epoch == 2


def test_used_again_it_starts_again():
    stopping = EarlyStopping(patience=1)
    train([1.0, 2.0], stopping)
    model, epochs = train([5.0, 4.0, 6.0], stopping)
    assert (epochs, model.epoch, stopping.best) == (3, 1, 4.0)


@pytest.mark.parametrize(
    ("monitor", "mode"),
    [
        ("val_loss", "min"),
        ("val_accuracy", "max"),
        ("binary_accuracy", "max"),
        ("val_roc_auc", "max"),
        ("f1", "max"),
        ("r2_score", "max"),
        ("val_top_3", "max"),
        ("val_rmse", "min"),
        ("val_log_loss", "min"),
    ],
)
def test_auto_mode(monitor, mode):
    assert EarlyStopping(monitor).mode == mode
    assert EarlyStopping(monitor, mode="min").mode == "min"
    values = [0.5, 0.9, 0.7] if mode == "max" else [0.5, 0.1, 0.3]
    model, _ = train(values, EarlyStopping(monitor), key=monitor)
    assert model.epoch == 1


def test_min_delta_baseline_start():
    assert train([1.0, 0.95, 0.91, 0.5], EarlyStopping(patience=2, min_delta=0.1))[1] == 3
    assert train([1.0, 0.9, 0.95, 0.7], EarlyStopping(patience=3, baseline=0.5))[1] == 3
    assert train([1.0, 0.9, 0.8, 0.7], EarlyStopping(patience=3, baseline=0.5))[1] == 4
    assert train([1.0, 0.4, 0.5, 0.6, 0.7], EarlyStopping(patience=3, baseline=0.5))[1] == 5
    model, epochs = train([0.0, 1.0, 2.0, 2.0], EarlyStopping(patience=2, start_from_epoch=1))
    assert (model.epoch, epochs) == (1, 4)


def test_nan_is_never_better():
    nan = float("nan")
    model, epochs = train([2.0, nan, 1.0, nan, nan], EarlyStopping(patience=2))
    assert (model.epoch, epochs) == (2, 5)


def keras_epochs(values, patience, min_delta):
    """keras.callbacks.EarlyStopping of Keras 3, retold: the number of epochs that it lets pass."""
    best, wait = float("inf"), 0
    for epoch, value in enumerate(values):
        wait += 1
        if value + min_delta < best:
            best, wait = value, 0
            continue
        if wait >= patience and epoch > 0:
            return epoch + 1
    return len(values)


def sklearn_epochs(values, patience, tol):
    """_update_no_improvement_count and _fit_stochastic of scikit-learn's MLP without early_stopping, retold."""
    best, count = float("inf"), 0
    for epoch, value in enumerate(values):
        count = count + 1 if value > best - tol else 0
        best = min(best, value)
        if count > patience:
            return epoch + 1
    return len(values)


@pytest.mark.parametrize(("compat", "theirs"), [("keras", keras_epochs), ("sklearn", sklearn_epochs)])
def test_presets_stop_when_the_others_do(compat, theirs, rng):
    for _ in range(200):
        values = np.round(np.exp(-np.arange(40) / 10) + rng.normal(scale=0.05, size=40), 2).tolist()
        patience, delta = int(rng.integers(0, 5)), float(rng.choice([0.0, 0.01, 0.05]))
        stopping = EarlyStopping("loss", patience, delta, compat=compat)
        assert train(values, stopping, key="loss")[1] == theirs(values, patience, delta)


def test_presets_of_sklearn_follow_the_real_one():
    neural_network = pytest.importorskip("sklearn.neural_network", reason="scikit-learn is not installed")
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(80, 3)), rng.normal(size=80)
    for patience in (2, 5):
        their = neural_network.MLPRegressor(
            hidden_layer_sizes=(5,),
            learning_rate_init=0.02,
            tol=1e-3,
            n_iter_no_change=patience,
            random_state=0,
            max_iter=500,
        ).fit(x, y)
        assert their.n_iter_ < 500
        stopping = EarlyStopping("loss", patience, 1e-3, compat="sklearn")
        _, epochs = train([*their.loss_curve_, *[9.0] * 3], stopping, key="loss")
        assert epochs == their.n_iter_


def test_preset_defaults():
    keras, sk = EarlyStopping(compat="keras"), EarlyStopping(compat="sklearn")
    assert (keras.patience, keras.min_delta, keras.restore_best) == (0, 0.0, False)
    assert (sk.patience, sk.min_delta, sk.restore_best) == (10, 1e-4, True)
    model, _ = train([1.0, 0.99995, 2.0], EarlyStopping(compat="sklearn"))
    assert model.epoch == 1  # better by less than tol, yet the best


def test_missing_metric():
    with pytest.raises(KeyError, match=r"no 'val_loss' among the metrics \['loss'\]; fit needs validation_data"):
        train([{"loss": 1.0}], EarlyStopping())
    with pytest.raises(KeyError, match=r"no 'val_acc' among the metrics \['loss'\]\""):
        train([{"loss": 1.0}], EarlyStopping("val_acc"))


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: EarlyStopping(patience=-1), ValueError, "patience"),
        (lambda: EarlyStopping(patience=1.5), TypeError, "patience"),
        (lambda: EarlyStopping(mode="up"), ValueError, "mode"),
        (lambda: EarlyStopping(["loss"]), TypeError, "monitor"),
        (lambda: EarlyStopping(restore_best=1), TypeError, "restore_best"),
        (lambda: EarlyStopping(compat="torch"), ValueError, "compat"),
        (lambda: Checkpoint("x", every=0), ValueError, "every"),
        (lambda: Checkpoint(""), ValueError, "path"),
        (lambda: Checkpoint(3), TypeError, "int"),
        (lambda: CSVLogger("x", separator=", "), ValueError, "separator"),
        (lambda: Progress("bars"), ValueError, "did you mean 'bar'"),
        (lambda: train([1.0], verbose=3), ValueError, "verbose must be 0 .* got 3"),
    ],
)
def test_refusals(make, error, message):
    with pytest.raises(error, match=message):
        make()


# Checkpoint.


def test_checkpoint_every(tmp_path):
    checkpoint = Checkpoint(tmp_path / "run" / "{epoch:02d}-{val_loss:.1f}.npz", every=2)
    model, _ = train([3.0, 2.0, 1.0, 0.5], checkpoint)
    assert [p.name for p in sorted((tmp_path / "run").iterdir())] == ["02-2.0.npz", "04-0.5.npz"]
    assert checkpoint.saved == model.saved[-1]


def test_checkpoint_best(tmp_path):
    checkpoint = Checkpoint(tmp_path / "best.npz", "val_accuracy", save_best_only=True)
    model, _ = train([0.5, 0.9, 0.7], checkpoint, key="val_accuracy")
    assert len(model.saved) == 2
    assert (tmp_path / "best.npz").read_text() == "1"
    model, _ = train([0.8], checkpoint, key="val_accuracy")  # ever before
    assert not model.saved


def test_checkpoint_asks_for_what_there_is_not(tmp_path):
    with pytest.raises(ValueError, match=r"asks for 'acc'; there are \['epoch', 'loss', 'val_loss'\]"):
        train([1.0], Checkpoint(tmp_path / "{acc}.npz"))


def test_terminate_on_nan():
    assert train([{"loss": 1.0}, {"loss": float("inf")}, {"loss": 1.0}], TerminateOnNaN())[1] == 2
    assert train([{"loss": 1.0}] * 3, TerminateOnNaN())[1] == 3


# CSVLogger.


def test_csv(tmp_path):
    path = tmp_path / "logs" / "log.csv"
    rows = [{"loss": 1 / 3, "val_loss": 2.0}, {"loss": 0.1, "val_loss": 1e-300}, {"loss": 0.05}]
    train(rows, CSVLogger(path))
    with open(path, newline="") as file:
        found = list(csv.DictReader(file))
    assert [int(row["epoch"]) for row in found] == [0, 1, 2]
    assert [float(row["loss"]) for row in found] == [1 / 3, 0.1, 0.05]  # all digits
    assert [row["val_loss"] for row in found] == ["2.0", "1e-300", ""]
    train(rows[:1], CSVLogger(path))
    assert len(path.read_text().splitlines()) == 2
    train(rows[:2], CSVLogger(path, append=True))
    assert len(path.read_text().splitlines()) == 4
    with pytest.raises(ValueError, match=r"has the columns .* but there is also 'mae'"):
        train([{"loss": 1.0, "mae": 2.0}], CSVLogger(path, append=True))
    train(rows[:1], CSVLogger(tmp_path / "new.csv", ";", append=True))
    assert (tmp_path / "new.csv").read_text().splitlines()[0] == "epoch;loss;val_loss"


@pytest.mark.parametrize(
    ("left", "kept"),
    [
        ("epoch,loss\r\n0,0.5\r\n1,0.25", ["epoch,loss", "0,0.5", "1,0.25"]),  # of another program
        ("epoch,loss\r\n0,0.5\r\n1", ["epoch,loss", "0,0.5"]),  # cut by a crash
        ("epoch,loss\r\n0,0.5\r\n", ["epoch,loss", "0,0.5"]),
        ("epoch,loss", ["epoch,loss"]),
        ("", ["epoch,loss"]),
    ],
)
def test_csv_goes_on_after_a_crash(tmp_path, left, kept):
    path = tmp_path / "log.csv"
    path.write_text(left, newline="")
    train([{"loss": 0.125}], CSVLogger(path, append=True))
    assert path.read_text().splitlines() == [*kept, "0,0.125"]


def test_csv_of_a_full_disk_keeps_whole_lines(tmp_path):
    """A limit on the size of files stops the third line in its middle: nothing of that line is left."""
    resource = pytest.importorskip("resource")
    path = tmp_path / "log.csv"
    logger = CSVLogger(path)
    logger.on_train_begin()
    logger.on_epoch_end(0, {"loss": 1 / 3})
    before = path.read_bytes()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) + 5, hard))
        with pytest.raises(OSError, match="too large"):
            logger.on_epoch_end(1, {"loss": 1 / 3})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, ignored)
    assert path.read_bytes() == before
    logger.on_epoch_end(1, {"loss": 0.5})
    assert path.read_text().splitlines()[1:] == ["0,0.3333333333333333", "1,0.5"]


def test_csv_that_cannot_be_written_is_known_before_the_training(tmp_path):
    calls = []
    with pytest.raises(OSError, match="directory"):
        train([1.0], CSVLogger(tmp_path), Recorder(calls))
    assert not calls


# Progress.


def test_lines(capsys):
    train([{"loss": 0.123456}, {"loss": 0.1, "val_loss": 12.0}], verbose=2)
    first, second = capsys.readouterr().out.splitlines()
    assert re.fullmatch(r"epoch 1/2  \d+\.\d\d s  loss 0\.1235", first)
    assert second.endswith("loss 0.1  val_loss 12")
    train([1.0])
    train([1.0], Progress("silent"), verbose=2)
    out = capsys.readouterr()
    assert out.out == out.err == ""


def test_bar(capsys):
    pytest.importorskip("tqdm", reason="tqdm is not installed")
    for verbose in (1, "auto", True):
        train([{"loss": 0.5}, {"loss": 0.25}], verbose=verbose)
        out = capsys.readouterr()
        assert out.out == ""
        assert "loss=0.25" in out.err
        assert "2/2" in out.err


def test_lines_without_tqdm(capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "tqdm.auto", None)
    train([{"loss": 0.5}], verbose="auto")
    assert capsys.readouterr().out.startswith("epoch 1/1")


def test_names():
    for name in callbacks.__all__:
        assert getattr(callbacks, name).__doc__
