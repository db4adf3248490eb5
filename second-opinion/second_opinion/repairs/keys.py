"""What a request says, as policies see it."""

from __future__ import annotations

import json
import re
from typing import Any, Final
from urllib.parse import parse_qs

from ministack.core import iam_actions

from . import Repair

_ATTACH: Final = b"Action=AttachUserPolicy&UserName=a&PolicyArn=arn%3Aaws%3Aiam%3A%3Aaws%3Apolicy%2FA"
_GET: Final = b'{"TableName": "t", "Key": {"pk": {"S": "incident#1"}, "sk": {"S": "claim"}}}'
_PARTITION_KEYS: Final = ("pk", "feed")
"""Of the ledger and of its index."""
_EQUALS: Final = re.compile(r"([#\w]+)\s*=\s*(:\w+)")


def _iam_keys() -> None:
    before = iam_actions.request_tag_context

    def context(service: str, action: str, body: bytes, parameters: dict[str, Any]) -> dict[str, Any]:
        found: dict[str, Any] = before(service, action, body, parameters)
        if service == "iam":
            form = parse_qs((body or b"").decode("utf-8", "replace"))
            named = (("iam:PolicyARN", "PolicyArn"), ("iam:PermissionsBoundary", "PermissionsBoundary"))
            found |= {key: form[parameter][0] for key, parameter in named if parameter in form}
        return found

    iam_actions.request_tag_context = context


def _leading_keys() -> None:
    before = iam_actions.dynamodb_service_context

    def context(body: bytes) -> dict[str, Any]:
        found: dict[str, Any] = before(body)
        keys = sorted(set(_partitions(json.loads(body or b"{}"))))
        return found | ({"dynamodb:LeadingKeys": keys} if keys else {})

    iam_actions.dynamodb_service_context = context


def _partitions(node: Any) -> list[str]:
    """The partition keys that a request names, wherever in it an item, a key or a condition stands."""
    found = []
    if isinstance(node, dict):
        for place in ("Key", "Item"):
            if isinstance(item := node.get(place), dict):
                found += [item[name]["S"] for name in _PARTITION_KEYS if "S" in item.get(name, {})][:1]
        if isinstance(condition := node.get("KeyConditionExpression"), str):
            values, aliases = node.get("ExpressionAttributeValues", {}), node.get("ExpressionAttributeNames", {})
            named = [(aliases.get(name, name), value) for name, value in _EQUALS.findall(condition)]
            found += [values[value]["S"] for name, value in named if name in _PARTITION_KEYS]
    if isinstance(node, (dict, list)):
        for inner in node.values() if isinstance(node, dict) else node:
            found += _partitions(inner)
    return found


REPAIRS: Final = (
    Repair(
        "IAM calls have the keys iam:PolicyARN and iam:PermissionsBoundary",
        "Service Authorization Reference, Actions, resources, and condition keys for AWS IAM",
        lambda: "iam:PolicyARN" not in iam_actions.request_tag_context("iam", "iam:AttachUserPolicy", _ATTACH, {}),
        _iam_keys,
    ),
    Repair(
        "DynamoDB calls have the key dynamodb:LeadingKeys",
        "DynamoDB Developer Guide, Using IAM policy conditions for fine-grained access control",
        lambda: "dynamodb:LeadingKeys" not in iam_actions.dynamodb_service_context(_GET),
        _leading_keys,
    ),
)
