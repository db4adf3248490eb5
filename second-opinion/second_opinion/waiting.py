"""Waiting for something that comes, and not longer."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final, TypeVar

from .errors import SecondOpinionError

_Found = TypeVar("_Found")
_PAUSE: Final = 0.1
"""Seconds between two looks."""


class TooLate(SecondOpinionError):
    """Something did not come in time."""


def until(what: str, seconds: float, look: Callable[[], _Found | None]) -> _Found:
    """The first answer of `look` that is neither None nor empty."""
    end = time.monotonic() + seconds
    while True:
        if found := look():
            return found
        if time.monotonic() > end:
            raise TooLate(f"after {seconds:.0f} s there is no {what}")
        time.sleep(_PAUSE)
