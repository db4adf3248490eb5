"""Where an environment is deployed: account numbers and the table `deployment` of its parameters.toml."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from .. import layout
from ..errors import InfraError

_ACCOUNT: Final = re.compile(r"\d{12}")
_UNIT: Final = re.compile(r"r-[a-z0-9]{4,32}|ou-[a-z0-9]{4,32}-[a-z0-9]{8,32}")
_REGION: Final = re.compile(r"[a-z]{2}(-[a-z]+)+-\d")
_ADMINISTRATORS: Final = {"management": "SELF", "security": "DELEGATED_ADMIN"}
"""Who may administer StackSets, and what CallAs then is."""


@dataclass(frozen=True)
class Settings:
    """Accounts, Regions and who administers StackSets."""

    environment: str
    home_region: str
    forwarded_regions: tuple[str, ...]
    accounts: dict[str, str]
    """Account number by template; for StackSets of the account that administers them."""
    profiles: dict[str, str]
    """AWS_PROFILE by account number; empty: whatever the environment has."""
    organizational_units: tuple[str, ...]
    call_as: str
    artifact_bucket: str
    """Where sam puts packages; empty: the bucket it makes for itself."""

    def regions(self, template: str) -> tuple[str, ...]:
        """Where a StackSet has its stacks, in order: roles are global and need one Region, rules are in every one."""
        others = [region for region in self.forwarded_regions if region != self.home_region]
        return (self.home_region, *others) if template == "forwarder" else (self.home_region,)


def file(environment: str) -> Path:
    """The parameter file."""
    path = layout.ENVIRONMENTS / environment / "parameters.toml"
    if not path.is_file():
        raise InfraError(layout.in_repository(path), "no such file", "take dev, test or prod")
    return path


def read(environment: str) -> Settings:
    """The settings, or an InfraError that names what is missing."""
    path = file(environment)
    where = layout.in_repository(path)
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise InfraError(where, str(error), "correct the TOML") from error
    table = content.get("deployment", {})
    names = ("security", "forensics", "management")
    numbers = {name: _text(where, content, f"{name.title()}AccountId", _ACCOUNT) for name in names}
    administrator = table.get("stack_sets_from", "management")
    if administrator not in _ADMINISTRATORS:
        raise InfraError(where, f"stack_sets_from is {administrator!r}", "take management or security")
    return Settings(
        environment=environment,
        home_region=_text(where, table, "home_region", _REGION),
        forwarded_regions=_texts(where, table, "forwarded_regions", _REGION),
        accounts={
            "forensics-account": numbers["forensics"],
            "management-account": numbers["management"],
            "security-account": numbers["security"],
            "member-account": numbers[administrator],
            "forwarder": numbers[administrator],
        },
        profiles={numbers[name]: table.get(f"{name}_profile", "") for name in names},
        organizational_units=_texts(where, table, "organizational_unit_ids", _UNIT),
        call_as=_ADMINISTRATORS[administrator],
        artifact_bucket=table.get("artifact_bucket", ""),
    )


def _text(where: str, table: dict[str, Any], name: str, form: re.Pattern[str]) -> str:
    value = table.get(name)
    if not isinstance(value, str) or not form.fullmatch(value):
        raise InfraError(where, f"{name} is {value!r}" if name in table else f"there is no {name}", f"form: {form.pattern}")
    return value


def _texts(where: str, table: dict[str, Any], name: str, form: re.Pattern[str]) -> tuple[str, ...]:
    values = table.get(name, [])
    if not isinstance(values, list) or not all(isinstance(value, str) and form.fullmatch(value) for value in values):
        raise InfraError(where, f"{name} is {values!r}", f"a list; form of each: {form.pattern}")
    return tuple(values)
