"""EventBridge decides by `event_pattern`: for its rules, and for whoever asks TestEventPattern.

moto's own matching does not look inside arrays, and its TestEventPattern answers nothing.
"""

from __future__ import annotations

import json
from typing import Any, Final

from moto.events import models
from moto.events.exceptions import InvalidEventPatternException, ValidationException
from moto.events.responses import EventsHandler

from .event_delivery import delivered
from .event_pattern import EventPattern, InvalidPattern

# The API reference lists `resources`, too; AWS answers without it.
_MANDATORY: Final = ("id", "account", "source", "time", "region", "detail-type")


# EventBridge quotas, "Event pattern size".
_LONGEST: Final = 2048


def install() -> None:
    """Patches moto's patterns."""
    moto_load = models.EventPattern.load.__func__

    def load(cls: type[models.EventPattern], raw_pattern: str | None) -> models.EventPattern:
        # First, because moto's reader answers 500 to JSON that is not an object.
        compiled = _compile(raw_pattern) if raw_pattern else None
        loaded: models.EventPattern = moto_load(cls, raw_pattern)
        loaded.compiled = compiled
        return loaded

    def matches_event(self: models.EventPattern, event: dict[str, Any]) -> bool:
        # A rule without a pattern is a schedule: no event is for it.
        return self.compiled is not None and self.compiled.matches(delivered(event))

    models.EventPattern.load = classmethod(load)
    models.EventPattern.matches_event = matches_event
    EventsHandler.test_event_pattern = _test_event_pattern


def _test_event_pattern(self: EventsHandler) -> tuple[str, dict[str, Any]]:
    pattern = _compile(self._get_param("EventPattern"))
    answer = {"Result": pattern.matches(_event(self._get_param("Event")))}
    return json.dumps(answer), self.response_headers


def _compile(text: str | None) -> EventPattern:
    if len(text or "") > _LONGEST:
        raise InvalidEventPatternException(reason=f"{len(text or '')} characters, and a pattern has at most {_LONGEST}")
    try:
        return EventPattern(json.loads(text or ""))
    except json.JSONDecodeError as error:
        raise InvalidEventPatternException(reason=f"not JSON: {error}") from error
    except InvalidPattern as error:
        raise InvalidEventPatternException(reason=str(error)) from error


def _event(text: str | None) -> dict[str, Any]:
    try:
        event = json.loads(text or "")
    except json.JSONDecodeError:
        event = None
    if not isinstance(event, dict) or not all(field in event for field in _MANDATORY):
        raise ValidationException("Parameter Event is not valid.")
    return event
