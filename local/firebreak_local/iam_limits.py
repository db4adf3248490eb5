"""IAM's quotas for one user or role, none of which moto has: attached policies, inline policies, tags.

Seen: twelve managed policies on a user, 20,000 characters of inline policy on a role, sixty tags on either; fifty-one
tags in one TagUser (TagRole refuses those). Attaching a policy again counted its attachment again. `A` and `a` were two
tags; on AWS the keys of a principal's tags differ by more than case, and the later tag replaces the earlier one.

The words about tags are a guess; all others were read in error reports of AWS's clients.
"""

from __future__ import annotations

import re
from typing import Any, Final

from moto.iam.exceptions import LimitExceededException
from moto.iam.models import IAMBackend, Role, User

_ATTACHED: Final = 10
"""The default; AWS raises it to 20 on request."""
_TAGS: Final = 50
_USER_INLINE: Final = 2048
_ROLE_INLINE: Final = 10240


def install() -> None:
    """Applies all quotas."""
    _limit_attached_policies()
    _limit_inline_policies()
    _limit_user_tags()
    _limit_role_tags()


def _limit_attached_policies() -> None:
    to_user, to_role = IAMBackend.attach_user_policy, IAMBackend.attach_role_policy

    def attach_user_policy(self: IAMBackend, policy_arn: str, user_name: str) -> None:
        if _is_new(self, policy_arn, self.get_user(user_name), "PoliciesPerUser"):
            to_user(self, policy_arn, user_name)

    def attach_role_policy(self: IAMBackend, policy_arn: str, role_name: str) -> None:
        if _is_new(self, policy_arn, self.get_role(role_name), "PoliciesPerRole"):
            to_role(self, policy_arn, role_name)

    IAMBackend.attach_user_policy = attach_user_policy
    IAMBackend.attach_role_policy = attach_role_policy


def _is_new(backend: IAMBackend, arn: str, principal: User | Role, quota: str) -> bool:
    """Whether there is anything to attach. What does not exist is moto's to refuse."""
    attached = principal.managed_policies
    if arn in attached:
        return False
    if arn in backend.managed_policies and len(attached) >= _ATTACHED:
        raise LimitExceededException(f"Cannot exceed quota for {quota}: {_ATTACHED}")
    return True


def _limit_inline_policies() -> None:
    for_user, for_role = IAMBackend.put_user_policy, IAMBackend.put_role_policy

    def put_user_policy(self: IAMBackend, user_name: str, policy_name: str, policy_json: str) -> None:
        _check_inline(self.get_user(user_name), policy_name, policy_json, _USER_INLINE)
        for_user(self, user_name, policy_name, policy_json)

    def put_role_policy(self: IAMBackend, role_name: str, policy_name: str, policy_json: str) -> None:
        _check_inline(self.get_role(role_name), policy_name, policy_json, _ROLE_INLINE)
        for_role(self, role_name, policy_name, policy_json)

    IAMBackend.put_user_policy = put_user_policy
    IAMBackend.put_role_policy = put_role_policy


def _check_inline(principal: User | Role, policy: str, document: str, limit: int) -> None:
    """All inline policies count together, and without their white space."""
    together = "".join({**principal.policies, policy: document}.values())
    if len(re.sub(r"\s", "", together)) > limit:
        kind = type(principal).__name__.lower()
        raise LimitExceededException(f"Maximum policy size of {limit} bytes exceeded for {kind} {principal.name}")


def _limit_user_tags() -> None:
    tag = IAMBackend.tag_user

    def tag_user(self: IAMBackend, name: str, tags: list[dict[str, str]]) -> None:
        user = self.get_user(name)
        self._tag_verification(tags)
        replaced = _replaced(user.tags or [], tags, "TagsPerUser")
        self.tagger.untag_resource_using_names(user.arn, replaced)
        tag(self, name, tags)

    IAMBackend.tag_user = tag_user


def _limit_role_tags() -> None:
    tag = IAMBackend.tag_role

    def tag_role(self: IAMBackend, role_name: str, tags: list[dict[str, str]]) -> None:
        role = self.get_role(role_name)
        self._tag_verification(tags)
        replaced = _replaced(role.tags, tags, "TagsPerRole")
        role.tags = [old for old in role.tags if old["Key"] not in replaced]
        tag(self, role_name, tags)

    IAMBackend.tag_role = tag_role


def _replaced(now: list[dict[str, Any]], new: list[dict[str, str]], quota: str) -> list[str]:
    """The keys that new tags replace."""
    keys = {tag["Key"].lower() for tag in new}
    replaced = [tag["Key"] for tag in now if tag["Key"].lower() in keys]
    if len(now) - len(replaced) + len(new) > _TAGS:
        raise LimitExceededException(f"Cannot exceed quota for {quota}: {_TAGS}")
    return replaced
