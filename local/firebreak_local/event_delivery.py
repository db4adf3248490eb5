"""EventBridge rule to function, and to state machine.

moto knows neither target (PutEvents answers 500) nor the shape EventBridge delivers (it drops `account` and sends
`time` as a number). This adds both. As on AWS, who puts an event never learns what became of its delivery.
"""

from __future__ import annotations

import json
import logging
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final

from moto.awslambda_simple.models import lambda_simple_backends
from moto.events import models
from moto.events.exceptions import ValidationException
from moto.stepfunctions.parser.models import stepfunctions_parser_backends

from .lambda_host import LambdaHost, describe

_Delivery = Callable[[str, str, str], None]
"""Takes the target's ARN, the event as JSON, and who sends it, in words for the log."""

_TRANSFORMATIONS: Final = ("Input", "InputPath", "InputTransformer")
_LOG = logging.getLogger(__name__)


def install(host: LambdaHost, found: Callable[[Any], None]) -> None:
    """Patches moto's rules. `found` hears of GuardDuty's findings before anybody is sent them."""
    moto_put_targets = models.Rule.put_targets
    moto_send = models.Rule.send_to_targets
    deliveries: dict[tuple[str, str], _Delivery] = {
        ("lambda", "function"): lambda arn, document, sender: _to_function(host, arn, document, sender),
        ("states", "stateMachine"): _to_state_machine,
    }

    def put_targets(self: models.Rule, targets: list[dict[str, Any]]) -> None:
        for target in targets:
            if _kind(target["Arn"]) in deliveries and any(key in target for key in _TRANSFORMATIONS):
                raise ValidationException(
                    "the local AWS delivers whole events to functions and state machines: no input transformation"
                )
        moto_put_targets(self, targets)

    def send_to_targets(self: models.Rule, original_event: dict[str, Any], transform_input: bool = True) -> None:
        if self.state != "ENABLED" or not self.event_pattern.matches_event(original_event):
            return
        if original_event["source"] == "aws.guardduty":
            found(original_event["detail"])
        document = _document(delivered(original_event))
        sender = f"event {original_event['id']} of rule {self.name}"
        others = []
        for target in self.targets:
            deliver = deliveries.get(_kind(target["Arn"]))
            if deliver is None:
                others.append(target)
                continue
            try:
                deliver(target["Arn"], document, sender)
            except Exception:
                _LOG.exception("%s is lost: no delivery to %s", sender, target["Arn"])
        if others:
            # On a copy without the other kinds: moto raises on a target it does not know.
            rest = models.Rule.__new__(models.Rule)
            rest.__dict__.update(self.__dict__, targets=others)
            moto_send(rest, original_event, transform_input)

    models.Rule.put_targets = put_targets
    models.Rule.send_to_targets = send_to_targets


def delivered(event: dict[str, Any]) -> dict[str, Any]:
    """The event as EventBridge hands it over, from moto's inner form of it."""
    replay = {"replay-name": event["replay-name"]} if "replay-name" in event else {}
    return {
        "version": "0",
        "id": event["id"],
        "detail-type": event["detail-type"],
        "source": event["source"],
        "account": event["account"],
        "time": _rfc3339(event["time"]),
        "region": event["region"],
        "resources": event["resources"],
        "detail": event["detail"],
        **replay,
    }


def _document(event: dict[str, Any]) -> str:
    # Compact and not escaped, or a large event would arrive larger than it was put. But half of a surrogate pair has
    # no UTF-8; its escape is the same in Python and in JSON.
    text = json.dumps(event, ensure_ascii=False, separators=(",", ":"))
    return text.encode(errors="backslashreplace").decode()


def _kind(arn: str) -> tuple[str, str]:
    """Service and resource type, where an ARN names both."""
    parts = arn.split(":")
    return (parts[2], parts[5]) if len(parts) > 6 else ("", "")


def _to_function(host: LambdaHost, arn: str, document: str, sender: str) -> None:
    _, _, _, region, account, _, name, *qualifier = arn.split(":")
    alias = qualifier[0] if qualifier else None
    function = lambda_simple_backends[account][region].get_function(name, alias)
    host.invoke_later(describe(function, alias), document.encode(), sender)


def _to_state_machine(arn: str, document: str, sender: str) -> None:
    _, _, _, region, account, *_ = arn.split(":")
    backend = stepfunctions_parser_backends[account][region]
    backend.start_execution(arn, name=str(uuid.uuid4()), execution_input=document)


def _rfc3339(time: str | float) -> str:
    """Whole seconds in UTC, whether PutEvents carried a number or a text."""
    try:
        moment = datetime.fromtimestamp(float(time), UTC)
    except ValueError:
        moment = datetime.fromisoformat(str(time)).astimezone(UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
