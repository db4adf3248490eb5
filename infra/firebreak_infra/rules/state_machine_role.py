"""A state machine's role allows what each Task does, on what it does it to."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final

from ..functions import functions
from ..samples import PARTITION, REGION, SECURITY_ACCOUNT
from .documents import SECURITY, Documents, Json, Resource
from .problem import Problem
from .state_machine import state_machines
from .statements import Statement, allowed, role_statements, roles
from .states import State, states
from .substitutions import fill

_INTEGRATIONS: Final[dict[str, tuple[str, str]]] = {
    "states:::lambda:invoke": ("lambda:InvokeFunction", "FunctionName"),
    "states:::sns:publish": ("sns:Publish", "TopicArn"),
    "states:::sqs:sendMessage": ("sqs:SendMessage", "QueueUrl"),
    "states:::sqs:sendMessage.waitForTaskToken": ("sqs:SendMessage", "QueueUrl"),
    "states:::dynamodb:updateItem": ("dynamodb:UpdateItem", "TableName"),
    "states:::states:startExecution": ("states:StartExecution", "StateMachineArn"),
}
"""Resource of a Task, without `arn` and partition: the action it needs, and the parameter that says on what."""


def check(documents: Documents) -> list[Problem]:
    """Tasks that would fail with AccessDenied."""
    machines = state_machines(documents)
    return [
        problem
        for name, definition in documents.definitions.items()
        if name in machines
        for problem in _machine(documents, machines[name], list(states(definition, machine=name)))
    ]


def _machine(documents: Documents, machine: Resource, found: list[State]) -> list[Problem]:
    arn = str(machine.properties.get("RoleArn"))
    held = next(((name, role) for name, role in roles(documents, SECURITY) if arn.endswith(f"/{name}")), None)
    if held is None:
        return [Problem(machine.where, f"its role {arn} is not in the template", "give it a role of its own")]
    name, role = held
    statements = role_statements(documents, role)
    return [problem for state in found for problem in _task(documents, state, statements, name)]


def _task(documents: Documents, state: State, statements: list[Statement], role: str) -> list[Problem]:
    if state.body["Type"] != "Task":
        return []
    integration = fill(documents, state, state.body["Resource"]).split(":", 2)[-1]
    if integration not in _INTEGRATIONS:
        return [
            Problem(state.where, f"what {integration} needs is not known here", "add it to rules/state_machine_role.py")
        ]
    action, parameter = _INTEGRATIONS[integration]
    resources = [_ARN[parameter](value) for value in _values(documents, state, parameter)]
    return [
        Problem(
            state.where,
            f"the state machine's role does not allow {action} on {resource}",
            f"allow it in {role}",
        )
        for resource in resources
        if not allowed(statements, action, resource)
    ]


def _values(documents: Documents, state: State, name: str) -> list[str]:
    """What a parameter can be. A function's name may be put together from the containment that is at hand."""
    parameters: Json = state.body.get("Parameters") or {}
    if name in parameters:
        return [fill(documents, state, str(parameters[name]))]
    containments = [function.name for function in functions() if function.is_called_for_targets]
    chosen = re.fullmatch(r"States\.Format\('(.*){}', \$\.containment\)", str(parameters.get(f"{name}.$")))
    return [fill(documents, state, chosen[1]) + containment for containment in containments] if chosen else ["unknown"]


def _queue_arn(url: str) -> str:
    host, account, name = [*url.removeprefix("https://").split("/"), "", ""][:3]
    return f"arn:{PARTITION}:sqs:{host.split('.')[1] if '.' in host else ''}:{account}:{name}"


_SAMPLE: Final = f"{REGION}:{SECURITY_ACCOUNT}"
_ARN: Final[dict[str, Callable[[str], Any]]] = {
    "FunctionName": str,
    "StateMachineArn": str,
    "TopicArn": str,
    "QueueUrl": _queue_arn,
    "TableName": lambda name: f"arn:{PARTITION}:dynamodb:{_SAMPLE}:table/{name}",
}
