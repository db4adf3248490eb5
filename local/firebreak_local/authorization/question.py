"""A call as it arrives, and the questions it is to IAM."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

PARTITION: Final = "aws"

Context = dict[str, str | list[str]]
"""Condition keys and their values, of those that depend on the request or the resource."""


class UnknownOperation(Exception):
    """An operation whose actions and resources nobody has written down."""


@dataclass(frozen=True)
class ApiCall:
    """A call to AWS, as far as IAM cares."""

    service: str
    operation: str
    params: Mapping[str, Any]
    headers: Mapping[str, str]
    """Names in small letters."""
    account: str
    """The caller's."""
    region: str

    def text(self, name: str) -> str:
        """A parameter that has to be there."""
        return str(self.params[name])

    def listed(self, prefix: str) -> list[str]:
        """The values of `prefix.1`, `prefix.2` and so on, in order."""
        found: list[str] = []
        while (value := self.params.get(f"{prefix}.{len(found) + 1}")) is not None:
            found.append(str(value))
        return found


@dataclass(frozen=True)
class Question:
    """One action on one resource. A call is allowed when all its questions are answered with yes."""

    action: str
    resource: str
    owner: str
    """The account the resource belongs to."""
    context: Context = field(default_factory=dict)


def resource_tags(tags: Mapping[str, str], *services: str) -> Context:
    """The tags a resource has at this moment, under `aws:` and the services' own keys."""
    # A copy: another call may be changing them.
    now = dict(tags)
    return {f"{front}:ResourceTag/{key}": value for front in ("aws", *services) for key, value in now.items()}


def request_tags(tags: Mapping[str, str]) -> Context:
    """The tags a request wants to write."""
    if not tags:
        return {}
    keys: Context = {"aws:TagKeys": sorted(tags)}
    return keys | {f"aws:RequestTag/{key}": value for key, value in tags.items()}
