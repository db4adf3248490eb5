"""Looks at every call before the local AWS does, and writes down those of Firebreak's functions."""

from __future__ import annotations

import io
import logging
import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Final

from werkzeug.wsgi import get_input_stream

from ..callers import Caller, Callers
from ..operations import Operation, identify
from .catalogue import questions
from .principals import Principals
from .question import ApiCall, UnknownOperation
from .recording import Recording

WsgiApp = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]

_REGION: Final = re.compile(r"Credential=[^/]+/[^/]+/([^/]+)/")
_LOG: Final = logging.getLogger(__name__)


class AuthorizationRecorder:
    """The middleware. What a resource is and has is looked up as the call arrives, before it can change anything.

    Calls that a fault rule breaks are written down, too: the function made them.
    """

    def __init__(self, app: WsgiApp, folder: Path) -> None:
        self._app = app
        self._callers = Callers()
        self._principals = Principals()
        self._recording = Recording(folder)

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        if environ["PATH_INFO"].startswith(("/moto-api", "/_firebreak")):
            return self._app(environ, start_response)
        body = get_input_stream(environ).read()
        environ["wsgi.input"] = io.BytesIO(body)
        operation = identify(environ, body)
        caller = self._callers.of(operation.access_key, environ.get("HTTP_X_AMZ_SECURITY_TOKEN"))
        self._recording.learn_secrets(operation.params)
        if caller.function is None:
            return self._app(environ, start_response)
        self._record(operation, caller, environ)
        if str(operation) != "sts:AssumeRole":
            return self._app(environ, start_response)
        answer = b"".join(self._app(environ, start_response))
        self._callers.learn_session(caller, answer)
        self._principals.learn(operation.params or {}, answer)
        return [answer]

    def _record(self, operation: Operation, caller: Caller, environ: dict[str, Any]) -> None:
        principal = self._principals.of(caller, operation.access_key)
        region = _REGION.search(environ.get("HTTP_AUTHORIZATION", ""))
        call = ApiCall(
            service=operation.service,
            operation=operation.name,
            params=operation.params or {},
            headers=_headers(environ),
            account=caller.account or "",
            region=region[1] if region else "",
        )
        try:
            asked = questions(call)
        except UnknownOperation:
            self._recording.add_unknown(str(operation), principal, "not in the catalogue")
        except Exception as error:
            # It must not end the call, and must not be lost: the check fails on it.
            _LOG.exception("questions of %s", operation)
            self._recording.add_unknown(str(operation), principal, type(error).__name__)
        else:
            self._recording.add(str(operation), principal, call.region, asked)


def _headers(environ: dict[str, Any]) -> dict[str, str]:
    names = (name for name in environ if name.startswith("HTTP_"))
    return {name.removeprefix("HTTP_").lower().replace("_", "-"): str(environ[name]) for name in names}
