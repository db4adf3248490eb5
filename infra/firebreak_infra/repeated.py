"""Makes resources of functions and of their member roles: a template writes one resource, and each declaration gets its own.

`<name>`, `<Name>` and `<name_>` in a resource become quarantine-iam, QuarantineIam and quarantine_iam: in strings, in keys and in extensions. Of a member
role, `<role>` is FirebreakMemberQuarantineIam, `<Name>` the same without the prefix, `<policy>` the file of its permissions.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any, Final

from .errors import InfraError
from .extensions import EachFunction, Extension, FromFunction, FromMemberRole
from .functions import Function, MemberRole, functions, member_roles
from .sources import PER_DEAD_LETTERS, PER_FUNCTION, PER_MANAGEMENT_ROLE, PER_MEMBER_ROLE, PER_URL, expression

NAME: Final = "<Name>"
MEMBER_PREFIX: Final = "FirebreakMember"
LEFT_OUT: Final = object()
"""Stands for a key that is not there."""


def resources(source: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Logical id and resource, its other extensions not expanded."""
    for function in functions():
        for section, wanted in (
            (PER_FUNCTION, True),
            (PER_DEAD_LETTERS, function.dead_letters),
            (PER_URL, function.has_url),
        ):
            if wanted:
                yield from _filled(source.get(section, {}), _words(function), function).items()
    for role, assumed_by in member_roles().values():
        section = PER_MANAGEMENT_ROLE if role.account == "management" else PER_MEMBER_ROLE
        words = {"<role>": role.name, "<Name>": role.name.removeprefix(MEMBER_PREFIX), "<policy>": role.policy}
        yield from _filled(source.get(section, {}), words, (role, assumed_by)).items()


def each(wanted: EachFunction) -> list[Any]:
    """The form, once for each function that is meant."""
    unknown = set(wanted.left_out) - {function.name for function in functions()}
    if unknown:
        raise InfraError(f"!EachFunction Except {sorted(unknown)}", "is no function", "name folders of functions/")
    return [
        _filled(wanted.form, _words(function), function)
        for function in functions()
        if function.name not in wanted.left_out and wanted.trigger in (None, function.trigger)
        and wanted.contains in (None, function.contains, function.is_called_for_targets)
    ]


def _words(function: Function) -> dict[str, str]:
    return {"<name>": function.name, "<Name>": function.words, "<name_>": function.name.replace("-", "_")}


def _filled(node: Any, words: Mapping[str, str], of: Any) -> Any:
    match node:
        case str():
            for word, value in words.items():
                node = node.replace(word, value)
            return node
        case FromFunction(name):
            return _of_function(name, of)
        case FromMemberRole(name):
            return _of_role(name, *of)
        case dict():
            pairs = {_filled(key, words, of): _filled(value, words, of) for key, value in node.items()}
            return {key: value for key, value in pairs.items() if value is not LEFT_OUT}
        case list():
            return [_filled(child, words, of) for child in node]
        case _ if isinstance(node, Extension):
            fields = {one.name: _filled(getattr(node, one.name), words, of) for one in dataclasses.fields(node)}
            return dataclasses.replace(node, **fields)
    return node


def _of_function(name: str, function: Function) -> Any:
    match name:
        case "description" | "timeout_seconds":
            return getattr(function, name)
        case "memory_mb":
            return function.memory_mb or LEFT_OUT
        case "layers":
            return [{"Ref": layer} for layer in function.layers] or LEFT_OUT
        case "environment":
            variables = {name: expression(value) for name, value in function.environment.items()}
            return {"Variables": variables} if variables else LEFT_OUT
    raise InfraError(f"!FromFunction {name}", "is no field for a template", "see infra/firebreak_infra/repeated.py")


def _of_role(name: str, role: MemberRole, assumed_by: tuple[Function, ...]) -> Any:
    match name:
        case "description":
            return role.description
        case "assumed_by":
            arn = "arn:${AWS::Partition}:iam::${SecurityAccountId}:role/firebreak/"
            arns = [{"Fn::Sub": arn + function.role} for function in assumed_by]
            return arns if len(arns) > 1 else arns[0]
    raise InfraError(f"!FromMemberRole {name}", "is no field for a template", "see infra/firebreak_infra/repeated.py")
