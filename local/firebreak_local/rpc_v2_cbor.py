"""CloudWatch by the protocol the Rust SDK speaks: Smithy RPC v2 with CBOR.

Seen: moto knows only the older protocols of CloudWatch and answers 404. A call is taken apart here, made again by boto3,
which still speaks an older one, and its answer put together.
https://smithy.io/2.0/additional-specs/protocols/smithy-rpc-v2.html
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterable
from datetime import datetime
from typing import Any, Final

import boto3
from botocore import xform_name
from botocore.config import Config
from botocore.exceptions import ClientError
from botocore.parsers import RpcV2CBORParser

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
        status, body = _call(operation[1], _decode(_body(environ)), f"http://127.0.0.1:{environ['SERVER_PORT']}")
        start_response(status, _HEADERS)
        return [encode(body)]


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


def _decode(content: bytes) -> Any:
    if not content:
        return {}
    parser = RpcV2CBORParser()
    return parser.parse_data_item(parser.get_peekable_stream_from_bytes(content))


def encode(value: Any) -> bytes:
    """A value as CBOR (RFC 8949)."""
    match value:
        case None:
            return b"\xf6"
        case bool():
            return b"\xf5" if value else b"\xf4"
        case int():
            return _head(0, value) if value >= 0 else _head(1, -1 - value)
        case float():
            return b"\xfb" + struct.pack(">d", value)
        case str():
            text = value.encode()
            return _head(3, len(text)) + text
        case datetime():
            return _head(6, 1) + encode(value.timestamp())
        case list():
            return _head(4, len(value)) + b"".join(map(encode, value))
        case dict():
            return _head(5, len(value)) + b"".join(encode(key) + encode(item) for key, item in value.items())
        case _:
            raise TypeError(f"{type(value).__name__} has no form in CBOR here")


def _head(major: int, number: int) -> bytes:
    """The first byte of an item, and the number it could not hold."""
    for limit, code, form in ((1 << 8, 24, ">B"), (1 << 16, 25, ">H"), (1 << 32, 26, ">I"), (1 << 64, 27, ">Q")):
        if number < 24:
            return bytes([major << 5 | number])
        if number < limit:
            return bytes([major << 5 | code]) + struct.pack(form, number)
    raise ValueError(f"{number} is too large")
