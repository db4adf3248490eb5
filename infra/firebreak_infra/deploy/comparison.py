"""A template's values beside those that the stack has: what changes is shown, and nothing becomes empty unasked."""

from __future__ import annotations

import os
from typing import Any, Final

from ..errors import InfraError

CLEAR: Final = "CLEAR"
"""The variable that names the parameters which may become empty, with commas between them."""


def of(found: dict[str, Any] | None) -> dict[str, str]:
    """The values of a stack or StackSet, as AWS describes it. Secret ones are stars."""
    parameters = (found or {}).get("Parameters", [])
    return {entry["ParameterKey"]: entry.get("ParameterValue", "") for entry in parameters}


def refuse_emptied(template: str, present: dict[str, str], values: dict[str, str]) -> None:
    """Raises for a value that would be lost. An empty one switches something off, and is easily a forgotten one."""
    wanted = [name.strip() for name in os.environ.get(CLEAR, "").split(",")]
    for name, value in sorted(values.items()):
        if present.get(name) and not value and name not in wanted:
            raise InfraError(
                f"{template}.{name}",
                f"is {present[name]} now and would become empty",
                f"put it into parameters.toml, or {CLEAR}={name} if that is meant",
            )


def rows(declared: dict[str, Any], present: dict[str, str], values: dict[str, str]) -> list[tuple[str, str]]:
    """Names and values for people: now -> then where they differ, and no secret."""
    return [(name, _row(declared[name], present.get(name), value)) for name, value in sorted(values.items())]


def _row(about: dict[str, Any], now: str | None, then: str) -> str:
    if str(about.get("NoEcho", "")).lower() == "true":
        return "***"
    return then if now is None or now == then else f"{now or '(empty)'} -> {then or '(empty)'}"
