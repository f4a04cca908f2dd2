"""Loops that people write in PyTorch and the same loops here, in float64: losses, weights, statistics, predictions."""

from __future__ import annotations

import numpy as np
import pytest

import densekit as dk
from densekit import functional as F
from densekit import losses, optimizers, regularizers, schedules
from densekit.layers import Activation, BatchNorm, Dense, LayerNorm

torch = pytest.importorskip("torch", reason="PyTorch is not installed")
nn, tF = torch.nn, torch.nn.functional
ROWS, BATCH, EPOCHS = 60, 12, 6


@pytest.fixture(autouse=True)
def _one_thread_of_torch():
    threads, dtype = torch.get_num_threads(), torch.get_default_dtype()
    torch.set_num_threads(1)
    torch.set_default_dtype(torch.float64)  # of NAdam's own numbers, too
    yield
    torch.set_num_threads(threads)
    torch.set_default_dtype(dtype)


class Pair:
    """One network in both libraries, with the same weights, and data."""

    def __init__(self, engine, *, optimizer, loss="mse", norm="batch", classes=False, **compiled):
        ours = {"batch": lambda: [BatchNorm(running_var="unbiased")], "layer": lambda: [LayerNorm()], "none": list}
        theirs = {"batch": nn.BatchNorm1d, "layer": nn.LayerNorm}
        # No bias before a batch norm: its gradient is round-off, which Adam would make a step of.
        bias, made = norm != "batch", ours[norm]
        layers = [Dense(8, use_bias=bias), *made(), Activation("tanh"), Dense(7, use_bias=bias), *made(), Dense(3)]
        self.model = dk.Sequential(layers, seed=3, dtype="float64", engine=engine).compile(optimizer, loss, **compiled)
        self.model.build(5)
        norms = [] if norm == "none" else [theirs[norm](8), theirs[norm](7)]
        self.net = nn.Sequential(
            nn.Linear(5, 8, bias=bias), *norms[:1], nn.Tanh(), nn.Linear(8, 7, bias=bias), *norms[1:], nn.Linear(7, 3)
        )
        modules = [m for m in self.net if not isinstance(m, nn.Tanh)]
        self.layers = [layer for layer in self.model.layers if layer.kind != "activation"]
        names = {"kernel": "weight", "bias": "bias", "gamma": "weight", "beta": "bias"}
        self.pairs = []
        for layer, module in zip(self.layers, modules, strict=True):
            for name, view in self.model._views[layer.name].items():
                if name in names:
                    p = getattr(module, names[name])
                    p.data[...] = torch.tensor(view.T.copy())
                    self.pairs.append((f"{layer.name}.{name}", p))
        self.modules = modules
        rng = np.random.default_rng(5)
        self.X = rng.normal(1, 2, (ROWS, 5))
        self.y = rng.integers(0, 3, ROWS) if classes else rng.normal(size=(ROWS, 3))
        self.w = rng.uniform(0.2, 2, ROWS)
        self.losses = []

    def batches(self):
        """(rows, X, y) of both, the same in each epoch."""
        for _ in range(EPOCHS):
            for rows in np.split(np.arange(ROWS), ROWS // BATCH):
                yield rows, torch.tensor(self.X[rows]), torch.tensor(self.y[rows])

    def groups(self, **decay):
        """Decay for matrices alone, as here."""
        vectors = dict.fromkeys(decay, 0.0)
        matrices = [p for _, p in self.pairs if p.ndim == 2]
        return [{"params": matrices, **decay}, {"params": [p for _, p in self.pairs if p.ndim == 1], **vectors}]

    def step(self, rows):
        scores, gradients = self.model.loss_and_gradients(self.X[rows], self.y[rows])
        self.model.apply_gradients(gradients)
        return scores["loss"]

    def compare(self, loss, ours):
        assert ours == pytest.approx(float(loss.detach()), rel=1e-9)

    def finish(self):
        """Weights, running statistics and predictions after the loop."""
        for name, p in self.pairs:
            np.testing.assert_allclose(
                self.model.weights[name].T, p.detach().numpy(), rtol=1e-8, atol=1e-11, err_msg=name
            )
        for layer, module in zip(self.layers, self.modules, strict=True):
            if layer.kind == "batch_norm":
                np.testing.assert_allclose(layer.mean, module.running_mean.numpy(), rtol=1e-9, atol=1e-12)
                np.testing.assert_allclose(layer.variance, module.running_var.numpy(), rtol=1e-9)
        self.net.eval()
        with torch.no_grad():
            np.testing.assert_allclose(
                self.model(self.X), self.net(torch.tensor(self.X)).numpy(), rtol=1e-8, atol=1e-11
            )


@pytest.mark.parametrize("norm", ["none", "batch", "layer"])
@pytest.mark.parametrize(
    ("optimizer", "name", "options"),
    [
        (optimizers.SGD(0.05), "SGD", {}),
        (optimizers.SGD(0.05, momentum=0.9), "SGD", {"momentum": 0.9}),
        (optimizers.SGD(0.05, momentum=0.9, nesterov=True), "SGD", {"momentum": 0.9, "nesterov": True}),
        (optimizers.Adam(0.01), "Adam", {}),
        (optimizers.AdamW(0.01, weight_decay=0.1), "AdamW", {}),
        (optimizers.RMSprop(0.01), "RMSprop", {}),
        (optimizers.Nadam(0.01), "NAdam", {}),
        (optimizers.Adagrad(0.05), "Adagrad", {}),
    ],
    ids=["SGD", "momentum", "Nesterov", "Adam", "AdamW", "RMSprop", "NAdam", "Adagrad"],
)
def test_the_usual_loop(engine, optimizer, name, options, norm):
    """zero_grad, loss, backward, step, beside loss_and_gradients, apply_gradients."""
    pair = Pair(engine, optimizer=optimizer, loss=losses.CrossEntropy(), norm=norm, classes=True)
    decay = {"weight_decay": optimizer.weight_decay}
    theirs = getattr(torch.optim, name)(pair.groups(**decay), lr=optimizer.lr, **options)
    for rows, x, y in pair.batches():
        theirs.zero_grad()
        loss = tF.cross_entropy(pair.net(x), y)
        loss.backward()
        theirs.step()
        pair.compare(loss, pair.step(rows))
    pair.finish()


def test_schedules_of_epochs_and_clipping(engine):
    """scheduler.step() at the end of an epoch is model.epoch += 1; clipping belongs to compile."""
    pair = Pair(engine, optimizer=optimizers.Adam(schedules.Step(0.02, step_size=2, gamma=0.5)), clip_norm=0.3)
    theirs = torch.optim.Adam(pair.net.parameters(), lr=0.02)
    scheduler = torch.optim.lr_scheduler.StepLR(theirs, 2, 0.5)
    for at, (rows, x, y) in enumerate(pair.batches(), 1):
        theirs.zero_grad()
        loss = tF.mse_loss(pair.net(x), y)
        loss.backward()
        norm = nn.utils.get_total_norm([p.grad for p in pair.net.parameters()])
        for p in pair.net.parameters():  # clip_grad_norm_ divides by norm + 1e-6
            p.grad *= min(1.0, 0.3 / norm)
        theirs.step()
        pair.compare(loss, pair.step(rows))
        assert at > 1 or norm > 0.3
        if at % (ROWS // BATCH) == 0:
            scheduler.step()
            pair.model.epoch += 1
    pair.finish()


def test_penalties(engine):
    """A penalty in the loss there, one of the update here."""
    pair = Pair(engine, optimizer=optimizers.SGD(0.05), regularizer=regularizers.L2(0.2), clip_value=0.05)
    theirs = torch.optim.SGD(pair.net.parameters(), lr=0.05)
    for rows, x, y in pair.batches():
        theirs.zero_grad()
        loss = tF.mse_loss(pair.net(x), y)
        (loss + 0.1 * sum((p**2).sum() for p in pair.net.parameters() if p.ndim == 2)).backward()
        nn.utils.clip_grad_value_(pair.net.parameters(), 0.05)
        theirs.step()
        pair.compare(loss, pair.step(rows))
    pair.finish()


def test_gradients_of_two_passes_in_one_update(engine):
    """Accumulation: both move the running statistics by each pass."""
    pair = Pair(engine, optimizer=optimizers.Adam(0.01))
    theirs = torch.optim.Adam(pair.net.parameters(), lr=0.01)
    for rows, x, y in pair.batches():
        theirs.zero_grad()
        total, ours = None, 0.0
        for part in (slice(0, 8), slice(8, None)):
            share = len(rows[part]) / len(rows)
            loss = tF.mse_loss(pair.net(x[part]), y[part]) * share
            loss.backward()
            scores, gradients = pair.model.loss_and_gradients(pair.X[rows][part], pair.y[rows][part])
            ours += share * scores["loss"]
            gradients = {name: share * g for name, g in gradients.items()}
            total = gradients if total is None else {name: total[name] + g for name, g in gradients.items()}
        theirs.step()
        pair.model.apply_gradients(total)
    pair.finish()


def test_a_loss_of_ones_own(engine):
    """Through vjp: any function of the outputs, with weights of rows."""
    pair = Pair(engine, optimizer=optimizers.RMSprop(0.01))
    theirs = torch.optim.RMSprop(pair.net.parameters(), lr=0.01)
    for rows, x, y in pair.batches():
        w = torch.tensor(pair.w[rows])
        theirs.zero_grad()
        loss = (w * torch.log1p((pair.net(x) - y) ** 2).sum(dim=1)).mean()
        loss.backward()
        theirs.step()
        z, pullback = pair.model.vjp(pair.X[rows], training=True)
        difference = z - pair.y[rows]
        ours = (pair.w[rows] * np.log1p(difference**2).sum(axis=1)).mean()
        dz = pair.w[rows, None] * 2 * difference / (1 + difference**2) / len(rows)
        pair.model.apply_gradients(pullback(dz)[1])
        pair.compare(loss, ours)
    pair.finish()


def test_an_update_of_ones_own(engine):
    """Writing to the weights, then commit."""
    pair = Pair(engine, optimizer="sgd")
    theirs = torch.optim.Adam(pair.net.parameters(), lr=0.01)
    states = {name: [np.zeros_like(pair.model.weights[name]) for _ in range(2)] for name, _ in pair.pairs}
    for step, (rows, x, y) in enumerate(pair.batches(), 1):
        theirs.zero_grad()
        loss = tF.mse_loss(pair.net(x), y)
        loss.backward()
        theirs.step()
        scores, gradients = pair.model.loss_and_gradients(pair.X[rows], pair.y[rows])
        for name, gradient in gradients.items():
            F.adam(pair.model.weights[name], gradient, *states[name], step=step, lr=0.01)
        pair.model.commit()
        pair.compare(loss, scores["loss"])
    pair.finish()


def test_a_frozen_part(engine):
    """Fine-tuning: a frozen layer with its batch norm in eval mode, the rest trained."""
    pair = Pair(engine, optimizer=optimizers.SGD(0.05, momentum=0.9), loss=losses.CrossEntropy(), classes=True)
    for at in (0, 1):
        pair.model.layers[at].trainable = False
        pair.net[at].requires_grad_(False)
    theirs = torch.optim.SGD([p for p in pair.net.parameters() if p.requires_grad], lr=0.05, momentum=0.9)
    for rows, x, y in pair.batches():
        pair.net.train()
        pair.net[1].eval()
        theirs.zero_grad()
        loss = tF.cross_entropy(pair.net(x), y)
        loss.backward()
        theirs.step()
        pair.compare(loss, pair.step(rows))
        pair.net.eval()  # a look between
        with torch.no_grad():
            np.testing.assert_allclose(
                pair.model.predict(pair.X[:5]), pair.net(torch.tensor(pair.X[:5])), rtol=1e-7, atol=1e-9
            )
    pair.finish()


def test_weights_of_rows_and_two_learning_rates(engine):
    """reduction="none" with weights there, sample_weight here; set_lr in the middle."""
    pair = Pair(engine, optimizer=optimizers.Adam(0.01), loss=losses.Huber())
    theirs = torch.optim.Adam(pair.net.parameters(), lr=0.01)
    for at, (rows, x, y) in enumerate(pair.batches()):
        if at == 12:
            pair.model.set_lr(0.002)
            theirs.param_groups[0]["lr"] = 0.002
        w = torch.tensor(pair.w[rows])
        theirs.zero_grad()
        loss = (w * tF.huber_loss(pair.net(x), y, reduction="none").mean(dim=1)).sum() / w.sum()
        loss.backward()
        theirs.step()
        scores, gradients = pair.model.loss_and_gradients(pair.X[rows], pair.y[rows], sample_weight=pair.w[rows])
        pair.model.apply_gradients(gradients)
        pair.compare(loss, scores["loss"])
    pair.finish()
