"""Roles that only AWS changes: service-linked ones, and those of IAM Identity Center.

moto lets anyone attach, detach, put and delete policies and boundaries there, and rewrite the trust policy (seen with
AttachRolePolicy on a role of CreateServiceLinkedRole: attached). AWS: UnmodifiableEntity, in the words below.

A service-linked role can be tagged: the API reference of TagRole says so. A role of Identity Center cannot, says that
service's user guide; that the error is the same is a guess, because TagRole's reference lists none for it.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any, Final

from moto.iam.exceptions import IAMException
from moto.iam.models import IAMBackend

_IDENTITY_CENTER: Final = "/aws-reserved/"
_PROTECTED: Final = ("/aws-service-role/", _IDENTITY_CENTER)
_CHANGES: Final = (
    "attach_role_policy",
    "detach_role_policy",
    "put_role_policy",
    "delete_role_policy",
    "put_role_permissions_boundary",
    "delete_role_permissions_boundary",
    "update_assume_role_policy",
)


def install() -> None:
    """Refuses the changes, before anything else is checked."""
    for operation in _CHANGES:
        _protect(operation, _PROTECTED)
    for operation in ("tag_role", "untag_role"):
        _protect(operation, (_IDENTITY_CENTER,))


def _protect(operation: str, paths: tuple[str, ...]) -> None:
    change: Callable[..., Any] = getattr(IAMBackend, operation)
    signature = inspect.signature(change)

    @functools.wraps(change)
    def protected(*args: Any, **kwargs: Any) -> Any:
        given = signature.bind(*args, **kwargs).arguments
        role = given["self"].get_role(given["role_name"])
        if role.path.startswith(paths):
            raise IAMException(
                "UnmodifiableEntity",
                f"Cannot perform the operation on the protected role '{role.name}' - "
                "this role is only modifiable by AWS",
            )
        return change(*args, **kwargs)

    setattr(IAMBackend, operation, protected)
