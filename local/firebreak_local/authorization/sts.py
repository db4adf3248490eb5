"""Questions about AssumeRole: the role itself, and the source identity it is to carry."""

from __future__ import annotations

from typing import Final

from .. import names
from .question import ApiCall, Context, Question, UnknownOperation

_KEYS: Final = {
    "ExternalId": "sts:ExternalId",
    "RoleSessionName": "sts:RoleSessionName",
    "SourceIdentity": "sts:SourceIdentity",
}


def questions(call: ApiCall) -> list[Question]:
    """What IAM is asked."""
    if call.operation != "AssumeRole" or any(key.startswith(("Tags.", "TransitiveTagKeys.")) for key in call.params):
        raise UnknownOperation
    if call.params.get("ExternalId") not in (None, names.EXTERNAL_ID):
        raise ValueError("an external id that is not the local one")  # and is not written down
    role = call.text("RoleArn")
    account = role.split(":")[4]
    context: Context = {key: str(call.params[name]) for name, key in _KEYS.items() if name in call.params}
    asked = [Question("sts:AssumeRole", role, account, context)]
    if "SourceIdentity" in call.params:
        # The only key of the three that AWS lists for this action.
        identity: Context = {"sts:SourceIdentity": context["sts:SourceIdentity"]}
        asked.append(Question("sts:SetSourceIdentity", role, account, identity))
    return asked
