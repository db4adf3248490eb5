"""Event rules: what they match, and what becomes of an event that cannot be delivered."""

from __future__ import annotations

from typing import Final

from firebreak_infra.rules.documents import FORWARDER, SECURITY, Json, Sources

from .fault import Fault, dict_of, properties


def _last_resort(sources: Sources) -> Json:
    return properties(sources, SECURITY, "AWS::Events::Rule", Name="firebreak-execution-ended")


def _rule(sources: Sources, stem: str = "guardduty", template: str = SECURITY) -> Json:
    """The rule on the default bus."""
    rules = sources.templates[template]["Resources"].values()
    found: list[Json] = [
        one["Properties"]
        for one in rules
        if one["Type"] == "AWS::Events::Rule"
        and one["Properties"]["Name"] == f"firebreak-{stem}"
        and "EventBusName" not in one["Properties"]
    ]
    return found[0]


def _on_bus(sources: Sources, stem: str = "guardduty") -> Json:
    """The rule on the security bus."""
    rules = [
        one["Properties"]
        for one in sources.templates[SECURITY]["Resources"].values()
        if one["Type"] == "AWS::Events::Rule"
        and one["Properties"]["Name"] == f"firebreak-{stem}"
        and "EventBusName" in one["Properties"]
    ]
    [found] = rules
    return dict_of(found)


def _no_rule(sources: Sources) -> None:
    resources = sources.templates[SECURITY]["Resources"]
    for name in ("BusGuarddutyRule", "BusGuarddutyPermission"):
        del resources[name]
    queue = resources["EventsDeadLettersPolicy"]["Properties"]["PolicyDocument"]["Statement"]
    [allow] = [one for one in queue if one["Effect"] == "Allow"]
    senders = allow["Condition"]["ArnEquals"]["aws:SourceArn"]
    senders.remove({"Fn::GetAtt": ["BusGuarddutyRule", "Arn"]})


def _isolation_is_forwarded(sources: Sources) -> None:
    rule = _rule(sources, "health", FORWARDER)
    rule.update(Name="firebreak-isolation-request", EventPattern=sources.event_patterns["isolation-request"])


def _severity(sources: Sources, operator: object) -> None:
    _rule(sources)["EventPattern"]["detail"]["severity"] = [operator]


def _keep_only_tls(sources: Sources) -> None:
    for body in sources.templates[SECURITY]["Resources"].values():
        if body["Type"] == "AWS::SQS::QueuePolicy":
            statements = body["Properties"]["PolicyDocument"]["Statement"]
            statements[:] = [one for one in statements if one["Effect"] == "Deny"]


def _send_for_another_rule(sources: Sources) -> None:
    for body in sources.templates[FORWARDER]["Resources"].values():
        if body["Type"] == "AWS::SQS::QueuePolicy":
            for one in body["Properties"]["PolicyDocument"]["Statement"]:
                if one["Effect"] == "Allow":
                    sources_of = one["Condition"]["ArnEquals"]["aws:SourceArn"]
                    sources_of[:] = sources_of[1:]


def _no_permission(sources: Sources) -> None:
    resources = sources.templates[SECURITY]["Resources"]
    name = next(name for name, body in resources.items() if body["Type"] == "AWS::Lambda::Permission")
    del resources[name]


def _own_row(sources: Sources) -> None:
    sources.event_patterns["guardduty-own-1"] = sources.event_patterns["guardduty-a"]


def _forward(sources: Sources) -> Json:
    """The target of a forwarder's rule: the security bus."""
    return dict_of(_rule(sources, "guardduty", FORWARDER)["Targets"][0])


_TO_A_BUS: Final = [
    Fault(
        "a retry policy for an event bus",
        "event_targets",
        "PutTargets refuses RetryPolicy",
        lambda s: _forward(s).update(RetryPolicy={"MaximumEventAgeInSeconds": 3600, "MaximumRetryAttempts": 30}),
    ),
    Fault(
        "another input for an event bus",
        "event_targets",
        "PutTargets refuses Input",
        lambda s: _forward(s).update(Input="{}"),
    ),
    Fault(
        "a part of the event for an event bus",
        "event_targets",
        "PutTargets refuses InputPath",
        lambda s: _forward(s).update(InputPath="$.detail"),
    ),
    Fault(
        "a transformed event for an event bus",
        "event_targets",
        "PutTargets refuses InputTransformer",
        lambda s: _forward(s).update(InputTransformer={"InputTemplate": "{}"}),
    ),
    Fault("an event bus without a role", "event_targets", "has no role", lambda s: _forward(s).pop("RoleArn")),
    Fault(
        "an event bus without dead-letter queue",
        "event_targets",
        "ForwardGuarddutyRule: target security-bus has no dead-letter queue",
        lambda s: _forward(s).pop("DeadLetterConfig"),
    ),
]

FAULTS: Final = [
    Fault("numeric operator `=>`", "event_patterns", "numeric", lambda s: _severity(s, {"numeric": ["=>", 7]})),
    Fault("numeric bound as a text", "event_patterns", "numeric", lambda s: _severity(s, {"numeric": [">=", "7"]})),
    Fault(
        "a numeric range from above", "event_patterns", "numeric", lambda s: _severity(s, {"numeric": ["<", 9, ">", 7]})
    ),
    Fault(
        "an operator EventBridge does not know",
        "event_patterns",
        "'contains'",
        lambda s: _severity(s, {"contains": "7"}),
    ),
    Fault(
        "a value that is no list",
        "event_patterns",
        "neither a list",
        lambda s: _rule(s)["EventPattern"].update(source="aws.guardduty"),
    ),
    Fault(
        "a misspelt field of the envelope",
        "event_patterns",
        "no event has `detailtype`",
        lambda s: _rule(s)["EventPattern"].update(detailtype=["GuardDuty Finding"]),
    ),
    Fault(
        "a rule on the default bus is switched off",
        "event_rules",
        "DefaultGuarddutyRule: is DISABLED",
        lambda s: _rule(s).update(State="DISABLED"),
    ),
    Fault(
        "a rule on the security bus is switched off",
        "event_rules",
        "BusGuarddutyRule: is DISABLED",
        lambda s: _on_bus(s).update(State="DISABLED"),
    ),
    Fault("a rule is missing", "event_rules", "0 rules firebreak-guardduty on the bus firebreak", _no_rule),
    Fault(
        "a misspelt source",
        "event_rules",
        "not that of infra/event-rules/guardduty.json",
        lambda s: _rule(s)["EventPattern"].update(source=["aws.guarduty"]),
    ),
    Fault(
        "a forwarder rule for critical findings only",
        "event_rules",
        "ForwardGuarddutyRule: its pattern is not",
        lambda s: _rule(s, "guardduty", FORWARDER)["EventPattern"].update(detail={"severity": [{"numeric": [">=", 9]}]}),
    ),
    Fault(
        "a pattern that EventBridge does not take",
        "event_patterns",
        "characters, EventBridge takes 2048",
        lambda s: _rule(s, "guardduty-a")["EventPattern"]["detail"].update(type=[f"T:S/{n:060}" for n in range(40)]),
    ),
    Fault(
        "nobody hears of an execution that is stopped",
        "event_rules",
        "its pattern is not that of infra/security-account/execution-ended.json",
        lambda s: _last_resort(s)["EventPattern"]["detail"]["status"].remove("ABORTED"),
    ),
    Fault(
        "no rule for executions that ended",
        "event_rules",
        "0 rules firebreak-execution-ended",
        lambda s: _last_resort(s).update(Name="firebreak-another"),
    ),
    Fault("a row of the policy has no rule", "event_rules", "0 rules firebreak-guardduty-own-1", _own_row),
    Fault(
        "a target that gets another input",
        "event_rules",
        "does not get the event as it came",
        lambda s: _rule(s)["Targets"][0].update(Input="{}"),
    ),
    Fault(
        "a target that gets a part of the event",
        "event_rules",
        "remove InputPath",
        lambda s: _rule(s, "guardduty", FORWARDER)["Targets"][0].update(InputPath="$.detail"),
    ),
    Fault(
        "findings go to another function",
        "event_rules",
        "sends to ['firebreak-notify']",
        lambda s: _on_bus(s)["Targets"][0].update(
            Arn="arn:aws:lambda:eu-central-1:123456789012:function:firebreak-notify"
        ),
    ),
    Fault("isolation requests are taken from members", "event_rules", "nothing asks for it", _isolation_is_forwarded),
    Fault(
        "a target without dead-letter queue",
        "event_targets",
        "no dead-letter queue",
        lambda s: _rule(s)["Targets"][0].pop("DeadLetterConfig"),
    ),
    Fault(
        "a target without retry policy",
        "event_targets",
        "MaximumRetryAttempts",
        lambda s: _rule(s)["Targets"][0].pop("RetryPolicy"),
    ),
    Fault(
        "EventBridge may not write to the dead-letter queue",
        "event_targets",
        "does not let EventBridge send",
        _keep_only_tls,
    ),
    Fault(
        "a forwarder rule that may not write to it",
        "event_targets",
        "does not let EventBridge send",
        _send_for_another_rule,
    ),
    Fault("a rule that may not invoke ingest", "event_targets", "may not invoke", _no_permission),
    Fault(
        "a topic as target that EventBridge may not publish to",
        "event_targets",
        "may not send to firebreak-notices",
        lambda s: _rule(s)["Targets"][0].update(Arn="arn:aws:sns:eu-central-1:123456789012:firebreak-notices"),
    ),
    Fault(
        "a queue as target that EventBridge may not send to",
        "event_targets",
        "may not send to firebreak-review-gate",
        lambda s: _rule(s)["Targets"][0].update(Arn="arn:aws:sqs:eu-central-1:123456789012:firebreak-review-gate"),
    ),
    *_TO_A_BUS,
]
