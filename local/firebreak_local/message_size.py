"""Messages AWS refuses for their size, and moto takes: entries of PutEvents, and the input of an execution.

A finding travels through both, and the first may be four times as large as the second.
"""

from __future__ import annotations

from typing import Any, Final

from moto.events.exceptions import ValidationException as EventsValidationException
from moto.events.models import EventsBackend
from moto.stepfunctions.exceptions import ValidationException as StatesValidationException
from moto.stepfunctions.parser.models import StepFunctionsParserBackend

_ENTRIES_LIMIT: Final = 1_048_576
_INPUT_LIMIT: Final = 262_144


def install() -> None:
    """Applies both limits."""
    _limit_entries()
    _limit_execution_input()


def _limit_entries() -> None:
    """PutEvents took 1,048,577 bytes. The limit is on all entries of a request together."""
    moto_put_events = EventsBackend.put_events

    def put_events(self: EventsBackend, events: list[dict[str, Any]]) -> list[dict[str, Any]]:
        if sum(map(_entry_size, events)) > _ENTRIES_LIMIT:
            raise EventsValidationException("Total size of the entries in the request is over the limit.")
        return moto_put_events(self, events)

    EventsBackend.put_events = put_events


def _entry_size(entry: dict[str, Any]) -> int:
    """As the EventBridge user guide calculates it; the names of the fields are free."""
    texts = [entry.get("Source"), entry.get("DetailType"), entry.get("Detail"), *(entry.get("Resources") or ())]
    return (14 if entry.get("Time") else 0) + sum(_utf8_length(text) for text in texts if text)


def _limit_execution_input() -> None:
    """StartExecution took 262,145 bytes. AWS counts bytes of UTF-8, and keeps the value out of its answer."""
    start_execution = StepFunctionsParserBackend.start_execution

    def start(
        self: Any,
        state_machine_arn: str,
        name: str | None = None,
        execution_input: str | None = None,
        *args: Any,
        **kwargs: Any,
    ) -> Any:
        if _utf8_length(execution_input or "") > _INPUT_LIMIT:
            raise StatesValidationException(
                "1 validation error detected: Value at 'input' failed to satisfy constraint: "
                f"Member must have length less than or equal to {_INPUT_LIMIT}"
            )
        return start_execution(self, state_machine_arn, name, execution_input, *args, **kwargs)

    StepFunctionsParserBackend.start_execution = start


def _utf8_length(text: str) -> int:
    # JSON can carry half of a surrogate pair, which has no UTF-8 of its own; it must not make this fail.
    return len(text.encode(errors="surrogatepass"))
