"""Which crates a binary is made from, as `cargo tree` says for the functions that are built together.

`cargo metadata` would name more: it has the features of everything in the workspace, tests too.
"""

from __future__ import annotations

import re
import subprocess
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from ..errors import InfraError

_SEPARATOR: Final = "\t"
_LINE: Final = re.compile(r"(?P<depth>\d+)(?P<package>[^\t]+)\t(?P<features>[^\t]*)\t(?P<license>.*?)( \(\*\))?")
"""`(*)`: what it needs was printed before."""
_PACKAGE: Final = re.compile(r"(?P<name>\S+) v(?P<version>\S+)(?P<macro> \(proc-macro\))?(?P<path> \(/.*\))?")


@dataclass(frozen=True, order=True)
class Crate:
    """One crate in one version."""

    name: str
    version: str


@dataclass
class Tree:
    """What one binary is made from."""

    root: Crate
    compiled: dict[Crate, set[Crate]]
    """The crates that are compiled into the binary, each with those that it needs there."""
    needs: dict[Crate, set[Crate]]
    """The same, and what ran to build it: macros, build scripts, and what these need."""
    licenses: dict[Crate, str]
    """SPDX expressions."""
    checksums: dict[Crate, str]
    """SHA-256 of the crate in the registry; crates of this repository have none."""


@dataclass
class _Graph:
    """What `cargo tree` printed. A node is a crate with its features: for a build script it can have others."""

    roots: dict[str, str] = field(default_factory=dict)
    """By name."""
    crates: dict[str, Crate] = field(default_factory=dict)
    needs: dict[str, set[str]] = field(default_factory=dict)
    macros: set[str] = field(default_factory=set)
    licenses: dict[Crate, str] = field(default_factory=dict)

    def below(self, root: str, macros: bool) -> dict[Crate, set[Crate]]:
        """The root and everything it needs, with or without what runs in the compiler."""
        kept = {node for node in self.crates if macros or node not in self.macros}
        found: dict[Crate, set[Crate]] = {}
        seen, open_ = set(), [self.roots[root]]
        while open_:
            node = open_.pop()
            if node not in seen:
                seen.add(node)
                needed = self.needs[node] & kept
                found.setdefault(self.crates[node], set()).update(self.crates[other] for other in needed)
                open_ += needed
        return found


def trees(repository: Path, triple: str, names: Iterable[str]) -> dict[str, Tree]:
    """For each function what it is made from, when these functions are built together for the target."""
    names = list(names)
    everything = _read(_cargo_tree(repository, triple, names, "normal,build"))
    compiled = _read(_cargo_tree(repository, triple, names, "normal"))
    checksums = _checksums(repository / "Cargo.lock")
    found = {}
    for name in names:
        needs = everything.below(name, macros=True)
        found[name] = Tree(
            root=everything.crates[everything.roots[name]],
            compiled=compiled.below(name, macros=False),
            needs=needs,
            licenses={crate: everything.licenses[crate] for crate in needs},
            checksums={crate: checksums[crate] for crate in needs if crate in checksums},
        )
    return found


def _cargo_tree(repository: Path, triple: str, names: list[str], edges: str) -> str:
    command = ["cargo", "tree", "--locked", "--target", triple, "--edges", edges, "--prefix", "depth"]
    command += ["--format", _SEPARATOR.join(("{p}", "{f}", "{l}"))]
    for name in names:
        command += ["--package", name]
    done = subprocess.run(command, cwd=repository, capture_output=True, text=True)
    if done.returncode != 0:
        raise InfraError("cargo tree", " ".join(done.stderr.split()))
    return done.stdout


def _read(printed: str) -> _Graph:
    graph = _Graph()
    path: list[str] = []
    for line in filter(None, printed.splitlines()):
        read = _LINE.fullmatch(line)
        package = _PACKAGE.fullmatch(read["package"]) if read else None
        if read is None or package is None:
            raise InfraError("cargo tree", f"says {line!r}, which is not understood")
        node = f"{read['package']} {read['features']}"
        crate = Crate(package["name"], package["version"])
        graph.crates[node] = crate
        # Older crates write a choice as `MIT/Apache-2.0`, which is no SPDX.
        graph.licenses[crate] = re.sub(r" ?/ ?", " OR ", read["license"])
        graph.needs.setdefault(node, set())
        if package["macro"]:
            graph.macros.add(node)
        depth = int(read["depth"])
        if depth == 0:
            graph.roots[crate.name] = node
        else:
            graph.needs[path[depth - 1]].add(node)
        path[depth:] = [node]
    return graph


def _checksums(lock: Path) -> dict[Crate, str]:
    packages = tomllib.loads(lock.read_text(encoding="utf-8"))["package"]
    return {Crate(package["name"], package["version"]): package["checksum"] for package in packages if "checksum" in package}
