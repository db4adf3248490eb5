"""Every Task, Map and Parallel catches everything, what is too large by its name, and nothing in a branch can fail its siblings.

One branch that fails cancels the others: a notice that cannot be sent would stop a containment. asl-validator takes a
state without Catch, and a Fail state in a branch, for valid.
"""

from __future__ import annotations

from ..state_machine import TOO_LARGE
from .documents import Documents
from .problem import Problem
from .states import State, all_states


def check(documents: Documents) -> list[Problem]:
    """Catches that are missing, and branches that can fail."""
    found = list(all_states(documents))
    return [problem for state in found for problem in [*_catch(state), *_failure(state)]]


def _catch(state: State) -> list[Problem]:
    if state.body["Type"] not in ("Task", "Map", "Parallel"):
        return []
    catchers = state.body.get("Catch") or []
    if catchers and catchers[-1].get("ErrorEquals") == ["States.ALL"]:
        named = {**catchers[-1], "ErrorEquals": [TOO_LARGE]}
        if named in catchers:
            return []
        what = f"an input or a result of more than 256 KiB passes its Catch: States.ALL does not match {TOO_LARGE}"
        return [Problem(state.where, what, "run state-machine/render, which adds the catcher")]
    what = "has no Catch" if not catchers else "lets errors through: its last Catch is not for States.ALL"
    cost = (
        "its failure cancels the other branches"
        if state.is_inside
        else "its failure ends the execution without a notice"
    )
    return [Problem(state.where, f"{what}; {cost}", 'add {"ErrorEquals": ["States.ALL"], ...} as its last Catch')]


def _failure(state: State) -> list[Problem]:
    if state.is_inside and state.body["Type"] == "Fail":
        return [
            Problem(
                state.where, "a Fail state in a branch cancels the other branches", "make it a Pass that says `failed`"
            )
        ]
    return []
