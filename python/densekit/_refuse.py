"""Keywords that mean two things in the field are refused with help."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, TypeVar

F = TypeVar("F", bound=Callable[..., Any])

MOMENTUM = "PyTorch momentum=0.1 and Keras momentum=0.9 both mean stats_decay=0.9"


def refuses(**keywords: str) -> Callable[[F], F]:
    """Makes each keyword a TypeError that says what to write instead; the signature stays as it is."""

    def wrap(function: F) -> F:
        @functools.wraps(function)
        def call(*args: Any, **kwargs: Any) -> Any:
            for keyword in keywords.keys() & kwargs.keys():
                raise TypeError(f"{function.__name__}: {keyword} is not a parameter; {keywords[keyword]}")
            return function(*args, **kwargs)

        return call  # type: ignore[return-value]

    return wrap
