"""Names that others rely on, and how functions run."""

from __future__ import annotations

from typing import Final

from .documents import MANAGEMENT, MEMBER, SECURITY, Documents
from .function_roles import role_name
from .problem import Problem
from .states import all_states

_NAMES: Final[dict[tuple[str, str, str], tuple[str, ...]]] = {
    (SECURITY, "AWS::StepFunctions::StateMachine", "StateMachineName"): (
        "firebreak-incident-response",
        "firebreak-evidence",
        "firebreak-watch",
        "firebreak-restore",
    ),
    (SECURITY, "AWS::DynamoDB::Table", "TableName"): ("firebreak-ledger",),
    (SECURITY, "AWS::SQS::Queue", "QueueName"): (
        "firebreak-review-gate",
        "firebreak-review-gate-dlq",
        "firebreak-events-dlq",
        "firebreak-ingest-dlq",
    ),
    (SECURITY, "AWS::SNS::Topic", "TopicName"): ("firebreak-notices", "firebreak-tickets", "firebreak-failures"),
    (SECURITY, "AWS::Events::EventBus", "Name"): ("firebreak",),
    (MEMBER, "AWS::IAM::ManagedPolicy", "ManagedPolicyName"): (
        "FirebreakQuarantineDenyAll",
        "FirebreakQuarantineDenyTaggedSession",
        "FirebreakQuarantineDenyTaggedSessionBoundary",
    ),
    (MANAGEMENT, "AWS::Organizations::Policy", "Name"): ("FirebreakGuard", "FirebreakQuarantine", "FirebreakResourceGuard"),
}


def check(documents: Documents) -> list[Problem]:
    """Names that differ, functions on another runtime or with less time than the state machine thinks."""
    problems = []
    for (template, type, property), wanted in _NAMES.items():
        there = documents.named(type, property, template)
        problems += [
            Problem(template, f"no {type} has the name {name}", "add it") for name in wanted if name not in there
        ]
    functions = documents.named("AWS::Lambda::Function", "FunctionName", SECURITY)
    for folder in documents.function_policies:
        function = functions.get(f"firebreak-{folder}")
        if function is None:
            problems.append(Problem(SECURITY, f"the function firebreak-{folder} is missing", "add it"))
            continue
        properties = function.properties
        settings = [
            (properties.get("Runtime") == "provided.al2023", "does not run on provided.al2023", "Runtime"),
            (properties.get("Architectures") in (["arm64"], ["x86_64"]), "has no architecture", "Architectures"),
            (
                str(properties.get("ReservedConcurrentExecutions", 1)) != "0",
                "can never run: it has no concurrency",
                "ReservedConcurrentExecutions to none or at least 1",
            ),
            (
                str(properties.get("Role")).endswith(f"/{role_name(folder)}"),
                f"has not the role {role_name(folder)}",
                "Role",
            ),
        ]
        problems += [Problem(function.where, what, f"set {mend}") for holds, what, mend in settings if not holds]
    return problems + _time_limits(documents)


def _time_limits(documents: Documents) -> list[Problem]:
    functions = documents.named("AWS::Lambda::Function", "FunctionName", SECURITY)
    problems = []
    for state in all_states(documents):
        name = str((state.body.get("Parameters") or {}).get("FunctionName") or "").replace(
            "${FunctionArnPrefix}", "firebreak-"
        )
        limit = state.body.get("TimeoutSeconds")
        if name in functions and limit is not None and limit <= int(functions[name].properties.get("Timeout") or 3):
            problems.append(
                Problem(
                    state.where,
                    f"gives up on {name} before the function does",
                    "make TimeoutSeconds 5 more than its Timeout",
                )
            )
    return problems
