"""What the chapters share."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from . import names
from .cloud import Cloud
from .command import Command
from .errors import SecondOpinionError
from .inbox import Inbox
from .report import Report
from .waiting import until

INGEST: Final = "firebreak-ingest"
_END: Final = 60.0
"""Seconds in which an execution must end or come to its gate."""


class NotTaken(SecondOpinionError):
    """`ingest` refused an event."""


@dataclass
class Run:
    """One deployment, and what is asked of it."""

    cloud: Cloud
    command: Command
    report: Report
    folder: Path
    """For files of the run."""
    inbox: Inbox
    """What people get."""
    alarms: set[str]
    """Alarms that the deployment is without."""

    def ingest(self, event: dict[str, Any]) -> str:
        """Hands an event to `ingest`, as an event rule does; the ARN of the execution that it started."""
        answer = self.cloud.client("lambda").invoke(FunctionName=INGEST, Payload=json.dumps(event).encode())
        said = answer["Payload"].read().decode()
        if "FunctionError" in answer:
            raise NotTaken(f"ingest: {said}")
        [execution] = json.loads(said)["executions"]
        return str(execution)

    def executions(self) -> list[str]:
        """All executions, newest first."""
        machines = self.cloud.client("stepfunctions")
        found = machines.list_executions(stateMachineArn=names.STATE_MACHINE)["executions"]
        return [execution["executionArn"] for execution in found]

    def ended(self, execution: str) -> dict[str, Any]:
        """An execution that ended."""
        machines = self.cloud.client("stepfunctions")

        def look() -> dict[str, Any] | None:
            found: dict[str, Any] = machines.describe_execution(executionArn=execution)
            return None if found["status"] == "RUNNING" else found

        return until(f"end of {_short(execution)}", _END, look)

    def at_gate(self, execution: str) -> str:
        """The incident of an execution, once it waits for an answer."""

        def look() -> str | None:
            for incident in self.command.json("incidents"):
                if incident["execution_arn"] == execution and incident["status"] == "awaiting-review":
                    return str(incident["id"])
            return None

        incident = until(f"gate of {_short(execution)}", _END, look)
        # The ticket is out: an answer is about what it shows.
        until(f"ticket of {incident}", _END, lambda: (self.shown(incident)["review"] or {}).get("announced_at"))
        return incident

    def shown(self, incident: str) -> dict[str, Any]:
        """Everything that the command shows about an incident."""
        return dict(self.command.json("incidents", "show", incident))

    def status(self, incident: str, wanted: str) -> None:
        """Waits until an incident has a status."""
        until(f"status {wanted} of {incident}", _END, lambda: self.shown(incident)["status"] == wanted)


def _short(execution: str) -> str:
    return re.sub(r".*:", "", execution)
