"""Reads what each function declares about itself: functions/<name>/function.toml (functions/README.md has its fields)."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Final

from .errors import InfraError
from .layout import FUNCTIONS, in_repository

TRIGGERS: Final = ("event-rule", "state-machine", "queue", "command")
ACCOUNTS: Final = ("members", "management")
CONTAINS: Final = (None, "automatic", "after-approval")
FILE: Final = "function.toml"


@dataclass(frozen=True)
class MemberRole:
    """A role outside the security account that the function works with."""

    name: str
    description: str
    policy: str
    """The file of its permissions, from the repository's root."""
    account: str
    """`members`: in every member account. `management`: in the management account."""


@dataclass(frozen=True)
class Function:
    """One folder of functions/."""

    name: str
    description: str
    trigger: str
    timeout_seconds: int
    contains: str | None = None
    """Of a containment: `automatic` or `after-approval`. The domain declares what it does."""
    carries_out: str | None = None
    """The containment of which it carries out a level: the domain declares which."""
    memory_mb: int | None = None
    layers: tuple[str, ...] = ()
    environment: dict[str, str] = field(default_factory=dict)
    """Values as a template writes them: `!Ref ExternalId`."""
    stolen: dict[str, str] = field(default_factory=dict)
    """What a thief of its role cannot and can do, for docs/threat-model.md."""
    member_roles: tuple[MemberRole, ...] = ()
    also_assumes: tuple[str, ...] = ()
    """Member roles that another function declares."""
    dead_letters: bool = False
    """Events that it failed at go to a queue of its own."""

    @property
    def is_called_for_targets(self) -> bool:
        """The state machine calls it by the name that a decision leads to."""
        return self.contains is not None or self.carries_out is not None

    @property
    def words(self) -> str:
        """`quarantine-iam` as `QuarantineIam`."""
        return "".join(word.capitalize() for word in self.name.split("-"))

    @property
    def has_url(self) -> bool:
        """People call it: at a URL, where IAM says who they are."""
        return self.trigger == "command"

    @property
    def role(self) -> str:
        """The name of its own role."""
        return f"Firebreak{self.words}"


@cache
def functions() -> tuple[Function, ...]:
    """Every function, by name."""
    return tuple(_read(folder / FILE) for folder in sorted(FUNCTIONS.iterdir()) if folder.is_dir())


@cache
def member_roles() -> dict[str, tuple[MemberRole, tuple[Function, ...]]]:
    """Every member role by name, with the functions that may assume it. The one that declares it comes first."""
    declared = {role.name: (role, function) for function in functions() for role in function.member_roles}
    for function in functions():
        for name in set(function.also_assumes) - set(declared):
            where = in_repository(FUNCTIONS / function.name / FILE)
            raise InfraError(where, f"also_assumes has {name}", "no function declares such a member role")
    also = {name: [function for function in functions() if name in function.also_assumes] for name in declared}
    return {name: (role, (function, *also[name])) for name, (role, function) in declared.items()}


def _read(file: Path) -> Function:
    where = in_repository(file)
    try:
        content = tomllib.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise InfraError(where, "is missing", "copy the one of a neighbour") from error
    except tomllib.TOMLDecodeError as error:
        raise InfraError(where, str(error), "correct the TOML") from error
    try:
        function = _function(file.parent.name, content)
    except TypeError as error:
        # The dataclass says which field is missing or unknown.
        raise InfraError(where, str(error).split("() ", 1)[-1], "functions/README.md has the fields") from error
    for name, value, known in (
        ("trigger", function.trigger, TRIGGERS),
        ("contains", function.contains, CONTAINS),
        *((f"account of {role.name}", role.account, ACCOUNTS) for role in function.member_roles),
    ):
        if value not in known:
            raise InfraError(where, f"{name} is {value!r}", f"known are {', '.join(filter(None, known))}")
    if function.carries_out is not None and not (FUNCTIONS / function.carries_out / FILE).is_file():
        raise InfraError(where, f"carries_out is {function.carries_out!r}", "name a folder of functions/")
    if not isinstance(function.timeout_seconds, int) or not 1 <= function.timeout_seconds <= 900:
        raise InfraError(where, f"timeout_seconds is {function.timeout_seconds!r}", "Lambda takes 1 to 900")
    return function


def _function(name: str, content: dict[str, Any]) -> Function:
    roles = tuple(
        MemberRole(**{**role, "policy": f"functions/{name}/{role.get('policy', '')}"})
        for role in content.pop("member_roles", [])
    )
    lists = {key: tuple(content.pop(key)) for key in ("layers", "also_assumes") if key in content}
    return Function(name=name, member_roles=roles, **lists, **content)
