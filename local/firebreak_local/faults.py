"""The middleware in front of moto: records every call, and breaks or delays those a rule names."""

from __future__ import annotations

import io
import re
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from http.client import responses
from typing import Any, ClassVar
from urllib.parse import unquote

from .callers import Callers
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
    """The error's HTTP status; without it the call is only delayed."""
    code: str = "ServiceUnavailable"
    message: str = "injected by the local AWS"
    times: int | None = 1
    """How often; 0 or null means always."""
    delay_ms: int = 0
    reset: bool = False
    """Close the connection instead of answering; the call does not reach the service."""

    _TYPES: ClassVar[dict[str, Any]] = {
        "match": str,
        "body": str | None,
        "function": str | None,
        "status": int | None,
        "code": str,
        "message": str,
        "times": int | None,
        "delay_ms": int,
        "reset": bool,
    }

    @classmethod
    def parse(cls, document: Any) -> FaultRule:
        """A rule from its JSON. Strict, because a misspelt rule would let a test pass without its fault."""
        if not isinstance(document, dict) or "match" not in document:
            raise InvalidRule(f"a rule is an object with a field 'match': {document!r}")
        for name, value in document.items():
            if name not in cls._TYPES:
                raise InvalidRule(f"a rule has no field {name!r}; it has {', '.join(cls._TYPES)}")
            if not isinstance(value, cls._TYPES[name]):
                raise InvalidRule(f"rule field {name!r} cannot be {value!r}")
        try:
            re.compile(document["match"])
        except re.error as error:
            raise InvalidRule(f"rule field 'match': {error}") from error
        rule = cls(**{name: value for name, value in document.items() if value is not None or name == "times"})
        if rule.status is not None and not 400 <= rule.status <= 599:
            raise InvalidRule(f"rule field 'status' must be an error status, not {rule.status}")
        return rule

    def applies_to(self, operation: Operation, function: str | None, text: str) -> bool:
        """Whether a call is one this rule is for."""
        return (
            re.fullmatch(self.match, str(operation)) is not None
            and (self.function is None or self.function == function)
            and (self.body is None or self.body in text)
        )


class FaultRules:
    """The rules in force."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._rules: list[FaultRule] = []
        self._uses: list[int] = []

    def replace(self, rules: list[FaultRule]) -> None:
        """Puts other rules in force."""
        with self._lock:
            self._rules = rules
            self._uses = [0] * len(rules)

    def take(self, operation: Operation, function: str | None, text: str) -> FaultRule | None:
        """The rule for this call, used once by this."""
        with self._lock:
            for index, rule in enumerate(self._rules):
                left = not rule.times or self._uses[index] < rule.times
                if left and rule.applies_to(operation, function, text):
                    self._uses[index] += 1
                    return rule
        return None


class Recorder:
    """The middleware itself."""

    def __init__(self, app: WsgiApp, record: CallRecord, rules: FaultRules) -> None:
        self._app = app
        self._record = record
        self._rules = rules
        self._callers = Callers()

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        if environ["PATH_INFO"].startswith("/moto-api"):
            return self._app(environ, start_response)  # moto's own console, not AWS
        body = _buffer_body(environ)
        operation = identify(environ, body)
        caller = self._callers.of(operation.access_key)
        path, query = environ["PATH_INFO"], unquote(environ.get("QUERY_STRING", ""))
        call = self._record.add(operation, caller, path)
        text = f"{body.decode(errors='replace')}\n{path}\n{query}"
        rule = self._rules.take(operation, caller.function, text)
        if rule is not None:
            time.sleep(rule.delay_ms / 1000)  # the injected latency itself
            if rule.reset:
                call.status = 0
                raise ConnectionResetError  # the server closes the connection without an answer
            if rule.status is not None:
                return _refuse(rule, operation, call, environ, start_response)
        try:
            answer = self._app(environ, _noting_status(call, start_response))
        except Exception:
            call.status = 500  # which is what the server makes of it
            raise
        if str(operation) == "sts:AssumeRole":
            whole = b"".join(answer)
            if call.status == 200:
                self._callers.learn_session(caller, whole)
            return [whole]
        return answer


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
