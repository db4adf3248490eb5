"""What cargo-auditable writes into a binary: the names and versions of the crates that are compiled into it.

Scanners (`cargo audit bin`, Trivy, Syft) read it from the section `.dep-v0`. It is written here, after linking, and not by
cargo-auditable itself (docs/decisions/0023-reproducible-packages.md). Macros and build scripts are left out: which of them run
depends on the machine that builds.

The form is the one of cargo-auditable's PARSING.md and its JSON schema: compact JSON, compressed as zlib does.
"""

from __future__ import annotations

import json
from typing import Any, Final

import deflate

from . import elf
from .crates import Tree

SECTION: Final = ".dep-v0"

_FORMAT: Final = 1
"""Macros are not among what runs."""
_LEVEL: Final = 12


def embedded(binary: bytes, tree: Tree) -> bytes:
    """The binary with the section."""
    return elf.with_section(binary, SECTION, deflate.zlib_compress(document(tree), _LEVEL))


def document(tree: Tree) -> bytes:
    """The JSON: packages in order of name and version, what they need by number."""
    crates = sorted(tree.compiled)
    numbers = {crate: number for number, crate in enumerate(crates)}
    packages = []
    for crate in crates:
        source = "crates.io" if crate in tree.checksums else "local"
        package: dict[str, Any] = {"name": crate.name, "version": crate.version, "source": source}
        if needed := [numbers[other] for other in sorted(tree.compiled[crate])]:
            package["dependencies"] = needed
        if crate == tree.root:
            package["root"] = True
        packages.append(package)
    return json.dumps({"packages": packages, "format": _FORMAT}, separators=(",", ":")).encode()
