"""MLPRegressor."""

from __future__ import annotations

from collections.abc import Callable
from numbers import Real
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import RegressorMixin
from sklearn.metrics import r2_score
from sklearn.utils import column_or_1d
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from densekit import losses
from densekit._arrays import flag
from densekit._checks import short
from densekit.sklearn import _inputs
from densekit.sklearn._base import BaseMLP, Objective

_LOSSES = (
    "squared_error",
    "poisson",
    "absolute_error",
    "huber",
    "log_cosh",
    "quantile",
    "gamma",
    "gaussian_nll",
    "laplace_nll",
)


class MLPRegressor(RegressorMixin, BaseMLP):
    """scikit-learn's multi-layer perceptron for numbers: the same parameters, attributes and results, and more.

    The parameters up to max_fun are scikit-learn's, with its defaults and meaning; the others are explained at
    MLPClassifier. As in scikit-learn from 1.7 on, the first argument is the loss, so name hidden_layer_sizes.
    loss: "squared_error" (half of it), "poisson" (half of the deviance; predictions are exp of the network's outputs),
    and beyond scikit-learn "absolute_error", "huber" (with `delta`), "log_cosh", "quantile" (with `quantile`), "gamma"
    (exp, too), "gaussian_nll" and "laplace_nll" (predict(X, return_std=True)), or an object of `densekit.losses`.
    The first two are sums over the columns of y in the objective, as in scikit-learn, the others their means.

    Attributes: those of MLPClassifier but classes_.

    >>> from densekit.sklearn import MLPRegressor
    >>> X = np.linspace(-2, 2, 50).reshape(-1, 1)
    >>> model = MLPRegressor(hidden_layer_sizes=(16,), activation="tanh", solver="lbfgs", random_state=0)
    >>> model.fit(X, np.sin(X[:, 0])).score(X, np.sin(X[:, 0])) > 0.99
    True
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        **BaseMLP._parameter_constraints,
        "loss": [StrOptions(set(_LOSSES)), losses.Loss],
        "delta": [Interval(Real, 0, None, closed="neither")],
        "quantile": [Interval(Real, 0, 1, closed="neither")],
    }

    loss: Any
    delta: float
    quantile: float

    def __init__(
        self,
        loss: Any = "squared_error",
        hidden_layer_sizes: Any = (100,),
        activation: str = "relu",
        *,
        solver: Any = "adam",
        alpha: float = 0.0001,
        batch_size: Any = "auto",
        learning_rate: Any = "constant",
        learning_rate_init: float = 0.001,
        power_t: float = 0.5,
        max_iter: int = 200,
        shuffle: bool = True,
        random_state: Any = None,
        tol: float = 1e-4,
        verbose: Any = False,
        warm_start: bool = False,
        momentum: float = 0.9,
        nesterovs_momentum: bool = True,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        n_iter_no_change: Any = 10,
        max_fun: int = 15000,
        dropout: Any = 0.0,
        batch_norm: bool = False,
        layer_norm: bool = False,
        l1: float = 0.0,
        weight_decay: float = 0.0,
        clip_norm: float | None = None,
        delta: float = 1.0,
        quantile: float = 0.5,
        precision: str = "highest",
    ) -> None:
        for name, value in list(locals().items()):
            if name != "self":
                setattr(self, name, value)

    def fit(
        self,
        X: Any,
        y: Any,
        sample_weight: Any = None,
        *,
        X_val: Any = None,
        y_val: Any = None,
        sample_weight_val: Any = None,
    ) -> Self:
        """Trains anew, or goes on where the last fit ended if warm_start.

        X: (n, features), dense or sparse; float32 stays float32. y: (n,) or (n, outputs) numbers. X_val, y_val,
        sample_weight_val: rows that are scored (R²) after each epoch (history_), and that early stopping goes by in
        place of a part of X.
        """
        held = None if X_val is None and y_val is None else (X_val, y_val, sample_weight_val)
        return self._fit(X, y, sample_weight, incremental=False, validation=held)

    @available_if(lambda self: self._check_solver())
    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """One epoch over these rows."""
        return self._fit(X, y, sample_weight, incremental=True)

    def _validate_params(self) -> None:
        if isinstance(self.loss, int | tuple | list | np.ndarray):
            raise ValueError(
                "the first argument of MLPRegressor is the loss, as in scikit-learn from 1.7 on, got "
                f"{short(self.loss)}; write hidden_layer_sizes={short(self.loss)}"
            )
        super()._validate_params()

    def _validate_input(self, X: Any, y: Any, incremental: bool, reset: bool) -> tuple[Any, Any]:
        X, y = _inputs.checked(self, X, y, reset=reset, multi_output=True, y_numeric=True)
        if y.dtype.kind in "OUS":
            raise ValueError(f"MLPRegressor: y holds strings such as {y.flat[0]!r}; for classes take MLPClassifier")
        return X, column_or_1d(y, warn=True) if y.ndim == 2 and y.shape[1] == 1 else y

    def _validate_held_out(self, X: Any, y: Any) -> tuple[Any, Any]:
        return self._validate_input(X, y, incremental=True, reset=False)

    def _targets(self, y: Any) -> NDArray[Any]:
        return np.reshape(y, (len(y), -1))

    def _make_objective(self) -> Objective:
        columns, loss = self.n_outputs_, self.loss
        reported = 1.0
        if loss == "squared_error":  # the gradient is that of the sum over the columns, the report their mean
            loss, reported = losses.MeanSquaredError(factor=0.5 * columns), float(columns)
        elif loss == "poisson":
            loss = losses.PoissonNLL(factor=float(columns))
        elif isinstance(loss, str):
            made: dict[str, Callable[[], losses.Loss]] = {
                "absolute_error": losses.MeanAbsoluteError,
                "huber": lambda: losses.Huber(float(self.delta)),
                "log_cosh": losses.LogCosh,
                "quantile": lambda: losses.Pinball(float(self.quantile)),
                "gamma": losses.GammaNLL,
                "gaussian_nll": losses.GaussianNLL,
                "laplace_nll": losses.LaplaceNLL,
            }
            loss = made[loss]()
        logs = isinstance(loss, losses.GammaNLL) or (isinstance(loss, losses.PoissonNLL) and loss.log_input)
        return Objective(loss, None, loss.outputs_for(columns), "exp" if logs else "identity", reported)

    def _constant(self, y: Any) -> Any:
        if self.loss != "poisson":
            return None
        y = np.asarray(y, np.float64).reshape(len(y), -1)
        return (y * np.log(np.where(y > 0, y, 1.0)) - y).sum(axis=1)  # half of the deviance is 0 where all is right

    def _predictions(self, outputs: NDArray[Any]) -> Any:
        y = outputs[:, : self.n_outputs_]
        if self.out_activation_ == "exp":
            y = np.exp(y)
        return y.ravel() if self.n_outputs_ == 1 else y

    def _score_outputs(self, y: Any, outputs: NDArray[Any], weights: Any) -> float:
        prediction = self._predictions(outputs)
        if not np.isfinite(prediction).all():
            return float("nan")
        return float(r2_score(y, prediction, sample_weight=weights))

    def predict(self, X: Any, return_std: bool = False) -> Any:
        """The prediction of each row, (n,) or (n, outputs); with return_std also its standard deviation.

        return_std: for loss="gaussian_nll" and "laplace_nll", whose networks learn it.
        """
        check_is_fitted(self)
        outputs = self._outputs(X)
        prediction = self._predictions(outputs)
        if not flag("predict", "return_std", return_std):
            return prediction
        scale = outputs[:, self.n_outputs_ :]
        if isinstance(self._objective.loss, losses.GaussianNLL):
            std = np.exp(scale / 2)  # of the logarithm of the variance
        elif isinstance(self._objective.loss, losses.LaplaceNLL):
            std = np.exp(scale) * outputs.dtype.type(np.sqrt(2))
        else:
            raise ValueError(
                f"return_std=True needs loss='gaussian_nll' or 'laplace_nll', the loss is {short(self.loss)}"
            )
        return prediction, std.reshape(prediction.shape)
