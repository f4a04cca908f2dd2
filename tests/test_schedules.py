"""Schedules: the rates of PyTorch's schedulers, units, and going on in the middle."""

from __future__ import annotations

import json
import pickle
import warnings

import numpy as np
import pytest

from densekit import optimizers, schedules
from densekit.schedules import Constant, Cosine, Exponential, OneCycle, Plateau, Step, WarmUp

EXAMPLES = [
    Constant(0.1),
    Step(0.1, step_size=3),
    Exponential(0.1, gamma=0.9),
    Cosine(0.1, lr_min=0.01),
    OneCycle(0.1),
    Plateau(0.1),
    WarmUp(Cosine(0.1), length=4),
]


def torch_rates(make, count, lr=0.1):
    """The rates of `count` steps of a scheduler of PyTorch."""
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    optimizer = torch.optim.SGD([torch.zeros(1)], lr=lr)
    scheduler = make(torch.optim.lr_scheduler, optimizer)
    rates = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about the order of optimizer.step() and scheduler.step()
        for _ in range(count):
            rates.append(optimizer.param_groups[0]["lr"])
            scheduler.step()
    return rates


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (Step(0.1, step_size=3, gamma=0.5), lambda s, o: s.StepLR(o, step_size=3, gamma=0.5)),
        (Exponential(0.1, gamma=0.9), lambda s, o: s.ExponentialLR(o, gamma=0.9)),
        (Cosine(0.1, period=40, lr_min=0.01), lambda s, o: s.CosineAnnealingLR(o, T_max=40, eta_min=0.01)),
        (Cosine(0.1), lambda s, o: s.CosineAnnealingLR(o, T_max=40)),
        (OneCycle(0.1), lambda s, o: s.OneCycleLR(o, 0.1, total_steps=40, cycle_momentum=False)),
        (
            OneCycle(0.3, pct_start=0.45, anneal_strategy="linear", div_factor=10, final_div_factor=50),
            lambda s, o: s.OneCycleLR(
                o, 0.3, 40, pct_start=0.45, anneal_strategy="linear", div_factor=10, final_div_factor=50,
                cycle_momentum=False,
            ),
        ),
        (OneCycle(0.1, pct_start=0.0), lambda s, o: s.OneCycleLR(o, 0.1, 40, pct_start=0.0, cycle_momentum=False)),
        (WarmUp(0.1, length=7), lambda s, o: s.LinearLR(o, total_iters=7)),
        (
            WarmUp(Exponential(0.1, gamma=0.9, unit="step"), length=5, start_factor=0.2),
            lambda s, o: s.ChainedScheduler(
                [s.LinearLR(o, start_factor=0.2, total_iters=5), s.ExponentialLR(o, gamma=0.9)], optimizer=o
            ),
        ),
    ],
    ids=lambda value: type(value).__name__,
)  # fmt: skip
def test_torch(ours, theirs):
    np.testing.assert_allclose(ours.values(0, 40, 1, 40), torch_rates(theirs, 40), rtol=1e-9)


@pytest.mark.parametrize("mode", ["min", "max"])
@pytest.mark.parametrize("threshold_mode", ["rel", "abs"])
def test_plateau_of_torch(mode, threshold_mode, rng):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    for trial in range(20):
        settings = {
            "mode": mode, "factor": 0.5, "patience": int(rng.integers(0, 4)), "threshold": float(rng.uniform(0, 0.2)),
            "threshold_mode": threshold_mode, "cooldown": int(rng.integers(0, 3)), "min_lr": 0.01, "eps": 1e-3,
        }  # fmt: skip
        optimizer = torch.optim.SGD([torch.zeros(1)], lr=1.0)
        theirs = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, **settings)
        ours = Plateau(1.0, **settings)
        for epoch in range(60):
            metric = float(np.exp(-epoch / 20) + rng.normal(scale=0.1)) if epoch % 9 else float("nan")
            theirs.step(metric)
            ours.observe({"val_loss": metric})
            ours = resumed(ours) if trial % 2 else ours
            assert ours.values(epoch, 2, 1).tolist() == [optimizer.param_groups[0]["lr"]] * 2


def resumed(schedule):
    other = schedules.get(json.loads(json.dumps(schedule.config())))
    other.set_state(json.loads(json.dumps(schedule.state())))
    return other


def test_plateau_looks_at_the_training_where_there_is_no_validation():
    plateau = Plateau(1.0, patience=0)
    plateau.observe({"loss": 1.0})
    plateau.observe({"loss": 1.0})
    assert plateau.values(0, 1, 1) == 0.1
    with pytest.raises(KeyError, match="no 'val_loss' among the metrics"):
        plateau.observe({"accuracy": 1.0})


@pytest.mark.parametrize("schedule", EXAMPLES, ids=lambda s: type(s).__name__)
def test_in_pieces_as_in_one(schedule):
    whole = schedule.values(0, 60, 7, 60)
    assert whole.dtype == np.float64
    assert whole.shape == (60,)
    assert whole.flags.c_contiguous
    assert whole.flags.writeable
    pieces = [schedule.values(first, min(7, 60 - first), 7, 60) for first in range(0, 60, 7)]
    np.testing.assert_array_equal(np.concatenate(pieces), whole)
    assert schedule.initial > 0
    assert schedule.values(3, 0, 7, 60).shape == (0,)


@pytest.mark.parametrize("schedule", EXAMPLES, ids=lambda s: type(s).__name__)
def test_config_and_pickle(schedule):
    assert schedules.get(json.loads(json.dumps(schedule.config()))) == schedule == pickle.loads(pickle.dumps(schedule))
    optimizer = optimizers.Adam(schedule)
    assert optimizers.get(json.loads(json.dumps(optimizer.config()))) == optimizer
    assert optimizer.spec()["lr"] == schedule.initial


def test_units():
    by_epoch, by_step = Step(1.0, 2, gamma=0.5), Step(1.0, 2, gamma=0.5, unit="step")
    np.testing.assert_array_equal(by_epoch.values(0, 8, 2), [1, 1, 1, 1, 0.5, 0.5, 0.5, 0.5])
    np.testing.assert_array_equal(by_step.values(0, 8, 2), [1, 1, 0.5, 0.5, 0.25, 0.25, 0.125, 0.125])
    cosine = Cosine(1.0).values(0, 20, 5, 20)
    assert len(set(cosine)) == 4  # one rate an epoch
    np.testing.assert_allclose(cosine[5], 0.5 + np.cos(np.pi / 4) / 2)


def test_after_the_end():
    assert Cosine(1.0, period=3, lr_min=0.1).values(50, 1, 1) == 0.1
    np.testing.assert_allclose(OneCycle(1.0).values(90, 1, 1, 50), 1 / 25e4)
    assert OneCycle(1.0, pct_start=1.0).values(49, 1, 1, 50) == 1  # PyTorch divides by zero


def test_length_is_asked_for():
    with pytest.raises(ValueError, match=r"OneCycle: total_steps is None.*length="):
        OneCycle(0.1).values(0, 1, 1)
    np.testing.assert_array_equal(OneCycle(0.1, length=30).values(0, 40, 3), OneCycle(0.1).values(0, 40, 3, 30))
    with pytest.raises(ValueError, match=r"Cosine: total_steps is None.*length=.*period="):
        Cosine(0.1).values(0, 1, 1)
    assert Cosine(0.1, period=5).values(0, 1, 1) == 0.1


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: Constant(-0.1), ValueError, "Constant: lr must be"),
        (lambda: Constant("0.1"), TypeError, "'0.1'"),
        (lambda: Step(0.1, 0), ValueError, "step_size"),
        (lambda: Step(0.1, 2, unit="epochs"), ValueError, "did you mean 'epoch'"),
        (lambda: Cosine(0.1, lr_min=0.2), ValueError, "lr_min"),
        (lambda: OneCycle(0.1, pct_start=1.5), ValueError, "pct_start"),
        (lambda: Plateau(0.1, factor=1.0), ValueError, "factor"),
        (lambda: Plateau(0.1, mode="auto"), ValueError, "mode"),
        (lambda: Plateau(0.1, monitor=3), TypeError, "monitor"),
        (lambda: WarmUp("cosine", 5), TypeError, "schedule: expected an object of densekit.schedules, got 'cosine'"),
        (lambda: WarmUp(WarmUp(0.1, 2), 2), TypeError, "already"),
        (lambda: schedules.get(True), TypeError, "True"),
        (lambda: Constant(0.1).values(0, 1, 0), ValueError, "steps_per_epoch"),
        (lambda: schedules.Schedule().values(0, 1, 1), NotImplementedError, "at"),
    ],
)
def test_refusals(make, error, message):
    with pytest.raises(error, match=message):
        make()


def test_a_schedule_of_ones_own():
    class Saw(schedules.Schedule):
        unit = "step"

        def at(self, t, total):
            return 0.1 * (1 + t % 3)

    np.testing.assert_allclose(optimizers.SGD(Saw()).schedule.values(1, 4, 10), [0.2, 0.3, 0.1, 0.2])
