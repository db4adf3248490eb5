"""What AWS refuses of an AssumeRole request and moto does not look at.

Seen: any session name, source identity and session policy is taken, and a role that does not exist is assumed. Limits: STS
API reference, "AssumeRole". Only Firebreak's own roles have to exist: tests get into an account by any other name.
"""

from __future__ import annotations

import json
import re
from typing import Final

from moto.core.responses import ActionResult
from moto.iam.models import iam_backends
from moto.sts.exceptions import STSClientError, STSValidationError
from moto.sts.responses import TokenResponse

from . import names

_NAME: Final = re.compile(r"[\w+=,.@-]{2,64}", re.ASCII)
_LONGEST_POLICY: Final = 2048


def install() -> None:
    """Checks every AssumeRole."""
    assume_role = TokenResponse.assume_role

    def checked(self: TokenResponse) -> ActionResult:
        for field in ("RoleSessionName", "SourceIdentity"):
            value = self._get_param(field)
            if value is not None and not _NAME.fullmatch(value):
                raise STSValidationError(f"1 validation error detected: Value at '{field}' failed to satisfy constraint")
        policy = self._get_param("Policy")
        if policy is not None:
            _check_policy(policy)
        _check_role(self._get_param("RoleArn") or "")
        return assume_role(self)

    TokenResponse.assume_role = checked


class _AccessDenied(STSClientError):
    def __init__(self, role: str) -> None:
        super().__init__("AccessDenied", f"User is not authorized to perform: sts:AssumeRole on resource: {role}")


def _check_role(arn: str) -> None:
    """As AWS: whoever asks for a role that is not there learns no more than that it is not for them."""
    front, _, name = arn.partition(f":role{names.MEMBER_PATH}")
    if not name:
        return
    account, partition = front.rpartition(":")[2], front.split(":")[1]
    if all(role.arn != arn for role in iam_backends[account][partition].roles.values()):
        raise _AccessDenied(arn)


def _check_policy(policy: str) -> None:
    if len(policy) > _LONGEST_POLICY:
        raise STSValidationError("1 validation error detected: Value at 'policy' is longer than 2048 characters")
    try:
        statements = json.loads(policy)["Statement"]
    except (ValueError, KeyError, TypeError) as error:
        raise STSValidationError("The session policy is not a policy document") from error
    if not all(statement.get("Effect") in ("Allow", "Deny") for statement in statements):
        raise STSValidationError("The session policy has a statement without an effect")
