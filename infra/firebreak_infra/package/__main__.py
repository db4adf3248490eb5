"""Builds the packages, prints what they are, and fails when one does not fit Lambda."""

from __future__ import annotations

import argparse
import hashlib
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from .. import checksums
from ..errors import InfraError
from ..layout import ENVIRONMENTS, REPOSITORY, in_repository
from . import archive, auditable, bill, build, crates, elf

LARGEST: Final = 7_000_000
"""Bytes of a zip. Lambda takes 50 MB; a start is slower with every one of them."""


@dataclass(frozen=True)
class Package:
    """A zip, and how large its content is."""

    name: str
    content: int
    zipped: bytes


def main() -> None:
    """The program."""
    try:
        _package(_arguments())
    except InfraError as error:
        print(f"infra/package: {error}", file=sys.stderr)
        sys.exit(1)


def _package(options: argparse.Namespace) -> None:
    policy = ENVIRONMENTS / options.environment / "policy.toml"
    if not policy.is_file():
        raise InfraError(in_repository(policy), "no such file", f"is there an environment {options.environment}?")
    everything = build.functions(REPOSITORY)
    names = options.function or everything
    for name in sorted(set(names) - set(everything)):
        raise InfraError(name, "no such function", f"there are {', '.join(everything)}")
    started = time.monotonic()
    binaries = options.binaries
    if binaries is None:
        binaries = build.build(REPOSITORY, options.architecture, names, options.target / "lambda-build")
        print(f"built in {time.monotonic() - started:.0f} s with {build.toolchain()}")
    trees = crates.trees(REPOSITORY, build.TRIPLES[options.architecture], names)
    packages = [function_package(name, binaries / name, options.architecture, trees[name]) for name in names]
    folder = options.target / "lambda"
    packages_dir = folder / options.architecture
    written: dict[str, bytes] = {}
    for package in packages:
        written[f"{options.architecture}/{package.name}.zip"] = package.zipped
        written[f"{options.architecture}/{package.name}.cdx.json"] = bill.of(package.zipped, trees[package.name])
    layer = policy_package(policy)
    layer_name = f"response-policy-{options.environment}.zip"
    for name, content in {**written, layer_name: layer.zipped}.items():
        _write(folder / name, content)
    list_packages(folder, options.architecture, written if names == everything else {}, {layer_name: layer.zipped})
    print(f"\n{in_repository(packages_dir)}: {options.architecture}, glibc {build.GLIBC[0]}.{build.GLIBC[1]} or newer")
    print_table([*packages, layer])
    too_large = [package.name for package in packages if len(package.zipped) > LARGEST]
    if names != everything:
        print("Built without the others, whose needs change what is compiled: not the bytes that a deployment has.")
        print(f"No function of {options.architecture} is in {checksums.NAME} now; `make deploy` refuses them.")
    if too_large:
        raise InfraError(", ".join(too_large), f"larger than {LARGEST / 1e6:.0f} MB")


def list_packages(folder: Path, architecture: str, functions: Mapping[str, bytes], layer: Mapping[str, bytes]) -> None:
    """Lists these instead of what was listed for the architecture, and the layer. Other architectures and environments stay."""
    others = {
        name: digest
        for name, digest in checksums.listed(folder).items()
        if not name.startswith(f"{architecture}/") and name not in layer
    }
    digests = {name: hashlib.sha256(content).hexdigest() for name, content in {**functions, **layer}.items()}
    checksums.keep(folder, others | digests)


def function_package(name: str, path: Path, architecture: str, tree: crates.Tree) -> Package:
    """A function's zip: its binary, with the list of its crates, under the one name the runtime starts."""
    try:
        binary = path.read_bytes()
    except OSError as error:
        raise InfraError(path, error.strerror or "cannot be read") from error
    try:
        machine, glibc = elf.machine(binary), elf.newest_glibc(binary)
        binary = auditable.embedded(binary, tree)
    except elf.NotElf as error:
        raise InfraError(path, "is no Linux binary") from error
    if machine != architecture:
        raise InfraError(name, f"is built for {machine}, not for {architecture}")
    if glibc > build.GLIBC:
        needed = ".".join(map(str, glibc))
        raise InfraError(name, f"needs glibc {needed}, and provided.al2023 has {'.'.join(map(str, build.GLIBC))}")
    return Package(name, len(binary), archive.zipped([archive.Entry("bootstrap", binary, archive.EXECUTABLE)]))


def policy_package(policy: Path) -> Package:
    """The layer: Lambda unpacks it under /opt."""
    content = policy.read_bytes()
    return Package("response-policy", len(content), archive.zipped([archive.Entry("firebreak/policy.toml", content)]))


def print_table(packages: list[Package]) -> None:
    """One line per package, sizes in bytes."""
    print(f"{'package':20}{'content':>12}{'zip':>12}  sha-256")
    for package in packages:
        digest = hashlib.sha256(package.zipped).hexdigest()
        print(f"{package.name:20}{package.content:>12,}{len(package.zipped):>12,}  {digest[:16]}")
    everything = sum(len(package.zipped) for package in packages)
    print(f"{'total':20}{sum(package.content for package in packages):>12,}{everything:>12,}")


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="infra/package", description=__doc__)
    parser.add_argument("--environment", default="test", help="whose response policy goes into the layer")
    parser.add_argument("--architecture", choices=sorted(build.TRIPLES), default="arm64")
    parser.add_argument("--function", action="append", metavar="NAME", help="only this one; can be repeated")
    parser.add_argument("--target", type=Path, default=REPOSITORY / "target", help="where everything is written")
    parser.add_argument("--binaries", type=Path, help="zip binaries of this folder instead of building")
    options = parser.parse_args()
    options.target = options.target.resolve()
    return options


if __name__ == "__main__":
    main()
