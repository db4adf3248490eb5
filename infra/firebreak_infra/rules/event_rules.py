"""Each file of infra/event-rules is a rule on each bus that needs it: switched on, with the file's pattern, and its
target gets the event as it came.

Without this a finding would be lost in silence: a rule that is missing, disabled or matches nothing has no failed delivery.
"""

from __future__ import annotations

from typing import Final

from .documents import FORWARDER, SECURITY, Documents, Resource
from .problem import Problem

_BUSES: Final = (
    (SECURITY, "default", "firebreak-ingest"),
    (SECURITY, "firebreak", "firebreak-ingest"),
    (FORWARDER, "default", "firebreak"),
)
"""Template, bus, and what the targets of its rules are called: a function, or the security bus."""
_ONLY_DEFAULT_BUS: Final = "isolation-request"
"""What a person asks for is asked for in the security account itself: it is never forwarded."""
_LAST_RESORT: Final = "firebreak-execution-ended"
"""What no execution can tell: that it ended. The one rule that hands nothing to ingest."""
_ENDS: Final = {"FAILED", "TIMED_OUT", "ABORTED"}
_CHANGES_THE_EVENT: Final = ("Input", "InputPath", "InputTransformer")


def check(documents: Documents) -> list[Problem]:
    """Rules that are missing, that match or send something else, and rules that no file asks for."""
    problems = (
        [] if documents.event_patterns else [Problem("infra/event-rules", "there is no file", "add the patterns")]
    )
    wanted = set()
    for template, bus, target in _BUSES:
        patterns = documents.forwarded_patterns if template == FORWARDER else documents.event_patterns
        for stem, pattern in patterns.items():
            if stem == _ONLY_DEFAULT_BUS and (template, bus) != (SECURITY, "default"):
                continue
            wanted.add((template, bus, f"firebreak-{stem}"))
            found = _rules(documents, template, bus, f"firebreak-{stem}")
            if len(found) != 1:
                what = f"{len(found)} rules firebreak-{stem} on the bus {bus}"
                problems.append(Problem(template, what, f"make one of infra/event-rules/{stem}.json"))
            for rule in found:
                problems += _rule(rule, stem, pattern == rule.properties.get("EventPattern"), target)
    wanted.add((SECURITY, "default", _LAST_RESORT))
    problems += _last_resort(documents)
    for rule in documents.resources("AWS::Events::Rule"):
        if (rule.template, bus_of(rule), rule.properties.get("Name")) not in wanted:
            problems.append(Problem(rule.where, f"nothing asks for it on the bus {bus_of(rule)}", "remove it"))
    return problems


def _last_resort(documents: Documents) -> list[Problem]:
    found = _rules(documents, SECURITY, "default", _LAST_RESORT)
    if len(found) != 1:
        return [Problem(SECURITY, f"{len(found)} rules {_LAST_RESORT}", "an execution that is stopped ends without a word")]
    [rule] = found
    pattern = rule.properties.get("EventPattern") or {}
    detail = pattern.get("detail") or {}
    machines = [str(arn).rsplit(":", 1)[-1] for arn in detail.get("stateMachineArn") or []]
    is_right = pattern.get("source") == ["aws.states"] and set(machines) == {f"firebreak-{name}" for name in documents.definitions}
    is_whole = is_right and set(detail.get("status") or []) == _ENDS and set(detail) == {"stateMachineArn", "status"}
    return _rule(rule, "execution-ended", is_whole, "firebreak-execution-ended", "infra/security-account/execution-ended.json")


def bus_of(rule: Resource) -> str:
    """The name of its event bus."""
    return str(rule.properties.get("EventBusName") or "default").rsplit("/", 1)[-1]


def _rules(documents: Documents, template: str, bus: str, name: str) -> list[Resource]:
    found = documents.resources("AWS::Events::Rule", template)
    return [rule for rule in found if rule.properties.get("Name") == name and bus_of(rule) == bus]


def _rule(rule: Resource, stem: str, same_pattern: bool, target: str, file: str = "") -> list[Problem]:
    file = file or f"infra/event-rules/{stem}.json"
    problems = []
    if rule.properties.get("State", "ENABLED") != "ENABLED":
        problems.append(Problem(rule.where, f"is {rule.properties['State']}", "remove State"))
    if not same_pattern:
        problems.append(Problem(rule.where, f"its pattern is not that of {file}", "make the rule from the file"))
    targets = rule.properties.get("Targets") or []
    ends = [str(one.get("Arn")).replace("/", ":").rsplit(":", 1)[-1] for one in targets]
    if ends != [target]:
        problems.append(Problem(rule.where, f"sends to {ends}", f"one target: {target}"))
    for one in targets:
        problems += [
            Problem(rule.where, f"target {one.get('Id')} does not get the event as it came", f"remove {name}")
            for name in _CHANGES_THE_EVENT
            if name in one
        ]
    return problems
