"""What a binary needs of the machine it runs on: its processor, and how new a C library. And one more section for it."""

from __future__ import annotations

import struct
from typing import Final

MACHINES: Final = {62: "x86_64", 183: "arm64"}
_HEADER: Final = struct.Struct("<IIQQQQIIQQ")
"""A section: name, type, flags, address, offset, size, linked section, info, alignment, size of an entry."""
_PROGRAM_DATA: Final = 1
"""Section type SHT_PROGBITS: bytes that mean something to programs."""
_VERSION_NEEDS: Final = 0x6FFFFFFE
"""Section type SHT_GNU_verneed: the versions of symbols that must be there."""


class NotElf(Exception):
    """The file is no 64-bit little-endian ELF."""


def machine(binary: bytes) -> str:
    """The processor it is for, in Lambda's words."""
    number: int = struct.unpack_from("<H", _checked(binary), 18)[0]
    return MACHINES.get(number, f"machine {number}")


def newest_glibc(binary: bytes) -> tuple[int, ...]:
    """The newest version of glibc it asks for, such as (2, 34); () when it asks for none."""
    versions = [name.removeprefix("GLIBC_") for name in _needed_versions(_checked(binary)) if name.startswith("GLIBC_")]
    numbers = [tuple(int(part) for part in version.split(".")) for version in versions if version[0].isdigit()]
    return max(numbers, default=())


def with_section(binary: bytes, name: str, content: bytes) -> bytes:
    """The binary with one more section, at its end: readable in the file, and not loaded when it runs.

    Nothing in it moves but the table of sections, which goes to the end too, with the names of the sections.
    """
    start: int = struct.unpack_from("<Q", _checked(binary), 40)[0]
    size, count, names = struct.unpack_from("<HHH", binary, 58)
    if size != _HEADER.size or not 0 < names < count:
        raise NotElf
    headers = [list(_HEADER.unpack_from(binary, start + number * size)) for number in range(count)]
    offset, length = headers[names][4:6]
    strings = binary[offset : offset + length] + name.encode("ascii") + b"\0"
    body = binary + strings
    headers[names][4:6] = [len(binary), len(strings)]
    headers.append([length, _PROGRAM_DATA, 0, 0, len(body), len(content), 0, 0, 1, 0])
    body += content
    body += bytes(-len(body) % 8)
    changed = bytearray(body) + b"".join(_HEADER.pack(*header) for header in headers)
    struct.pack_into("<Q", changed, 40, len(body))
    struct.pack_into("<H", changed, 60, count + 1)
    return bytes(changed)


def _checked(binary: bytes) -> bytes:
    if binary[:6] != b"\x7fELF\x02\x01":
        raise NotElf
    return binary


def _needed_versions(binary: bytes) -> list[str]:
    sections = _sections(binary)
    names: list[str] = []
    for kind, offset, link, count in sections:
        if kind != _VERSION_NEEDS:
            continue
        strings = sections[link][1]
        library = offset
        for _ in range(count):
            _, versions, _, first, following = struct.unpack_from("<HHIII", binary, library)
            version = library + first
            for _ in range(versions):
                _, _, _, name, further = struct.unpack_from("<IHHII", binary, version)
                end = binary.index(b"\0", strings + name)
                names.append(binary[strings + name : end].decode("ascii"))
                version += further
            library += following
    return names


def _sections(binary: bytes) -> list[tuple[int, int, int, int]]:
    """Type, offset, linked section and info (for version needs: how many libraries) of each section."""
    start: int = struct.unpack_from("<Q", binary, 40)[0]
    size, count = struct.unpack_from("<HH", binary, 58)
    sections = []
    for number in range(count):
        _, kind, _, _, offset, _, link, info, _, _ = _HEADER.unpack_from(binary, start + number * size)
        sections.append((kind, offset, link, info))
    return sections
