"""Fifty steps of the reference engine beside PyTorch, in float64: every optimizer, norm and loss that both have."""

from __future__ import annotations

import networks as net
import numpy as np
import pytest

from densekit._reference_engine import ReferenceEngine

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
        "none": nn.Identity,
    }
    model = nn.Sequential(nn.Linear(5, 7, bias=False), norms[norm](), nn.Tanh(), nn.Linear(7, 4)).double()
    names = {"kernel": "weight", "bias": "bias", "gamma": "weight", "beta": "bias"}
    pairs = []
    for s in engine.segments:
        if s["kind"] == "parameter":
            theirs = getattr(model[{"first": 0, "norm": 1, "last": 3}[s["layer"]]], names[s["name"]])
            ours = net.segment(engine, s["layer"], s["name"])
            theirs.data[...] = torch.tensor(ours.T.copy())
            pairs.append((ours, theirs))
    return model, pairs


def our_network(norm, loss, optimizer, **more):
    norms = {"batch_norm": [net.batch_norm("norm", unbiased=True)], "layer_norm": [net.layer_norm("norm")], "none": []}
    # A bias before batch norm has no gradient but round-off, which some optimizers would make a step of.
    stack = [net.dense(7, name="first", bias=False), *norms[norm], net.activation("tanh"), net.dense(4, name="last")]
    return ReferenceEngine(net.network(stack, 5, loss, optimizer, **more), [])


TORCH = {
    "sgd": ("SGD", {}, {}),
    "momentum": ("SGD", {"momentum": 0.9}, {}),
    "nesterov": ("SGD", {"momentum": 0.9, "nesterov": True}, {}),
    "rmsprop": ("RMSprop", {}, {}),
    "adagrad": ("Adagrad", {"initial_accumulator_value": 0.1}, {"initial": 0.1}),
    "adadelta": ("Adadelta", {}, {}),
    "adam": ("Adam", {}, {}),
    "adamw": ("AdamW", {"weight_decay": 0.1}, {"weight_decay": 0.1}),
    "adamax": ("Adamax", {}, {}),
    "nadam": ("NAdam", {}, {}),
    "adam upwards": ("Adam", {"maximize": True}, {"maximize": True}),
}


@pytest.mark.parametrize("norm", ["none", "batch_norm", "layer_norm"])
@pytest.mark.parametrize("name", TORCH)
def test_fifty_steps_beside_torch(torch, rng, name, norm):
    theirs, their_options, our_options = TORCH[name]
    kind = {"adamw": "adam", "adam upwards": "adam"}.get(name, name)
    ours = net.optimizer(kind, lr=0.02, **our_options)
    engine = our_network(norm, net.loss("softmax_cross_entropy"), ours, clip_norm=1e9)
    model, pairs = torch_network(torch, engine, norm)
    decay = their_options.pop("weight_decay", 0.0) if name != "adamw" else 0.1
    matrices = [p for p in model.parameters() if p.ndim == 2]
    vectors = [p for p in model.parameters() if p.ndim == 1]
    groups = [{"params": matrices, "weight_decay": decay}, {"params": vectors, "weight_decay": 0.0}]
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
