"""What each alarm watches, and when it rings. One table: an alarm that differs from it rings late or never."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from ..functions import functions
from .documents import Json

_AT_LEAST: Final = "GreaterThanOrEqualToThreshold"
_MORE_THAN: Final = "GreaterThanThreshold"
_VISIBLE: Final = "ApproximateNumberOfMessagesVisible"
_MACHINE: Final = "firebreak-incident-response"
_BESIDE: Final = ("firebreak-evidence", "firebreak-watch", "firebreak-restore")
_ENDS: Final = ("Failed", "TimedOut", "Aborted")
_LEDGER: Final = "firebreak-ledger"
_SUM_OF_SPARSE: Final = "SUM(FILL(METRICS(), 0))"
"""Of metrics that have no value while there is nothing to count."""

Metric = tuple[str, str, str, str]
"""Namespace, name, last part of what its dimension names (empty: none), statistic."""


@dataclass(frozen=True)
class Watched:
    """What an alarm says."""

    metrics: frozenset[Metric]
    expression: str
    """What is made of the metrics; empty for an alarm on one metric."""
    comparison: str
    largest_threshold: float


def _one(namespace: str, name: str, of: str, statistic: str, comparison: str = _AT_LEAST, most: float = 1) -> Watched:
    return Watched(frozenset({(namespace, name, of, statistic)}), "", comparison, most)


def _errors_of(commands: bool) -> set[Metric]:
    """Of what people call, or of the others. firebreak-containment-failed counts those of containments."""
    return {
        ("AWS/Lambda", "Errors", f"firebreak-{function.name}", "Sum")
        for function in functions()
        if not function.is_called_for_targets and (function.trigger == "command") == commands
    }


def _query(name: str) -> Watched:
    """A Metrics Insights query over every rule of the account, on whichever bus."""
    return Watched(frozenset(), f'SELECT SUM({name}) FROM "AWS/Events"', _AT_LEAST, 1)


WATCHED: Final[dict[str, Watched]] = {
    "firebreak-executions-failed": _one("AWS/States", "ExecutionsFailed", _MACHINE, "Sum"),
    "firebreak-executions-timed-out": _one("AWS/States", "ExecutionsTimedOut", _MACHINE, "Sum"),
    "firebreak-executions-aborted": _one("AWS/States", "ExecutionsAborted", _MACHINE, "Sum"),
    "firebreak-watch-failed": Watched(
        frozenset(
            {("AWS/States", f"Executions{how}", machine, "Sum") for how in _ENDS for machine in _BESIDE}
        ),
        _SUM_OF_SPARSE,
        _AT_LEAST,
        1,
    ),
    "firebreak-executions-throttled": Watched(
        frozenset(
            {
                ("AWS/States", "ExecutionThrottled", _MACHINE, "Sum"),
                ("AWS/States", "ThrottledEvents", "StartExecution", "Sum"),
            }
        ),
        _SUM_OF_SPARSE,
        _AT_LEAST,
        1,
    ),
    "firebreak-ledger-throttled": Watched(
        frozenset(
            {
                ("AWS/DynamoDB", "WriteThrottleEvents", _LEDGER, "Sum"),
                ("AWS/DynamoDB", "WriteThrottleEvents", f"{_LEDGER} feed", "Sum"),
            }
        ),
        _SUM_OF_SPARSE,
        _AT_LEAST,
        1,
    ),
    "firebreak-events-refused": _query("FailedInvocations"),
    "firebreak-events-lost": _query("InvocationsFailedToBeSentToDlq"),
    "firebreak-events-dlq": _one("AWS/SQS", _VISIBLE, "firebreak-events-dlq", "Maximum"),
    "firebreak-ingest-dlq": Watched(
        frozenset(
            {
                ("AWS/SQS", _VISIBLE, "firebreak-ingest-dlq", "Maximum"),
                ("AWS/Lambda", "DestinationDeliveryFailures", "firebreak-ingest", "Sum"),
            }
        ),
        "FILL(waiting, 0) + FILL(undelivered, 0)",
        _AT_LEAST,
        1,
    ),
    "firebreak-ingest-dropped": _one("AWS/Lambda", "AsyncEventsDropped", "firebreak-ingest", "Sum"),
    "firebreak-review-gate-dlq": _one("AWS/SQS", _VISIBLE, "firebreak-review-gate-dlq", "Maximum"),
    "firebreak-review-gate-age": _one(
        "AWS/SQS", "ApproximateAgeOfOldestMessage", "firebreak-review-gate", "Maximum", _MORE_THAN, 3600
    ),
    "firebreak-unanswered-gate": _one("Firebreak", "UnansweredGateSeconds", "", "Maximum", _MORE_THAN, 86400),
    "firebreak-time-to-contain": Watched(
        frozenset({("Firebreak", "TimeToContain", "", "Maximum")}), "slowest / 1000", _MORE_THAN, 900
    ),
    "firebreak-containment-failed": _one("Firebreak", "ContainmentsFailed", "", "Sum"),
    "firebreak-functions-failed": Watched(
        frozenset({("AWS/Lambda", "Throttles", "", "Sum"), *_errors_of(commands=False)}),
        "SUM(METRICS())",
        _AT_LEAST,
        100,
    ),
    "firebreak-commands-failed": Watched(frozenset(_errors_of(commands=True)), "SUM(METRICS())", _AT_LEAST, 100),
}
"""By the alarm's name. Thresholds that an environment sets have room here: 900 s, an hour, a day, 100 errors."""

_LONGEST_PERIOD: Final = 300


def differs(name: str, alarm: Json) -> list[str]:
    """What is not as in the table."""
    wanted, parts = WATCHED[name], alarm.get("Metrics") or []
    stats = [one["MetricStat"] for one in parts if "MetricStat" in one]
    queries = stats if parts else [{"Metric": alarm, "Stat": alarm.get("Statistic"), "Period": alarm.get("Period")}]
    periods = [int(one.get("Period") or 0) for one in queries or parts]
    metrics = frozenset(_metric(one["Metric"], one.get("Stat")) for one in queries)
    expressions = [one for one in parts if one.get("ReturnData", True) is not False]
    expression = [str(one.get("Expression")) for one in expressions] or [""]
    threshold = float(alarm.get("Threshold", "inf"))
    told = [
        (
            metrics == wanted.metrics,
            f"watches {_listed(metrics - wanted.metrics)} instead of {_listed(wanted.metrics - metrics)}",
        ),
        (expression == [wanted.expression], f"computes {expression}, not {wanted.expression!r}"),
        (alarm.get("ComparisonOperator") == wanted.comparison, f"compares with {alarm.get('ComparisonOperator')}"),
        (
            threshold <= wanted.largest_threshold,
            f"rings at {threshold:g} only, later than {wanted.largest_threshold:g}",
        ),
        (
            all(0 < period <= _LONGEST_PERIOD for period in periods) and int(alarm.get("EvaluationPeriods") or 0) == 1,
            "waits for more than one period of five minutes, or has none",
        ),
        (not any("Unit" in one for one in (alarm, *queries)), "has a unit: it counts no value of another one"),
        (alarm.get("TreatMissingData") == "notBreaching", "does not take missing data for good"),
    ]
    return [what for holds, what in told if not holds]


def _metric(metric: dict[str, Any], statistic: object) -> Metric:
    named = [str(one["Value"]).rsplit(":", 1)[-1] for one in metric.get("Dimensions") or []]
    return str(metric.get("Namespace")), str(metric.get("MetricName")), " ".join(named), str(statistic)


def _listed(metrics: frozenset[Metric]) -> str:
    return ", ".join(sorted(" ".join(one).replace("  ", " ") for one in metrics)) or "nothing"
