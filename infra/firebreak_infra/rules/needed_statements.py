"""Policies of resources say what Firebreak lives by: who may use the key and tell of a failure, who may send to the bus
and to the gate.

Without these nothing fails at deployment: an alarm is not heard, a finding does not arrive, or others read a task token.
"""

from __future__ import annotations

from typing import Final

from ..samples import ORGANIZATION, PARTITION, SECURITY_ACCOUNT
from .documents import SECURITY, Documents, Json
from .event_targets import queue_statements
from .problem import Problem
from .statements import Statement, as_list, matches, statements_in

_KEY_USERS: Final = ("events.amazonaws.com", "cloudwatch.amazonaws.com")
_KEY_USE: Final = ("kms:Decrypt", "kms:GenerateDataKey")
_ALARMS: Final = "cloudwatch.amazonaws.com"
_FORWARDER: Final = f"arn:{PARTITION}:iam::*:role/firebreak/FirebreakEventForwarder-*"
_GATE: Final = "firebreak-review-gate"
_GATE_DENIES: Final = {
    "OnlyStateMachinesSend": (("FirebreakStateMachine", "FirebreakWatchMachine"), ("sqs:SendMessage",)),
    "OnlyOpenReviewReads": (("FirebreakOpenReview",), ("sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:PurgeQueue")),
}
"""Denies of the gate's queue: who alone may, and what. A message of the gate holds a task token."""


def check(documents: Documents) -> list[Problem]:
    """Statements that are missing or do not hold."""
    return _key(documents) + _failures(documents) + _bus(documents) + _gate(documents)


def _covers(statement: Statement, action: str) -> bool:
    return any(matches(one.lower(), action.lower()) for one in statement.actions)


def _for_service(statement: Statement, service: str, action: str) -> bool:
    """Whether a service may do this for this account: no condition but on its own requests."""
    account = statement.condition("aws:SourceAccount", "StringEquals")
    keys = {key for block in (statement.body.get("Condition") or {}).values() for key in block}
    return (
        statement.allows
        and service in statement.principals("Service")
        and _covers(statement, action)
        and account in ([], [SECURITY_ACCOUNT])
        and keys <= {"aws:SourceAccount", "aws:SourceArn"}
    )


def _key(documents: Documents) -> list[Problem]:
    problems = []
    for key in documents.resources("AWS::KMS::Key", SECURITY):
        statements = statements_in(key, key.properties.get("KeyPolicy"))
        problems += [
            Problem(key.where, f"does not let {service} use {action}", "allow it, with aws:SourceAccount")
            for service in _KEY_USERS
            for action in _KEY_USE
            if not any(_for_service(one, service, action) for one in statements)
        ]
    return problems


def _failures(documents: Documents) -> list[Problem]:
    found: list[Statement] = []
    for policy in documents.resources("AWS::SNS::TopicPolicy", SECURITY):
        if any(str(arn).endswith(":firebreak-failures") for arn in as_list(policy.properties.get("Topics"))):
            found += statements_in(policy, policy.properties.get("PolicyDocument"))
    here = f"{SECURITY} firebreak-failures"
    problems = []
    if not any(_for_service(one, _ALARMS, "sns:Publish") and _alarms_of(one) for one in found):
        problems.append(Problem(here, "alarms may not publish to it", f"allow sns:Publish to {_ALARMS}"))
    for one in found:
        exempt = [
            value.lower()
            for key in ("aws:SecureTransport", "aws:PrincipalIsAWSService")
            for value in one.condition(key, "Bool")
        ]
        if not one.allows and _covers(one, "sns:Publish") and exempt != ["false"]:
            problems.append(Problem(one.where, "denies alarms", "add aws:PrincipalIsAWSService false (Bool)"))
        for role in _last_resorts(documents) if one.condition("aws:PrincipalArn", "ArnNotEquals") else ():
            if role not in one.condition("aws:PrincipalArn", "ArnNotEquals"):
                problems.append(Problem(one.where, f"denies {role}", "a failure that it tells is heard by nobody: name it"))
    return problems


def _last_resorts(documents: Documents) -> list[str]:
    """The roles that tell of failures without an alarm: of each state machine, and of the function that stands outside."""
    machines = documents.resources("AWS::StepFunctions::StateMachine", SECURITY)
    return [
        *(str(machine.properties.get("RoleArn")) for machine in machines),
        f"arn:{PARTITION}:iam::{SECURITY_ACCOUNT}:role/firebreak/FirebreakExecutionEnded",
    ]


def _alarms_of(statement: Statement) -> bool:
    """Whether it is for every alarm of Firebreak."""
    sources = statement.condition("aws:SourceArn", "ArnLike", "StringLike")
    return all(source.endswith((":alarm:firebreak-*", ":alarm:*")) for source in sources)


def _bus(documents: Documents) -> list[Problem]:
    found = [
        one
        for policy in documents.resources("AWS::Events::EventBusPolicy", SECURITY)
        for one in statements_in(policy, {"Statement": policy.properties.get("Statement")})
    ]
    sources = {
        source
        for pattern in documents.event_patterns.values()
        for source in pattern["source"]
        if isinstance(source, str)
    }
    without_event = [one for one in found if _is(one, "Null", "events:source", {"true"})]
    problems = [problem for one in found for problem in _bus_is_closed(one)]
    for one in found:
        if one not in without_event:
            problems += _only_findings(one, sources)
    if len(found) - len(without_event) != 1:
        problems.append(Problem(SECURITY, "not one statement lets findings onto the security bus", "one, for the forwarders"))
    if not any(set(one.body.get("Condition") or {}) == {"StringEquals", "Null"} for one in without_event):
        what = "PutTargets may be refused in member accounts: it asks without an event, and not as the rule's role"
        problems.append(Problem(SECURITY, what, "allow events:PutEvents with aws:PrincipalOrgID and Null events:source true"))
    return problems


def _bus_is_closed(statement: Statement) -> list[Problem]:
    wanted = [
        (statement.allows and statement.actions == ["events:PutEvents"], "allows something else", "events:PutEvents"),
        (_is(statement, "StringEquals", "aws:PrincipalOrgID", {ORGANIZATION}), "is open", "aws:PrincipalOrgID"),
    ]
    return [Problem(statement.where, what, f"correct {mend}") for holds, what, mend in wanted if not holds]


def _only_findings(statement: Statement, sources: set[str]) -> list[Problem]:
    """Of a statement that lets events in. A missing source passes: the other statement is for that."""
    wanted = [
        (_is(statement, "ArnLike", "aws:PrincipalArn", {_FORWARDER}), "takes events from any role", "aws:PrincipalArn"),
        (
            _is(statement, "ForAllValues:StringEquals", "events:source", sources),
            "takes other events than findings, or not all of them",
            "events:source (ForAllValues:StringEquals)",
        ),
    ]
    return [Problem(statement.where, what, f"correct {mend}") for holds, what, mend in wanted if not holds]


def _is(statement: Statement, operator: str, key: str, values: set[str]) -> bool:
    return set(statement.condition(key, operator)) == values


def _gate(documents: Documents) -> list[Problem]:
    queue = documents.named("AWS::SQS::Queue", "QueueName", SECURITY).get(_GATE)
    if queue is None:
        return []  # `names` says so.
    denies = [one for one in queue_statements(documents, queue) if not one.allows]
    return [
        Problem(queue.where, f"{', '.join(actions)}: not for {' and '.join(given)} alone", f"deny it to others, Sid {sid}")
        for sid, (given, actions) in _GATE_DENIES.items()
        if not any(one.sid == sid and _only(one, given, actions) for one in denies)
    ]


def _only(statement: Statement, given: tuple[str, ...], actions: tuple[str, ...]) -> bool:
    arns = [f"arn:{PARTITION}:iam::{SECURITY_ACCOUNT}:role/firebreak/{role}" for role in given]
    condition: Json = {"ArnNotEquals": {"aws:PrincipalArn": arns if len(arns) > 1 else arns[0]}}
    return (
        statement.principals("AWS") == ["*"]
        and all(_covers(statement, action) for action in actions)
        and any(one.endswith(f":{_GATE}") for one in statement.resources)
        and statement.body.get("Condition") == condition
    )
