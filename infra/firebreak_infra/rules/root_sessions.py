"""No role takes the place of an account's root user.

`sts:AssumeRoot` opens every bucket that somebody locked, Firebreak among them. It is the way back for people (`docs/runbooks.md`, "Locked
out of a bucket"), and would be a thief's way in.
"""

from __future__ import annotations

from typing import Final

from .documents import Documents
from .problem import Problem
from .statements import matches, role_statements, roles

_ACTION: Final = "sts:assumeroot"


def check(documents: Documents) -> list[Problem]:
    """Roles that may."""
    return [
        Problem(statement.where, f"{name} may take the root user's place", "remove sts:AssumeRoot: only people may")
        for name, role in roles(documents)
        for statement in role_statements(documents, role)
        if statement.allows
        and ("NotAction" in statement.body or any(matches(action.lower(), _ACTION) for action in statement.actions))
    ]
