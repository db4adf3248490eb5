"""As much of the Lambda runtime as a benchmark needs: one event after the other over the Runtime API.

An error ends the process. The local AWS then answers as Lambda does about a runtime that has ended.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from http.client import HTTPConnection, RemoteDisconnected
from typing import Any
from urllib.parse import urlsplit


def serve(handle: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
    """Answers events until the Runtime API is gone."""
    api = urlsplit(os.environ["AWS_LAMBDA_RUNTIME_API"])
    base = f"{api.path}/2018-06-01/runtime/invocation"
    connection = HTTPConnection(api.netloc)
    while True:
        try:
            connection.request("GET", f"{base}/next")
            answer = connection.getresponse()
            event = json.loads(answer.read())
        except (RemoteDisconnected, ConnectionError):
            return  # the local AWS has ended
        request = answer.headers["Lambda-Runtime-Aws-Request-Id"]
        connection.request("POST", f"{base}/{request}/response", json.dumps(handle(event)))
        connection.getresponse().read()
