"""What both estimators share: parameters, how a fit begins, and scikit-learn's attributes over a densekit model."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, is_classifier
from sklearn.model_selection import train_test_split
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval, Options, StrOptions

from densekit import layers
from densekit._arrays import PRECISIONS
from densekit.losses import Loss
from densekit.model import Sequential
from densekit.optimizers import Optimizer
from densekit.schedules import Schedule
from densekit.sklearn import _inputs, _training
from densekit.sklearn._build import compile_model, dense_layers, hidden_sizes, make_model
from densekit.sklearn._rows import Rows

_ACTIVATIONS = {"logistic", *layers.ACTIVATIONS} - {"softmax", "log_softmax"}
_SHARE = Interval(Real, 0, 1, closed="left")
_POSITIVE = Interval(Real, 0, None, closed="neither")
_NOT_NEGATIVE = Interval(Real, 0, None, closed="left")
_COUNT = Interval(Integral, 1, None, closed="left")


@dataclass(frozen=True)
class Objective:
    """A loss for targets of some number of columns, and what to divide it by to report what scikit-learn reports."""

    loss: Loss
    activation: str | None
    units: int
    out_activation: str
    reported: float = 1.0


class BaseMLP(BaseEstimator):
    """Not for use by itself."""

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "hidden_layer_sizes": ["array-like", _COUNT],
        "activation": [StrOptions(_ACTIVATIONS)],
        "solver": [StrOptions({"lbfgs", "sgd", "adam"}), Optimizer],
        "alpha": [_NOT_NEGATIVE],
        "batch_size": [StrOptions({"auto"}), _COUNT],
        "learning_rate": [StrOptions({"constant", "invscaling", "adaptive"}), Schedule],
        "learning_rate_init": [_POSITIVE],
        "power_t": [_NOT_NEGATIVE],
        "max_iter": [_COUNT],
        "shuffle": ["boolean"],
        "random_state": ["random_state"],
        "tol": [_NOT_NEGATIVE],
        "verbose": ["verbose"],
        "warm_start": ["boolean"],
        "momentum": [Interval(Real, 0, 1, closed="both")],
        "nesterovs_momentum": ["boolean"],
        "early_stopping": ["boolean"],
        "validation_fraction": [_SHARE],
        "beta_1": [_SHARE],
        "beta_2": [_SHARE],
        "epsilon": [_POSITIVE],
        "n_iter_no_change": [_COUNT, Options(Real, {np.inf})],
        "max_fun": [_COUNT],
        "dropout": [_SHARE, "array-like"],
        "batch_norm": ["boolean"],
        "layer_norm": ["boolean"],
        "l1": [_NOT_NEGATIVE],
        "weight_decay": [_NOT_NEGATIVE],
        "clip_norm": [None, _POSITIVE],
        "precision": [StrOptions(set(PRECISIONS))],
    }

    # Parameters; the constructors of the two estimators set them.
    hidden_layer_sizes: Any
    solver: Any
    alpha: float
    batch_size: Any
    max_iter: int
    warm_start: bool
    early_stopping: bool
    validation_fraction: float
    random_state: Any
    verbose: Any

    # Attributes of a fit.
    model_: Sequential
    history_: dict[str, list[float]]
    n_features_in_: int
    n_outputs_: int
    _objective: Objective
    _random_state: Any
    _optimizer: Any

    # What the estimators have of their own.

    def _validate_input(self, X: Any, y: Any, incremental: bool, reset: bool) -> tuple[Any, Any]:
        """X as float32 or float64, dense or CSR, and y as the user means it."""
        raise NotImplementedError

    def _targets(self, y: Any) -> NDArray[Any]:
        """y as an engine takes it, (n,) labels or (n, m)."""
        raise NotImplementedError

    def _make_objective(self) -> Objective:
        raise NotImplementedError

    def _predictions(self, outputs: NDArray[Any]) -> Any:
        """What predict returns, from what the network puts out."""
        raise NotImplementedError

    def _score_outputs(self, y: Any, outputs: NDArray[Any], weights: Any) -> float:
        raise NotImplementedError

    def _weights(self, X: Any, y: Any, sample_weight: Any, incremental: bool) -> Any:
        return _inputs.row_weights(X, sample_weight)

    def _constant(self, y: Any) -> Any:
        """What the reported loss of each row has beyond that of the engine; None for nothing."""
        return None

    def _validation_loss(self, loss: float, rows: Rows) -> float:
        extra = 0.0 if rows.constant is None else float(np.average(rows.constant, weights=rows.weights))
        return loss / self._objective.reported + extra

    # Fitting.

    def _fit(
        self, X: Any, y: Any, sample_weight: Any, incremental: bool, validation: tuple[Any, Any, Any] | None = None
    ) -> Self:
        self._validate_params()
        hidden_sizes(self.hidden_layer_sizes)
        if self.early_stopping and incremental and self.solver != "lbfgs":
            raise ValueError("partial_fit does not support early_stopping=True")
        first = not hasattr(self, "model_") or (not self.warm_start and not incremental)
        X, y = self._validate_input(X, y, incremental, reset=first)
        weights = self._weights(X, y, sample_weight, incremental)
        targets = self._targets(y)
        self.n_outputs_ = self._columns(targets)
        self._objective = self._make_objective()
        self._random_state = check_random_state(self.random_state)
        if first:
            self._initialize(X)
        else:
            compile_model(self, self.model_, self._objective.loss)
        names = vars(self).get("feature_names_in_")
        self.model_.feature_names = None if names is None or len(set(names)) < len(names) else names.tolist()
        rows = self._rows(X, y, targets, weights)
        given = None if validation is None else self._given_validation(*validation)
        with self.model_._alone("fit"):
            if self.solver == "lbfgs":
                _training.lbfgs(self, _training.Start(rows, np.arange(len(rows.y)), given, incremental))
            else:
                _training.stochastic(self, self._start(rows, y, targets, given, incremental))
        if not np.isfinite(self.model_._ready().parameters).all():
            raise ValueError(_training.NOT_FINITE)
        return self

    def _columns(self, targets: NDArray[Any]) -> int:
        return int(targets.shape[1])

    def _initialize(self, X: Any) -> None:
        self.n_iter_ = self.t_ = 0
        self.n_layers_ = len(hidden_sizes(self.hidden_layer_sizes)) + 2
        objective = self._objective
        self.out_activation_ = objective.out_activation
        self.history_ = {}
        self.model_ = make_model(
            self, X.shape[1], objective.units, objective.activation, objective.loss, X.dtype.newbyteorder("=")
        )
        if hasattr(self, "_optimizer"):
            del self._optimizer
        if self.solver == "lbfgs":
            return
        self.loss_curve_: list[float] = []
        self._no_improvement_count = 0
        self.best_loss_ = None if self.early_stopping else np.inf
        self.validation_scores_: list[float] | None = [] if self.early_stopping else None
        self.best_validation_score_ = -np.inf if self.early_stopping else None
        _training.keep_weights(self)

    def _rows(self, X: Any, y: Any, targets: NDArray[Any], weights: Any) -> Rows:
        model, loss = self.model_, self._objective.loss
        if targets.ndim == 2:
            targets = loss.targets(targets, self._objective.units, model.dtype)
        return Rows(X, targets, weights, self._constant(y))

    def _start(
        self, rows: Rows, y: Any, targets: NDArray[Any], given: _training.Validation | None, incremental: bool
    ) -> _training.Start:
        """Chooses the rows to validate with, by the draws of scikit-learn, unless the user gave some."""
        n = len(rows.y)
        order = np.arange(n)
        if self.early_stopping and given is None:
            # Not stratified where there are several outputs.
            stratify = targets if is_classifier(self) and self.n_outputs_ == 1 else None
            if stratify is not None:
                # The texts that scikit-learn makes of a matrix row by row; there a Ctrl-C inside astype(str) is lost.
                stratify = np.where(np.ravel(stratify), "True", "False")
            order, held = train_test_split(
                order, random_state=self._random_state, test_size=self.validation_fraction, stratify=stratify
            )
            if len(held) < 2:
                raise ValueError(
                    "The validation set is too small. Increase 'validation_fraction' or the size of your dataset."
                )
            part = rows.part(held)
            given = _training.Validation(part, y[held], part.weights, loss=False)
        if self.batch_size != "auto" and self.batch_size > len(order):
            warnings.warn(
                "Got `batch_size` less than 1 or larger than sample size. It is going to be clipped", stacklevel=4
            )
        return _training.Start(rows, order, given, incremental)

    def _given_validation(self, X: Any, y: Any, sample_weight: Any) -> _training.Validation:
        for name, value, other in (("X_val", X, "y_val"), ("y_val", y, "X_val")):
            if value is None:
                raise ValueError(f"{other} is provided, but {name} was not provided.")
        X, y = self._validate_held_out(X, y)
        weights = _inputs.row_weights(X, sample_weight)
        return _training.Validation(self._rows(X, y, self._targets(y), weights), y, weights, loss=True)

    def _validate_held_out(self, X: Any, y: Any) -> tuple[Any, Any]:
        raise NotImplementedError

    # Asking.

    def _outputs(self, X: Any) -> NDArray[Any]:
        X = _inputs.checked(self, X, reset=False)
        return Rows(X, np.empty(0), None).outputs(self.model_._ready(), self.model_.dtype)

    @property
    def coefs_(self) -> list[NDArray[Any]]:
        """The kernels, (inputs, units) each: writable views of the model's."""
        return [layer.kernel for layer in dense_layers(self._fitted("coefs_"))]

    @coefs_.setter
    def coefs_(self, values: Sequence[Any]) -> None:
        for layer, value in zip(dense_layers(self._fitted("coefs_")), values, strict=True):
            layer.kernel[...] = value

    @property
    def intercepts_(self) -> list[NDArray[Any]]:
        """The biases, (units,) each: writable views of the model's."""
        return [layer.bias for layer in dense_layers(self._fitted("intercepts_"))]

    @intercepts_.setter
    def intercepts_(self, values: Sequence[Any]) -> None:
        for layer, value in zip(dense_layers(self._fitted("intercepts_")), values, strict=True):
            layer.bias[...] = value

    def _fitted(self, name: str) -> Sequential:
        model = vars(self).get("model_")
        if model is None:
            raise AttributeError(f"{type(self).__name__} has no {name} before fit")
        assert isinstance(model, Sequential)
        return model

    def __sklearn_is_fitted__(self) -> bool:
        return "model_" in vars(self)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags

    def _check_solver(self) -> bool:
        if self.solver == "lbfgs":
            raise AttributeError("partial_fit is only available for stochastic optimizers. lbfgs is not stochastic.")
        return True
