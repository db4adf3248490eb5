"""Reads a template: a folder of YAML files, merged key by key.

YAML of its own kind in three ways. A name that is there twice is an error, within a file and between two. Of the plain
scalars only true, false, null and numbers are not strings: 2012-10-17 is no date, and an account number that begins
with a zero keeps it. CloudFormation's short forms (`!Ref`) become the long ones, and the tags of `extensions` objects.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Final

import yaml

from .errors import InfraError
from .extensions import TAGS, extension
from .layout import INFRA, in_repository

PLACEHOLDERS: Final = "Placeholders"
EVENT_RULES: Final = "EventRules"
PER_EVENT_RULE: Final = "PerEventRule"
PER_FUNCTION: Final = "PerFunction"
PER_DEAD_LETTERS: Final = "PerFunctionWithDeadLetters"
PER_URL: Final = "PerFunctionWithUrl"
PER_MEMBER_ROLE: Final = "PerMemberRole"
PER_MANAGEMENT_ROLE: Final = "PerManagementRole"

REPEATED: Final = (PER_FUNCTION, PER_DEAD_LETTERS, PER_URL, PER_MEMBER_ROLE, PER_MANAGEMENT_ROLE)
"""Resources to repeat: what `repeated` makes of them joins the template's Resources."""
MAPS: Final = (
    *("Metadata", "Parameters", "Mappings", "Conditions", "Rules", "Globals", "Resources", "Outputs"),
    PLACEHOLDERS,
    *REPEATED,
)
LISTS: Final = (EVENT_RULES, PER_EVENT_RULE)
SCALARS: Final = ("AWSTemplateFormatVersion", "Transform", "Description")
_FUNCTIONS: Final = frozenset(
    "And Base64 Cidr Equals FindInMap GetAtt GetAZs If ImportValue Join Length Not Or Select Split Sub ToJsonString".split()
)


def load(template: str) -> dict[str, Any]:
    """The merged source of a template, its extensions not expanded."""
    folder = INFRA / template
    files = sorted(folder.glob("*.yaml"))
    if not files:
        raise InfraError(f"infra/{template}", "has no *.yaml", "write the template, or render others with --only")
    return merge([(in_repository(file), parse(file)) for file in files])


def parse(file: Path, before: str = "") -> dict[str, Any]:
    """One file, after a text whose anchors it may use."""
    where = in_repository(file)
    try:
        text = before + file.read_text(encoding="utf-8")
        content = yaml.load(text, Loader=_Loader)  # noqa: S506 (a SafeLoader of our own)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 - before.count("\n") if error.problem_mark else "?"
        raise InfraError(f"{where}:{line}", f"{error.problem}", "correct the YAML") from error
    except InfraError as error:
        raise InfraError(where, str(error)) from error
    if not isinstance(content, dict):
        raise InfraError(where, "is not a map", "begin with sections such as Resources")
    return content


def expression(text: str) -> Any:
    """One value, written as in a template: `!Ref ExternalId`."""
    return yaml.load(text, Loader=_Loader)  # noqa: S506 (a SafeLoader of our own)


def merge(files: list[tuple[str, dict[str, Any]]]) -> dict[str, Any]:
    """One source of several: their sections joined, each name of a section once."""
    merged: dict[str, Any] = {}
    origin: dict[tuple[str, str], str] = {}
    for where, content in files:
        for section, value in content.items():
            if section in MAPS and isinstance(value, dict):
                for name in value:
                    first = origin.setdefault((section, name), where)
                    if first != where:
                        raise InfraError(where, f"{section}.{name} is also in {first}", "rename or remove one")
                merged.setdefault(section, {}).update(value)
            elif section in LISTS and isinstance(value, list):
                merged.setdefault(section, []).extend(value)
            elif section in SCALARS:
                if merged.setdefault(section, value) != value:
                    raise InfraError(where, f"{section} is another than in an earlier file", "keep it in one file")
            else:
                known = ", ".join((*SCALARS, *MAPS, *LISTS))
                raise InfraError(where, f"section {section} is unknown or has the wrong form", f"known are {known}")
    return merged


class _Loader(yaml.SafeLoader):
    """See the module's text."""

    # What SafeLoader would take for a date, an octal number or "on" is a string here.
    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}


def _resolver(kind: str, pattern: str, first: str) -> None:
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{kind}", re.compile(pattern), list(first))


_resolver("bool", r"^(?:true|false)$", "tf")
_resolver("int", r"^-?(?:0|[1-9][0-9]*)$", "-0123456789")
_resolver("float", r"^-?(?:0|[1-9][0-9]*)\.[0-9]+$", "-0123456789")
_resolver("merge", r"^<<$", "<")
_Loader.add_implicit_resolver("tag:yaml.org,2002:null", re.compile(r"^(?:null|~|)$"), ["n", "~", ""])


def _mapping(loader: _Loader, node: yaml.MappingNode) -> dict[Any, Any]:
    seen: set[str] = set()
    for key, _ in node.value:
        if key.tag != "tag:yaml.org,2002:merge":
            if key.value in seen:
                raise yaml.constructor.ConstructorError(None, None, f"{key.value} is there twice", key.start_mark)
            seen.add(key.value)
    loader.flatten_mapping(node)
    return {str(key.value): loader.construct_object(value, deep=True) for key, value in node.value}


def _tagged(loader: _Loader, tag: str, node: yaml.Node) -> Any:
    if isinstance(node, yaml.ScalarNode):
        value: Any = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        value = _mapping(loader, node)
    if tag in TAGS:
        return extension(tag, value)
    if tag in ("Ref", "Condition"):
        return {tag: value}
    if tag == "GetAtt" and isinstance(value, str):
        # As CloudFormation does: the attribute of a nested stack has a dot of its own.
        value = value.split(".", 1)
    if tag in _FUNCTIONS:
        return {f"Fn::{tag}": value}
    raise yaml.constructor.ConstructorError(None, None, f"!{tag} is unknown", node.start_mark)


_Loader.add_constructor("tag:yaml.org,2002:map", _mapping)
_Loader.add_multi_constructor("!", _tagged)
