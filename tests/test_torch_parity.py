"""Fifty steps of either engine beside PyTorch, in float64: every optimizer, norm, loss and schedule that both have."""

from __future__ import annotations

import copy
import sys

import networks as net
import numpy as np
import pytest

import densekit as dk
from densekit._reference_engine import ReferenceEngine

Engine = ReferenceEngine  # what the tests train with, one after the other


@pytest.fixture(autouse=True)
def _both_engines(engine, monkeypatch):
    monkeypatch.setattr(sys.modules[__name__], "Engine", net.engine_of(engine))


STEPS = 50


@pytest.fixture(scope="module")
def torch():
    module = pytest.importorskip("torch", reason="PyTorch is missing")
    threads = module.get_num_threads()
    module.set_num_threads(1)
    module.set_default_dtype(module.float64)  # of NAdam's own numbers, too
    yield module
    module.set_default_dtype(module.float32)
    module.set_num_threads(threads)


def torch_network(torch, engine, norm):
    """The network of our_network with the parameters of the engine, and pairs of both."""
    nn = torch.nn
    norms = {
        "batch_norm": lambda: nn.BatchNorm1d(7, eps=1e-5, momentum=0.1),
        "layer_norm": lambda: nn.LayerNorm(7, eps=1e-5),
        "rms_norm": lambda: nn.RMSNorm(7, eps=1e-6),
        "prelu": lambda: nn.PReLU(7),
        "none": nn.Identity,
    }
    model = nn.Sequential(nn.Linear(5, 7, bias=False), norms[norm](), nn.Tanh(), nn.Linear(7, 4)).double()
    names = {"kernel": "weight", "bias": "bias", "gamma": "weight", "beta": "bias", "alpha": "weight"}
    pairs = []
    for s in engine.segments:
        if s["kind"] == "parameter":
            theirs = getattr(model[{"first": 0, "norm": 1, "last": 3}[s["layer"]]], names[s["name"]])
            ours = net.segment(engine, s["layer"], s["name"])
            theirs.data[...] = torch.tensor(ours.T.copy())
            pairs.append((ours, theirs))
    return model, pairs


def our_network(norm, loss, optimizer, **more):
    norms = {kind: [net.of_kind(kind, "norm")] for kind in ("layer_norm", "rms_norm", "prelu")}
    norms |= {"batch_norm": [net.batch_norm("norm", unbiased=True)], "none": []}
    # A bias before batch norm has no gradient but round-off, which some optimizers would make a step of.
    stack = [net.dense(7, name="first", bias=False), *norms[norm], net.activation("tanh"), net.dense(4, name="last")]
    return Engine(net.network(stack, 5, loss, optimizer, **more), [])


TORCH = {
    "sgd": ("SGD", {}, {}),
    "momentum": ("SGD", {"momentum": 0.9}, {}),
    "nesterov": ("SGD", {"momentum": 0.9, "nesterov": True}, {}),
    "rmsprop": ("RMSprop", {}, {}),
    "adagrad": ("Adagrad", {"initial_accumulator_value": 0.1}, {"initial": 0.1}),
    "adadelta": ("Adadelta", {}, {}),
    "adam": ("Adam", {}, {}),
    "adamw": ("AdamW", {}, {"weight_decay": 0.1}),
    "adamax": ("Adamax", {}, {}),
    "nadam": ("NAdam", {}, {}),
    "adam upwards": ("Adam", {"maximize": True}, {"maximize": True}),
    "rmsprop centered": ("RMSprop", {"centered": True}, {"centered": True}),
    "rmsprop with momentum": ("RMSprop", {"momentum": 0.5}, {"momentum": 0.5}),
    "rmsprop upwards": ("RMSprop", *2 * ({"centered": True, "momentum": 0.5, "maximize": True},)),
    "adam amsgrad": ("Adam", {"amsgrad": True}, {"amsgrad": True}),
    "adamw of all": ("AdamW", {"amsgrad": True}, {"amsgrad": True, "weight_decay": 0.1, "decay_biases": True}),
}


@pytest.mark.parametrize("norm", ["none", "batch_norm", "layer_norm", "rms_norm", "prelu"])
@pytest.mark.parametrize("name", TORCH)
def test_fifty_steps_beside_torch(torch, rng, name, norm):
    theirs, their_options, our_options = TORCH[name]
    kind = name.split()[0]
    ours = net.optimizer("adam" if kind == "adamw" else kind, lr=0.02, **our_options)
    engine = our_network(norm, net.loss("softmax_cross_entropy"), ours, clip_norm=1e9)
    model, pairs = torch_network(torch, engine, norm)
    decay = our_options.get("weight_decay", 0.0)
    matrices = [p for p in model.parameters() if p.ndim == 2]
    vectors = [p for p in model.parameters() if p.ndim == 1]
    of_vectors = decay if our_options.get("decay_biases") else 0.0
    groups = [{"params": matrices, "weight_decay": decay}, {"params": vectors, "weight_decay": of_vectors}]
    optimizer = getattr(torch.optim, theirs)(groups, lr=0.02, **their_options)
    schedule = torch.optim.lr_scheduler.StepLR(optimizer, 10, 0.5)
    for step in range(STEPS):
        x, y = rng.normal(size=(12, 5)), rng.integers(0, 4, 12)
        optimizer.zero_grad()
        loss = torch.nn.functional.cross_entropy(model(torch.tensor(x)), torch.tensor(y))
        loss.backward()
        optimizer.step()
        value, _ = engine.step_on(x, y, None, 0.02 * 0.5 ** (step // 10))
        schedule.step()
        assert value == pytest.approx(loss.item(), rel=1e-9)
    for w, p in pairs:
        np.testing.assert_allclose(w.T, p.detach().numpy(), rtol=1e-9, atol=1e-12)
    if norm == "batch_norm":
        for name, buffer in (("mean", "running_mean"), ("variance", "running_var")):
            expected = getattr(model[1], buffer).numpy()
            np.testing.assert_allclose(net.segment(engine, "norm", name), expected, rtol=1e-9)
        model.eval()
        np.testing.assert_allclose(engine.forward(x), model(torch.tensor(x)).detach().numpy(), rtol=1e-9)


LOSSES = {
    "softmax_cross_entropy": ({"label_smoothing": 0.1}, lambda f, p, t: f.cross_entropy(p, t, label_smoothing=0.1)),
    "nll": ({"ignore_index": 2}, lambda f, p, t: f.nll_loss(p, t, ignore_index=2)),
    "binary_cross_entropy": ({}, lambda f, p, t: f.binary_cross_entropy_with_logits(p, t)),
    "mse": ({}, lambda f, p, t: f.mse_loss(p, t)),
    "rmse": ({}, lambda f, p, t: f.mse_loss(p, t).sqrt()),
    "mae": ({}, lambda f, p, t: f.l1_loss(p, t)),
    "huber": ({"delta": 0.5}, lambda f, p, t: f.huber_loss(p, t, delta=0.5)),
    "poisson_nll": ({}, lambda f, p, t: f.poisson_nll_loss(p, t)),
    "gaussian_nll": (
        {"full": True},
        lambda f, p, t: f.gaussian_nll_loss(p[:, :2], t, p[:, 2:].exp(), full=True, eps=1e-300),
    ),
    "multiclass_hinge": ({"factor": 0.25}, lambda f, p, t: f.multi_margin_loss(p, t)),  # theirs divides by the classes
    "kl_divergence": ({"log_input": True}, lambda f, p, t: f.kl_div(p, t, reduction="batchmean")),
}


@pytest.mark.parametrize("kind", LOSSES)
def test_losses_beside_torch(torch, rng, kind):
    options, function = LOSSES[kind]
    engine = our_network("layer_norm", net.loss(kind, **options), net.optimizer("sgd"))
    model, pairs = torch_network(torch, engine, "layer_norm")
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    for _ in range(STEPS):
        x, y = rng.normal(size=(12, 5)), net.targets(kind, rng, 12, 4)
        optimizer.zero_grad()
        loss = function(torch.nn.functional, model(torch.tensor(x)), torch.tensor(y))
        loss.backward()
        optimizer.step()
        assert engine.step_on(x, y, None, 0.01)[0] == pytest.approx(loss.item(), rel=1e-9)
    for w, p in pairs:
        np.testing.assert_allclose(w.T, p.detach().numpy(), rtol=1e-9, atol=1e-12)


# The model: fit, its schedules, its losses by name. Ten epochs of five batches are fifty steps.

EPOCHS, BATCHES, ROWS = 10, 5, 60

SCHEDULES = {
    "constant": (0.02, lambda s, o: None),
    "step": (dk.schedules.Step(0.02, step_size=3, gamma=0.5), lambda s, o: s.StepLR(o, 3, 0.5)),
    "exponential": (dk.schedules.Exponential(0.02, gamma=0.9), lambda s, o: s.ExponentialLR(o, 0.9)),
    "cosine": (dk.schedules.Cosine(0.02, lr_min=1e-3), lambda s, o: s.CosineAnnealingLR(o, EPOCHS, 1e-3)),
    "one cycle": (
        dk.schedules.OneCycle(0.05),
        lambda s, o: s.OneCycleLR(o, 0.05, total_steps=EPOCHS * BATCHES, cycle_momentum=False),
    ),
    "plateau": (
        dk.schedules.Plateau(0.02, monitor="loss", factor=0.5, patience=0, threshold=0.05),
        lambda s, o: s.ReduceLROnPlateau(o, factor=0.5, patience=0, threshold=0.05),
    ),
    "warm-up": (
        dk.schedules.WarmUp(dk.schedules.Exponential(0.02, gamma=0.99, unit="step"), length=20, start_factor=0.1),
        lambda s, o: s.ChainedScheduler([s.LinearLR(o, 0.1, total_iters=20), s.ExponentialLR(o, 0.99)]),
    ),
}
BY_STEP = ("one cycle", "warm-up")
MODELS = {
    "adam": ("adam", "Adam", {}, "mse"),
    "nesterov": (
        dk.optimizers.SGD(0.02, momentum=0.9, nesterov=True),
        "SGD",
        {"momentum": 0.9, "nesterov": True},
        "huber",
    ),
    "nadam": ("nadam", "NAdam", {}, "sparse_categorical_crossentropy"),
}


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("name", MODELS)
def test_fit_beside_torch(torch, engine, rng, name, schedule):
    optimizer, theirs, options, loss = MODELS[name]
    rate, of_torch = SCHEDULES[schedule]
    layers = [dk.layers.Dense(7), dk.layers.LayerNorm(eps=1e-5), dk.layers.Activation("tanh")]
    layers.append(dk.layers.Dense(3, "softmax" if name == "nadam" else None))
    model = dk.Sequential(layers, seed=2, dtype="float64", engine=engine)
    model.compile(copy.deepcopy(dk.optimizers.get(optimizer)), loss).build(5)
    model.set_lr(copy.deepcopy(rate))
    x, y = rng.normal(size=(ROWS, 5)), rng.normal(size=(ROWS, 3))
    y = rng.integers(0, 3, ROWS) if name == "nadam" else y

    nn = torch.nn
    twin = nn.Sequential(nn.Linear(5, 7), nn.LayerNorm(7, eps=1e-5), nn.Tanh(), nn.Linear(7, 3)).double()
    pairs = list(zip(model.weights.values(), twin.parameters(), strict=True))
    for ours, p in pairs:
        p.data[...] = torch.tensor(ours.T.copy())
    steps = getattr(torch.optim, theirs)(twin.parameters(), lr=0.02, **options)
    scheduler = of_torch(torch.optim.lr_scheduler, steps)
    function = {"mse": "mse_loss", "huber": "huber_loss"}.get(loss, "cross_entropy")
    history = model.fit(x, y, epochs=EPOCHS, batch_size=ROWS // BATCHES, shuffle=False, verbose=0).history
    for epoch in range(EPOCHS):
        total = 0.0
        for rows in np.split(np.arange(ROWS), BATCHES):
            steps.zero_grad()
            value = getattr(nn.functional, function)(twin(torch.tensor(x[rows])), torch.tensor(y[rows]))
            value.backward()
            steps.step()
            total += value.item() / BATCHES
            if scheduler is not None and schedule in BY_STEP:
                scheduler.step()
        assert history["loss"][epoch] == pytest.approx(total, rel=1e-9)
        if scheduler is not None and schedule not in BY_STEP:
            scheduler.step(*([total] if schedule == "plateau" else []))
    assert schedule == "constant" or steps.param_groups[0]["lr"] < 0.02
    for ours, p in pairs:
        np.testing.assert_allclose(ours.T, p.detach().numpy(), rtol=1e-9, atol=1e-12)
