"""Service-specific credentials of users: CreateServiceSpecificCredential, List…, Update….

moto has none of them: each answers with an HTML page. SSH public keys and signing certificates, the other credentials
with a status, it has.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from moto.core.responses import ActionResult, EmptyResult
from moto.core.utils import utcnow
from moto.iam.exceptions import IAMException, LimitExceededException, NotFoundException, ValidationError
from moto.iam.models import User
from moto.iam.responses import IamResponse
from moto.iam.utils import generate_access_key_id_from_account_id, random_alphanumeric

_BEDROCK: Final = "bedrock.amazonaws.com"
"""Its credentials are API keys: an alias and a secret instead of a user name and a password."""
_SERVICES: Final = ("codecommit.amazonaws.com", "cassandra.amazonaws.com", _BEDROCK)
_PER_SERVICE: Final = 2
_STATUSES: Final = ("Active", "Inactive")


@dataclass
class _Credential:
    id: str
    user_name: str
    service_name: str
    identity: str
    expires: datetime | None
    created: datetime = field(default_factory=utcnow)
    status: str = "Active"

    def metadata(self) -> dict[str, Any]:
        """What lists show."""
        name = "ServiceCredentialAlias" if self.service_name == _BEDROCK else "ServiceUserName"
        shown = {
            "UserName": self.user_name,
            "ServiceName": self.service_name,
            "ServiceSpecificCredentialId": self.id,
            "Status": self.status,
            "CreateDate": self.created,
            "ExpirationDate": self.expires,
            name: self.identity,
        }
        return {key: value for key, value in shown.items() if value is not None}


def install() -> None:
    """Adds the operations to moto's IAM."""
    IamResponse.create_service_specific_credential = _create
    IamResponse.list_service_specific_credentials = _list
    IamResponse.update_service_specific_credential = _update


def _create(self: IamResponse) -> ActionResult:
    user, service = self.backend.get_user(self._get_param("UserName")), self._get_param("ServiceName")
    if service not in _SERVICES:
        raise IAMException("NotSupportedService", f"No such service {service} supports service-specific credentials.")
    number = sum(credential.service_name == service for credential in _of(user)) + 1
    if number > _PER_SERVICE:
        raise LimitExceededException(f"Cannot exceed quota for ServiceSpecificCredentialsPerUser: {_PER_SERVICE}")
    days = self._get_int_param("CredentialAgeDays")
    credential = _Credential(
        id=generate_access_key_id_from_account_id(user.account_id, "ACCA", 21),
        user_name=user.name,
        service_name=service,
        identity=f"{user.name}+{number}-at-{user.account_id}",
        expires=utcnow() + timedelta(days=days) if days else None,
    )
    _of(user).append(credential)
    secret = "ServiceCredentialSecret" if service == _BEDROCK else "ServicePassword"
    return ActionResult({"ServiceSpecificCredential": {**credential.metadata(), secret: random_alphanumeric(44)}})


def _list(self: IamResponse) -> ActionResult:
    user, service = self.backend.get_user(self._get_param("UserName")), self._get_param("ServiceName")
    shown = [credential.metadata() for credential in _of(user) if service in (None, credential.service_name)]
    return ActionResult({"ServiceSpecificCredentials": shown, "IsTruncated": False})


def _update(self: IamResponse) -> ActionResult:
    user, wanted = self.backend.get_user(self._get_param("UserName")), self._get_param("ServiceSpecificCredentialId")
    status = self._get_param("Status")
    if status not in _STATUSES:
        raise ValidationError(f"Value '{status}' at 'status' failed to satisfy constraint: one of {_STATUSES}")
    for credential in _of(user):
        if credential.id == wanted:
            credential.status = status
            return EmptyResult()
    raise NotFoundException(f"The service specific credential with id {wanted} cannot be found.")


def _of(user: User) -> list[_Credential]:
    credentials: list[_Credential] = user.__dict__.setdefault("service_specific_credentials", [])
    return credentials
