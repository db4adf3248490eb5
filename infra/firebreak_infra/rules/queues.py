"""Messages wait long enough for their function, and what cannot be handled ends in a queue that keeps it."""

from __future__ import annotations

from typing import Final

from .documents import SECURITY, Documents, Resource
from .problem import Problem

_GATE: Final = ("firebreak-review-gate", "firebreak-open-review")
"""The queue of the review gate and the function that takes its messages."""
_INGEST: Final = ("firebreak-ingest", "firebreak-ingest-dlq")
"""The function that EventBridge invokes without waiting for it, and where an event ends on which it failed for good."""


def check(documents: Documents) -> list[Problem]:
    """Queues that would hand out a message twice, or lose one."""
    queues = documents.named("AWS::SQS::Queue", "QueueName")
    functions = documents.named("AWS::Lambda::Function", "FunctionName")
    problems = _gate(documents) + _failed_for_good(documents)
    for mapping in documents.resources("AWS::Lambda::EventSourceMapping"):
        queue = queues.get(_last(mapping.properties.get("EventSourceArn")))
        function = functions.get(_last(mapping.properties.get("FunctionName")))
        if queue is None or function is None:
            problems.append(
                Problem(
                    mapping.where,
                    "its queue or its function is not in the template",
                    "correct EventSourceArn or FunctionName",
                )
            )
            continue
        problems += _visibility(queue, function) + _redrive(queue, queues)
        if "ReportBatchItemFailures" not in (mapping.properties.get("FunctionResponseTypes") or []):
            problems.append(
                Problem(
                    mapping.where,
                    "one bad message sends back the whole batch",
                    "FunctionResponseTypes: [ReportBatchItemFailures]",
                )
            )
    return problems


def _gate(documents: Documents) -> list[Problem]:
    queue, function = _GATE
    mappings = [
        mapping
        for mapping in documents.resources("AWS::Lambda::EventSourceMapping", SECURITY)
        if queue == _last(mapping.properties.get("EventSourceArn"))
    ]
    problems = [
        Problem(mapping.where, f"is switched off: nobody takes what is in {queue}", "remove Enabled")
        for mapping in mappings
        if str(mapping.properties.get("Enabled", True)).lower() != "true"
    ]
    functions = [_last(mapping.properties.get("FunctionName")) for mapping in mappings]
    if functions != [function]:
        who = ", ".join(functions) or "nobody"
        problems.append(Problem(SECURITY, f"{queue} is taken by {who}", f"one event source mapping to {function}"))
    return problems


def _failed_for_good(documents: Documents) -> list[Problem]:
    function, queue = _INGEST
    ends = [
        _last(((config.properties.get("DestinationConfig") or {}).get("OnFailure") or {}).get("Destination"))
        for config in documents.resources("AWS::Lambda::EventInvokeConfig", SECURITY)
        if function == _last(config.properties.get("FunctionName"))
    ]
    if ends == [queue]:
        return []
    what = f"an event that {function} fails on for good is lost"
    return [Problem(SECURITY, what, f"AWS::Lambda::EventInvokeConfig with OnFailure to {queue}")]


def _visibility(queue: Resource, function: Resource) -> list[Problem]:
    least = 6 * int(function.properties.get("Timeout") or 3)
    given = int(queue.properties.get("VisibilityTimeout") or 30)
    if given >= least:
        return []
    what = f"shows a message again after {given} s while {function.logical_id} may still work on it"
    return [Problem(queue.where, what, f"set VisibilityTimeout to {least} or more, six times the function's")]


def _redrive(queue: Resource, queues: dict[str, Resource]) -> list[Problem]:
    redrive = queue.properties.get("RedrivePolicy") or {}
    if _last(redrive.get("deadLetterTargetArn")) in queues and int(redrive.get("maxReceiveCount") or 0) > 0:
        return []
    return [
        Problem(
            queue.where,
            "has no dead-letter queue: a message that cannot be handled comes for ever",
            "set RedrivePolicy",
        )
    ]


def _last(arn: object) -> str:
    return str(arn or "").rsplit(":", 1)[-1]
