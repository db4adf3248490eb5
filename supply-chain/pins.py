"""Whether everything that is installed is pinned to one version with a hash: Python packages, npm packages, crates.

`supply-chain/lock` (Python), npm and Cargo make the lists.
"""

from __future__ import annotations

import json
import os
import re
import sys
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

REPOSITORY: Final = Path(__file__).resolve().parents[1]

_PIN: Final = re.compile(r"(?P<name>[A-Za-z0-9._-]+)(\[[^\]]+\])?==(?P<version>[^\s;,]+)\s*(;[^\\]+?)?")
_HASH: Final = re.compile(r"--hash=sha256:[0-9a-f]{64}")
_INSTALLED: Final = {".git", ".local", ".tools", ".venv", "node_modules", "target"}
"""Folders that hold what was installed or built."""


def problems(root: Path) -> list[str]:
    """One line for each rule that a file breaks."""
    files = list(_files(root))
    pinned: dict[str, set[tuple[str, str]]] = {}
    made = _lists_of(root)
    # The lists before what they are made from: `_list` fills `pinned`.
    checks: tuple[tuple[str, Callable[[Path], Iterator[str]]], ...] = (
        ("*requirements*.txt", lambda path: _list(path, pinned.setdefault(path.relative_to(root).as_posix(), set()))),
        ("*requirements*.in", lambda path: _source(path, _of(pinned, made.get(path.relative_to(root).as_posix())))),
        ("package-lock.json", _npm),
        ("Cargo.lock", _crates),
    )
    return [
        f"{path.relative_to(root)}: {line}"
        for name, check in checks
        for path in files
        if path.match(name)
        for line in check(path)
    ]


def _of(pinned: dict[str, set[tuple[str, str]]], made: str | None) -> set[tuple[str, str]]:
    """What the list pins that a source is for; of a source without one, what any list pins."""
    return pinned.get(made, set()) if made else set().union(*pinned.values())


def _lists_of(root: Path) -> dict[str, str]:
    """The list that each source is for, as supply-chain/lock says."""
    script = root / "supply-chain" / "lock"
    lines = script.read_text(encoding="utf-8").splitlines() if script.is_file() else []
    lists = {}
    for words in (line.split() for line in lines if line.startswith("lock ")):
        target = words[1].strip('"').replace("$list", "supply-chain/lock-requirements.txt")
        for source in words[2:]:
            folders = re.fullmatch(r"\{(.+)\}(/.+)", source)
            for one in [f"{folder}{folders[2]}" for folder in folders[1].split(",")] if folders else [source]:
                lists[one] = target
    return lists


def _files(root: Path) -> Iterator[Path]:
    """Every file of the repository, in order."""
    for folder, below, names in os.walk(root):
        below[:] = sorted(set(below) - _INSTALLED)
        yield from (Path(folder) / name for name in sorted(names))


def _lines(path: Path) -> Iterator[str]:
    """The lines of a list, without comments, each with what continues it."""
    text = path.read_text(encoding="utf-8").replace("\\\n", " ")
    lines = (line.partition("#")[0].strip() for line in text.splitlines())
    return (line for line in lines if line)


def _list(path: Path, pinned: set[tuple[str, str]]) -> Iterator[str]:
    """What pip installs. Adds to `pinned`."""
    for line in _lines(path):
        requirement, *hashes = re.split(r"\s+(?=--)", line)
        pin = _PIN.fullmatch(requirement)
        if pin is None:
            yield f"'{requirement}' is no package with its version: make the list with supply-chain/lock"
        elif not hashes or not all(map(_HASH.fullmatch, hashes)):
            yield f"{pin['name']} has no SHA-256, or something else beside it: make the list with supply-chain/lock"
        else:
            pinned.add(_normal(pin))


def _source(path: Path, pinned: set[tuple[str, str]]) -> Iterator[str]:
    """What a list is made from."""
    for line in _lines(path):
        pin = _PIN.fullmatch(line)
        if pin is None:
            yield f"'{line}' is no package with its version"
        elif _normal(pin) not in pinned:
            yield f"{line} is not in its list: run supply-chain/lock"


def _normal(pin: re.Match[str]) -> tuple[str, str]:
    return re.sub(r"[-_.]+", "-", pin["name"]).lower(), pin["version"]


def _npm(path: Path) -> Iterator[str]:
    for name, package in json.loads(path.read_text(encoding="utf-8"))["packages"].items():
        if name and not package.get("integrity", "").startswith("sha512-"):
            yield f"{name} has no SHA-512"
        if "resolved" in package:
            yield f"{name} names where it comes from: .npmrc beside it wants omit-lockfile-registry-resolved"


def _crates(path: Path) -> Iterator[str]:
    """The workspace's list and the fuzzer's, which cargo-deny does not look at."""
    for package in tomllib.loads(path.read_text(encoding="utf-8"))["package"]:
        source = package.get("source")
        if source is not None and not (source.startswith("registry+") and source.endswith("/crates.io-index")):
            yield f"{package['name']} comes from {source}"
        elif source is not None and "checksum" not in package:
            yield f"{package['name']} has no checksum"


if __name__ == "__main__":
    wrong = problems(REPOSITORY)
    print("\n".join(wrong) if wrong else "pins ok")
    sys.exit(bool(wrong))
