"""Random networks for the traces, each a function of its number: layers, losses, optimizers and all between."""

from __future__ import annotations

import numpy as np
from networks import (
    activation,
    batch_norm,
    block,
    columns,
    dense,
    drawn,
    dropout,
    flatten,
    gaussian_noise,
    layer_norm,
    loss,
    network,
    of_kind,
    optimizer,
    parallel,
    penalty,
    reshape,
    residual,
)

from densekit import _core

_KINDS = _core.kinds()
# Networks below this number are what they have always been; the others have the kinds that came since, too.
FIRST_OF_ALL_KINDS = 300
_OLD_ACTIVATIONS = 15
ACTIVATIONS = [name for name in _KINDS["activations"] if name not in ("softmax", "log_softmax")]
# Those that a network has drawn for it one by one, below.
_OLD_LAYERS = ["dense", "activation", "batch_norm", "layer_norm", "dropout", "gaussian_noise", "residual", "host"]
# Those that change the shape of a row have places of their own, and one waits for data.
_ELSEWHERE = ["flatten", "reshape", "columns", "block", "parallel", "normalization"]
LAYERS = [kind for kind in _KINDS["layers"] if kind not in (*_OLD_LAYERS, *_ELSEWHERE)]
LOSSES = [
    "softmax_cross_entropy", "binary_cross_entropy", "mse", "mae", "log_cosh", "rmse", "huber", "pinball",
    "poisson_nll", "gamma_nll", "gaussian_nll", "laplace_nll", "hinge", "multiclass_hinge", "nll", "kl_divergence",
]  # fmt: skip
LOSSES += [kind for kind in _KINDS["losses"] if kind not in (*LOSSES, "host")]
# Without lion, whose steps follow the sign of what rounding decides.
_OLD_OPTIMIZERS = ["sgd", "momentum", "nesterov", "rmsprop", "adagrad", "adadelta", "adam", "adamax", "nadam"]
OPTIMIZERS = [kind for kind in _KINDS["optimizers"] if kind != "lion"]
# Losses that take plain rows of scores.
OF_ROWS = [kind for kind, about in _KINDS["losses"].items() if about["of_rows"] or about["outputs"] > 1]
COMPATS = {
    "momentum": ["torch", "keras", "sklearn", "dlfs"],
    "nesterov": ["torch", "keras", "sklearn", "dlfs"],
    "adam": ["torch", "keras", "sklearn", "dlfs"],
    "rmsprop": ["torch", "keras"],
    "adagrad": ["torch", "keras"],
}


class Case:
    """spec, data and the settings of an epoch; `describe` says what it is when a test fails."""

    def __init__(self, number: int, dtype: str, rows: int | None = None) -> None:
        rng = self.rng = np.random.default_rng([20261125, number])
        self.inputs, self.outputs = int(rng.integers(1, 40)), int(rng.integers(1, 12))
        every = self._every = number >= FIRST_OF_ALL_KINDS
        self._activations = ACTIVATIONS if every else ACTIVATIONS[:_OLD_ACTIVATIONS]
        self.loss_kind = str(rng.choice(LOSSES if every else LOSSES[:16]))
        if self.loss_kind in ("gaussian_nll", "laplace_nll"):
            self.outputs += self.outputs % 2
        if self.loss_kind in ("multiclass_hinge", "nll", "softmax_cross_entropy", "kl_divergence"):
            self.outputs = max(2, self.outputs)
        shape, self.lead, self.columns = self.inputs, (), self.inputs
        layers = self._layers(int(rng.integers(0, 4)), self.inputs)
        if every and rng.random() < 0.4:
            shape, layers = self._with_axes(layers)
        last = "identity"
        fields = {}
        if self.loss_kind in ("nll", "kl_divergence"):
            last = "log_softmax"
            fields = {"log_input": True} if self.loss_kind == "kl_divergence" else {}
        if self.loss_kind == "softmax_cross_entropy" and rng.random() < 0.5:
            last, fields = "softmax", {"link": True}
        if self.loss_kind == "binary_cross_entropy" and rng.random() < 0.5:
            last, fields = "sigmoid", {"link": True}
        if self.loss_kind in ("softmax_cross_entropy", "binary_cross_entropy") and rng.random() < 0.5:
            fields["label_smoothing"] = 0.1
        if rng.random() < 0.3:
            fields["reduction"] = str(rng.choice(["count", "sum"]))
        if rng.random() < 0.2:
            fields["factor"] = 0.5
        if rng.random() < 0.3 and last == "identity":
            layers += [dense(self.outputs, **self._penalties()), layer_norm()]
        else:
            layers += [dense(self.outputs, last, **self._penalties())]
        kind = str(rng.choice(OPTIMIZERS if every else _OLD_OPTIMIZERS))
        settings = {"weight_decay": float(rng.choice([0.0, 0.05])), "maximize": bool(rng.random() < 0.1)}
        settings["compat"] = str(rng.choice(COMPATS.get(kind, ["torch"])))
        if kind in ("momentum",) and settings["compat"] == "torch":
            settings["dampening"] = float(rng.choice([0.0, 0.3]))
        if kind == "adagrad":
            settings["initial"] = float(rng.choice([0.0, 0.1]))
        if every:
            own = _KINDS["optimizers"][kind]["fields"]
            settings |= {name: drawn(about, None, rng) for name, about in own.items() if about["type"] == "bool"}
            settings["decay_biases"] = bool(rng.random() < 0.5)
            if kind == "rmsprop":
                settings["momentum"] = float(rng.choice([0.0, 0.5]))
        if every and not self.lead and last == "identity" and rng.random() < 0.5:
            layers = self._with_branches(layers)
        self.spec = network(
            layers,
            shape,
            loss(self.loss_kind, **fields),
            optimizer(kind, **settings),
            dtype=dtype,
            seed=int(rng.integers(2**63)),
            clip_norm=float(rng.choice([0.1, 10.0])) if rng.random() < 0.3 else None,
            clip_value=float(rng.choice([0.01, 1.0])) if rng.random() < 0.3 else None,
            penalty_per_weight=bool(rng.random() < 0.2),
        )
        self.rows = int(rng.integers(3, 90)) if rows is None else rows
        self.batch_size = int(rng.integers(2, self.rows + 1))
        self.dtype = dtype
        self.x = rng.normal(size=(self.rows, self.inputs)).astype(dtype)
        self.y = self._targets()
        self.weights = rng.uniform(0.2, 2, self.rows) if rng.random() < 0.5 else None

    def _with_axes(self, layers):
        """Rows of several axes: their shape, and the layers along the last axis. self.lead: the axes of the output."""
        rng = self.rng
        lead = tuple(int(n) for n in rng.integers(1, 4, rng.integers(1, 3)))
        shape = [*lead, self.inputs]
        if rng.random() < 0.5:  # the same numbers come in as rows of another shape
            layers = [reshape(*shape), *layers]
            shape = [self.inputs, *lead] if rng.random() < 0.5 else int(np.prod(shape))
        if self.loss_kind in OF_ROWS or rng.random() < 0.5:
            layers = [*layers, flatten()]
        else:
            self.lead = lead
        self.inputs *= int(np.prod(lead))
        return shape, layers

    def _with_branches(self, layers):
        """The first layers on some columns, beside a branch that sees all and one that is short."""
        rng = self.rng
        width = layers[0]["shape"][-1] if layers and layers[0]["kind"] == "reshape" else self.columns
        some = [int(c) for c in rng.permutation(width)[: rng.integers(1, width + 1)]]
        left = block(columns(*some), dense(int(rng.integers(1, 20)), str(rng.choice(self._activations))))
        right = block(dropout(0.25), dense(int(rng.integers(1, 20)), trainable=bool(rng.random() < 0.8)))
        first = 1 if layers and layers[0]["kind"] == "reshape" else 0
        return [*layers[:first], parallel(left, right, block()), dense(width), *layers[first:]]

    def _penalties(self):
        rng = self.rng
        if rng.random() < 0.7:
            return {}
        return {
            "kernel_penalty": penalty(
                *(float(rng.choice([0, 1e-2])) for _ in range(2)), proximal=bool(rng.random() < 0.5)
            ),
            "bias_penalty": penalty(l2=float(rng.choice([0, 1e-2]))),
        }

    def _layers(self, depth: int, width: int):
        rng, layers = self.rng, []
        for _ in range(depth):
            kind = rng.choice(["dense", "dense", "dense", "residual", "activation"])
            if kind == "dense":
                width = int(rng.integers(1, 50))
                trainable = bool(rng.random() < 0.9)
                layers.append(
                    dense(
                        width,
                        str(rng.choice(self._activations)),
                        trainable=trainable,
                        bias=bool(rng.random() < 0.8),
                        **self._penalties(),
                    )
                )
            elif kind == "residual":
                inside = [*self._layers(1, width), dense(width, str(rng.choice(self._activations)))]
                layers.append(residual(inside, trainable=bool(rng.random() < 0.9)))
            else:
                layers.append(activation(str(rng.choice([*self._activations[1:], "softmax", "log_softmax"]))))
            extra = rng.random()
            if extra < 0.25:
                layers.append(
                    batch_norm(
                        unbiased=bool(rng.random() < 0.3),
                        scale=bool(rng.random() < 0.8),
                        center=bool(rng.random() < 0.8),
                        trainable=bool(rng.random() < 0.9),
                    )
                )
            elif extra < 0.4:
                layers.append(layer_norm(scale=bool(rng.random() < 0.8), center=bool(rng.random() < 0.8)))
            if self._every and rng.random() < 0.4:
                kind = str(rng.choice(LAYERS))
                fields = _KINDS["layers"][kind]["fields"]
                made = {name: drawn(about, about["default"], rng) for name, about in fields.items()}
                for name in (name for name, about in fields.items() if about["type"] == "penalty"):
                    made[name] = penalty(*(float(rng.choice([0, 1e-2])) for _ in range(2)))
                layers.append(of_kind(kind, **made, trainable=bool(rng.random() < 0.9)))
            if rng.random() < 0.3:
                layers.append(activation(str(rng.choice(self._activations[1:]))))
            if rng.random() < 0.3:
                layers.append(dropout(float(rng.choice([0.1, 0.5])), mode=str(rng.choice(["inverted", "classic"]))))
            if rng.random() < 0.1:
                layers.append(gaussian_noise(0.1))
        return layers

    def _targets(self):
        rng, n, m, kind = self.rng, self.rows, self.outputs * int(np.prod(self.lead)), self.loss_kind
        if kind in ("multiclass_hinge", "nll") or (kind == "softmax_cross_entropy" and rng.random() < 0.6):
            return rng.integers(0, m, n)
        if kind in ("softmax_cross_entropy", "kl_divergence"):
            return rng.dirichlet(np.ones(m), n).astype(self.dtype)
        if kind in ("gaussian_nll", "laplace_nll"):
            return rng.normal(size=(n, m // 2)).astype(self.dtype)
        if kind == "binary_cross_entropy":
            return rng.integers(0, 2, (n, m)).astype(self.dtype)
        if kind == "hinge":
            return rng.choice([-1, 1], (n, m)).astype(self.dtype)
        if kind in ("poisson_nll", "gamma_nll"):
            return rng.integers(1, 5, (n, m)).astype(self.dtype)
        return rng.normal(size=(n, m)).astype(self.dtype)
