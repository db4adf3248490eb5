"""Policies of queues, topics, the bus and the key: who gets in, and who must."""

from __future__ import annotations

from typing import Final

from firebreak_infra.rules.documents import SECURITY, Json, Sources

from .fault import Fault, dict_of, properties, without


def _key(sources: Sources) -> Json:
    """What EventBridge and CloudWatch may do with the key."""
    statements = properties(sources, SECURITY, "AWS::KMS::Key")["KeyPolicy"]["Statement"]
    [found] = [one for one in statements if one["Sid"] == "EventsAndAlarms"]
    return dict_of(found)


def _bus(sources: Sources, id: str = "ForwardersSendFindings") -> Json:
    """What lets findings onto the security bus, or what lets PutTargets take it as a target."""
    policy = properties(sources, SECURITY, "AWS::Events::EventBusPolicy", StatementId=id)
    return dict_of(policy["Statement"])


def _no_targets(sources: Sources) -> None:
    del sources.templates[SECURITY]["Resources"]["SecurityBusTargetPolicy"]


def _statements(sources: Sources, logical_id: str) -> list[Json]:
    found: list[Json] = sources.templates[SECURITY]["Resources"][logical_id]["Properties"]["PolicyDocument"][
        "Statement"
    ]
    return found


def _of(sources: Sources, logical_id: str, sid: str) -> Json:
    [found] = [one for one in _statements(sources, logical_id) if one["Sid"] == sid]
    return dict_of(found)


def _turned(condition: Json) -> None:
    condition["StringNotEquals"] = condition.pop("StringEquals")


def _another_account(sources: Sources) -> None:
    principal = {"AWS": "arn:aws:iam::999999999999:root"}
    _statements(sources, "NoticesTopicPolicy").append(
        {"Sid": "Planted", "Effect": "Allow", "Principal": principal, "Action": "sns:Subscribe", "Resource": "*"}
    )


def _no_restore_tells(sources: Sources) -> None:
    roles = _of(sources, "FailuresTopicPolicy", "OnlyLastResortsAndAlarmsWrite")["Condition"]["ArnNotEquals"]
    others = [arn for arn in roles["aws:PrincipalArn"] if "FirebreakRestoreStateMachine" not in str(arn)]
    roles["aws:PrincipalArn"] = others


def _all_of_firebreak_reads(sources: Sources) -> None:
    every = {"Fn::Sub": "arn:${AWS::Partition}:iam::${AWS::AccountId}:role/firebreak/*"}
    _of(sources, "ReviewQueuePolicy", "OnlyOpenReviewReads")["Condition"] = {"ArnNotLike": {"aws:PrincipalArn": every}}


_OPEN: Final = [
    Fault(
        "the security bus takes events from everybody",
        "resource_policies",
        "allows everybody",
        lambda s: _bus(s).pop("Condition"),
    ),
    Fault(
        "the security bus takes events from all but the organization",
        "resource_policies",
        "allows everybody",
        lambda s: _turned(_bus(s)["Condition"]),
    ),
    Fault(
        "the key is open to a service for any account",
        "resource_policies",
        "act for any account",
        lambda s: _key(s).pop("Condition"),
    ),
    Fault(
        "the key is open to a service for all other accounts",
        "resource_policies",
        "act for any account",
        lambda s: _turned(_key(s)["Condition"]),
    ),
    Fault("another account may subscribe to the notices", "resource_policies", "of another account", _another_account),
    Fault(
        "a policy for all but some",
        "resource_policies",
        "allows all but some",
        lambda s: _key(s).update(NotPrincipal=_key(s).pop("Principal")),
    ),
    Fault(
        "any account's rule may invoke ingest",
        "resource_policies",
        "invoke for any account",
        lambda s: s.templates[SECURITY]["Resources"]["DefaultHealthPermission"]["Properties"].pop("SourceArn"),
    ),
]

FAULTS: Final = [
    *_OPEN,
    Fault(
        "alarms may not use the key",
        "needed_statements",
        "does not let cloudwatch.amazonaws.com use kms:Decrypt",
        lambda s: _key(s)["Principal"].update(Service="events.amazonaws.com"),
    ),
    Fault(
        "EventBridge may not encrypt",
        "needed_statements",
        "does not let events.amazonaws.com use kms:GenerateDataKey",
        lambda s: _key(s).update(Action="kms:Decrypt"),
    ),
    Fault(
        "alarms may not publish",
        "needed_statements",
        "alarms may not publish",
        lambda s: without(_statements(s, "FailuresTopicPolicy"), "AlarmsWrite"),
    ),
    Fault(
        "one alarm may publish",
        "needed_statements",
        "alarms may not publish",
        lambda s: _of(s, "FailuresTopicPolicy", "AlarmsWrite")["Condition"].update(
            ArnLike={"aws:SourceArn": "arn:aws:cloudwatch:eu-central-1:123456789012:alarm:firebreak-events-dlq"}
        ),
    ),
    Fault(
        "alarms are denied",
        "needed_statements",
        "denies alarms",
        lambda s: _of(s, "FailuresTopicPolicy", "OnlyLastResortsAndAlarmsWrite")["Condition"].pop("Bool"),
    ),
    Fault(
        "a restore may not say that it failed",
        "needed_statements",
        "role/firebreak/FirebreakRestoreStateMachine",
        _no_restore_tells,
    ),
    Fault(
        "the bus takes another organization's events",
        "needed_statements",
        "is open",
        lambda s: _bus(s)["Condition"]["StringEquals"].update({"aws:PrincipalOrgID": "o-otherorgid"}),
    ),
    Fault(
        "the bus takes events from any role",
        "needed_statements",
        "from any role",
        lambda s: _bus(s)["Condition"].pop("ArnLike"),
    ),
    Fault(
        "the bus takes events of any source",
        "needed_statements",
        "other events than findings",
        lambda s: _bus(s)["Condition"].pop("ForAllValues:StringEquals"),
    ),
    Fault(
        "whoever asks about the bus without an event may send one",
        "needed_statements",
        "from any role",
        lambda s: _bus(s, "ForwardersAreSetUp")["Condition"].pop("Null"),
    ),
    Fault(
        "the bus answers about any event, and not about none",
        "needed_statements",
        "from any role",
        lambda s: _bus(s, "ForwardersAreSetUp")["Condition"]["Null"].update({"events:source": "false"}),
    ),
    Fault("no rule may get the bus as its target", "needed_statements", "PutTargets may be refused", _no_targets),
    Fault(
        "only a rule's role may ask for the bus as a target",
        "needed_statements",
        "PutTargets may be refused",
        lambda s: _bus(s, "ForwardersAreSetUp")["Condition"].update(
            ArnLike={"aws:PrincipalArn": "arn:aws:iam::*:role/firebreak/FirebreakEventForwarder-*"}
        ),
    ),
    Fault(
        "another organization may ask for the bus as a target",
        "needed_statements",
        "is open",
        lambda s: _bus(s, "ForwardersAreSetUp")["Condition"]["StringEquals"].update(
            {"aws:PrincipalOrgID": "o-otherorgid"}
        ),
    ),
    Fault(
        "anybody may ask the gate",
        "needed_statements",
        "not for FirebreakStateMachine and FirebreakWatchMachine alone",
        lambda s: without(_statements(s, "ReviewQueuePolicy"), "OnlyStateMachinesSend"),
    ),
    Fault(
        "anybody may read task tokens",
        "needed_statements",
        "not for FirebreakOpenReview alone",
        lambda s: without(_statements(s, "ReviewQueuePolicy"), "OnlyOpenReviewReads"),
    ),
    Fault(
        "every function may read task tokens",
        "needed_statements",
        "not for FirebreakOpenReview alone",
        _all_of_firebreak_reads,
    ),
]
