"""The middleware in front of moto: records every call, and breaks or delays those a rule names."""

from __future__ import annotations

import io
import re
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from http.client import responses
from typing import Any, ClassVar, NoReturn
from urllib.parse import unquote

from .callers import Caller, Callers
from .calls import Call, CallRecord
from .error_bodies import error_body
from .operations import Operation, identify

WsgiApp = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


class InvalidRule(ValueError):
    """A fault rule that could never do what its author meant."""


@dataclass
class FaultRule:
    """What to do to which calls. The first rule that matches a call and is not used up is the only one applied."""

    match: str
    """A regular expression for all of `service:Operation`."""
    body: str | None = None
    """Text that the request's body, path or query must contain."""
    function: str | None = None
    """The function that makes the call, directly or with an assumed role."""
    status: int | None = None
    """The error's HTTP status; the call does not reach the service."""
    code: str = "ServiceUnavailable"
    message: str = "injected by the local AWS"
    nth: int = 1
    """The first of the matching calls it is for, counted since the rules were put in force, whatever befell them."""
    times: int | None = 1
    """How often; 0 or null means always."""
    delay_ms: int = 0
    reset: bool = False
    """Close the connection instead of answering; the call does not reach the service."""
    kill: bool = False
    """Kill the process that makes the call; the call does not reach the service."""
    kill_after: bool = False
    """Kill the process that makes the call after the service has done it; nobody gets the answer."""

    _TYPES: ClassVar[dict[str, Any]] = {
        "match": str,
        "body": str | None,
        "function": str | None,
        "status": int | None,
        "code": str,
        "message": str,
        "nth": int,
        "times": int | None,
        "delay_ms": int,
        "reset": bool,
        "kill": bool,
        "kill_after": bool,
    }

    @classmethod
    def parse(cls, document: Any) -> FaultRule:
        """A rule from its JSON. Strict, because a misspelt rule would let a test pass without its fault."""
        if not isinstance(document, dict) or "match" not in document:
            raise InvalidRule(f"a rule is an object with a field 'match': {document!r}")
        for name, value in document.items():
            if name not in cls._TYPES:
                raise InvalidRule(f"a rule has no field {name!r}; it has {', '.join(cls._TYPES)}")
            # A bool is an int to Python, but `"times": true` is a mistake.
            if not isinstance(value, cls._TYPES[name]) or (isinstance(value, bool) and cls._TYPES[name] is not bool):
                raise InvalidRule(f"rule field {name!r} cannot be {value!r}")
        try:
            re.compile(document["match"])
        except re.error as error:
            raise InvalidRule(f"rule field 'match': {error}") from error
        rule = cls(**{name: value for name, value in document.items() if value is not None or name == "times"})
        if rule.status is not None and not 400 <= rule.status <= 599:
            raise InvalidRule(f"rule field 'status' must be an error status, not {rule.status}")
        if rule.nth < 1:
            raise InvalidRule(f"rule field 'nth' counts from 1, not {rule.nth}")
        ends = [name for name in ("status", "reset", "kill", "kill_after") if getattr(rule, name)]
        if len(ends) > 1:
            raise InvalidRule(f"a call can end in one way only, not by {' and '.join(ends)}")
        return rule

    def matches(self, operation: Operation, caller: Caller, text: str) -> bool:
        """Whether a call is one this rule is for. Rules that kill are for calls of functions' processes only."""
        return (
            re.fullmatch(self.match, str(operation)) is not None
            and (self.function is None or self.function == caller.function)
            and (self.body is None or self.body in text)
            and (caller.process is not None or not (self.kill or self.kill_after))
        )


class FaultRules:
    """The rules in force."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._rules: list[FaultRule] = []
        self._matches: list[int] = []
        self._uses: list[int] = []

    def replace(self, rules: list[FaultRule]) -> None:
        """Puts other rules in force."""
        with self._lock:
            self._rules = rules
            self._matches = [0] * len(rules)
            self._uses = [0] * len(rules)

    def take(self, operation: Operation, caller: Caller, text: str) -> FaultRule | None:
        """The rule for this call, used once by this. Every rule that matches counts the call."""
        taken = None
        with self._lock:
            for index, rule in enumerate(self._rules):
                if not rule.matches(operation, caller, text):
                    continue
                self._matches[index] += 1
                left = not rule.times or self._uses[index] < rule.times
                if taken is None and left and self._matches[index] >= rule.nth:
                    self._uses[index] += 1
                    taken = rule
        return taken


class Recorder:
    """The middleware itself. `kill` ends a function's process by its id."""

    def __init__(self, app: WsgiApp, record: CallRecord, rules: FaultRules, kill: Callable[[str], None]) -> None:
        self._app = app
        self._record = record
        self._rules = rules
        self._kill = kill
        self._callers = Callers()

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        if environ["PATH_INFO"].startswith("/moto-api"):
            return self._app(environ, start_response)  # moto's own console, not AWS
        body = _buffer_body(environ)
        started_at = self._record.now()
        operation = identify(environ, body)
        caller = self._callers.of(operation.access_key, environ.get("HTTP_X_AMZ_SECURITY_TOKEN"))
        path, query = environ["PATH_INFO"], unquote(environ.get("QUERY_STRING", ""))
        call = self._record.add(operation, caller, path, started_at)
        rule = self._rules.take(operation, caller, f"{body.decode(errors='replace')}\n{path}\n{query}")
        try:
            if rule is not None:
                time.sleep(rule.delay_ms / 1000)  # the injected latency itself
                if rule.reset or rule.kill:
                    self._vanish(call, caller if rule.kill else None)
                if rule.status is not None:
                    return _refuse(rule, operation, call, environ, start_response)
            answer = self._serve(environ, call, start_response)
            if str(operation) == "sts:AssumeRole" and call.status == 200:
                self._callers.learn_session(caller, answer)
            if rule is not None and rule.kill_after:
                self._vanish(call, caller)
            return [answer]
        finally:
            call.ended_at = self._record.now()

    def _serve(self, environ: dict[str, Any], call: Call, start_response: Callable[..., Any]) -> bytes:
        """The service's whole answer: the call ends with its last byte."""
        try:
            answer = self._app(environ, _noting_status(call, start_response))
            try:
                return b"".join(answer)
            finally:
                if hasattr(answer, "close"):
                    answer.close()
        except Exception:
            call.status = 500  # which is what the server makes of it
            raise

    def _vanish(self, call: Call, killed: Caller | None) -> NoReturn:
        """Ends a call without an answer, and its process when it is to be killed."""
        if killed is not None and killed.process is not None:
            self._kill(killed.process)
        if call.status is None:
            call.status = 0
        raise ConnectionResetError  # the server closes the connection without an answer


def _buffer_body(environ: dict[str, Any]) -> bytes:
    """Reads the body and leaves a copy for the application."""
    length = environ.get("CONTENT_LENGTH")
    if length:
        body = environ["wsgi.input"].read(int(length))
    elif environ.get("wsgi.input_terminated"):
        body = environ["wsgi.input"].read()  # chunked
    else:
        body = b""
    environ["wsgi.input"] = io.BytesIO(body)
    return body


def _noting_status(call: Call, start_response: Callable[..., Any]) -> Callable[..., Any]:
    def start(status: str, headers: list[tuple[str, str]], *exc_info: Any) -> Any:
        call.status = int(status.split(" ", 1)[0])
        return start_response(status, headers, *exc_info)

    return start


def _refuse(
    rule: FaultRule, operation: Operation, call: Call, environ: dict[str, Any], start_response: Callable[..., Any]
) -> list[bytes]:
    assert rule.status is not None
    call.status = rule.status
    body, headers = error_body(operation, rule.status, rule.code, rule.message)
    if environ["REQUEST_METHOD"] == "HEAD":
        body = b""
    start_response(
        f"{rule.status} {responses.get(rule.status, 'Error')}", [*headers, ("Content-Length", str(len(body)))]
    )
    return [body]
