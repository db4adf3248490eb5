"""Every policy of the resolved templates, through the linter that the policies of the repository go through."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from ..layout import REPOSITORY
from ..rules.documents import Documents
from ..rules.problem import Problem
from .process import NODE, ToolMissing, run

_RESOURCE_POLICIES: Final = {
    "AWS::SQS::QueuePolicy": "PolicyDocument",
    "AWS::SNS::TopicPolicy": "PolicyDocument",
    "AWS::S3::BucketPolicy": "PolicyDocument",
    "AWS::KMS::Key": "KeyPolicy",
}


def policies(documents: Documents) -> Iterator[dict[str, Any]]:
    """Each policy with the place it is in and the kind it is."""
    for resource in documents.resources():
        properties, where = resource.properties, resource.where
        if resource.type == "AWS::IAM::Role":
            yield {"where": f"{where} trust", "kind": "trust", "document": properties["AssumeRolePolicyDocument"]}
            for policy in properties.get("Policies") or []:
                yield {
                    "where": f"{where} {policy['PolicyName']}",
                    "kind": "identity",
                    "document": policy["PolicyDocument"],
                }
        elif resource.type in ("AWS::IAM::Policy", "AWS::IAM::RolePolicy"):
            yield {"where": where, "kind": "identity", "document": properties["PolicyDocument"]}
        elif resource.type == "AWS::IAM::ManagedPolicy":
            yield {"where": where, "kind": "managed", "document": properties["PolicyDocument"]}
        elif resource.type == "AWS::Organizations::Policy":
            content = properties["Content"]
            document = json.loads(content) if isinstance(content, str) else content
            kind = "rcp" if properties["Type"] == "RESOURCE_CONTROL_POLICY" else "scp"
            yield {"where": where, "kind": kind, "document": document}
        elif resource.type in _RESOURCE_POLICIES:
            yield {"where": where, "kind": "resource", "document": properties[_RESOURCE_POLICIES[resource.type]]}
        elif resource.type == "AWS::Events::EventBusPolicy" and "Statement" in properties:
            statement = {"Sid": properties["StatementId"], **properties["Statement"]}
            document = {"Version": "2012-10-17", "Statement": [statement]}
            yield {"where": where, "kind": "resource", "document": document}


def check(found: Sequence[dict[str, Any]], folder: Path) -> list[Problem]:
    """What the linter says of them."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "policies.json"
    file.write_text(json.dumps(found), encoding="utf-8")
    result = run([NODE, REPOSITORY / "policies" / "tests" / "lint-deployed.mjs", file], folder)
    if result.returncode:
        raise ToolMissing(
            f"the policy linter: {result.stderr.strip()[-300:]}; run policies/check once to install it"
        )
    return [Problem(one["where"], one["what"], "correct the policy") for one in json.loads(result.stdout)]
