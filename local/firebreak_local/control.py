"""The control API under `/_firebreak/`, for tests and demonstrations. README.md documents it for its users."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final

from . import names
from .calls import CallRecord
from .faults import FaultRule, FaultRules, InvalidRule, WsgiApp
from .guardduty_findings import InvalidFinding, PlantedFindings
from .lambda_host import LambdaHost
from .planted_trail import InvalidEvent, PlantedTrail
from .simulated_clock import InvalidClock, SimulatedClock

PREFIX: Final = "/_firebreak/"


class _BadRequest(ValueError):
    """The caller's mistake, in words for the caller."""


class Control:
    """Answers what is under the prefix; passes everything else on."""

    def __init__(
        self,
        app: WsgiApp,
        record: CallRecord,
        rules: FaultRules,
        host: LambdaHost,
        findings: PlantedFindings,
        trail: PlantedTrail,
        clock: SimulatedClock,
    ) -> None:
        self._app = app
        self._record = record
        self._rules = rules
        self._host = host
        self._clock = clock
        self._routes: dict[tuple[str, str], Callable[[Any], Any]] = {
            ("PUT", "faults"): self._put_faults,
            ("GET", "calls"): lambda _: self._record.snapshot(),
            ("DELETE", "calls"): lambda _: self._record.clear(),
            ("PUT", "functions"): self._put_functions,
            ("PUT", "clock"): self._put_clock,
            ("PUT", "findings"): findings.plant,
            ("GET", "findings"): lambda _: findings.planted(),
            ("PUT", "trail"): trail.plant,
            ("GET", "trail"): lambda _: trail.planted(),
        }

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        path = environ["PATH_INFO"]
        if not path.startswith(PREFIX):
            return self._app(environ, start_response)
        raw = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        route = self._routes.get((environ["REQUEST_METHOD"], path.removeprefix(PREFIX)))
        if route is None:
            known = ", ".join(f"{method} {PREFIX}{name}" for method, name in self._routes)
            return _answer(start_response, HTTPStatus.NOT_FOUND, {"error": f"there is only: {known}"})
        try:
            document = json.loads(raw) if raw else None
            return _answer(start_response, HTTPStatus.OK, route(document))
        except (_BadRequest, InvalidRule, InvalidFinding, InvalidEvent, InvalidClock, json.JSONDecodeError) as error:
            return _answer(start_response, HTTPStatus.BAD_REQUEST, {"error": str(error)})

    def _put_faults(self, document: Any) -> None:
        if not isinstance(document, list):
            raise _BadRequest("faults are a JSON array of rules")
        self._rules.replace([FaultRule.parse(rule) for rule in document])

    def _put_functions(self, document: Any) -> None:
        if not isinstance(document, dict):
            raise _BadRequest("overrides are a JSON object from function name to absolute path or null")
        known = set(map(names.function_name, names.FUNCTION_TIMEOUTS))
        if unknown := sorted(set(document) - known):
            raise _BadRequest(f"no function {', '.join(unknown)}; there is {', '.join(sorted(known))}")
        self._host.override({function: _program(path) for function, path in document.items()})

    def _put_clock(self, document: Any) -> None:
        fields = {"speed", "forward"}
        if not isinstance(document, dict) or not document or not set(document) <= fields:
            raise _BadRequest(f"the clock is a JSON object with at least one of {', '.join(sorted(fields))}")
        # A bool is an int to Python.
        if wrong := sorted(name for name, value in document.items() if type(value) is not int):
            raise _BadRequest(f"not a whole number: {', '.join(wrong)}")
        self._clock.set(document.get("speed"), document.get("forward", 0))
        self._host.retire()


def _program(path: Any) -> Path | None:
    if path is None:
        return None
    if not isinstance(path, str) or not Path(path).is_absolute() or not os.access(path, os.X_OK):
        raise _BadRequest(f"not the absolute path of an executable: {path!r}")
    return Path(path)


def _answer(start_response: Callable[..., Any], status: HTTPStatus, document: Any) -> list[bytes]:
    body = json.dumps({} if document is None else document).encode()
    headers = [("Content-Type", "application/json"), ("Content-Length", str(len(body)))]
    start_response(f"{status.value} {status.phrase}", headers)
    return [body]
