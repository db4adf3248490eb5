"""Draws the state machine as a Mermaid flowchart into the documents that show it.

    state-machine/draw [--check]

What is plumbing is left out, so that the picture can be read on a phone: states that only reshape JSON or wait, and the ways of
errors. An arrow goes through what is left out.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from .errors import InfraError
from .layout import REPOSITORY, STATE_MACHINE, in_repository

DOCUMENTS: Final = (REPOSITORY / "README.md", REPOSITORY / "ARCHITECTURE.md")
BEGIN: Final = "<!-- state machine: begin (state-machine/draw) -->"
END: Final = "<!-- state machine: end -->"
_KEPT: Final = ("Task", "Map", "Parallel", "Choice", "Succeed")
_LAST_RESORT: Final = "FailureNotice"
"""What leads here cannot be finished: people are told, and the execution fails."""
_LABELS: Final = {"respond": "respond", "notify": "only tell", "keep": "keep", "approve": "approve", "release": "release"}
"""Values of a choice that say something to a reader."""
_CONDITIONS: Final = {
    ("$.closing.unfinished", "IsPresent"): "people are told",
    ("$.incident.joining", "IsPresent"): "it joined an incident",
}
"""The same for a condition: variable and operator."""


def picture(definition: dict[str, Any]) -> str:
    """The flowchart."""
    states = definition["States"]
    lines = ["flowchart TD"]
    drawn = [name for name in _reached(states, definition["StartAt"]) if _is_drawn(states[name])]
    for name in drawn:
        lines += _node(name, states[name])
    for name in drawn:
        lines += [f"  {name}-->{f'|{label}|' if label else ''}{to}" for label, to in _arrows(states, name)]
    return "\n".join(lines)


def _is_drawn(state: dict[str, Any]) -> bool:
    return state["Type"] in _KEPT


def _ways(states: dict[str, Any], name: str) -> list[tuple[str, str]]:
    """As `_next`, without the way to the last resort."""
    return [(word, to) for word, to in _next(states[name]) if to != _LAST_RESORT and _first(states, to) != _LAST_RESORT]


def _first(states: dict[str, Any], name: str) -> str:
    """Where a state without a choice leads to."""
    while states[name]["Type"] == "Pass":
        name = states[name]["Next"]
    return name


def _reached(states: dict[str, Any], start: str) -> list[str]:
    """States on the way, in the order in which they are met. Those that only an error leads to are not on it."""
    found, waiting = [], [start]
    while waiting:
        name = waiting.pop(0)
        if name in found:
            continue
        found.append(name)
        waiting += [to for _, to in _ways(states, name)]
    return found


def _next(state: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Where a state leads to without an error, with a word for the way. A gate that times out is no error."""
    choices = state.get("Choices", [])
    yes, no = ("yes", "no") if len(choices) == 1 else ("", "")
    for choice in choices:
        yield _LABELS.get(str(choice.get("StringEquals"))) or _condition(choice) or yes, choice["Next"]
    if "Default" in state:
        yield no, state["Default"]
    if "Next" in state:
        yield "", state["Next"]
    for catch in state.get("Catch", []):
        if catch["ErrorEquals"] == ["States.Timeout"]:
            yield "nobody answers", catch["Next"]


def _condition(choice: dict[str, Any]) -> str | None:
    """What a choice asks, in a word."""
    parts = [choice, *choice.get("And", [])]
    found = (_CONDITIONS.get((part.get("Variable", ""), key)) for part in parts for key in part)
    return next((word for word in found if word), None)


def _arrows(states: dict[str, Any], name: str) -> list[tuple[str, str]]:
    """Arrows to the next states that are drawn, each once."""
    arrows: dict[str, str] = {}
    for word, to in _ways(states, name):
        while not _is_drawn(states[to]):
            to = states[to]["Next"]
        # Two ways to one state: neither word alone is true.
        arrows[to] = word if arrows.get(to, word) == word else ""
    return [(label, to) for to, label in arrows.items()]


def _node(name: str, state: dict[str, Any], inside: bool = False) -> list[str]:
    match state["Type"]:
        case "Parallel":
            inner = [line for branch in state["Branches"] for line in _branch(branch)]
            return [f'  subgraph {name}["{name}, side by side"]', *(f"  {line}" for line in inner), "  end"]
        case "Choice":
            return [f'  {name}{{"{name}?"}}']
        case "Succeed":
            return [f'  {name}(["{name}"])']
        case "Map":
            return [f'  {name}[["{name}"]]']
        case "Task" if "waitForTaskToken" in state["Resource"]:
            return [f'  {name}{{{{"{name}: an analyst answers"}}}}']
    # A rectangle with its name: Mermaid draws that of an arrow, but a node in a group has to stand there.
    return [f"  {name}"] if inside else []


def _branch(branch: dict[str, Any]) -> list[str]:
    start = branch["StartAt"]
    state = branch["States"][start]
    lines = _node(start, state, inside=True)
    for name, inner in state.get("ItemProcessor", {}).get("States", {}).items():
        # The containments; what else happens to an item is a receipt.
        if inner["Type"] == "Task":
            lines += [*_node(name, inner, inside=True), f"  {start}-->{name}"]
    return lines


def inserted(document: str, drawing: str, where: str) -> str:
    """The document, with the drawing between its marks."""
    before, begin, rest = document.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise InfraError(where, "has no place for the picture", f"add the lines {BEGIN} and {END}")
    return f"{before}{BEGIN}\n\n```mermaid\n{drawing}\n```\n\n{END}{after}"


def main(arguments: Sequence[str] | None = None) -> int:
    """The command. 0: written, or current; 1: a document has no place for it, or another picture."""
    parser = argparse.ArgumentParser(prog="state-machine/draw", description="Draws the state machine into the documents.")
    parser.add_argument("--check", action="store_true", help="write nothing; say whether the pictures are current")
    options = parser.parse_args(arguments)
    drawing = picture(json.loads(STATE_MACHINE.read_text("utf-8")))
    try:
        texts: dict[Path, str] = {
            path: inserted(path.read_text("utf-8"), drawing, in_repository(path)) for path in DOCUMENTS
        }
    except InfraError as error:
        print(f"state-machine/draw: {error}", file=sys.stderr)
        return 1
    old = [path for path, text in texts.items() if path.read_text("utf-8") != text]
    if not options.check:
        for path in old:
            path.write_text(texts[path], encoding="utf-8")
        return 0
    for path in old:
        print(f"state-machine/draw: {in_repository(path)} has another picture; run state-machine/draw", file=sys.stderr)
    return 1 if old else 0


if __name__ == "__main__":
    sys.exit(main())
