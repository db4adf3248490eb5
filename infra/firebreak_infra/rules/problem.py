"""What a rule has to say: what is wrong, where, and how to mend it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Problem:
    """One thing that must not be deployed."""

    where: str
    """Template and logical id, or state, or file."""
    what: str
    mend: str

    def __str__(self) -> str:
        return f"{self.where}: {self.what}. Mend: {self.mend}"
