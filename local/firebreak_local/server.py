"""The HTTP server: moto behind the middleware, on loopback only."""

from __future__ import annotations

import os
import socket
import struct
import threading
from collections.abc import Sequence
from typing import Any, Final

from moto.core.base_backend import BackendDict
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from werkzeug.serving import ThreadedWSGIServer

from .names import REGION
from .rpc_v2_cbor import Bridge

HOST: Final = "127.0.0.1"
"""Loopback and nothing else: anyone who reaches the port can run the functions."""


_DISPATCHER: Final = DomainDispatcherApplication(create_backend_app)


def moto_app() -> Any:
    """moto's own application, one server for all services, with the protocol it does not know."""
    return Bridge(_DISPATCHER)


def warm(services: Sequence[str]) -> None:
    """Imports services, named like their endpoints, before the first call.

    What that makes is thrown away: an application has the routes, and a backend the data, of the moment that made it, and our
    corrections of moto come later.
    """
    for host in services:
        _DISPATCHER.create_app(_DISPATCHER.get_backend_for_host(f"{host}.{REGION}.amazonaws.com"))
    BackendDict.reset()


class Server:
    """Serves an application from a bound socket, in the background."""

    def __init__(self, listener: socket.socket, app: Any) -> None:
        port = listener.getsockname()[1]
        self._server = ThreadedWSGIServer(HOST, port, app, _Handler, fd=listener.fileno())
        listener.close()  # the server works on a duplicate
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.1,), name="aws-http", daemon=True)

    def start(self) -> None:
        """Starts serving."""
        self._thread.start()

    def stop(self) -> None:
        """Stops serving and frees the port."""
        self._server.shutdown()
        self._server.server_close()


class _Handler(MotoRequestHandler):
    disable_nagle_algorithm = True  # answers are written in pieces; do not let them wait for each other

    def connection_dropped(self, error: BaseException, environ: dict[str, Any] | None = None) -> None:
        """The client is gone, or a fault rule wants it to look as if we were: a reset, not a tidy end."""
        self.close_connection = True
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        os.close(self.connection.detach())

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Silent: calls are recorded, and can be asked for."""
