"""An event that cannot be delivered is tried again, then kept in a queue that takes it from that rule.

An event bus is tried again as AWS likes: PutTargets refuses what other targets are given.
"""

from __future__ import annotations

from typing import Any, Final

from .documents import Documents, Resource
from .problem import Problem
from .statements import Statement, matches, statements_in

_NOT_FOR_A_BUS: Final = ("Input", "InputPath", "InputTransformer", "RetryPolicy")
"""What PutTargets refuses of an event bus (AWS CDK API reference, `aws-events-targets`, `EventBusProps`). CloudFormation's schema
and moto take it: without this rule the first deployment would say so."""


def check(documents: Documents) -> list[Problem]:
    """Targets that would lose an event."""
    rules = list(documents.resources("AWS::Events::Rule"))
    problems = (
        [] if rules else [Problem("templates", "there is no event rule", "add infra/event-rules to the template")]
    )
    for rule in rules:
        targets = rule.properties.get("Targets") or []
        if not targets:
            problems.append(Problem(rule.where, "has no target", "send its events somewhere"))
        for target in targets:
            delivery = _refused(rule, target) if _is_bus(target) else _retry(rule, target)
            problems += delivery + _dead_letters(documents, rule, target) + _permission(documents, rule, target)
    return problems


def rule_arn(rule: Resource) -> str:
    """As EventBridge writes it: without the bus if that is the default one."""
    bus = str(rule.properties.get("EventBusName") or "default").rsplit("/", 1)[-1]
    return f"rule/{rule.properties['Name']}" if bus == "default" else f"rule/{bus}/{rule.properties['Name']}"


def _is_bus(target: dict[str, Any]) -> bool:
    return ":event-bus/" in str(target.get("Arn"))


def _refused(rule: Resource, target: dict[str, Any]) -> list[Problem]:
    return [
        Problem(rule.where, f"target {target.get('Id')} is an event bus: PutTargets refuses {name}", f"remove {name}")
        for name in _NOT_FOR_A_BUS
        if name in target
    ]


def _retry(rule: Resource, target: dict[str, Any]) -> list[Problem]:
    policy = target.get("RetryPolicy") or {}
    missing = [name for name in ("MaximumRetryAttempts", "MaximumEventAgeInSeconds") if not policy.get(name)]
    return [
        Problem(rule.where, f"target {target.get('Id')} has no {name}", f"set RetryPolicy.{name}") for name in missing
    ]


def _dead_letters(documents: Documents, rule: Resource, target: dict[str, Any]) -> list[Problem]:
    arn = (target.get("DeadLetterConfig") or {}).get("Arn")
    if not arn:
        return [
            Problem(
                rule.where,
                f"target {target.get('Id')} has no dead-letter queue",
                "set DeadLetterConfig.Arn to firebreak-events-dlq",
            )
        ]
    queues = documents.named("AWS::SQS::Queue", "QueueName", rule.template)
    queue = queues.get(str(arn).rsplit(":", 1)[-1])
    if queue is None:
        return [
            Problem(rule.where, f"its dead-letter queue {arn} is not in the template", "name a queue of this template")
        ]
    if any(_lets_in(one, rule, str(arn)) for one in queue_statements(documents, queue)):
        return []
    return [
        Problem(
            queue.where,
            f"its policy does not let EventBridge send what {rule.logical_id} could not deliver",
            "allow sqs:SendMessage to events.amazonaws.com with aws:SourceArn of the rule",
        )
    ]


def queue_statements(documents: Documents, queue: Resource) -> list[Statement]:
    """The statements of the policies that are put on a queue."""
    found = []
    for policy in documents.resources("AWS::SQS::QueuePolicy", queue.template):
        if any(
            str(url).rsplit("/", 1)[-1] == queue.properties.get("QueueName")
            for url in policy.properties.get("Queues") or []
        ):
            found += statements_in(policy, policy.properties.get("PolicyDocument"))
    return found


def _lets_in(statement: Statement, rule: Resource, arn: str, action: str = "sqs:sendmessage") -> bool:
    sources = statement.condition("aws:SourceArn", "ArnEquals", "ArnLike", "StringEquals", "StringLike")
    return (
        statement.allows
        and "events.amazonaws.com" in statement.principals("Service")
        and any(matches(one.lower(), action) for one in statement.actions)
        and any(matches(one, arn) for one in statement.resources)
        and any(matches(source.split(":", 5)[-1], rule_arn(rule)) for source in sources)
    )


def _permission(documents: Documents, rule: Resource, target: dict[str, Any]) -> list[Problem]:
    """EventBridge acts by the policy of a function, a queue or a topic, and by a role for everything else."""
    arn = str(target.get("Arn"))
    match arn.split(":")[2:3]:
        case ["lambda"]:
            return _function(documents, rule, arn)
        case ["sqs"]:
            return _by_policy(documents, rule, arn, ("AWS::SQS::QueuePolicy", "sqs:sendmessage"))
        case ["sns"]:
            return _by_policy(documents, rule, arn, ("AWS::SNS::TopicPolicy", "sns:publish"))
    if target.get("RoleArn"):
        return []
    return [Problem(rule.where, f"target {target.get('Id')} has no role", "set RoleArn")]


def _by_policy(documents: Documents, rule: Resource, arn: str, kind: tuple[str, str]) -> list[Problem]:
    """`kind`: type of the policies that could let it in, and the action."""
    policies = documents.resources(kind[0], rule.template)
    found = [one for policy in policies for one in statements_in(policy, policy.properties.get("PolicyDocument"))]
    if any(_lets_in(one, rule, arn, kind[1]) for one in found):
        return []
    mend = f"allow {kind[1]} to events.amazonaws.com with aws:SourceArn of the rule"
    return [Problem(rule.where, f"may not send to {arn.rsplit(':', 1)[-1]}", mend)]


def _function(documents: Documents, rule: Resource, arn: str) -> list[Problem]:
    for permission in documents.resources("AWS::Lambda::Permission", rule.template):
        given = permission.properties
        source = str(given.get("SourceArn", "")).split(":", 5)[-1]
        function = str(given.get("FunctionName")).rsplit(":", 1)[-1]
        if (
            given.get("Principal") == "events.amazonaws.com"
            and function == arn.rsplit(":", 1)[-1]
            and source == rule_arn(rule)
        ):
            return []
    return [
        Problem(
            rule.where,
            f"may not invoke {arn.rsplit(':', 1)[-1]}",
            "add AWS::Lambda::Permission with SourceArn of the rule",
        )
    ]
