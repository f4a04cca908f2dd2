"""The base of the scalers: scikit-learn's where it is installed, so that pipelines, clone and set_output work."""

from __future__ import annotations

import contextlib
import inspect
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from densekit import _data

if TYPE_CHECKING:
    _HAS_SKLEARN = True
else:
    try:
        from sklearn.base import BaseEstimator, OneToOneFeatureMixin, TransformerMixin
        from sklearn.utils.validation import check_is_fitted

        _HAS_SKLEARN = True
    except ImportError:
        _HAS_SKLEARN = False


class _Plain:
    """What is needed of them without scikit-learn."""

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        return {name: getattr(self, name) for name in inspect.signature(type(self)).parameters}

    def set_params(self, **params: Any) -> Self:
        for name, value in params.items():
            if name not in self.get_params():
                raise ValueError(
                    f"{type(self).__name__} has no parameter {name!r}; it has {', '.join(self.get_params())}"
                )
            setattr(self, name, value)
        return self

    def fit_transform(self, X: Any, y: Any = None, **fit_params: Any) -> Any:
        scaler: Any = self
        return scaler.fit(X, y, **fit_params).transform(X)

    def __repr__(self) -> str:
        defaults = inspect.signature(type(self)).parameters
        given = [f"{k}={v!r}" for k, v in self.get_params().items() if v != defaults[k].default]
        return f"{type(self).__name__}({', '.join(given)})"

    def _validated(self, X: Any, reset: bool, sparse: bool) -> Any:
        op = type(self).__name__
        array = _data.matrix(op, "X", X)
        if np.isinf(array).any():
            at = np.argwhere(np.isinf(array))[0].tolist()
            raise ValueError(f"{op}: X[{at[0]}, {at[1]}] is infinite; NaN is left out, infinity is not")
        if not len(array):
            raise ValueError(f"{op}: X is {array.shape}: it has no rows")
        if reset:
            self.n_features_in_ = array.shape[1]
        elif array.shape[1] != self.n_features_in_:
            raise ValueError(f"X has {array.shape[1]} features, but {op} is expecting {self.n_features_in_} features")
        return array if array.dtype.kind == "f" else array.astype(np.float64)

    @contextlib.contextmanager
    def _fitting(self, X: Any, y: Any, metadata: dict[str, Any]) -> Iterator[None]:
        yield

    def _require_fitted(self) -> None:
        if not hasattr(self, "n_samples_seen_"):
            raise ValueError(f"this {type(self).__name__} is not fitted yet: call fit first")


if TYPE_CHECKING or not _HAS_SKLEARN:
    Transformer = _Plain
else:
    try:
        from sklearn.callback import CallbackSupportMixin as _TakesCallbacks
        from sklearn.callback._callback_support import callback_management_context as _with_callbacks
    except ImportError:  # before 1.9
        _with_callbacks = None

        class _TakesCallbacks:
            pass

    class Transformer(_TakesCallbacks, OneToOneFeatureMixin, TransformerMixin, BaseEstimator):
        """scikit-learn's base, with its checks of X."""

        def _validated(self, X: Any, reset: bool, sparse: bool) -> Any:
            from densekit.sklearn._inputs import validated

            return validated(
                self,
                X,
                reset=reset,
                accept_sparse=("csr", "csc") if sparse else False,
                finite="allow-nan",
                dtype=(np.float64, np.float32, np.float16),
            )

        @contextlib.contextmanager
        def _fitting(self, X: Any, y: Any, metadata: dict[str, Any]) -> Iterator[None]:
            """Tells scikit-learn's callbacks, where there are some, that a fit begins and ends."""
            if _with_callbacks is None:
                yield
                return
            with _with_callbacks(self):
                told = {"estimator": self, "X": X, "y": y, "metadata": metadata}
                context = self._init_callback_context()
                context.call_on_fit_task_begin(**told)
                yield
                context.call_on_fit_task_end(**told, reconstruction_attributes={})

        def _require_fitted(self) -> None:
            check_is_fitted(self, "n_samples_seen_")

        def __sklearn_tags__(self) -> Any:
            tags = super().__sklearn_tags__()
            tags.input_tags.allow_nan = True
            tags.input_tags.sparse = self._takes_sparse()
            tags.transformer_tags.preserves_dtype = ["float64", "float32"]
            return tags

        def _more_tags(self) -> dict[str, Any]:  # scikit-learn before 1.6
            return {"allow_nan": True, "preserves_dtype": [np.float64, np.float32]}

        def _takes_sparse(self) -> bool:
            return False
