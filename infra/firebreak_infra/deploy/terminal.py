"""What people see, and what they are asked."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Sequence


def say(line: str = "") -> None:
    """One line."""
    print(line, flush=True)


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Columns as wide as they need to be."""
    lines = [list(head), *map(list, rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    for line in lines:
        say("  " + "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())


def confirmed(question: str) -> bool:
    """Whether a person, or YES=1, agrees. Without a terminal and without YES=1 nobody does."""
    if os.environ.get("YES") == "1":
        say(f"{question} YES=1")
        return True
    if not sys.stdin.isatty():
        say(f"{question} nobody to ask: set YES=1")
        return False
    return input(f"{question} [y/N] ").strip().lower() in ("y", "yes")


def typed(question: str, expected: str) -> bool:
    """Whether somebody typed exactly that."""
    print(f"{question} ", end="", flush=True)
    answer = sys.stdin.readline().strip()
    if not sys.stdin.isatty():
        say(answer)
    return answer == expected
