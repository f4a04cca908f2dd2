"""What evaluate, train_on_batch and loss_and_gradients return: the loss and the metrics, by place and by name."""

from __future__ import annotations

from collections.abc import ItemsView, KeysView, Mapping, ValuesView
from typing import Any, NoReturn, SupportsIndex, TypeVar, overload

from densekit._checks import short, text

Default = TypeVar("Default")

# The two parts of the loss: by name only, so that `loss, accuracy = model.evaluate(X, y)` works with penalties, too.
PARTS = ("data_loss", "penalty")


class Scores(tuple[float, ...]):
    """The loss and the metrics: a tuple as in Keras, and by name.

    As a tuple: the loss, then the metrics in the order of `compile`; iteration, len, slices and unpacking are those of
    a tuple of floats. By name: `s["accuracy"]`, `"accuracy" in s`, `get`, `keys`, `values`, `items`, `dict(s)`, `**s`.
    The names are the loss, the metrics, and the two parts of the loss, `data_loss` (the loss of the rows) and
    `penalty` (of the weights), which are no elements of the tuple. `float(s)` is the loss, as is `f"{s:.3f}"`.

    values: {name: number} with "loss"; "data_loss" and "penalty" are the loss and 0 if they are missing.

    Equal to a tuple of the same numbers, and to a dictionary or Scores of the same names and numbers. A name that is
    not there is a KeyError that lists the names. Multiplication is a TypeError: it would repeat the tuple.

    >>> scores = densekit.Scores({"loss": 0.25, "accuracy": 0.9})
    >>> loss, accuracy = scores
    >>> accuracy, scores["accuracy"], scores[1], float(scores), f"{scores:.3f}"
    (0.9, 0.9, 0.9, 0.25, '0.250')
    >>> dict(scores)
    {'loss': 0.25, 'accuracy': 0.9, 'data_loss': 0.25, 'penalty': 0.0}
    """

    _named: dict[str, float]

    def __new__(cls, values: Mapping[str, float]) -> Scores:
        if not hasattr(values, "keys") or "loss" not in values.keys():  # noqa: SIM118 - Scores are such a mapping, too
            raise TypeError(f"Scores: values must be a dictionary with 'loss', got {short(values)}")
        named = {name: float(values[name]) for name in values.keys()}  # noqa: SIM118
        parts = {"data_loss": named["loss"], "penalty": 0.0}
        parts |= {name: named.pop(name) for name in PARTS if name in named}
        ordered = {"loss": named.pop("loss")} | named
        made = super().__new__(cls, ordered.values())
        made._named = ordered | parts
        return made

    # By name. dict(s) and **s call keys() and s[name].

    @overload
    def __getitem__(self, key: str | SupportsIndex) -> float: ...

    @overload
    def __getitem__(self, key: slice) -> tuple[float, ...]: ...

    def __getitem__(self, key: Any) -> Any:
        if not isinstance(key, str):
            return super().__getitem__(key)
        if key not in self._named:
            raise KeyError(f"there is no {key!r} among {', '.join(self._named)}")
        return self._named[key]

    def __contains__(self, key: object) -> bool:
        return key in self._named if isinstance(key, str) else super().__contains__(key)

    @overload
    def get(self, name: str) -> float | None: ...

    @overload
    def get(self, name: str, default: Default) -> float | Default: ...

    def get(self, name: str, default: Any = None) -> Any:
        """The number of that name, or `default`."""
        return self._named.get(text("Scores.get", "name", name), default)

    def keys(self) -> KeysView[str]:
        """The names: those of the tuple's elements in order, then data_loss and penalty."""
        return self._named.keys()

    def values(self) -> ValuesView[float]:
        """The numbers in the order of `keys`."""
        return self._named.values()

    def items(self) -> ItemsView[str, float]:
        """(name, number) in the order of `keys`."""
        return self._named.items()

    # As a number: the loss.

    def __float__(self) -> float:
        return self[0]

    def __format__(self, spec: str) -> str:
        return format(self[0], spec) if spec else str(self)

    def __mul__(self, other: Any) -> NoReturn:
        raise TypeError(f"Scores are several numbers; multiply one of them, e.g. scores['loss'] * {short(other)}")

    __rmul__ = __mul__

    # Comparisons, copies.

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Scores):
            return self._named == other._named
        if isinstance(other, Mapping):
            return self._named == other
        return super().__eq__(other)

    def __ne__(self, other: object) -> bool:
        equal = self.__eq__(other)
        return equal if equal is NotImplemented else not equal

    __hash__ = tuple.__hash__

    def __reduce__(self) -> Any:
        return type(self), (dict(self._named),)

    def __repr__(self) -> str:
        shown = self._named if self._named["penalty"] else dict(zip(self._named, self, strict=False))
        return f"Scores({', '.join(f'{name}={value!r}' for name, value in shown.items())})"
