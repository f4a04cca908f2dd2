"""Names of files, as people give them."""

from __future__ import annotations

import os
from typing import Any

from densekit._checks import short


def file_path(op: str, name: str, value: Any) -> str:
    """The name of a file as a string; TypeError or ValueError for what names none.

    Numbers are refused, because `open` would take them for a file descriptor.
    """
    if isinstance(value, bytes):
        raise TypeError(f"{op}: {name} must be a str or os.PathLike, got bytes; write os.fsdecode({short(value)})")
    if not isinstance(value, str | os.PathLike):
        raise TypeError(
            f"{op}: {name} must be the name of a file, a str or os.PathLike, got {short(value)} "
            f"({type(value).__name__})"
        )
    path = os.fspath(value)
    if not isinstance(path, str):
        raise TypeError(f"{op}: {name} must be the name of a file as str, got {short(value)}, which names bytes")
    if not path:
        raise ValueError(f"{op}: {name} is empty, expected the name of a file")
    if "\0" in path:
        raise ValueError(f"{op}: {name} has a null character, which no name of a file may have: {short(path)}")
    longest = max(path.split(os.sep), key=len)
    if len(os.fsencode(longest)) > 255:
        raise ValueError(f"{op}: {name} is {len(longest)} characters long, at most 255 bytes are: {short(longest)}")
    return path
