"""Faults for a template: what a deployment would lose without a word from CloudFormation."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

Json = dict[str, Any]


@dataclass(frozen=True)
class Fault:
    """Something wrong in one template."""

    what: str
    template: str
    plant: Callable[[Json], None]
    """Changes the template."""
    says: str
    """Part of what must be said about it."""


def _trust(template: Json) -> None:
    properties = _named(template, "AWS::IAM::Role", "RoleName", "FirebreakMemberQuarantineIam")
    trust = json.dumps(properties["AssumeRolePolicyDocument"])
    properties["AssumeRolePolicyDocument"] = json.loads(
        trust.replace("/FirebreakQuarantineIam", "/FirebreakLockdownS3")
    )


def _permission(template: Json) -> None:
    properties = _named(template, "AWS::IAM::Role", "RoleName", "FirebreakIngest")
    for policy in properties["Policies"]:
        document = policy["PolicyDocument"]
        document["Statement"] = [one for one in document["Statement"] if one["Action"] != "states:StartExecution"]


def _dead_letters(template: Json) -> None:
    [retries] = [body for name, body in template["Resources"].items() if name == "IngestRetries"]
    destination = retries["Properties"]["DestinationConfig"]["OnFailure"]
    destination["Destination"] = {"Fn::GetAtt": ["EventsDeadLetters", "Arn"]}


def _named(template: Json, kind: str, key: str, name: str) -> Json:
    """The properties of the one resource of a type that has this name."""
    found: list[Json] = [
        body["Properties"]
        for body in template["Resources"].values()
        if body["Type"] == kind and body["Properties"].get(key) == name
    ]
    [properties] = found
    return properties


FAULTS: Final = {
    "wrong-role": Fault(
        "FirebreakMemberQuarantineIam trusts another function's role", "member-account", _trust, "sts:AssumeRole"
    ),
    "lost-permission": Fault(
        "ingest may not start the state machine", "security-account", _permission, "states:StartExecution"
    ),
    "wrong-dead-letters": Fault(
        "what ingest cannot hand over goes to the rules' dead letters", "security-account", _dead_letters,
        "there is no finding in firebreak-ingest-dlq",
    ),
}  # fmt: skip
