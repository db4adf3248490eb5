"""The events CloudTrail knows: those someone planted through the control API."""

from __future__ import annotations

import json
import re
import threading
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from moto.cloudtrail.models import cloudtrail_backends

_TEXTS: Final = ("eventID", "eventName", "eventSource", "eventTime")
_FIELDS: Final = {"account", "region", "event", "resources"}


class InvalidEvent(ValueError):
    """Something planted that could never be found."""


@dataclass(frozen=True)
class Place:
    """An account in a Region: CloudTrail looks up events, and counts requests, in one such place."""

    account: str
    region: str


@dataclass(frozen=True)
class Event:
    """One event, where CloudTrail keeps it."""

    place: Place
    time: float
    summary: dict[str, Any]
    """As LookupEvents answers with it."""

    def has(self, key: str, value: str) -> bool:
        """Whether a lookup attribute has this value."""
        if key in ("ResourceName", "ResourceType"):
            return any(resource.get(key) == value for resource in self.summary["Resources"])
        return self.summary.get(key) == value


class PlantedTrail:
    """All events of all accounts and Regions."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._documents: list[dict[str, Any]] = []
        self._events: list[Event] = []

    def plant(self, document: Any) -> None:
        """Replaces the events. Raises InvalidEvent."""
        if not isinstance(document, list):
            raise InvalidEvent("the trail is a JSON array of objects with account, region and event")
        events = [_parse(entry) for entry in document]
        ids = [event.summary["EventId"] for event in events]
        if twice := sorted({name for name in ids if ids.count(name) > 1}):
            raise InvalidEvent(f"there twice: {', '.join(twice)}")
        # The sort keeps the order of events of the same second.
        events.sort(key=lambda event: event.time, reverse=True)
        with self._lock:
            self._documents, self._events = document, events

    def planted(self) -> list[dict[str, Any]]:
        """What is planted."""
        with self._lock:
            return self._documents

    def of(self, place: Place) -> list[Event]:
        """The events of an account in a Region, newest first."""
        with self._lock:
            return [event for event in self._events if event.place == place]


def _parse(entry: Any) -> Event:
    if not isinstance(entry, dict) or not {"account", "region", "event"} <= set(entry) <= _FIELDS:
        raise InvalidEvent(f"an entry has account, region, event and, if wanted, resources: {entry!r}")
    place, record = Place(entry["account"], entry["region"]), entry["event"]
    if not isinstance(place.account, str) or not re.fullmatch(r"\d{12}", place.account):
        raise InvalidEvent(f"no account number: {place.account!r}")
    if not isinstance(place.region, str) or place.region not in cloudtrail_backends[place.account]:
        raise InvalidEvent(f"no Region {place.region!r}")
    if not isinstance(record, dict) or not all(isinstance(record.get(name), str) for name in _TEXTS):
        raise InvalidEvent(f"an event is a CloudTrail record with the texts {', '.join(_TEXTS)}: {record!r}")
    name = record["eventID"]
    if not isinstance(record.get("userIdentity"), dict):
        raise InvalidEvent(f"event {name} has no userIdentity")
    # A record that says it belongs elsewhere could not be found here on AWS.
    for field, here in (("awsRegion", place.region), ("recipientAccountId", place.account)):
        if record.get(field, here) != here:
            raise InvalidEvent(f"event {name} has {field} {record[field]!r} and is planted in {here}")
    time = _seconds(record["eventTime"], name)
    return Event(place, time, _summary(record, time, _resources(entry, record, name)))


def _seconds(text: str, name: str) -> float:
    try:
        return datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC).timestamp()
    except ValueError as error:
        raise InvalidEvent(f"event {name}: eventTime {text!r} is not like 2026-11-21T08:00:00Z") from error


def _resources(entry: dict[str, Any], record: dict[str, Any], name: str) -> list[dict[str, str]]:
    """What CloudTrail would say the event is about. It knows more than the record says, so it can be planted."""
    if "resources" not in entry:
        named = [r for r in record.get("resources") or [] if "ARN" in r]
        return [{"ResourceType": r.get("type", ""), "ResourceName": r["ARN"]} for r in named]
    resources: list[dict[str, str]] = entry["resources"]
    if not isinstance(resources, list) or not all(
        isinstance(r, dict) and set(r) == {"ResourceType", "ResourceName"} for r in resources
    ):
        raise InvalidEvent(f"event {name}: resources are objects of ResourceType and ResourceName: {resources!r}")
    return resources


def _summary(record: dict[str, Any], time: float, resources: list[dict[str, str]]) -> dict[str, Any]:
    identity = record["userIdentity"]
    summary = {
        "EventId": record["eventID"],
        "EventName": record["eventName"],
        "ReadOnly": str(record["readOnly"]).lower() if "readOnly" in record else None,
        "AccessKeyId": identity.get("accessKeyId"),
        "EventTime": time,
        "EventSource": record["eventSource"],
        "Username": _user_name(identity),
        "Resources": resources,
        "CloudTrailEvent": json.dumps(record),
    }
    return {key: value for key, value in summary.items() if value is not None}


def _user_name(identity: dict[str, Any]) -> str | None:
    """Of a role's session its own name, not the role's, as in the AWS CLI's example of lookup-events."""
    if identity.get("type") == "Root":
        return "root"
    if "userName" in identity:
        name: str = identity["userName"]
        return name
    session = identity.get("principalId", "").partition(":")[2]
    return session or None
