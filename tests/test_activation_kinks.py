"""Slopes exactly at the kinks of activations, and at their neighbours: on every instruction set, in both engines."""

from __future__ import annotations

import numpy as np
import pytest

import densekit
import densekit.functional as F
import densekit.reference as R
from densekit._activations import ENTRIES
from densekit.layers import Activation, Dense

SELU = 1.0507009873554804934 * 1.6732632423543772848
# name, number, where the kink is, the slope there: that of torch.nn.functional by autograd, torch 2.13.
KINKS = [
    ("relu", None, 0.0, 0.0),
    ("leaky_relu", None, 0.0, 0.01),
    ("leaky_relu", 0.375, 0.0, 0.375),
    ("leaky_relu", -2.0, 0.0, -2.0),
    ("elu", None, 0.0, 1.0),
    ("elu", 0.375, 0.0, 0.375),
    ("elu", 2.0, 0.0, 2.0),
    ("selu", None, 0.0, SELU),
    ("hard_sigmoid", None, -3.0, 0.0),
    ("hard_sigmoid", None, 3.0, 0.0),
    ("hard_swish", None, -3.0, 0.0),
    ("hard_swish", None, 3.0, 1.0),
    ("relu6", None, 0.0, 0.0),
    ("relu6", None, 6.0, 0.0),
    ("hard_tanh", None, -1.0, 0.0),
    ("hard_tanh", None, 1.0, 0.0),
    ("softshrink", None, -0.5, 0.0),
    ("softshrink", None, 0.5, 0.0),
    ("softshrink", 1.25, 1.25, 0.0),
]
# The slopes on both sides of each kink.
SIDES = {
    ("relu", 0.0): (0.0, 1.0),
    ("leaky_relu", 0.0): (None, 1.0),  # None: as at the kink
    ("elu", 0.0): (None, 1.0),
    ("selu", 0.0): (None, 1.0507009873554804934),
    ("hard_sigmoid", -3.0): (0.0, 1 / 6),
    ("hard_sigmoid", 3.0): (1 / 6, 0.0),
    ("hard_swish", -3.0): (0.0, -0.5),
    ("hard_swish", 3.0): (1.5, 1.0),
    ("relu6", 0.0): (0.0, 1.0),
    ("relu6", 6.0): (1.0, 0.0),
    ("hard_tanh", -1.0): (0.0, 1.0),
    ("hard_tanh", 1.0): (1.0, 0.0),
    ("softshrink", -0.5): (1.0, 0.0),
    ("softshrink", 0.5): (0.0, 1.0),
    ("softshrink", 1.25): (0.0, 1.0),
}


def points(kink, dtype):
    """The kink (0 with both signs) among its neighbours, at every place of a vector and in the remainder."""
    one, tiny = dtype(kink), dtype(1e-30)  # the engines take denormal numbers for 0
    below, above = (-tiny, tiny) if kink == 0 else (np.nextafter(one, -dtype(np.inf)), np.nextafter(one, dtype(np.inf)))
    z = np.array([below, one, above], dtype)
    z = np.concatenate([z, np.array([-0.0 if kink == 0 else kink, kink], dtype)])
    return np.tile(z, 27)  # 135 elements


def slopes_of(name, kink, at_kink, dtype):
    left, right = (at_kink if side is None else side for side in SIDES[name, kink])
    return np.tile(np.array([left, at_kink, right, at_kink, at_kink]), 27)


@pytest.mark.parametrize(("name", "number", "kink", "expected"), KINKS, ids=lambda v: str(v))
def test_slope_at_a_kink(name, number, kink, expected, level, dtype):
    z, slopes = points(kink, dtype), slopes_of(name, kink, expected, dtype)
    entry = ENTRIES[name]
    options = entry.options(entry.default if number is None else number)
    close = {"rtol": 4 * np.finfo(dtype).eps, "atol": 4 * np.finfo(dtype).eps}
    for module in (F, R):
        y = getattr(module, entry.function)(z, **options)
        found = getattr(module, f"{entry.function}_backward")(
            np.ones_like(z), z if entry.saves == "z" else y, **options
        )
        np.testing.assert_allclose(found, slopes, **close)
        # A dense layer whose kernel is 1: fused with the product.
        x, w = z[:, None].copy(), np.ones((1, 1), dtype)
        more = {"activation": name, "activation_parameter": number}
        _, saved = module.dense(x, w, return_saved=True, **more)
        dx, _, _ = module.dense_backward(np.ones_like(x), x, w, saved=saved, **more)
        np.testing.assert_allclose(dx[:, 0], slopes, **close)
    for engine in ("native", "reference"):
        for alone in (False, True):
            act = Activation(name) if number is None else Activation(name, **{entry.parameter: number})
            stack = (
                [Dense(1, kernel_initializer="ones", inputs=1), act]
                if alone
                else [Dense(1, act, kernel_initializer="ones", inputs=1)]
            )
            model = densekit.Sequential(stack, seed=0, dtype=np.dtype(dtype).name)
            model.compile("sgd", "mse", engine=engine).build(1)
            _, pullback = model.vjp(z[:, None])
            dx, _ = pullback(np.ones((len(z), 1), dtype))
            np.testing.assert_allclose(dx[:, 0], slopes, **close)


@pytest.mark.parametrize(("name", "number", "kink", "expected"), KINKS, ids=lambda v: str(v))
def test_the_installed_pytorch_agrees(name, number, kink, expected):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    functions = {
        "relu": torch.relu,
        "leaky_relu": lambda z: torch.nn.functional.leaky_relu(z, 0.01 if number is None else number),
        "elu": lambda z: torch.nn.functional.elu(z, 1.0 if number is None else number),
        "selu": torch.selu,
        "hard_sigmoid": torch.nn.functional.hardsigmoid,
        "hard_swish": torch.nn.functional.hardswish,
        "relu6": torch.nn.functional.relu6,
        "hard_tanh": torch.nn.functional.hardtanh,
        "softshrink": lambda z: torch.nn.functional.softshrink(z, 0.5 if number is None else number),
    }
    z = torch.tensor([kink], dtype=torch.float64, requires_grad=True)
    functions[name](z).sum().backward()
    assert z.grad.item() == pytest.approx(expected, rel=1e-12, abs=1e-15)


def test_every_activation_with_a_kink_is_listed():
    """A second difference that does not fall with the step is a kink."""
    z = np.arange(-50.0, 51.0) / 4
    for name, entry in ENTRIES.items():
        if entry.of_rows:
            continue
        f = lambda a: getattr(R, entry.function)(a, **entry.options(entry.default))  # noqa: B023, E731
        kinks = set()
        for h in (1e-4,):
            bend = np.abs(f(z + h) - 2 * f(z) + f(z - h)) / h
            kinks |= set(z[bend > 1e-2].tolist())
        listed = {kink for other, number, kink, _ in KINKS if other == name and number is None}
        assert kinks == listed - ({0.0} if name == "elu" else set()), (
            name
        )  # of elu with alpha 1 the slope is continuous
