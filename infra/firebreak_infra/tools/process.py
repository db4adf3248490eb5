"""Runs a tool where it can reach nobody: no credentials, no home, every proxy a closed port."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from ..layout import REPOSITORY
from ..samples import REGION

_CLOSED: Final = "http://127.0.0.1:9"
"""The discard port. Whatever would phone home fails here instead."""
SAM_ENVIRONMENT: Final = REPOSITORY / ".venv" / "sam" / "bin"
"""Where `local/install` puts the SAM CLI and cfn-lint."""
NODE: Final = REPOSITORY / ".venv" / "bin" / "node"


class ToolMissing(Exception):
    """A tool is not installed, or failed in a way that says nothing about the templates."""


def run(command: Sequence[str | Path], folder: Path) -> subprocess.CompletedProcess[str]:
    """Runs a tool to its end. `folder`: where it may keep what it likes."""
    if not Path(command[0]).exists():
        raise ToolMissing(f"{command[0]} is not there; run 'make install'")
    folder.mkdir(parents=True, exist_ok=True)
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "AWS_ACCESS_KEY_ID": "none",
        "AWS_SECRET_ACCESS_KEY": "none",
        "AWS_DEFAULT_REGION": REGION,
        "AWS_EC2_METADATA_DISABLED": "true",
        "SAM_CLI_TELEMETRY": "0",
        "__SAM_CLI_APP_DIR": str(folder),
        "PYTHONDONTWRITEBYTECODE": "1",
        **dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"), _CLOSED),
    }
    return subprocess.run([str(part) for part in command], env=environment, capture_output=True, text=True, check=False)
