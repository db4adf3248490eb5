"""Questions about S3's calls, whose actions are often named otherwise than the operation."""

from __future__ import annotations

from typing import Final

from moto.s3.models import s3_backends

from .question import PARTITION, ApiCall, Context, Question, UnknownOperation

_OF_BUCKET: Final = {
    "DeletePublicAccessBlock": "PutBucketPublicAccessBlock",
    "GetBucketAcl": "GetBucketAcl",
    "GetBucketEncryption": "GetEncryptionConfiguration",
    "GetBucketLifecycleConfiguration": "GetLifecycleConfiguration",
    "GetBucketLogging": "GetBucketLogging",
    "GetBucketOwnershipControls": "GetBucketOwnershipControls",
    "GetBucketPolicy": "GetBucketPolicy",
    "GetBucketReplication": "GetReplicationConfiguration",
    "GetBucketVersioning": "GetBucketVersioning",
    "GetObjectLockConfiguration": "GetBucketObjectLockConfiguration",
    "GetPublicAccessBlock": "GetBucketPublicAccessBlock",
    "HeadBucket": "ListBucket",
    "PutPublicAccessBlock": "PutBucketPublicAccessBlock",
}
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
    bucket = call.text("Bucket")
    arn = f"arn:{PARTITION}:s3:::{bucket}"
    # A bucket that does not exist is nobody's; asked for as if it were the caller's.
    _, owner = s3_backends.bucket_accounts.get(bucket, (PARTITION, call.account))
    context: Context = {"s3:ResourceAccount": owner}
    if call.operation in _OF_BUCKET:
        return [Question(f"s3:{_OF_BUCKET[call.operation]}", arn, owner, context)]
    if call.operation == "GetObject":
        return [Question("s3:GetObject", f"{arn}/{call.text('Key')}", owner, context)]
    if call.operation in ("ListObjects", "ListObjectsV2"):
        return [Question("s3:ListBucket", arn, owner, context | {"s3:prefix": str(call.params.get("Prefix", ""))})]
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
