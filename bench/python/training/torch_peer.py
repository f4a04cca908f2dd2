"""PyTorch: eager with the optimizer's default and with fused=True, torch.compile, and an epoch of shuffled slices."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from training.contender import MakePredictor, MakeTrainer, batches
from training.workloads import EPS, MOMENTUM, NORM_EPS, STATS_DECAY, Array, Problem, Weights, Workload


def network(w: Workload) -> nn.Sequential:
    layers: list[nn.Module] = []
    for i, o in w.shapes[:-1]:
        layers.append(nn.Linear(i, o, bias=not w.norm))
        if w.norm:
            layers.append(nn.BatchNorm1d(o, eps=NORM_EPS, momentum=1 - STATS_DECAY))
        layers.append(nn.ReLU())
        if w.rate > 0:
            layers.append(nn.Dropout(w.rate))
    return nn.Sequential(*layers, nn.Linear(*w.shapes[-1]))


def optimizer_of(w: Workload, model: nn.Module, fused: bool) -> torch.optim.Optimizer:
    kernels = [p for p in model.parameters() if p.ndim == 2]
    groups = [
        {"params": kernels, "weight_decay": w.weight_decay},
        {"params": [p for p in model.parameters() if p.ndim == 1], "weight_decay": 0.0},
    ]
    if w.weight_decay == 0:
        groups = [{"params": list(model.parameters())}]
    kind: dict[str, Any] = {"fused": True} if fused else {}
    if w.optimizer == "momentum":
        return torch.optim.SGD(groups, lr=w.lr, momentum=MOMENTUM, **kind)
    if w.optimizer == "adamw":
        return torch.optim.AdamW(groups, lr=w.lr, eps=EPS, weight_decay=0.0, **kind)
    return torch.optim.Adam(groups, lr=w.lr, eps=EPS, **kind)


def copy_weights(model: nn.Module, weights: Weights) -> None:
    modules = [m for m in model if isinstance(m, nn.Linear | nn.BatchNorm1d)]  # type: ignore[attr-defined]
    number = -1
    with torch.no_grad():
        for module in modules:
            if isinstance(module, nn.Linear):
                number += 1
                module.weight.copy_(torch.from_numpy(weights[number]["w"].T))
                if module.bias is not None:
                    module.bias.copy_(torch.from_numpy(weights[number]["b"]))
            else:
                module.weight.copy_(torch.from_numpy(weights[number]["gamma"]))
                module.bias.copy_(torch.from_numpy(weights[number]["beta"]))


class TorchTrainer:
    def __init__(
        self,
        w: Workload,
        given: Problem,
        *,
        fused: bool = False,
        shuffling: bool = False,
        compiled: bool = False,
        autocast: bool = False,
    ) -> None:
        self.w, self.fused, self.shuffling, self.autocast = w, fused, shuffling, autocast
        self.model = network(w).train()
        self.x, self.y = torch.from_numpy(given.x), torch.from_numpy(given.y)
        self.batches = [(torch.from_numpy(x), torch.from_numpy(y)) for x, y in batches(w, given)]
        self.loss = torch.compile(self._loss) if compiled else self._loss
        self.optimizer = optimizer_of(w, self.model, fused)

    def _loss(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        with torch.autocast("cpu", torch.bfloat16, enabled=self.autocast):
            return nn.functional.cross_entropy(self.model(x), y)

    def load(self, weights: Weights) -> None:
        copy_weights(self.model, weights)
        for state in self.optimizer.state.values():  # momentum buffers of zeros are the same as none
            for value in state.values():
                if value is not None:
                    value.zero_()

    def weights(self) -> Weights:
        layers: Weights = []
        for module in self.model:
            if isinstance(module, nn.Linear):
                layers.append({"w": module.weight.detach().numpy().T.copy()})
                if module.bias is not None:
                    layers[-1]["b"] = module.bias.detach().numpy().copy()
            elif isinstance(module, nn.BatchNorm1d):
                layers[-1] |= {
                    "gamma": module.weight.detach().numpy().copy(),
                    "beta": module.bias.detach().numpy().copy(),
                }
        return layers

    def step(self, x: torch.Tensor, y: torch.Tensor) -> None:
        self.optimizer.zero_grad()
        self.loss(x, y).backward()
        self.optimizer.step()

    def epoch(self, shuffle: bool) -> None:
        if not self.shuffling:
            for x, y in self.batches:
                self.step(x, y)
            return
        n, b = self.w.rows, self.w.batch
        order = torch.randperm(n) if shuffle else torch.arange(n)
        for start in range(0, n, b):
            rows = order[start : start + b]
            self.step(self.x[rows], self.y[rows])


def predictor(w: Workload, given: Problem, compiled: bool = False) -> Any:
    model = network(w).eval()
    copy_weights(model, given.weights)

    def probabilities(x: torch.Tensor) -> torch.Tensor:
        return torch.softmax(model(x), dim=1)

    function = torch.compile(probabilities) if compiled else probabilities

    def predict(x: Array) -> Array:
        with torch.inference_mode():
            result: Array = function(torch.from_numpy(x)).numpy()
        return result

    return predict


def trainers(w: Workload) -> dict[str, MakeTrainer]:
    return {
        "torch": TorchTrainer,
        "torch fused": lambda w, p: TorchTrainer(w, p, fused=True),
        "torch fused epoch": lambda w, p: TorchTrainer(w, p, fused=True, shuffling=True),
        "torch fused bfloat16": lambda w, p: TorchTrainer(w, p, fused=True, autocast=True),
        "torch compile": lambda w, p: TorchTrainer(w, p, fused=True, compiled=True),
    }


def predictors(w: Workload) -> dict[str, MakePredictor]:
    return {"torch": predictor, "torch compile": lambda w, p: predictor(w, p, compiled=True)}


def version() -> str:
    return f"PyTorch {torch.__version__}"


def set_threads(threads: int) -> None:
    torch.set_num_threads(threads)
