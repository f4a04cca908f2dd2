"""The names of the columns of X: remembered at the first training with a data frame, and compared ever after.

A frame with the same columns in another order is put in the order of the first one. Rows are never put in order: X
and y are paired by position, whatever their indices say.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from densekit import _data as data
from densekit import _frames
from densekit._checks import short

if TYPE_CHECKING:
    from densekit._stack import Stack

Names: TypeAlias = tuple[_frames.Label, ...]


def features(model: Stack, op: str, name: str, value: Any) -> data.Array:
    """(n, *input_shape) numbers, the columns of a frame in the model's order."""
    given = _frames.labels(value)
    known = model.feature_names
    if given is None:
        return data.rows_of_shape(op, name, value, model.input_shape)
    if model.input_shape is not None and len(model.input_shape) > 1:
        lengths = ", ".join(map(str, model.input_shape))
        cure = f"; write np.asarray({name}).reshape(-1, {lengths})" if len(given) == model.inputs else ""
        raise ValueError(f"{op}: {name} is a table, but the model takes rows of shape {model.input_shape}{cure}")
    places = None if known is None else order(op, name, given, known)
    array = data.matrix(op, name, value, model.inputs if known is None or places is None else None)
    return array if places is None else array[:, places]


def remember(model: Stack, op: str, name: str, value: Any) -> None:
    """Keeps the names of a frame's columns, if none are known."""
    given = _frames.labels(value)
    if given is not None and model.feature_names is None:
        _refuse_duplicates(op, name, given)
        model.feature_names = given


def checked(names: Iterable[Any], inputs: int | None) -> Names:
    """Names that a user or a file gives; TypeError or ValueError if they are not names of `inputs` columns."""
    if isinstance(names, str | bytes) or not isinstance(names, Iterable):
        raise TypeError(f"feature_names: expected a list of names, one a column, or None, got {short(names)}")
    found = tuple(int(n) if isinstance(n, np.integer) else n for n in names)
    for one in found:
        if isinstance(one, bool) or not isinstance(one, str | int):
            raise TypeError(f"feature_names: {short(one)} is no name; names are strings or whole numbers")
    if inputs is not None and len(found) != inputs:
        raise ValueError(f"feature_names: got {len(found)} names, but the model takes {inputs} columns")
    _refuse_duplicates("feature_names", "the list", found)
    return found


def _refuse_duplicates(op: str, name: str, given: Names) -> None:
    if len(set(given)) < len(given):
        twice = next(one for one in given if given.count(one) > 1)
        raise ValueError(f"{op}: {name} has two columns called {short(twice)}; give each a name of its own")


def order(
    op: str, name: str, given: Names, known: Names, owner: str = "the model", listed: str = "model.feature_names"
) -> list[int] | None:
    """Where the known columns are among the given; None if they are in place, or if one side only counts them."""
    if given == known or _only_counts(given, known) or _only_counts(known, given):
        return None
    _refuse_duplicates(op, name, given)
    at = {one: i for i, one in enumerate(given)}
    missing, unknown = [one for one in known if one not in at], [one for one in given if one not in set(known)]
    if missing or unknown:
        parts = [f"{name} has no column {_listed(missing)}"] if missing else []
        parts += [f"{name} has {_listed(unknown)}, which {owner} does not know"] if unknown else []
        raise ValueError(
            f"{op}: {', and '.join(parts)}; write {name}[list({listed})], or give an array if the places are right"
        )
    return [at[one] for one in known]


def _only_counts(names: Names, others: Names) -> bool:
    """Whether these are pandas' 0, 1, 2, … for columns without names, while the others have names."""
    return names == tuple(range(len(names))) and all(isinstance(one, str) for one in others)


def _listed(names: Sequence[_frames.Label]) -> str:
    shown = ", ".join(map(repr, names[:5]))
    return shown if len(names) <= 5 else f"{shown} and {len(names) - 5} more"


def warn_of_other_rows(op: str, X: Any, y: Any) -> None:
    """A warning where the indices of pandas' X and y have the same labels in another order."""
    x_index: Any = getattr(X, "index", None)
    y_index: Any = getattr(y, "index", None)
    if not _frames.is_index(x_index) or not _frames.is_index(y_index):
        return
    if len(x_index) != len(y_index) or x_index.equals(y_index) or not (x_index.is_unique and y_index.is_unique):
        return
    if x_index.isin(y_index).all():
        warnings.warn(
            f"{op}: the indices of X and y have the same labels in another order; rows are paired by position. Write "
            "y.loc[X.index] if the labels are meant, y.to_numpy() if the places are",
            UserWarning,
            stacklevel=_outside(),
        )


def _outside() -> int:
    """The stack level of the caller outside of densekit."""
    frame, level = sys._getframe(1), 1
    while frame.f_back is not None and frame.f_globals.get("__name__", "").partition(".")[0] == "densekit":
        frame, level = frame.f_back, level + 1
    return level
