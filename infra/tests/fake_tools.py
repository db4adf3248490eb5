"""Stands in for `aws`, `sam` and `firebreak`: writes down what it was asked, and answers from a folder.

One program under three names on PATH. FAKE_TOOLS names a folder with `world.json` (stacks, StackSets, accounts, incidents) and
`calls.jsonl` (every call: tool, arguments, the values it was given, and whether the external id was in its environment).
"""

from __future__ import annotations

import json
import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

# Started some hundred times by the tests, so it imports little.
FOLDER = os.environ["FAKE_TOOLS"]
with open(f"{FOLDER}/world.json") as file:
    WORLD: dict[str, Any] = json.load(file)


def keep() -> None:
    """The world as it now is, for the next call."""
    with open(f"{FOLDER}/world.json", "w") as file:
        json.dump(WORLD, file)


def main() -> None:
    """Writes the call down and answers it."""
    tool, arguments = os.path.basename(sys.argv[0]), sys.argv[1:]
    call: dict[str, Any] = {"tool": tool, "argv": arguments, "secret": "FIREBREAK_EXTERNAL_ID" in os.environ}
    call["profile"] = os.environ.get("AWS_PROFILE", "")
    for option, name in (("--cli-input-json", "input"), ("--config-file", "configuration")):
        if option in arguments:
            path = arguments[arguments.index(option) + 1].removeprefix("file://")
            call["mode"] = oct(os.stat(path).st_mode & 0o777)
            with open(path) as given:
                call[name] = json.load(given) if name == "input" else given.read()
    with open(f"{FOLDER}/calls.jsonl", "a") as log:
        log.write(json.dumps(call) + "\n")
    if tool == "sam":
        answer_sam(call)
    elif tool == "firebreak":
        print(json.dumps(WORLD["incidents"]))
    else:
        answer = ANSWERS[arguments[1]](call.get("input", {}))
        keep()
        if answer is not None:
            print(json.dumps(answer))


def refuse(message: str) -> None:
    """Ends as the AWS CLI does."""
    print(f"\nAn error occurred {message}", file=sys.stderr)
    sys.exit(254)


def answer_sam(call: dict[str, Any]) -> None:
    """A change set for the stack that the configuration names. As sam does not, it says the external id aloud."""
    print(call["configuration"])
    WORLD["stacks"].setdefault("firebreak-security", {"StackStatus": "REVIEW_IN_PROGRESS"})
    keep()
    if WORLD.get("sam_fails"):
        sys.exit(1)
    print("Changeset created successfully. arn:aws:cloudformation:eu-central-1:1:changeSet/firebreak-security/1")


def caller(_: dict[str, Any]) -> dict[str, Any]:
    return {"Account": WORLD["profiles"].get(os.environ.get("AWS_PROFILE", ""), WORLD["account"])}


def stacks(values: dict[str, Any]) -> dict[str, Any] | None:
    name = values["StackName"]
    if name not in WORLD["stacks"]:
        refuse(f"(ValidationError) when calling DescribeStacks: Stack with id {name} does not exist")
    found = {"StackName": name, "StackId": name} | WORLD["stacks"][name]
    return {"Stacks": [found]}


def create_change_set(values: dict[str, Any]) -> dict[str, Any]:
    name = values["StackName"]
    WORLD["stacks"].setdefault(name, {"StackStatus": "REVIEW_IN_PROGRESS"})
    return {"Id": f"arn:aws:cloudformation:eu-central-1:1:changeSet/{name}/1"}


def change_set(values: dict[str, Any]) -> dict[str, Any]:
    if WORLD.get("somebody_else"):
        WORLD["stacks"][values["ChangeSetName"].split("/")[1]] = {"StackStatus": "CREATE_COMPLETE"}
    if WORLD.get("no_changes"):
        return {"Status": "FAILED", "StatusReason": "The submitted information didn't contain changes."}
    changes = [
        {"Action": "Add", "LogicalResourceId": "Fresh", "ResourceType": "AWS::SNS::Topic"},
        {
            "Action": "Modify",
            "LogicalResourceId": "Ledger",
            "ResourceType": "AWS::DynamoDB::Table",
            "Replacement": "True",
        },
    ]
    return {"Status": "CREATE_COMPLETE", "Changes": [{"ResourceChange": change} for change in changes]}


def execute(values: dict[str, Any]) -> None:
    name = values["ChangeSetName"].split("/")[1]
    outputs = [{"OutputKey": key, "OutputValue": value} for key, value in WORLD["outputs"].get(name, {}).items()]
    WORLD["stacks"][name] |= {"StackStatus": WORLD.get("ends", "CREATE_COMPLETE"), "Outputs": outputs}


def protect(values: dict[str, Any]) -> None:
    WORLD["stacks"][values["StackName"]]["EnableTerminationProtection"] = values["EnableTerminationProtection"]


def delete_stack(values: dict[str, Any]) -> None:
    name = values["StackName"]
    if WORLD["stacks"][name].get("EnableTerminationProtection"):
        refuse(f"(ValidationError) when calling DeleteStack: [{name}] cannot be deleted while TerminationProtection is enabled")
    if WORLD["stacks"][name]["StackStatus"] == "REVIEW_IN_PROGRESS":
        del WORLD["stacks"][name]
    else:
        WORLD["stacks"][name] = {"StackStatus": WORLD.get("deletion", "DELETE_COMPLETE")}


def stack_set(values: dict[str, Any]) -> dict[str, Any] | None:
    if values["StackSetName"] not in WORLD["stack_sets"]:
        refuse("(StackSetNotFoundException) when calling DescribeStackSet: not found")
    return {"StackSet": WORLD["stack_sets"][values["StackSetName"]]}


def create_stack_set(values: dict[str, Any]) -> dict[str, Any]:
    WORLD["stack_sets"][values["StackSetName"]] = {
        "TemplateBody": values["TemplateBody"],
        "Parameters": values["Parameters"],
        "Description": values["Description"],
    }
    return {"StackSetId": values["StackSetName"]}


def update_stack_set(values: dict[str, Any]) -> dict[str, Any]:
    there = WORLD["stack_sets"][values["StackSetName"]]
    create_stack_set(values)
    stacks = there.get("there", [])
    for stack in stacks:
        stack["Status"] = "CURRENT" if stack["Status"] == "OUTDATED" else stack["Status"]
    WORLD["stack_sets"][values["StackSetName"]]["there"] = stacks
    return {"OperationId": "1"}


def create_instances(values: dict[str, Any]) -> dict[str, Any]:
    there = WORLD["stack_sets"][values["StackSetName"]].setdefault("there", [])
    units = values["DeploymentTargets"]["OrganizationalUnitIds"]
    there += [
        {"Account": "1", "Region": region, "OrganizationalUnitId": unit, "Status": "CURRENT"}
        for region in values["Regions"]
        for unit in units
    ]
    return {"OperationId": "1"}


def delete_stack_set(values: dict[str, Any]) -> None:
    del WORLD["stack_sets"][values["StackSetName"]]


def operation(_: dict[str, Any]) -> dict[str, Any]:
    return {"StackSetOperation": {"Status": WORLD.get("operation", "SUCCEEDED"), "Action": "CREATE"}}


ANSWERS = {
    "get-caller-identity": caller,
    "describe-stacks": stacks,
    "create-change-set": create_change_set,
    "describe-change-set": change_set,
    "delete-change-set": lambda _: None,
    "execute-change-set": execute,
    "list-stack-resources": lambda _: {
        "StackResourceSummaries": [
            {
                "LogicalResourceId": name.split(":")[-1],
                "ResourceType": kind,
                "PhysicalResourceId": name,
                "ResourceStatus": "CREATE_COMPLETE",
            }
            for kind, name in (
                ("AWS::SQS::Queue", "https://sqs.example/222233334444/firebreak-review-gate"),
                ("AWS::SQS::Queue", "https://sqs.example/222233334444/firebreak-events-dlq"),
                ("AWS::SNS::Topic", "arn:aws:sns:eu-central-1:222233334444:firebreak-notices"),
            )
        ]
    },
    "get-queue-attributes": lambda values: {
        "Attributes": dict.fromkeys(values["AttributeNames"], "0")
        | {"ApproximateNumberOfMessages": str(WORLD.get("messages", {}).get(values["QueueUrl"].split("/")[-1], 0))}
    },
    "list-subscriptions-by-topic": lambda _: {"Subscriptions": [{}] * WORLD.get("subscriptions", 0)},
    "set-stack-policy": lambda _: None,
    "update-termination-protection": protect,
    "delete-stack": delete_stack,
    "describe-stack-set": stack_set,
    "create-stack-set": create_stack_set,
    "update-stack-set": update_stack_set,
    "list-stack-instances": lambda values: {"Summaries": WORLD["stack_sets"][values["StackSetName"]].get("there", [])},
    "create-stack-instances": create_instances,
    "delete-stack-instances": lambda _: {"OperationId": "1"},
    "delete-stack-set": delete_stack_set,
    "describe-stack-set-operation": operation,
    "list-stack-set-operation-results": lambda _: {
        "Summaries": [{"Account": "1", "Region": "eu-central-1", "Status": "FAILED", "StatusReason": "no"}]
        if WORLD.get("operation") == "FAILED" or WORLD.get("one_fails")
        else []
    },
}

if __name__ == "__main__":
    main()
