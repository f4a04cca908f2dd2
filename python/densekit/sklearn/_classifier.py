"""MLPClassifier."""

from __future__ import annotations

from numbers import Real
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import ClassifierMixin
from sklearn.preprocessing import LabelBinarizer
from sklearn.utils import column_or_1d
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.class_weight import compute_sample_weight
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import _check_partial_fit_first_call, type_of_target, unique_labels
from sklearn.utils.validation import check_is_fitted

from densekit._intake import refuse_batches
from densekit.losses import BinaryCrossentropy, SparseCategoricalCrossentropy
from densekit.sklearn import _inputs
from densekit.sklearn._base import BaseMLP, Objective


class MLPClassifier(ClassifierMixin, BaseMLP):
    """scikit-learn's multi-layer perceptron for classes: the same parameters, attributes and results, and more.

    The parameters up to max_fun are scikit-learn's, with its defaults and meaning. Beyond them:
    activation: any of `densekit.layers.ACTIVATIONS` but softmax, too. solver: an object of `densekit.optimizers`, too,
    whose own rate and numbers hold. learning_rate: an object of `densekit.schedules`, too, for "sgd", "adam" and
    optimizers; its own first rate holds.
    dropout: of each hidden layer's output, a rate or one for each layer. batch_norm, layer_norm: normalize each hidden
    layer before its activation. l1: strength of sum(abs(w)), divided by the rows of the batch as alpha is; makes exact
    zeros. weight_decay: decoupled, w <- w - lr weight_decay w. clip_norm: the largest norm of a gradient.
    class_weight: {class: weight}, or "balanced". label_smoothing: s, 0 to below 1.
    precision: of the products of float32 in training, as `Sequential.compile` says.
    warm_start keeps the optimizer's state, too. verbose=2 shows time.

    Attributes are scikit-learn's (coefs_, intercepts_, loss_, best_loss_, loss_curve_, validation_scores_,
    best_validation_score_, t_, n_iter_, n_layers_, n_outputs_, out_activation_, classes_, n_features_in_,
    feature_names_in_), and model_ (the `densekit.Sequential`) and history_ ({name: list over the epochs}: loss,
    data_loss, penalty, lr, and with validation val_score, val_loss).

    >>> from densekit.sklearn import MLPClassifier
    >>> from sklearn.datasets import load_iris
    >>> X, y = load_iris(return_X_y=True)
    >>> classifier = MLPClassifier((16,), solver="lbfgs", random_state=0, max_iter=500).fit(X, y)
    >>> classifier.score(X, y) > 0.95
    True
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        **BaseMLP._parameter_constraints,
        "class_weight": [dict, list, StrOptions({"balanced"}), None],
        "label_smoothing": [Interval(Real, 0, 1, closed="left")],
    }

    class_weight: Any
    label_smoothing: float
    classes_: NDArray[Any]

    def __init__(
        self,
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
        class_weight: Any = None,
        label_smoothing: float = 0.0,
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

        X: (n, features), dense or sparse; float32 stays float32. y: (n,) classes, or (n, labels) of 0 and 1.
        X_val, y_val, sample_weight_val: rows that are scored after each epoch (history_), and that early stopping goes
        by in place of a part of X.
        """
        held = None if X_val is None and y_val is None else (X_val, y_val, sample_weight_val)
        return self._fit(X, y, sample_weight, incremental=False, validation=held)

    @available_if(lambda self: self._check_solver())
    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None, classes: Any = None) -> Self:
        """One epoch over these rows. classes: all there will be, at the first call; not needed for (n, labels)."""
        refuse_batches("MLPClassifier", "y", y)
        multilabel = type_of_target(y).startswith("multilabel")
        if multilabel and classes is None and not hasattr(self, "classes_"):
            classes = np.arange(np.shape(y)[1])
        if _check_partial_fit_first_call(self, classes):
            self._label_binarizer = LabelBinarizer().fit(y if multilabel else classes)
        return self._fit(X, y, sample_weight, incremental=True)

    def _validate_input(self, X: Any, y: Any, incremental: bool, reset: bool) -> tuple[Any, Any]:
        X, y = _inputs.checked(self, X, y, reset=reset, multi_output=True)
        y = self._flat(y)
        if not hasattr(self, "classes_") or (not self.warm_start and not incremental):
            self._label_binarizer = LabelBinarizer().fit(y)
            self.classes_ = self._label_binarizer.classes_
            return X, y
        classes = unique_labels(y)
        if self.warm_start:
            if set(classes) != set(self.classes_):
                raise ValueError(
                    "warm_start can only be used where `y` has the same classes as in the previous call to fit. "
                    f"Previously got {self.classes_}, `y` has {classes}"
                )
        else:
            self._require_known(classes, "y")
        return X, y

    def _flat(self, y: Any) -> Any:
        y = y.toarray() if hasattr(y, "toarray") else y
        return column_or_1d(y, warn=True) if y.ndim == 2 and y.shape[1] == 1 else y

    def _require_known(self, classes: Any, name: str) -> None:
        if len(np.setdiff1d(classes, self.classes_, assume_unique=True)):
            raise ValueError(
                f"`{name}` has classes not in `self.classes_`. `self.classes_` has {self.classes_}. "
                f"'{name}' has {classes}."
            )

    def _validate_held_out(self, X: Any, y: Any) -> tuple[Any, Any]:
        names = vars(self).get("feature_names_in_")
        X, y = _inputs.checked(self, X, y, reset=False, multi_output=True)
        if names is not None:
            self.feature_names_in_ = names
        y = self._flat(y)
        self._require_known(unique_labels(y), "y_val")
        return X, y

    def _weights(self, X: Any, y: Any, sample_weight: Any, incremental: bool) -> Any:
        weights = super()._weights(X, y, sample_weight, incremental)
        if self.class_weight is None:
            return weights
        if incremental and isinstance(self.class_weight, str):
            raise ValueError(
                "class_weight='balanced' needs all rows at once; for partial_fit compute the weights with "
                "sklearn.utils.class_weight.compute_class_weight and pass them as a dict"
            )
        of_class = compute_sample_weight(self.class_weight, y)
        return of_class if weights is None else weights * of_class

    @property
    def _several(self) -> bool:
        """Whether a row has one class of three or more."""
        return bool(self._label_binarizer.y_type_ == "multiclass")

    def _targets(self, y: Any) -> NDArray[Any]:
        if self._several:
            return np.asarray(np.searchsorted(self.classes_, y), np.int64)
        return np.asarray(self._label_binarizer.transform(y)).astype(bool)

    def _columns(self, targets: NDArray[Any]) -> int:
        return len(self.classes_) if targets.ndim == 1 else int(targets.shape[1])

    def _make_objective(self) -> Objective:
        units, smoothing = self.n_outputs_, float(self.label_smoothing)
        if self._several:
            return Objective(SparseCategoricalCrossentropy(label_smoothing=smoothing), "softmax", units, "softmax")
        # The sum over the labels, where densekit's own loss is their mean.
        loss = BinaryCrossentropy(factor=float(units), label_smoothing=smoothing)
        return Objective(loss, "sigmoid", units, "logistic")

    def _predictions(self, outputs: NDArray[Any]) -> Any:
        return self._label_binarizer.inverse_transform(outputs.ravel() if self.n_outputs_ == 1 else outputs)

    def _score_outputs(self, y: Any, outputs: NDArray[Any], weights: Any) -> float:
        right = np.asarray(self._predictions(outputs)) == y
        return float(np.average(right.all(axis=1) if right.ndim == 2 else right, weights=weights))

    def predict(self, X: Any) -> Any:
        """The most likely class of each row, (n,), or its labels, (n, labels)."""
        check_is_fitted(self)
        return self._predictions(self._outputs(X))

    def predict_proba(self, X: Any) -> NDArray[Any]:
        """The probability of each class, (n, classes), in the order of classes_, or of each label."""
        check_is_fitted(self)
        p = self._outputs(X)
        return np.hstack([1 - p, p]) if self.n_outputs_ == 1 else p

    def predict_log_proba(self, X: Any) -> NDArray[Any]:
        """The logarithm of predict_proba."""
        p = self.predict_proba(X)
        np.log(p, out=p)
        return p

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags

    def _more_tags(self) -> dict[str, Any]:  # scikit-learn before 1.6
        return {"multilabel": True}
