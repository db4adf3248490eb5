"""Findings as GuardDuty makes them for CreateSampleFindings: they name nothing that exists."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from typing import Any


def sample(kind: str, account: str, region: str, detector: str) -> dict[str, Any]:
    """A sample of a finding type, in the form of GetFindings."""
    name, now = uuid.uuid4().hex, datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return {
        "schemaVersion": "2.0",
        "accountId": account,
        "region": region,
        "partition": "aws",
        "id": name,
        "arn": f"arn:aws:guardduty:{region}:{account}:detector/{detector}/finding/{name}",
        "type": kind,
        "resource": _resource(kind),
        "service": {
            "serviceName": "guardduty",
            "detectorId": detector,
            "resourceRole": "TARGET",
            "eventFirstSeen": now,
            "eventLastSeen": now,
            "archived": False,
            "count": 1,
            "additionalInfo": {"value": '{"sample":true}', "type": "default", "sample": True},
        },
        "severity": 8,
        "createdAt": now,
        "updatedAt": now,
        "title": f"[SAMPLE FINDING] {kind}",
        "description": "A sample: what it names does not exist.",
    }


def _resource(kind: str) -> dict[str, Any]:
    caller = {
        "accessKeyId": "GeneratedFindingAccessKeyId",
        "principalId": "GeneratedFindingPrincipalId",
        "userType": "IAMUser",
        "userName": "GeneratedFindingUserName",
    }
    tags = [{"key": "GeneratedFindingInstanceTag1", "value": "GeneratedFindingInstanceValue1"}]
    instance = {"instanceId": "i-99999999", "imageId": "ami-99999999", "instanceState": "running", "tags": tags}
    bucket = {"arn": "arn:aws:s3:::bucketName", "name": "bucketName", "type": "Destination", "tags": tags}
    family = kind.split(":")[-1].split("/")[0]
    if family in ("EC2", "Runtime"):
        return {"resourceType": "Instance", "instanceDetails": instance}
    if family == "S3":
        return {"resourceType": "S3Bucket", "accessKeyDetails": caller, "s3BucketDetails": [bucket]}
    return {"resourceType": "AccessKey", "accessKeyDetails": caller, "instanceDetails": instance}
