"""EventBridge event patterns, matched the way EventBridge matches arrays of objects.

moto flattens an event before matching and does not look inside arrays, so a pattern over Security Hub's
`detail.findings[]` never matches there. Merging all elements instead would match an event whose first finding is
CRITICAL and whose second is NEW. EventBridge does neither: fields under one array must match in one element. So here a
leaf keeps, for every array above it, which element it came from, and a match is one choice of leaves, one per pattern
field, that never takes two elements of the same array (the rule of https://github.com/aws/event-ruler).
"""

from __future__ import annotations

import itertools
import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from operator import eq, ge, gt, le, lt
from typing import Any, Final

Scalar = str | int | float | bool | None
Matcher = Callable[[Scalar], bool]
Path = tuple[str, ...]
Membership = Mapping[int, int]
"""For each array (by a number), the index of the element a leaf lies in."""

_COMPARISONS: Final = {"<": lt, "<=": le, "=": eq, ">=": ge, ">": gt}


class InvalidPattern(ValueError):
    """The pattern is not one that EventBridge accepts, or uses an operator that is not implemented here."""


@dataclass(frozen=True)
class _Field:
    """One leaf of the pattern: the event has to have one of these values at this path."""

    path: Path
    matchers: tuple[Matcher, ...]
    may_be_absent: bool


class EventPattern:
    """A compiled pattern. Raises InvalidPattern."""

    def __init__(self, pattern: Mapping[str, Any]) -> None:
        self._alternatives = [sorted(fields, key=lambda field: field.path) for fields in _alternatives(pattern, ())]

    def matches(self, event: Mapping[str, Any]) -> bool:
        """Whether the rule is to receive this event."""
        leaves: defaultdict[Path, list[tuple[Scalar, Membership]]] = defaultdict(list)
        for path, value, membership in _leaves(event, (), {}, itertools.count()):
            leaves[path].append((value, membership))
        return any(_match(fields, leaves, {}) for fields in self._alternatives)


def _match(
    fields: Sequence[_Field], leaves: Mapping[Path, list[tuple[Scalar, Membership]]], chosen: Membership
) -> bool:
    """Whether the fields can all be matched by leaves that agree with the array elements chosen so far."""
    if not fields:
        return True
    first, rest = fields[0], fields[1:]
    candidates = [(value, member) for value, member in leaves.get(first.path, ()) if _agree(member, chosen)]
    if not candidates:
        return first.may_be_absent and _match(rest, leaves, chosen)
    return any(
        any(matches(value) for matches in first.matchers) and _match(rest, leaves, {**chosen, **member})
        for value, member in candidates
    )


def _agree(one: Membership, other: Membership) -> bool:
    return all(other.get(array, index) == index for array, index in one.items())


def _leaves(
    node: object, path: Path, membership: Membership, arrays: Iterator[int]
) -> Iterator[tuple[Path, Scalar, Membership]]:
    """The leaves of an event. An empty object or array has none, which is why `exists` is false for it."""
    match node:
        case dict():
            for key, value in node.items():
                yield from _leaves(value, (*path, key), membership, arrays)
        case list():
            array = next(arrays)
            for index, element in enumerate(node):
                # Scalars stand for themselves: ["a", "b"] simply has both values.
                inside = {**membership, array: index} if isinstance(element, dict | list) else membership
                yield from _leaves(element, path, inside, arrays)
        case _:
            yield path, node, membership


def _alternatives(pattern: object, path: Path) -> list[list[_Field]]:
    """The pattern without its `$or`: a list of alternatives, each a list of fields that must all match."""
    if not isinstance(pattern, dict) or not pattern:
        raise InvalidPattern(f"{_dotted(path)} must be a non-empty object or an array")
    parts: list[list[list[_Field]]] = []
    for key, value in pattern.items():
        if key == "$or":
            if not isinstance(value, list) or len(value) < 2:
                raise InvalidPattern("$or must be an array of at least two patterns")
            parts.append([fields for branch in value for fields in _alternatives(branch, path)])
        elif isinstance(value, list):
            parts.append([[_field(value, (*path, key))]])
        else:
            parts.append(_alternatives(value, (*path, key)))
    return [list(itertools.chain.from_iterable(choice)) for choice in itertools.product(*parts)]


def _field(values: list[object], path: Path) -> _Field:
    if not values:
        raise InvalidPattern(f"{_dotted(path)}: empty arrays are not allowed")
    return _Field(
        path=path,
        matchers=tuple(_matcher(value, path) for value in values if value != {"exists": False}),
        may_be_absent={"exists": False} in values,
    )


def _matcher(value: object, path: Path) -> Matcher:
    """One element of a pattern's array."""
    if isinstance(value, str | int | float | bool) or value is None:
        return _equals(value)
    if isinstance(value, dict) and len(value) == 1:
        [(operator, operand)] = value.items()
        match operator, operand:
            case "exists", True:
                return lambda _: True
            case "numeric", list():
                return _numeric(operand, path)
            case "anything-but", dict():
                excluded = _text(operand, path)
                return lambda actual: isinstance(actual, str) and not excluded(actual)
            case "anything-but", _:
                literals = [_equals(literal) for literal in _as_list(operand)]
                return lambda actual: not any(equals(actual) for equals in literals)
            case _:
                return _text(value, path)
    raise InvalidPattern(f"{_dotted(path)}: {value!r} is not a value or an operator")


def _equals(expected: object) -> Matcher:
    # In JSON true is not 1; in Python it is.
    return lambda actual: isinstance(actual, bool) == isinstance(expected, bool) and actual == expected


def _numeric(operand: list[Any], path: Path) -> Matcher:
    tests = list(zip(operand[::2], operand[1::2], strict=False))
    valid = all(operator in _COMPARISONS and isinstance(bound, int | float) for operator, bound in tests)
    if not valid or len(operand) not in (2, 4):
        raise InvalidPattern(f"{_dotted(path)}: {operand!r} is not a numeric comparison")
    return lambda actual: (
        isinstance(actual, int | float)
        and not isinstance(actual, bool)
        and all(_COMPARISONS[operator](actual, bound) for operator, bound in tests)
    )


def _text(operator: Mapping[str, Any], path: Path) -> Matcher:
    """The operators on strings; `anything-but` takes them with a list, too."""
    if len(operator) != 1:
        raise InvalidPattern(f"{_dotted(path)}: {operator!r} must hold one operator")
    [(name, operand)] = operator.items()
    match name, operand:
        case (("prefix" | "suffix"), {"equals-ignore-case": str(expected)}):
            tests = [_affix(name, expected.lower())]
            return lambda actual: isinstance(actual, str) and any(test(actual.lower()) for test in tests)
        case (("prefix" | "suffix"), _):
            tests = [_affix(name, expected) for expected in _strings(operand, path)]
        case "equals-ignore-case", _:
            folded = {expected.lower() for expected in _strings(operand, path)}
            tests = [lambda actual: actual.lower() in folded]
        case "wildcard", _:
            tests = [_wildcard(expected) for expected in _strings(operand, path)]
        case _:
            raise InvalidPattern(f"{_dotted(path)}: operator {name!r} is not implemented by the local AWS")
    return lambda actual: isinstance(actual, str) and any(test(actual) for test in tests)


def _affix(name: str, expected: str) -> Callable[[str], bool]:
    return lambda actual: actual.startswith(expected) if name == "prefix" else actual.endswith(expected)


def _wildcard(pattern: str) -> Callable[[str], bool]:
    r"""`*` is any text; `\*` and `\\` are the characters themselves."""
    parts = (
        ".*" if part == "*" else re.escape(part.removeprefix("\\")) for part in re.findall(r"\\.|.", pattern, re.S)
    )
    compiled = re.compile("".join(parts), re.DOTALL)
    return lambda actual: compiled.fullmatch(actual) is not None


def _strings(operand: object, path: Path) -> list[str]:
    values = _as_list(operand)
    if not values or not all(isinstance(value, str) for value in values):
        raise InvalidPattern(f"{_dotted(path)}: {operand!r} must be a string or an array of strings")
    return values


def _as_list(operand: Any) -> list[Any]:
    return operand if isinstance(operand, list) else [operand]


def _dotted(path: Path) -> str:
    return ".".join(path) or "the pattern"
