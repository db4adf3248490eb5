"""Makes resources of infra/event-rules: one rule per file and bus, one for the rows that the environment's policy adds, and
what each rule needs beside it.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from . import layout
from .errors import InfraError
from .own_rules import own_rules
from .sources import EVENT_RULES, PER_EVENT_RULE

RULE_NAME_PREFIX: Final = "firebreak-"
_GROUP_KEYS: Final = {"Prefix", "Bus", "Files", "Patterns", "Except", "Targets", "Properties", "Condition"}
_COMPANION_KEYS: Final = {"Prefix", "Resource"}


class EventRules:
    """The groups of event rules a template asks for."""

    def __init__(self, template: str, source: Mapping[str, Any], environment: str) -> None:
        self._own = of_policy(environment)
        self._where = f"infra/{template}"
        self._groups = source.get(EVENT_RULES, [])
        self._companions = source.get(PER_EVENT_RULE, [])
        for section, entries, keys in (
            (EVENT_RULES, self._groups, _GROUP_KEYS),
            (PER_EVENT_RULE, self._companions, _COMPANION_KEYS),
        ):
            for entry in entries:
                if not isinstance(entry, dict) or "Prefix" not in entry or not set(entry) <= keys:
                    self._fail(f"an entry of {section} is not right", f"it has Prefix, and of {sorted(keys)} what it needs")

    def resources(self) -> Iterator[tuple[str, dict[str, Any], str]]:
        """Logical id and resource, unexpanded, and the logical id of the rule that is `!ThisRule` in it."""
        for group in self._groups:
            for stem in self._stems(group):
                rule = rule_id(group["Prefix"], stem)
                yield rule, self._rule(group, stem), rule
        for companion in self._companions:
            if not isinstance(companion.get("Resource"), dict):
                self._fail(f"{PER_EVENT_RULE} {companion['Prefix']} has no Resource", "give the resource to repeat")
            for rule in self.of_prefix(companion["Prefix"]):
                yield f"{rule.removesuffix('Rule')}Permission", companion["Resource"], rule

    def of_prefix(self, prefix: str) -> list[str]:
        """Logical ids of the rules of a prefix."""
        groups = [group for group in self._groups if group["Prefix"] == prefix]
        if not groups:
            self._fail(f"there are no event rules with prefix {prefix}", f"add it to {EVENT_RULES}")
        return [rule_id(prefix, stem) for group in groups for stem in self._stems(group)]

    def _stems(self, group: Mapping[str, Any]) -> list[str]:
        known = sorted(file.stem for file in layout.EVENT_RULES.glob("*.json"))
        files, left_out = group.get("Files"), group.get("Except", [])
        # A group that names its files wants no others, but what the policy adds to a file that it takes as it is.
        wanted = [*known, *self._own] if files is None else [*files, *self._own_of(group)]
        for stem in (*group.get("Files", []), *left_out):
            if stem not in known:
                self._fail(f"event rule {stem} of {EVENT_RULES} is no file", f"infra/event-rules has {', '.join(known)}")
        return [stem for stem in wanted if stem not in left_out]

    def _own_of(self, group: Mapping[str, Any]) -> list[str]:
        as_they_are = set(group["Files"]) - set(group.get("Patterns", {}))
        return [stem for stem in self._own if stem.split("-own")[0] in as_they_are]

    def _rule(self, group: Mapping[str, Any], stem: str) -> dict[str, Any]:
        properties: dict[str, Any] = {
            "Name": RULE_NAME_PREFIX + stem,
            "EventPattern": self._pattern(group, stem),
            **group.get("Properties", {}),
            "Targets": group.get("Targets", []),
        }
        if not properties["Targets"]:
            self._fail(f"{EVENT_RULES} {group['Prefix']} has no Targets", "a rule without targets does nothing")
        if "Bus" in group:
            properties["EventBusName"] = group["Bus"]
        condition = {"Condition": group["Condition"]} if "Condition" in group else {}
        return {"Type": "AWS::Events::Rule", **condition, "Properties": properties}

    def _pattern(self, group: Mapping[str, Any], stem: str) -> Any:
        if stem in self._own:
            return self._own[stem]
        # A pattern of the group's own stands before the file of that stem.
        own = group.get("Patterns", {}).get(stem)
        return _read(layout.repository_file(own)) if own else pattern(stem)

    def _fail(self, what: str, remedy: str) -> None:
        raise InfraError(self._where, what, remedy)


def rule_id(prefix: str, stem: str) -> str:
    """Logical id of the rule of a file: `Default` and `security-hub` make `DefaultSecurityHubRule`."""
    return f"{prefix}{''.join(part.capitalize() for part in re.split('[^0-9A-Za-z]+', stem))}Rule"


def pattern(stem: str) -> Any:
    """The event pattern of a file."""
    return _read(layout.EVENT_RULES / f"{stem}.json")


def of_policy(environment: str) -> dict[str, dict[str, Any]]:
    """Patterns of the rules that the rows of an environment's response policy need, by stem."""
    policy = layout.ENVIRONMENTS / environment / "policy.toml"
    shipped = {file.stem: pattern(file.stem) for file in layout.EVENT_RULES.glob("guardduty-*.json")}
    return own_rules(tomllib.loads(policy.read_text(encoding="utf-8")), shipped) if policy.is_file() else {}


def _read(file: Path) -> Any:
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except json.JSONDecodeError as error:
        raise InfraError(f"{layout.in_repository(file)}:{error.lineno}", error.msg, "correct the JSON") from error
