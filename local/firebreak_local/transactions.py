"""Transactions of DynamoDB, which moto rolls back with everything that others wrote meanwhile.

Seen: TransactWriteItems copies whole tables first. When a condition is not met it puts the copies back, and a PutItem that
another thread made in between is gone. Here every condition is asked first, and nothing is written unless all are met. No other
write comes in between.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable
from typing import Any, Final

from moto.dynamodb.comparisons import get_filter_expression
from moto.dynamodb.exceptions import MultipleTransactionsException, TransactionCanceledException
from moto.dynamodb.models import DynamoDBBackend

# A transaction writes by the same methods as everybody else: the lock is entered twice.
_LOCK: Final = threading.RLock()
_WRITES: Final = ("put_item", "update_item", "delete_item")

_Reason = tuple[str, str, dict[str, Any] | None] | tuple[None, None, None]


def install() -> None:
    """Takes moto's place for transactions of updates; there are no others."""
    moto_transact = DynamoDBBackend.transact_write_items
    for name in _WRITES:
        setattr(DynamoDBBackend, name, _alone(getattr(DynamoDBBackend, name)))

    def transact_write_items(self: DynamoDBBackend, transact_items: list[dict[str, Any]]) -> None:
        if any(list(item) != ["Update"] for item in transact_items):
            with _LOCK:
                moto_transact(self, transact_items)
            return
        updates = [item["Update"] for item in transact_items]
        keys = [(update["TableName"], str(sorted(update["Key"].items()))) for update in updates]
        if len(set(keys)) < len(keys):
            raise MultipleTransactionsException
        with _LOCK:
            reasons = [_unmet(self, update) for update in updates]
            if any(code for code, _, _ in reasons):
                raise TransactionCanceledException(reasons)
            for update in updates:
                self.update_item(
                    update["TableName"],
                    update["Key"],
                    update_expression=update["UpdateExpression"],
                    expression_attribute_names=update.get("ExpressionAttributeNames"),
                    expression_attribute_values=update.get("ExpressionAttributeValues"),
                    condition_expression=update.get("ConditionExpression"),
                )

    DynamoDBBackend.transact_write_items = transact_write_items


def _alone(write: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(write)
    def locked(*arguments: Any, **options: Any) -> Any:
        with _LOCK:
            return write(*arguments, **options)

    return locked


def _unmet(backend: DynamoDBBackend, update: dict[str, Any]) -> _Reason:
    current = backend.get_item(update["TableName"], update["Key"])
    condition = get_filter_expression(
        update.get("ConditionExpression"),
        update.get("ExpressionAttributeNames"),
        update.get("ExpressionAttributeValues"),
    )
    if condition.expr(current):
        return (None, None, None)
    shown = current is not None and update.get("ReturnValuesOnConditionCheckFailure") == "ALL_OLD"
    item = current.to_json()["Attributes"] if shown else None
    return ("ConditionalCheckFailed", "The conditional request failed", item)
