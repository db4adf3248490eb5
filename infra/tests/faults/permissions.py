"""What roles are allowed."""

from __future__ import annotations

from typing import Final

from firebreak_infra.rules.documents import MEMBER, Json, Sources

from .fault import Fault, role, statement, statements, without


def _allow(role_properties: Json, action: str, resource: str = "arn:aws:ec2:*:*:instance/*") -> None:
    statements(role_properties).append({"Sid": "Planted", "Effect": "Allow", "Action": action, "Resource": resource})


def _isolate(sources: Sources) -> Json:
    return role(sources, "FirebreakMemberIsolateEc2", MEMBER)


def _all_of_logs(sources: Sources) -> None:
    statement(role(sources, "FirebreakNotify"), "Logs")["Resource"] = "arn:aws:logs:*:*:log-group:*"


def _logs_twice(sources: Sources) -> None:
    inside = statements(role(sources, "FirebreakNotify"))
    [logs] = [one for one in inside if one["Sid"] == "Logs"]
    # The last of them is what policy.json says.
    inside.insert(0, {**logs, "Resource": "arn:aws:logs:*:*:log-group:*"})


def _keys(sources: Sources, name: str) -> list[str]:
    condition = statement(role(sources, name), "Ledger")["Condition"]
    keys: list[str] = condition["ForAllValues:StringLike"]["dynamodb:LeadingKeys"]
    return keys


_ADMINISTRATOR: Final = "arn:aws:iam::aws:policy/AdministratorAccess"

FAULTS: Final = [
    Fault(
        "containment may terminate instances",
        "never_destroy",
        "may ec2:TerminateInstances",
        lambda s: _allow(_isolate(s), "ec2:TerminateInstances"),
    ),
    Fault(
        "triage may stop executions",
        "never_destroy",
        "may states:StopExecution",
        lambda s: _allow(role(s, "FirebreakTriage"), "states:StopExecution"),
    ),
    Fault(
        "release may delete buckets",
        "never_destroy",
        "may s3:DeleteBucket",
        lambda s: _allow(role(s, "FirebreakMemberRelease", MEMBER), "s3:DeleteBucket"),
    ),
    Fault(
        "a member role lost its NeverDestroy",
        "never_destroy",
        "no explicit deny",
        lambda s: without(statements(_isolate(s)), "NeverDestroy"),
    ),
    Fault("Allow * on *", "wildcards", "is allowed *", lambda s: _allow(_isolate(s), "*", "*")),
    Fault(
        "a wildcard in an action",
        "wildcards",
        "is allowed ec2:Describe*",
        lambda s: _allow(_isolate(s), "ec2:Describe*"),
    ),
    Fault(
        "any resource without a reason",
        "wildcards",
        "on every resource",
        lambda s: _allow(_isolate(s), "ec2:RunInstances", "*"),
    ),
    Fault(
        "a reason that nothing needs any more",
        "wildcards",
        "has no statement Trace",
        lambda s: without(statements(role(s, "FirebreakStateMachine")), "Trace"),
    ),
    Fault(
        "a function may do more than its policy.json says",
        "function_roles",
        "is not in functions/notify/policy.json",
        lambda s: _allow(role(s, "FirebreakNotify"), "sns:Subscribe"),
    ),
    Fault(
        "a function may do less",
        "function_roles",
        "lacks the statement TellPeople",
        lambda s: without(statements(role(s, "FirebreakNotify")), "TellPeople"),
    ),
    Fault(
        "a function may do it elsewhere",
        "function_roles",
        "is not what functions/notify/policy.json says",
        _all_of_logs,
    ),
    Fault(
        "triage may pause",
        "pauses",
        "FirebreakTriage may write what is paused",
        lambda s: _keys(s, "FirebreakTriage").append("pause#*"),
    ),
    Fault(
        "any key of the ledger",
        "pauses",
        "FirebreakSweep may write what is paused",
        lambda s: statement(role(s, "FirebreakSweep"), "Ledger").pop("Condition"),
    ),
    Fault(
        "a containment reads no pause",
        "pauses",
        "FirebreakQuarantineScp may not read what is paused",
        lambda s: without(statements(role(s, "FirebreakQuarantineScp")), "Pauses"),
    ),
    Fault(
        "a managed policy beside policy.json",
        "role_policies",
        "has managed policies",
        lambda s: role(s, "FirebreakNotify").update(ManagedPolicyArns=[_ADMINISTRATOR]),
    ),
    Fault(
        "a member role with a managed policy",
        "role_policies",
        "has managed policies",
        lambda s: role(s, "FirebreakMemberSweep", MEMBER).update(ManagedPolicyArns=[_ADMINISTRATOR]),
    ),
    Fault(
        "a role takes the root user's place",
        "root_sessions",
        "FirebreakMemberIsolateEc2 may take the root user's place",
        lambda s: _allow(_isolate(s), "sts:AssumeRoot"),
    ),
    Fault("a second statement with the same Sid", "role_policies", "2 statements Logs", _logs_twice),
    Fault(
        "two roles with one name",
        "role_policies",
        "2 roles FirebreakTriage",
        lambda s: role(s, "FirebreakNotify").update(RoleName="FirebreakTriage"),
    ),
]
