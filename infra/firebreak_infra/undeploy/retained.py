"""What a removal leaves behind, and why: read from the templates, so that it is what AWS will do."""

from __future__ import annotations

from typing import Any, Final

_WHY: Final = {
    "AWS::S3::Bucket": "evidence under Object Lock, COMPLIANCE: nobody can delete an object before its date, AWS included",
    "AWS::KMS::Key": "without it what it encrypted cannot be read; schedule its deletion yourself when that is gone",
    "AWS::DynamoDB::Table": "the ledger, with deletion protection: bases, without which nothing can be released",
    "AWS::Logs::LogGroup": "what Firebreak did; expires by its retention",
    "AWS::Serverless::LayerVersion": "versions of the response policy",
    "AWS::Lambda::LayerVersion": "versions of the response policy",
    "AWS::Organizations::Policy": "denies that hold until somebody detaches it",
    "AWS::IAM::ManagedPolicy": "attached to what is quarantined",
    "AWS::IAM::Role": "other accounts may still name it",
    "AWS::S3::BucketPolicy": "keeps the evidence closed",
}


def of(template: dict[str, Any]) -> list[tuple[str, str, str]]:
    """Resource, type and reason of everything that stays."""
    return [
        (name, resource["Type"], _WHY.get(resource["Type"], "the template says so"))
        for name, resource in sorted(template["Resources"].items())
        if resource.get("DeletionPolicy", "Delete") in ("Retain", "RetainExceptOnCreate")
    ]


def goes(template: dict[str, Any]) -> int:
    """How many resources are deleted."""
    return len(template["Resources"]) - len(of(template))
