"""Questions about DynamoDB's calls, with the partition keys they reach."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any, Final

from moto.dynamodb.models import dynamodb_backends
from moto.dynamodb.models.table import Table

from .question import PARTITION, ApiCall, Context, Question, UnknownOperation

_WITH_KEY: Final = {"GetItem": "Key", "PutItem": "Item", "UpdateItem": "Key"}
"""Operations, and the parameter that has the partition key in it."""
_PARTS: Final = {"Update": "UpdateItem", "Put": "PutItem"}
"""Parts of a transaction, and the operations they are."""
_EQUALS: Final = re.compile(r"([#\w]+)\s*=\s*(:\w+)")


def questions(call: ApiCall) -> list[Question]:
    """What IAM is asked."""
    if call.operation == "TransactWriteItems":
        # IAM knows no such action: each part is asked about as if it came alone (DynamoDB developer guide, "IAM policies
        # for transactions").
        parts = [(_PARTS[kind], part) for item in call.params["TransactItems"] for kind, part in item.items()]
        return [one for operation, part in parts for one in questions(replace(call, operation=operation, params=part))]
    name = call.text("TableName").rpartition("/")[2]
    table = dynamodb_backends[call.account][call.region].tables[name]
    arn = f"arn:{PARTITION}:dynamodb:{call.region}:{call.account}:table/{name}"
    if call.operation == "Query":
        index = call.params.get("IndexName")
        resource = f"{arn}/index/{index}" if index else arn
        key = _queried(call, _partition_key(table, index))
    elif parameter := _WITH_KEY.get(call.operation):
        resource, key = arn, call.params[parameter][table.hash_key_attr]
    else:
        raise UnknownOperation
    context: Context = {"dynamodb:LeadingKeys": [str(value) for value in key.values()]}
    if returned := call.params.get("ReturnValues"):
        context["dynamodb:ReturnValues"] = str(returned)
    return [Question(f"dynamodb:{call.operation}", resource, call.account, context)]


def _partition_key(table: Table, index: str | None) -> str:
    if index is None:
        return str(table.hash_key_attr)
    return next(key["AttributeName"] for key in table.get_index(index).schema if key["KeyType"] == "HASH")


def _queried(call: ApiCall, partition_key: str) -> dict[str, Any]:
    """The value that a Query wants the partition key to have."""
    names, values = call.params.get("ExpressionAttributeNames") or {}, call.params["ExpressionAttributeValues"]
    for name, value in _EQUALS.findall(call.text("KeyConditionExpression")):
        if names.get(name, name) == partition_key:
            found: dict[str, Any] = values[value]
            return found
    raise KeyError(f"no condition for the partition key {partition_key}")
