"""Networks from scikit-learn, PyTorch and Keras, and to the first two, with the same outputs (float32: to 1e-6).

What differs is translated: PyTorch's kernels are (out, in), ours (in, out); its batch norm's momentum is the weight of
the new batch, our stats_decay that of the old value. What the other side does not have is a ValueError that names it.

Rows may have several axes. Both sides work along the last one, and neither Flatten moves a number: as long as there are
no convolutions, whose channels come first in PyTorch and last here, both take the same rows.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from densekit import _keras, _their_optimizers, layers
from densekit._checks import given, network
from densekit._intake import as_classes
from densekit._layer import Shape, row_shape
from densekit.model import Sequential
from densekit.optimizers import Optimizer

Array = NDArray[Any]


def _filled(made: list[layers.Layer], weights: list[dict[str, Array]], inputs: int | Shape, dtype: Any) -> Sequential:
    """A model of these layers, with the weights of each by name."""
    model = Sequential(made, seed=0, dtype=np.dtype(dtype).name).build(inputs)
    for layer, values in zip(model.layers, weights, strict=True):
        views = layer.weights if values else {}
        for name, value in values.items():
            if views[name].shape != np.shape(value):
                raise ValueError(f"{layer.name}.{name} is {np.shape(value)}, expected {views[name].shape}")
            views[name][...] = value
    return model


# scikit-learn.

_HIDDEN = {"logistic": "sigmoid"}  # scikit-learn's name: ours
_OUT = {"identity": None, "logistic": "sigmoid", "softmax": "softmax", "exp": None}


def from_sklearn(estimator: Any) -> Sequential:
    """The network of a fitted MLPClassifier or MLPRegressor of scikit-learn, uncompiled; of densekit's a copy.

    It puts out what predict_proba gives: probabilities of the classes in order, of classes_[1] alone where there are
    two; or numbers, with loss="poisson" their logarithms.

    >>> from sklearn.neural_network import MLPRegressor
    >>> X = np.eye(3)
    >>> theirs = MLPRegressor(random_state=0, solver="lbfgs").fit(X, [1, 2, 3])
    >>> ours = densekit.convert.from_sklearn(theirs)
    >>> np.allclose(ours.predict(X)[:, 0], theirs.predict(X), rtol=1e-12)
    True
    """
    if not hasattr(estimator, "coefs_"):
        what = "is not fitted yet" if hasattr(estimator, "hidden_layer_sizes") else "is no multi-layer perceptron"
        raise ValueError(
            f"from_sklearn: {type(estimator).__name__} {what}; expected a fitted MLPClassifier or MLPRegressor"
        )
    if isinstance(getattr(estimator, "model_", None), Sequential):
        return estimator.model_.clone(weights=True)  # type: ignore[no-any-return]
    hidden = _HIDDEN.get(estimator.activation, estimator.activation)
    last = len(estimator.coefs_) - 1
    made: list[layers.Layer] = [
        layers.Dense(kernel.shape[1], hidden if i < last else _OUT[estimator.out_activation_])
        for i, kernel in enumerate(estimator.coefs_)
    ]
    weights = [
        {"kernel": kernel, "bias": bias} for kernel, bias in zip(estimator.coefs_, estimator.intercepts_, strict=True)
    ]
    return _filled(made, weights, estimator.coefs_[0].shape[0], estimator.coefs_[0].dtype)


def to_sklearn(model: Sequential, classes: ArrayLike | None = None) -> Any:
    """A fitted MLPClassifier (where the model ends in softmax or sigmoid) or MLPRegressor of scikit-learn.

    classes: labels in the order of the outputs, two for a sigmoid; 0, 1, … by default, or 0 and 1 for each of several
    sigmoids. All hidden layers must have one activation of identity, sigmoid, tanh and relu. Dropout and noise are left
    out, batch norms after a Dense without activation become part of it, as they are in inference. A Flatten in front is
    left out, too: it takes X.reshape(len(X), -1).

    >>> model = densekit.Sequential([densekit.layers.Dense(4, "tanh"), densekit.layers.Dense(3, "softmax")], seed=0)
    >>> theirs = densekit.convert.to_sklearn(model.build(2), classes=["a", "b", "c"])
    >>> np.allclose(theirs.predict_proba(np.eye(2, dtype="f4")), model(np.eye(2)), rtol=1e-6)
    True
    """
    model = network("to_sklearn", model)
    try:
        from sklearn.neural_network import MLPClassifier, MLPRegressor
        from sklearn.preprocessing import LabelBinarizer
    except ImportError as error:
        raise ImportError("to_sklearn needs scikit-learn, which is not installed: pip install scikit-learn") from error
    kernels, biases, activations = _plain_layers(model)
    hidden = set(activations[:-1]) or {"identity"}
    names = {"identity": "identity", "sigmoid": "logistic", "tanh": "tanh", "relu": "relu"}
    if len(hidden) > 1 or not hidden <= set(names):
        raise ValueError(
            f"to_sklearn: scikit-learn has one of {', '.join(names)} in all hidden layers, got {activations[:-1]}"
        )
    outputs, out = biases[-1].size, activations[-1]
    common = {
        "hidden_layer_sizes": tuple(bias.size for bias in biases[:-1]),
        "activation": names[hidden.pop()],
    }
    estimator: Any
    if out in ("softmax", "sigmoid"):
        estimator = MLPClassifier(**common)
        several_labels = out == "sigmoid" and outputs > 1
        count = max(outputs, 2)
        labels = np.arange(count) if classes is None else as_classes("to_sklearn", "classes", classes)
        if labels.shape != (count,) or len(np.unique(labels)) != count:
            raise ValueError(f"to_sklearn: classes must be {count} different labels, got {labels.tolist()}")
        if (np.sort(labels) != labels).any():
            order = np.argsort(labels)
            if out == "sigmoid" and not several_labels:
                raise ValueError(f"to_sklearn: classes must rise as scikit-learn sorts them, got {labels.tolist()}")
            kernels[-1], biases[-1], labels = kernels[-1][:, order], biases[-1][order], labels[order]
        fitted_to = np.eye(count, dtype=int) if several_labels else labels
        estimator._label_binarizer = LabelBinarizer().fit(fitted_to)
        estimator.classes_ = estimator._label_binarizer.classes_ if several_labels else labels
        estimator.out_activation_ = "softmax" if estimator._label_binarizer.y_type_ == "multiclass" else "logistic"
        if out == "softmax" and outputs == 2:  # scikit-learn has one output for two classes
            kernels[-1] = kernels[-1][:, 1:] - kernels[-1][:, :1]
            biases[-1] = biases[-1][1:] - biases[-1][:1]
            estimator.out_activation_ = "logistic"
    elif out == "identity":
        estimator = MLPRegressor(**common)
        estimator.out_activation_ = "identity"
    else:
        raise ValueError(f"to_sklearn: the model ends in {out!r}; scikit-learn has softmax, sigmoid and identity there")
    estimator.coefs_, estimator.intercepts_ = kernels, biases
    estimator.n_layers_, estimator.n_outputs_ = len(kernels) + 1, biases[-1].size
    estimator.n_features_in_ = kernels[0].shape[0]
    # What partial_fit goes on from.
    estimator.n_iter_ = estimator.t_ = estimator._no_improvement_count = 0
    estimator.loss_curve_, estimator.best_loss_ = [], np.inf
    estimator.validation_scores_ = estimator.best_validation_score_ = None
    return estimator


def _plain_layers(model: Sequential) -> tuple[list[Array], list[Array], list[str]]:
    """Kernels, biases and activations; norms are multiplied into the kernels before them."""
    kernels: list[Array] = []
    biases: list[Array] = []
    activations: list[str] = []
    for layer in _inference(model):
        shape = layer.input_shape or ()
        if isinstance(layer, layers.Flatten) and (len(shape) == 1 or not kernels):
            continue
        if len(shape) > 1:
            raise ValueError(
                f"to_sklearn: scikit-learn's networks take plain rows, but {layer!r} is given rows of shape {shape}"
            )
        if isinstance(layer, layers.Dense):
            _refuse_temperature("to_sklearn", **layer._fields)
            kernels.append(layer.kernel.copy())
            biases.append(layer.bias.copy() if layer.use_bias else np.zeros(layer.units, model.dtype))
            activations.append(layer._fields["activation"])
        elif isinstance(layer, layers.BatchNorm) and activations and activations[-1] == "identity":
            weights = {name: np.asarray(value, np.float64) for name, value in layer.weights.items()}
            factor = weights.get("gamma", 1.0) / np.sqrt(weights["variance"] + layer.eps)
            kernels[-1] = (kernels[-1] * factor).astype(model.dtype)
            bias = (biases[-1] - weights["mean"]) * factor + weights.get("beta", 0.0)
            biases[-1] = bias.astype(model.dtype)
        elif isinstance(layer, layers.Activation) and activations and activations[-1] == "identity":
            _refuse_temperature("to_sklearn", layer.activation, layer.parameter)
            activations[-1] = layer.activation
        else:
            raise ValueError(f"to_sklearn: scikit-learn's networks have nothing like {layer!r} in this place")
    if not kernels:
        raise ValueError("to_sklearn: the model has no Dense layer")
    return kernels, biases, activations


def _inference(model: Sequential) -> Iterator[layers.Layer]:
    """The layers that do something in inference."""
    if not model.built:
        raise ValueError("to_sklearn: the model has no weights yet: train it, or build(inputs) it")
    for layer in model.layers:
        idle = isinstance(layer, layers.GaussianNoise) or (
            isinstance(layer, layers.Dropout) and layer.mode == "inverted"
        )
        if not idle:
            yield layer


def _refuse_temperature(op: str, activation: str, parameter: float) -> None:
    if activation in ("softmax", "log_softmax") and parameter != 1:
        raise ValueError(f"{op}: there is no temperature on the other side, got {activation} with {parameter}")


# PyTorch.


def _torch() -> Any:
    try:
        import torch
    except ImportError as error:
        raise ImportError("PyTorch is not installed: see https://pytorch.org for the command") from error
    return torch


# Modules without parameters that mean the same as an activation of ours.
_TORCH_ACTIVATIONS = {
    "ReLU": "relu",
    "ReLU6": "relu6",
    "SELU": "selu",
    "SiLU": "silu",
    "Mish": "mish",
    "Sigmoid": "sigmoid",
    "Hardsigmoid": "hard_sigmoid",
    "Tanh": "tanh",
    "Softsign": "softsign",
    "Hardswish": "hard_swish",
}


def from_torch(module: Any, *, inputs: int | Shape | None = None) -> Sequential:
    """The network of a torch.nn.Sequential (or one module), uncompiled, with the weights and running statistics.

    Known are Linear, BatchNorm1d, LayerNorm, RMSNorm, PReLU, Dropout, Flatten, Unflatten and Identity, nested
    Sequentials, and activations. A Linear and the activation after it become one Dense. Batch norms keep PyTorch's
    convention of running variances ("unbiased"), so that a training that goes on is the same, too. Parameters without
    requires_grad freeze their layer. inputs: the shape of a row where it has several axes, (28, 28) for an nn.Flatten
    in front; without it rows are plain, and such a Flatten is left out. Numbers keep their order: what PyTorch has
    channels first, (n, 3, 32, 32), is given as it is there.
    """
    torch = _torch()
    _require_module(torch, module)
    made: list[layers.Layer] = []
    weights: list[dict[str, Array]] = []
    first = shape = None if inputs is None else row_shape("from_torch", "inputs", inputs)  # of a row that comes in
    dtype = next((p.dtype for p in module.parameters()), torch.float32)
    if dtype not in (torch.float32, torch.float64):
        raise ValueError(f"from_torch: the parameters are {dtype}, expected torch.float32 or torch.float64")
    known: set[int] = set()
    for part in _parts(torch, module):
        kind = type(part).__name__
        own = {id(parameter) for parameter in part.parameters()}
        if known & own:
            raise ValueError(
                f"from_torch: {part} shares a parameter with a layer before it, but densekit's layers have their own "
                "weights, which would be trained apart; give each a copy (copy.deepcopy)"
            )
        known |= own
        values = {name: p.detach().cpu().numpy() for name, p in [*part.named_parameters(), *part.named_buffers()]}
        trainable = all(p.requires_grad for p in part.parameters())
        takes = _columns_of(part, kind)
        if shape is None and takes is not None:
            first = shape = (takes,)
        if takes is not None and shape is not None and shape[-1] != takes:
            raise ValueError(
                f"from_torch: {part} takes {takes} columns, but rows of shape {shape} come in; where rows have several "
                "axes, inputs= says which"
            )
        if takes is not None and shape is not None and len(shape) > 1 and kind in ("BatchNorm1d", "PReLU"):
            raise ValueError(f"from_torch: {part} has its columns in axis 1, but rows are of shape {shape}")
        if kind == "Linear":
            assert shape is not None
            shape = (*shape[:-1], part.out_features)
            made.append(layers.Dense(part.out_features, use_bias="bias" in values, trainable=trainable))
            weights.append({"kernel": values["weight"].T} | ({"bias": values["bias"]} if "bias" in values else {}))
        elif kind == "BatchNorm1d":
            made.append(_from_batch_norm(part, "weight" in values, trainable))
            weights.append(_renamed(values, weight="gamma", bias="beta", running_mean="mean", running_var="variance"))
        elif kind in ("LayerNorm", "RMSNorm"):
            if takes is None:
                raise ValueError(f"from_torch: {part} normalizes several axes; the last one alone is possible")
            eps = torch.finfo(dtype).eps if part.eps is None else part.eps
            made.append(
                layers.LayerNorm(eps=eps, scale="weight" in values, center="bias" in values, trainable=trainable)
                if kind == "LayerNorm"
                else layers.RMSNorm(eps=eps, scale="weight" in values, trainable=trainable)
            )
            weights.append(_renamed(values, weight="gamma", bias="beta"))
        elif kind == "PReLU":
            shared = part.num_parameters == 1
            made.append(layers.PReLU(shared=shared, init=part.init, trainable=trainable))
            weights.append(_renamed(values, weight="alpha"))
        elif kind == "Dropout":
            made.append(layers.Dropout(part.p))
            weights.append({})
        elif kind in ("Flatten", "Unflatten"):
            new = _flattened(part, shape) if kind == "Flatten" else _unflattened(part, shape)
            if shape is None and new is not None:
                first = shape = (math.prod(new),)
            if new is not None and new != shape:
                made.append(layers.Flatten() if len(new) == 1 else layers.Reshape(new))
                weights.append({})
            shape = new
        else:
            activation = _from_activation(part, kind, 1 if shape is None else len(shape))
            before = made[-1] if made else None
            if isinstance(before, layers.Dense) and before.activation is None:
                made[-1] = layers.Dense(before.units, activation, use_bias=before.use_bias, trainable=before.trainable)
            else:
                made.append(activation)
                weights.append({})
    if first is None:
        raise ValueError(f"from_torch: {module} has no layer that says how many columns it takes")
    return _filled(made, weights, first, str(dtype).removeprefix("torch."))


def _columns_of(part: Any, kind: str) -> int | None:
    """The length of the last axis that a module takes; None where it takes any."""
    if kind in ("LayerNorm", "RMSNorm"):
        return int(part.normalized_shape[0]) if len(part.normalized_shape) == 1 else None
    if kind == "PReLU" and part.num_parameters == 1:
        return None
    names = {"Linear": "in_features", "BatchNorm1d": "num_features", "PReLU": "num_parameters"}
    return int(getattr(part, names[kind])) if kind in names else None


def _flattened(part: Any, shape: Shape | None) -> Shape | None:
    """The shape of a row after an nn.Flatten, which counts axes with the one of the rows."""
    if shape is None and (part.start_dim, part.end_dim) == (1, -1):
        return None
    axes = 2 if shape is None else len(shape) + 1
    start, end = (dim + axes if dim < 0 else dim for dim in (part.start_dim, part.end_dim))
    if shape is None or not 1 <= start <= end < axes:
        raise ValueError(f"from_torch: {part} flattens something else than rows of shape {shape}")
    return (*shape[: start - 1], math.prod(shape[start - 1 : end]), *shape[end:])


def _unflattened(part: Any, shape: Shape | None) -> Shape:
    """The shape of a row after an nn.Unflatten."""
    size, dim = tuple(part.unflattened_size), part.dim
    if not all(isinstance(one, int) for one in (*size, dim)):
        raise ValueError(f"from_torch: {part} names its axes, which is not possible here; give numbers")
    if shape is None and -1 not in size and dim in (1, -1):
        return size
    axes = 2 if shape is None else len(shape) + 1
    at = (dim + axes if dim < 0 else dim) - 1
    if shape is None or not 0 <= at < axes - 1:
        raise ValueError(f"from_torch: {part} does not fit rows of shape {shape}; inputs= says which they have")
    known = math.prod(one for one in size if one != -1)
    found = tuple(shape[at] // known if one == -1 else one for one in size)
    if math.prod(found) != shape[at]:
        raise ValueError(f"from_torch: {part} does not fit rows of shape {shape}")
    return (*shape[:at], *found, *shape[at + 1 :])


def _require_module(torch: Any, module: Any) -> None:
    if isinstance(module, torch.nn.Module):
        return
    cure = ""
    if isinstance(module, type):
        cure = "; make one first, and give its layers as a torch.nn.Sequential"
    elif isinstance(module, Mapping):
        cure = (
            "; a state_dict has weights but no layers: load it into the module, module.load_state_dict(...), and give "
            "that"
        )
    raise TypeError(f"from_torch: module must be a torch.nn.Sequential or one layer, got {given(module)}{cure}")


def _parts(torch: Any, module: Any) -> Iterator[Any]:
    if isinstance(module, torch.nn.Sequential):
        for part in module:
            yield from _parts(torch, part)
    elif type(module).__name__ != "Identity":
        yield module


def _renamed(values: dict[str, Array], **names: str) -> dict[str, Array]:
    return {new: values[old] for old, new in names.items() if old in values}


def _from_batch_norm(part: Any, affine: bool, trainable: bool) -> layers.BatchNorm:
    if not part.track_running_stats or part.momentum is None:
        raise ValueError(
            f"from_torch: {part} has no running statistics of constant decay; set track_running_stats and a momentum"
        )
    return layers.BatchNorm(
        eps=part.eps,
        stats_decay=1 - part.momentum,
        running_var="unbiased",
        scale=affine,
        center=affine,
        trainable=trainable,
    )


def _from_activation(part: Any, kind: str, axes: int) -> layers.Activation:
    """axes: of a row."""
    if kind in _TORCH_ACTIVATIONS:
        return layers.Activation(_TORCH_ACTIVATIONS[kind])
    if kind == "LeakyReLU":
        return layers.Activation("leaky_relu", slope=part.negative_slope)
    if kind == "ELU":
        return layers.Activation("elu", alpha=part.alpha)
    if kind == "GELU":
        return layers.Activation("gelu_tanh" if part.approximate == "tanh" else "gelu")
    if kind == "Hardtanh":
        if (part.min_val, part.max_val) != (-1, 1):
            raise ValueError(f"from_torch: {part} has other limits than densekit's hard_tanh, which goes from -1 to 1")
        return layers.Activation("hard_tanh")
    if kind == "Softshrink":
        return layers.Activation("softshrink", threshold=part.lambd)
    if kind == "Softplus" and part.beta == 1:
        return layers.Activation("softplus")
    if kind in ("Softmax", "LogSoftmax") and part.dim in (-1, axes, *([None] if axes == 1 else [])):
        return layers.Activation("softmax" if kind == "Softmax" else "log_softmax")
    if any(True for _ in part.children()):
        raise ValueError(
            f"from_torch: {kind} is a class with a forward of its own, which cannot be read; give its layers in the "
            "order of forward as a torch.nn.Sequential: the weights come along"
        )
    raise ValueError(
        f"from_torch: {part} has no counterpart; known are Sequential, Linear, BatchNorm1d, LayerNorm, RMSNorm, PReLU, "
        f"Dropout, Flatten, Unflatten, Identity, {', '.join(_TORCH_ACTIVATIONS)}, LeakyReLU, ELU, GELU, Hardtanh, "
        "Softshrink, Softplus(beta=1), Softmax and LogSoftmax along the last axis"
    )


def to_torch(model: Sequential) -> Any:
    """A torch.nn.Sequential with the same weights and running statistics, in evaluation mode (`.train()` it to go on).

    A Dense becomes Linear and its activation. Layers that PyTorch does not have as a module (Residual, GaussianNoise,
    classic dropout, Lambda, a softmax with a temperature) are a ValueError. A norm with only one of gamma and beta gets
    the other as a constant. PyTorch keeps unbiased running variances when it trains on, whatever ours did. It takes the
    rows that the model takes. A batch norm or PReLU of rows of several axes is a ValueError, too: PyTorch's have their
    columns in axis 1.
    """
    model, torch = network("to_torch", model), _torch()
    if not model.built:
        raise ValueError("to_torch: the model has no weights yet: train it, or build(inputs) it")
    nn, modules = torch.nn, []
    dtype = getattr(torch, model.dtype.name)
    for layer in model.layers:
        if isinstance(layer, layers.Dense):
            module = nn.Linear(layer.inputs, layer.units, bias=layer.use_bias, dtype=dtype)
            _put(torch, module.weight, layer.kernel.T, layer.trainable)
            if layer.use_bias:
                _put(torch, module.bias, layer.bias, layer.trainable)
            modules.append(module)
            if layer._fields["activation"] != "identity":
                modules.append(_to_activation(nn, **layer._fields, axes=len(layer.output_shape or ())))
        elif isinstance(layer, layers.Activation):
            modules.append(_to_activation(nn, layer.activation, layer.parameter, len(layer.output_shape or ())))
        elif isinstance(layer, layers.Flatten | layers.Reshape):
            if len(layer.input_shape or ()) > 1:
                modules.append(nn.Flatten())
            if len(layer.output_shape or ()) > 1:
                modules.append(nn.Unflatten(1, layer.output_shape))
        elif len(layer.input_shape or ()) > 1 and (
            isinstance(layer, layers.BatchNorm) or (isinstance(layer, layers.PReLU) and layer.alpha.size > 1)
        ):
            raise ValueError(f"to_torch: PyTorch has no module like {layer!r} for rows of shape {layer.input_shape}")
        elif isinstance(layer, layers.BatchNorm):
            momentum, affine = 1 - layer.stats_decay, layer.scale or layer.center
            module = nn.BatchNorm1d(layer.inputs, eps=layer.eps, momentum=momentum, affine=affine, dtype=dtype)
            _put_norm(torch, module, layer)
            module.running_mean.copy_(torch.from_numpy(layer.mean.copy()))
            module.running_var.copy_(torch.from_numpy(layer.variance.copy()))
            modules.append(module)
        elif isinstance(layer, layers.LayerNorm):
            affine = layer.scale or layer.center
            module = nn.LayerNorm(layer.inputs, eps=layer.eps, elementwise_affine=affine, dtype=dtype)
            _put_norm(torch, module, layer)
            modules.append(module)
        elif isinstance(layer, layers.RMSNorm):
            module = nn.RMSNorm(layer.inputs, eps=layer.eps, elementwise_affine=layer.scale, dtype=dtype)
            if layer.scale:
                _put(torch, module.weight, layer.gamma, layer.trainable)
            modules.append(module)
        elif isinstance(layer, layers.PReLU):
            module = nn.PReLU(layer.alpha.size, init=layer.init, dtype=dtype)
            _put(torch, module.weight, layer.alpha, layer.trainable)
            modules.append(module)
        elif isinstance(layer, layers.Dropout) and layer.mode == "inverted":
            modules.append(nn.Dropout(layer.rate))
        else:
            raise ValueError(f"to_torch: PyTorch has no module like {layer!r}")
    return nn.Sequential(*modules).eval()


def _put(torch: Any, parameter: Any, value: Array, trainable: bool) -> None:
    with torch.no_grad():
        parameter.copy_(torch.from_numpy(np.ascontiguousarray(value).copy()))
    parameter.requires_grad_(trainable)


def _put_norm(torch: Any, module: Any, layer: Any) -> None:
    for name, there, parameter in (("gamma", layer.scale, module.weight), ("beta", layer.center, module.bias)):
        if there:
            _put(torch, parameter, layer.weights[name], layer.trainable)
        elif parameter is not None:
            parameter.requires_grad_(False)


def _to_activation(nn: Any, activation: str, parameter: float, axes: int) -> Any:
    """axes: of a row."""
    _refuse_temperature("to_torch", activation, parameter)
    made = {
        "identity": lambda: nn.Identity(),
        "leaky_relu": lambda: nn.LeakyReLU(parameter),
        "elu": lambda: nn.ELU(parameter),
        "gelu": lambda: nn.GELU(),
        "gelu_tanh": lambda: nn.GELU(approximate="tanh"),
        "softplus": lambda: nn.Softplus(),
        "hard_tanh": lambda: nn.Hardtanh(),
        "softshrink": lambda: nn.Softshrink(parameter),
        "softmax": lambda: nn.Softmax(dim=axes),
        "log_softmax": lambda: nn.LogSoftmax(dim=axes),
        **{ours: getattr(nn, theirs) for theirs, ours in _TORCH_ACTIVATIONS.items()},
    }
    return made[activation]()


# Keras, and optimizers.


def from_keras(model: Any) -> Sequential:
    """The network of a keras.Sequential (Keras 3) that is built, uncompiled, with its weights and statistics.

    Known are Dense, BatchNormalization, LayerNormalization, RMSNormalization, PReLU, ReLU, LeakyReLU, ELU, Softmax,
    Activation, Dropout, GaussianNoise, Rescaling, Normalization, Flatten, Reshape and Identity, and Sequentials inside.
    Rows have the shape of the model's Input; both sides work along the last axis, channels last. Regularizers come
    along, as Keras computes with them; constraints are a ValueError. Layers that are not trainable stay frozen.
    """
    return _filled(*_keras.read(model))


def optimizer(theirs: Any) -> Optimizer:
    """The optimizer of densekit that makes the updates of one of torch.optim or keras.optimizers, from its start.

    Settings are those of the object, its states are not read. Decoupled weight decay is of all parameters there
    (decay_biases=True). What has no counterpart is a ValueError that names it: PyTorch's weight_decay of SGD and Adam
    is a penalty, clipping belongs to `compile`, a rate that changes is an object of `densekit.schedules`.
    """
    return _their_optimizers.read(theirs)


__all__ = ["from_keras", "from_sklearn", "from_torch", "optimizer", "to_sklearn", "to_torch"]
