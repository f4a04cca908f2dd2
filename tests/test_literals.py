"""Literal values for activations and softmax, so that kernel and reference cannot share a misreading."""

from __future__ import annotations

import numpy as np
import pytest
from helpers import OPS

import densekit.functional as F
import densekit.reference as R
from densekit import _core

# mpmath 1.3 with 40 digits: the formulas of each paper, and mpmath.diff of them, at these points.
X = [-8.25, -2.5, -0.7, 0.3, 1.9, 11.5]
VALUES = {
    "elu": [-0.99973874144269833, -0.9179150013761012, -0.50341469620859049, 0.3, 1.9, 11.5],
    "gelu": [
        -6.5337742095800438e-16,
        -0.015524163314440338,
        -0.16937455655615111,
        0.18537342665668579,
        1.8454385363495966,
        11.5,
    ],
    "hard_sigmoid": [0.0, 0.083333333333333333, 0.38333333333333333, 0.55, 0.81666666666666667, 1.0],
    "hard_swish": [0.0, -0.20833333333333333, -0.26833333333333333, 0.165, 1.5516666666666667, 11.5],
    "identity": [-8.25, -2.5, -0.7, 0.3, 1.9, 11.5],
    "leaky_relu": [-0.0825, -0.025, -0.007, 0.3, 1.9, 11.5],
    "mish": [
        -0.0021551015416090898,
        -0.19681620390653334,
        -0.26787023479550097,
        0.20800137234811503,
        1.8367436005523153,
        11.499999997639816,
    ],
    "relu": [0.0, 0.0, 0.0, 0.3, 1.9, 11.5],
    "relu6": [0.0, 0.0, 0.0, 0.3, 1.9, 6.0],
    "hard_tanh": [-1.0, -1.0, -0.7, 0.3, 1.0, 1.0],
    "softshrink": [-7.75, -2.0, -0.2, 0.0, 1.4, 11.0],
    "selu": [
        -1.7576400223499941,
        -1.6137857588732426,
        -0.8850530455772054,
        0.31521029620664415,
        1.9963318759754129,
        12.083061354588026,
    ],
    "sigmoid": [
        2.6119031909571942e-4,
        0.075858180021243551,
        0.33181222783183389,
        0.57444251681165899,
        0.86989152563700215,
        0.99998987000901913,
    ],
    "silu": [
        -0.0021548201325396852,
        -0.18964545005310888,
        -0.23226855948228373,
        0.1723327550434977,
        1.6527938987103041,
        11.49988350510372,
    ],
    "softplus": [
        2.6122443522777902e-4,
        0.078889734292549623,
        0.40318604888545789,
        0.85435524446852712,
        2.0393867582829606,
        11.50001013004229,
    ],
    "softsign": [
        -0.89189189189189189,
        -0.71428571428571429,
        -0.41176470588235294,
        0.23076923076923077,
        0.65517241379310345,
        0.92,
    ],
    "tanh": [
        -0.99999986348794179,
        -0.98661429815143029,
        -0.6043677771171635,
        0.29131261245159091,
        0.95623745812773905,
        0.99999999979476241,
    ],
}
SLOPES = {
    "elu": [2.6125855730166753e-4, 0.082084998623898795, 0.49658530379140951, 1.0, 1.0, 1.0],
    "gelu": [
        -5.3881911380277952e-15,
        -0.037611085908145208,
        0.023385898866340135,
        0.73232776682710986,
        1.0959534882558837,
        1.0,
    ],
    "hard_sigmoid": [0.0, 0.16666666666666667, 0.16666666666666667, 0.16666666666666667, 0.16666666666666667, 0.0],
    "hard_swish": [0.0, -0.33333333333333333, 0.26666666666666667, 0.6, 1.1333333333333333, 1.0],
    "identity": [1.0, 1.0, 1.0, 1.0, 1.0, 1.0],
    "leaky_relu": [0.01, 0.01, 0.01, 1.0, 1.0, 1.0],
    "mish": [
        -0.0018935955562126825,
        -0.10974357275018569,
        0.1844160732567819,
        0.78282729955113038,
        1.0749275910630463,
        1.0000000045150877,
    ],
    "relu": [0.0, 0.0, 0.0, 1.0, 1.0, 1.0],
    "relu6": [0.0, 0.0, 0.0, 1.0, 1.0, 0.0],
    "hard_tanh": [0.0, 0.0, 1.0, 1.0, 0.0, 0.0],
    "softshrink": [1.0, 1.0, 1.0, 0.0, 1.0, 1.0],
    "selu": [
        4.5931849738279833e-4,
        0.14431358197413431,
        0.87304629527017146,
        1.0507009873554805,
        1.0507009873554805,
        1.0507009873554805,
    ],
    "sigmoid": [
        2.611220987129301e-4,
        0.070103716545108157,
        0.22171287329310905,
        0.24445831169074587,
        0.11318025926193098,
        1.0129888364156649e-5,
    ],
    "silu": [
        -0.0018930669952859539,
        -0.099401111341526841,
        0.17661321652665756,
        0.64778001031888275,
        1.084934018234671,
        1.0001063637252069,
    ],
    "softplus": [
        2.6119031909571942e-4,
        0.075858180021243551,
        0.33181222783183389,
        0.57444251681165899,
        0.86989152563700215,
        0.99998987000901913,
    ],
    "softsign": [
        0.01168736303871439,
        0.08163265306122449,
        0.34602076124567474,
        0.59171597633136095,
        0.11890606420927467,
        0.0064,
    ],
    "tanh": [
        2.7302409778230945e-7,
        0.02659222668316062,
        0.63473958998245859,
        0.9151369618266292,
        0.085609923673400503,
        4.1047518518383067e-10,
    ],
}
# The same for gelu(approximate="tanh"): z sigmoid(sqrt(8 / pi) (z + 0.044715 z^3)).
GELU_TANH = [
    -6.2822665432291637e-23,
    -0.015084266089998582,
    -0.16942986529488325,
    0.18537092354275925,
    1.8454512344553326,
    11.5,
]

# mpmath: rows of logits, their softmax, its logarithm, and the softmax at temperature 2.
LOGITS = [[1, 2, 3], [-1.5, 0.25, 4], [1000, 1001, 998]]
SOFTMAX = [
    [0.090030573170380458, 0.24472847105479765, 0.66524095577482189],
    [0.003976988588201146, 0.022885989172106567, 0.97313702223969229],
    [0.25949646034241912, 0.70538451269824116, 0.035119026959339724],
]
LOG_SOFTMAX = [
    [-2.4076059644443803, -1.4076059644443803, -0.4076059644443803],
    [-5.5272303822097459, -3.7772303822097459, -0.027230382209745866],
    [-1.3490122167681864, -0.34901221676818639, -3.3490122167681864],
]
SOFTMAX_AT_2 = [
    [0.18632372322584758, 0.3071958857184984, 0.50648039105565403],
    [0.052516851247322295, 0.12598137697414662, 0.82150177177853108],
    [0.33149896042409151, 0.54654938726617964, 0.12195165230972886],
]


def close(got, expected, dtype, *, absolute=1.0):
    eps = float(np.finfo(dtype).eps)
    np.testing.assert_allclose(got, expected, rtol=16 * eps, atol=absolute * eps)


@pytest.fixture(params=[F, R], ids=["functional", "reference"])
def module(request):
    return request.param


def test_every_activation_has_literals():
    forward = {name for name, op in OPS.items() if op.family == "activations" and not op.backward_of}
    assert forward == set(VALUES) == set(SLOPES)


@pytest.mark.parametrize("name", VALUES)
def test_activation(module, level, dtype, name):
    x = np.array(X, dtype)
    close(getattr(module, name)(x), VALUES[name], dtype)


@pytest.mark.parametrize("name", SLOPES)
def test_slope(module, level, dtype, name):
    x = np.array(X, dtype)
    saved = x if _core.saves_input(_core.Activation.__members__[name]) else getattr(module, name)(x)
    # Where the slope comes from y (tanh: 1 - y^2), its error is absolute.
    close(getattr(module, f"{name}_backward")(np.ones_like(x), saved), SLOPES[name], dtype, absolute=4)
    close(
        getattr(module, f"{name}_backward")(np.full_like(x, -2), saved), -2 * np.array(SLOPES[name]), dtype, absolute=8
    )


def test_gelu_tanh(module, level, dtype):
    x = np.array(X, dtype)
    close(module.gelu(x, approximate="tanh"), GELU_TANH, dtype)
    # mpmath.diff of the tanh form at the same points
    slopes = [
        -1.0079468562335813e-21,
        -0.037951576212666183,
        0.023642781343896033,
        0.73229545163880182,
        1.0967818080997946,
        1,
    ]
    close(module.gelu_backward(np.ones_like(x), x, approximate="tanh"), slopes, dtype, absolute=4)


def test_parameters_of_activations(module, dtype):
    x = np.array([-2.0, 3.0], dtype)
    close(module.leaky_relu(x, slope=0.3), [-0.6, 3.0], dtype)
    close(module.elu(x, alpha=2.0), [-1.7293294335267746, 3.0], dtype)  # 2 (e^-2 - 1)
    close(module.leaky_relu_backward(np.ones_like(x), x, slope=0.3), [0.3, 1.0], dtype)
    close(module.elu_backward(np.ones_like(x), x, alpha=2.0), [0.2706705664732254, 1.0], dtype)  # 2 e^-2


def test_softmax(module, level, dtype):
    z = np.array(LOGITS, dtype)
    close(module.softmax(z), SOFTMAX, dtype)
    close(module.softmax(z.T, axis=0).T, SOFTMAX, dtype)
    close(module.softmax(z, temperature=2.0), SOFTMAX_AT_2, dtype)
    close(module.log_softmax(z), LOG_SOFTMAX, dtype, absolute=8)


def test_softmax_cross_entropy(module, level, dtype):
    z, p = np.array(LOGITS, dtype), np.array(SOFTMAX)
    labels = np.array([2, 0, 1])
    onehot = np.eye(3)[labels]
    rows = -np.array(LOG_SOFTMAX)[[0, 1, 2], labels]  # 0.4076…, 5.5272…, 0.3490…
    loss, dz = module.softmax_cross_entropy(z, labels)
    close(loss, rows.mean(), dtype, absolute=8)
    close(dz, (p - onehot) / 3, dtype, absolute=2)
    # torch.nn.functional.cross_entropy(..., label_smoothing=0.1), torch 2.13: q = 0.9 onehot + 0.1 / 3.
    smoothed = -(0.9 * onehot + 0.1 / 3) * np.array(LOG_SOFTMAX)
    loss, dz = module.softmax_cross_entropy(z, labels, label_smoothing=0.1, reduction="sum")
    close(loss, smoothed.sum(), dtype, absolute=16)
    close(dz, p - 0.9 * onehot - 0.1 / 3, dtype, absolute=2)
    # Class weights 1, 2, 3 and the mean over the sum of the weights of the rows: (3, 1, 2) / 6.
    loss, dz = module.softmax_cross_entropy(z, labels, class_weight=[1, 2, 3])
    close(loss, (rows * [3, 1, 2]).sum() / 6, dtype, absolute=8)
    close(dz, (p - onehot) * np.array([[3], [1], [2]]) / 6, dtype, absolute=2)
    losses, dz = module.softmax_cross_entropy(z, labels, sample_weight=[0, 1, 0.5], reduction="none")
    close(losses, rows * [0, 1, 0.5], dtype, absolute=16)
    close(dz, (p - onehot) * np.array([[0], [1], [0.5]]), dtype, absolute=2)
    loss, dz = module.softmax_cross_entropy(z, np.array([2, -100, 1]), ignore_index=-100)
    close(loss, (rows[0] + rows[2]) / 2, dtype, absolute=8)
    assert not dz[1].any()
    soft, _ = module.softmax_cross_entropy(z, onehot.astype(dtype))
    close(soft, rows.mean(), dtype, absolute=8)


def test_cross_entropy_of_huge_logits(level, dtype):
    """PyTorch #11752, TensorFlow #10142: 1e8 once gave 0 instead of log 2, or infinity."""
    loss, dz = F.softmax_cross_entropy(np.array([[1e8, 1e8], [-1e4, 1e4]], dtype), [0, 0], reduction="none")
    np.testing.assert_allclose(loss, [np.log(2), 2e4], rtol=1e-6)
    np.testing.assert_array_equal(dz[1], [-1, 1])


def test_rows_of_minus_infinity(level, dtype):
    z = np.array([[-np.inf, 0, 0], [-np.inf, -np.inf, -np.inf]], dtype)
    y = F.softmax(z)
    np.testing.assert_array_equal(y[0], [0, 0.5, 0.5])
    assert np.isnan(y[1]).all()
