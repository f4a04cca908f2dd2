"""Literal values for products, dense layers and the gradients of softmax, all from PyTorch 2.13.0 in float64."""

from __future__ import annotations

import numpy as np
import pytest

import densekit.functional as F
import densekit.reference as R

X = [[1.0, -2.0, 0.5], [0.25, 3.0, -1.0]]
W = [[0.5, -1.0], [2.0, 0.75], [-1.5, 3.0]]
B = [0.1, -0.2]
DY = [[1.0, -2.0], [0.5, 3.0]]
# activation: y = f(x w + b), and by autograd of sum dy y: dx, dw, db
LAYERS = {
    None: (
        [[-4.15, -1.2], [7.725, -1.2]],
        [[2.5, 0.5, -7.5], [-2.75, 3.25, 8.25]],
        [[1.125, -1.25], [-0.5, 13.0], [0.0, -4.0]],
        [1.5, 1.0],
    ),
    "tanh": (
        [[-0.9995030898363213, -0.8336546070121552], [0.9999996098962137, -0.8336546070121552]],
        [
            [0.6105367791186415, -0.4555428474958203, -1.8316103373559243],
            [-0.915059793570372, 0.6862957716740907, 2.7451793807111162],
        ],
        [
            [0.0009936709335741764, -0.38127499525926134],
            [-0.00198597650416271, 3.9652599506963178],
            [0.0004963966001131316, -1.2200799848296362],
        ],
        [0.0009939635113568141, 0.30501999620740905],
    ),
    "gelu": (
        [[-6.898861947795821e-05, -0.13808360426604993], [7.724999999999957, -0.13808360426604993]],
        [
            [-0.2360495784398069, 0.17636084594317147, 0.7081487353194207],
            [0.6038607872745252, 0.7346044095445021, -1.8115823618235756],
        ],
        [
            [0.12471522615301697, 0.14744199469768407],
            [1.5005695476945498, -1.5333967448559145],
            [-0.5001423869236791, 0.47181438303258905],
        ],
        [0.499715226153142, -0.11795359575814729],
    ),
}
LOGITS = [[1, 2, 3], [-1.5, 0.25, 4], [1000, 1001, 998]]
UPSTREAM = [[1.0, 0.0, -2.0], [0.5, 3.0, -1.0], [0.0, -1.0, 4.0]]
# by autograd of sum upstream softmax(z)
SOFTMAX_GRADIENTS = {
    "softmax": [
        [0.20170911815463105, 0.30357375945943443, -0.5052828776140658],
        [0.005577688953887045, 0.0893123567102324, -0.09489004566411946],
        [0.1465917314790812, -0.30690687281630696, 0.16031514133722585],
    ],
    "log_softmax": [
        [1.0900305731703805, 0.24472847105479764, -1.3347590442251782],
        [0.49005752852949713, 2.9427850270697338, -3.4328425555992306],
        [-0.7784893810272574, -3.1161535380947236, 3.894642919121981],
    ],
}


def close(got, expected, dtype):
    """Within 16 eps of a number, and of the sizes of the terms, about 4, where they cancel."""
    eps = float(np.finfo(dtype).eps)
    np.testing.assert_allclose(got, expected, rtol=16 * eps, atol=16 * eps)


@pytest.fixture(params=[F, R], ids=["functional", "reference"])
def module(request):
    return request.param


def test_matmul(module, level, dtype):
    x, w = np.array(X, dtype), np.array(W, dtype)
    product = [[-4.25, -1.0], [7.625, -1.0]]
    np.testing.assert_array_equal(module.matmul(x, w), product)
    np.testing.assert_array_equal(module.matmul(x.T.copy(), w, transpose_a=True), product)
    np.testing.assert_array_equal(module.matmul(x, w.T.copy(), transpose_b=True), product)


@pytest.mark.parametrize("activation", LAYERS)
def test_dense_and_its_gradients(module, level, dtype, activation):
    x, w, b, dy = (np.array(a, dtype) for a in (X, W, B, DY))
    y, saved = module.dense(x, w, b, activation=activation, return_saved=True)
    expected, *gradients = LAYERS[activation]
    close(y, expected, dtype)
    for got, wanted in zip(module.dense_backward(dy, x, w, activation=activation, saved=saved), gradients, strict=True):
        close(got, wanted, dtype)


@pytest.mark.parametrize("name", SOFTMAX_GRADIENTS)
def test_gradients_of_softmax(module, level, dtype, name):
    y = getattr(module, name)(np.array(LOGITS, dtype))
    close(getattr(module, f"{name}_backward")(np.array(UPSTREAM, dtype), y), SOFTMAX_GRADIENTS[name], dtype)
