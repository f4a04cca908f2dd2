"""What the descriptions of a training (losses, optimizers, …) share: a config, and being found by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Any, Generic, TypeVar

from densekit._arrays import one_of
from densekit._checks import given


class Part:
    """A dataclass whose fields can be written as JSON and read back with the module's `get`."""

    def config(self) -> dict[str, Any]:
        """Class and fields as plain data: what a saved model keeps of it.

        >>> densekit.optimizers.Lion(lr=0.5).config()["lr"]
        0.5
        """
        values = {f.name: getattr(self, f.name) for f in fields(self) if f.init}  # type: ignore[arg-type]
        plain = {name: v.config() if isinstance(v, Part) else v for name, v in values.items()}
        return {"class": type(self).__name__, **plain}


P = TypeVar("P", bound=Part)


def _key(name: str) -> str:
    return name.lower().replace("_", "").replace("-", "").replace(" ", "")


@dataclass(frozen=True)
class Catalogue(Generic[P]):
    """Parts of one kind by their names; `noun` is what messages call them.

    Names are compared without case, underscores and a "loss" at the end: "MSELoss", "mse" and "MSE" are one.
    """

    noun: str
    base: type[P] | tuple[type[P], ...]
    makers: Mapping[str, Callable[[], P]]
    classes: tuple[type[P], ...]

    def get(self, value: Any) -> P:
        """The part itself, or the one of that name, class or config."""
        if isinstance(value, self.base):
            return value
        if isinstance(value, type) and issubclass(value, self.base):
            return value()
        if isinstance(value, str) and self.makers:
            return self._named(value)
        if isinstance(value, Mapping):
            return self._configured(value)
        name = f"a name like {next(iter(self.makers))!r} or " if self.makers else ""
        raise TypeError(f"{self.noun}: expected {name}an object of densekit.{self.noun}s, got {given(value)}")

    def _named(self, name: str) -> P:
        keys = {_key(known): make for known, make in self.makers.items()}
        keys |= {_key(c.__name__): c for c in self.classes if _key(c.__name__) not in keys}
        key = _key(name)
        if key not in keys:
            key = key.removesuffix("loss")
        if key in keys:
            return keys[key]()
        one_of(self.noun, "name", name, list(self.makers))  # raises, and suggests the nearest
        raise AssertionError("unreachable")

    def _configured(self, config: Mapping[str, Any]) -> P:
        classes = {c.__name__: c for c in self.classes}
        made = classes[one_of(self.noun, "class", config.get("class"), list(classes))]
        try:
            return made(**{name: value for name, value in config.items() if name != "class"})
        except TypeError as error:
            raise ValueError(f"{self.noun}: {dict(config)!r} does not describe a {made.__name__}: {error}") from None
