"""Alarms that nobody hears or that never ring."""

from __future__ import annotations

from typing import Final

from firebreak_infra.rules.documents import SECURITY, Json, Sources

from .fault import Fault, properties


def _alarm(sources: Sources, name: str) -> Json:
    return properties(sources, SECURITY, "AWS::CloudWatch::Alarm", AlarmName=f"firebreak-{name}")


def _another_queue(sources: Sources) -> None:
    _alarm(sources, "events-dlq")["Dimensions"] = [{"Name": "QueueName", "Value": "firebreak-event-dlq"}]


def _differs(name: str, expect: str, **properties: object) -> Fault:
    """An alarm on failed executions that is there and does not ring."""
    return Fault(name, "alarms", expect, lambda s: _alarm(s, "executions-failed").update(properties))


def _one_function_less(sources: Sources) -> None:
    metrics = _alarm(sources, "functions-failed")["Metrics"]
    metrics[:] = [one for one in metrics if one["Id"] != "ingest"]


def _only_one_of_two(sources: Sources) -> None:
    _alarm(sources, "ingest-dlq")["Metrics"][0]["Expression"] = "FILL(waiting, 0)"


FAULTS: Final = [
    _differs("an alarm that never rings", "rings at 1e+09 only", Threshold=1_000_000_000),
    _differs("an alarm that is the wrong way round", "compares with LessThan", ComparisonOperator="LessThanThreshold"),
    _differs("an alarm on another metric", "watches AWS/States ExecutionsAborted", MetricName="ExecutionsAborted"),
    _differs(
        "an alarm on the smallest value", "ExecutionsFailed firebreak-incident-response Minimum", Statistic="Minimum"
    ),
    _differs("an alarm on another unit", "has a unit", Unit="Bytes"),
    _differs("an alarm that waits a day", "waits for more than one period", Period=86400),
    _differs("an alarm that waits for five periods", "waits for more than one period", EvaluationPeriods=5),
    Fault("an alarm that leaves out ingest", "alarms", "Errors firebreak-ingest Sum", _one_function_less),
    Fault("an alarm that computes another thing", "alarms", "computes ['FILL(waiting, 0)']", _only_one_of_two),
    Fault(
        "an alarm without action",
        "alarms",
        "tells nobody",
        lambda s: _alarm(s, "executions-failed").pop("AlarmActions"),
    ),
    Fault(
        "an alarm that is switched off",
        "alarms",
        "are switched off",
        lambda s: _alarm(s, "executions-failed").update(ActionsEnabled=False),
    ),
    Fault(
        "an alarm on a queue that is not there", "alarms", "firebreak-event-dlq is not in the template", _another_queue
    ),
    Fault("a dead-letter queue that nobody hears", "alarms", "nobody hears what ends in", _another_queue),
    Fault(
        "an alarm on a metric that nobody writes",
        "alarms",
        "notify writes no metric ContainmentFailed",
        lambda s: _alarm(s, "containment-failed").update(MetricName="ContainmentFailed"),
    ),
    Fault(
        "an alarm is missing",
        "alarms",
        "firebreak-review-gate-age is missing",
        lambda s: _alarm(s, "review-gate-age").update(AlarmName="gate-age"),
    ),
]
