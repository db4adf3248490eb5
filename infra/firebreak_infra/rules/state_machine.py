"""State machines log everything but their data, are traced, and are STANDARD: only that waits for a person, or a day."""

from __future__ import annotations

from .documents import SECURITY, Documents, Resource
from .problem import Problem


def state_machines(documents: Documents) -> dict[str, Resource]:
    """Those of the security account, by the name of the definition's file."""
    named = documents.named("AWS::StepFunctions::StateMachine", "StateMachineName", SECURITY)
    return {name.removeprefix("firebreak-"): machine for name, machine in named.items()}


def check(documents: Documents) -> list[Problem]:
    """Settings that would leak task tokens, or leave no trace."""
    machines = state_machines(documents)
    problems = [
        Problem(SECURITY, f"there is no state machine firebreak-{name}", "add AWS::Serverless::StateMachine")
        for name in sorted(set(documents.definitions) - set(machines))
    ]
    return problems + [problem for machine in machines.values() for problem in _settings(machine)]


def _settings(machine: Resource) -> list[Problem]:
    properties = machine.properties
    logging = properties.get("LoggingConfiguration") or {}
    wanted = [
        (
            properties.get("StateMachineType") == "STANDARD",
            "is not STANDARD: it cannot wait",
            "Type: STANDARD",
        ),
        (logging.get("Level") == "ALL", "does not log every event", "Logging Level: ALL"),
        (
            logging.get("IncludeExecutionData") is False,
            "logs execution data: task tokens would reach the log",
            "IncludeExecutionData: false",
        ),
        (bool(logging.get("Destinations")), "logs to no log group", "Logging Destinations"),
        (
            (properties.get("TracingConfiguration") or {}).get("Enabled") is True,
            "is not traced",
            "Tracing Enabled: true",
        ),
    ]
    return [Problem(machine.where, what, f"set {mend}") for holds, what, mend in wanted if not holds]
