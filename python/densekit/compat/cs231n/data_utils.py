"""CIFAR-10 from the files of its Python version (https://www.cs.toronto.edu/~kriz/cifar.html), which you download."""

from __future__ import annotations

import os
import pickle
from typing import Any

import numpy as np

from densekit._arrays import flag, whole
from densekit._paths import file_path
from densekit.compat._shared import Array

_FOLDER = "cs231n/datasets/cifar-10-batches-py"
_ALLOWED = ("_reconstruct", "ndarray", "dtype")


class _ArraysOnly(pickle.Unpickler):
    """Reads dictionaries of arrays, and nothing that could run code."""

    def find_class(self, module: str, name: str) -> Any:
        numpys = module.partition(".")[0] == "numpy" and name in _ALLOWED
        if not numpys and (module, name) != ("_codecs", "encode"):  # how Python 3 writes bytes for Python 2
            raise pickle.UnpicklingError(f"{module}.{name} is no part of a CIFAR-10 file")
        return super().find_class(module, name)


def load_CIFAR_batch(filename: str | os.PathLike[str]) -> tuple[Array, Array]:
    """Images (n, 32, 32, 3) as float64 from 0 to 255, and classes (n), of one file."""
    with open(file_path("load_CIFAR_batch", "filename", filename), "rb") as file:
        batch = _ArraysOnly(file, encoding="latin1").load()
    images = np.asarray(batch["data"]).reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)
    return images.astype(np.float64, order="C"), np.array(batch["labels"])


def load_CIFAR10(ROOT: str | os.PathLike[str]) -> tuple[Array, Array, Array, Array]:
    """Training images and classes of the five files data_batch_1 to 5, then those of test_batch."""
    ROOT = file_path("load_CIFAR10", "ROOT", ROOT)
    files = [os.path.join(ROOT, f"data_batch_{i}") for i in range(1, 6)]
    images, classes = zip(*map(load_CIFAR_batch, files), strict=True)
    return np.concatenate(images), np.concatenate(classes), *load_CIFAR_batch(os.path.join(ROOT, "test_batch"))


def get_CIFAR10_data(
    num_training: int = 49000,
    num_validation: int = 1000,
    num_test: int = 1000,
    subtract_mean: bool = True,
    *,
    cifar10_dir: str | os.PathLike[str] = _FOLDER,
) -> dict[str, Array]:
    """X_train, y_train, X_val, y_val, X_test, y_test: images (n, 3, 32, 32), less the mean of the training images.

    The first num_training images are for training, the num_validation after them for validation.
    """
    op, folder = "get_CIFAR10_data", file_path("get_CIFAR10_data", "cifar10_dir", cifar10_dir)
    counts = {"num_training": num_training, "num_validation": num_validation, "num_test": num_test}
    num_training, num_validation, num_test = (whole(op, name, value) for name, value in counts.items())
    subtract_mean = flag(op, "subtract_mean", subtract_mean)
    if not os.path.isdir(folder):
        raise FileNotFoundError(
            f"{op}: no folder {folder!r} here; unpack cifar-10-python.tar.gz from "
            "https://www.cs.toronto.edu/~kriz/cifar.html into it, or name yours: get_CIFAR10_data(cifar10_dir=...)"
        )
    x, y, x_test, y_test = load_CIFAR10(folder)
    end = num_training + num_validation
    parts = {
        "train": (x[:num_training], y[:num_training]),
        "val": (x[num_training:end], y[num_training:end]),
        "test": (x_test[:num_test], y_test[:num_test]),
    }
    mean = parts["train"][0].mean(axis=0) if subtract_mean else 0.0
    data = {}
    for name, (images, classes) in parts.items():
        data[f"X_{name}"] = np.ascontiguousarray((images - mean).transpose(0, 3, 1, 2))
        data[f"y_{name}"] = classes
    return data


__all__ = ["get_CIFAR10_data", "load_CIFAR10", "load_CIFAR_batch", "np", "os", "pickle"]
