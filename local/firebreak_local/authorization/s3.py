"""Questions about S3's calls, whose actions are often named otherwise than the operation."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from moto.s3.models import FakeKey, s3_backends

from .question import PARTITION, ApiCall, Context, Question, UnknownOperation

_OF_BUCKET: Final = {
    "DeleteBucketEncryption": "PutEncryptionConfiguration",
    "DeleteBucketPolicy": "DeleteBucketPolicy",
    "DeletePublicAccessBlock": "PutBucketPublicAccessBlock",
    "GetBucketAcl": "GetBucketAcl",
    "GetBucketEncryption": "GetEncryptionConfiguration",
    "GetBucketLifecycleConfiguration": "GetLifecycleConfiguration",
    "GetBucketLocation": "GetBucketLocation",
    "GetBucketLogging": "GetBucketLogging",
    "GetBucketNotificationConfiguration": "GetBucketNotification",
    "GetBucketOwnershipControls": "GetBucketOwnershipControls",
    "GetBucketPolicy": "GetBucketPolicy",
    "GetBucketReplication": "GetReplicationConfiguration",
    "GetBucketTagging": "GetBucketTagging",
    "GetBucketVersioning": "GetBucketVersioning",
    "GetObjectLockConfiguration": "GetBucketObjectLockConfiguration",
    "GetPublicAccessBlock": "GetBucketPublicAccessBlock",
    "HeadBucket": "ListBucket",
    "PutBucketEncryption": "PutEncryptionConfiguration",
    "PutBucketLifecycleConfiguration": "PutLifecycleConfiguration",
    "PutBucketPolicy": "PutBucketPolicy",
    "PutBucketReplication": "PutReplicationConfiguration",
    "PutBucketVersioning": "PutBucketVersioning",
    "PutPublicAccessBlock": "PutBucketPublicAccessBlock",
}
_LISTS: Final = {
    "ListObjectVersions": "ListBucketVersions",
    "ListObjects": "ListBucket",
    "ListObjectsV2": "ListBucket",
}
_OF_OBJECT: Final = frozenset({"DeleteObjectTagging", "GetObject", "GetObjectTagging", "PutObjectTagging"})
_CONTROL: Final[dict[str, Callable[[ApiCall], str]]] = {
    "DescribeJob": lambda call: _regional(call, f"job/{call.text('id')}"),
    "GetAccessPointPolicy": lambda call: _regional(call, f"accesspoint/{call.text('name')}"),
    "ListAccessPoints": lambda _: "*",
    "ListJobs": lambda _: "*",
    "ListMultiRegionAccessPoints": lambda _: "*",
}
"""The resource of what S3 Control is asked."""
_KEY_OF_HEADER: Final = {
    "if-none-match": "s3:if-none-match",
    "x-amz-acl": "s3:x-amz-acl",
    "x-amz-object-lock-legal-hold": "s3:object-lock-legal-hold",
    "x-amz-object-lock-mode": "s3:object-lock-mode",
    "x-amz-object-lock-retain-until-date": "s3:object-lock-retain-until-date",
    "x-amz-server-side-encryption": "s3:x-amz-server-side-encryption",
    "x-amz-server-side-encryption-aws-kms-key-id": "s3:x-amz-server-side-encryption-aws-kms-key-id",
    "x-amz-server-side-encryption-customer-algorithm": "s3:x-amz-server-side-encryption-customer-algorithm",
    "x-amz-storage-class": "s3:x-amz-storage-class",
}
_ACTION_OF_HEADER: Final = {
    "x-amz-acl": "PutObjectAcl",
    "x-amz-object-lock-legal-hold": "PutObjectLegalHold",
    "x-amz-object-lock-mode": "PutObjectRetention",
    "x-amz-tagging": "PutObjectTagging",
}
"""What PutObject needs besides, when it sends one of these."""


def questions(call: ApiCall) -> list[Question]:
    """What IAM is asked."""
    if call.operation in _CONTROL:
        return [Question(f"s3:{call.operation}", _CONTROL[call.operation](call), call.account)]
    bucket = call.text("Bucket")
    arn = f"arn:{PARTITION}:s3:::{bucket}"
    # A bucket that does not exist is nobody's; asked for as if it were the caller's.
    _, owner = s3_backends.bucket_accounts.get(bucket, (PARTITION, call.account))
    context: Context = {"s3:ResourceAccount": owner}
    if call.operation in _OF_BUCKET:
        asked = Question(f"s3:{_OF_BUCKET[call.operation]}", arn, owner, context)
        return [asked, *(_passed_role(bucket, owner) if call.operation == "PutBucketReplication" else [])]
    if call.operation in _OF_OBJECT:
        return [_of_object(call, bucket, context)]
    if call.operation in _LISTS:
        prefix: Context = {"s3:prefix": str(call.params.get("Prefix", ""))}
        return [Question(f"s3:{_LISTS[call.operation]}", arn, owner, context | prefix)]
    if call.operation != "PutObject":
        raise UnknownOperation
    context |= {key: call.headers[header] for header, key in _KEY_OF_HEADER.items() if header in call.headers}
    resource = f"{arn}/{call.text('Key')}"
    # Unlike a part of a multipart upload, it makes an object.
    creation: Context = {"s3:ObjectCreationOperation": "true"}
    extra = [action for header, action in _ACTION_OF_HEADER.items() if header in call.headers]
    return [
        Question("s3:PutObject", resource, owner, context | creation),
        *(Question(f"s3:{action}", resource, owner, context) for action in extra),
    ]


def _of_object(call: ApiCall, bucket: str, context: Context) -> Question:
    """About an object, or one version of it; with the tags that it has, and the keys of those that it is to have."""
    owner, key, version = str(context["s3:ResourceAccount"]), call.text("Key"), call.params.get("versionId")
    action = call.operation if version is None else call.operation.replace("Object", "ObjectVersion")
    tags: Context = {f"s3:ExistingObjectTag/{name}": value for name, value in _tags(bucket, owner, key, version).items()}
    wanted: Context = {"s3:RequestObjectTagKeys": keys} if (keys := call.params.get("TagKeys")) else {}
    return Question(f"s3:{action}", f"arn:{PARTITION}:s3:::{bucket}/{key}", owner, context | tags | wanted)


def _tags(bucket: str, owner: str, key: str, version: str | None) -> dict[str, str]:
    backend = s3_backends[owner][PARTITION]
    known = backend.buckets.get(bucket)
    versions = [] if known is None else known.keys.getlist(key, default=[])
    meant = [one for one in versions if version is None or str(getattr(one, "version_id", None)) == version]
    # The newest is the last one; of a delete marker there are none.
    newest = meant[-1] if meant else None
    return dict(backend.tagger.get_tag_dict_for_resource(newest.arn)) if isinstance(newest, FakeKey) else {}


def _regional(call: ApiCall, resource: str) -> str:
    return f"arn:{PARTITION}:s3:{call.region}:{call.account}:{resource}"


def _passed_role(bucket: str, owner: str) -> list[Question]:
    """S3 asks for the role of a replication, too. Firebreak writes the one that is there."""
    known = s3_backends[owner][PARTITION].buckets.get(bucket)
    role = (getattr(known, "replication", None) or {}).get("Role")
    passed: Context = {"iam:PassedToService": "s3.amazonaws.com"}
    return [] if role is None else [Question("iam:PassRole", role, role.split(":")[4], passed)]
