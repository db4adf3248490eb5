"""What would be left contained with nobody to release it: the reason to refuse."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from dataclasses import dataclass
from typing import Any, Final

from .. import layout
from ..deploy.settings import Settings
from ..errors import InfraError

_MOST: Final = 1000
"""As many as the command lists."""
_OPEN: Final = ("triaged", "containing", "awaiting-review")
_UNFINISHED: Final = "failed"
_KEPT: Final = "closed"


@dataclass(frozen=True)
class Incidents:
    """Ids by what they mean for a removal."""

    open: list[str]
    """Somebody has to answer, or Firebreak is at work."""
    unfinished: list[str]
    """Firebreak gave up; what it had contained still is."""
    kept: list[str]
    """Approved: contained until somebody undoes it by hand."""
    complete: bool
    """Whether these are all there are."""


def read(settings: Settings) -> Incidents:
    """Asks the ledger, with the command `firebreak` and the security account's credentials."""
    command = [_firebreak(), "incidents", "--json", "--limit", str(_MOST)]
    environment = dict(os.environ) | {"AWS_REGION": settings.home_region}
    if profile := settings.profiles.get(settings.accounts["security-account"]):
        environment["AWS_PROFILE"] = profile
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    if done.returncode != 0:
        reason = " ".join(done.stderr.split()) or f"exit code {done.returncode}"
        raise InfraError("firebreak incidents", reason, "without the ledger nobody knows what is contained; FORCE=1 skips this")
    records: list[dict[str, Any]] = json.loads(done.stdout or "[]")

    def ids(*statuses: str) -> list[str]:
        return [str(record["id"]) for record in records if record["status"] in statuses]

    return Incidents(ids(*_OPEN), ids(_UNFINISHED), ids(_KEPT), len(records) < _MOST)


def _firebreak() -> str:
    own = layout.REPOSITORY / "target" / "debug" / "firebreak"
    if found := shutil.which("firebreak"):
        return found
    if os.access(own, os.X_OK):
        return str(own)
    raise InfraError("firebreak", "is neither on PATH nor built", "make build")
