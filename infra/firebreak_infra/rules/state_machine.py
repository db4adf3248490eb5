"""The state machine logs everything but its data, is traced, and is STANDARD: only that waits for a person."""

from __future__ import annotations

from .documents import SECURITY, Documents, Resource
from .problem import Problem


def the_state_machine(documents: Documents) -> Resource | None:
    """The one of the security account."""
    return next(documents.resources("AWS::StepFunctions::StateMachine", SECURITY), None)


def check(documents: Documents) -> list[Problem]:
    """Settings that would leak task tokens, or leave no trace."""
    machine = the_state_machine(documents)
    if machine is None:
        return [Problem(SECURITY, "there is no state machine", "add AWS::Serverless::StateMachine")]
    properties = machine.properties
    logging = properties.get("LoggingConfiguration") or {}
    wanted = [
        (
            properties.get("StateMachineType") == "STANDARD",
            "is not STANDARD: it cannot wait for a review",
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
