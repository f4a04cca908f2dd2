"""Copies of everything that training changes, of one moment between two updates, whichever threads are at work."""

from __future__ import annotations

import os
import threading
from dataclasses import dataclass
from types import TracebackType
from typing import Any, TypeAlias

from numpy.typing import NDArray

Array: TypeAlias = NDArray[Any]


class Moment:
    """A lock held while a change is half done; the same thread may take it again.

    A forked child gets a new one, for the thread that held it is not there to give it back.
    """

    def __init__(self) -> None:
        self._lock, self._process = threading.RLock(), os.getpid()

    def __enter__(self) -> None:
        if self._process != os.getpid():
            self.__init__()  # type: ignore[misc]
        self._lock.acquire()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._lock.release()


@dataclass(frozen=True)
class Snapshot:
    """Copies of an engine's arrays, and where each weight lies in them."""

    segments: list[dict[str, Any]]
    parameters: Array
    statistics: Array
    states: list[Array]
    step: int


def of(engine: Any, *, states: bool = True) -> Snapshot:
    """The engine's snapshot; states: those of the optimizer, too."""
    parameters, statistics, kept, step = engine.snapshot(states)
    return Snapshot(engine.segments, parameters, statistics, kept, int(step))


__all__ = ["Moment", "Snapshot", "of"]
