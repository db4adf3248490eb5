"""What a template may hold beside CloudFormation. None of it reaches a rendered file."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from .errors import InfraError


@dataclass(frozen=True)
class Document:
    """`!Document`: a JSON policy of the repository, its placeholders filled in."""

    file: str
    values: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Minified(Document):
    """`!Minified`: the same as one string without white space."""


@dataclass(frozen=True)
class JsonText:
    """`!JsonText`: JSON as one string without white space, its placeholders filled in."""

    json: Any
    values: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Package:
    """`!Package`: the zip of a function, or of the layer `response-policy`."""

    name: str


@dataclass(frozen=True)
class RepositoryFile:
    """`!RepositoryFile`: the path to a file of the repository, as seen from the rendered template."""

    file: str


@dataclass(frozen=True)
class Rules:
    """`!Rules`: the ARNs of all event rules of one prefix."""

    prefix: str


@dataclass(frozen=True)
class ThisRule:
    """`!ThisRule`: an attribute of the event rule that a resource is made for; `Ref` is the rule itself."""

    attribute: str


@dataclass(frozen=True)
class EachFunction:
    """`!EachFunction`: `form` once for each function, its words filled in."""

    form: Any
    trigger: str | None = None
    contains: str | bool | None = None
    """True, false, or how: `automatic`."""
    left_out: tuple[str, ...] = ()


@dataclass(frozen=True)
class FromFunction:
    """`!FromFunction`: a field of the function.toml that a resource is made for. None leaves out the key."""

    field: str


@dataclass(frozen=True)
class FromMemberRole:
    """`!FromMemberRole`: a field of the member role that a resource is made for."""

    field: str


Extension = Document | EachFunction | FromFunction | FromMemberRole | JsonText | Package | RepositoryFile | Rules | ThisRule


def extension(tag: str, value: object) -> Extension:
    """What a tag with this value stands for. KeyError for a tag that is none of these."""
    match tag, value:
        case ("Document" | "Minified"), str():
            return _DOCUMENTS[tag](value)
        case ("Document" | "Minified"), {"File": str(file), **rest} if set(rest) <= {"With"}:
            values = rest.get("With") or {}
            if not isinstance(values, dict):
                raise InfraError(f"!{tag} {file}", "`With` is not a map", "write `With: {Placeholder: value}`")
            return _DOCUMENTS[tag](file, values)
        case "EachFunction", {"As": form, **rest} if set(rest) <= {"Trigger", "Contains", "Except"}:
            return EachFunction(form, rest.get("Trigger"), rest.get("Contains"), tuple(rest.get("Except", ())))
        case "JsonText", {"Json": value, **rest} if set(rest) <= {"With"}:
            return JsonText(value, rest.get("With") or {})
        case "FromFunction", str():
            return FromFunction(value)
        case "FromMemberRole", str():
            return FromMemberRole(value)
        case "Package", str():
            return Package(value)
        case "RepositoryFile", str():
            return RepositoryFile(value)
        case "Rules", {"Prefix": str(prefix), **rest} if not rest:
            return Rules(prefix)
        case "ThisRule", str():
            return ThisRule(value)
    raise InfraError(f"!{tag}", f"cannot be {value!r}", _FORMS[tag])


_DOCUMENTS = {"Document": Document, "Minified": Minified}
_FORMS = {
    "Document": "write `!Document path` or `!Document {File: path, With: {Placeholder: value}}`",
    "EachFunction": "write `!EachFunction {As: ..., Trigger: ..., Contains: true, Except: [...]}`",
    "JsonText": "write `!JsonText {Json: ..., With: {Placeholder: value}}`",
    "FromFunction": "write `!FromFunction timeout_seconds`",
    "FromMemberRole": "write `!FromMemberRole description`",
    "Minified": "write `!Minified path` or `!Minified {File: path, With: {Placeholder: value}}`",
    "Package": "write `!Package function`",
    "RepositoryFile": "write `!RepositoryFile path`",
    "Rules": "write `!Rules {Prefix: ...}`",
    "ThisRule": "write `!ThisRule Arn`",
}
TAGS = frozenset(_FORMS)
