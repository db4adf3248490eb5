"""CloudWatch by the protocol the Rust SDK speaks: Smithy RPC v2 with CBOR.

Seen: moto knows only the older protocols of CloudWatch and answers 404. A call is taken apart here, made again by boto3,
which still speaks an older one, and its answer put together.
https://smithy.io/2.0/additional-specs/protocols/smithy-rpc-v2.html
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, Final

import boto3
import cbor2
from botocore import xform_name
from botocore.config import Config
from botocore.exceptions import ClientError

from . import names

_PATH: Final = re.compile(r"/service/GraniteServiceVersion20100801/operation/(\w+)")
_HEADERS: Final = [("content-type", "application/cbor"), ("smithy-protocol", "rpc-v2-cbor")]


class Bridge:
    """An application that answers such calls, and hands all others on."""

    def __init__(self, app: Any) -> None:
        self._app = app

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        """One request."""
        operation = _PATH.fullmatch(environ.get("PATH_INFO", ""))
        if operation is None:
            answer: Iterable[bytes] = self._app(environ, start_response)
            return answer
        status, body = _call(operation[1], _params(_body(environ)), f"http://127.0.0.1:{environ['SERVER_PORT']}")
        start_response(status, _HEADERS)
        return [cbor2.dumps(body, datetime_as_timestamp=True)]


def _body(environ: dict[str, Any]) -> bytes:
    content: bytes = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    return content


def _call(operation: str, params: Any, endpoint: str) -> tuple[str, dict[str, Any]]:
    client = boto3.client(
        "cloudwatch",
        region_name=names.REGION,
        endpoint_url=endpoint,
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=Config(retries={"total_max_attempts": 1}),
    )
    try:
        answer = getattr(client, xform_name(operation))(**(params or {}))
    except ClientError as error:
        return "400 Bad Request", {"__type": error.response["Error"]["Code"], "message": str(error)}
    answer.pop("ResponseMetadata")
    return "200 OK", answer


def _params(content: bytes) -> Any:
    return cbor2.loads(content) if content else {}
