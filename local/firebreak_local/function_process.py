"""One process of one function: started once, given one event at a time, killed when it must be."""

from __future__ import annotations

import os
import queue
import signal
import subprocess
import threading
import time
import uuid
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from .runtime_api import Exited, Invocation, Outcome, Ready, RuntimeApi, Sandbox

INIT_TIMEOUT: Final = 10
"""Seconds a process may take to ask for its first event; Lambda's own limit."""


@dataclass(frozen=True)
class Function:
    """What is needed to run a function; moto's Lambda backend owns the rest."""

    name: str
    arn: str = field(compare=False)
    """Under which it is invoked. An alias of $LATEST runs in the same processes as the function."""
    timeout: int
    memory: int
    environment: Mapping[str, str]


class FunctionProcess:
    """A running binary and its sandbox. Raises OSError when the binary cannot be started."""

    def __init__(
        self,
        function: Function,
        binary: Path,
        environment: Mapping[str, str],
        log: Path,
        runtime_api: RuntimeApi,
        on_exit: Callable[[FunctionProcess], None],
    ) -> None:
        self.function = function
        self.binary = binary
        self.gone = threading.Event()
        """Set when the process has ended."""
        self._started = False
        self.id = uuid.uuid4().hex
        """Told to the process as its session token, so that its calls name it."""
        self._on_exit = on_exit
        self._runtime_api = runtime_api
        self._sandbox = Sandbox(self.id)
        address = runtime_api.open(self._sandbox)
        try:
            with log.open("ab") as output:
                self._process = subprocess.Popen(
                    [str(binary)],
                    env={**environment, "AWS_LAMBDA_RUNTIME_API": address, "AWS_SESSION_TOKEN": self.id},
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    # Its own group: Ctrl-C must reach the launcher alone, and a kill must reach the children too.
                    start_new_session=True,
                )
        except OSError:
            runtime_api.close(self._sandbox)
            raise
        threading.Thread(target=self._reap, name=f"reap-{function.name}", daemon=True).start()

    def run(self, function: Function, payload: bytes, request_id: str) -> Outcome:
        """Hands an event over and awaits its outcome, the time limit, or the end of the process."""
        if not self._started:
            # The function's time limit counts from the end of the start, as on AWS.
            outcome = self._await(INIT_TIMEOUT, request_id)
            if outcome is not None:
                self.kill()
                return outcome
            self._started = True
        self._sandbox.inbox.put(
            Invocation(
                request_id=request_id,
                function_arn=function.arn,
                payload=payload,
                deadline=time.time() + function.timeout,
                trace_id=f"Root=1-{int(time.time()):08x}-{uuid.uuid4().hex[:24]};Sampled=0",
            )
        )
        outcome = self._await(function.timeout, request_id)
        assert outcome is not None, "a process says Ready once"
        return outcome

    def kill(self) -> None:
        """Ends the process; harmless when it has ended."""
        if self._process.poll() is None:
            with suppress(ProcessLookupError):  # it ended between the two calls
                os.killpg(self._process.pid, signal.SIGKILL)
        self.gone.wait()

    def _await(self, seconds: int, request_id: str) -> Outcome | None:
        """The next thing the process says, as an outcome; None for Ready."""
        try:
            said = self._sandbox.signals.get(timeout=seconds)
        except queue.Empty:
            self.kill()
            message = f"RequestId: {request_id} Error: Task timed out after {seconds}.00 seconds"
            return Outcome.error("Sandbox.Timedout", message)
        match said:
            case Ready():
                return None
            case Exited(reason):
                message = f"RequestId: {request_id} Error: Runtime exited with error: {reason}"
                return Outcome.error("Runtime.ExitError", message)
            case outcome:
                return outcome

    def _reap(self) -> None:
        status = self._process.wait()
        self.gone.set()
        # The same queue, so that it comes after whatever the process said before its end.
        self._sandbox.signals.put(
            Exited(f"signal: {_signal_name(-status)}" if status < 0 else f"exit status {status}")
        )
        self._runtime_api.close(self._sandbox)
        self._on_exit(self)


def _signal_name(number: int) -> str:
    """In Lambda's words: `killed`, `aborted`, `segmentation fault`."""
    return (signal.strsignal(number) or str(number)).lower()
