"""Keras 3 on JAX (else on PyTorch): fit, train_on_batch, and the model called or asked to predict."""

from __future__ import annotations

import importlib.util
import os
from typing import Any

os.environ.setdefault("KERAS_BACKEND", "jax" if importlib.util.find_spec("jax") else "torch")

import keras
import numpy as np

from training.contender import MakePredictor, MakeTrainer, batches
from training.workloads import EPS, MOMENTUM, NORM_EPS, STATS_DECAY, Array, Problem, Weights, Workload


def network(w: Workload, last: str | None) -> Any:
    k = keras.layers
    # Keras's l2(c) is c · sum of squares, and its SGD's weight_decay is decoupled.
    penalty = keras.regularizers.L2(w.weight_decay / 2) if w.optimizer == "momentum" else None
    layers: list[Any] = [keras.Input((w.sizes[0],))]
    for units in w.sizes[1:-1]:
        layers.append(k.Dense(units, use_bias=not w.norm, kernel_regularizer=penalty))
        if w.norm:
            layers.append(k.BatchNormalization(epsilon=NORM_EPS, momentum=STATS_DECAY))
        layers.append(k.ReLU())
        if w.rate > 0:
            layers.append(k.Dropout(w.rate, seed=0))
    layers.append(k.Dense(w.sizes[-1], kernel_regularizer=penalty, activation=last))
    return keras.Sequential(layers)


def copy_weights(model: Any, weights: Weights) -> None:
    number = -1
    for layer in model.layers:
        if isinstance(layer, keras.layers.Dense):
            number += 1
            layer.kernel.assign(weights[number]["w"])
            if layer.use_bias:
                layer.bias.assign(weights[number]["b"])
        elif isinstance(layer, keras.layers.BatchNormalization):
            layer.gamma.assign(weights[number]["gamma"])
            layer.beta.assign(weights[number]["beta"])


class KerasTrainer:
    def __init__(self, w: Workload, given: Problem, fit: bool) -> None:
        self.w, self.given, self.fit = w, given, fit
        self.batches = batches(w, given)
        self.model = network(w, None)
        if w.optimizer == "momentum":
            optimizer: Any = keras.optimizers.SGD(w.lr, momentum=MOMENTUM)
        elif w.optimizer == "adamw":
            optimizer = keras.optimizers.AdamW(w.lr, weight_decay=w.weight_decay, epsilon=EPS)
            optimizer.exclude_from_weight_decay(var_names=["bias"])
        else:
            optimizer = keras.optimizers.Adam(w.lr, epsilon=EPS)
        self.model.compile(optimizer, keras.losses.SparseCategoricalCrossentropy(from_logits=True))

    def load(self, weights: Weights) -> None:
        copy_weights(self.model, weights)
        rate = self.model.optimizer._learning_rate
        for variable in self.model.optimizer.variables:
            if variable is not rate:
                variable.assign(np.zeros(variable.shape, variable.dtype))

    def weights(self) -> Weights:
        layers: Weights = []
        for layer in self.model.layers:
            if isinstance(layer, keras.layers.Dense):
                layers.append({"w": np.array(layer.kernel)} | ({"b": np.array(layer.bias)} if layer.use_bias else {}))
            elif isinstance(layer, keras.layers.BatchNormalization):
                layers[-1] |= {"gamma": np.array(layer.gamma), "beta": np.array(layer.beta)}
        return layers

    def epoch(self, shuffle: bool) -> None:
        if self.fit:
            self.model.fit(self.given.x, self.given.y, batch_size=self.w.batch, shuffle=shuffle, verbose=0)
            return
        for x, y in self.batches:
            self.model.train_on_batch(x, y)


def called(w: Workload, given: Problem) -> Any:
    model = network(w, "softmax")
    copy_weights(model, given.weights)

    def predict(x: Array) -> Array:
        return np.array(model(x))

    return predict


def predicted(w: Workload, given: Problem) -> Any:
    model = network(w, "softmax")
    copy_weights(model, given.weights)
    return lambda x: model.predict(x, batch_size=2048, verbose=0)


def trainers(w: Workload) -> dict[str, MakeTrainer]:
    return {
        "keras fit": lambda w, p: KerasTrainer(w, p, fit=True),
        "keras train_on_batch": lambda w, p: KerasTrainer(w, p, fit=False),
    }


def predictors(w: Workload) -> dict[str, MakePredictor]:
    return {"keras model(x)": called, "keras predict": predicted}


def version() -> str:
    return f"Keras {keras.__version__} on {keras.config.backend()}"
