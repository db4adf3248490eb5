"""A template's parameters and the values they get, held to what the template asks of them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from .errors import InfraError


class Parameters(Mapping[str, Any]):
    """Values by name, defaults included. Raises InfraError for one that is missing, unknown or not allowed."""

    def __init__(self, declared: Mapping[str, Any], given: Mapping[str, Any]) -> None:
        self._declared = declared
        for name in given:
            if name not in declared:
                raise InfraError(f"Parameters.{name}", "a value is given, but there is no such parameter", "remove it")
        self._values: dict[str, Any] = {}
        for name, declaration in declared.items():
            if name in given:
                self._values[name] = given[name]
            elif "Default" in declaration:
                self._values[name] = declaration["Default"]
            else:
                raise InfraError(f"Parameters.{name}", "has neither a value nor a default", "give a value")
            self._check(name, declaration)

    def value(self, name: str) -> Any:
        """What Ref gives: a list for a list type, a number for a number."""
        value, kind = self._values[name], str(self._declared[name].get("Type", "String"))
        if kind == "CommaDelimitedList" or kind.startswith("List<"):
            items = value if isinstance(value, list) else str(value).split(",")
            return [str(item).strip() for item in items]
        if kind == "Number":
            return float(value) if "." in str(value) else int(value)
        return str(value)

    def _check(self, name: str, declaration: Mapping[str, Any]) -> None:
        value, where = self.value(name), f"Parameters.{name}"
        allowed = declaration.get("AllowedValues")
        if allowed is not None and str(value) not in map(str, allowed):
            raise InfraError(where, f"{self._shown(name)} is not allowed", f"take one of {', '.join(map(str, allowed))}")
        for item in value if isinstance(value, list) else [str(value)]:
            shape = declaration.get("AllowedPattern")
            if shape is not None and not re.fullmatch(shape, item):
                raise InfraError(where, f"{self._shown(name)} has not the form {shape}", "correct the value")
            if not int(declaration.get("MinLength", 0)) <= len(item) <= int(declaration.get("MaxLength", len(item))):
                raise InfraError(where, f"{self._shown(name)} is too short or too long", "correct the value")
        if isinstance(value, (int, float)):
            if not float(declaration.get("MinValue", value)) <= value <= float(declaration.get("MaxValue", value)):
                raise InfraError(where, f"{value} is too low or too high", "correct the value")

    def _shown(self, name: str) -> str:
        # A secret must not reach a log.
        secret = str(self._declared[name].get("NoEcho", "")).lower() == "true"
        return "the value" if secret else repr(self._values[name])

    def __getitem__(self, name: str) -> Any:
        return self._values[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)
