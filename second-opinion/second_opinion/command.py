"""The command `firebreak`, as people run it."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any, Final

from .cloud import Cloud
from .errors import SecondOpinionError

_LIMIT: Final = 120
"""Seconds."""


class CommandFailed(SecondOpinionError):
    """It ended with an exit code that it should not have."""


class Command:
    """The binary, against one deployment."""

    def __init__(self, binary: Path, cloud: Cloud) -> None:
        self._binary = binary
        self._environment = cloud.environment()

    def run(self, *arguments: str, allowed: tuple[int, ...] = (0,)) -> str:
        """Its standard output."""
        command = [str(self._binary), *arguments]
        done = subprocess.run(
            command, env=self._environment, capture_output=True, text=True, timeout=_LIMIT, stdin=subprocess.DEVNULL
        )
        if done.returncode not in allowed:
            said = (done.stderr or done.stdout).strip()
            raise CommandFailed(f"firebreak {' '.join(arguments)}: exit code {done.returncode}: {said[-600:]}")
        return done.stdout

    def json(self, *arguments: str, allowed: tuple[int, ...] = (0,)) -> Any:
        """The same, parsed."""
        return json.loads(self.run(*arguments, "--json", allowed=allowed))
