"""What MiniStack does otherwise than AWS documents, where Firebreak's policies rely on it.

Each repair names the document, and looks first whether MiniStack still needs it: one that it needs no more ends the run.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

REPAIRED: Final = "repaired: "
"""Begins a line of the log, one for each repair."""


@dataclass(frozen=True)
class Repair:
    """One thing that MiniStack does otherwise."""

    what: str
    document: str
    """Which AWS document says so."""
    needed: Callable[[], bool]
    """Whether MiniStack is still wrong. Asked before anything is repaired."""
    make: Callable[[], None]


def every() -> tuple[Repair, ...]:
    """All of them. Loading one loads MiniStack."""
    from . import callers, keys, urls

    return (*callers.REPAIRS, *keys.REPAIRS, *urls.REPAIRS)
