"""scikit-learn's MLPClassifier: one call of partial_fit is one epoch. It has neither batch norm nor dropout."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import sklearn
from sklearn.neural_network import MLPClassifier

from training.contender import MakePredictor, MakeTrainer
from training.workloads import EPS, MOMENTUM, Array, Problem, Weights, Workload


def network(w: Workload, given: Problem) -> MLPClassifier:
    """Initialized for float32, with weights that are yet to be replaced."""
    chosen: dict[str, Any] = {"solver": "adam", "epsilon": EPS, "alpha": 0.0}  # AdamW's decay is left out
    if w.optimizer == "momentum":
        chosen = {"solver": "sgd", "momentum": MOMENTUM, "nesterovs_momentum": False, "alpha": w.weight_decay}
    model = MLPClassifier(w.sizes[1:-1], batch_size=w.batch, learning_rate_init=w.lr, random_state=0, **chosen)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # fewer rows than a batch
        model.partial_fit(given.x[:2], given.y[:2], classes=np.arange(w.sizes[-1]))
    return model


def copy_weights(model: MLPClassifier, weights: Weights) -> None:
    for kernel, bias, layer in zip(model.coefs_, model.intercepts_, weights, strict=True):
        kernel[...], bias[...] = layer["w"], layer["b"]


class SklearnTrainer:
    def __init__(self, w: Workload, given: Problem) -> None:
        self.given = given
        self.model = network(w, given)

    def load(self, weights: Weights) -> None:
        copy_weights(self.model, weights)
        optimizer = self.model._optimizer
        for state in ("ms", "vs", "velocities"):
            for array in getattr(optimizer, state, []):
                array[...] = 0
        optimizer.t = 0

    def weights(self) -> Weights:
        return [
            {"w": kernel.copy(), "b": bias.copy()}
            for kernel, bias in zip(self.model.coefs_, self.model.intercepts_, strict=True)
        ]

    def epoch(self, shuffle: bool) -> None:
        self.model.shuffle = shuffle
        self.model.partial_fit(self.given.x, self.given.y)


def predictor(w: Workload, given: Problem) -> Any:
    model = network(w, given)
    copy_weights(model, given.weights)

    def predict(x: Array) -> Array:
        result: Array = model.predict_proba(x)
        return result

    return predict


def trainers(w: Workload) -> dict[str, MakeTrainer]:
    return {} if w.norm or w.rate > 0 else {"sklearn": SklearnTrainer}


def predictors(w: Workload) -> dict[str, MakePredictor]:
    return {"sklearn": predictor}


def version() -> str:
    return f"scikit-learn {sklearn.__version__}"
