"""Nobody but the one function of a class assumes its member role, and no role trusts more than it must.

cfn-lint, SAM and the policy linters take an open trust policy for valid: this is the check that stands between a
template and a role that anybody may assume.
"""

from __future__ import annotations

import json
import re
from typing import Final

from ..functions import member_roles
from ..samples import PARTITION, REGION, SECURITY_ACCOUNT
from .documents import Documents, Resource
from .function_roles import role_name
from .problem import Problem
from .statements import Statement, roles, trust

ASSUMED_BY: Final[dict[str, tuple[str, ...]]] = {
    name: tuple(function.role for function in assumed_by) for name, (_, assumed_by) in member_roles().items()
}
"""Member roles, each with the function roles that may assume it."""

_SERVICES: Final[dict[str, str]] = {
    "FirebreakStateMachine": "states.amazonaws.com",
    "FirebreakEvidenceMachine": "states.amazonaws.com",
    "FirebreakWatchMachine": "states.amazonaws.com",
    "FirebreakRestoreStateMachine": "states.amazonaws.com",
    f"FirebreakEventForwarder-{REGION}": "events.amazonaws.com",
}
"""Roles of services, beside those of the functions, which are Lambda's."""

_SENDS_SOURCE_ACCOUNT: Final = ("states.amazonaws.com", "events.amazonaws.com", "scheduler.amazonaws.com")
"""Lambda sends no aws:SourceAccount when it assumes a function's role."""

_READER: Final = "FirebreakForensicReader"
_PEOPLE: Final = ("FirebreakAnalyst", "FirebreakApprover", "FirebreakDoctor", "FirebreakOperator")
_MEMBER_ACTIONS: Final = {"sts:AssumeRole", "sts:SetSourceIdentity"}


def check(documents: Documents) -> list[Problem]:
    """Trust that is too wide, and member roles that are missing or assumed by another class."""
    found = dict(roles(documents))
    problems = [
        Problem("templates", f"the role {name} is missing", "add it")
        for name in (*ASSUMED_BY, *_SERVICES)
        if name not in found
    ]
    functions = {role_name(folder): "lambda.amazonaws.com" for folder in documents.function_policies}
    for name, role in found.items():
        statements = trust(role)
        for statement in statements:
            problems += _principals(statement) + _services(statement)
        service = (functions | _SERVICES).get(name)
        if service:
            problems += _only_service(role, statements, service)
        elif name.startswith("FirebreakMember"):
            problems += _member(name, role, statements)
        elif name != _READER and name not in _PEOPLE:
            problems.append(Problem(role.where, f"nobody knows who may assume {name}", "add it to rules/trust.py"))
    return problems


def _only_service(role: Resource, statements: list[Statement], service: str) -> list[Problem]:
    allows = [one for one in statements if one.allows]
    if [(one.body.get("Principal"), one.actions) for one in allows] == [({"Service": service}, ["sts:AssumeRole"])]:
        return []
    return [Problem(role.where, f"trusts others than {service}", f"one statement: sts:AssumeRole for {service}")]


def _principals(statement: Statement) -> list[Problem]:
    if not statement.allows:
        return []
    problems = []
    if "NotPrincipal" in statement.body:
        problems.append(
            Problem(statement.where, "trusts all but some (NotPrincipal)", "name the one role in Principal")
        )
    if statement.principals("Federated"):
        problems.append(Problem(statement.where, "trusts an identity provider (Federated)", "name the one role"))
    for principal in statement.principals("AWS"):
        if "*" in principal or "?" in principal:
            problems.append(Problem(statement.where, f"trusts {principal}", "name the one role"))
        elif (
            re.fullmatch(r"\d{12}|arn:[\w-]+:iam::\d{12}:root", principal)
            and not _narrowed(statement)
            and not _reader(statement)
            and not _person(statement)
        ):
            problems.append(
                Problem(
                    statement.where, f"trusts the whole account ({principal})", "name the role, or add aws:PrincipalArn"
                )
            )
    return problems


def _narrowed(statement: Statement) -> list[str]:
    return [arn for arn in statement.condition("aws:PrincipalArn", "ArnEquals", "StringEquals") if "*" not in arn]


def _reader(statement: Statement) -> bool:
    """Whether people of the forensics account come to read evidence: with MFA, or by Identity Center."""
    if statement.resource.properties.get("RoleName") != _READER:
        return False
    sessions = statement.condition("aws:PrincipalArn", "ArnLike")
    mfa = statement.condition("aws:MultiFactorAuthPresent", "Bool") == ["true"]
    return mfa or (bool(sessions) and all(":role/aws-reserved/sso.amazonaws.com/" in arn for arn in sessions))


def _person(statement: Statement) -> bool:
    """Whether people of the security account come under their own name, with MFA: functions record the name of the session."""
    return (
        statement.resource.properties.get("RoleName") in _PEOPLE
        and statement.condition("aws:MultiFactorAuthPresent", "Bool") == ["true"]
        and statement.condition("sts:RoleSessionName", "StringEquals") == ["${aws:username}"]
    )


def _services(statement: Statement) -> list[Problem]:
    services = [one for one in statement.principals("Service") if one in _SENDS_SOURCE_ACCOUNT]
    if not statement.allows or not services or statement.condition("aws:SourceAccount", "StringEquals"):
        return []
    return [Problem(statement.where, f"lets {services[0]} act for any account", "add aws:SourceAccount (StringEquals)")]


def _member(name: str, role: Resource, statements: list[Statement]) -> list[Problem]:
    if name not in ASSUMED_BY:
        return [Problem(role.where, f"nobody knows who may assume {name}", "add it to rules/trust.py")]
    problems = []
    if role.properties.get("Path") != "/firebreak/":
        problems.append(
            Problem(role.where, "is not under /firebreak/: the guard does not protect it", "set Path: /firebreak/")
        )
    allows = [one for one in statements if one.allows]
    for one in allows:
        problems += _exactly(one, ASSUMED_BY[name])
    actions = {action for one in allows for action in (one.actions or ["NotAction"])}
    if actions != _MEMBER_ACTIONS:
        problems.append(
            Problem(role.where, "allows something else", f"allow exactly {', '.join(sorted(_MEMBER_ACTIONS))}")
        )
    for one in allows:
        if "sts:AssumeRole" in one.actions:
            problems += [Problem(one.where, what, mend) for holds, what, mend in _assume(one) if not holds]
        if "sts:SetSourceIdentity" in one.actions and not _only_incidents(one, "sts:SourceIdentity"):
            problems.append(Problem(one.where, "takes any source identity", "add sts:SourceIdentity fb-* (StringLike)"))
    return problems


def _exactly(statement: Statement, names: tuple[str, ...]) -> list[Problem]:
    """The whole ARN: a role of this name may be in another account, or under another path."""
    wanted = {f"arn:{PARTITION}:iam::{SECURITY_ACCOUNT}:role/firebreak/{name}" for name in names}
    principal = statement.body.get("Principal")
    given = set(statement.principals("AWS"))
    if isinstance(principal, dict) and set(principal) == {"AWS"} and given == wanted:
        return []
    who = json.dumps(principal) if "Principal" in statement.body else "all but some"
    return [Problem(statement.where, f"may be assumed by {who}", f"trust exactly {', '.join(sorted(wanted))}")]


def _assume(statement: Statement) -> list[tuple[bool, str, str]]:
    organizations = statement.condition("aws:PrincipalOrgID", "StringEquals")
    return [
        (
            bool(statement.condition("sts:ExternalId", "StringEquals")),
            "asks for no external id",
            "add sts:ExternalId (StringEquals)",
        ),
        (bool(organizations), "is open to other organizations", "add aws:PrincipalOrgID (StringEquals)"),
        (
            _only_incidents(statement, "sts:RoleSessionName"),
            "takes any session name",
            "add sts:RoleSessionName fb-* (StringLike)",
        ),
    ]


def _only_incidents(statement: Statement, key: str) -> bool:
    values = statement.condition(key, "StringLike", "StringEquals")
    return bool(values) and all(value.startswith("fb-") for value in values)
