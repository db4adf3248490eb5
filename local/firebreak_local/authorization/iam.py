"""Questions about IAM's calls. Users and roles have their path, and the tags and boundary of this moment."""

from __future__ import annotations

from typing import Any, Final

from moto.iam.models import IAMBackend, Role, User, iam_backends

from .question import PARTITION, ApiCall, Context, Question, UnknownOperation, request_tags, resource_tags

_OF_USER: Final = frozenset(
    {
        "AttachUserPolicy",
        "DeleteUserPermissionsBoundary",
        "DetachUserPolicy",
        "GetLoginProfile",
        "GetUser",
        "GetUserPolicy",
        "ListAccessKeys",
        "ListAttachedUserPolicies",
        "ListGroupsForUser",
        "ListMFADevices",
        "ListSSHPublicKeys",
        "ListServiceSpecificCredentials",
        "ListSigningCertificates",
        "ListUserPolicies",
        "ListUserTags",
        "PutUserPermissionsBoundary",
        "TagUser",
        "UntagUser",
        "UpdateAccessKey",
        "UpdateSSHPublicKey",
        "UpdateServiceSpecificCredential",
        "UpdateSigningCertificate",
    }
)
_OF_ROLE: Final = frozenset(
    {
        "AttachRolePolicy",
        "DeleteRolePermissionsBoundary",
        "DeleteRolePolicy",
        "DetachRolePolicy",
        "GetRole",
        "GetRolePolicy",
        "ListAttachedRolePolicies",
        "ListInstanceProfilesForRole",
        "ListRolePolicies",
        "ListRoleTags",
        "PutRolePermissionsBoundary",
        "PutRolePolicy",
        "TagRole",
        "UntagRole",
    }
)
_OF_POLICY: Final = frozenset({"GetPolicy", "GetPolicyVersion", "ListEntitiesForPolicy"})
_KNOWS_BOUNDARY: Final = frozenset(
    {
        "AttachRolePolicy",
        "AttachUserPolicy",
        "DeleteRolePermissionsBoundary",
        "DeleteRolePolicy",
        "DeleteUserPermissionsBoundary",
        "DetachRolePolicy",
        "DetachUserPolicy",
        "PutRolePolicy",
    }
)
"""To these, `iam:PermissionsBoundary` is the boundary that the user or role has now."""


def questions(call: ApiCall) -> list[Question]:
    """What IAM is asked."""
    action, operation = f"iam:{call.operation}", call.operation
    backend = iam_backends[call.account][PARTITION]
    if operation in _OF_POLICY:
        return [Question(action, call.text("PolicyArn"), call.account)]
    if operation == "GenerateServiceLastAccessedDetails":
        return [Question(action, call.text("Arn"), call.account)]
    if operation in ("ListUsers", "GetServiceLastAccessedDetails"):
        return [Question(action, "*", call.account)]
    if operation == "GetGroup":
        name = call.text("GroupName")
        group = backend.groups.get(name)
        return [Question(action, str(group.arn) if group else _arn(call.account, f"group/{name}"), call.account)]
    if operation == "GetInstanceProfile":
        name = call.text("InstanceProfileName")
        profile = next((profile for profile in list(backend.instance_profiles.values()) if profile.name == name), None)
        arn = str(profile.arn) if profile else _arn(call.account, f"instance-profile/{name}")
        return [Question(action, arn, call.account)]
    if operation == "GetAccessKeyLastUsed":
        return [Question(action, _owner_of_key(backend, call), call.account)]
    principal: User | Role | None
    if operation in _OF_USER:
        kind, name = "user", call.text("UserName")
        principal = backend.users.get(name)
    elif operation in _OF_ROLE:
        kind, name = "role", call.text("RoleName")
        principal = next((role for role in list(backend.roles.values()) if role.name == name), None)
    else:
        raise UnknownOperation
    # What does not exist is asked for without a path.
    arn = principal.arn if principal else _arn(call.account, f"{kind}/{name}")
    return [Question(action, arn, call.account, _context(call, principal))]


def _context(call: ApiCall, principal: Any) -> Context:
    context = resource_tags({tag["Key"]: tag["Value"] for tag in (principal and principal.tags) or []}, "iam")
    if policy := call.params.get("PolicyArn"):
        context["iam:PolicyARN"] = str(policy)
    if asked := call.params.get("PermissionsBoundary"):
        context["iam:PermissionsBoundary"] = str(asked)
    elif call.operation in _KNOWS_BOUNDARY and principal and principal.permissions_boundary_arn:
        context["iam:PermissionsBoundary"] = principal.permissions_boundary_arn
    if call.operation in ("TagUser", "TagRole"):
        keys = [key for key in call.params if key.startswith("Tags.member.") and key.endswith(".Key")]
        tags = {str(call.params[key]): str(call.params[f"{key.removesuffix('Key')}Value"]) for key in keys}
        context |= request_tags(tags)
    if call.operation in ("UntagUser", "UntagRole"):
        context["aws:TagKeys"] = sorted(call.listed("TagKeys.member"))
    return context


def _owner_of_key(backend: IAMBackend, call: ApiCall) -> str:
    """The user whose access key it is; a key nobody knows is asked for as that of no user in particular."""
    key = call.text("AccessKeyId")
    for user in list(backend.users.values()):
        if any(owned.access_key_id == key for owned in user.access_keys):
            return str(user.arn)
    return _arn(call.account, "user/unknown")


def _arn(account: str, path: str) -> str:
    return f"arn:{PARTITION}:iam::{account}:{path}"
