"""What a request is: its service, its operation and its parameters, from the bytes on the wire.

Faults are matched and calls are recorded by these names, spelled as in IAM policies: `iam:UpdateAccessKey`,
`s3:PutPublicAccessBlock`, `states:SendTaskSuccess`.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from html import unescape
from typing import Any, Final
from urllib.parse import parse_qsl

from moto.core.request import Request
from moto.core.routing import get_service_router

_CREDENTIAL: Final = re.compile(r"Credential=([^/]+)/[^/]+/[^/]+/([^/]+)/aws4_request")
_TAG_KEY: Final = re.compile(rb"<Key>(.*?)</Key>", re.DOTALL)
_S3_CONTROL: Final = "/v20180820/"
"""Where the paths of S3 Control begin; it signs as S3."""


@dataclass(frozen=True)
class Operation:
    """A request, named."""

    service: str
    """The name the request is signed for; of S3 Control `s3`, as in IAM policies."""
    name: str
    params: dict[str, Any] | None
    access_key: str | None
    protocol: str
    """`query`, `ec2`, `json`, `s3` or `s3control`: the shape its errors must have."""

    def __str__(self) -> str:
        return f"{self.service}:{self.name}"


def identify(environ: dict[str, Any], body: bytes) -> Operation:
    """Names a request. What is not signed is taken for S3, as moto does."""
    signature = _CREDENTIAL.search(environ.get("HTTP_AUTHORIZATION", ""))
    access_key, service = signature.groups() if signature else (None, "s3")
    form = environ.get("CONTENT_TYPE", "").startswith("application/x-www-form-urlencoded")

    if target := environ.get("HTTP_X_AMZ_TARGET"):
        return Operation(service, target.rpartition(".")[2], _json_object(body), access_key, "json")
    if form and (params := dict(parse_qsl(body.decode(errors="replace"), keep_blank_values=True))).get("Action"):
        # AssumeRole may be sent unsigned; no other query API of interest is.
        service = service if signature else "sts"
        protocol = "ec2" if service == "ec2" else "query"
        return Operation(service, params["Action"], params, access_key, protocol)
    return _rest(environ, body, service, access_key)


def _rest(environ: dict[str, Any], body: bytes, service: str, access_key: str | None) -> Operation:
    """S3, Lambda and other REST APIs, by the paths and query parameters in botocore's service models."""
    query = dict(parse_qsl(environ.get("QUERY_STRING", ""), keep_blank_values=True))
    is_control = service == "s3" and environ["PATH_INFO"].startswith(_S3_CONTROL)
    try:
        router = get_service_router("s3control" if is_control else service)
        model, in_path = router.match(Request(environ, populate_request=False))
        name = model.name
    except Exception:
        # Whatever is wrong with this request, or with a service botocore does not know, is moto's to answer.
        name, in_path = f"{environ['REQUEST_METHOD']} {environ['PATH_INFO']}", {}
    payload = (_json_object(body) or {}) if service != "s3" else {}
    # Of what S3 is sent, only the keys of tags matter to IAM.
    tags = {"TagKeys": [unescape(key.decode()) for key in _TAG_KEY.findall(body)]} if name == "PutObjectTagging" else {}
    params = {**payload, **query, **in_path, **tags}
    protocol = "s3control" if is_control else "s3" if service == "s3" else "json"
    return Operation(service, name, params or None, access_key, protocol)


def _json_object(body: bytes) -> dict[str, Any] | None:
    try:
        parsed = json.loads(body)
    except ValueError:
        return None
    return parsed if isinstance(parsed, dict) else None
