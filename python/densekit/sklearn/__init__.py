"""scikit-learn's multi-layer perceptrons on densekit: the same parameters, attributes and numbers, and more of them.

>>> from densekit.sklearn import MLPClassifier
>>> X, y = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]]), np.array(["same", "other", "other", "same"])
>>> MLPClassifier((8,), solver="lbfgs", random_state=1).fit(X, y).predict(X)
array(['same', 'other', 'other', 'same'], dtype='<U5')
"""

from __future__ import annotations

try:
    import sklearn as _sklearn  # noqa: F401
except ImportError as error:
    raise ImportError(
        "densekit.sklearn needs scikit-learn, which is not installed: pip install 'densekit[sklearn]'"
    ) from error

from densekit.sklearn._classifier import MLPClassifier
from densekit.sklearn._regressor import MLPRegressor

__all__ = ["MLPClassifier", "MLPRegressor"]
