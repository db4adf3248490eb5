"""Turns a JSON policy of the repository into CloudFormation: `${Placeholder}` gets a value, `${aws:...}` stays IAM's.

A value that can stand in an Fn::Sub is written into it; only what cannot becomes a variable of it. A string that is
nothing but a placeholder becomes the value, and one without placeholders stays as it is.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Final

from .errors import InfraError
from .layout import REPOSITORY, repository_file

_PLACEHOLDER: Final = re.compile(r"\$\{([A-Z]\w*)\}")
_PARTS: Final = "StatementsOf"
"""A pattern of files: each containment says what its release needs."""
_VARIABLE: Final = re.compile(r"\$\{")
_REMEDY: Final = "give it in `With:` or in the template's `Placeholders:`"


def document(file: str, values: Mapping[str, Any]) -> Any:
    """The policy as a tree of CloudFormation."""
    return _tree(_read(file), file, values)


def minified(file: str, values: Mapping[str, Any]) -> Any:
    """The policy as one string without white space, for services that count it."""
    return filled(json.dumps(_read(file), separators=(",", ":"), ensure_ascii=False), file, values)


def filled(text: str, file: str, values: Mapping[str, Any]) -> Any:
    """One string of `file`, its placeholders filled in."""
    if not _PLACEHOLDER.search(text):
        return text
    if whole := _PLACEHOLDER.fullmatch(text):
        return _value(whole[1], file, values)
    variables: dict[str, Any] = {}
    # Literal pieces and the names of placeholders take turns.
    pieces = _PLACEHOLDER.split(text)
    for index, piece in enumerate(pieces):
        if index % 2 == 0:
            pieces[index] = _VARIABLE.sub("${!", piece)
            continue
        value = _value(piece, file, values)
        inline = _inline(value)
        if inline is None:
            variables[piece] = value
        pieces[index] = f"${{{piece}}}" if inline is None else inline
    joined = "".join(pieces)
    if variables:
        return {"Fn::Sub": [joined, variables]}
    return {"Fn::Sub": joined} if _VARIABLE.search(joined) else joined


def _read(file: str) -> Any:
    path = repository_file(file)
    try:
        content = json.loads(path.read_text(encoding="utf-8"), object_pairs_hook=lambda pairs: _once(file, pairs))
        return _with_parts(content) if isinstance(content, dict) and _PARTS in content else content
    except json.JSONDecodeError as error:
        raise InfraError(f"{file}:{error.lineno}", error.msg, "correct the JSON") from error


def _with_parts(policy: dict[str, Any]) -> dict[str, Any]:
    """The policy with the statements of the files that it asks for, by name, before its own."""
    files = sorted(path.relative_to(REPOSITORY).as_posix() for path in REPOSITORY.glob(policy[_PARTS]))
    statements = [statement for file in files for statement in _read(file)["Statement"]]
    rest = {key: value for key, value in policy.items() if key != _PARTS}
    return {**rest, "Statement": [*statements, *policy["Statement"]]}


def _once(file: str, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    names = [name for name, _ in pairs]
    for name in names:
        if names.count(name) > 1:
            raise InfraError(file, f"{name} is there twice in one object", "remove one: IAM would take the last")
    return dict(pairs)


def _tree(node: Any, file: str, values: Mapping[str, Any]) -> Any:
    if isinstance(node, dict):
        for key in node:
            if _PLACEHOLDER.search(key):
                raise InfraError(file, f"a placeholder in the key {key}", "CloudFormation fills in values only")
        return {key: _tree(value, file, values) for key, value in node.items()}
    if isinstance(node, list):
        return [_tree(value, file, values) for value in node]
    return filled(node, file, values) if isinstance(node, str) else node


def _value(name: str, file: str, values: Mapping[str, Any]) -> Any:
    if name not in values:
        raise InfraError(file, f"${{{name}}} has no value", _REMEDY)
    return values[name]


def _inline(value: Any) -> str | None:
    """The value as a piece of an Fn::Sub; None when it must be a variable."""
    match value:
        case str():
            return _VARIABLE.sub("${!", value)
        case {"Ref": str(name)}:
            return f"${{{name}}}"
        case {"Fn::GetAtt": [str(name), str(attribute)]}:
            return f"${{{name}.{attribute}}}"
        case {"Fn::Sub": str(text)}:
            return text
    return None
