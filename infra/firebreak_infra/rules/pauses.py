"""Only the function `pause` writes what is paused: whoever else could write it could silence Firebreak without a word."""

from __future__ import annotations

from typing import Final

from .documents import SECURITY, Documents
from .problem import Problem
from .statements import Statement, matches, role_statements, roles

_WRITER: Final = "FirebreakPause"
_WRITES: Final = ("PutItem", "UpdateItem", "DeleteItem", "BatchWriteItem", "PartiQLInsert", "PartiQLUpdate", "PartiQLDelete")
_KEYS: Final = ("pause#all", "pause#111122223333")


def check(documents: Documents) -> list[Problem]:
    """Roles that may write a pause."""
    return [
        Problem(statement.where, f"{name} may write what is paused", "name the keys it needs in dynamodb:LeadingKeys")
        for name, role in roles(documents, SECURITY)
        if name != _WRITER
        for statement in role_statements(documents, role)
        if _writes_pauses(statement)
    ]


def _writes_pauses(statement: Statement) -> bool:
    writes = any(matches(one.lower(), f"dynamodb:{word}".lower()) for one in statement.actions for word in _WRITES)
    # An operator with another meaning holds nobody to a key.
    keys = statement.condition("dynamodb:LeadingKeys", "ForAllValues:StringLike", "ForAllValues:StringEquals")
    reaches = not keys or any(matches(pattern, key) for pattern in keys for key in _KEYS)
    return statement.allows and writes and reaches
