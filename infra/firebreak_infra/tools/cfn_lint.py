"""cfn-lint: resource schemas, references, IAM, and the state machine, which it sees only when it is inlined."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..layout import REPOSITORY, in_repository
from ..rules.problem import Problem
from .partitioned import copies
from .process import SAM_ENVIRONMENT, ToolMissing, run


def check(templates: Sequence[Path], folder: Path) -> dict[Path, list[Problem]]:
    """What it finds, by template. One process for all of them: loading its schemas takes longest."""
    given = copies(templates, folder)
    command: list[str | Path] = [
        SAM_ENVIRONMENT / "cfn-lint",
        "--format",
        "json",
        "--regions",
        "eu-central-1",
        "--",
        *given.values(),
    ]
    result = run(command, folder)
    try:
        findings: list[dict[str, Any]] = json.loads(result.stdout or "[]")
    except json.JSONDecodeError as error:
        raise ToolMissing(f"cfn-lint: {(result.stderr or result.stdout).strip()[-300:]}") from error
    if result.returncode and not findings:
        raise ToolMissing(f"cfn-lint: {result.stderr.strip()[-300:]}")
    found: dict[Path, list[Problem]] = {template: [] for template in templates}
    for finding in findings:
        template = _template(finding["Filename"], given)
        found[template].append(_problem(finding, template))
    return found


def _template(name: str, given: Mapping[Path, Path]) -> Path:
    return next(template for template, file in given.items() if file.resolve() == Path(name).resolve())


def _problem(finding: dict[str, Any], template: Path) -> Problem:
    path = finding["Location"].get("Path") or []
    where = f"{in_repository(REPOSITORY / template)} {'/'.join(map(str, path))}"
    return Problem(where, f"{finding['Rule']['Id']} {finding['Message']}", f"see {finding['Rule']['Source']}")
