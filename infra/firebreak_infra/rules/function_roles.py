"""Each function's role allows what `functions/<name>/policy.json` says: no more, no less."""

from __future__ import annotations

import json
import re
from typing import Any, Final

from .documents import SECURITY, Documents, Json, Resource
from .problem import Problem
from .statements import as_list, role_statements, roles

_ACCOUNT: Final = r"\d{12}"


def _arn(service: str, rest: str) -> str:
    return rf"arn:[\w-]+:{service}:[\w-]+:{_ACCOUNT}:{rest}"


_PLACEHOLDERS: Final[dict[str, str]] = {
    "Partition": r"aws[\w-]*",
    "Region": r"[a-z]{2}(-[a-z]+)+-\d",
    "LedgerTableArn": _arn("dynamodb", "table/firebreak-ledger"),
    "StateMachineArn": _arn("states", "stateMachine:firebreak-incident-response"),
    "EvidenceStateMachineArn": _arn("states", "stateMachine:firebreak-evidence"),
    "WatchStateMachineArn": _arn("states", "stateMachine:firebreak-watch"),
    "RestoreStateMachineArn": _arn("states", "stateMachine:firebreak-restore"),
    "NoticesTopicArn": _arn("sns", "firebreak-notices"),
    "TicketsTopicArn": _arn("sns", "firebreak-tickets"),
    "FailuresTopicArn": _arn("sns", "firebreak-failures"),
    "ReviewQueueArn": _arn("sqs", "firebreak-review-gate"),
    "EvidenceBucketArn": rf"arn:[\w-]+:s3:::firebreak-evidence-{_ACCOUNT}",
    "KeyArn": _arn("kms", r"key/[\w-]+"),
    "EvidenceKeyArn": _arn("kms", r"key/[\w-]+"),
    "ManagementAccount": _ACCOUNT,
    "SecurityAccount": _ACCOUNT,
    "MemberAccountId": _ACCOUNT,
    "OrganizationId": r"o-[a-z0-9]+",
    "QuarantineScpId": r"p-[a-z0-9]+",
}
"""What may stand in the place of a placeholder. The value itself comes from the template: a wrong one does not fit."""


def check(documents: Documents) -> list[Problem]:
    """Roles that differ from the policy beside their function."""
    found = dict(roles(documents, SECURITY))
    problems = []
    for function, policy in documents.function_policies.items():
        name = role_name(function)
        role = found.get(name)
        if role is None:
            problems.append(Problem(SECURITY, f"the role {name} is missing", "add it"))
            continue
        problems += _compare(documents, function, policy, role)
    return problems


def role_name(function: str) -> str:
    """quarantine-iam has FirebreakQuarantineIam."""
    return "Firebreak" + "".join(word.capitalize() for word in function.split("-"))


def _compare(documents: Documents, function: str, policy: Json, role: Resource) -> list[Problem]:
    file = f"functions/{function}/policy.json"
    problems = []
    has = {one.sid: one.body for one in role_statements(documents, role)}
    wanted = {one["Sid"]: one for one in policy["Statement"]}
    problems += [
        Problem(f"{role.where} {sid}", f"is not in {file}", "remove it, or add it there")
        for sid in sorted(set(has) - set(wanted))
    ]
    for sid, statement in wanted.items():
        if sid not in has:
            problems.append(
                Problem(role.where, f"lacks the statement {sid} of {file}", "generate the role from the file")
            )
        elif not _fits(statement, has[sid], function):
            problems.append(
                Problem(f"{role.where} {sid}", f"is not what {file} says", "generate the role from the file")
            )
    return problems


def _fits(wanted: Any, given: Any, function: str) -> bool:
    """Whether a value of the template is one of the file, placeholders filled in. The order of a list means nothing."""
    if isinstance(wanted, dict):
        return (
            isinstance(given, dict)
            and set(wanted) == set(given)
            and all(_fits(wanted[key], given[key], function) for key in wanted)
        )
    if isinstance(wanted, list) or isinstance(given, list):
        left, right = as_list(wanted), as_list(given)
        return len(left) == len(right) and all(any(_fits(one, other, function) for other in right) for one in left)
    if not isinstance(wanted, str):
        return json.dumps(wanted) == json.dumps(given)
    return re.fullmatch(_pattern(wanted, function), str(given)) is not None


def _pattern(text: str, function: str) -> str:
    known = {**_PLACEHOLDERS, "LogGroupArn": _arn("logs", f"log-group:/aws/lambda/firebreak-{function}")}
    parts = re.split(r"\$\{([A-Z]\w*)\}", text)
    # Every second part is the name of a placeholder; one that is not known fits nothing.
    return "".join(known.get(part, r"(?!)") if index % 2 else re.escape(part) for index, part in enumerate(parts))
