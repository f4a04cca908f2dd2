"""The bytes of a model file: a zip archive of stored .npy arrays, as np.load reads it, in exactly one form.

Every byte follows from the names, types, shapes and contents of the arrays: sizes are in ZIP64 fields, dates are
1980-01-01, nothing is compressed. So a reader compares all bytes that are not contents with what they must be, and
contents with their checksums; docs/files.md has the layout.
"""

from __future__ import annotations

import math
import os
import struct
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO, TypeAlias

import numpy as np
from numpy.typing import NDArray

Array: TypeAlias = NDArray[Any]

_DATE = 0x0021  # 1980-01-01
_UTF8 = 0x0800
_FULL = 0xFFFFFFFF  # the size is in the ZIP64 field
_LOCAL = struct.Struct("<4s5H3I2H")
_CENTRAL = struct.Struct("<4s6H3I5H2I")
_AT_ONCE = 1 << 20
LONGEST_HEADER = 1 << 24


@dataclass(frozen=True)
class Entry:
    """An array in the file: NAME.npy, C order. dtype: "<f4", "<f8" or "|u1". crc: of the .npy with its first bytes."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    crc: int = 0

    @property
    def data_bytes(self) -> int:
        return int(self.dtype[2:]) * math.prod(self.shape)

    @property
    def file_name(self) -> bytes:
        return f"{self.name}.npy".encode()

    def npy_head(self) -> bytes:
        """The first bytes of the .npy, version 1.0, padded to a multiple of 64."""
        lengths = ", ".join(map(str, self.shape)) + ("," if len(self.shape) == 1 else "")
        text = f"{{'descr': '{self.dtype}', 'fortran_order': False, 'shape': ({lengths}), }}"
        text += " " * (-(len(text) + 11) % 64) + "\n"
        return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text.encode()

    def head(self) -> bytes:
        """Everything in front of the contents."""
        npy = self.npy_head()
        size = len(npy) + self.data_bytes
        name = self.file_name
        local = _LOCAL.pack(b"PK\3\4", 45, _UTF8, 0, 0, _DATE, self.crc, _FULL, _FULL, len(name), 20)
        return local + name + struct.pack("<2H2Q", 1, 16, size, size) + npy

    def central(self, offset: int) -> bytes:
        """The entry in the directory."""
        size, name = len(self.npy_head()) + self.data_bytes, self.file_name
        fixed = (b"PK\1\2", 45, 45, _UTF8, 0, 0, _DATE, self.crc, _FULL, _FULL, len(name), 28, 0, 0, 0, 0, _FULL)
        return _CENTRAL.pack(*fixed) + name + struct.pack("<2H3Q", 1, 24, size, size, offset)


def entry_of(name: str, array: Array) -> Entry:
    """The entry with the checksum of this C-contiguous array."""
    plain = Entry(name, array.dtype.newbyteorder("<").str, array.shape)
    if len(plain.file_name) > 0xFFFF:
        raise ValueError(
            f"the name of the array {name[:40]!r}… is longer than the 65,535 bytes that a zip file can name"
        )
    return Entry(plain.name, plain.dtype, plain.shape, zlib.crc32(_bytes(array), zlib.crc32(plain.npy_head())))


def directory(entries: Sequence[Entry]) -> bytes:
    """The end of the file."""
    parts, offset = [], 0
    for entry in entries:
        parts.append(entry.central(offset))
        offset += len(entry.head()) + entry.data_bytes
    listed = b"".join(parts)
    count, size = len(entries), len(listed)
    wide = struct.pack("<4sQ2H2I4Q", b"PK\6\6", 44, 45, 45, 0, 0, count, count, size, offset)
    locator = struct.pack("<4sIQI", b"PK\6\7", 0, offset + size, 1)
    return listed + wide + locator + struct.pack("<4s4H2IH", b"PK\5\6", 0, 0, 0xFFFF, 0xFFFF, _FULL, _FULL, 0)


def parts_of(entries: Sequence[Entry], arrays: Sequence[Array]) -> Iterator[bytes | memoryview]:
    """The file, piece by piece, without copies of the arrays."""
    for entry, array in zip(entries, arrays, strict=True):
        yield entry.head()
        yield _bytes(array)
    yield directory(entries)


def _bytes(array: Array) -> memoryview:
    return array.reshape(-1).view(np.uint8).data if array.size else memoryview(b"")


class Reader:
    """Reads the entries in their order; ValueError for any byte that is not as it must be."""

    def __init__(self, file: BinaryIO) -> None:
        self._file, self._size = file, file.seek(0, os.SEEK_END)
        file.seek(0)

    def header(self) -> bytes:
        """The contents of the first entry, the bytes of the array "header"."""
        first = self._file.read(_LOCAL.size + len("header.npy") + 20)
        if len(first) < _LOCAL.size + 30 or not first.startswith(b"PK\3\4"):
            raise ValueError("this is no model file: it does not begin like one")
        crc, size = struct.unpack_from("<I", first, 14)[0], struct.unpack_from("<Q", first, len(first) - 16)[0]
        length = size - len(Entry("header", "|u1", (1,)).npy_head())
        if not 0 <= length <= min(self._size, LONGEST_HEADER):
            raise ValueError("this is no model file, or it is damaged: its header has no possible size")
        entry = Entry("header", "|u1", (length,), crc)
        text = np.empty(length, np.uint8)
        self._file.seek(0)
        self.into(entry, text)
        self._entries = [entry]
        return text.tobytes()

    def expect(self, entries: Sequence[Entry]) -> None:
        """What follows the header; the file must have exactly that size."""
        self._entries += entries
        end = directory(self._entries)
        expected = sum(len(entry.head()) + entry.data_bytes for entry in self._entries) + len(end)
        if expected != self._size:
            raise ValueError(f"the file is damaged: it has {self._size} bytes, its header describes {expected}")

    def into(self, entry: Entry, target: Array) -> None:
        """Reads the contents of the next entry into a C-contiguous array."""
        head = entry.head()
        if self._file.read(len(head)) != head:
            raise ValueError(f"the file is damaged: {entry.name!r} does not begin as it must")
        crc, rest = zlib.crc32(entry.npy_head()), _bytes(target)
        while rest:
            count = self._file.readinto(rest[:_AT_ONCE])  # type: ignore[attr-defined]
            if not count:
                raise ValueError(f"the file is damaged: it ends inside {entry.name!r}")
            crc, rest = zlib.crc32(rest[:count], crc), rest[count:]
        if crc != entry.crc:
            raise ValueError(f"the file is damaged: the contents of {entry.name!r} do not have their checksum")

    def finish(self) -> None:
        end = directory(self._entries)
        if self._file.read(len(end) + 1) != end:
            raise ValueError("the file is damaged: its directory is not as it must be")
