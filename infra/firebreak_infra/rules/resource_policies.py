"""No queue, topic, bus, bucket, key or function is open: who has no name is held to the organization or the account."""

from __future__ import annotations

import re
from typing import Final

from ..samples import SECURITY_ACCOUNT, pseudo
from .documents import FORENSICS, Documents, Resource
from .problem import Problem
from .statements import Statement, statements_in

_POLICIES: Final = {
    "AWS::SQS::QueuePolicy": "PolicyDocument",
    "AWS::SNS::TopicPolicy": "PolicyDocument",
    "AWS::S3::BucketPolicy": "PolicyDocument",
    "AWS::KMS::Key": "KeyPolicy",
}
_HOLDS: Final = ("aws:PrincipalOrgID", "aws:SourceAccount", "aws:SourceArn", "aws:PrincipalArn", "kms:CallerAccount")
_LOGS_HOLD: Final = "kms:EncryptionContext:aws:logs:arn"
"""CloudWatch Logs names the log group in the encryption context."""
_OPERATORS: Final = ("StringEquals", "StringLike", "ArnEquals", "ArnLike")
"""The operators that hold somebody to a value. StringNotEquals lets in everybody else, IfExists whoever sends no such key."""
_OTHER_ACCOUNTS: Final = {FORENSICS: (SECURITY_ACCOUNT,)}
"""Whom a template's policies may name besides its own account: functions write evidence."""


def check(documents: Documents) -> list[Problem]:
    """Statements that let anybody in, and services that may act for anybody's account."""
    problems = []
    for resource in documents.resources():
        for statement in _statements(resource):
            if statement.allows:
                problems += _open(statement)
        if resource.type == "AWS::Lambda::Permission":
            problems += _permission(resource)
    return problems


def _statements(resource: Resource) -> list[Statement]:
    if resource.type == "AWS::Events::EventBusPolicy":
        # One statement, under `Statement`.
        return statements_in(resource, {"Statement": resource.properties.get("Statement")})
    property = _POLICIES.get(resource.type)
    return statements_in(resource, resource.properties.get(property)) if property else []


def _open(statement: Statement) -> list[Problem]:
    if "NotPrincipal" in statement.body:
        return [Problem(statement.where, "allows all but some (NotPrincipal)", "name who may in Principal")]
    held = [key for key in (*_HOLDS, _LOGS_HOLD) if _held(statement, key)]
    people = statement.principals("AWS")
    if "*" in people and not held:
        return [Problem(statement.where, "allows everybody", "add aws:PrincipalOrgID (StringEquals)")]
    own = (pseudo(statement.resource.template)["AWS::AccountId"], *_OTHER_ACCOUNTS.get(statement.resource.template, ()))
    problems = [
        Problem(statement.where, f"allows {one}, of another account", "name a role of this account")
        for one in people
        if one != "*" and not any(account in one.split(":") for account in own)
    ]
    sourced = [key for key in held if key.startswith("aws:Source") or key == _LOGS_HOLD]
    services = statement.principals("Service")
    if services and not sourced:
        what = f"lets {services[0]} act for any account"
        problems.append(Problem(statement.where, what, "add aws:SourceAccount or aws:SourceArn"))
    return problems


def _held(statement: Statement, key: str) -> bool:
    """Whether every value names an account or an organization. `arn:aws:iam::*:role/x` is a role of anybody."""
    values = statement.condition(key, *_OPERATORS)
    return bool(values) and all(re.search(r"\b\d{12}\b|^o-[a-z0-9]+$", value) for value in values)


def _permission(permission: Resource) -> list[Problem]:
    given = permission.properties
    if str(given.get("Principal")).endswith(".amazonaws.com") and (
        given.get("SourceArn") or given.get("SourceAccount")
    ):
        return []
    return [Problem(permission.where, f"lets {given.get('Principal')} invoke for any account", "set SourceArn")]
