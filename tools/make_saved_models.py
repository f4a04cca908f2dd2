"""Writes tests/saved/<version>.zip: models of every kind, saved by the densekit that is installed, and what they
predict.

    python tools/make_saved_models.py tests/saved/0.1.0.zip

Run it once for each released version, with that version installed; later versions must load the files
(tests/test_saved_models.py). An archive holds x.npy and y.npy, and for each model <name>.npz (the saved model),
<name>.predictions.npy, and <name>.after.npy: predictions after two more updates, which only come out right if the
optimizer's states were read, too.
"""

from __future__ import annotations

import copy
import io
import pathlib
import sys
import tempfile
import zipfile
from typing import Any

import numpy as np

import densekit as dk
from densekit import layers, losses, metrics, optimizers, regularizers, schedules

ROWS, INPUTS, OUTPUTS = 8, 3, 2
OWN = pathlib.Path(__file__).parent.parent / "tests"
sys.path.insert(0, str(OWN))

from saved_objects import Own, own_loss, own_metric  # noqa: E402


def data() -> tuple[np.ndarray, np.ndarray]:
    """Rows and targets from a formula, so that no generator's stream matters; targets suit every loss of numbers."""
    i, j = np.mgrid[:ROWS, :INPUTS]
    x = np.sin(1.7 * i + 0.9 * j)
    y = np.stack([0.5 + 0.4 * np.cos(np.arange(ROWS)), 0.5 + 0.4 * np.sin(np.arange(ROWS))], axis=1)
    return x, y


LAYERS: dict[str, list[Any]] = {
    "dense": [layers.Dense(3, "relu")],
    "activation": [layers.Dense(3), layers.Activation("leaky_relu", slope=0.2)],
    # A bias before a batch norm has a gradient of roundings, which some optimizers take for a direction.
    "batch_norm": [layers.Dense(3, use_bias=False), layers.BatchNorm(stats_decay=0.8, running_var="unbiased")],
    "layer_norm": [layers.Dense(3), layers.LayerNorm(eps=1e-4)],
    "dropout": [layers.Dense(3, "tanh"), layers.Dropout(0.25)],
    "gaussian_noise": [layers.GaussianNoise(0.05), layers.Dense(3)],
    "residual": [layers.Dense(3), layers.Residual([layers.BatchNorm(), layers.Dense(3, "gelu")])],
    "lambda": [layers.Lambda(dk.functional.tanh), layers.Dense(3)],  # only functions of densekit can be saved
    "own": [layers.Dense(3), Own()],
}
OPTIMIZERS: dict[str, Any] = {
    "sgd": optimizers.SGD(0.05),
    "momentum": optimizers.SGD(0.05, momentum=0.9),
    "nesterov": optimizers.SGD(0.05, momentum=0.9, nesterov=True),
    "rmsprop": optimizers.RMSprop(),
    "adagrad": optimizers.Adagrad(),
    "adadelta": optimizers.Adadelta(),
    "adam": optimizers.Adam(),
    "adamw": optimizers.AdamW(),
    "adamax": optimizers.Adamax(),
    "nadam": optimizers.Nadam(),
    "lion": optimizers.Lion(),
}
LOSSES: dict[str, tuple[Any, str | None]] = {
    "categorical_crossentropy": (losses.CategoricalCrossentropy(label_smoothing=0.1), "softmax"),
    "cross_entropy": (losses.CrossEntropy(ignore_index=-1), None),
    "binary_crossentropy": (losses.BinaryCrossentropy(), "sigmoid"),
    "bce_with_logits": (losses.BinaryCrossentropy(from_logits=True), None),
    "nll": (losses.NLL(), "log_softmax"),
    "kl_divergence": (losses.KLDivergence(), "softmax"),
    "hinge": (losses.Hinge(), None),
    "multiclass_hinge": (losses.MulticlassHinge(), None),
    "mae": (losses.MeanAbsoluteError(), None),
    "rmse": (losses.RootMeanSquaredError(), None),
    "huber": (losses.Huber(delta=0.3), None),
    "log_cosh": (losses.LogCosh(), None),
    "pinball": (losses.Pinball(0.3), None),
    "poisson": (losses.PoissonNLL(), None),
    "gamma": (losses.GammaNLL(), None),
    "gaussian": (losses.GaussianNLL(), None),
    "laplace": (losses.LaplaceNLL(), None),
    "own_loss": (own_loss, None),
}
TARGETS = {
    **dict.fromkeys(["nll", "cross_entropy", "multiclass_hinge"], "labels"),
    **dict.fromkeys(["categorical_crossentropy", "kl_divergence"], "shares"),
    **dict.fromkeys(["gaussian", "laplace"], "one"),
    "hinge": "sign",
}
SCHEDULES: dict[str, Any] = {
    "step": schedules.Step(0.1, 2, gamma=0.5),
    "exponential": schedules.Exponential(0.1, 0.9),
    "cosine": schedules.Cosine(0.1, period=9),
    "plateau": schedules.Plateau(0.1, patience=1),
    "warm_up": schedules.WarmUp(schedules.Exponential(0.1, 0.9), length=4),
}
ACTIVATIONS = [
    "elu",
    "selu",
    "gelu",
    "gelu_tanh",
    "silu",
    "mish",
    "sigmoid",
    "hard_sigmoid",
    "tanh",
    "softplus",
    "softsign",
    "hard_swish",
    "softmax",
    "log_softmax",
]
INITIALIZERS = ["glorot_normal", "he_uniform", "lecun_normal", "orthogonal", "truncated_normal"]


def models() -> dict[str, tuple[dk.Sequential, str]]:
    """Compiled models by name, and the kind of their targets: numbers, labels, sign, one or wide."""
    made: dict[str, tuple[dk.Sequential, str]] = {}

    def add(name: str, stack: list[Any], optimizer: Any, loss: Any, kind: str = "numbers", **options: Any) -> None:
        dtype = options.pop("dtype", "float64")
        model = dk.Sequential(stack, seed=len(made), dtype=dtype, name=name)
        made[name] = (model.compile(optimizer, loss, **options), kind)

    for dtype in ("float32", "float64"):
        for layer in LAYERS:
            for optimizer in OPTIMIZERS:
                stack = [*copy.deepcopy(LAYERS[layer]), layers.Dense(OUTPUTS)]
                add(f"{layer}-{optimizer}-{dtype}", stack, OPTIMIZERS[optimizer], "mse", dtype=dtype)
    for name, (loss, last) in LOSSES.items():
        add(f"loss-{name}", [layers.Dense(OUTPUTS, last)], "adam", loss, TARGETS.get(name, "numbers"))
    for name, schedule in SCHEDULES.items():
        add(f"schedule-{name}", [layers.Dense(OUTPUTS)], optimizers.SGD(schedule, momentum=0.9), "mse")
    for name in ACTIVATIONS:
        add(f"activation-{name}", [layers.Dense(3, name), layers.Dense(OUTPUTS)], "sgd", "mse")
    for name in INITIALIZERS:
        add(f"initializer-{name}", [layers.Dense(OUTPUTS, kernel_initializer=name)], "sgd", "mse")
    for compat in ("keras", "sklearn", "dlfs"):
        add(f"compat-{compat}", [layers.Dense(OUTPUTS)], optimizers.SGD(0.1, momentum=0.9, compat=compat), "mse")
    penalty = {"kernel_regularizer": regularizers.L1L2(0.01, 0.02), "bias_regularizer": regularizers.L2(0.01)}
    add("penalties", [layers.Dense(OUTPUTS, **penalty)], "adam", "mse", clip_norm=0.5, clip_value=0.1)
    add("metrics", [layers.Dense(OUTPUTS)], "adam", "mse", metrics=["mae", own_metric, metrics.get("r2")])
    add(
        "frozen",
        [layers.Dense(3, trainable=False), layers.BatchNorm(trainable=False), layers.Dense(OUTPUTS)],
        "adam",
        "mse",
    )
    add("unbuilt", [layers.Dense(3), layers.Dense(OUTPUTS)], "adam", "mse")
    return made


def targets(kind: str, y: np.ndarray) -> np.ndarray:
    """y as the loss of that kind takes it."""
    if kind == "labels":
        return (y[:, 0] > 0.5).astype(np.int64)
    if kind == "sign":
        return np.where(y > 0.5, 1.0, -1.0)
    if kind == "shares":
        return y / y.sum(axis=1, keepdims=True)
    return y[:, :1] if kind == "one" else y


def main(path: str) -> None:
    x, y = data()
    names = []
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:

        def put(name: str, array: np.ndarray) -> None:
            buffer = io.BytesIO()
            np.save(buffer, array)
            archive.writestr(zipfile.ZipInfo(name), buffer.getvalue(), zipfile.ZIP_DEFLATED, 9)

        put("x.npy", x)
        put("y.npy", y)
        for name, (model, kind) in models().items():
            wanted = targets(kind, y)
            if name != "unbuilt":
                model.fit(x, wanted, batch_size=4, epochs=2, verbose=0)
            with tempfile.TemporaryDirectory() as folder:
                file = pathlib.Path(folder) / "model.npz"
                model.save(file)
                archive.writestr(zipfile.ZipInfo(f"{name}.npz"), file.read_bytes(), zipfile.ZIP_DEFLATED, 9)
            if name == "unbuilt":
                continue
            put(f"{name}.predictions.npy", model.predict(x))
            for half in (slice(0, 4), slice(4, 8)):
                model.train_on_batch(x[half], wanted[half])
            put(f"{name}.after.npy", model.predict(x))
            names.append(name)
    print(f"{path}: densekit {dk.__version__}, {len(names)} models, {pathlib.Path(path).stat().st_size} bytes")


if __name__ == "__main__":
    main(*sys.argv[1:])
