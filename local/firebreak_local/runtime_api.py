"""The Lambda Runtime API: the HTTP server a function's process polls for invocations and answers to.

All processes share one server. AWS gives each sandbox its own address; here the sandbox is the first segment of the
path, which `AWS_LAMBDA_RUNTIME_API` carries. The Rust runtime accepts such a URL; runtimes that insist on `host:port`
would not. Protocol: https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
"""

from __future__ import annotations

import json
import queue
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Final

PREFIX: Final = "/2018-06-01/runtime/"


@dataclass(frozen=True)
class Invocation:
    """One event on its way to a process."""

    request_id: str
    function_arn: str
    payload: bytes
    deadline: float
    """Seconds since the epoch."""
    trace_id: str


@dataclass(frozen=True)
class Outcome:
    """What came back: the function's answer, or the error document the caller of Invoke receives."""

    payload: bytes
    failed: bool = False

    @classmethod
    def error(cls, error_type: str, message: str) -> Outcome:
        """An error Lambda itself reports about a function."""
        return cls(json.dumps({"errorType": error_type, "errorMessage": message}).encode(), failed=True)


class Ready:
    """The process has asked for its first event: its start is over."""


@dataclass(frozen=True)
class Exited:
    """The process has ended, and how."""

    reason: str


@dataclass
class Sandbox:
    """The mailbox between the one who invokes and one process; the server below is its other user."""

    id: str
    inbox: queue.SimpleQueue[Invocation | None] = field(default_factory=queue.SimpleQueue)
    """None tells a waiting `next` that the process is gone."""
    signals: queue.SimpleQueue[Ready | Outcome | Exited] = field(default_factory=queue.SimpleQueue)
    """All that a process can say, in one queue and in order, so that one wait covers every way it can go."""
    polled: bool = False
    current: Invocation | None = None


class RuntimeApi:
    """The server and its sandboxes."""

    def __init__(self) -> None:
        self._sandboxes: dict[str, Sandbox] = {}
        self._server = _Server(self._sandboxes)
        threading.Thread(target=self._server.serve_forever, args=(0.1,), name="runtime-api", daemon=True).start()

    def open(self, sandbox: Sandbox) -> str:
        """Makes a sandbox reachable; returns its `AWS_LAMBDA_RUNTIME_API`."""
        self._sandboxes[sandbox.id] = sandbox
        return f"http://127.0.0.1:{self._server.server_port}/{sandbox.id}"

    def close(self, sandbox: Sandbox) -> None:
        """Forgets a sandbox and lets go of its waiting request, so no server thread outlives the process."""
        self._sandboxes.pop(sandbox.id, None)
        sandbox.inbox.put(None)

    def stop(self) -> None:
        """Stops serving."""
        self._server.shutdown()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, sandboxes: Mapping[str, Sandbox]) -> None:
        self.sandboxes = sandboxes
        super().__init__(("127.0.0.1", 0), _Handler)

    def handle_error(self, request: object, client_address: object) -> None:
        """A process killed while its request was open is normal here, not worth a traceback."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"  # the runtime keeps its connection
    disable_nagle_algorithm = True  # or a small answer may wait 40 ms for the peer's delayed acknowledgement
    server: _Server

    def do_GET(self) -> None:
        sandbox, action = self._route()
        if sandbox is None or action != "invocation/next":
            return self._answer(404, b"{}")
        if not sandbox.polled:
            sandbox.polled = True
            sandbox.signals.put(Ready())
        invocation = sandbox.inbox.get()
        if invocation is None:
            self.close_connection = True
            return None
        sandbox.current = invocation
        return self._answer(
            200,
            invocation.payload,
            {
                "Lambda-Runtime-Aws-Request-Id": invocation.request_id,
                "Lambda-Runtime-Deadline-Ms": str(int(invocation.deadline * 1000)),
                "Lambda-Runtime-Invoked-Function-Arn": invocation.function_arn,
                "Lambda-Runtime-Trace-Id": invocation.trace_id,
            },
        )

    def do_POST(self) -> None:
        body = self._body()
        sandbox, action = self._route()
        if sandbox is None:
            return self._answer(404, b"{}")
        if action == "init/error":
            sandbox.signals.put(Outcome(body, failed=True))
            return self._answer(202, b'{"status":"OK"}')
        match action.split("/"):
            case ["invocation", request_id, ("response" | "error") as kind]:
                # A process gets one answer per invocation; AWS refuses a second one the same way.
                if sandbox.current is None or sandbox.current.request_id != request_id:
                    return self._answer(400, b'{"errorType":"InvalidRequestID"}')
                sandbox.current = None
                # Answer the process first: the next event must not overtake the acknowledgement of this one.
                self._answer(202, b'{"status":"OK"}')
                sandbox.signals.put(Outcome(body, failed=kind == "error"))
            case _:
                self._answer(404, b"{}")
        return None

    def _route(self) -> tuple[Sandbox | None, str]:
        sandbox_id, _, rest = self.path.lstrip("/").partition("/")
        action = f"/{rest}"
        if not action.startswith(PREFIX):
            return None, ""
        return self.server.sandboxes.get(sandbox_id), action.removeprefix(PREFIX)

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        chunks = []
        while size := int(self.rfile.readline().split(b";")[0], 16):
            chunks.append(self.rfile.read(size))
            self.rfile.readline()
        while self.rfile.readline().strip():
            pass  # trailers: the Rust runtime sends streaming errors there; Firebreak does not stream
        return b"".join(chunks)

    def _answer(self, status: int, body: bytes, headers: Mapping[str, str] | None = None) -> None:
        self.send_response_only(status)
        self.send_header("Date", self.date_time_string(time.time()))
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Silent: the callers' side is recorded already."""
