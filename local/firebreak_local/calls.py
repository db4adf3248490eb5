"""The record of every call to the local AWS, in order of arrival."""

from __future__ import annotations

import itertools
import threading
import time
from collections import deque
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any, Final

from .callers import Caller
from .operations import Operation
from .redaction import Redactor

_KEPT: Final = 20_000
"""A bound on memory for a local AWS that runs for days; the oldest calls go first."""


@dataclass
class Call:
    """One call. `status` is None until it is answered, 0 when its connection was closed instead.

    It was under way from `started_at` to `ended_at`, in seconds of a clock that is never set. `ended_at` is taken
    before the answer leaves, so two calls that overlap here were under way together, and whoever waited for one call's
    answer began the next one after its end.
    """

    seq: int
    at: str
    service: str
    operation: str
    access_key: str | None
    caller: str | None
    function: str | None
    account: str | None
    path: str
    status: int | None
    params: dict[str, Any] | None
    started_at: float
    ended_at: float | None


class CallRecord:
    """All calls since the start or the last `clear`."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._numbers = itertools.count(1)
        self._calls: deque[Call] = deque(maxlen=_KEPT)
        self._redactor = Redactor()
        self._start = time.monotonic()

    def now(self) -> float:
        """Seconds since this record was begun."""
        return round(time.monotonic() - self._start, 6)

    def add(self, operation: Operation, caller: Caller, path: str, started_at: float) -> Call:
        """Takes note of a call on its arrival."""
        params = self._redactor.clean(operation.params)
        at = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        with self._lock:
            call = Call(
                seq=next(self._numbers),
                at=at,
                service=operation.service,
                operation=operation.name,
                access_key=operation.access_key,
                caller=caller.name,
                function=caller.function,
                account=caller.account,
                path=path,
                status=None,
                params=params,
                started_at=started_at,
                ended_at=None,
            )
            self._calls.append(call)
        return call

    def snapshot(self) -> list[dict[str, Any]]:
        """The calls so far."""
        with self._lock:
            return [asdict(call) for call in self._calls]

    def clear(self) -> None:
        """Forgets the calls. Numbering goes on, so that calls from before and after stay apart."""
        with self._lock:
            self._calls.clear()
