"""What a stack answered, kept for the stacks that are deployed after it: target/infra/<environment>/outputs.json.

The file saves typing and holds no secret. Without it the same values go into parameters.toml.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from .. import layout


def known(environment: str) -> dict[str, str]:
    """Every output of every stack that was deployed from here, by its name."""
    return {name: value for stack in _read(_file(environment)).values() for name, value in stack.items()}


def keep(environment: str, template: str, outputs: dict[str, str]) -> None:
    """Remembers a stack's outputs."""
    file = _file(environment)
    everything = _read(file) | {template: outputs}
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(everything, indent=2, sort_keys=True) + "\n", encoding="utf-8")


def forget(environment: str) -> None:
    """When the stacks go, what they answered is true no longer."""
    _file(environment).unlink(missing_ok=True)


def of(stack: dict[str, Any]) -> dict[str, str]:
    """The outputs in an answer of DescribeStacks."""
    return {output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", [])}


def _file(environment: str) -> Path:
    return layout.output_folder(environment) / "outputs.json"


def _read(file: Path) -> dict[str, dict[str, str]]:
    if not file.is_file():
        return {}
    content: dict[str, dict[str, str]] = json.loads(file.read_text(encoding="utf-8"))
    return content
