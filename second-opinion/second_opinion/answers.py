"""Answers to a gate, by the command that people use."""

from __future__ import annotations

from typing import Final

from .run import Run

_COMMENT: Final = "a second opinion, by itself"


def release(run: Run, incident: str) -> None:
    """It was wrong: everything is put back."""
    run.command.run("review", "release", incident, "--comment", _COMMENT)
    run.status(incident, "released")


def approve(run: Run, incident: str) -> None:
    """It was an attack: what is contained stays so, and what waited is contained."""
    run.command.run("review", "approve", incident, "--comment", _COMMENT)
    run.status(incident, "closed")
