"""The values of a template's parameters: from parameters.toml, from the outputs of stacks before, and the external id."""

from __future__ import annotations

import json
import os
from typing import Any, Final

from .. import environments, layout
from ..errors import InfraError
from ..parameters import Parameters
from . import examples, outputs, tools
from .settings import Settings

_ARCHITECTURE: Final = "LambdaArchitecture"
_HOME_REGION: Final = "HomeRegion"
_EXTERNAL_ID: Final = "ExternalId"
_SHORTEST: Final = 16


def template(environment: str, name: str) -> dict[str, Any]:
    """The rendered template."""
    file = layout.output_folder(environment) / f"{name}.json"
    if not file.is_file():
        raise InfraError(layout.in_repository(file), "is not rendered", f"run infra/render --environment {environment}")
    content: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return content


def of(settings: Settings, name: str, declared: dict[str, Any], architecture: str) -> dict[str, str]:
    """Every value to give, held to what the template asks of it."""
    earlier = {key: value for key, value in outputs.known(settings.environment).items() if key in declared}
    examples.refuse(settings.environment, name, set(earlier))
    given = environments.parameters(settings.environment, name, set(declared))
    if _EXTERNAL_ID in given:
        raise InfraError(f"{name}.{_EXTERNAL_ID}", "does not belong into a file", f"set {tools.EXTERNAL_ID} instead")
    # What a stack answered is newer than what was written down from it. Defaults are given too: sam and CloudFormation do not
    # mean the same by a parameter that is left out.
    defaults = {key: str(about["Default"]) for key, about in declared.items() if "Default" in about}
    values = defaults | {key: str(value) for key, value in given.items()} | earlier
    own = {_ARCHITECTURE: architecture, _HOME_REGION: settings.home_region}
    values |= {key: value for key, value in own.items() if key in declared}
    if _EXTERNAL_ID in declared:
        values[_EXTERNAL_ID] = external_id()
    try:
        Parameters(declared, values)
    except InfraError as error:
        where = f"infra/environments/{settings.environment}/parameters.toml"
        raise InfraError(where, f"{name}: {error}", _meaning(declared, str(error))) from error
    return values


def as_list(values: dict[str, str]) -> list[dict[str, str]]:
    """As CloudFormation's API takes them."""
    return [{"ParameterKey": name, "ParameterValue": value} for name, value in sorted(values.items())]


def external_id() -> str:
    """The external id, which only ever is in the environment."""
    value = os.environ.get(tools.EXTERNAL_ID, "")
    if len(value) < _SHORTEST:
        has = "is not set" if not value else f"has fewer than {_SHORTEST} characters"
        raise InfraError(tools.EXTERNAL_ID, has, "make one with `openssl rand -hex 16` and keep it where your secrets are")
    return value


def _meaning(declared: dict[str, Any], error: str) -> str:
    """What the template says about the parameter that an error is about."""
    name = error.removeprefix("Parameters.").split(":", 1)[0]
    return str(declared.get(name, {}).get("Description", ""))
