"""Keeps task tokens and secrets out of the record of calls.

A task token lets anyone answer for the analyst, and the record is printed by failing tests. Tokens travel under a key
that says so (`TaskToken`), inside JSON inside a string (a queue message's body), and later under a key that does not
(`:t` in a DynamoDB expression). So a value once seen under a telling key is remembered and hidden everywhere.

`aws:TokenIssueTime`, a condition key of policies, tells of no secret.
"""

from __future__ import annotations

import json
import re
import threading
from typing import Any, Final

HIDDEN: Final = "[redacted]"
_TELLING_KEY: Final = re.compile(r"token(?!issuetime)|secret|(password|externalid)$", re.IGNORECASE)
_LEAST_LENGTH: Final = 16
"""Shorter values are not remembered: hiding every occurrence of "1" would ruin the record and protect nothing."""
_REMEMBERED: Final = 1_000
"""The newest ones. Every recorded string is searched for each of them, so there has to be an end."""


class Redactor:
    """Remembers the secrets it has seen."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._secrets: dict[str, None] = {}  # in the order they were first seen

    def clean(self, params: Any) -> Any:
        """A copy without secrets."""
        self._learn(params, telling=False)
        with self._lock:
            secrets = list(self._secrets)
        return _clean(params, secrets)

    def _learn(self, node: Any, telling: bool) -> None:
        match node:
            case dict():
                for key, value in node.items():
                    self._learn(value, telling or _is_telling(key))
            case list():
                for value in node:
                    self._learn(value, telling)
            case str() if telling and len(node) >= _LEAST_LENGTH:
                with self._lock:
                    self._secrets[node] = None
                    if len(self._secrets) > _REMEMBERED:
                        del self._secrets[next(iter(self._secrets))]
            case str():
                if (inner := _embedded(node)) is not None:
                    self._learn(inner, telling)


def _clean(node: Any, secrets: list[str]) -> Any:
    match node:
        case dict():
            return {key: HIDDEN if _is_telling(key) else _clean(value, secrets) for key, value in node.items()}
        case list():
            return [_clean(value, secrets) for value in node]
        case str():
            if (inner := _embedded(node)) is not None:
                return json.dumps(_clean(inner, secrets))
            for secret in secrets:
                node = node.replace(secret, HIDDEN)
            return node
        case _:
            return node


def _is_telling(key: object) -> bool:
    return isinstance(key, str) and _TELLING_KEY.search(key) is not None


def _embedded(text: str) -> Any:
    """The object or array a string holds as JSON, if it does."""
    if not text.lstrip().startswith(("{", "[")):
        return None
    try:
        return json.loads(text)
    except ValueError:
        return None
