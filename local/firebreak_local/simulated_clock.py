"""A clock that a test sets, for what takes days: it can be faster than the real one, and go forward at once.

Until it is set it shows the real time. The functions read the same line from FIREBREAK_CLOCK, in debug builds alone
(`crates/firebreak-aws/src/clock/simulated.rs`).
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

VARIABLE: Final = "FIREBREAK_CLOCK"
_FASTEST: Final = 100_000
_FARTHEST: Final = 366 * 86_400


class InvalidClock(ValueError):
    """What no clock can show."""


@dataclass(frozen=True)
class _Line:
    """From this real time on the clock shows this simulated time, and so many milliseconds more after each real one."""

    real: int
    simulated: int
    speed: int

    def at(self, real: float) -> float:
        return self.simulated + (real - self.real) * self.speed


class SimulatedClock:
    """The time of one local AWS."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._line: _Line | None = None
        self._waiting: dict[object, threading.Condition] = {}

    def set(self, speed: int | None, forward: int) -> None:
        """So many seconds pass in a real one from now on, after the clock went forward. What waits, waits by the new time."""
        if speed is not None and not 1 <= speed <= _FASTEST:
            raise InvalidClock(f"a speed is 1 to {_FASTEST}, not {speed}")
        if not 0 <= forward <= _FARTHEST:
            raise InvalidClock(f"the clock goes forward by 0 to {_FARTHEST} seconds, not {forward}")
        real = int(time.time() * 1000)
        with self._lock:
            line = self._line or _Line(real, real, 1)
            self._line = _Line(real, int(line.at(real)) + forward * 1000, speed or line.speed)
            waiting = list(self._waiting.values())
        for condition in waiting:
            with condition:
                condition.notify_all()

    def environment(self) -> dict[str, str]:
        """What a new process is told."""
        line = self._line
        return {VARIABLE: f"{line.real},{line.simulated},{line.speed}"} if line else {}

    def at(self, real: float) -> datetime:
        """What the clock shows at a real time, which is given in seconds since 1970."""
        return datetime.fromtimestamp(self._seconds(real), tz=UTC)

    def now(self) -> datetime:
        """What it shows."""
        return self.at(time.time())

    def wait(self, event: threading.Event, seconds: float | None, is_over: Callable[[], bool]) -> bool:
        """Waits at most so many simulated seconds; whoever sets the event wakes it. Returns whether it is over."""
        end = None if seconds is None else self._seconds(time.time()) + seconds
        condition: threading.Condition = vars(event)["_cond"]
        waiter = object()
        with condition:
            with self._lock:
                self._waiting[waiter] = condition
            try:
                while not is_over():
                    left = None if end is None else self._until(end)
                    if left is not None and left <= 0:
                        break
                    condition.wait(left)
                return is_over()
            finally:
                with self._lock:
                    del self._waiting[waiter]

    def sleep(self, seconds: float) -> None:
        """`time.sleep`, in simulated seconds."""
        self.wait(threading.Event(), seconds, lambda: False)

    def _seconds(self, real: float) -> float:
        line = self._line
        return line.at(real * 1000) / 1000 if line else real

    def _until(self, end: float) -> float:
        """Real seconds until a simulated time."""
        line = self._line
        left = (end - self._seconds(time.time())) / (line.speed if line else 1)
        return min(left, threading.TIMEOUT_MAX)
