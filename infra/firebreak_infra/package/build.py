"""Compiles the functions for Lambda so that the folder they are built in leaves no trace.

The target is glibc 2.34, which provided.al2023 has: zig links for that version, whatever this machine's is, and compiles the
C of aws-lc for it as well. Paths are mapped to fixed ones, for Rust and for C.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
from pathlib import Path
from typing import Final

from ..errors import InfraError

GLIBC: Final = (2, 34)
"""The C library of provided.al2023."""
TRIPLES: Final = {"arm64": "aarch64-unknown-linux-gnu", "x86_64": "x86_64-unknown-linux-gnu"}
PROFILE: Final = "lambda"


def functions(repository: Path) -> list[str]:
    """Every function: a folder of `functions` with a crate in it, which has a binary of the same name."""
    return sorted(manifest.parent.name for manifest in repository.glob("functions/*/Cargo.toml"))


def build(repository: Path, architecture: str, names: list[str], target: Path) -> Path:
    """Compiles the functions and returns the folder of their binaries."""
    triple = TRIPLES[architecture]
    _require(triple)
    command = ["cargo", "zigbuild", "--locked", "--profile", PROFILE]
    command += ["--target", f"{triple}.{GLIBC[0]}.{GLIBC[1]}"]
    for name in names:
        command += ["--package", name, "--bin", name]
    if subprocess.run(command, cwd=repository, env=environment(repository, triple, target)).returncode != 0:
        raise InfraError("cargo zigbuild", "the build failed")
    return target / triple / PROFILE


def environment(repository: Path, triple: str, target: Path) -> dict[str, str]:
    """The build's environment: the user's, but for what would change the result."""
    cargo_home = Path(os.environ.get("CARGO_HOME") or Path.home() / ".cargo")
    # The target folder after the repository it is in: rustc takes the last one that fits.
    mapped = {
        str(repository): "/firebreak",
        str(target): "/target",
        str(cargo_home / "registry" / "src"): "/registry",
        _sysroot(): "/rust",
    }
    rust = [f"--remap-path-prefix={path}={name}" for path, name in mapped.items()]
    c = [f"-ffile-prefix-map={path}={name}" for path, name in mapped.items()]
    changed = {
        # Takes the place of RUSTFLAGS and of every rustflags in a configuration file. \x1f allows spaces in a path.
        "CARGO_ENCODED_RUSTFLAGS": "\x1f".join(rust),
        f"CFLAGS_{triple.replace('-', '_')}": shlex.join(c),
        # A path may hold a space: then the flags are split as a shell would.
        "CC_SHELL_ESCAPED_FLAGS": "1",
        "CARGO_TARGET_DIR": str(target),
        "CARGO_INCREMENTAL": "0",
        "SOURCE_DATE_EPOCH": "0",
    }
    dropped = ("RUSTFLAGS", "CFLAGS", "CXXFLAGS", "LDFLAGS", "TARGET_CFLAGS", "RUSTC_BOOTSTRAP")
    return {name: value for name, value in os.environ.items() if name not in dropped} | changed


def toolchain() -> str:
    """The compiler's version: another one builds other bytes."""
    return subprocess.run(["rustc", "--version"], check=True, capture_output=True, text=True).stdout.strip()


def _require(triple: str) -> None:
    for tool in ("cargo", "rustc", "cargo-zigbuild"):
        if shutil.which(tool) is None:
            raise InfraError(tool, "is not on PATH", "install Rust with rustup; the rest comes with infra/package")
    if not (Path(_sysroot()) / "lib" / "rustlib" / triple / "lib").is_dir():
        raise InfraError(triple, "Rust's library for it is not installed", f"run `rustup target add {triple}`")


def _sysroot() -> str:
    return subprocess.run(["rustc", "--print", "sysroot"], check=True, capture_output=True, text=True).stdout.strip()
