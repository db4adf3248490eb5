"""S3 refuses what a Deny of the bucket's policy is about, and uploads under keys of the caller where the bucket blocks those.

So a test can show that a suspect is stopped and that Firebreak, the account's root user and the others are not. No other policy is
evaluated here. Seen with moto: it looks at statements about everybody alone, leaves their conditions out, and so locks everybody out.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any, Final

from moto.iam.access_control import PermissionResult
from moto.iam.models import get_account_id_from, iam_backends
from moto.organizations.models import organizations_backends
from moto.s3.models import FakeBucket, s3_backends
from moto.sts.models import sts_backends

from . import names
from .authorization import s3
from .authorization.question import PARTITION, ApiCall, Question, UnknownOperation
from .bucket_settings import blocked_encryption
from .error_bodies import error_body
from .operations import Operation, identify
from .policy_denies import Context, denies

WsgiApp = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]

_OF_PEOPLE: Final = {
    "CopyObject": "PutObject",
    "CreateMultipartUpload": "PutObject",
    "DeleteObjects": "DeleteObject",
    "HeadObject": "GetObject",
}
"""The action of an operation that no function calls, where it is named otherwise."""
_CUSTOMER_KEY: Final = "HTTP_X_AMZ_SERVER_SIDE_ENCRYPTION_CUSTOMER_ALGORITHM"
_FOR_S3: Final = "/s3/aws4_request"
"""In a signature. What is not signed is taken for S3, as moto does."""
_KEY: Final = re.compile(rb"<Key>(.*?)</Key>", re.DOTALL)


def install() -> None:
    """Has moto evaluate no Deny of a bucket policy."""
    permission = FakeBucket.get_permission

    def permitted(self: FakeBucket, action: str, resource: str) -> PermissionResult:
        result = permission(self, action, resource)
        return PermissionResult.NEUTRAL if result == PermissionResult.DENIED else result

    FakeBucket.get_permission = permitted


class BucketDenies:
    """The middleware in front of moto."""

    def __init__(self, app: WsgiApp) -> None:
        self._app = app

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        signature = environ.get("HTTP_AUTHORIZATION", _FOR_S3)
        operation = identify(environ, b"") if _FOR_S3 in signature else None
        bucket = None if operation is None else _bucket(operation)
        if operation is None or bucket is None or not _is_refused(operation, bucket, environ):
            return self._app(environ, start_response)
        if operation.name == "DeleteObjects":
            return _answer(start_response, "200 OK", _not_deleted(environ["wsgi.input"].read()))
        body, headers = error_body(operation, 403, "AccessDenied", "with an explicit deny in a resource-based policy")
        return _answer(start_response, "403 Forbidden", b"" if environ["REQUEST_METHOD"] == "HEAD" else body, headers)


def _bucket(operation: Operation) -> FakeBucket | None:
    name = (operation.params or {}).get("Bucket") if operation.service == "s3" else None
    partition, account = s3_backends.bucket_accounts.get(name, (PARTITION, None))
    return None if account is None else s3_backends[account][partition].buckets.get(name)


def _is_refused(operation: Operation, bucket: FakeBucket, environ: dict[str, Any]) -> bool:
    action = _OF_PEOPLE.get(operation.name, operation.name)
    if action == "PutObject" and _CUSTOMER_KEY in environ and "SSE-C" in blocked_encryption(bucket):
        return True
    if bucket.policy is None or b"Deny" not in bucket.policy:
        return False
    caller = _caller(operation.access_key)
    return any(denies(bucket.policy, question, caller) for question in _questions(operation, action, bucket, environ))


def _questions(operation: Operation, action: str, bucket: FakeBucket, environ: dict[str, Any]) -> list[Question]:
    params = operation.params or {}
    headers = {name[5:].lower().replace("_", "-"): value for name, value in environ.items() if name.startswith("HTTP_")}
    try:
        return s3.questions(ApiCall("s3", operation.name, params, headers, bucket.account_id, bucket.region_name))
    except UnknownOperation:
        objects = f"/{params['Key']}" if "Key" in params else "/*" if operation.name == "DeleteObjects" else ""
        version = "Version" if "versionId" in params else ""
        return [Question(f"s3:{action}{version}", f"arn:{PARTITION}:s3:::{bucket.name}{objects}", bucket.account_id)]


def _caller(access_key: str | None) -> Context:
    """Whoever signed. A key that nobody made is the root user's of the security account, as the one of a function's own role."""
    secure = {"aws:securetransport": "true"}
    if access_key is None:
        return secure
    account = get_account_id_from(access_key)
    organization = organizations_backends[names.MANAGEMENT_ACCOUNT][PARTITION].org
    if organization is not None and account in names.MEMBER_ACCOUNTS:
        secure["aws:principalorgid"] = organization.id
    arn, identity = _principal(account, access_key)
    return secure | {
        "aws:principalaccount": account,
        "aws:principalarn": arn,
        "aws:principalisawsservice": "false",
        "aws:userid": identity,
    }


def _principal(account: str, access_key: str) -> tuple[str, str]:
    """The ARN and the id. Of a session, the ARN is the role's (IAM user guide, "Global condition context keys")."""
    iam = iam_backends[account][PARTITION]
    key = iam.access_keys.get(access_key)
    if key is None:
        return f"arn:{PARTITION}:iam::{account}:root", account
    if key.role_arn is not None:
        session = sts_backends[account][PARTITION].get_assumed_role_from_access_key(access_key)
        return key.role_arn, session.user_id if session is not None else ""
    user = iam.get_user(key.user_name)
    return user.arn, user.id


def _not_deleted(body: bytes) -> bytes:
    """The call itself succeeds: each object has an error of its own."""
    errors = b"".join(
        b"<Error><Key>" + key + b"</Key><Code>AccessDenied</Code><Message>Access Denied</Message></Error>"
        for key in _KEY.findall(body)
    )
    return b'<DeleteResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">' + errors + b"</DeleteResult>"


def _answer(
    start_response: Callable[..., Any], status: str, body: bytes, headers: Iterable[tuple[str, str]] = ()
) -> list[bytes]:
    kinds = headers or [("Content-Type", "application/xml")]
    start_response(status, [*kinds, ("Content-Length", str(len(body)))])
    return [body]
