"""Every event pattern says only what EventBridge knows. No tool looks into a pattern: `=>` is found at deployment."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any, Final

from .documents import Documents
from .problem import Problem

_LIMIT: Final = 2048
"""Characters of a pattern (EventBridge quotas, "Event pattern size"), with spaces: nobody says how it is counted."""
_COMPARISONS: Final = ("=", "<", "<=", ">", ">=")
_ENVELOPE: Final = ("source", "detail-type", "account", "region", "resources", "detail", "id", "time", "version")


def check(documents: Documents) -> list[Problem]:
    """Patterns that EventBridge would refuse, or that can never match."""
    problems = []
    for rule in documents.resources("AWS::Events::Rule"):
        pattern = rule.properties.get("EventPattern")
        faults = list(_pattern(pattern, "")) if isinstance(pattern, dict) and pattern else ["it has no event pattern"]
        if isinstance(pattern, dict):
            faults += [f"no event has `{name}`" for name in pattern if name not in _ENVELOPE and name != "$or"]
        problems += [Problem(rule.where, fault, "correct the pattern in infra/event-rules") for fault in faults]
        size = len(json.dumps(pattern, ensure_ascii=False))
        if size > _LIMIT:
            what = f"its pattern has {size} characters, EventBridge takes {_LIMIT}"
            problems.append(Problem(rule.where, what, "add a cut to crates/firebreak/src/arrival.rs"))
    return problems


def _pattern(node: Any, path: str) -> Iterator[str]:
    if not isinstance(node, dict) or not node:
        yield f"{path or 'the pattern'} is neither a list nor an object with something in it"
        return
    for name, value in node.items():
        here = f"{path}.{name}" if path else name
        if name == "$or":
            if not isinstance(value, list) or len(value) < 2:
                yield f"{here} needs a list of at least two patterns"
            else:
                for alternative in value:
                    yield from _pattern(alternative, path)
        elif isinstance(value, list):
            if not value:
                yield f"{here} is an empty list, which matches nothing"
            for element in value:
                yield from _element(element, here)
        else:
            yield from _pattern(value, here)


def _element(element: Any, path: str) -> Iterator[str]:
    if not isinstance(element, dict):
        if isinstance(element, list):
            yield f"{path} has a list in a list"
        return
    if len(element) != 1:
        yield f"{path} has {len(element)} operators in one object; it takes one"
        return
    [(operator, operand)] = element.items()
    if operator not in _OPERATORS:
        yield f"{path} has the operator {operator!r}, which EventBridge does not know"
    elif not _OPERATORS[operator](operand):
        yield f"{path} has {operator} with {operand!r}, which it does not take"


def _text(operand: Any) -> bool:
    return isinstance(operand, str) and operand != ""


def _texts(operand: Any) -> bool:
    return _text(operand) or (isinstance(operand, list) and bool(operand) and all(map(_text, operand)))


def _affix(operand: Any) -> bool:
    return _text(operand) or (
        isinstance(operand, dict) and list(operand) == ["equals-ignore-case"] and _text(*operand.values())
    )


def _number(operand: Any) -> bool:
    return isinstance(operand, int | float) and not isinstance(operand, bool)


def _numeric(operand: Any) -> bool:
    if not isinstance(operand, list) or len(operand) not in (2, 4):
        return False
    pairs = list(zip(operand[::2], operand[1::2], strict=True))
    if not all(operator in _COMPARISONS and _number(bound) for operator, bound in pairs):
        return False
    if len(pairs) == 1:
        return True
    # A range is written from below: [">", 0, "<=", 5].
    [(lower, bottom), (upper, top)] = pairs
    return lower in (">", ">=") and upper in ("<", "<=") and bottom < top


def _anything_but(operand: Any) -> bool:
    if isinstance(operand, dict):
        return len(operand) == 1 and all(
            name in ("prefix", "suffix", "equals-ignore-case", "wildcard") and _texts(value)
            for name, value in operand.items()
        )
    values = operand if isinstance(operand, list) else [operand]
    return bool(values) and (all(map(_text, values)) or all(map(_number, values)))


def _wildcard(operand: Any) -> bool:
    return _text(operand) and "**" not in operand


_OPERATORS: Final[dict[str, Callable[[Any], bool]]] = {
    "prefix": _affix,
    "suffix": _affix,
    "equals-ignore-case": _text,
    "wildcard": _wildcard,
    "anything-but": _anything_but,
    "numeric": _numeric,
    "exists": lambda operand: isinstance(operand, bool),
    "cidr": lambda operand: _text(operand) and "/" in operand,
}
