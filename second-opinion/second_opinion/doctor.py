"""What `firebreak doctor` says about the deployment, held to `doctor.toml`: what it finds there, a reason each."""

from __future__ import annotations

import tomllib
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Final

from .run import Run

_KNOWN: Final = Path(__file__).resolve().parents[1] / "doctor.toml"
_WRONG: Final = ("broken", "unknown")
_TRIES: Final = 3
_NOT_READY: Final = 1
"""Its exit code when something is broken or not known."""


def look(run: Run) -> None:
    """Runs it."""
    run.report.chapter("Doctor")
    entries = tomllib.loads(_KNOWN.read_text(encoding="utf-8"))["known"]
    for _ in range(_TRIES):
        observations = run.command.json("doctor", allowed=(0, _NOT_READY))
        wrong = [one for one in observations if one["condition"] in _WRONG and not _is_left_out(run, one)]
        strange = [one for one in wrong if not any(_covers(entry, one) for entry in entries)]
        # A busy machine answers late, and doctor does not wait.
        if all(one["condition"] != "unknown" for one in strange):
            break
    for one in strange:
        text = f"doctor: {one['check']}, {one['subject']}: {one['condition']}: {one['found']}"
        run.report.problem(f"{text} (not in doctor.toml)")
    run.report.line(f"{len(observations) - len(wrong)} of {len(observations)} checks pass. Not here (doctor.toml):")
    for entry in entries:
        if count := sum(_covers(entry, one) for one in wrong):
            run.report.note(f"{entry['check']}, {entry['subject']} ({count}): {entry['why']}")
        else:
            about = f"{entry['check']}, {entry['subject']}"
            run.report.problem(f"doctor.toml: {about}: doctor finds nothing there: take the entry out")


def _covers(entry: dict[str, Any], one: dict[str, Any]) -> bool:
    is_it = entry["check"] == one["check"] and fnmatchcase(one["subject"], entry["subject"])
    return is_it and fnmatchcase(str(one["found"]), entry.get("found", "*"))


def _is_left_out(run: Run, one: dict[str, Any]) -> bool:
    return one["check"] == "alarm" and one["subject"] in run.alarms
