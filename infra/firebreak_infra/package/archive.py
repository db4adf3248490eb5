"""A zip with nothing in it that depends on where, when or with which system library it was made.

Python's own `zipfile` compresses with whatever zlib it was linked to, and those differ in what they write. libdeflate comes
with its Python package and is pinned. An entry has a fixed time, a fixed mode and no extra field.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from typing import Final

import deflate

EXECUTABLE: Final = 0o755
READABLE: Final = 0o644

_LEVEL: Final = 12
_VERSION: Final = 20
_MADE_BY_UNIX: Final = 3 << 8
_DEFLATED: Final = 8
_MIDNIGHT: Final = 0
_FIRST_OF_1980: Final = (1 << 5) | 1
"""The earliest date a zip can hold."""
_REGULAR_FILE: Final = 0o100000


@dataclass(frozen=True)
class Entry:
    """One file of an archive."""

    name: str
    content: bytes
    mode: int = READABLE


def zipped(entries: list[Entry]) -> bytes:
    """The archive, its entries in the order of their names."""
    body = bytearray()
    directory = bytearray()
    for entry in sorted(entries, key=lambda entry: entry.name):
        name = entry.name.encode("ascii")
        data = deflate.deflate_compress(entry.content, _LEVEL)
        common = struct.pack(
            "<HHHHHIIIHH",
            _VERSION, 0, _DEFLATED, _MIDNIGHT, _FIRST_OF_1980,
            zlib.crc32(entry.content), len(data), len(entry.content), len(name), 0,
        )  # fmt: skip
        attributes = (_REGULAR_FILE | entry.mode) << 16
        directory += b"PK\x01\x02" + struct.pack("<H", _MADE_BY_UNIX | _VERSION) + common
        directory += struct.pack("<HHHII", 0, 0, 0, attributes, len(body)) + name
        body += b"PK\x03\x04" + common + name + data
    end = struct.pack("<HHHHIIH", 0, 0, len(entries), len(entries), len(directory), len(body), 0)
    return bytes(body + directory + b"PK\x05\x06" + end)
