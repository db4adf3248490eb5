"""Only the function `pause` writes what is paused: whoever else could write it could silence Firebreak without a word.

Each containment may read what is paused: one that may not would go on during a pause.
"""

from __future__ import annotations

from typing import Final

from ..functions import functions
from .documents import SECURITY, Documents
from .problem import Problem
from .statements import Statement, matches, role_statements, roles

_WRITER: Final = "FirebreakPause"
_WRITES: Final = ("PutItem", "UpdateItem", "DeleteItem", "BatchWriteItem", "PartiQLInsert", "PartiQLUpdate", "PartiQLDelete")
_KEYS: Final = ("pause#all", "pause#111122223333")


def check(documents: Documents) -> list[Problem]:
    """Roles that may write a pause, and roles of containments that may not read one."""
    return _writers(documents) + _blind(documents)


def _writers(documents: Documents) -> list[Problem]:
    return [
        Problem(statement.where, f"{name} may write what is paused", "name the keys it needs in dynamodb:LeadingKeys")
        for name, role in roles(documents, SECURITY)
        if name != _WRITER
        for statement in role_statements(documents, role)
        if statement.allows and _may(statement, _WRITES) and _reaches(statement, _KEYS)
    ]


def _blind(documents: Documents) -> list[Problem]:
    contains = {function.role for function in functions() if function.contains}
    return [
        Problem(role.where, f"{name} may not read what is paused", "allow dynamodb:GetItem for pause#* in its policy.json")
        for name, role in roles(documents, SECURITY)
        if name in contains
        and not any(
            statement.allows and _may(statement, ("GetItem",)) and _reaches(statement, ("pause#all",))
            for statement in role_statements(documents, role)
        )
    ]


def _may(statement: Statement, words: tuple[str, ...]) -> bool:
    return any(matches(one.lower(), f"dynamodb:{word}".lower()) for one in statement.actions for word in words)


def _reaches(statement: Statement, wanted: tuple[str, ...]) -> bool:
    # An operator with another meaning holds nobody to a key.
    keys = statement.condition("dynamodb:LeadingKeys", "ForAllValues:StringLike", "ForAllValues:StringEquals")
    return not keys or any(matches(pattern, key) for pattern in keys for key in wanted)
