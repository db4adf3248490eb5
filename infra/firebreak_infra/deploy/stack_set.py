"""A StackSet with service-managed permissions: one stack in each account of the organizational units, and in each Region.

There is no change set for one. The plan compares templates and parameters, and says where the operation goes.
"""

from __future__ import annotations

import hashlib
import json
import time
from dataclasses import dataclass, field
from typing import Any, Final

from ..errors import InfraError
from . import terminal
from .settings import Settings
from .tools import AwsError, Tools

# One Region after the other: the home Region's stack of the forwarders makes the role that the others name.
_PREFERENCES: Final = {
    "RegionConcurrencyType": "SEQUENTIAL",
    "MaxConcurrentPercentage": 100,
    "FailureTolerancePercentage": 10,
    "ConcurrencyMode": "SOFT_FAILURE_TOLERANCE",
}
_PAUSE: Final = 10.0
_EXTERNAL_ID: Final = "ExternalId"
_HIDDEN: Final = "****"
"""What AWS shows instead of a secret value."""
_NAMED: Final = 5
"""So many accounts are named in an error."""


@dataclass(frozen=True)
class Plan:
    """What an operation would do."""

    name: str
    template: str
    """The template's text."""
    parameters: list[dict[str, str]]
    new: bool
    changes: list[tuple[str, str]]
    """What happens to which resource or parameter, compared with what is there."""
    stacks: int
    """How many stacks there are now."""
    missing: list[str] = field(default_factory=list)
    """Regions in which one of the organizational units has no stacks yet."""
    description: str = ""
    """What the StackSet says about itself; the fingerprint of a secret parameter is in it."""
    retried: int = 0
    """Stacks that an operation before left behind. Those of closed accounts are left out: nothing mends them."""
    inoperable: list[str] = field(default_factory=list)
    """Accounts and Regions of stacks that no update reaches any more."""

    @property
    def empty(self) -> bool:
        """Nothing to do."""
        return not self.new and not self.changes and not self.missing and not self.retried


def plan(tools: Tools, settings: Settings, name: str, unit: str, content: dict[str, Any], values: list[dict[str, str]]) -> Plan:
    """Compares what is there with what is wanted."""
    text = json.dumps(content, separators=(",", ":"))
    regions = list(settings.regions(unit))
    about = _description(name, values)
    found = described(tools, settings, name)
    if found is None:
        added = [("add", resource) for resource in content["Resources"]]
        return Plan(name, text, values, True, added, 0, regions, about)
    stacks = instances(tools, settings, name) or []
    there = {(stack.get("OrganizationalUnitId"), stack["Region"]) for stack in stacks}
    missing = [region for region in regions if any((ou, region) not in there for ou in settings.organizational_units)]
    changes = _resources(json.loads(found["TemplateBody"]), content)
    changes += _parameters(found.get("Parameters", []), values, found.get("Description", "") == about)
    behind = sum(1 for stack in stacks if stack["Status"] == "OUTDATED" and not _suspended(stack))
    inoperable = [f"{stack['Account']} {stack['Region']}" for stack in stacks if stack["Status"] == "INOPERABLE"]
    return Plan(name, text, values, False, changes, len(stacks), missing, about, behind, inoperable)


def show(planned: Plan, settings: Settings, unit: str) -> None:
    """The plan for people."""
    word = "create" if planned.new else "update"
    terminal.say(f"  {word} StackSet {planned.name}, {planned.stacks} stacks now")
    terminal.say(f"  organizational units: {', '.join(settings.organizational_units)}, with all their accounts, future ones too")
    terminal.say(f"  Regions: {', '.join(settings.regions(unit))}")
    if planned.missing and not planned.new:
        terminal.say(f"  new stacks in: {', '.join(planned.missing)}")
    retried = [("retry", f"{planned.retried} stacks that are not CURRENT")] if planned.retried else []
    terminal.table(("", "in each of these accounts"), planned.changes + retried)


def execute(tools: Tools, settings: Settings, planned: Plan) -> None:
    """Creates or updates it, and its stacks."""
    values: dict[str, Any] = {
        "StackSetName": planned.name,
        "TemplateBody": planned.template,
        "Description": planned.description,
        "Parameters": planned.parameters,
        "Capabilities": ["CAPABILITY_NAMED_IAM"],
        "PermissionModel": "SERVICE_MANAGED",
        "AutoDeployment": {"Enabled": True, "RetainStacksOnAccountRemoval": False},
        "ManagedExecution": {"Active": True},
        "CallAs": settings.call_as,
    }
    if planned.new:
        tools.aws("cloudformation", "create-stack-set", values)
    elif planned.changes or planned.retried:
        # Every stack, those that are left behind among them. Those that are as they should be stay so.
        answer = tools.aws("cloudformation", "update-stack-set", values | {"OperationPreferences": _PREFERENCES})
        follow(tools, settings, planned.name, answer["OperationId"])
    if planned.missing:
        answer = tools.aws("cloudformation", "create-stack-instances", _where(settings, planned.name, planned.missing))
        follow(tools, settings, planned.name, answer["OperationId"])


def remove(tools: Tools, settings: Settings, name: str) -> None:
    """Deletes the stacks of a StackSet, wherever they are, and then the StackSet."""
    stacks = instances(tools, settings, name) or []
    # The home Region last: it has what the others use.
    if regions := sorted({stack["Region"] for stack in stacks}, key=lambda region: region == settings.home_region):
        values = _where(settings, name, regions) | {"RetainStacks": False}
        # Where they are, not where the parameter file would put them today.
        values["DeploymentTargets"] = {"OrganizationalUnitIds": sorted({stack["OrganizationalUnitId"] for stack in stacks})}
        answer = tools.aws("cloudformation", "delete-stack-instances", values)
        follow(tools, settings, name, answer["OperationId"])
    tools.aws("cloudformation", "delete-stack-set", {"StackSetName": name, "CallAs": settings.call_as})


def instances(tools: Tools, settings: Settings, name: str) -> list[dict[str, Any]] | None:
    """Its stacks; None when there is no such StackSet."""
    if described(tools, settings, name) is None:
        return None
    values = {"StackSetName": name, "CallAs": settings.call_as}
    return list(tools.aws("cloudformation", "list-stack-instances", values)["Summaries"])


def follow(tools: Tools, settings: Settings, name: str, operation: str) -> None:
    """Waits until an operation is over, and says where it failed."""
    values = {"StackSetName": name, "OperationId": operation, "CallAs": settings.call_as}
    started = time.monotonic()
    last = ""
    while True:
        found = tools.aws("cloudformation", "describe-stack-set-operation", values)["StackSetOperation"]
        failed = found.get("StatusDetails", {}).get("FailedStackInstancesCount", 0)
        line = f"{found['Status']}  {found['Action'].lower()}" + (f", {failed} failed" if failed else "")
        if line != last:
            terminal.say(f"  {time.monotonic() - started:4.0f} s  {line}")
            last = line
        if found["Status"] not in ("RUNNING", "QUEUED", "STOPPING"):
            break
        time.sleep(_PAUSE)
    results = tools.aws("cloudformation", "list-stack-set-operation-results", values)["Summaries"]
    bad = [result for result in results if result["Status"] == "FAILED"]
    for result in bad:
        terminal.say(f"  {result['Account']} {result['Region']}: {result.get('StatusReason', 'failed')}")
    if found["Status"] != "SUCCEEDED" or bad:
        # Within the failure tolerance an operation succeeds, whatever became of some of its stacks.
        where = f", {len(bad)} stacks failed: {_first([result['Account'] for result in bad])}" if bad else ""
        raise InfraError(name, f"the operation ended as {found['Status']}{where}", "deploy again when the cause is mended")


def refuse_inoperable(planned: Plan) -> None:
    """Raises when there are stacks that no update reaches: those accounts have an old template, or half of one."""
    if planned.inoperable:
        raise InfraError(
            planned.name,
            f"{len(planned.inoperable)} stacks are INOPERABLE and left out by UpdateStackSet: {_first(planned.inoperable)}",
            "delete-stack-instances with RetainStacks for them, delete the stack in the account, deploy again",
        )


def described(tools: Tools, settings: Settings, name: str) -> dict[str, Any] | None:
    """The StackSet, if there is one."""
    try:
        answer = tools.aws("cloudformation", "describe-stack-set", {"StackSetName": name, "CallAs": settings.call_as})
    except AwsError as error:
        if "StackSetNotFound" in str(error):
            return None
        raise
    found: dict[str, Any] = answer["StackSet"]
    return found


def _where(settings: Settings, name: str, regions: list[str]) -> dict[str, Any]:
    return {
        "StackSetName": name,
        "DeploymentTargets": {"OrganizationalUnitIds": list(settings.organizational_units)},
        "Regions": regions,
        "OperationPreferences": _PREFERENCES | {"RegionOrder": regions},
        "CallAs": settings.call_as,
    }


def _resources(old: dict[str, Any], new: dict[str, Any]) -> list[tuple[str, str]]:
    """What becomes of each resource, and whether something else of the template differs."""
    before, after = old.get("Resources", {}), new["Resources"]
    changes = [("remove", name) for name in before if name not in after]
    changes += [("add", name) for name in after if name not in before]
    changes += [("modify", name) for name in after if name in before and before[name] != after[name]]
    rest = {key: value for key, value in old.items() if key != "Resources"}
    if not changes and rest != {key: value for key, value in new.items() if key != "Resources"}:
        changes.append(("modify", "the template, but no resource of it"))
    return changes


def _parameters(old: list[dict[str, str]], new: list[dict[str, str]], same_secret: bool) -> list[tuple[str, str]]:
    """Parameters whose value differs. A hidden one is taken as changed unless its fingerprint is known to be the same."""
    before = {entry["ParameterKey"]: entry.get("ParameterValue", "") for entry in old}
    changed = []
    for entry in new:
        value, name = before.get(entry["ParameterKey"]), entry["ParameterKey"]
        if value == _HIDDEN:
            if name != _EXTERNAL_ID or not same_secret:
                changed.append(("modify", f"parameter {name} (AWS hides it: perhaps the same)"))
        elif value != entry["ParameterValue"]:
            changed.append(("modify", f"parameter {name}"))
    return changed


def _description(name: str, values: list[dict[str, str]]) -> str:
    """The StackSet's description, with a fingerprint of the external id, because AWS does not show the value again.

    A tag would go to every stack and role. Who can read the description learns less than who can read a trust policy.
    """
    secret = next((entry["ParameterValue"] for entry in values if entry["ParameterKey"] == _EXTERNAL_ID), "")
    if not secret:
        return "Firebreak"
    organization = next((entry["ParameterValue"] for entry in values if entry["ParameterKey"] == "OrganizationId"), "")
    salted = f"{name} {organization} {secret}".encode()
    return f"Firebreak. Fingerprint of the external id: {hashlib.sha256(salted).hexdigest()[:16]}"


def _suspended(stack: dict[str, Any]) -> bool:
    return bool(stack.get("StackInstanceStatus", {}).get("DetailedStatus") == "SKIPPED_SUSPENDED_ACCOUNT")


def _first(names: list[str]) -> str:
    """Some names, and how many there are besides."""
    rest = len(names) - _NAMED
    return ", ".join(names[:_NAMED]) + (f" and {rest} more" if rest > 0 else "")
