"""Keywords that mean two things in the field are refused with help."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, TypeVar

F = TypeVar("F", bound=Callable[..., Any])

MOMENTUM = "PyTorch momentum=0.1 and Keras momentum=0.9 both mean stats_decay=0.9"

CLASS_WEIGHTS = (
    "weights of classes go into fit(class_weight=...), where they weigh rows; PyTorch's weights of the terms of a row, "
    "which differ with label_smoothing or probabilities, are in functional.softmax_cross_entropy(class_weight=..., "
    "compat='torch')"
)


def refuses(**keywords: str) -> Callable[[F], F]:
    """Makes each keyword of a function, or of a class's constructor, a TypeError that says what to write instead.

    The signature stays as it is.
    """

    def wrap(made: F) -> F:
        function: Callable[..., Any] = made.__init__ if isinstance(made, type) else made  # type: ignore[misc]
        name = made.__qualname__.removesuffix(".__init__").rpartition(".")[2]

        @functools.wraps(function)
        def call(*args: Any, **kwargs: Any) -> Any:
            for keyword in keywords.keys() & kwargs.keys():
                raise TypeError(f"{name}: {keyword} is not a parameter; {keywords[keyword]}")
            return function(*args, **kwargs)

        if not isinstance(made, type):
            return call  # type: ignore[return-value]
        made.__init__ = call  # type: ignore[misc]
        return made

    return wrap
