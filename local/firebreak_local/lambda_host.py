"""Lambda Invoke served from compiled binaries: a pool of processes per function.

moto's Lambda needs Docker, or echoes its input. This host runs `<bin-dir>/<name>` for function `firebreak-<name>`,
hands it events through the Runtime API, keeps it warm afterwards, and reports timeouts, crashes and function errors
the way Lambda's callers know them.
"""

from __future__ import annotations

import logging
import os
import threading
import uuid
from collections import defaultdict
from collections.abc import Mapping, MutableMapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from moto.awslambda.exceptions import LambdaClientError
from moto.awslambda.models import LambdaFunction
from moto.awslambda.responses import LambdaResponse
from moto.awslambda_simple.models import LambdaSimpleBackend

from . import names
from .function_process import Function, FunctionProcess
from .runtime_api import Outcome, RuntimeApi
from .simulated_clock import SimulatedClock

_LATER_LIMIT: Final = 1_048_576
"""Bytes an asynchronous invocation may carry."""
_LOG = logging.getLogger(__name__)


class _PayloadTooLarge(LambdaClientError):
    """In Lambda's words. The API reference calls it RequestTooLargeException; what comes back is this."""

    code = 413

    def __init__(self, size: int) -> None:
        super().__init__(
            "RequestEntityTooLargeException",
            f"{size} byte payload is too large for the Event invocation type (limit {_LATER_LIMIT} bytes)",
        )


class LambdaHost:
    """All processes of all functions."""

    def __init__(self, endpoint: str, binaries: Path, logs: Path, clock: SimulatedClock) -> None:
        self._endpoint = endpoint
        self._clock = clock
        self._binaries = binaries
        self._logs = logs
        self._runtime_api = RuntimeApi()
        self._lock = threading.Lock()
        self._overrides: dict[str, Path] = {}
        self._idle: defaultdict[str, list[FunctionProcess]] = defaultdict(list)
        self._all: set[FunctionProcess] = set()
        self._stopped = False
        for old in logs.glob(f"{names.FUNCTION_PREFIX}*.log"):
            old.unlink()  # of an earlier run; processes append

    def override(self, binaries: Mapping[str, Path | None]) -> None:
        """Replaces the programs of some functions (None: the original again) and retires their warm processes."""
        with self._lock:
            for function, binary in binaries.items():
                if binary is None:
                    self._overrides.pop(function, None)
                else:
                    self._overrides[function] = binary
            retired = [process for function in binaries for process in self._idle.pop(function, [])]
        for process in retired:
            process.kill()

    def retire(self) -> None:
        """Ends all warm processes: the clock was set, and a process learns that when it starts."""
        with self._lock:
            retired = [process for idle in self._idle.values() for process in idle]
            self._idle.clear()
        for process in retired:
            process.kill()

    def kill(self, process_id: str) -> None:
        """Kills one process, if it is still there; whoever awaits its answer learns what Lambda would say."""
        with self._lock:
            processes = [process for process in self._all if process.id == process_id]
        for process in processes:
            process.kill()

    def invoke(self, function: Function, payload: bytes, request_id: str) -> Outcome:
        """Runs one event to its end. Never raises for what the function does."""
        # Part of its configuration, so that a process which was told another time is not taken.
        function = replace(function, environment={**function.environment, **self._clock.environment()})
        try:
            process = self._take(function)
        except OSError as error:
            return Outcome.error("Runtime.InvalidEntrypoint", f"RequestId: {request_id} Error: {error}")
        outcome = process.run(function, payload, request_id)
        self._give_back(process)
        return outcome

    def invoke_later(self, function: Function, payload: bytes, sender: str) -> str:
        """Runs one event in the background, and once; returns its request id.

        AWS would retry a failed event twice, minutes later, and then give it to a dead letter queue. Here the log is
        the only one to learn of it.
        """
        request_id = str(uuid.uuid4())

        def run() -> None:
            outcome = self.invoke(function, payload, request_id)
            if outcome.failed:
                error = outcome.payload.decode(errors="replace")
                _LOG.error("%s is lost: %s failed, request %s: %s", sender, function.name, request_id, error)

        threading.Thread(target=run, name=f"event-{function.name}", daemon=True).start()
        return request_id

    def stop(self) -> None:
        """Kills every process and refuses to start another."""
        with self._lock:
            self._stopped = True
            processes = list(self._all)
        for process in processes:
            process.kill()
        self._runtime_api.stop()

    def _take(self, function: Function) -> FunctionProcess:
        """A warm process, or a new one."""
        with self._lock:
            if self._stopped:
                raise OSError("the local AWS is shutting down")
            # Changed configuration means new processes, as on AWS.
            warm = [p for p in self._idle[function.name] if p.function == function and not p.gone.is_set()]
            if warm:
                self._idle[function.name].remove(warm[-1])
                return warm[-1]
            # Under the lock, so that `stop` cannot miss the new process.
            process = FunctionProcess(
                function,
                self._binary(function.name),
                self._environment(function),
                self._logs / f"{function.name}.log",
                self._runtime_api,
                self._forget,
            )
            self._all.add(process)
            return process

    def _give_back(self, process: FunctionProcess) -> None:
        name = process.function.name
        with self._lock:
            if not self._stopped and not process.gone.is_set() and process.binary == self._binary(name):
                self._idle[name].append(process)
                return
        process.kill()

    def _forget(self, process: FunctionProcess) -> None:
        with self._lock:
            self._all.discard(process)
            if process in self._idle[process.function.name]:
                self._idle[process.function.name].remove(process)

    def _binary(self, function: str) -> Path:
        default = self._binaries / function.removeprefix(names.FUNCTION_PREFIX)
        return self._overrides.get(function, default)

    def _environment(self, function: Function) -> dict[str, str]:
        # Nothing else is inherited: a function that works only with its developer's environment must fail here.
        return {
            "PATH": os.environ.get("PATH", os.defpath),
            "AWS_LAMBDA_FUNCTION_NAME": function.name,
            "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(function.memory),
            "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
            "AWS_LAMBDA_LOG_GROUP_NAME": f"/aws/lambda/{function.name}",
            "AWS_LAMBDA_LOG_STREAM_NAME": "local",
            "AWS_REGION": names.REGION,
            "AWS_DEFAULT_REGION": names.REGION,
            "AWS_ENDPOINT_URL": self._endpoint,
            "AWS_ACCESS_KEY_ID": names.function_access_key(function.name),
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_EC2_METADATA_DISABLED": "true",
            **function.environment,
        }


def describe(known: LambdaFunction, qualifier: str | None = None) -> Function:
    """A function as moto's Lambda backend knows it, and the alias or version under which it is invoked."""
    return Function(
        name=known.function_name,
        arn=f"{known.function_arn}:{qualifier}" if qualifier else known.function_arn,
        timeout=int(known.timeout),
        memory=int(known.memory_size),
        environment=dict(known.environment_vars or {}),
    )


def install(host: LambdaHost) -> None:
    """Makes moto's Lambda API invoke through the host."""

    def invoke(
        self: LambdaSimpleBackend,
        function_name: str,
        qualifier: str | None,
        body: str | bytes | None,
        headers: Mapping[str, Any],
        response_headers: MutableMapping[str, Any],
    ) -> bytes:
        known = self.get_function(function_name, qualifier)  # raises Lambda's own 404
        function = describe(known, _qualifier_in(function_name) or qualifier)
        payload = body.encode() if isinstance(body, str) else body or b"{}"
        match headers.get("X-Amz-Invocation-Type"):
            case "DryRun":
                return b""
            case "Event":
                if len(payload) > _LATER_LIMIT:
                    raise _PayloadTooLarge(len(payload))
                response_headers["x-amzn-requestid"] = host.invoke_later(function, payload, "an asynchronous Invoke")
                return b""
        request_id = str(uuid.uuid4())
        response_headers["x-amzn-requestid"] = request_id
        outcome = host.invoke(function, payload, request_id)
        response_headers["x-amz-executed-version"] = "$LATEST"
        if outcome.failed:
            response_headers["x-amz-function-error"] = "Unhandled"
        return outcome.payload

    LambdaSimpleBackend.invoke = invoke
    of_moto = LambdaResponse.invoke

    def invoke_qualified(self: LambdaResponse) -> tuple[int, dict[str, str], str | bytes]:
        # moto looks for `qualifier`; AWS and its SDKs write `Qualifier`. Unseen, an alias would be the function itself.
        if "Qualifier" in self.querystring:
            self.querystring["qualifier"] = self.querystring["Qualifier"]
        return of_moto(self)

    LambdaResponse.invoke = invoke_qualified


def _qualifier_in(name_or_arn: str) -> str | None:
    """`doctor` of `function:doctor`, or at the end of the function's ARN."""
    parts = name_or_arn.split(":")
    at = 7 if parts[0] == "arn" else 1
    return parts[at] if len(parts) > at else None
