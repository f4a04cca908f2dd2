"""Arguments that are objects: networks, functions, lists, mappings, texts. One check each, an error that says what was
expected and what was given.

Numbers, flags and names of a list are checked in `_arrays`, arrays in `_intake`, names of files in `_paths`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

if TYPE_CHECKING:
    from densekit.model import Sequential

T = TypeVar("T")


def short(value: Any, most: int = 80) -> str:
    """What was given, in few words: arrays by type and shape, all else as repr, which may fail or be long."""
    if isinstance(value, np.ndarray) and value.ndim:
        return f"an array of {value.dtype} {value.shape}"
    try:
        text = repr(value)
    except Exception:
        text = f"<{type(value).__name__}>"
    return text if len(text) <= most else text[: most - 3] + "..."


def given(value: Any) -> str:
    """What was given and its class, for the end of a message."""
    if value is None or isinstance(value, type):
        return short(value)
    return f"{short(value)} ({type(value).__name__})"


def instance(op: str, name: str, value: Any, kind: type[T] | tuple[type[T], ...], expected: str) -> T:
    """An object of a class; TypeError that says how to get one otherwise."""
    if not isinstance(value, kind):
        raise TypeError(f"{op}: {name} must be {expected}, got {given(value)}")
    return value


def network(op: str, value: Any, name: str = "model") -> Sequential:
    """A model of densekit; TypeError otherwise, which knows estimators and the models of other libraries."""
    from densekit._stack import Stack

    if isinstance(value, Stack):
        return value  # type: ignore[return-value]
    cure = ""
    if isinstance(value, type):
        cure = "; make one first, e.g. Sequential([Dense(10)])"
    elif hasattr(value, "get_params") and type(value).__module__.startswith("densekit."):
        cure = f"; of a fitted estimator write {name}.model_"
    elif type(value).__module__.startswith("sklearn."):
        cure = f"; write densekit.convert.from_sklearn({name})"
    elif hasattr(value, "state_dict"):
        cure = f"; write densekit.convert.from_torch({name})"
    raise TypeError(f"{op}: {name} must be a densekit.Sequential, got {given(value)}{cure}")


def function(op: str, name: str, value: Any, does: str = "a function") -> Callable[..., Any]:
    """What can be called; does: what it takes and returns, for the message."""
    if not callable(value):
        raise TypeError(f"{op}: {name} must be {does}, got {given(value)}")
    return value  # type: ignore[no-any-return]


def items(op: str, name: str, value: Any, of: str) -> list[Any]:
    """A list of what gives its elements one after another; of: what they are. A text or a mapping is no list."""
    if isinstance(value, str | bytes | Mapping) or not isinstance(value, Iterable):
        raise TypeError(f"{op}: {name} must be a list of {of}, got {given(value)}")
    if isinstance(value, np.ndarray) and not value.ndim:
        raise TypeError(f"{op}: {name} must be a list of {of}, got an array without dimensions, {short(value)}")
    return list(value)


def dtype_of(op: str, value: Any, name: str = "dtype") -> np.dtype[Any]:
    """A type of NumPy's; TypeError otherwise."""
    try:
        dtype: np.dtype[Any] = np.dtype(value)
        return dtype
    except Exception:  # whatever the object's own methods raise, too
        raise TypeError(f"{op}: {name} must be a type of numbers such as 'float32', got {given(value)}") from None


def mapping(op: str, name: str, value: Any, of: str) -> Mapping[Any, Any]:
    """A dictionary; of: what it holds, as {key: value}."""
    return instance(op, name, value, Mapping, f"a dictionary {of}")


def text(op: str, name: str, value: Any) -> str:
    """A str."""
    return instance(op, name, value, str, "a str")


def optional_text(op: str, name: str, value: Any) -> str | None:
    """A str or None."""
    return None if value is None else instance(op, name, value, str, "a str or None")
