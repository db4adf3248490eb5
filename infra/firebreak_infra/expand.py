"""Expands the extensions of a template, so that CloudFormation and SAM remain."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from . import documents, layout, repeated
from .errors import InfraError
from .event_rules import EventRules
from .extensions import Document, EachFunction, JsonText, Minified, Package, RepositoryFile, Rules, ThisRule
from .sources import MAPS, PLACEHOLDERS, REPEATED, SCALARS


@dataclass(frozen=True)
class Target:
    """For which environment and processor a template is rendered, and into which folder."""

    environment: str
    architecture: str
    folder: Path


def expand(template: str, source: Mapping[str, Any], target: Target) -> dict[str, Any]:
    """The template that is deployed."""
    return _Expansion(template, source, target).template()


class _Expansion:
    """One template."""

    def __init__(self, template: str, source: Mapping[str, Any], target: Target) -> None:
        self._template = template
        self._where = f"infra/{template}"
        self._source = source
        self._target = target
        self._rules = EventRules(template, source, target.environment)
        self._placeholders: dict[str, Any] = {}
        self._placeholders = self._tree(source.get(PLACEHOLDERS, {}), None)

    def template(self) -> dict[str, Any]:
        source = {"AWSTemplateFormatVersion": "2010-09-09", **self._source}
        expanded: dict[str, Any] = {
            name: self._tree(source[name], None)
            for name in (*SCALARS, *MAPS)
            if name in source and name not in (PLACEHOLDERS, *REPEATED)
        }
        resources = expanded.setdefault("Resources", {})
        of_functions = ((name, resource, None) for name, resource in repeated.resources(source))
        for name, resource, rule in (*of_functions, *self._rules.resources()):
            if name in resources:
                raise InfraError(self._where, f"Resources.{name} is there twice", "rename it, or change the Prefix")
            resources[name] = self._tree(resource, rule)
        if not resources:
            raise InfraError(self._where, "has no Resources", "write some")
        return expanded

    def _tree(self, node: Any, rule: str | None) -> Any:
        """A copy without extensions. `rule`: which event rule `!ThisRule` is."""
        match node:
            case dict():
                return {key: self._tree(value, rule) for key, value in node.items()}
            case list():
                return [item for child in node for item in self._items(child, rule)]
            case Document(file, values):
                render = documents.minified if isinstance(node, Minified) else documents.document
                return render(file, {**self._placeholders, **self._tree(values, rule)})
            case JsonText(content, values):
                text = json.dumps(self._tree(content, rule), separators=(",", ":"), ensure_ascii=False)
                return documents.filled(text, self._where, {**self._placeholders, **self._tree(values, rule)})
            case Rules():
                return self._items(node, rule)
            case Package(name):
                return self._from_here(layout.package(name, self._target.environment, self._target.architecture))
            case RepositoryFile(file):
                return self._from_here(layout.repository_file(file))
            case ThisRule(attribute):
                return self._this_rule(attribute, rule)
        return node

    def _items(self, node: Any, rule: str | None) -> list[Any]:
        """What one element of a list becomes: `!Rules` and `!EachFunction` are several."""
        if isinstance(node, EachFunction):
            return [self._tree(one, rule) for one in repeated.each(node)]
        if isinstance(node, Rules):
            return [{"Fn::GetAtt": [name, "Arn"]} for name in self._rules.of_prefix(node.prefix)]
        return [self._tree(node, rule)]

    def _this_rule(self, attribute: str, rule: str | None) -> dict[str, Any]:
        if rule is None:
            raise InfraError(self._where, "!ThisRule outside of EventRules and PerEventRule", "name the rule")
        return {"Ref": rule} if attribute == "Ref" else {"Fn::GetAtt": [rule, attribute]}

    def _from_here(self, path: Path) -> str:
        return Path(os.path.relpath(path, self._target.folder)).as_posix()
