"""CloudTrail's LookupEvents, over the events someone planted.

moto has trails, but no events: LookupEvents answers with an HTML page. Nothing is recorded here, so an event that is
to be found has to be put there first. It is found at once, and however old it is; on AWS it takes minutes to appear,
and 90 days to vanish. AWS refuses more than two requests per second; here it is a hundred, because a demo must not wait for
a pace. A client without any pace fails all the same.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable
from typing import Any, Final

from moto.cloudtrail.responses import CloudTrailResponse
from moto.core.exceptions import JsonRESTError

from .planted_trail import Event, Place, PlantedTrail
from .token_buckets import TokenBuckets

_PAGE: Final = 50
_REQUESTS_PER_SECOND: Final = 100
"""Of an account in a Region."""
_ATTRIBUTES: Final = frozenset(
    {"EventId", "EventName", "ReadOnly", "Username", "ResourceType", "ResourceName", "EventSource", "AccessKeyId"}
)


def install(trail: PlantedTrail) -> None:
    """Adds LookupEvents to moto's CloudTrail."""
    buckets = TokenBuckets(_REQUESTS_PER_SECOND)

    def lookup_events(self: CloudTrailResponse) -> str:
        place = Place(self.current_account, self.region)
        if not buckets.take(place):
            raise JsonRESTError("ThrottlingException", "Rate exceeded")
        return json.dumps(_page(trail.of(place), place, self._get_param))

    CloudTrailResponse.lookup_events = lookup_events


def _page(events: list[Event], place: Place, parameter: Callable[..., Any]) -> dict[str, Any]:
    start, end, size = parameter("StartTime"), parameter("EndTime"), parameter("MaxResults", _PAGE)
    attribute = _attribute(parameter("LookupAttributes", []))
    if start is not None and end is not None and start > end:
        raise JsonRESTError("InvalidTimeRangeException", "The start time is after the end time.")
    if not 1 <= size <= _PAGE:
        raise JsonRESTError("InvalidMaxResultsException", f"MaxResults must be from 1 to {_PAGE}.")
    if parameter("EventCategory") == "insight":
        return {"Events": []}
    found = [
        event.summary
        for event in events
        if (start is None or event.time >= start)
        and (end is None or event.time <= end)
        and (attribute is None or event.has(*attribute))
    ]
    # A token is good for the same question only; after other events were planted, it is another question.
    question = json.dumps([place.account, place.region, attribute, start, end, size, [f["EventId"] for f in found]])
    digest = hashlib.sha256(question.encode()).hexdigest()
    first = _position(parameter("NextToken"), digest)
    page: dict[str, Any] = {"Events": found[first : first + size]}
    if first + size < len(found):
        page["NextToken"] = base64.urlsafe_b64encode(f"{first + size}.{digest}".encode()).decode()
    return page


def _attribute(attributes: list[dict[str, str]]) -> tuple[str, str] | None:
    if not attributes:
        return None
    key, value = attributes[0].get("AttributeKey"), attributes[0].get("AttributeValue")
    if len(attributes) > 1 or key not in _ATTRIBUTES or not value or len(value) > 2000:
        raise JsonRESTError("InvalidLookupAttributesException", "One lookup attribute with a known key and a value.")
    return key, value


def _position(token: str | None, digest: str) -> int:
    if token is None:
        return 0
    try:
        position, _, asked = base64.urlsafe_b64decode(token).decode().partition(".")
    except ValueError:
        asked = ""
    if asked != digest:
        raise JsonRESTError("InvalidNextTokenException", "The token is not valid, or belongs to other parameters.")
    return int(position)
