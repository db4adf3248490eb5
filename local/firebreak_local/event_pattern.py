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
Path = str
"""The names down to a leaf, with dots between them: EventBridge does not tell `{"a.b": 1}` from `{"a": {"b": 1}}`."""
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
        self._alternatives = [sorted(fields, key=lambda field: field.path) for fields in _alternatives(pattern, "")]

    def matches(self, event: Mapping[str, Any]) -> bool:
        """Whether the rule is to receive this event."""
        leaves: defaultdict[Path, list[tuple[Scalar, Membership]]] = defaultdict(list)
        for path, value, membership in _leaves(event, "", {}, itertools.count()):
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
                yield from _leaves(value, _below(path, key), membership, arrays)
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
        raise InvalidPattern(f"{path or 'the pattern'} must be a non-empty object{' or an array' if path else ''}")
    parts: list[list[list[_Field]]] = []
    for key, value in pattern.items():
        if key == "$or":
            if not isinstance(value, list) or len(value) < 2:
                raise InvalidPattern("$or must be an array of at least two patterns")
            parts.append([fields for branch in value for fields in _alternatives(branch, path)])
        elif isinstance(value, list):
            parts.append([[_field(value, _below(path, key))]])
        else:
            parts.append(_alternatives(value, _below(path, key)))
    # A field that is there twice, in a branch and next to the `$or`, counts as it was written last.
    together = [itertools.chain.from_iterable(choice) for choice in itertools.product(*parts)]
    return [list({field.path: field for field in fields}.values()) for fields in together]


def _field(values: list[object], path: Path) -> _Field:
    if not values:
        raise InvalidPattern(f"{path}: empty arrays are not allowed")
    present = [value for value in values if not _is_absence(value)]
    return _Field(
        path=path,
        matchers=tuple(_matcher(value, path) for value in present),
        may_be_absent=len(present) < len(values),
    )


def _is_absence(value: object) -> bool:
    # Not `== {"exists": False}`: in Python 0 is false.
    return isinstance(value, dict) and list(value) == ["exists"] and value["exists"] is False


def _below(path: Path, name: str) -> Path:
    return f"{path}.{name}" if path else name


def _matcher(value: object, path: Path) -> Matcher:
    """One element of a pattern's array."""
    if isinstance(value, str) or _is_number(value) or isinstance(value, bool) or value is None:
        return _equals(value)
    if isinstance(value, dict) and len(value) == 1:
        [(operator, operand)] = value.items()
        match operator, operand:
            case "exists", True:
                return lambda _: True
            case "numeric", list():
                return _numeric(operand, path)
            case "anything-but", _:
                return _anything_but(operand, path)
            case ("prefix" | "suffix"), {"equals-ignore-case": str(expected)} if len(operand) == 1:
                folded = _text(operator, [expected.lower()], path)
                return lambda actual: isinstance(actual, str) and folded(actual.lower())
            case _, str():
                return _text(operator, [operand], path)
    raise InvalidPattern(f"{path}: {value!r} is not a value or an operator")


def _equals(expected: object) -> Matcher:
    # In JSON true is not 1; in Python it is.
    return lambda actual: isinstance(actual, bool) == isinstance(expected, bool) and actual == expected


def _numeric(operand: list[Any], path: Path) -> Matcher:
    tests = list(zip(operand[::2], operand[1::2], strict=False))
    valid = len(operand) in (2, 4) and all(_is_comparison(operator) and _is_number(bound) for operator, bound in tests)
    if valid and len(tests) == 2:
        # EventBridge wants a range from below: [">", 0, "<=", 5].
        [(lower, bottom), (upper, top)] = tests
        valid = lower in (">", ">=") and upper in ("<", "<=") and bottom < top
    if not valid:
        raise InvalidPattern(f"{path}: {operand!r} is not a numeric comparison")
    return lambda actual: _is_number(actual) and all(_COMPARISONS[operator](actual, bound) for operator, bound in tests)


def _anything_but(operand: object, path: Path) -> Matcher:
    """Values that are not these, or texts that are not like these. What is no text is not like any."""
    if isinstance(operand, dict) and len(operand) == 1:
        [(operator, excluded)] = operand.items()
        expected = _as_list(excluded)
        # An empty one would exclude every text.
        pointless = operator in ("prefix", "suffix") and "" in expected
        if expected and not pointless and all(isinstance(text, str) for text in expected):
            like = _text(operator, expected, path)
            return lambda actual: not like(actual)
    else:
        literals = _as_list(operand)
        texts = all(isinstance(literal, str) for literal in literals)
        if literals and (texts or all(map(_is_number, literals))):
            return lambda actual: actual not in literals or isinstance(actual, bool)
    raise InvalidPattern(f"{path}: {operand!r} is nothing that can be excluded")


def _text(operator: str, expected: list[str], path: Path) -> Matcher:
    """The operators on strings."""
    match operator:
        case "prefix":
            tests = [lambda actual, text=text: actual.startswith(text) for text in expected]
        case "suffix":
            tests = [lambda actual, text=text: actual.endswith(text) for text in expected]
        case "equals-ignore-case":
            folded = {text.lower() for text in expected}
            tests = [lambda actual: actual.lower() in folded]
        case "wildcard":
            tests = [_wildcard(text, path) for text in expected]
        case _:
            raise InvalidPattern(f"{path}: operator {operator!r} is not implemented by the local AWS")
    return lambda actual: isinstance(actual, str) and any(test(actual) for test in tests)


def _wildcard(pattern: str, path: Path) -> Callable[[str], bool]:
    r"""`*` is any text; `\*` and `\\` are the characters themselves."""
    parts = re.findall(r"\\[*\\]|[^\\]", pattern, re.S)
    if "".join(parts) != pattern or ("*", "*") in itertools.pairwise(parts):
        raise InvalidPattern(f"{path}: {pattern!r} has `**`, or a backslash before something else than `*` and itself")
    compiled = re.compile("".join(".*" if part == "*" else re.escape(part[-1]) for part in parts), re.DOTALL)
    return lambda actual: compiled.fullmatch(actual) is not None


def _as_list(operand: object) -> list[Any]:
    return operand if isinstance(operand, list) else [operand]


def _is_comparison(operator: object) -> bool:
    return isinstance(operator, str) and operator in _COMPARISONS


def _is_number(value: object) -> bool:
    # In Python true is a number; in JSON it is not.
    return isinstance(value, int | float) and not isinstance(value, bool)
