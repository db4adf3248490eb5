"""Whether a statement of a bucket policy denies a call.

Only what denies is looked at: in the local AWS everything else is allowed. An element or operator that is not known here is an error: a
test must not pass because a deny was skipped.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from .authorization.question import Question

Context = Mapping[str, str | list[str]]
"""Condition keys in small letters, and their values."""


def _like(pattern: str, value: str) -> bool:
    stars = "".join({"*": ".*", "?": "."}.get(char, re.escape(char)) for char in pattern)
    return re.fullmatch(stars, value, re.DOTALL) is not None


def _like_arn(pattern: str, value: str) -> bool:
    """A star stands for nothing beyond its part; the last part has colons of its own (IAM user guide, "ARN condition operators")."""
    patterns, values = pattern.split(":", 5), value.split(":", 5)
    return len(patterns) == len(values) and all(map(_like, patterns, values))


_OPERATORS: Final[dict[str, Callable[[str, str], bool]]] = {
    "ArnEquals": _like_arn,
    "ArnLike": _like_arn,
    "Bool": lambda wanted, value: wanted.lower() == value.lower(),
    "StringEquals": lambda wanted, value: wanted == value,
    "StringLike": _like,
}
_ELEMENTS: Final = {"Sid", "Effect", "Principal", "Action", "Resource", "Condition"}


def denies(policy: str | bytes, question: Question, caller: Context) -> bool:
    """Whether the policy has an explicit deny for the question, as asked by the caller."""
    context = dict(caller) | {key.lower(): value for key, value in question.context.items()}
    statements = json.loads(policy)["Statement"]
    return any(_denies(one, question, context) for one in _listed(statements) if one["Effect"] == "Deny")


def _denies(statement: dict[str, Any], question: Question, context: Context) -> bool:
    if unknown := statement.keys() - _ELEMENTS:
        raise NotImplementedError(f"a Deny with {', '.join(sorted(unknown))}")
    return (
        _is_for(statement["Principal"], context)
        # IAM takes an action in any case.
        and any(_like(action.lower(), question.action.lower()) for action in _listed(statement["Action"]))
        and any(_like(resource, question.resource) for resource in _listed(statement["Resource"]))
        and all(
            _holds(operator, context.get(key.lower()), _listed(wanted))
            for operator, keys in statement.get("Condition", {}).items()
            for key, wanted in keys.items()
        )
    )


def _is_for(principal: Any, context: Context) -> bool:
    named = _listed(principal.get("AWS", []) if isinstance(principal, dict) else principal)
    account = context.get("aws:principalaccount")
    who = {"*", account, f"arn:aws:iam::{account}:root", context.get("aws:principalarn")}
    return any(one in who for one in named)


def _holds(operator: str, value: str | list[str] | None, wanted: list[Any]) -> bool:
    texts = [str(one).lower() if isinstance(one, bool) else str(one) for one in wanted]
    if operator == "Null":
        return (value is None) == (texts == ["true"])
    name, is_negated = operator.removesuffix("IfExists").replace("Not", ""), "Not" in operator
    test = _OPERATORS.get(name)
    if test is None:
        raise NotImplementedError(f"a Deny with the operator {operator}")
    if value is None:
        return is_negated or operator.endswith("IfExists")
    return any(test(one, had) for one in texts for had in _listed(value)) != is_negated


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
