"""What a task token is worth: one answer, while its task still waits.

The analyst's answer hangs on this, so moto's version is replaced. What it does wrong, each seen in a run:

- An answer with the token of a task that has timed out is accepted, and lost, while the execution runs; SendTaskFailure
  is accepted even after its end. AWS: TaskTimedOut.
- Two answers are both accepted, and the later one wins if it is quick. AWS: the first one counts, the second one fails.
- While any execution is only starting: HTTP 500 "'NoneType' object has no attribute 'callback_pool_manager'" (3 in 180
  answers by three clients).
- An answer that arrives before the waiting thread arms its heartbeat is lost until the heartbeat times out (proven with
  a pause before arming: FAILED; with this module SUCCEEDED after 0.4 s).
- SendTaskFailure drops its cause.
"""

from __future__ import annotations

import threading
from typing import Any

from moto.core.exceptions import AWSError
from moto.core.responses import EmptyResult
from moto.stepfunctions.parser.api import ExecutionStatus, InvalidToken
from moto.stepfunctions.parser.asl.component.state.exec.execute_state import EvalTimeoutError, ExecutionState
from moto.stepfunctions.parser.asl.eval.callback.callback import (
    CallbackConsumerLeft,
    CallbackEndpoint,
    CallbackOutcome,
    CallbackOutcomeFailure,
    CallbackOutcomeSuccess,
    HeartbeatEndpoint,
)
from moto.stepfunctions.parser.asl.eval.environment import Environment
from moto.stepfunctions.parser.models import StepFunctionsParserBackend
from moto.stepfunctions.responses import StepFunctionResponse

_settling = threading.Lock()
"""Held while it is decided whether an answer or a timeout came first."""


def install() -> None:
    """Replaces SendTaskSuccess, SendTaskFailure and SendTaskHeartbeat, and closes tokens when their tasks end."""
    StepFunctionsParserBackend.send_task_success = _send_success
    StepFunctionsParserBackend.send_task_failure = _send_failure
    StepFunctionsParserBackend.send_task_heartbeat = _send_heartbeat
    StepFunctionResponse.send_task_failure = _send_failure_response
    _close_on_timeout()
    _close_when_the_waiter_leaves()
    _keep_early_answers()


def _send_success(self: Any, task_token: str, outcome: str) -> None:
    _settle(self, task_token, CallbackOutcomeSuccess(task_token, outcome))


def _send_failure(self: Any, task_token: str, error: str | None = None, cause: str | None = None) -> None:
    _settle(self, task_token, CallbackOutcomeFailure(task_token, error, cause))


def _send_heartbeat(self: Any, task_token: str) -> None:
    with _settling:
        _open_endpoint(self, task_token).notify_heartbeat()


def _send_failure_response(self: Any) -> EmptyResult:
    self.stepfunction_backend.send_task_failure(
        self._get_param("taskToken"), error=self._get_param("error"), cause=self._get_param("cause")
    )
    return EmptyResult()


def _settle(backend: Any, token: str, outcome: CallbackOutcome) -> None:
    with _settling:
        _open_endpoint(backend, token).notify(outcome)


def _open_endpoint(backend: Any, token: str) -> CallbackEndpoint:
    """Where the task of this token waits."""
    for execution in backend._get_executions():
        environment = getattr(execution.exec_worker, "env", None)  # None while the execution is only starting
        endpoint = environment and environment.callback_pool_manager.get(token)
        if endpoint:
            settled = endpoint.get_outcome() is not None or endpoint.consumer_error is not None
            if settled or execution.exec_status != ExecutionStatus.RUNNING:
                # moto's own TaskTimedOut goes out without its name.
                raise AWSError("Task Timed Out: 'Provided task does not exist anymore'", "TaskTimedOut", 400)
            return endpoint
    raise InvalidToken()


def _close_on_timeout() -> None:
    """The state times out first, its waiting thread a moment later: in between, an answer must not be accepted."""
    evaluate_with_timeout = ExecutionState._evaluate_with_timeout

    def evaluate(self: ExecutionState, env: Environment) -> None:
        try:
            evaluate_with_timeout(self, env)
        except EvalTimeoutError:
            task = env.states.context_object.context_object_data.get("Task")
            endpoint = task and env.callback_pool_manager.get(task["Token"])
            if endpoint:
                endpoint.interrupt_all()
            raise

    ExecutionState._evaluate_with_timeout = evaluate


def _close_when_the_waiter_leaves() -> None:
    """`interrupt_all` is what the waiter calls on its way out, whatever the reason."""
    interrupt_all = CallbackEndpoint.interrupt_all

    def close(self: CallbackEndpoint) -> None:
        with _settling:
            self.report(CallbackConsumerLeft())
        interrupt_all(self)

    CallbackEndpoint.interrupt_all = close


def _keep_early_answers() -> None:
    setup_heartbeat_endpoint = CallbackEndpoint.setup_heartbeat_endpoint

    def setup(self: CallbackEndpoint, heartbeat_seconds: int) -> HeartbeatEndpoint:
        with _settling:
            heartbeat = setup_heartbeat_endpoint(self, heartbeat_seconds)
            if self.get_outcome() is not None:
                heartbeat.notify()
            return heartbeat

    CallbackEndpoint.setup_heartbeat_endpoint = setup
