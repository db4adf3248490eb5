"""A rate limit as AWS keeps it: a bucket of tokens for each caller, filled at a steady rate."""

from __future__ import annotations

import threading
import time
from collections.abc import Hashable


class TokenBuckets:
    """One bucket per key. Each holds as many requests as are allowed in a second, and is full at first."""

    def __init__(self, per_second: int) -> None:
        self._per_second = per_second
        self._lock = threading.Lock()
        self._buckets: dict[Hashable, tuple[float, float]] = {}
        """How many tokens were there, and when."""

    def take(self, key: Hashable) -> bool:
        """Takes a token for one request; False when there is none."""
        with self._lock:
            now = time.monotonic()
            left, since = self._buckets.get(key, (float(self._per_second), now))
            left = min(float(self._per_second), left + (now - since) * self._per_second)
            allowed = left >= 1
            self._buckets[key] = (left - 1 if allowed else left, now)
            return allowed
