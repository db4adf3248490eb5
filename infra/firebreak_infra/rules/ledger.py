"""The ledger is what an undo rests on: it survives its stack, a mistake, and a reader without the key."""

from __future__ import annotations

from .documents import SECURITY, Documents, Resource
from .problem import Problem


def check(documents: Documents) -> list[Problem]:
    """Tables that could lose the state before a containment."""
    tables = list(documents.resources("AWS::DynamoDB::Table"))
    problems = [] if tables else [Problem(SECURITY, "there is no ledger", "add firebreak-ledger")]
    return problems + [problem for table in tables for problem in _table(table)]


def _table(table: Resource) -> list[Problem]:
    properties = table.properties
    recovery = properties.get("PointInTimeRecoverySpecification") or {}
    expiry = properties.get("TimeToLiveSpecification") or {}
    encryption = properties.get("SSESpecification") or {}
    keys = {key["KeyType"]: key["AttributeName"] for key in properties.get("KeySchema") or []}
    index = {one["IndexName"]: one for one in properties.get("GlobalSecondaryIndexes") or []}.get("feed") or {}
    index_keys = {key["KeyType"]: key["AttributeName"] for key in index.get("KeySchema") or []}
    wanted = [
        (
            recovery.get("PointInTimeRecoveryEnabled") is True,
            "has no point-in-time recovery",
            "PointInTimeRecoveryEnabled: true",
        ),
        (
            expiry.get("Enabled") is True and expiry.get("AttributeName") == "expires_at",
            "does not expire budgets by expires_at",
            "TimeToLiveSpecification",
        ),
        (
            properties.get("DeletionProtectionEnabled") is True,
            "can be deleted by one call",
            "DeletionProtectionEnabled: true",
        ),
        (
            encryption.get("SSEEnabled") is True
            and encryption.get("SSEType") == "KMS"
            and bool(encryption.get("KMSMasterKeyId")),
            "is not encrypted with Firebreak's key",
            "SSESpecification with KMSMasterKeyId",
        ),
        (table.retained, "goes away with its stack", "DeletionPolicy: Retain"),
        (
            table.body.get("UpdateReplacePolicy") == "Retain",
            "goes away when it is replaced",
            "UpdateReplacePolicy: Retain",
        ),
        (keys == {"HASH": "pk", "RANGE": "sk"}, f"has the keys {keys}, not pk and sk", "KeySchema"),
        (
            index_keys == {"HASH": "feed", "RANGE": "opened_at"}
            and index.get("Projection") == {"ProjectionType": "INCLUDE", "NonKeyAttributes": ["status"]},
            "has no index `feed` over feed and opened_at with the status alone",
            "GlobalSecondaryIndexes",
        ),
    ]
    return [Problem(table.where, what, f"set {mend}") for holds, what, mend in wanted if not holds]
