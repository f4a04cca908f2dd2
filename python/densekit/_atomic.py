"""Files that are there completely or not at all, whatever happens while they are written."""

from __future__ import annotations

import contextlib
import os
import secrets
import stat
from collections.abc import Iterable

_AT_ONCE = 1 << 24  # bytes of one write


def write_atomically(path: str | os.PathLike[str], parts: Iterable[bytes | memoryview]) -> None:
    """Writes the parts one after another into the file of that name, in place of an old one.

    They go into a temporary file in the same folder, which is on the disk before it takes the name. A crash at any
    moment leaves the old file or the new one, and perhaps the temporary one, ".NAME.XXXXXXXX.tmp". The permissions of
    an old file are kept; a symbolic link stays one.
    """
    target = os.path.realpath(path)
    folder, name = os.path.split(target)
    temporary = os.path.join(folder, f".{name}.{secrets.token_hex(4)}.tmp")
    file = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o666)
    try:
        try:
            with contextlib.suppress(FileNotFoundError):
                os.chmod(temporary, stat.S_IMODE(os.stat(target).st_mode))
            for part in parts:
                _write_all(file, memoryview(part))
            os.fsync(file)
        finally:
            os.close(file)
        os.replace(temporary, target)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise
    _sync_folder(folder)


def _write_all(file: int, rest: memoryview) -> None:
    while rest:
        rest = rest[os.write(file, rest[:_AT_ONCE]) :]


def _sync_folder(folder: str) -> None:
    """So that the new name survives a power cut."""
    if os.name != "posix":
        return
    file = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(file)
    finally:
        os.close(file)
