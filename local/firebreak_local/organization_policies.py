"""Organizations' policies: who may see and change them, and what it refuses as one.

Seen with moto: UpdatePolicy took `{` for a policy, and rewrote AWS's own FullAWSAccess; nothing is too long; a member
account got PolicyNotFoundException, or an empty list. Every account but the management account counts as a member here.

The size is AWS's since May 2026; it was half of that before.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Callable
from typing import Any, Final

from moto.organizations.exceptions import OrganizationsClientError
from moto.organizations.models import OrganizationsBackend

_LIMIT: Final = 10_240
"""Characters of a service control policy, as sent."""


class _TooLarge(OrganizationsClientError):
    reason = "POLICY_CONTENT_LIMIT_EXCEEDED"

    def __init__(self) -> None:
        super().__init__("ConstraintViolationException", "You have exceeded the maximum policy size.")


def install() -> None:
    """Patches moto's Organizations."""
    _check_new_content()
    for operation in ("create_policy", "describe_policy", "update_policy", "list_policies"):
        _keep_members_out(operation)


def _keep_members_out(operation: str) -> None:
    moto_operation: Callable[..., Any] = getattr(OrganizationsBackend, operation)

    @functools.wraps(moto_operation)
    def checked(self: OrganizationsBackend, *args: Any, **kwargs: Any) -> Any:
        if self.org is None:
            raise OrganizationsClientError(
                "AccessDeniedException", "You don't have permissions to access this resource."
            )
        return moto_operation(self, *args, **kwargs)

    setattr(OrganizationsBackend, operation, checked)


def _check_new_content() -> None:
    create, update = OrganizationsBackend.create_policy, OrganizationsBackend.update_policy

    def create_policy(self: OrganizationsBackend, **kwargs: Any) -> dict[str, Any]:
        if kwargs.get("Type") == "SERVICE_CONTROL_POLICY":
            _check(kwargs["Content"])
        answer: dict[str, Any] = create(self, **kwargs)
        return answer

    def update_policy(self: OrganizationsBackend, **kwargs: Any) -> dict[str, Any]:
        policy = self.get_policy_by_id(kwargs["PolicyId"])
        if policy.aws_managed:
            raise OrganizationsClientError("InvalidInputException", "You can't modify an AWS managed policy.")
        if "Content" in kwargs and policy.type == "SERVICE_CONTROL_POLICY":
            _check(kwargs["Content"])
        answer: dict[str, Any] = update(self, **kwargs)
        return answer

    OrganizationsBackend.create_policy = create_policy
    OrganizationsBackend.update_policy = update_policy


def _check(content: str) -> None:
    if len(content) > _LIMIT:
        raise _TooLarge
    try:
        document = json.loads(content)
    except ValueError:
        document = None
    statements = document.get("Statement") if isinstance(document, dict) else None
    if isinstance(statements, dict):
        statements = [statements]
    if not statements or not all(
        isinstance(statement, dict) and statement.get("Effect") in ("Allow", "Deny") for statement in statements
    ):
        raise OrganizationsClientError(
            "MalformedPolicyDocumentException", "The provided policy document does not meet the requirements."
        )
