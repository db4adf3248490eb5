"""What goes wrong unseen is told: each alarm of the list is there, acts, and watches what exists."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from typing import Any, Final

from .documents import FORWARDER, SECURITY, Documents, Resource
from .problem import Problem
from .watched import WATCHED, differs

_OWN_METRICS: Final = ("TimeToContain", "ContainmentsFailed", "UnansweredGateSeconds")
_METRICS: Final = {
    "AWS/States": (
        "ExecutionsFailed",
        "ExecutionsTimedOut",
        "ExecutionsAborted",
        "ExecutionThrottled",
        "ThrottledEvents",
    ),
    "AWS/DynamoDB": ("WriteThrottleEvents",),
    "AWS/SQS": ("ApproximateNumberOfMessagesVisible", "ApproximateAgeOfOldestMessage"),
    "AWS/Lambda": ("Errors", "Throttles", "DeadLetterErrors", "DestinationDeliveryFailures", "AsyncEventsDropped"),
    "AWS/Events": ("FailedInvocations", "InvocationsFailedToBeSentToDlq"),
}
_WHOLE_ACCOUNT: Final = ("Throttles",)
"""Metrics that are meant to be about the whole account: whoever uses up its concurrency throttles Firebreak, too."""
_NAMED_BY: Final = {
    "QueueName": ("AWS::SQS::Queue", "QueueName"),
    "FunctionName": ("AWS::Lambda::Function", "FunctionName"),
    "RuleName": ("AWS::Events::Rule", "Name"),
    "StateMachineArn": ("AWS::StepFunctions::StateMachine", "StateMachineName"),
    "TableName": ("AWS::DynamoDB::Table", "TableName"),
}
"""Dimension of a metric: the type of resource it names, and the property with that name."""
_OTHER_NAMES: Final[Mapping[str, Callable[[Documents], Collection[str]]]] = {
    "APIName": lambda _: {"StartExecution"},
    "GlobalSecondaryIndexName": lambda documents: {
        str(index.get("IndexName"))
        for table in documents.resources("AWS::DynamoDB::Table")
        for index in table.properties.get("GlobalSecondaryIndexes") or []
    },
}
"""Dimension that names no resource: what it can be."""
_QUERY: Final = re.compile(r'SELECT (?:AVG|COUNT|MAX|MIN|SUM)\((\w+)\) FROM "([^"]+)"')
"""Of CloudWatch Metrics Insights: one metric of a namespace, whatever its dimensions."""


def check(documents: Documents) -> list[Problem]:
    """Alarms that are missing, that nobody hears, or that can never ring."""
    alarms = documents.named("AWS::CloudWatch::Alarm", "AlarmName")
    problems = [Problem(SECURITY, f"the alarm {name} is missing", "add it") for name in WATCHED if name not in alarms]
    topics = documents.named("AWS::SNS::Topic", "TopicName")
    for name, alarm in alarms.items():
        problems += _action(alarm, topics)
        if name in WATCHED:
            said = differs(name, alarm.properties)
            problems += [Problem(alarm.where, what, "see the table in rules/watched.py") for what in said]
        metrics = list(_metrics(alarm))
        if not metrics:
            problems.append(Problem(alarm.where, "watches no metric", "set MetricName or Metrics"))
        if len(metrics) > 10:
            problems.append(Problem(alarm.where, "watches more than ten metrics", "an alarm takes ten; make two"))
        for metric in metrics:
            problems += [Problem(alarm.where, what, "correct the metric") for what in _metric(documents, metric)]
    return problems + _dead_letter_queues(documents, list(alarms.values()))


def _action(alarm: Resource, topics: dict[str, Resource]) -> list[Problem]:
    if alarm.template == FORWARDER:
        # It tells a topic of the member account, which is not Firebreak's.
        return (
            [] if alarm.properties.get("AlarmActions") else [Problem(alarm.where, "tells nobody", "set AlarmActions")]
        )
    actions = [str(arn).rsplit(":", 1)[-1] for arn in alarm.properties.get("AlarmActions") or []]
    if "firebreak-failures" not in actions or "firebreak-failures" not in topics:
        return [Problem(alarm.where, "tells nobody", "set AlarmActions to the topic firebreak-failures")]
    if alarm.properties.get("ActionsEnabled") is False:
        return [Problem(alarm.where, "its actions are switched off", "remove ActionsEnabled: false")]
    return []


def _metrics(alarm: Resource) -> list[dict[str, Any]]:
    properties = alarm.properties
    if "MetricName" in properties:
        return [properties]
    parts = properties.get("Metrics") or []
    queries = [_QUERY.fullmatch(str(one.get("Expression", ""))) for one in parts]
    queried = [{"MetricName": query[1], "Namespace": query[2], "Queried": True} for query in queries if query]
    return queried + [one["MetricStat"]["Metric"] for one in parts if one.get("MetricStat", {}).get("Metric")]


def _metric(documents: Documents, metric: dict[str, Any]) -> list[str]:
    namespace, name = metric.get("Namespace"), metric.get("MetricName")
    dimensions = {one["Name"]: str(one["Value"]) for one in metric.get("Dimensions") or []}
    if namespace == "Firebreak":
        unknown = [] if name in _OWN_METRICS else [f"notify writes no metric {name}"]
        return unknown + (["Firebreak's metrics have no dimensions"] if dimensions else [])
    if name not in _METRICS.get(str(namespace), ()):
        return [f"{namespace} has no metric {name} that is known here"]
    problems = (
        []
        if dimensions or name in _WHOLE_ACCOUNT or metric.get("Queried")
        else [f"{namespace} {name} without a dimension is about the whole account"]
    )
    for dimension, value in dimensions.items():
        if dimension not in _NAMED_BY and dimension not in _OTHER_NAMES:
            problems.append(f"{namespace} has no dimension {dimension} that is known here")
        elif value.rsplit(":", 1)[-1] not in _known(documents, dimension):
            problems.append(f"{dimension} {value} is not in the template")
    return problems


def _known(documents: Documents, dimension: str) -> Collection[str]:
    if dimension in _OTHER_NAMES:
        return _OTHER_NAMES[dimension](documents)
    return documents.named(*_NAMED_BY[dimension])


def _dead_letter_queues(documents: Documents, alarms: list[Resource]) -> list[Problem]:
    watched = {
        str(dimension["Value"])
        for alarm in alarms
        for metric in _metrics(alarm)
        if metric.get("MetricName") == "ApproximateNumberOfMessagesVisible"
        for dimension in metric.get("Dimensions") or []
    }
    return [
        Problem(
            queue.where,
            "nobody hears what ends in this dead-letter queue",
            "add an alarm on ApproximateNumberOfMessagesVisible",
        )
        for name, queue in documents.named("AWS::SQS::Queue", "QueueName", SECURITY).items()
        if name.endswith("-dlq") and name not in watched
    ]
