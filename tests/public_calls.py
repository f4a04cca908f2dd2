"""The public functions, classes and methods of densekit with arguments that work, for tests of all of them.

They are found by walking the package; arguments are chosen by the names of the parameters, those of operations by the
register. A new callable whose parameters have known names needs nothing here; another one fails the test that calls
all of them, until it has its examples.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, is_dataclass
from pathlib import Path
from typing import Any

import numpy as np

import densekit as dk
from densekit.layers import Dense, Dropout, Normalization
from densekit.plots._style import Display
from densekit.registry import OPS

# The twins are the definitions in plain NumPy; the register is for tests.
NOT_HERE = ("reference", "registry")

# What the model calls, not people: hooks of callbacks, the protocol of layers, specs for the engines.
PROTOCOL = {
    "attach", "backward", "build", "build_shape", "children", "config", "forward", "given", "given_arguments",
    "outputs_for", "rates", "set_model", "set_params", "spec", "spec_for", "state", "set_state", "targets", "weight",
    "add_parameter", "observe", "at", "values", "array", "of", "begin", "replaced",
}  # fmt: skip

# Without arguments that work: they say so, whatever they are given.
REFUSE = ("conv", "max_pool", "im2col", "col2im", "spatial_groupnorm", "LinearClassifier.", "load_CIFAR", "get_CIFAR",
          "Convolution", "Pooling")  # fmt: skip
ABSTRACT = ("densekit.initializers.Initializer", "densekit.losses.Loss", "densekit.optimizers.Optimizer",
            "densekit.regularizers.Regularizer", "densekit.schedules.Schedule")  # fmt: skip


def X() -> np.ndarray:
    return np.random.default_rng(0).normal(size=(24, 2)).astype(np.float32)


def y() -> np.ndarray:
    return np.arange(24) % 2


def column() -> np.ndarray:
    return np.linspace(0, 1, 24)


def model(*_: Any) -> dk.Sequential:
    made = dk.Sequential([Dense(3, "tanh", inputs=2), Dense(2, "softmax")], seed=0)
    return made.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"]).build(2)


def scaling() -> dk.Sequential:
    return dk.Sequential([Normalization(inputs=2), Dense(1)], seed=0)


def dropping(inputs: int = 2) -> dk.Sequential:
    made = dk.Sequential([Dense(3, "tanh", inputs=inputs), Dropout(0.5), Dense(1)], seed=0)
    return made.compile("adam", "mse").build(inputs)


def course_net() -> Any:
    from densekit.compat.dlfs.multi_layer_net import MultiLayerNet

    return MultiLayerNet(2, [3], 2)


def course_model() -> Any:
    from densekit.compat.cs231n.classifiers.fc_net import TwoLayerNet

    return TwoLayerNet(2, 3, 2)


def keras_network() -> Any:
    """What a keras.Sequential with one layer looks like; Keras need not be installed."""

    class Softmax:
        name, trainable, weights = "softmax", True, ()

        def get_config(self) -> dict[str, Any]:
            return {"axis": -1}

        def get_weights(self) -> list[np.ndarray]:
            return []

    class Sequential(Softmax):
        built, input_shape, layers = True, (None, 2), (Softmax(),)

    return Sequential()


def history() -> dk.callbacks.History:
    made = dk.callbacks.History()
    made.on_epoch_end(0, {"loss": 2.0, "val_loss": 3.0})
    return made


def curve(kind: str) -> Any:
    losses = np.array([[0.1], [0.2]])
    if kind == "learning":
        return dk.diagnostics.LearningCurve(np.array([10, 20]), losses, losses + 0.3, "loss")
    return dk.diagnostics.ValidationCurve("rate", (0.1, 0.2), losses, losses + 0.3, "loss", 0.1)


def watched() -> Any:
    watch = dk.diagnostics.GradientFlow(X(), y())
    model().fit(X(), y(), callbacks=[watch], verbose=0)
    return watch


def square() -> Callable[..., Any]:
    return lambda w: ((w**2).sum(), 2 * w)


def weighted() -> Callable[..., Any]:
    return lambda w: (w**2).sum()


def saved() -> str:
    model().save("model.npz")
    return "model.npz"


def cached(function: str, *arguments: Any) -> Callable[[], Any]:
    """What a layer's forward function keeps for its backward one."""
    return lambda: getattr(importlib.import_module("densekit.compat.cs231n.layer_utils"), function)(*arguments)[1]


BY_NAME: dict[str, Callable[[], Any]] = {
    **dict.fromkeys(["X", "X_ref", "X_val", "X_test", "x", "X_batch", "x_train", "x_test"], X),
    **dict.fromkeys(["y", "y_ref", "y_new", "y_val", "y_test", "y_true", "y_batch", "t", "t_train", "t_test"], y),
    "X_new": lambda: X() + 1,
    "model": model,
    "network": course_net,
    "make_model": lambda: model,
    "validation_data": lambda: (X(), y()),
    "path": saved,
    "fname": lambda: "params.npz",
    "f": lambda: "exp",
    "fn": square,
    "at": lambda: np.ones(3),
    "a": lambda: 0.0,
    "c": lambda: [1.0, 2.0],
    "lr": lambda: 0.1,
    "n": lambda: 3,
    "k": lambda: 1,
    "order": lambda: 3,
    "epoch": lambda: 0,
    "batch": lambda: 0,
    "logs": lambda: {"loss": 1.0},
    "units": lambda: 3,
    "name": lambda: "dense",
    "inputs": lambda: 2,
    "shape": lambda: (2,),
    "y_pred": y,
    "pred": lambda: np.full((24, 2), 0.5),
    "target": lambda: np.full((24, 2), 0.5),
    "priors": lambda: [0.5, 0.5],
    "callbacks": list,
    "params": lambda: {"epochs": 2},
    "weights": lambda: model().get_weights(),
    "distribution": lambda: "bernoulli",
    "data": lambda: [1.0, 0.0, 1.0],
    "grids": lambda: {"p": [0.2, 0.5, 0.8]},
    "function": lambda: lambda *a: a[0],
    "rate": lambda: 0.5,
    "std": lambda: 0.1,
    "layers": lambda: [Dense(2)],
    "branches": lambda: [Dense(2)],
    "layer": lambda: Dense(2),
    "schedule": lambda: 0.1,
    "length": lambda: 3,
    "gamma": lambda: 0.5,
    "step_size": lambda: 2,
    "max_lr": lambda: 0.1,
    "values": lambda: [1, 2],
    "which": lambda: "saddle",
    "labels": y,
    "activation": lambda: "relu",
    "config_": lambda: model().config(),
    "theta": lambda: model().trainable_parameters(),
    "w": lambda: np.ones((2, 3)),
    "p": lambda: [0.5, 0.5],
    "q": lambda: [0.5, 0.5],
    "class_weights": lambda: [1.0, 2.0],
    "product": lambda: lambda v: 2 * v,
    "size": lambda: 3,
    "hidden_dims": lambda: [3],
    "reg": lambda: 0.1,
    "W": lambda: np.ones((2, 2)),
    "b": lambda: np.zeros(3),
    "dw": lambda: np.ones((2, 3)),
    "dout": X,
    "df": X,
    "input_size": lambda: 2,
    "hidden_size_list": lambda: [3],
    "output_size": lambda: 2,
    "hidden_size": lambda: 3,
    "beta": lambda: np.zeros(2),
    "bn_param": lambda: {"mode": "train"},
    "ln_param": dict,
    "dropout_param": lambda: {"mode": "train", "p": 0.5},
    "grads": lambda: {"w": np.ones(3)},
    "dists": lambda: np.ones((4, 24)),
    "analytic_grad": X,
    "history": history,
    "loss": lambda: "mse",
    "gradients": lambda: model().loss_and_gradients(X(), y())[1],
    "verbose": lambda: 0,
    "check": lambda: dk.diagnostics.gradcheck(square(), np.ones(3)),
    "flow": lambda: dk.diagnostics.gradient_flow(model(), X(), y()),
    "sweep": lambda: dk.sweeps.DropoutSweep(np.array([0.5]), ("inverted",), np.ones((1, 1, 1)), np.ones((1, 1, 1))),
    "trajectories": lambda: [dk.optim2d.trajectory("saddle", steps=3)],
    "watch": watched,
    "report": lambda: dk.shift.report(X(), X() + 3),
    "report_": lambda: dk.shift.report(X(), X() + 3),
    "points": X,
    "spaces": lambda: {"dense": X()},
    "total_steps": lambda: None,
    "total_epochs": lambda: None,
    "steps": lambda: np.arange(4),
    "epochs": lambda: np.arange(4),
}  # fmt: skip

# By the last two parts of the name of the callable, or the last one, where the same name means something else.
SPECIAL: dict[str, dict[str, Callable[[], Any]]] = {
    "optimizer.update": {"params": lambda: {"w": np.ones(3)}},
    **{
        f"{name}.update": {"params": lambda: {"w": np.ones(3)}}
        for name in ("SGD", "Momentum", "Nesterov", "AdaGrad", "RMSprop", "Adam")
    },
    "remainder": {"x": lambda: [0.5]},
    "lagrange_bound": {"x": lambda: [0.5]},
    "polynomial": {"x": lambda: [0.5]},
    "losses.get": {"value": lambda: "mse"},
    "metrics.get": {"value": lambda: "accuracy"},
    "optimizers.get": {"value": lambda: "adam"},
    "schedules.get": {"value": lambda: 0.1},
    "regularizers.get": {"value": lambda: "l2"},
    "initializers.get": {"value": lambda: "zeros"},
    "preset": {"name": lambda: "torch"},
    "numerical_gradient": {"f": weighted},
    "numerical_gradient_2d": {"f": weighted},
    "eval_numerical_gradient": {"f": weighted},
    "eval_numerical_gradient_array": {"f": lambda: lambda w: 2 * w},
    "grad_check_sparse": {"f": weighted},
    "Solver": {"model": course_model, "data": lambda: {"X_train": X(), "y_train": y(), "X_val": X(), "y_val": y()}},
    "densekit.Scores": {"values": lambda: {"loss": 1.0}},
    "use_isa": {"name": lambda: dk._core.active_level()},
    "Metric": {"function": lambda: "accuracy"},
    "layers.Rescaling": {"scale": lambda: 0.5},
    "layers.Columns": {"columns": lambda: [0]},
    "HostLoss": {"function": lambda: lambda p, t: (0.0, np.zeros(np.shape(p)))},
    "from_torch": {"module": lambda: importlib.import_module("torch").nn.Sequential(
        importlib.import_module("torch").nn.Linear(2, 3))},
    "from_keras": {"model": keras_network},
    "convert.optimizer": {"theirs": lambda: importlib.import_module("torch").optim.Adam(
        importlib.import_module("torch").nn.Linear(2, 3).parameters())},
    "from_sklearn": {"estimator": lambda: dk.sklearn.MLPClassifier(max_iter=2).fit(X(), y())},
    "top_k": {"y_pred": lambda: np.full((24, 3), 0.3)},
    "BatchSizeNoiseDisplay": {"losses": lambda: {4: np.ones(6)}, "epochs": lambda: {4: np.arange(6)}},
    "GradientHeatMapDisplay": {"layers": lambda: ["dense"], "rms": lambda: np.ones((4, 1))},
    "HistoryDisplay": {"curves": lambda: {"loss": np.ones(4)}},
    "LearningCurveDisplay": {"curve": lambda: curve("learning")},
    "LearningCurveDisplay.from_curve": {"curve": lambda: curve("learning")},
    "ValidationCurveDisplay": {"curve": lambda: curve("validation")},
    "ValidationCurveDisplay.from_curve": {"curve": lambda: curve("validation")},
    "LossLandscapeDisplay": {"alpha": lambda: np.arange(3.0), "loss": lambda: np.ones((3, 3)) * np.arange(3)},
    "LikelihoodSurfaceDisplay": {"surface": lambda: dk.likelihood.surface("bernoulli", [1, 0], {"p": [0.2, 0.5]})},
    "LikelihoodSurfaceDisplay.from_surface": {
        "found": lambda: dk.likelihood.surface("bernoulli", [1, 0], {"p": [0.2, 0.5]})},
    "IntrinsicDimensionDisplay": {"found": lambda: dk.manifold.intrinsic_dimension(X())},
    "NormBallsDisplay": {"orders": lambda: [1], "curves": lambda: [np.ones((4, 2))]},
    "PenaltyPathDisplay": {"path": lambda: dk.sweeps.penalty_path(X(), y(), "l2", [1.0])},
    "PenaltyPathDisplay.from_path": {"path": lambda: dk.sweeps.penalty_path(X(), y(), "l2", [1.0])},
    "PenaltyContoursDisplay": {
        "grid": lambda: (np.arange(4.0), np.arange(4.0)), "loss": lambda: np.outer(np.arange(4.0), np.arange(4.0)),
        "penalty": lambda: np.outer(np.arange(4.0), np.arange(4.0)), "solution": lambda: [1.0, 1.0],
        "least": lambda: [2.0, 2.0], "kind": lambda: "l1", "budget": lambda: 1.0},
    "DecisionBoundaryDisplay": {
        "grid": lambda: (np.arange(4.0), np.arange(4.0)),
        "probability": lambda: np.random.default_rng(0).dirichlet([1, 1], (4, 4))},
    "UncertaintyDisplay": {"x": column, "mean": column, "std": column},
    "UncertaintyDisplay.from_model": {"model": lambda: dropping(1), "X": lambda: X()[:, :1]},
    "RestartsDisplay": {"rates": lambda: dk.optim2d.restart_rates("himmelblau", most=3, trials=10, steps=5)},
    "RestartsDisplay.from_rates": {"rates": lambda: dk.optim2d.restart_rates("himmelblau", most=3, trials=10, steps=5)},
    "TaylorDisplay": {"x": column, "values": column, "polynomials": lambda: {1: column()}},
    "TrajectoriesDisplay.from_surface": {"surface": lambda: "saddle"},
    "ZigzagDisplay": {"paths": lambda: {"sigmoid": np.eye(2), "tanh": np.eye(2)}, "target": lambda: [1.0, -1.0]},
    "explain_backward": {"x": lambda: X()[:1], "y": lambda: y()[:1]},
    "Sequential.fit": {"y": y},
    "Sequential.compile": {"loss": lambda: "sparse_categorical_crossentropy"},
    "likelihood.likelihood": {"p": lambda: 0.5},
    "likelihood.log_likelihood": {"p": lambda: 0.5},
    "visualize_grid": {"Xs": lambda: np.ones((4, 3, 3, 3))},
    "BatchNormalization": {"gamma": lambda: np.ones(2)},
    "Affine.backward": {"dout": lambda: np.ones((24, 3))},
    "Affine.end_backward": {"dout": lambda: np.ones((24, 3))},
    "SoftmaxWithLoss.backward": {"dout": lambda: 1},
    "Affine": {"W": lambda: np.ones((2, 3)), "b": lambda: np.zeros(3)},
    "restart_rates": {"trials": lambda: 10},
    "MLPClassifier.partial_fit": {"classes": lambda: [0, 1]},
    "dropout_sweep": {"model": dropping},
    "KNearestNeighbor.predict_labels": {"dists": lambda: np.ones((4, 24))},
    "spatial_batchnorm_forward": {
        "x": lambda: np.ones((3, 2, 2, 2)), "gamma": lambda: np.ones(2), "beta": lambda: np.zeros(2)},
    "batchnorm_forward": {"gamma": lambda: np.ones(2)},
    "layernorm_forward": {"gamma": lambda: np.ones(2)},
    "affine_backward": {
        "dout": lambda: np.ones((24, 3)), "cache": cached("affine_forward", X(), np.ones((2, 3)), np.ones(3))},
    "affine_relu_backward": {
        "dout": lambda: np.ones((24, 3)), "cache": cached("affine_relu_forward", X(), np.ones((2, 3)), np.ones(3))},
    "relu_backward": {"cache": X},
    "dropout_backward": {"cache": cached("dropout_forward", X(), {"mode": "train", "p": 0.5})},
    **{
        name: {"cache": cached("batchnorm_forward", X(), np.ones(2), np.zeros(2), {"mode": "train"})}
        for name in ("batchnorm_backward", "batchnorm_backward_alt")
    },
    "layernorm_backward": {"cache": cached("layernorm_forward", X(), np.ones(2), np.zeros(2), {})},
    "spatial_batchnorm_backward": {
        "dout": lambda: np.ones((3, 2, 2, 2)),
        "cache": cached("spatial_batchnorm_forward", np.ones((3, 2, 2, 2)), np.ones(2), np.zeros(2), {"mode": "train"}),
    },
    "FullyConnectedNet": {"input_dim": lambda: 2, "num_classes": lambda: 2},
    "fc_net.TwoLayerNet": {"input_dim": lambda: 2, "hidden_dim": lambda: 3, "num_classes": lambda: 2},
    "cross_entropy_error": {"y": lambda: np.full((24, 2), 0.5)},
    "smooth_curve": {"x": lambda: np.arange(30.0)},
    "Progress.show_restored": {"history": history},
}  # fmt: skip

# What makes a call short.
FAST: dict[str, dict[str, Any]] = {
    "PenaltyPathDisplay.from_data": {"lambdas": [0.5]},
    "sweeps.penalty_path": {"lambdas": [0.5], "max_updates": 2000},
    "diagnostics.bias_variance": {"repeats": 2},
    "PenaltyContoursDisplay.from_data": {"points": 5},
    "LossLandscapeDisplay.from_model": {"points": 3},
    "DecisionBoundaryDisplay.from_model": {"points": 5},
    "UncertaintyDisplay.from_model": {"points": 5, "mc_samples": 3},
    "TaylorDisplay.from_function": {"orders": [1]},
    "optim2d.restart_rates": {"trials": 10, "steps": 5},
    "TrajectoriesDisplay.from_surface": {"steps": 3},
    "sweeps.dropout_sweep": {"rates": [0.1], "epochs": 1},
    "BatchSizeNoiseDisplay.from_model": {"batch_sizes": [4], "epochs": 1},
    "shift.classifier_test": {"epochs": 2, "permutations": 20},
    "shift.density_ratio_weights": {"epochs": 2, "folds": 2},
    "shift.report": {"epochs": 2},
    "TwoLayerNet.train": {"num_iters": 2},
    "LinearSVM.train": {"num_iters": 2},
    "Trainer": {"epochs": 1, "mini_batch_size": 12, "verbose": False},
    "Solver": {"num_epochs": 1, "verbose": False},
    "densekit.lr_finder": {"steps": 20, "window": 3},
}


@dataclass(frozen=True)
class Public:
    """A public callable: `function` of the class `owner` (None of a module), called `name`."""

    name: str
    function: Callable[..., Any]
    owner: type | None = None

    @property
    def keys(self) -> tuple[str, str]:
        """How the tables know it, most special first."""
        parts = self.name.split(".")
        return ".".join(parts[-2:]), parts[-1]

    def parameters(self) -> list[inspect.Parameter]:
        found = list(inspect.signature(self.function).parameters.values())
        return found[1:] if self.owner is not None and found and found[0].name == "self" else found

    def example(self, parameter: str) -> Any:
        for key in self.keys:
            if parameter in SPECIAL.get(key, {}):
                return SPECIAL[key][parameter]()
        return BY_NAME[parameter]() if parameter in BY_NAME else None

    def bound(self) -> Callable[..., Any]:
        """The function itself, or of a new object."""
        if self.owner is None or not hasattr(self.owner, self.name.rsplit(".", 1)[-1]):
            return self.function
        if isinstance(inspect.getattr_static(self.owner, self.name.rsplit(".", 1)[-1]), classmethod | staticmethod):
            return self.function
        bound: Callable[..., Any] = getattr(self.made(), self.name.rsplit(".", 1)[-1])
        return bound

    def made(self) -> Any:
        """An object of the class that the method is of, ready to be called."""
        assert self.owner is not None
        if self.owner is dk.Sequential:
            return scaling() if self.name.endswith(".adapt") else model()
        maker = Public(self.name.rsplit(".", 1)[0], self.owner)
        made = self.owner(**maker.required())
        if hasattr(made, "fit") and hasattr(made, "get_params"):
            made.set_params(**({"max_iter": 2} if "max_iter" in made.get_params() else {}))
            if not self.name.endswith("fit"):
                made.fit(X(), y())
        if self.name.endswith("backward") and hasattr(made, "forward"):
            forward = Public(f"{maker.name}.forward", made.forward)
            made.forward(**forward.required())
        if hasattr(made, "train") and hasattr(made, "predict") and self.name.rsplit(".", 1)[-1] != "train":
            made.train(X(), y(), *([X(), y()] if hasattr(made, "params") and not hasattr(made, "W") else []))
        return made

    def required(self) -> dict[str, Any]:
        """Arguments that work: those that the signature demands, and those that make a call short."""
        found = {
            p.name: self.example(p.name)
            for p in self.parameters()
            if (p.default is p.empty or any(p.name in SPECIAL.get(key, {}) for key in self.keys))
            and p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL)
        }
        if self.name.startswith(("densekit.functional.", "densekit.info.")) and self.keys[-1] in OPS:
            call = OPS[self.keys[-1]].domain(np.random.default_rng(0), np.float64, 12)
            given = inspect.signature(self.function).bind(*call.args, **call.kwargs).arguments
            return given | given.pop("parameters", {})  # **parameters, of likelihood
        for key in self.keys:
            found |= FAST.get(key, {})
        return found

    def call(self, arguments: dict[str, Any]) -> Any:
        """Calls it; a Display is drawn, too."""
        arguments = dict(arguments)
        function = self.bound()
        starred = [p.name for p in self.parameters() if p.kind is p.VAR_POSITIONAL]
        places = [p for p in self.parameters() if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
        first = []
        if starred or any(p.kind is p.POSITIONAL_ONLY for p in places):
            first = [arguments.pop(p.name) for p in places if p.name in arguments]
            first += [arguments.pop(starred[0], self.example(starred[0]))] if starred else []
        result = function(*first, **arguments)
        if self.function is self.owner_class() and isinstance(result, Display):
            result.plot()
        return result

    def owner_class(self) -> Any:
        return self.function if inspect.isclass(self.function) else None


def modules() -> Iterator[Any]:
    for name in dk.__all__:
        found = getattr(dk, name)
        if inspect.ismodule(found) and name not in NOT_HERE:
            yield found
    yield importlib.import_module("densekit.sklearn")
    import densekit.compat as compat

    for info in pkgutil.walk_packages(compat.__path__, "densekit.compat."):
        if "._" not in info.name:
            yield importlib.import_module(info.name)


def public() -> list[Public]:
    """All of them, each once."""
    found: dict[int, Public] = {}

    def add(name: str, value: Any) -> None:
        if inspect.isclass(value):
            if issubclass(value, BaseException):
                return
            recorded = is_dataclass(value) and not hasattr(value, "__post_init__")  # a result, made by densekit
            if not recorded:
                found.setdefault(id(value), Public(name, value))
            for method, function in inspect.getmembers(value, callable):
                hook = (method in PROTOCOL or method.startswith("on_")) and not name.startswith("densekit.compat.")
                if (method.startswith("_") and method != "__call__") or (hook and value is not dk.Sequential):
                    continue
                home = str(getattr(function, "__module__", None))
                if home.startswith("densekit") and not recorded:
                    key = id(getattr(function, "__func__", function))
                    found.setdefault(key, Public(f"{name}.{method}", function, value))
        elif callable(value) and not inspect.ismodule(value):
            found.setdefault(id(value), Public(name, value))

    for name in dk.__all__:
        if not inspect.ismodule(getattr(dk, name)) and callable(getattr(dk, name)):
            add(f"densekit.{name}", getattr(dk, name))
    for module in modules():
        for name in getattr(module, "__all__", None) or [one for one in vars(module) if not one.startswith("_")]:
            value = getattr(module, name)
            home = str(getattr(value, "__module__", ""))
            if home.startswith("densekit") and not any(home.startswith(f"densekit.{skip}") for skip in NOT_HERE):
                add(f"{module.__name__}.{name}", value)
    return list(found.values())


def has_example(call: Public) -> bool:
    """Whether arguments are known that work."""
    own = call.name.split(".", 4)[-1] if "compat" in call.name else call.name
    return call.name not in ABSTRACT and not any(own.startswith(word) or f".{word}" in call.name for word in REFUSE)


def files_left(folder: Path) -> set[str]:
    """Names of files that no example writes."""
    return {path.name for path in folder.iterdir()} - {"model.npz", "params.npz"}
