"""densekit: fit, the engine's step, model(x) and predict."""

from __future__ import annotations

from typing import Any

import densekit as dk
from densekit.layers import Activation, BatchNorm, Dense, Dropout
from training.contender import MakePredictor, MakeTrainer, batches
from training.workloads import EPS, MOMENTUM, NORM_EPS, STATS_DECAY, Problem, Weights, Workload


def model_of(w: Workload, precision: str = "highest") -> dk.Sequential:
    layers: list[Any] = []
    for units in w.sizes[1:-1]:
        if w.norm:
            layers += [
                Dense(units, use_bias=False),
                BatchNorm(eps=NORM_EPS, stats_decay=STATS_DECAY),
                Activation("relu"),
            ]
        else:
            layers.append(Dense(units, "relu"))
        if w.rate > 0:
            layers.append(Dropout(w.rate))
    layers.append(Dense(w.sizes[-1], "softmax"))
    model = dk.Sequential(layers, seed=0, engine="native")
    penalty = None
    if w.optimizer == "momentum":
        optimizer: Any = dk.optimizers.SGD(w.lr, momentum=MOMENTUM)
        penalty = dk.regularizers.L2(w.weight_decay)
    elif w.optimizer == "adamw":
        optimizer = dk.optimizers.AdamW(w.lr, eps=EPS, weight_decay=w.weight_decay)
    else:
        optimizer = dk.optimizers.Adam(w.lr, eps=EPS)
    model.compile(optimizer, "sparse_categorical_crossentropy", regularizer=penalty, precision=precision)
    return model.build(w.sizes[0])


def views(model: dk.Sequential) -> Weights:
    """The model's weights in the workload's words."""
    layers: Weights = []
    for layer in model.layers:
        if isinstance(layer, Dense):
            layers.append({"w": layer.kernel} | ({"b": layer.bias} if layer.use_bias else {}))
        elif isinstance(layer, BatchNorm):
            layers[-1] |= {"gamma": layer.gamma, "beta": layer.beta}
    return layers


class Ours:
    precision = "highest"

    def __init__(self, w: Workload, given: Problem) -> None:
        self.w, self.given = w, given
        self.model = model_of(w, self.precision)
        self.batches = batches(w, given)

    def load(self, weights: Weights) -> None:
        for mine, theirs in zip(views(self.model), weights, strict=True):
            for key, array in theirs.items():
                mine[key][...] = array
        engine = self.model._ready()
        for state in engine.states:
            state[...] = 0
        engine.step = 0

    def weights(self) -> Weights:
        return [{key: array.copy() for key, array in layer.items()} for layer in views(self.model)]


class Fit(Ours):
    def epoch(self, shuffle: bool) -> None:
        self.model.fit(self.given.x, self.given.y, batch_size=self.w.batch, shuffle=shuffle, verbose=0)


class FitMedium(Fit):
    precision = "medium"


class Step(Ours):
    def epoch(self, shuffle: bool) -> None:
        step_on, lr = self.model._ready().step_on, self.w.lr
        for x, y in self.batches:
            step_on(x, y, None, lr)


def loaded(w: Workload, given: Problem) -> dk.Sequential:
    ours = Ours(w, given)
    ours.load(given.weights)
    return ours.model


def call(w: Workload, given: Problem) -> Any:
    model = loaded(w, given)
    return lambda x: model(x)


def predict(w: Workload, given: Problem) -> Any:
    return loaded(w, given).predict


def trainers(w: Workload) -> dict[str, MakeTrainer]:
    return {"densekit fit": Fit, "densekit step": Step, "densekit fit medium": FitMedium}


def predictors(w: Workload) -> dict[str, MakePredictor]:
    return {"densekit model(x)": call, "densekit predict": predict}


def version() -> str:
    return f"densekit {dk.__version__} ({dk._core.active_level()})"
