"""No role deletes, terminates, stops, detaches or removes, but the one that undoes."""

from __future__ import annotations

import re
from typing import Final

from .documents import Documents
from .problem import Problem
from .statements import Statement, matches, role_statements, roles

_VERBS: Final = re.compile(
    r"[\w-]+:(Delete|Terminate|Stop|Detach|Remove|Purge|Disable|Deregister|ScheduleKeyDeletion)", re.IGNORECASE
)
_SAMPLES: Final = (
    "ec2:TerminateInstances",
    "ec2:StopInstances",
    "ec2:DeleteSnapshot",
    "iam:DeleteUser",
    "iam:DetachRolePolicy",
    "iam:RemoveUserFromGroup",
    "s3:DeleteObject",
    "dynamodb:DeleteItem",
    "sqs:DeleteQueue",
    "states:StopExecution",
    "kms:ScheduleKeyDeletion",
)
"""What a wildcard must not reach."""
_EXCEPTIONS: Final[dict[str, tuple[str, ...]]] = {
    # A consumer of a queue takes what it has handled out of it.
    "FirebreakOpenReview": ("sqs:DeleteMessage",),
    # Of log delivery, which is set up per account: Step Functions asks for all of them or logs nothing.
    "FirebreakStateMachine": ("logs:DeleteLogDelivery",),
    "FirebreakEvidenceMachine": ("logs:DeleteLogDelivery",),
    "FirebreakWatchMachine": ("logs:DeleteLogDelivery",),
    "FirebreakRestoreStateMachine": ("logs:DeleteLogDelivery",),
    # Its own deny, off whom it hit by mistake: two statements of its policy deny every other use.
    "FirebreakMemberQuarantineIam": ("iam:DetachRolePolicy", "iam:DetachUserPolicy"),
    # The shells that somebody has open on an isolated host, its place behind balancers: the release registers it again.
    "FirebreakMemberIsolateEc2": (
        "elasticloadbalancing:DeregisterInstancesFromLoadBalancer",
        "elasticloadbalancing:DeregisterTargets",
        "ssm:TerminateSession",
    ),
    "FirebreakMemberRelease": (
        "ec2:DeleteNetworkAclEntry",
        "ec2:DeleteTags",
        "iam:DeleteRolePermissionsBoundary",
        "iam:DeleteRolePolicy",
        "iam:DeleteUserPermissionsBoundary",
        "iam:DetachRolePolicy",
        "iam:DetachUserPolicy",
        # Of a bucket that had no policy before the lockdown.
        "s3:DeleteBucketPolicy",
        # Firebreak's tag on an object that had no other.
        "s3:DeleteObjectTagging",
        "s3:DeleteObjectVersionTagging",
    ),
}


def check(documents: Documents) -> list[Problem]:
    """Destruction that some role is allowed, and member roles without an explicit deny."""
    problems = []
    for name, role in roles(documents):
        statements = role_statements(documents, role)
        for statement in statements:
            problems += [
                Problem(
                    statement.where, f"{name} may {action}", "remove the action; only FirebreakMemberRelease undoes"
                )
                for action in _destructive(statement)
                if action not in _EXCEPTIONS.get(name, ())
            ]
        if name.startswith("FirebreakMember") and not any(_denies_destruction(one) for one in statements):
            problems.append(
                Problem(role.where, f"{name} has no explicit deny of destruction", "add NeverDestroy or NothingElse")
            )
    return problems


def _destructive(statement: Statement) -> list[str]:
    if not statement.allows:
        return []
    if "NotAction" in statement.body:
        return ["do everything but NotAction"]
    return [
        action
        for action in statement.actions
        if _VERBS.match(action)
        or (re.search(r"[*?]", action) and any(matches(action.lower(), one.lower()) for one in _SAMPLES))
    ]


def _denies_destruction(statement: Statement) -> bool:
    if statement.allows or statement.body.get("Condition") or statement.resources != ["*"]:
        return False
    if "NotAction" in statement.body:
        return True
    worst = ("ec2:terminateinstances", "iam:deleteuser", "s3:deleteobject")
    return any(matches(action.lower(), one) for action in statement.actions for one in worst)
