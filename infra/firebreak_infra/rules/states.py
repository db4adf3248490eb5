"""Walking a state machine's definition at every depth."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from .documents import Documents, Json


@dataclass(frozen=True)
class State:
    """One state, with the path of the states it stands in."""

    path: str
    name: str
    body: Json
    machine: str = ""
    """The name of the definition's file, without its ending."""

    @property
    def where(self) -> str:
        return f"state machine {self.machine}, state {self.path}{self.name}"

    @property
    def is_inside(self) -> bool:
        """Whether it is in a branch of a Parallel or an item of a Map."""
        return bool(self.path)


def states(scope: Json, path: str = "", machine: str = "") -> Iterator[State]:
    """Every state of a scope and of the scopes in it."""
    for name, body in (scope.get("States") or {}).items():
        yield State(path, name, body, machine)
        for index, branch in enumerate(body.get("Branches") or []):
            yield from states(branch, f"{path}{name}[{index}]/", machine)
        for inner in ("ItemProcessor", "Iterator"):
            yield from states(body.get(inner) or {}, f"{path}{name}/", machine)


def all_states(documents: Documents) -> Iterator[State]:
    """Every state of every state machine."""
    for machine, definition in documents.definitions.items():
        yield from states(definition, machine=machine)
