"""A planted fault, and how to reach what it changes: templates as they are deployed, intrinsic functions and all."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from firebreak_infra.rules.documents import FORENSICS, MEMBER, SECURITY, Json, Sources
from firebreak_infra.rules.states import states


@dataclass(frozen=True)
class Fault:
    """One change for the worse."""

    name: str
    caught_by: str
    """A rule of firebreak_infra.rules, or one of the tools."""
    expect: str
    """What the problem must say, so that it is caught for its own reason."""
    plant: Callable[[Sources], object]
    template: str = SECURITY
    """Which template it is in; for the tools, which look at one file at a time."""


def body(sources: Sources, template: str, type: str, **naming: Any) -> Json:
    """The one resource of a type with these properties."""
    found = [
        one
        for one in sources.templates[template]["Resources"].values()
        if one["Type"] == type and all(one["Properties"].get(key) == value for key, value in naming.items())
    ]
    assert len(found) == 1, f"{len(found)} resources {type} {naming} in {template}"
    resource: Json = found[0]
    return resource


def properties(sources: Sources, template: str, type: str, **naming: Any) -> Json:
    """Its properties."""
    inside: Json = body(sources, template, type, **naming)["Properties"]
    return inside


def state(sources: Sources, name: str, machine: str = "incident-response") -> Json:
    """A state of a definition, at whatever depth. The template holds the same definition."""
    [found] = [one.body for one in states(sources.definitions[machine]) if one.name == name]
    return found


def function(sources: Sources, name: str) -> Json:
    """Properties of a function."""
    return properties(sources, SECURITY, "AWS::Lambda::Function", FunctionName=f"firebreak-{name}")


def role(sources: Sources, name: str, template: str = SECURITY) -> Json:
    """Properties of a role."""
    return properties(sources, template, "AWS::IAM::Role", RoleName=name)


def member_trust(sources: Sources, name: str) -> Json:
    """The statement of a member role's trust policy that is about assuming it."""
    statements = role(sources, name, MEMBER)["AssumeRolePolicyDocument"]["Statement"]
    [found] = [one for one in statements if one["Action"] == "sts:AssumeRole"]
    return dict_of(found)


def statement(properties: Json, sid: str) -> Json:
    """A statement of a role's inline policies."""
    [found] = [
        one for policy in properties["Policies"] for one in policy["PolicyDocument"]["Statement"] if one["Sid"] == sid
    ]
    return dict_of(found)


def statements(properties: Json) -> list[Json]:
    """The statements of a role's first inline policy."""
    found: list[Json] = properties["Policies"][0]["PolicyDocument"]["Statement"]
    return found


def bucket(sources: Sources) -> Json:
    """The evidence bucket."""
    return body(sources, FORENSICS, "AWS::S3::Bucket")


def bucket_policy(sources: Sources) -> list[Json]:
    """The statements of its policy."""
    found: list[Json] = properties(sources, FORENSICS, "AWS::S3::BucketPolicy")["PolicyDocument"]["Statement"]
    return found


def dict_of(node: Any) -> Json:
    """For the type checker."""
    assert isinstance(node, dict)
    return node


def without(statements: list[Json], sid: str) -> None:
    """Takes a statement out of a policy."""
    [index] = [index for index, one in enumerate(statements) if one.get("Sid") == sid]
    del statements[index]
