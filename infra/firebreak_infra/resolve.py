"""Resolves every intrinsic function of a CloudFormation template to a plain value.

For evaluating and linting what is deployed: policies with real ARNs, resources whose condition is false left out. What
cannot be resolved is an error. It never becomes `*`.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from .errors import InfraError
from .identities import REF, Identified, attributes
from .parameters import Parameters

_VARIABLE: Final = re.compile(r"\$\{(!?)([^${}]+)\}")
_NO_VALUE: Final = object()
"""What AWS::NoValue becomes: the key or the element is left out."""


def resolve(template: Mapping[str, Any], parameters: Mapping[str, Any], pseudo: Mapping[str, Any]) -> dict[str, Any]:
    """The template with plain values only. `pseudo`: `AWS::AccountId` and so on."""
    return _Resolution(template, parameters, pseudo).template()


class _Resolution:
    """One template with one set of parameters."""

    def __init__(self, template: Mapping[str, Any], parameters: Mapping[str, Any], pseudo: Mapping[str, Any]) -> None:
        self._template = template
        self._pseudo = pseudo
        self._parameters = Parameters(template.get("Parameters", {}), parameters)
        self._conditions: dict[str, bool | None] = {}
        self._identified: dict[str, Identified | None] = {}
        self._functions: dict[str, Callable[[Any, str], Any]] = {
            "Ref": self._ref,
            "Condition": self._condition,
            "Fn::And": lambda value, where: all([self._truth(item, where) for item in value]),
            "Fn::Base64": lambda value, where: base64.b64encode(self._string(value, where).encode()).decode(),
            "Fn::Equals": lambda value, where: self._string(value[0], where) == self._string(value[1], where),
            "Fn::FindInMap": self._find_in_map,
            "Fn::GetAtt": self._get_att,
            "Fn::If": lambda value, where: self._value(value[1 if self._condition(value[0], where) else 2], where),
            "Fn::Join": self._join,
            "Fn::Not": lambda value, where: not self._truth(value[0], where),
            "Fn::Or": lambda value, where: any([self._truth(item, where) for item in value]),
            "Fn::Select": self._select,
            "Fn::Split": lambda value, where: self._string(value[1], where).split(value[0]),
            "Fn::Sub": self._sub,
        }

    def template(self) -> dict[str, Any]:
        resolved = {
            name: section
            for name, section in self._template.items()
            if name in ("AWSTemplateFormatVersion", "Description")
        }
        for section in ("Resources", "Outputs"):
            entries = self._template.get(section, {})
            kept = [name for name, entry in entries.items() if self._exists(entry, f"{section}.{name}")]
            resolved[section] = {name: self._entry(entries[name], f"{section}.{name}") for name in kept}
        return resolved

    def _exists(self, entry: Mapping[str, Any], where: str) -> bool:
        return "Condition" not in entry or self._condition(entry["Condition"], where)

    def _entry(self, entry: Mapping[str, Any], where: str) -> dict[str, Any]:
        # DependsOn names resources, one of which may not exist; for reading a template it means nothing.
        attributes_kept = {name: value for name, value in entry.items() if name not in ("Condition", "DependsOn")}
        resolved: dict[str, Any] = self._value(attributes_kept, where)
        return resolved

    def _value(self, node: Any, where: str) -> Any:
        if isinstance(node, list):
            items = [self._value(item, f"{where}[{index}]") for index, item in enumerate(node)]
            return [item for item in items if item is not _NO_VALUE]
        if not isinstance(node, dict):
            return node
        if len(node) == 1:
            [(name, value)] = node.items()
            # `Condition` is a function in conditions only: in a policy it is an ordinary key.
            if name in self._functions and not (name == "Condition" and not isinstance(value, str)):
                return self._functions[name](value, where)
            if name.startswith("Fn::"):
                raise InfraError(where, f"{name} is not resolved here", "add it to resolve.py, or write it otherwise")
        values = {key: self._value(value, f"{where}.{key}") for key, value in node.items()}
        return {key: value for key, value in values.items() if value is not _NO_VALUE}

    def _string(self, node: Any, where: str) -> str:
        value = self._value(node, where)
        if isinstance(value, bool):
            return "true" if value else "false"
        if isinstance(value, (str, int, float)):
            return str(value)
        raise InfraError(where, f"a string is needed, this is {type(value).__name__}", "correct the function's argument")

    def _truth(self, node: Any, where: str) -> bool:
        value = self._value(node, where)
        if isinstance(value, bool):
            return value
        raise InfraError(where, "is neither true nor false", "use Equals, And, Or, Not or Condition")

    def _condition(self, name: Any, where: str) -> bool:
        conditions = self._template.get("Conditions", {})
        if name not in conditions:
            raise InfraError(where, f"there is no condition {name}", "add it to Conditions")
        if name not in self._conditions:
            self._conditions[name] = None
            self._conditions[name] = self._truth(conditions[name], f"Conditions.{name}")
        known = self._conditions[name]
        if known is None:
            raise InfraError(where, f"condition {name} needs itself", "break the circle")
        return known

    def _ref(self, name: Any, where: str) -> Any:
        if name == "AWS::NoValue":
            return _NO_VALUE
        if name in self._pseudo:
            return self._pseudo[name]
        if name in self._template.get("Parameters", {}):
            return self._parameters.value(name)
        return self._attribute(str(name), REF, where)

    def _get_att(self, value: Any, where: str) -> str:
        name, attribute = value.split(".", 1) if isinstance(value, str) else value
        return self._attribute(name, attribute, where)

    def _attribute(self, name: str, attribute: str, where: str) -> str:
        resource = self._template.get("Resources", {}).get(name)
        if resource is None:
            raise InfraError(where, f"{name} is no parameter and no resource", "correct the name")
        if not self._exists(resource, f"Resources.{name}"):
            raise InfraError(where, f"{name} does not exist under these parameters", "guard it with the same condition")
        known = attributes(resource["Type"])
        if known is None or attribute not in known:
            what = f"{resource['Type']} has no {attribute or 'Ref'} that is known here"
            raise InfraError(where, what, "correct the attribute, or add it to identities.py")
        return known[attribute](self._identify(name, resource, where))

    def _identify(self, name: str, resource: Mapping[str, Any], where: str) -> Identified:
        if name not in self._identified:
            self._identified[name] = None
            # Of its properties only plain values make a name, and only those are resolved: a policy may name its owner.
            plain = {
                key: self._value(value, f"Resources.{name}.Properties.{key}")
                for key, value in resource.get("Properties", {}).items()
                if key in _NAMING
            }
            self._identified[name] = Identified(name, plain, self._pseudo, self._parameters)
        identified = self._identified[name]
        if identified is None:
            raise InfraError(where, f"{name} needs itself for its name", "break the circle")
        return identified

    def _sub(self, value: Any, where: str) -> str:
        text, variables = (value, {}) if isinstance(value, str) else value

        def replacement(match: re.Match[str]) -> str:
            literal, name = match.groups()
            if literal:
                return f"${{{name}}}"
            if name in variables:
                return self._string(variables[name], where)
            if "." in name:
                return self._string({"Fn::GetAtt": name.split(".", 1)}, where)
            return self._string({"Ref": name}, where)

        return _VARIABLE.sub(replacement, text)

    def _join(self, value: Any, where: str) -> str:
        separator, items = value
        resolved = self._value(items, where)
        if not isinstance(resolved, list):
            raise InfraError(where, "Fn::Join needs a list", "give it one")
        return str(separator).join(self._string(item, where) for item in resolved)

    def _select(self, value: Any, where: str) -> Any:
        index, items = int(self._string(value[0], where)), self._value(value[1], where)
        if not isinstance(items, list) or not 0 <= index < len(items):
            raise InfraError(where, f"Fn::Select finds nothing at {index}", "correct index or list")
        return items[index]

    def _find_in_map(self, value: Any, where: str) -> Any:
        found: Any = self._template.get("Mappings", {})
        for key in (self._string(item, where) for item in value):
            if not isinstance(found, dict) or key not in found:
                raise InfraError(where, f"Fn::FindInMap finds no {key}", "add it to Mappings")
            found = found[key]
        return found


_NAMING: Final = frozenset(
    "AlarmName AliasName BucketName DashboardName EventBusName FunctionName LayerName LogGroupName ManagedPolicyName Name Path"
    " QueueName RoleName StateMachineName TableName TopicName Type".split()
)
"""Properties that are part of what identifies a resource."""
