"""Alarms that nobody hears or that never ring."""

from __future__ import annotations

from typing import Final

from firebreak_infra.rules.documents import FORWARDER, SECURITY, Json, Sources

from .fault import Fault, dict_of, properties


def _alarm(sources: Sources, name: str) -> Json:
    return properties(sources, SECURITY, "AWS::CloudWatch::Alarm", AlarmName=f"firebreak-{name}")


def _metric(sources: Sources, name: str, metric: str) -> Json:
    """One of several metrics of an alarm."""
    [found] = [one for one in _alarm(sources, name)["Metrics"] if one["Id"] == metric]
    return dict_of(found)


def _forwarders(sources: Sources) -> Json:
    return properties(sources, FORWARDER, "AWS::CloudWatch::Alarm")


def _another_queue(sources: Sources) -> None:
    _alarm(sources, "events-dlq")["Dimensions"] = [{"Name": "QueueName", "Value": "firebreak-event-dlq"}]


def _differs(name: str, expect: str, **properties: object) -> Fault:
    """An alarm on failed executions that is there and does not ring."""
    return Fault(name, "alarms", expect, lambda s: _alarm(s, "executions-failed").update(properties))


def _without(name: str, metric: str, sources: Sources) -> None:
    metrics = _alarm(sources, name)["Metrics"]
    metrics[:] = [one for one in metrics if one["Id"] != metric]


def _topic(region: str) -> list[str]:
    return [f"arn:aws:sns:{region}:123456789012:firebreak-failures"]


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
    Fault(
        "an alarm that leaves out ingest",
        "alarms",
        "Errors firebreak-ingest Sum",
        lambda s: _without("functions-failed", "ingest", s),
    ),
    Fault(
        "nobody hears of answers that fail",
        "alarms",
        "Errors firebreak-decide-review Sum",
        lambda s: _without("commands-failed", "decide_review", s),
    ),
    Fault(
        "nobody hears that executions cannot be started",
        "alarms",
        "ThrottledEvents StartExecution Sum",
        lambda s: _without("executions-throttled", "starts", s),
    ),
    Fault(
        "nobody hears of a full index",
        "alarms",
        "WriteThrottleEvents firebreak-ledger feed Sum",
        lambda s: _without("ledger-throttled", "feed", s),
    ),
    Fault(
        "an alarm on an index that is not there",
        "alarms",
        "GlobalSecondaryIndexName feeds is not in the template",
        lambda s: _metric(s, "ledger-throttled", "feed")["MetricStat"]["Metric"]["Dimensions"][1].update(Value="feeds"),
    ),
    Fault(
        "a query for a metric that EventBridge has not",
        "alarms",
        "AWS/Events has no metric FailedInvocation that",
        lambda s: _metric(s, "events-refused", "watched").update(
            Expression='SELECT SUM(FailedInvocation) FROM "AWS/Events"'
        ),
    ),
    Fault(
        "a query for the events of one rule",
        "alarms",
        "not 'SELECT SUM(InvocationsFailedToBeSentToDlq)",
        lambda s: _metric(s, "events-lost", "watched").update(
            Expression="SELECT SUM(InvocationsFailedToBeSentToDlq) FROM \"AWS/Events\" WHERE RuleName = 'one'"
        ),
    ),
    Fault(
        "a query that looks once a day",
        "alarms",
        "EventsLost: waits for more than one period",
        lambda s: _metric(s, "events-lost", "watched").update(Period=86400),
    ),
    Fault(
        "an alarm on what another function dropped",
        "alarms",
        "AsyncEventsDropped firebreak-triage Sum",
        lambda s: _alarm(s, "ingest-dropped")["Dimensions"][0].update(Value="firebreak-triage"),
    ),
    Fault(
        "one old gate among many new ones",
        "alarms",
        "UnansweredGateSeconds Average",
        lambda s: _alarm(s, "unanswered-gate").update(Statistic="Average"),
    ),
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
    Fault(
        "a forwarder's alarm without action",
        "alarms",
        "ForwarderDeadLettersAlarm: tells nobody",
        lambda s: _forwarders(s).pop("AlarmActions"),
    ),
    Fault(
        "a forwarder's alarm that tells the home Region",
        "alarm_regions",
        "ForwarderDeadLettersAlarm: in us-east-1 it tells arn:aws:sns:eu-central-1",
        lambda s: _forwarders(s).update(AlarmActions=_topic("eu-central-1")),
    ),
    Fault(
        "an alarm that tells another Region",
        "alarm_regions",
        "ExecutionsFailed: in eu-central-1 it tells arn:aws:sns:us-east-1",
        lambda s: _alarm(s, "executions-failed").update(AlarmActions=_topic("us-east-1")),
    ),
]
