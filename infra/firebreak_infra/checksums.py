"""SHA256SUMS: the SHA-256 of everything that was packaged, as `sha256sum --check` reads it.

Whoever packages writes it; whoever deploys uploads nothing that is not in it, or differs.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

from .errors import InfraError

NAME: Final = "SHA256SUMS"

_LINE: Final = re.compile(r"([0-9a-f]{64})  (\S+)")


def listed(folder: Path) -> dict[str, str]:
    """SHA-256 by path from the folder. Empty when there is no list."""
    file = folder / NAME
    if not file.is_file():
        return {}
    found = {}
    for line in file.read_text(encoding="utf-8").splitlines():
        read = _LINE.fullmatch(line)
        if read is None:
            raise InfraError(NAME, f"{line!r} is no line of a list of SHA-256", "make package")
        found[read[2]] = read[1]
    return found


def keep(folder: Path, digests: Mapping[str, str]) -> None:
    """Writes the list anew: SHA-256 by path from the folder."""
    lines = [f"{digest}  {name}\n" for name, digest in sorted(digests.items())]
    (folder / NAME).write_text("".join(lines), encoding="utf-8")


def refuse_others(folder: Path, files: Iterable[Path], remedy: str) -> None:
    """Raises at the first file that is not in the list of its folder, or is not what was listed."""
    entries = listed(folder)
    for file in files:
        name = file.relative_to(folder).as_posix()
        if name not in entries:
            raise InfraError(name, f"is not in {NAME}", remedy)
        if hashlib.sha256(file.read_bytes()).hexdigest() != entries[name]:
            raise InfraError(name, f"is not what was packaged: {NAME} has another SHA-256", remedy)
