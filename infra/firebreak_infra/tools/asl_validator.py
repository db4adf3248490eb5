"""asl-validator: the graph of a state machine. Missing targets, unreachable states, unknown fields."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from ..layout import REPOSITORY
from ..rules.problem import Problem
from .partitioned import copies
from .process import NODE, ToolMissing, run


def check(definitions: Sequence[Path], folder: Path) -> dict[Path, list[Problem]]:
    """What it finds, by definition."""
    validator = REPOSITORY / "state-machine" / "validator" / "node_modules" / ".bin" / "asl-validator"
    if not validator.exists():
        raise ToolMissing(f"{validator} is not there; run 'make install'")
    given = copies(definitions, folder)
    paths = [argument for file in given.values() for argument in ("--json-path", file)]
    result = run([NODE, validator, *paths], folder)
    if result.returncode not in (0, 1):
        raise ToolMissing(f"asl-validator: {result.stderr.strip()[-300:]}")
    lines = (result.stdout + result.stderr).splitlines()
    return {definition: _problems(file, lines) for definition, file in given.items()}


def _problems(definition: Path, lines: Sequence[str]) -> list[Problem]:
    said: list[str] = []
    mine = False
    for line in lines:
        if re.search(r"\.json\b", line):
            mine = str(definition) in line
        if mine and line.strip():
            said.append(line.strip())
    invalid = any("invalid" in line.lower() for line in said)
    return [Problem(f"state machine {definition.name}", " ".join(said)[:600], "correct the definition")] if invalid else []
