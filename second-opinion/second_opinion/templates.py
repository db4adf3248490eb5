"""The templates as `make deploy` renders them, with the parameters of the environment `test`."""

from __future__ import annotations

import json
import platform
import subprocess
from pathlib import Path
from typing import Any

from firebreak_infra import environments, layout
from firebreak_infra.parameters import Parameters

from . import names
from .errors import SecondOpinionError

Json = dict[str, Any]


class NotRendered(SecondOpinionError):
    """A template's source is wrong, or .venv is not installed."""


def architecture() -> str:
    """This machine's processor, in Lambda's words: the packages run on it."""
    return "arm64" if platform.machine() in ("aarch64", "arm64") else "x86_64"


def render(folder: Path) -> None:
    """Renders all of them into a folder."""
    command = [str(names.REPOSITORY / "infra" / "render"), "--environment", names.ENVIRONMENT]
    command += ["--architecture", architecture(), "--out", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        raise NotRendered(done.stderr.strip() or "infra/render failed")


def load(folder: Path, name: str) -> Json:
    """A template as CloudFormation gets it: the SAM one is transformed, as AWS does before it deploys."""
    file = folder / ("transformed" if name == layout.SAM_TEMPLATE else ".") / f"{name}.json"
    return dict(json.loads(file.read_text(encoding="utf-8")))


def resolved(folder: Path, name: str) -> Json:
    """A template with sample values in place of every reference."""
    return dict(json.loads((folder / "resolved" / f"{name}.json").read_text(encoding="utf-8")))


def values(template: str, declared: Json, given: dict[str, str]) -> dict[str, str]:
    """A template's parameters: the environment's, and what is given in their place; held to what the template asks."""
    own = environments.parameters(names.ENVIRONMENT, template, set(declared))
    everything = {name: str(value) for name, value in own.items()} | given
    chosen = {name: value for name, value in everything.items() if name in declared}
    Parameters(declared, chosen)
    return chosen
