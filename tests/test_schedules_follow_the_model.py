"""A schedule counts what its model did since compile or set_lr: fits that follow one another are one training."""

from __future__ import annotations

import json
import pickle
from types import SimpleNamespace

import numpy as np
import pytest
from models import assert_same, noisy, plain

import densekit as dk
from densekit import _config, schedules
from densekit._fit import row_order
from densekit._learning_rate import ScheduleStart, next_rates
from densekit.callbacks import Callback, LambdaCallback
from densekit.schedules import Constant, Cosine, Exponential, OneCycle, Plateau, Step, WarmUp

SAVED = {"schedule", "schedule_start", "step", "epoch"}


def given_lengths():
    """Every kind, in both units, alone and with a warm-up in both units."""
    kinds = [Plateau(0.05, monitor="loss", patience=0, threshold=9.0, threshold_mode="abs", factor=0.7)]
    for unit, t in (("step", 5), ("epoch", 1)):
        kinds += [
            Constant(0.01, unit=unit),
            Step(0.05, 3 * t, gamma=0.5, unit=unit),
            Exponential(0.05, 0.9 ** (1 / t), unit=unit),
            Cosine(0.05, period=8 * t, lr_min=1e-3, unit=unit),
            OneCycle(0.05, unit=unit, length=9 * t),
        ]
    warm = [WarmUp(kind, 4 * t, unit=unit) for kind in kinds for unit, t in (("step", 5), ("epoch", 1))]
    return {describe(one): one for one in [*kinds, *warm]}


def describe(schedule):
    inner = f" {describe(schedule.inner)}" if isinstance(schedule, WarmUp) else ""
    return f"{type(schedule).__name__} {schedule.unit}{inner}"


GIVEN = given_lengths()


@pytest.fixture(params=GIVEN)
def schedule(request):
    return GIVEN[request.param]


def loaded(model, path):
    model.save(path / "model.npz")
    return dk.load(path / "model.npz", engine=model._engine_name)


def stopped_after(epochs):
    """Ends a fit early."""

    class Stop(Callback):
        def on_epoch_end(self, epoch, logs=None):
            self.model.stop_training = epoch + 1 == epochs

    return Stop()


WAYS = {
    "in two": [(5, {}), (5, {})],
    "one by one": [(1, {})] * 10,
    "numbered": [(3, {}), (7, {"initial_epoch": 3})],
    "stopped early": [(10, {"callbacks": stopped_after(4)}), (6, {})],
    "no epochs between": [(5, {}), (0, {}), (5, {})],
}


@pytest.mark.parametrize(("engine", "way"), [("native", way) for way in WAYS] + [("reference", "in two")])
def test_fits_that_follow_one_another_are_one(engine, table, schedule, way, tmp_path):
    """The last batch is a short one. Saved and loaded, or pickled, after each fit."""
    arguments = {"batch_size": 10, "verbose": 0}
    whole = noisy(engine, dk.optimizers.Adam(schedule))
    expected = whole.fit(*table, epochs=10, **arguments).history
    model, rates = noisy(engine, dk.optimizers.Adam(schedule)), []
    for i, (epochs, options) in enumerate(WAYS[way]):
        last = epochs + options.get("initial_epoch", 0)
        rates += model.fit(*table, epochs=last, **arguments, **options).history.get("lr", [])
        model = loaded(model, tmp_path) if i % 2 else pickle.loads(pickle.dumps(model))
    assert rates == expected["lr"]
    assert len(set(rates)) > 1 or type(schedule) is Constant
    assert_same(whole, model)
    assert json.dumps(_config.numbers(model, model.step)) == json.dumps(_config.numbers(whole, whole.step))
    assert _config.numbers(whole, whole.step).keys() == SAVED


@pytest.mark.parametrize("options", [{"drop_last": True}, {"shuffle": False}, {"batch_size": "full"}])
def test_with_other_batches(engine, table, schedule, options):
    arguments = {"batch_size": 10, "verbose": 0} | options
    whole, halves = (noisy(engine, dk.optimizers.SGD(schedule)) for _ in range(2))
    expected = whole.fit(*table, epochs=4, **arguments).history["lr"]
    seen = LambdaCallback(on_train_batch_end=lambda batch, logs: None)  # batch by batch
    rates = halves.fit(*table, epochs=2, **arguments).history["lr"]
    rates += halves.fit(*table, epochs=2, callbacks=seen, **arguments).history["lr"]
    assert rates == expected
    assert_same(whole, halves)


def test_updates_outside_fit_go_on_in_the_schedule(engine, table, schedule):
    """An epoch of train_on_batch between two fits, with its `model.epoch += 1`. Plateau does not move in it."""
    X, y = table
    whole, mixed = (noisy(engine, dk.optimizers.Adam(schedule)) for _ in range(2))
    moves = "Plateau" in describe(schedule)
    whole.fit(X, y, batch_size=10, epochs=3 if moves else 5, verbose=0)
    mixed.fit(X, y, batch_size=10, epochs=2, verbose=0)
    state = mixed.optimizer.schedule.state()
    order = row_order(1, mixed.epoch, len(X))
    for first in range(0, len(X), 10):
        mixed.train_on_batch(X[order[first : first + 10]], y[order[first : first + 10]])
    mixed.epoch += 1
    assert mixed.optimizer.schedule.state() == state
    if not moves:
        mixed.fit(X, y, batch_size=10, epochs=2, verbose=0)
    assert_same(whole, mixed)


def test_training_in_chunks_decays(table):
    """Every fit began the schedule again, so that chunked training never left the first rates."""
    model = plain(None, dk.optimizers.SGD(Exponential(0.1, 0.5)))
    rates = [model.fit(*table, verbose=0).history["lr"][0] for _ in range(4)]
    assert rates == [0.1, 0.05, 0.025, 0.0125]


def test_train_on_batch_moves_epochs_by_the_models(engine, table):
    model, rates = plain(engine, dk.optimizers.SGD(Step(0.1, 1, gamma=0.5))).build(5), []
    for _ in range(3):
        rates.append(next_rates(model)[0])
        before = model.layers[1].bias.copy()
        model.train_on_batch(*table)
        gradient = model._engine.gradients[[s["offset"] for s in model._engine.segments if s["name"] == "bias"][1]]
        np.testing.assert_allclose(before - model.layers[1].bias, rates[-1] * gradient, rtol=1e-9)
        model.epoch += 1
    assert rates == [0.1, 0.05, 0.025]


# Where it begins.


@pytest.mark.parametrize("unit", ["step", "epoch"])
def test_set_lr_begins_a_schedule(engine, table, unit, tmp_path):
    schedule = Exponential(0.1, 0.5, unit=unit)
    model = plain(engine)
    model.fit(*table, batch_size=24, epochs=3, verbose=0)
    model.set_lr(schedule)
    assert (model.step, model.epoch) == (6, 3)
    rates = model.fit(*table, batch_size=24, epochs=2, verbose=0).history["lr"]
    model = loaded(model, tmp_path)
    rates += model.fit(*table, batch_size=24, epochs=1, verbose=0).history["lr"]
    np.testing.assert_array_equal(rates, schedule.values(0, 6, 2)[1::2])
    assert model._schedule_start == ScheduleStart(6, 3)


def test_compile_begins_it_again(engine, table):
    model = plain(engine, dk.optimizers.SGD(Exponential(0.1, 0.5)))
    model.fit(*table, epochs=3, verbose=0)
    model.compile(model.optimizer, "mse")
    assert model.epoch == 0
    assert model.fit(*table, verbose=0).history["lr"] == [0.1]


def test_copies(engine, table):
    model = plain(engine, dk.optimizers.SGD(Exponential(0.1, 0.5)))
    model.fit(*table, epochs=2, verbose=0)
    assert model.clone().fit(*table, verbose=0).history["lr"] == [0.1]
    exact = model.clone(weights=True)
    assert exact.fit(*table, verbose=0).history["lr"] == [0.025]
    assert model.fit(*table, verbose=0).history["lr"] == [0.025]  # the copy's fit did not move it


def test_set_lr_takes_a_copy(table):
    plateau = Plateau(1e-9, monitor="loss", patience=0, factor=0.5, eps=0)
    models = [plain(None), plain(None)]
    for model in models:
        model.set_lr(plateau)
        assert model.fit(*table, epochs=3, verbose=0).history["lr"] == [1e-9, 1e-9, 5e-10]
    assert plateau.state() == Plateau(1e-9).state()


def test_epoch_is_settable(engine, table):
    model = plain(engine, dk.optimizers.SGD(Exponential(0.1, 0.5)))
    model.epoch = 3
    assert model.fit(*table, verbose=0).history["lr"] == [0.0125]
    assert model.epoch == 4
    assert model.fit(*table, epochs=2, initial_epoch=1, verbose=0).history["lr"] == [0.05]
    assert model.fit(*table, epochs=1, initial_epoch=0, verbose=0).history["lr"] == [0.1]
    for wrong, error in ((-1, ValueError), (1.5, TypeError), ("1", TypeError)):
        with pytest.raises(error, match="epoch"):
            model.epoch = wrong
    assert model.epoch == 1


def test_initial_epoch_sets_the_epoch_and_nothing_else(engine, table):
    model = plain(engine, dk.optimizers.SGD(Exponential(0.1, 0.5, unit="step")))
    h = model.fit(*table, batch_size=24, epochs=8, initial_epoch=7, verbose=0)
    assert (h.epoch, model.epoch, model.step) == ([7], 8, 2)
    assert h.history["lr"] == [0.05]  # of the second update


def test_a_count_that_is_set_back_is_where_the_schedule_begins(engine, table):
    model = plain(engine)
    model.fit(*table, epochs=5, verbose=0)
    model.set_lr(Exponential(0.1, 0.5))
    model.epoch = 2
    assert model.fit(*table, epochs=3, verbose=0).history["lr"] == [0.1, 0.05, 0.025]
    model.set_lr(Exponential(0.1, 0.5, unit="step"))
    model._engine.step = 0
    assert next_rates(model, 2).tolist() == [0.1, 0.05]


# Lengths.


OPEN = {"one cycle": OneCycle(0.1), "cosine": Cosine(0.1), "by step": Cosine(0.1, unit="step"),
        "warm": WarmUp(OneCycle(0.1, unit="epoch"), 2)}  # fmt: skip


@pytest.mark.parametrize("kind", OPEN)
def test_a_length_is_taken_from_the_first_fit_and_kept(engine, table, kind, tmp_path):
    model = plain(engine, dk.optimizers.SGD(OPEN[kind]))
    arguments = {"batch_size": 10, "verbose": 0}
    whole = plain(engine, dk.optimizers.SGD(OPEN[kind])).fit(*table, epochs=6, **arguments).history["lr"]
    rates = model.fit(*table, epochs=6, callbacks=stopped_after(2), **arguments).history["lr"]
    model = loaded(model, tmp_path)
    rates += model.fit(*table, epochs=1, **arguments).history["lr"]
    rates += model.fit(*table, epochs=6, initial_epoch=3, **arguments).history["lr"]
    assert rates == whole
    weights, step = model.get_weights(), model.step
    for over in (lambda: model.fit(*table, epochs=6, **arguments), lambda: model.train_on_batch(*table)):
        with pytest.raises(ValueError, match=r"taken from the first fit.*are over.*length=.*set_lr"):
            over()
    assert model.step == step
    for a, b in zip(weights, model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    model.fit(*table, epochs=0, **arguments)
    model.set_lr(OPEN[kind])
    assert model.fit(*table, epochs=6, **arguments).history["lr"] == whole


def test_a_fit_without_an_update_is_not_the_first(table):
    X, y = table
    model = plain(None, dk.optimizers.SGD(Cosine(0.1)))
    with pytest.raises(dk.TrainingDiverged):
        model.fit(X, 1e300 * y, epochs=2, verbose=0)
    rates = model.fit(X, y, epochs=4, verbose=0).history["lr"]
    np.testing.assert_array_equal(rates, Cosine(0.1, period=4).values(0, 4, 1))


def test_a_fit_that_goes_beyond_the_length_says_so(table):
    model = plain(None, dk.optimizers.SGD(Cosine(0.1)))
    model.fit(*table, epochs=4, callbacks=stopped_after(1), verbose=0)
    with pytest.warns(UserWarning, match=r"a length of 4 epochs, taken from the first fit.*after 3 more.*length="):
        rates = model.fit(*table, epochs=5, verbose=0).history["lr"]
    np.testing.assert_array_equal(rates, Cosine(0.1, period=4).values(1, 5, 1))


@pytest.mark.filterwarnings("error")
def test_given_lengths_may_end_before_the_training(table):
    model = plain(None, dk.optimizers.SGD(Cosine(0.1, period=2, lr_min=0.01)))
    for expected in (0.1, 0.055, 0.01, 0.01):
        assert model.fit(*table, verbose=0).history["lr"] == [pytest.approx(expected)]


@pytest.mark.parametrize("kind", OPEN)
def test_updates_without_a_length(table, kind):
    model = plain(None, dk.optimizers.SGD(OPEN[kind])).build(5)
    with pytest.raises(ValueError, match=r"no length.*length="):
        model.train_on_batch(*table)
    assert model.step == 0


def test_a_callback_may_begin_a_schedule_without_a_length(table):
    """Between two batches: it falls to the end of this fit."""
    model, rates = plain(None), []

    class Change(Callback):
        def on_train_batch_end(self, batch, logs=None):
            rates.append(logs["lr"])
            if len(rates) == 3:
                self.model.set_lr(Cosine(0.1, unit="step"))

    h = model.fit(*table, batch_size=12, epochs=3, callbacks=Change(), verbose=0).history
    np.testing.assert_array_equal(rates, [1e-3] * 3 + Cosine(0.1, period=9, unit="step").values(0, 9, 4).tolist())
    assert h["lr"] == [rates[3], rates[7], rates[11]]


# The history, and updates that are left out.


def test_the_history_has_the_rate_of_the_last_update(engine, table):
    class Stop(Callback):
        def on_train_batch_end(self, batch, logs=None):
            self.model.stop_training = batch == 1

    model = plain(engine, dk.optimizers.SGD(Exponential(0.1, 0.5, unit="step")))
    assert model.fit(*table, batch_size=10, callbacks=Stop(), verbose=0).history["lr"] == [0.05]


@pytest.mark.parametrize("by_batch", [False, True])
def test_an_update_that_is_left_out_takes_no_rate(engine, by_batch):
    """On divergence="ignore" the batch is left out, and the next one takes the rate that it would have had."""
    X, y = np.ones((6, 2)), np.zeros(6)
    X[2:4] = 1e200  # overflows in the squared error
    callbacks = LambdaCallback(on_train_batch_end=lambda batch, logs: None) if by_batch else None
    models = [
        dk.Sequential([dk.layers.Dense(1, kernel_initializer="ones")], dtype="float64", seed=0, engine=engine)
        .compile(dk.optimizers.SGD(Exponential(0.1, 0.5, unit="step")), "mse")
        for _ in range(2)
    ]  # fmt: skip
    arguments = {"batch_size": 2, "shuffle": False, "verbose": 0, "on_divergence": "ignore", "callbacks": callbacks}
    h = models[0].fit(X, y, **arguments).history
    models[1].fit(X[[0, 1, 4, 5]], y[:4], **arguments)
    assert models[0].step == models[1].step == 2
    assert_same(*models)
    assert h["lr"] == [0.05]


# Files.


def test_files_without_the_place_in_the_schedule_load(engine, table, tmp_path, monkeypatch):
    """Those of 0.1.0: their schedules began with compile."""
    model = plain(engine, dk.optimizers.SGD(Exponential(0.1, 0.5)))
    model.fit(*table, epochs=2, verbose=0)
    now = _config.numbers
    monkeypatch.setattr(
        _config, "numbers", lambda m, step: {k: v for k, v in now(m, step).items() if k != "schedule_start"}
    )
    old = loaded(model, tmp_path)
    assert old._schedule_start == ScheduleStart()
    assert old.fit(*table, epochs=2, verbose=0).history["lr"] == [0.025, 0.0125]


@pytest.mark.parametrize("warm", [False, True])
def test_a_schedule_that_moved_loads_though_the_engine_was_made_anew(engine, table, tmp_path, warm, monkeypatch):
    """The new engine took the rate of the moment for the first one, and the file was refused."""
    plateau = Plateau(1e-9, monitor="loss", patience=0, factor=0.5, eps=0)
    model = plain(engine, dk.optimizers.SGD(WarmUp(plateau, 2) if warm else plateau))
    model.fit(*table, epochs=4, verbose=0)
    model.layers[0].trainable = False
    assert model.optimizer.schedule.state()["lr"] == 1.25e-10
    again = loaded(model, tmp_path)
    assert again.optimizer.schedule.state() == model.optimizer.schedule.state()
    # 0.1.0 wrote such files.
    model._spec["optimizer"]["lr"] = 1.25e-10
    assert next_rates(loaded(model, tmp_path))[0] == 1.25e-10


@pytest.mark.parametrize("wrong", [{"step": -1}, {"epoch": 0.5}, {"steps": "3"}, {"epochs": -2}])
def test_a_place_that_cannot_be(table, tmp_path, monkeypatch, wrong):
    model = plain(None, dk.optimizers.SGD(OneCycle(0.1)))
    model.fit(*table, verbose=0)
    kept = model._schedule_start.config() | wrong
    monkeypatch.setattr(ScheduleStart, "config", lambda self: kept)
    with pytest.raises(ValueError, match=next(iter(wrong))):
        loaded(model, tmp_path)


# Beside scikit-learn.


def flowers():
    sklearn = pytest.importorskip("sklearn.datasets")
    return sklearn.load_iris(return_X_y=True)


def classifier(schedule, **options):
    from densekit.sklearn import MLPClassifier

    settings = {"batch_size": 40, "shuffle": False, "random_state": 0, "n_iter_no_change": 100} | options
    return MLPClassifier((6,), learning_rate=schedule, **settings)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_estimators_go_on(schedule):
    """warm_start, partial_fit, and both: the rates and the bits of one fit."""
    X, y = flowers()
    solver = "sgd" if schedule.unit == "step" else dk.optimizers.RMSprop(0.3)
    whole = classifier(schedule, max_iter=10, solver=solver).fit(X, y)
    warm = classifier(schedule, max_iter=5, solver=solver, warm_start=True).fit(X, y)
    warm = pickle.loads(pickle.dumps(warm)).fit(X, y)
    steps = classifier(schedule, solver=solver)
    for _ in range(10):
        steps = pickle.loads(pickle.dumps(steps.partial_fit(X, y, classes=[0, 1, 2])))
    mixed = classifier(schedule, max_iter=6, solver=solver, warm_start=True).fit(X, y)
    for _ in range(4):
        mixed.partial_fit(X, y)
    for other in (warm, steps, mixed):
        assert other.history_["lr"] == whole.history_["lr"]
        for a, b in zip(whole.coefs_, other.coefs_, strict=True):
            np.testing.assert_array_equal(a, b)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_estimators_with_other_settings():
    X, y = flowers()
    schedule = Exponential(0.1, 0.5)
    model = classifier(schedule, max_iter=2, warm_start=True).fit(X, y)
    model.set_params(alpha=0.1).fit(X, y)  # compiled anew, with the same schedule
    assert model.history_["lr"] == [0.1, 0.05, 0.025, 0.0125]
    model.set_params(learning_rate=Exponential(0.2, 0.5)).fit(X, y)
    assert model.history_["lr"][4:] == [0.2, 0.1]
    assert schedule == Exponential(0.1, 0.5)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_estimators_after_the_length_of_the_first_fit():
    X, y = flowers()
    model = classifier(Cosine(0.1), max_iter=3, warm_start=True).fit(X, y)
    with pytest.raises(ValueError, match=r"fit: .*are over.*length=.*learning_rate="):
        model.fit(X, y)
    steps = classifier(Cosine(0.1), max_iter=2)
    for _ in range(2):  # max_iter of them are the whole
        steps.partial_fit(X, y, classes=[0, 1, 2])
    assert steps.history_["lr"] == Cosine(0.1).values(0, 2, 1, 2).tolist()
    with pytest.raises(ValueError, match=r"partial_fit: .*are over"):
        steps.partial_fit(X, y)


class Saw(schedules.Schedule):
    """Without dataclass: equal where the attributes are."""

    unit = "step"

    def __init__(self, teeth):
        self.teeth = teeth

    def at(self, t, total):
        return 0.01 * (1 + t % self.teeth)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_schedules_of_ones_own_follow_too(table):
    X, y = flowers()
    assert Saw(3) == Saw(3) != Saw(4)
    assert hash(Saw(3)) == hash(Saw(3))
    model = classifier(Saw(7), max_iter=1, warm_start=True)
    for _ in range(3):
        model.fit(X, y)
    np.testing.assert_array_equal(model.history_["lr"], Saw(7).values(0, 12, 4)[3::4])
    fitted = plain(None, dk.optimizers.SGD(Saw(5)))
    rates = [fitted.fit(*table, batch_size=12, verbose=0).history["lr"][0] for _ in range(3)]
    np.testing.assert_array_equal(rates, Saw(5).values(0, 12, 4)[3::4])


def test_rates_beside_a_loop_in_python(schedule):
    """next_rates along any path of steps and epochs is `at` of what was counted."""
    rng = np.random.default_rng(0)
    model = SimpleNamespace(
        optimizer=dk.optimizers.SGD(schedule), step=11, epoch=4, _schedule_start=ScheduleStart(11, 4)
    )
    for _ in range(20):
        count = int(rng.integers(1, 5))
        got = next_rates(model, count)
        t = {"step": model.step - 11 + np.arange(count), "epoch": np.full(count, model.epoch - 4)}
        parts = [schedule, schedule.inner] if isinstance(schedule, WarmUp) else [schedule]
        np.testing.assert_array_equal(
            got, np.prod([one.at(t[one.unit], None) * np.ones(count) for one in parts], axis=0)
        )
        model.step += count
        model.epoch += int(rng.integers(0, 2))
