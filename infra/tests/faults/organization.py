"""The organization's policies: how large they are, and how many."""

from __future__ import annotations

from typing import Final

from firebreak_infra.rules.documents import MANAGEMENT, Json, Sources

from .fault import Fault, properties

_RCP: Final = "RESOURCE_CONTROL_POLICY"


def _document(characters: int) -> str:
    """A policy's text of so many characters."""
    empty = '{"Version":"2012-10-17","Statement":[{"Sid":"","Effect":"Deny","Principal":"*","Action":"sts:*","Resource":"*"}]}'
    return empty.replace('"Sid":""', f'"Sid":"{"x" * (characters - len(empty))}"')


def _add(sources: Sources, count: int, kind: str, characters: int = 200) -> None:
    """More policies of a type."""
    for number in range(count):
        planted: Json = {"Name": f"Planted{number}", "Type": kind, "Content": _document(characters), "TargetIds": []}
        body = {"Type": "AWS::Organizations::Policy", "Properties": planted}
        sources.templates[MANAGEMENT]["Resources"][f"Planted{number}"] = body


def _large_guard(sources: Sources) -> None:
    guard = properties(sources, MANAGEMENT, "AWS::Organizations::Policy", Name="FirebreakGuard")
    guard["Content"] = _document(10_241)


FAULTS: Final = [
    Fault("a guard that is too large", "organization_policies", "has 10,241 characters", _large_guard),
    Fault(
        "a resource control policy as large as a service control policy may be",
        "organization_policies",
        "a RESOURCE_CONTROL_POLICY may have 5,120",
        lambda s: _add(s, 1, _RCP, 5_121),
    ),
    Fault(
        "more service control policies than a root takes",
        "organization_policies",
        "beside AWS's own a target takes 9",
        lambda s: _add(s, 8, "SERVICE_CONTROL_POLICY"),
    ),
    Fault(
        "more resource control policies than a root takes",
        "organization_policies",
        "beside AWS's own a target takes 4",
        lambda s: _add(s, 5, _RCP),
    ),
    Fault(
        "a policy of a type whose limits nobody wrote down",
        "organization_policies",
        "is not known here",
        lambda s: _add(s, 1, "TAG_POLICY"),
    ),
]
