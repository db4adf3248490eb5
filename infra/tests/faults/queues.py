"""Queues, topics and logs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from firebreak_infra.rules.documents import SECURITY, Json, Sources

from .fault import Fault, properties


def _queue(sources: Sources, name: str) -> Json:
    return properties(sources, SECURITY, "AWS::SQS::Queue", QueueName=name)


def _logs(sources: Sources) -> Json:
    return properties(sources, SECURITY, "AWS::Logs::LogGroup", LogGroupName="/aws/lambda/firebreak-triage")


def _topics_without_tls(sources: Sources) -> None:
    for body in sources.templates[SECURITY]["Resources"].values():
        if body["Type"] == "AWS::SNS::TopicPolicy":
            statements = body["Properties"]["PolicyDocument"]["Statement"]
            statements[:] = [one for one in statements if one["Sid"] != "TlsOnly"]


def _mapping(sources: Sources) -> Json:
    return properties(sources, SECURITY, "AWS::Lambda::EventSourceMapping")


def _without(type: str) -> Callable[[Sources], None]:
    """Takes away the one resource of a type."""

    def plant(sources: Sources) -> None:
        resources = sources.templates[SECURITY]["Resources"]
        [name] = [name for name, body in resources.items() if body["Type"] == type]
        del resources[name]

    return plant


def _second_reader(sources: Sources) -> None:
    mapping = {**_mapping(sources), "FunctionName": "firebreak-decide-review"}
    sources.templates[SECURITY]["Resources"]["SecondReader"] = {
        "Type": "AWS::Lambda::EventSourceMapping",
        "Properties": mapping,
    }


_GATE: Final = "firebreak-review-gate"

FAULTS: Final = [
    Fault(
        "visibility time-out below six times the function's",
        "queues",
        "shows a message again",
        lambda s: _queue(s, _GATE).update(VisibilityTimeout=60),
    ),
    Fault(
        "a queue without dead-letter queue",
        "queues",
        "has no dead-letter queue",
        lambda s: _queue(s, _GATE).pop("RedrivePolicy"),
    ),
    Fault(
        "one bad message sends back the batch",
        "queues",
        "sends back the whole batch",
        lambda s: _mapping(s).pop("FunctionResponseTypes"),
    ),
    Fault(
        "nobody takes the gate's messages",
        "queues",
        "is taken by nobody",
        _without("AWS::Lambda::EventSourceMapping"),
    ),
    Fault(
        "the gate's messages are not taken", "queues", "is switched off", lambda s: _mapping(s).update(Enabled=False)
    ),
    Fault(
        "two functions take the gate's messages", "queues", "firebreak-open-review, firebreak-decide", _second_reader
    ),
    Fault(
        "what ingest fails on is lost",
        "queues",
        "fails on for good is lost",
        _without("AWS::Lambda::EventInvokeConfig"),
    ),
    Fault(
        "what ingest fails on ends in another queue",
        "queues",
        "fails on for good is lost",
        lambda s: properties(s, SECURITY, "AWS::Lambda::EventInvokeConfig")["DestinationConfig"]["OnFailure"].update(
            Destination={"Fn::GetAtt": ["EventsDeadLetters", "Arn"]}
        ),
    ),
    Fault(
        "a queue without key",
        "encryption",
        "is not encrypted",
        lambda s: _queue(s, "firebreak-events-dlq").pop("KmsMasterKeyId"),
    ),
    Fault(
        "a topic with AWS's key, which alarms cannot use",
        "encryption",
        "is not encrypted",
        lambda s: properties(s, SECURITY, "AWS::SNS::Topic", TopicName="firebreak-failures").update(
            KmsMasterKeyId="alias/aws/sns"
        ),
    ),
    Fault("topics take requests without TLS", "encryption", "without TLS", _topics_without_tls),
    Fault(
        "a key that is not rotated",
        "encryption",
        "is not rotated",
        lambda s: properties(s, SECURITY, "AWS::KMS::Key").pop("EnableKeyRotation"),
    ),
    Fault("logs are kept for ever", "logs", "keeps logs for ever", lambda s: _logs(s).pop("RetentionInDays")),
    Fault(
        "a function without log group",
        "logs",
        "has no log group",
        lambda s: _logs(s).update(LogGroupName="/aws/lambda/triage"),
    ),
]
