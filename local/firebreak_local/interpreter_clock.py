"""The interpreter of state machines waits, and dates its states, by the simulated clock.

Not by it: the times in a history, DescribeExecution, and the time-out of a whole state machine, which no definition has.
"""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

from moto.stepfunctions.parser.asl.component.common.retry import retrier_decl
from moto.stepfunctions.parser.asl.component.state import state
from moto.stepfunctions.parser.asl.component.state.exec import execute_state
from moto.stepfunctions.parser.asl.component.state.wait.wait_function.wait_function import WaitFunction
from moto.stepfunctions.parser.asl.eval.callback import callback
from moto.stepfunctions.parser.asl.eval.environment import Environment
from moto.stepfunctions.parser.backend.execution import Execution

from .simulated_clock import SimulatedClock


def install(clock: SimulatedClock) -> None:
    """Patches what waits and what tells the time."""
    _wait_by(clock)
    _give_up_by(clock)
    _date_by(clock)


def _wait_by(clock: SimulatedClock) -> None:
    """Wait states, and the pauses between the tries of a task."""

    def wait_interval(self: WaitFunction, env: Environment, wait_seconds: int) -> None:
        # The event is set and cleared at once when the execution ends.
        clock.wait(env.program_state_event, wait_seconds, lambda: not env.is_running())

    WaitFunction._wait_interval = wait_interval
    retrier_decl.time = SimpleNamespace(sleep=clock.sleep)


def _give_up_by(clock: SimulatedClock) -> None:
    """Time-outs of tasks. The history shows them unchanged."""

    class TimedEvent(threading.Event):
        def wait(self, timeout: float | None = None) -> bool:
            return clock.wait(self, timeout, self.is_set)

    execute_state.threading = SimpleNamespace(Event=TimedEvent)
    callback.Event = TimedEvent


def _date_by(clock: SimulatedClock) -> None:
    """`$$.State.EnteredTime` and `$$.Execution.StartTime`, by which the watch counts."""

    def now(tz: Any) -> datetime:
        return clock.now().astimezone(tz)

    state.datetime = SimpleNamespace(datetime=SimpleNamespace(now=now), timezone=SimpleNamespace(utc=UTC))
    details = Execution.get_start_execution_details

    def dated(self: Execution) -> Any:
        result = details(self)
        started = clock.at(self.start_date.timestamp())
        result.start_time = started.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        return result

    Execution.get_start_execution_details = dated
