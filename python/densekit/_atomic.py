"""Files that are there completely or not at all, whatever happens while they are written."""

from __future__ import annotations

import contextlib
import itertools
import os
import stat
from collections.abc import Iterable, Sequence
from typing import TypeAlias

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

Part: TypeAlias = bytes | memoryview

_AT_ONCE = 1 << 24  # bytes of one write
_LEFT_AT_ONCE = 8  # names that are always looked at for what a killed process has left
_READ = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
_MAKE = os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)


def write_atomically(path: str | os.PathLike[str], parts: Iterable[Part]) -> None:
    """Writes the parts one after another into the file of that name, in place of an old one.

    The file has no name until it is whole and on the disk (O_TMPFILE); where the system has no such files it is called
    ".densekit-0.tmp" (or 1, 2, …) in the same folder until then. A crash at any moment leaves the old file or the new
    one. A process that is killed may leave the temporary one, which the next save in that folder removes: who writes
    such a file holds a lock on it, which ends with the process. Permissions and owner of an old file are kept; a
    symbolic link stays one. A device or a pipe is written to as it is.
    """
    target = os.path.realpath(path)
    folder, pieces = os.path.dirname(target), list(parts)
    old = None
    with contextlib.suppress(FileNotFoundError):
        old = os.stat(target)
    if old is not None and not stat.S_ISREG(old.st_mode):
        with open(target, "wb") as stream:  # IsADirectoryError
            for piece in pieces:
                stream.write(piece)
        return
    _remove_leftovers(folder)
    if not _through_nameless_file(target, pieces, old):
        _through_named_file(target, pieces, old)
    _sync_folder(folder)


def _through_nameless_file(target: str, parts: Sequence[Part], old: os.stat_result | None) -> bool:
    """False if the system has no files without a name, or cannot name them later."""
    if not hasattr(os, "O_TMPFILE") or not os.path.isdir("/proc/self/fd"):
        return False
    folder, temporary = os.path.dirname(target), None
    try:
        file = os.open(folder, os.O_TMPFILE | os.O_RDWR, 0o666)
    except FileNotFoundError:
        raise
    except OSError:
        return False
    try:
        _locked(file)
        _write(file, parts, old)
        try:
            temporary = _named(file, folder)
        except OSError:
            return False
        os.replace(temporary, target)
    except BaseException:
        _unlink(temporary)
        raise
    finally:
        os.close(file)
    return True


def _named(file: int, folder: str) -> str:
    """Gives a file without a name one in the folder."""
    for temporary in (os.path.join(folder, _temporary_name(number)) for number in itertools.count()):
        with contextlib.suppress(FileExistsError):
            # With a descriptor Python calls linkat, which follows the link in /proc to the file itself.
            os.link(f"/proc/self/fd/{file}", temporary, src_dir_fd=file, follow_symlinks=True)
            return temporary
    raise AssertionError


def _through_named_file(target: str, parts: Sequence[Part], old: os.stat_result | None) -> None:
    file, temporary = _new_file(os.path.dirname(target))
    is_open = True
    try:
        _write(file, parts, old, temporary)
        if os.name != "posix":  # Windows does not rename open files
            is_open = False
            os.close(file)
        os.replace(temporary, target)
    except BaseException:
        _unlink(temporary)
        raise
    finally:
        if is_open:
            os.close(file)


def _new_file(folder: str) -> tuple[int, str]:
    """A new temporary file that is locked."""
    for name in map(_temporary_name, itertools.count()):
        temporary = os.path.join(folder, name)
        try:
            file = os.open(temporary, _MAKE, 0o666)
        except FileExistsError:
            continue
        # Between open and lock somebody may have taken it for a leftover.
        if _locked(file) and (fcntl is None or os.fstat(file).st_nlink > 0):
            return file, temporary
        os.close(file)
    raise AssertionError


def _temporary_name(number: int) -> str:
    return f".densekit-{number}.tmp"


def _locked(file: int) -> bool:
    """Locks it as long as this process has it open; False if another has the lock."""
    if fcntl is not None:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        except OSError:  # a file system without locks: nobody removes anything there
            pass
    return True


def _remove_leftovers(folder: str) -> None:
    """Removes temporary files whose writers are no more; it never fails."""
    if fcntl is None:
        return
    for number in itertools.count():
        temporary = os.path.join(folder, _temporary_name(number))
        try:
            file = os.open(temporary, _READ)
        except OSError:  # as a rule: there is none of that name
            if number < _LEFT_AT_ONCE:
                continue
            return
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # Who holds the lock of the file that has this name is the only one who may take the name away.
            if os.path.samestat(os.fstat(file), os.lstat(temporary)):
                os.unlink(temporary)
        except OSError:  # its writer lives, or has just finished
            pass
        finally:
            with contextlib.suppress(OSError):
                os.close(file)


def _write(file: int, parts: Sequence[Part], old: os.stat_result | None, name: str | None = None) -> None:
    """All parts, with permissions and owner of the old file, on the disk."""
    if old is not None:
        _own(file, old, name)
    for part in parts:
        rest = memoryview(part)
        while rest:
            rest = rest[os.write(file, rest[:_AT_ONCE]) :]
    os.fsync(file)


def _own(file: int, old: os.stat_result, name: str | None) -> None:
    mode = stat.S_IMODE(old.st_mode)
    if os.name != "posix":
        if name is not None:
            os.chmod(name, mode)
        return
    mine = os.fstat(file)
    if (mine.st_uid, mine.st_gid) != (old.st_uid, old.st_gid):
        try:
            os.fchown(file, old.st_uid, old.st_gid)
        except OSError:  # only root may give files away
            mode &= ~(stat.S_ISUID | stat.S_ISGID)
            with contextlib.suppress(OSError):
                os.fchown(file, -1, old.st_gid)
    os.fchmod(file, mode)


def _unlink(temporary: str | None) -> None:
    if temporary is not None:
        with contextlib.suppress(OSError):
            os.unlink(temporary)


def _sync_folder(folder: str) -> None:
    """So that the new name survives a power cut."""
    if os.name != "posix":
        return
    file = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(file)
    finally:
        os.close(file)
