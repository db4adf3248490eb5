"""EventBridge rule to state machine.

moto knows neither this target (PutEvents answers 500) nor the shape EventBridge delivers (it drops `account` and sends
`time` as a number). This replaces moto's matching and adds the one kind of target Firebreak uses.
"""

from __future__ import annotations

import json
import uuid
from datetime import UTC, datetime
from typing import Any, Final

from moto.events import models
from moto.events.exceptions import InvalidEventPatternException, ValidationException
from moto.stepfunctions.parser.models import stepfunctions_parser_backends

from .event_pattern import EventPattern, InvalidPattern

_TRANSFORMATIONS: Final = ("Input", "InputPath", "InputTransformer")


def install() -> None:
    """Patches moto's rules."""
    moto_load = models.EventPattern.load.__func__
    moto_put_targets = models.Rule.put_targets
    moto_send = models.Rule.send_to_targets

    def load(cls: type[models.EventPattern], raw_pattern: str | None) -> models.EventPattern:
        loaded: models.EventPattern = moto_load(cls, raw_pattern)
        try:
            loaded.compiled = EventPattern(loaded.get_pattern()) if raw_pattern else None
        except InvalidPattern as error:
            raise InvalidEventPatternException(reason=str(error)) from error
        return loaded

    def matches_event(self: models.EventPattern, event: dict[str, Any]) -> bool:
        # A rule without a pattern is a schedule: no event is for it.
        return self.compiled is not None and self.compiled.matches(_delivered(event))

    def put_targets(self: models.Rule, targets: list[dict[str, Any]]) -> None:
        for target in filter(_is_state_machine, targets):
            if any(key in target for key in _TRANSFORMATIONS):
                raise ValidationException(
                    "the local AWS delivers whole events to state machines: no input transformation"
                )
        moto_put_targets(self, targets)

    def send_to_targets(self: models.Rule, original_event: dict[str, Any], transform_input: bool = True) -> None:
        if self.state != "ENABLED" or not self.event_pattern.matches_event(original_event):
            return
        for target in filter(_is_state_machine, self.targets):
            _, _, _, region, account, *_ = target["Arn"].split(":")
            stepfunctions_parser_backends[account][region].start_execution(
                target["Arn"], name=str(uuid.uuid4()), execution_input=json.dumps(_delivered(original_event))
            )
        others = [target for target in self.targets if not _is_state_machine(target)]
        if others:
            # On a copy without the state machines: moto raises on a target it does not know.
            rest = models.Rule.__new__(models.Rule)
            rest.__dict__.update(self.__dict__, targets=others)
            moto_send(rest, original_event, transform_input)

    models.EventPattern.load = classmethod(load)
    models.EventPattern.matches_event = matches_event
    models.Rule.put_targets = put_targets
    models.Rule.send_to_targets = send_to_targets


def _is_state_machine(target: dict[str, Any]) -> bool:
    return ":states:" in target["Arn"] and ":stateMachine:" in target["Arn"]


def _delivered(event: dict[str, Any]) -> dict[str, Any]:
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


def _rfc3339(time: str | float) -> str:
    """Whole seconds in UTC, whether PutEvents carried a number or a text."""
    try:
        moment = datetime.fromtimestamp(float(time), UTC)
    except ValueError:
        moment = datetime.fromisoformat(str(time)).astimezone(UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
