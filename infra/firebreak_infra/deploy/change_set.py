"""A stack by way of a change set: made, shown, and carried out only when somebody says so."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from ..errors import InfraError
from . import terminal
from .tools import AwsError, Tools

CAPABILITIES: Final = ["CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"]
_NO_CHANGES: Final = re.compile(r"didn't contain changes|no updates are to be performed", re.I)
_DELETE: Final = (
    "aws cloudformation delete-stack --stack-name {stack}. Of the security account's the table firebreak-ledger may be left: see "
    "that it is empty, switch its deletion protection off and delete it. Of the forensics account's a key is left: it costs and "
    "does no harm; to delete it, first put a key policy that allows kms:ScheduleKeyDeletion"
)
"""These two have DeletionPolicy Retain: deletion protection, and a policy that lets nobody delete, would refuse the rollback."""
_NEVER_MADE: Final = {
    "ROLLBACK_COMPLETE": ("its first deployment was rolled back", _DELETE),
    "ROLLBACK_FAILED": (
        "its first deployment failed, and not all of what it had made could be removed: no update is possible",
        "aws cloudformation describe-stack-events --stack-name {stack} says what could not be removed, and why. Mend that (a wrong "
        "DeployRole protects the evidence bucket from you), then " + _DELETE,
    ),
}
"""Statuses of a stack that can only be deleted (CloudFormation user guide, "Stack status codes"): what happened, what to do."""
_PAUSE: Final = 5.0
"""Seconds between two looks."""


@dataclass(frozen=True)
class ChangeSet:
    """A change set that is ready, and what it would do."""

    arn: str
    stack: str
    new: bool
    """The stack does not exist yet."""
    changes: list[dict[str, Any]]


def stack(tools: Tools, name: str) -> dict[str, Any] | None:
    """The stack, if there is one. One that only holds a change set counts as none."""
    try:
        found = tools.aws("cloudformation", "describe-stacks", {"StackName": name})["Stacks"][0]
    except AwsError as error:
        if "does not exist" in str(error):
            return None
        raise
    if found["StackStatus"] in _NEVER_MADE:
        what, remedy = _NEVER_MADE[found["StackStatus"]]
        raise InfraError(name, what, remedy.format(stack=name))
    return None if found["StackStatus"] == "REVIEW_IN_PROGRESS" else dict(found)


def create(tools: Tools, name: str, template: dict[str, str], parameters: list[dict[str, str]]) -> ChangeSet | None:
    """Makes a change set. None: nothing would change."""
    new = stack(tools, name) is None
    values: dict[str, Any] = {
        "StackName": name,
        "ChangeSetName": time.strftime("firebreak-%Y%m%d%H%M%S", time.gmtime()),
        "ChangeSetType": "CREATE" if new else "UPDATE",
        "Parameters": parameters,
        "Capabilities": CAPABILITIES,
    } | template
    return ready(tools, name, tools.aws("cloudformation", "create-change-set", values)["Id"], new)


def revert_drift(tools: Tools, name: str) -> ChangeSet | None:
    """Makes a change set that undoes what somebody changed by hand. Template and parameters stay. None: nobody did.

    An update of the usual kind leaves such changes alone, because nothing in the template changed (CloudFormation user
    guide, "Using drift-aware change sets").
    """
    found = stack(tools, name)
    if found is None:
        raise InfraError(name, "does not exist", "deploy it without DRIFT")
    values: dict[str, Any] = {
        "StackName": name,
        "ChangeSetName": time.strftime("firebreak-drift-%Y%m%d%H%M%S", time.gmtime()),
        "ChangeSetType": "UPDATE",
        "UsePreviousTemplate": True,
        "Parameters": [{"ParameterKey": one["ParameterKey"], "UsePreviousValue": True} for one in found.get("Parameters", [])],
        "Capabilities": CAPABILITIES,
        "DeploymentMode": "REVERT_DRIFT",
    }
    return ready(tools, name, tools.aws("cloudformation", "create-change-set", values)["Id"], new=False)


def ready(tools: Tools, name: str, arn: str, new: bool) -> ChangeSet | None:
    """Waits for a change set and reads it. None: nothing would change."""
    while True:
        answer = tools.aws("cloudformation", "describe-change-set", {"ChangeSetName": arn})
        if answer["Status"] == "CREATE_COMPLETE":
            return ChangeSet(arn, name, new, answer.get("Changes", []))
        if answer["Status"] == "FAILED":
            break
        time.sleep(_PAUSE)
    reason = str(answer.get("StatusReason", ""))
    tools.aws("cloudformation", "delete-change-set", {"ChangeSetName": arn})
    if _NO_CHANGES.search(reason):
        return None
    raise InfraError(name, f"no change set: {reason}")


def show(change_set: ChangeSet) -> None:
    """The plan, what is lost or replaced first."""
    rows = []
    for change in change_set.changes:
        about = change["ResourceChange"]
        replaced = about.get("Replacement", "False")
        note = {"True": "REPLACED", "Conditional": "perhaps replaced"}.get(replaced, "")
        rows.append((about["Action"].lower(), about["LogicalResourceId"], about["ResourceType"], note))
    rows.sort(key=lambda row: (row[0] != "remove", row[3] != "REPLACED", row[0], row[2], row[1]))
    terminal.table(("", "resource", "type", ""), rows)


def discard(tools: Tools, change_set: ChangeSet) -> None:
    """Takes a change set away, and the empty stack that came with it."""
    tools.aws("cloudformation", "delete-change-set", {"ChangeSetName": change_set.arn})
    if not change_set.new:
        return
    # Meanwhile somebody else may have deployed it.
    found = tools.aws("cloudformation", "describe-stacks", {"StackName": change_set.stack})["Stacks"][0]
    if found["StackStatus"] == "REVIEW_IN_PROGRESS":
        tools.aws("cloudformation", "delete-stack", {"StackName": found["StackId"]})


def execute(tools: Tools, change_set: ChangeSet) -> dict[str, Any]:
    """Carries it out and returns the stack as it then is."""
    tools.aws("cloudformation", "execute-change-set", {"ChangeSetName": change_set.arn})
    return follow(tools, change_set.stack, len(change_set.changes))


def protect_resources(tools: Tools, name: str, policy: Path) -> None:
    """Gives a stack its stack policy, if it has one."""
    if policy.is_file():
        body = policy.read_text(encoding="utf-8")
        tools.aws("cloudformation", "set-stack-policy", {"StackName": name, "StackPolicyBody": body})
        terminal.say(f"  stack policy: {policy.name}")


def protect_from_deletion(tools: Tools, found: dict[str, Any]) -> None:
    """Switches on the termination protection of a stack that has none."""
    if not found.get("EnableTerminationProtection"):
        protection(tools, found["StackName"], on=True)
        terminal.say("  termination protection: on")


def protection(tools: Tools, name: str, on: bool) -> None:
    """Switches a stack's termination protection."""
    values = {"StackName": name, "EnableTerminationProtection": on}
    tools.aws("cloudformation", "update-termination-protection", values)


def follow(tools: Tools, name: str, expected: int) -> dict[str, Any]:
    """Waits until a stack rests, and says how far it is and what failed."""
    started, last = time.monotonic(), -1
    while True:
        found = tools.aws("cloudformation", "describe-stacks", {"StackName": name})["Stacks"][0]
        status = found["StackStatus"]
        # Not DescribeStackResources: that ends at a hundred.
        resources = tools.aws("cloudformation", "list-stack-resources", {"StackName": name})["StackResourceSummaries"]
        done = sum(1 for resource in resources if resource["ResourceStatus"].endswith("_COMPLETE"))
        if done != last or not status.endswith("_IN_PROGRESS"):
            terminal.say(f"  {time.monotonic() - started:4.0f} s  {status}  {done} of {max(expected, len(resources))} resources")
            last = done
        if not status.endswith("_IN_PROGRESS"):
            break
        time.sleep(_PAUSE)
    if status in ("CREATE_COMPLETE", "UPDATE_COMPLETE"):
        return dict(found)
    for resource in resources:
        if resource["ResourceStatus"].endswith("_FAILED"):
            terminal.say(f"  {resource['LogicalResourceId']}: {resource.get('ResourceStatusReason', 'failed')}")
    raise InfraError(name, f"ended as {status}", "the stack's events in the CloudFormation console have the first cause")
