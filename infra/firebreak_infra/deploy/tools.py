"""Runs `aws` and `sam`. Values go to them in files that only this user can read, never as arguments that others can list.

What they print is passed on without the external id.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from .. import layout
from ..errors import InfraError

EXTERNAL_ID: Final = "FIREBREAK_EXTERNAL_ID"
_MANUAL: Final = "https://docs.aws.amazon.com/cli/latest/userguide/getting-started-install.html"


class AwsError(InfraError):
    """AWS, or the CLI, refused a call."""


@dataclass(frozen=True)
class Tools:
    """The two tools, with one account's credentials and one Region."""

    region: str
    profile: str = ""

    def aws(self, service: str, operation: str, values: dict[str, Any] | None = None) -> dict[str, Any]:
        """One call; its answer."""
        with private_file("input.json", json.dumps(values or {})) as file:
            command = [_aws(), service, operation, "--cli-input-json", f"file://{file}"]
            command += ["--region", self.region, "--output", "json"]
            done = subprocess.run(command, env=self._environment(), capture_output=True, text=True)
        if done.returncode != 0:
            reason = " ".join(redacted(done.stderr).split()) or f"exit code {done.returncode}"
            raise AwsError(f"aws {service} {operation}", reason)
        answer: dict[str, Any] = json.loads(done.stdout) if done.stdout.strip() else {}
        return answer

    def sam(self, arguments: list[str]) -> str:
        """Runs sam and returns what it printed."""
        command = [_sam(), *arguments, "--region", self.region]
        done = subprocess.run(command, env=self._environment(), capture_output=True, text=True)
        if done.returncode != 0:
            lines = redacted(done.stdout + done.stderr).strip().splitlines()
            raise AwsError(f"sam {arguments[0]}", "\n" + "\n".join(lines[-15:]))
        return done.stdout + done.stderr

    def _environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if name != EXTERNAL_ID}
        if self.profile:
            kept["AWS_PROFILE"] = self.profile
        return kept | {"AWS_PAGER": "", "SAM_CLI_TELEMETRY": "0"}


def redacted(text: str) -> str:
    """The text without the external id."""
    secret = os.environ.get(EXTERNAL_ID, "")
    return text.replace(secret, "***") if secret else text


@contextmanager
def private_file(name: str, content: str) -> Iterator[Path]:
    """A file that only this user can read, and that is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="firebreak-") as folder:
        path = Path(folder) / name
        with open(os.open(path, os.O_CREAT | os.O_WRONLY | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
            file.write(content)
        yield path


def require(sam: bool) -> None:
    """Says what to install before anything else happens."""
    _aws()
    if sam:
        _sam()


def _aws() -> str:
    if path := shutil.which("aws"):
        return path
    raise InfraError("aws", "is not on PATH", f"install the AWS CLI, version 2: {_MANUAL}")


def _sam() -> str:
    own = layout.REPOSITORY / ".venv" / "sam" / "bin" / "sam"
    if found := shutil.which("sam"):
        return found
    if os.access(own, os.X_OK):
        return str(own)
    raise InfraError("sam", "is neither on PATH nor in .venv/sam", "run 'make install'")
