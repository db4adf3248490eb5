"""Reading IAM: which statements a role has, and what a pattern of IAM's matches."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from .documents import Documents, Json, Resource


@dataclass(frozen=True)
class Statement:
    """One statement of a policy."""

    resource: Resource
    """The resource of the template that carries the policy."""
    body: Json

    @property
    def sid(self) -> str:
        return str(self.body.get("Sid", "(no Sid)"))

    @property
    def allows(self) -> bool:
        return self.body.get("Effect") == "Allow"

    @property
    def actions(self) -> list[str]:
        return as_list(self.body.get("Action"))

    @property
    def resources(self) -> list[str]:
        return as_list(self.body.get("Resource"))

    @property
    def where(self) -> str:
        return f"{self.resource.where} {self.sid}"

    def principals(self, kind: str) -> list[str]:
        """The principals of a kind; `"Principal": "*"` is the same as `{"AWS": "*"}`."""
        principal = self.body.get("Principal") or {}
        return as_list({"AWS": principal}.get(kind) if isinstance(principal, str) else principal.get(kind))

    def condition(self, key: str, *operators: str) -> list[str]:
        """The values of a condition key under these operators (all without), keys without regard to case as in IAM."""
        found: list[str] = []
        for operator, keys in (self.body.get("Condition") or {}).items():
            if not operators or operator in operators:
                for name, values in keys.items():
                    if name.lower() == key.lower():
                        found += [str(value) for value in as_list(values)]
        return found


def as_list(value: Any) -> list[Any]:
    """IAM takes one value where it takes a list."""
    if value is None:
        return []
    return list(value) if isinstance(value, list) else [value]


def statements_in(resource: Resource, document: Json | None) -> list[Statement]:
    """The statements of a policy document."""
    return [Statement(resource, body) for body in as_list((document or {}).get("Statement"))]


def trust(role: Resource) -> list[Statement]:
    """Who may assume a role."""
    return statements_in(role, role.properties.get("AssumeRolePolicyDocument"))


def role_statements(documents: Documents, role: Resource) -> list[Statement]:
    """What a role may do: its inline policies, and the policies of the template that name it."""
    found: list[Statement] = []
    for policy in role.properties.get("Policies") or []:
        found += statements_in(role, policy["PolicyDocument"])
    name = role.properties.get("RoleName")
    for policy in documents.resources(template=role.template):
        carries = policy.type in ("AWS::IAM::Policy", "AWS::IAM::ManagedPolicy", "AWS::IAM::RolePolicy")
        holders = [*as_list(policy.properties.get("Roles")), policy.properties.get("RoleName")]
        if carries and name in holders:
            found += statements_in(policy, policy.properties["PolicyDocument"])
    return found


def roles(documents: Documents, template: str | None = None) -> Iterator[tuple[str, Resource]]:
    """Roles, with their names."""
    yield from documents.named("AWS::IAM::Role", "RoleName", template).items()


def matches(pattern: str, text: str) -> bool:
    """Whether a pattern with IAM's `*` and `?` matches. Actions are compared without case, so lower both."""
    parts = re.split(r"([*?])", pattern)
    regex = "".join({"*": ".*", "?": "."}.get(part, re.escape(part)) for part in parts)
    return re.fullmatch(regex, text, re.DOTALL) is not None


def allowed(statements: list[Statement], action: str, resource: str) -> bool:
    """Whether some statement allows this, and none denies it. Conditions of an allow are taken as met."""

    def covers(statement: Statement) -> bool:
        return any(matches(one.lower(), action.lower()) for one in statement.actions) and any(
            matches(one, resource) for one in statement.resources
        )

    denied = any(covers(one) for one in statements if not one.allows and not one.body.get("Condition"))
    return not denied and any(covers(one) for one in statements if one.allows)
