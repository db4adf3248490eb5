"""Evidence can be written once, read by no writer, and deleted by nobody before its time.

moto drops all of this without a word, so that a deployment into the local AWS proves none of it.
"""

from __future__ import annotations

from typing import Final

from .documents import FORENSICS, Documents, Resource
from .problem import Problem
from .statements import Statement, matches, statements_in

_WRITER: Final = {
    "s3:PutObject",
    "s3:GetBucketObjectLockConfiguration",
    "s3:GetBucketVersioning",
}
"""What the bucket's policy may allow: no object is read, listed or deleted by it."""


def check(documents: Documents) -> list[Problem]:
    """Buckets of the forensics account that do not keep what is in them."""
    buckets = list(documents.resources("AWS::S3::Bucket", FORENSICS))
    problems = [] if buckets else [Problem(FORENSICS, "there is no evidence bucket", "add it")]
    for bucket in documents.resources("AWS::S3::Bucket"):
        problems += _settings(bucket)
        statements = _policy(documents, bucket)
        problems += [Problem(bucket.where, what, mend) for holds, what, mend in _access(statements) if not holds]
    return problems


def _settings(bucket: Resource) -> list[Problem]:
    properties = bucket.properties
    retention = (properties.get("ObjectLockConfiguration") or {}).get("Rule", {}).get("DefaultRetention", {})
    block = properties.get("PublicAccessBlockConfiguration") or {}
    four = ("BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets")
    encryption = (properties.get("BucketEncryption") or {}).get("ServerSideEncryptionConfiguration") or [{}]
    default = encryption[0].get("ServerSideEncryptionByDefault") or {}
    wanted = [
        (
            properties.get("ObjectLockEnabled") is True,
            "has no Object Lock: evidence can be deleted",
            "ObjectLockEnabled: true",
        ),
        (
            retention.get("Mode") == "COMPLIANCE",
            f"its default retention is {retention.get('Mode')}: an administrator could delete evidence",
            "ObjectLockConfiguration ... Mode: COMPLIANCE",
        ),
        (
            any(int(retention.get(unit) or 0) > 0 for unit in ("Days", "Years")),
            "its default retention has no duration",
            "DefaultRetention.Days",
        ),
        (
            (properties.get("VersioningConfiguration") or {}).get("Status") == "Enabled",
            "has no versioning",
            "Status: Enabled",
        ),
        (bucket.retained, "goes away with its stack", "DeletionPolicy: Retain"),
        (
            bucket.body.get("UpdateReplacePolicy") == "Retain",
            "goes away when it is replaced",
            "UpdateReplacePolicy: Retain",
        ),
        (
            all(block.get(name) is True for name in four),
            "does not block all public access",
            "all four of PublicAccessBlockConfiguration",
        ),
        (
            default.get("SSEAlgorithm") == "aws:kms" and bool(default.get("KMSMasterKeyID")),
            "is not encrypted with the evidence key",
            "SSEAlgorithm: aws:kms and KMSMasterKeyID",
        ),
    ]
    return [Problem(bucket.where, what, f"set {mend}") for holds, what, mend in wanted if not holds]


def _policy(documents: Documents, bucket: Resource) -> list[Statement]:
    found = []
    for policy in documents.resources("AWS::S3::BucketPolicy", bucket.template):
        if policy.properties.get("Bucket") == bucket.properties.get("BucketName"):
            found += statements_in(policy, policy.properties.get("PolicyDocument"))
    return found


def _access(statements: list[Statement]) -> list[tuple[bool, str, str]]:
    denies = [one for one in statements if not one.allows]
    allowed = {action for one in statements if one.allows for action in one.actions}
    return [
        (
            any("s3:*" in one.actions and "*" in one.principals("AWS") and "false" in _secure(one) for one in denies),
            "takes requests without TLS",
            "deny s3:* with aws:SecureTransport false",
        ),
        (
            any(
                _denies(one, "s3:PutObject") and one.condition("s3:if-none-match", "Null") == ["true"] for one in denies
            ),
            "lets evidence be written over",
            "deny s3:PutObject without s3:if-none-match",
        ),
        (
            "s3:PutObject" in allowed and allowed <= _WRITER,
            f"allows the writer {', '.join(sorted(allowed - _WRITER)) or 'nothing'}",
            "allow s3:PutObject, and reading how the bucket is protected",
        ),
        (any(_denies(one, "s3:GetObject") for one in denies), "lets the writer read evidence", "deny s3:GetObject*"),
        (
            not any("*" in one.principals("AWS") for one in statements if one.allows),
            "is open to everybody",
            "name FirebreakPreserveEvidence as the principal",
        ),
    ]


def _secure(statement: Statement) -> list[str]:
    return [value.lower() for value in statement.condition("aws:SecureTransport", "Bool")]


def _denies(statement: Statement, action: str) -> bool:
    return any(matches(one, action) for one in statement.actions)
