"""What AWS refuses of an AssumeRole request and moto does not look at.

Seen: any session name, source identity and session policy is taken. Limits: STS API reference, "AssumeRole".
"""

from __future__ import annotations

import json
import re
from typing import Final

from moto.core.responses import ActionResult
from moto.sts.exceptions import STSValidationError
from moto.sts.responses import TokenResponse

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
        return assume_role(self)

    TokenResponse.assume_role = checked


def _check_policy(policy: str) -> None:
    if len(policy) > _LONGEST_POLICY:
        raise STSValidationError("1 validation error detected: Value at 'policy' is longer than 2048 characters")
    try:
        statements = json.loads(policy)["Statement"]
    except (ValueError, KeyError, TypeError) as error:
        raise STSValidationError("The session policy is not a policy document") from error
    if not all(statement.get("Effect") in ("Allow", "Deny") for statement in statements):
        raise STSValidationError("The session policy has a statement without an effect")
