"""The URLs of functions that people call: HTTP in, the identity that signed it in the event, HTTP out.

As Lambda does it (developer guide, "Invoking Lambda function URLs", payload format 2.0). A request is signed for `lambda`
(Signature Version 4); the signature is computed anew and compared, which moto does nowhere. The secret of a key that nobody
made is `test`. Every identity may call: permissions are not evaluated.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import json
import re
import time
import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from http.client import responses
from typing import Any, Final

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from moto.awslambda.models import FunctionUrlConfig, LambdaFunction
from moto.awslambda.utils import get_backend
from moto.iam.models import get_account_id_from, iam_backends
from moto.sts.models import sts_backends
from werkzeug.wsgi import get_input_stream

from . import names
from .lambda_host import LambdaHost, describe

WsgiApp = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]

PREFIX: Final = "/_firebreak/url/"
_PARTITION: Final = "aws"
_SECRET: Final = "test"
_AUTHORIZATION: Final = re.compile(
    r"AWS4-HMAC-SHA256 Credential=(?P<key>[^/,\s]+)/\d{8}/(?P<region>[\w-]+)/lambda/aws4_request,\s*"
    r"SignedHeaders=(?P<headers>[\w;-]+),\s*Signature=(?P<signature>[0-9a-f]{64})"
)
_TEXT: Final = re.compile(r"text/.*|application/(json|javascript|xml|.*\+json|.*\+xml)\b.*", re.IGNORECASE)
"""Content types of a body that reaches the function as it is; another one comes as base64."""


@dataclass(frozen=True)
class _Identity:
    """Who signed a request."""

    access_key: str
    account: str
    user_id: str
    arn: str


def install(endpoint: str) -> None:
    """Gives functions URLs that lead here: moto makes some up, and serves none."""
    made = FunctionUrlConfig.__init__

    def here(self: FunctionUrlConfig, function: LambdaFunction, config: dict[str, Any]) -> None:
        made(self, function, config)
        self.url = f"{endpoint}{PREFIX}{function.function_name}"

    FunctionUrlConfig.__init__ = here


class FunctionUrls:
    """Answers what is under the prefix; passes everything else on."""

    def __init__(self, app: WsgiApp, host: LambdaHost) -> None:
        self._app = app
        self._host = host

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        path = environ["PATH_INFO"]
        if not path.startswith(PREFIX):
            return self._app(environ, start_response)
        status, headers, body = self._answer(path.removeprefix(PREFIX).strip("/"), environ)
        words = responses.get(status, "Unknown")
        start_response(f"{status} {words}", [*headers.items(), ("Content-Length", str(len(body)))])
        return [body]

    def _answer(self, name: str, environ: dict[str, Any]) -> tuple[int, Mapping[str, str], bytes]:
        body = get_input_stream(environ).read()
        identity = _signed_by(environ, body)
        if identity is None:
            return _said(403, "Forbidden")
        known = _functions().get(name)
        if known is None:
            return _said(404, "Not Found")
        request_id = str(uuid.uuid4())
        event = json.dumps(_event(name, environ, body, identity, request_id)).encode()
        outcome = self._host.invoke(describe(known), event, request_id)
        return _said(502, "Internal Server Error") if outcome.failed else _http(outcome.payload)


def _functions() -> dict[str, LambdaFunction]:
    """The functions that have a URL, by name."""
    functions = get_backend(names.SECURITY_ACCOUNT, names.REGION).list_functions()
    return {one.function_name: one for one in functions if one.url_config is not None}


def _said(status: int, message: str) -> tuple[int, Mapping[str, str], bytes]:
    """What Lambda says itself."""
    return status, {"Content-Type": "application/json"}, json.dumps({"Message": message}).encode()


def _signed_by(environ: Mapping[str, Any], body: bytes) -> _Identity | None:
    """Whose signature the request has. None without one that fits."""
    found = _AUTHORIZATION.fullmatch(environ.get("HTTP_AUTHORIZATION", ""))
    if found is None:
        return None
    key, token = found["key"], environ.get("HTTP_X_AMZ_SECURITY_TOKEN")
    account = get_account_id_from(key)
    known = iam_backends[account][_PARTITION].access_keys.get(key)
    if known is not None and known.status != "Active":
        return None
    sts = sts_backends[account][_PARTITION]
    session = sts.get_assumed_role_from_access_key(key)
    if session is not None and session.session_token != token:
        return None
    secret = _SECRET if known is None else known.secret_access_key
    expected = _signature(environ, body, found["region"], found["headers"], Credentials(key, secret, token))
    if expected is None or not hmac.compare_digest(expected, found["signature"]):
        return None
    user_id, arn, account = sts.get_caller_identity(key, names.REGION)
    return _Identity(key, account, user_id, arn)


def _signature(
    environ: Mapping[str, Any], body: bytes, region: str, signed_headers: str, credentials: Credentials
) -> str | None:
    """What the signature must be. None when a header that it covers is missing."""
    headers = _headers(environ)
    signed = signed_headers.split(";")
    if not {"host", "x-amz-date"} <= set(signed) <= set(headers):
        return None
    auth = SigV4Auth(credentials, "lambda", region)
    request = AWSRequest(
        method=environ["REQUEST_METHOD"],
        url=f"http://{headers['host']}{environ['PATH_INFO']}",
        params=environ.get("QUERY_STRING", ""),
        data=body,
        headers={name: headers[name] for name in signed},
    )
    request.context["timestamp"] = headers["x-amz-date"]
    signature: str = auth.signature(auth.string_to_sign(request, auth.canonical_request(request)), request)
    return signature


def _headers(environ: Mapping[str, Any]) -> dict[str, str]:
    """By name in lower case."""
    found = {name.removeprefix("HTTP_"): value for name, value in environ.items() if name.startswith("HTTP_")}
    found |= {name: environ[name] for name in ("CONTENT_TYPE", "CONTENT_LENGTH") if environ.get(name)}
    return {name.lower().replace("_", "-"): str(value) for name, value in found.items()}


def _event(
    name: str, environ: Mapping[str, Any], body: bytes, identity: _Identity, request_id: str
) -> dict[str, Any]:
    headers, now = _headers(environ), time.time()
    text, is_binary = _text(headers.get("content-type", ""), body)
    return {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": "/",
        "rawQueryString": environ.get("QUERY_STRING", ""),
        "headers": headers,
        "requestContext": {
            "accountId": identity.account,
            "apiId": name,
            "authorizer": {
                "iam": {
                    "accessKey": identity.access_key,
                    "accountId": identity.account,
                    "callerId": identity.user_id,
                    "cognitoIdentity": None,
                    "principalOrgId": None,
                    "userArn": identity.arn,
                    "userId": identity.user_id,
                }
            },
            "domainName": headers.get("host", ""),
            "domainPrefix": name,
            "http": {
                "method": environ["REQUEST_METHOD"],
                "path": "/",
                "protocol": environ.get("SERVER_PROTOCOL", "HTTP/1.1"),
                "sourceIp": environ.get("REMOTE_ADDR", ""),
                "userAgent": headers.get("user-agent", ""),
            },
            "requestId": request_id,
            "routeKey": "$default",
            "stage": "$default",
            "time": time.strftime("%d/%b/%Y:%H:%M:%S +0000", time.gmtime(now)),
            "timeEpoch": int(now * 1000),
        },
        "body": text,
        "isBase64Encoded": is_binary,
    }


def _text(content_type: str, body: bytes) -> tuple[str, bool]:
    """The body in an event, and whether it is base64."""
    if _TEXT.fullmatch(content_type):
        try:
            return body.decode(), False
        except UnicodeDecodeError:
            pass
    return base64.b64encode(body).decode(), True


def _http(payload: bytes) -> tuple[int, Mapping[str, str], bytes]:
    """What a function's answer becomes. One without a status is the body."""
    answer = json.loads(payload)
    if not isinstance(answer, dict) or "statusCode" not in answer:
        return 200, {"Content-Type": "application/json"}, payload
    body = str(answer.get("body") or "").encode()
    if answer.get("isBase64Encoded"):
        try:
            body = base64.b64decode(body, validate=True)
        except binascii.Error:
            return _said(502, "Internal Server Error")
    headers = {"content-type": "application/json", **(answer.get("headers") or {})}
    return int(answer["statusCode"]), headers, body
