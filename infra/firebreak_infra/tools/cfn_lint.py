"""cfn-lint: resource schemas, references, IAM, and the state machine, which it sees only when it is inlined."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..layout import REPOSITORY, in_repository
from ..rules.problem import Problem
from .process import SAM_ENVIRONMENT, ToolMissing, run


def check(templates: Sequence[Path], folder: Path) -> dict[Path, list[Problem]]:
    """What it finds, by template. One process for all of them: loading its schemas takes longest."""
    command: list[str | Path] = [
        SAM_ENVIRONMENT / "cfn-lint",
        "--format",
        "json",
        "--regions",
        "eu-central-1",
        "--",
        *templates,
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
        if _is_about_the_partition(finding):
            continue
        found[_template(finding["Filename"], templates)].append(_problem(finding))
    return found


def _is_about_the_partition(finding: dict[str, Any]) -> bool:
    """Its schema of a state machine takes `arn:aws:` only, and no other partition could deploy that."""
    return finding["Rule"]["Id"] == "E3601" and str(finding["Message"]).startswith("'arn:${Partition}:states:::")


def _template(name: str, templates: Sequence[Path]) -> Path:
    return next(
        template for template in templates if str(template) == name or template.resolve() == Path(name).resolve()
    )


def _problem(finding: dict[str, Any]) -> Problem:
    path = finding["Location"].get("Path") or []
    where = f"{in_repository(REPOSITORY / finding['Filename'])} {'/'.join(map(str, path))}"
    return Problem(where, f"{finding['Rule']['Id']} {finding['Message']}", f"see {finding['Rule']['Source']}")
