"""`sam validate --lint`: what is deployed, before it is transformed."""

from __future__ import annotations

from pathlib import Path

from ..layout import in_repository
from ..rules.problem import Problem
from ..samples import REGION
from .process import SAM_ENVIRONMENT, run


def check(template: Path, folder: Path) -> list[Problem]:
    """What it finds in a SAM template. With --lint it asks AWS nothing."""
    result = run(
        [SAM_ENVIRONMENT / "sam", "validate", "--lint", "--template-file", template, "--region", REGION], folder
    )
    if result.returncode == 0:
        return []
    said = [line.strip() for line in (result.stdout + result.stderr).splitlines() if line.strip()]
    return [Problem(in_repository(template), " ".join(said)[-600:], "correct the template")]
