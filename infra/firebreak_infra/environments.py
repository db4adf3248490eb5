"""The parameter files: infra/environments/<environment>/parameters.toml.

A name at the top of the file is for every template that has such a parameter; a table is for the template it names, and
`deployment` for the deployment itself.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Set
from typing import Any, Final

from . import layout
from .errors import InfraError

DEPLOYMENT: Final = "deployment"
"""The table that says how to deploy. It has no parameters."""


def names() -> list[str]:
    """The environments there are."""
    return sorted(folder.name for folder in layout.ENVIRONMENTS.glob("*") if (folder / "parameters.toml").is_file())


def load(environment: str) -> dict[str, Any]:
    """The parameter file of an environment."""
    if environment not in (known := names()):
        raise InfraError(f"environment {environment}", "there is no such environment", f"take one of {', '.join(known)}")
    file = layout.ENVIRONMENTS / environment / "parameters.toml"
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise InfraError(layout.in_repository(file), str(error), "correct the TOML") from error


def parameters(environment: str, template: str, declared: Set[str]) -> dict[str, Any]:
    """An environment's values for the parameters that a template declares."""
    content = load(environment)
    own = content.get(template, {})
    values = {name: value for name, value in content.items() if name in declared} | own
    for name in own:
        if name not in declared:
            raise InfraError(_where(environment), f"{template} has no parameter {name}", "remove or rename it")
    return {name: _text(value) for name, value in values.items()}


def check(environment: str, declared: Mapping[str, Set[str]]) -> None:
    """That every name of the file means something, given the parameters of all templates."""
    everywhere = set().union(*declared.values())
    for name, value in load(environment).items():
        if isinstance(value, dict):
            if name not in declared and name != DEPLOYMENT:
                known = ", ".join((*declared, DEPLOYMENT))
                raise InfraError(_where(environment), f"table {name} is for no template", f"known are {known}")
        elif name not in everywhere:
            raise InfraError(_where(environment), f"no template has a parameter {name}", "remove or rename it")


def _where(environment: str) -> str:
    return layout.in_repository(layout.ENVIRONMENTS / environment / "parameters.toml")


def _text(value: Any) -> Any:
    """As CloudFormation takes it: a truth value is `true` or `false`, a list is joined with commas."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return ",".join(map(str, value))
    return value
