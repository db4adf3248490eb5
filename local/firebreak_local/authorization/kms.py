"""Questions about a key: who reads what became of it, and who gives it back."""

from __future__ import annotations

from typing import Final

from .question import PARTITION, ApiCall, Question, UnknownOperation

_OF_KEY: Final = frozenset({"CancelKeyDeletion", "DescribeKey", "EnableKey", "GetKeyPolicy", "ListGrants"})


def questions(call: ApiCall) -> list[Question]:
    """What IAM is asked."""
    key = call.text("KeyId")
    if call.operation not in _OF_KEY or key.startswith("alias/"):
        raise UnknownOperation
    arn = key if key.startswith("arn:") else f"arn:{PARTITION}:kms:{call.region}:{call.account}:key/{key}"
    return [Question(f"kms:{call.operation}", arn, arn.split(":")[4])]
