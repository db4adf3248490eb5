"""The end of an execution as Step Functions does it: it is told to EventBridge, and StopExecution ends it at once.

moto sends no "Step Functions Execution Status Change", and StopExecution leaves an execution RUNNING until the task that waits for an
answer gets one: seen with the review gate, which waited for hours.
"""

from __future__ import annotations

import json
import time
import uuid
from datetime import datetime
from typing import Any

from moto.events.models import events_backends
from moto.stepfunctions.parser.api import ExecutionStatus
from moto.stepfunctions.parser.backend.execution import BaseExecutionWorkerCommunication, Execution

_LARGEST_INPUT = 240_000
"""An event takes 256 KiB; a larger input is left out (Step Functions developer guide, "Event delivery")."""


def install() -> None:
    """Patches how an execution ends."""
    reflect = BaseExecutionWorkerCommunication._reflect_execution_status
    stop = Execution.stop

    def reflect_once(self: BaseExecutionWorkerCommunication) -> None:
        if self.execution.exec_status == ExecutionStatus.ABORTED:
            return  # it was stopped, and told
        reflect(self)
        _tell(self.execution)

    def stop_now(self: Execution, stop_date: datetime, error: str | None, cause: str | None) -> None:
        if self.exec_status != ExecutionStatus.RUNNING:
            return
        stop(self, stop_date, error, cause)
        self.exec_status, self.stop_date, self.error, self.cause = ExecutionStatus.ABORTED, stop_date, error, cause
        environment = getattr(self.exec_worker, "env", None)
        if environment is not None:
            for endpoint in list(environment.callback_pool_manager._pool.values()):
                endpoint.interrupt_all()
        _tell(self)

    BaseExecutionWorkerCommunication._reflect_execution_status = reflect_once
    Execution.stop = stop_now


def _tell(execution: Any) -> None:
    """Sends the event to the rules of the default bus."""
    status = execution.exec_status
    given = json.dumps(execution.input_data, ensure_ascii=False, separators=(",", ":"))
    is_small = len(given.encode(errors="backslashreplace")) <= _LARGEST_INPUT
    event = {
        "version": "0",
        "id": str(uuid.uuid4()),
        "detail-type": "Step Functions Execution Status Change",
        "source": "aws.states",
        "account": execution.account_id,
        "time": time.time(),
        "region": execution.region_name,
        "resources": [execution.exec_arn],
        "detail": {
            "executionArn": execution.exec_arn,
            "stateMachineArn": execution.state_machine.arn,
            "name": execution.name,
            "status": str(getattr(status, "value", status)),
            "input": given if is_small else None,
            "inputDetails": {"included": is_small},
            "output": None,
            "error": execution.error,
            "cause": execution.cause,
        },
    }
    bus = events_backends[execution.account_id][execution.region_name].describe_event_bus("default")
    for rule in list(bus.rules.values()):
        rule.send_to_targets(event)
