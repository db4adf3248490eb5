"""The evidence bucket and the ledger."""

from __future__ import annotations

from typing import Final

from firebreak_infra.rules.documents import FORENSICS, SECURITY, Json, Sources

from .fault import Fault, body, bucket, bucket_policy, without


def _retention(sources: Sources) -> Json:
    found: Json = bucket(sources)["Properties"]["ObjectLockConfiguration"]["Rule"]["DefaultRetention"]
    return found


def _ledger(sources: Sources) -> Json:
    return body(sources, SECURITY, "AWS::DynamoDB::Table")


def _writer_reads(sources: Sources) -> None:
    [one] = [one for one in bucket_policy(sources) if one["Sid"] == "WriterWrites"]
    one["Action"] = ["s3:PutObject", "s3:GetObject"]


FAULTS: Final = [
    Fault(
        "Object Lock removed",
        "evidence_bucket",
        "has no Object Lock",
        lambda s: bucket(s)["Properties"].pop("ObjectLockEnabled"),
    ),
    Fault(
        "Object Lock GOVERNANCE",
        "evidence_bucket",
        "default retention is GOVERNANCE",
        lambda s: _retention(s).update(Mode="GOVERNANCE"),
    ),
    Fault(
        "versioning removed",
        "evidence_bucket",
        "has no versioning",
        lambda s: bucket(s)["Properties"].pop("VersioningConfiguration"),
    ),
    Fault(
        "public access block removed",
        "evidence_bucket",
        "does not block all public access",
        lambda s: bucket(s)["Properties"].pop("PublicAccessBlockConfiguration"),
    ),
    Fault(
        "one of four public access blocks off",
        "evidence_bucket",
        "does not block all public access",
        lambda s: bucket(s)["Properties"]["PublicAccessBlockConfiguration"].update(RestrictPublicBuckets=False),
    ),
    Fault(
        "the bucket goes away with its stack",
        "evidence_bucket",
        "goes away with its stack",
        lambda s: bucket(s).pop("DeletionPolicy"),
    ),
    Fault(
        "the key of the evidence cannot be rolled back",
        "encryption",
        "ends as ROLLBACK_FAILED",
        lambda s: body(s, FORENSICS, "AWS::KMS::Key").update(DeletionPolicy="RetainExceptOnCreate"),
    ),
    Fault(
        "the bucket takes requests without TLS",
        "evidence_bucket",
        "without TLS",
        lambda s: without(bucket_policy(s), "TlsOnly"),
    ),
    Fault(
        "evidence can be written over",
        "evidence_bucket",
        "be written over",
        lambda s: without(bucket_policy(s), "CreateOnlyButForManifests"),
    ),
    Fault("the writer may read evidence", "evidence_bucket", "allows the writer s3:GetObject", _writer_reads),
    Fault(
        "the ledger has no point-in-time recovery",
        "ledger",
        "no point-in-time recovery",
        lambda s: _ledger(s)["Properties"].pop("PointInTimeRecoverySpecification"),
    ),
    Fault(
        "the ledger expires nothing",
        "ledger",
        "does not expire",
        lambda s: _ledger(s)["Properties"].pop("TimeToLiveSpecification"),
    ),
    Fault(
        "the ledger can be deleted by one call",
        "ledger",
        "deleted by one call",
        lambda s: _ledger(s)["Properties"].update(DeletionProtectionEnabled=False),
    ),
    Fault(
        "the ledger without its index",
        "ledger",
        "has no index `feed`",
        lambda s: _ledger(s)["Properties"].pop("GlobalSecondaryIndexes"),
    ),
    Fault(
        "every write of an incident goes to its index as a whole",
        "ledger",
        "with the status alone",
        lambda s: _ledger(s)["Properties"]["GlobalSecondaryIndexes"][0].update(Projection={"ProjectionType": "ALL"}),
    ),
    Fault(
        "the ledger without its key",
        "ledger",
        "is not encrypted",
        lambda s: _ledger(s)["Properties"].pop("SSESpecification"),
    ),
    Fault(
        "the ledger goes away with its stack",
        "ledger",
        "goes away with its stack",
        lambda s: _ledger(s).update(DeletionPolicy="Delete"),
    ),
]
