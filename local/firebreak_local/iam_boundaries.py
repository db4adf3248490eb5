"""Permissions boundaries: those of users, which moto does not have, and that a boundary is a policy that exists.

Seen: PutUserPermissionsBoundary and DeleteUserPermissionsBoundary answer with an HTML page, CreateUser drops its
`PermissionsBoundary`, and PutRolePermissionsBoundary takes the ARN of a policy that nobody made. What roles have
otherwise is right. To take away a boundary that is not there succeeds here, for both; AWS does not say what it does.
"""

from __future__ import annotations

from moto.core.responses import ActionResult, EmptyResult
from moto.core.serialize import never_return
from moto.iam.exceptions import NotFoundException
from moto.iam.models import IAMBackend, Role, User
from moto.iam.responses import IamResponse


def install() -> None:
    """Gives users boundaries, and checks everybody's."""
    User.permissions_boundary_arn = None
    User.permissions_boundary = Role.permissions_boundary
    # Not in a list of users, as with their tags.
    IamResponse.RESPONSE_KEY_PATH_TO_TRANSFORMER["ListUsersResponse.Users.User.PermissionsBoundary"] = never_return
    IamResponse.put_user_permissions_boundary = _put_user_boundary
    IamResponse.delete_user_permissions_boundary = _delete_user_boundary
    _keep_boundary_of_new_users()
    _check_boundary_of_roles()


def _put_user_boundary(self: IamResponse) -> ActionResult:
    user, boundary = self.backend.get_user(self._get_param("UserName")), self._get_param("PermissionsBoundary")
    _check(self.backend, boundary)
    user.permissions_boundary_arn = boundary
    return EmptyResult()


def _delete_user_boundary(self: IamResponse) -> ActionResult:
    self.backend.get_user(self._get_param("UserName")).permissions_boundary_arn = None
    return EmptyResult()


def _keep_boundary_of_new_users() -> None:
    moto_create_user = IamResponse.create_user

    def create_user(self: IamResponse) -> ActionResult:
        boundary = self._get_param("PermissionsBoundary")
        if boundary:
            _check(self.backend, boundary)
        answer = moto_create_user(self)
        self.backend.get_user(self._get_param("UserName")).permissions_boundary_arn = boundary
        return answer

    IamResponse.create_user = create_user


def _check_boundary_of_roles() -> None:
    put = IAMBackend.put_role_permissions_boundary

    def put_role_boundary(self: IAMBackend, role_name: str, permissions_boundary: str) -> None:
        self.get_role(role_name)
        _check(self, permissions_boundary)
        put(self, role_name, permissions_boundary)

    IAMBackend.put_role_permissions_boundary = put_role_boundary


def _check(backend: IAMBackend, arn: str) -> None:
    if arn not in backend.managed_policies:
        raise NotFoundException(f"Policy {arn} does not exist or is not attachable.")
