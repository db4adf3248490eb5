"""What "Building a Zero-Touch Incident Response Framework for AWS Cloud-Native Environments" does with an IAM user.

The function QuarantineIAM of that article, written again: the same calls in the same order, each after the other's answer. Its client of
STS, which the article makes and does not use, assumes a role where a request names one: the same work for an account among many.
Not mended, because it is part of the sequence: a user without a console password ends
the handler at its second call, with active keys. The users of the benchmark have a password.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final

import boto3

import runtime

_DENY: Final = "arn:aws:iam::123456789012:policy/firebreak/FirebreakQuarantineDenyAll"
_IAM: Final = boto3.client("iam")
"""Made when the process starts, as in the article: a warm invocation finds it."""
_STS: Final = boto3.client("sts")


def _in_account_of(role: str | None) -> Any:
    """The client of another account, where the article's has none: whoever contains from one account assumes a role in the user's."""
    if role is None:
        return _IAM
    answer = _STS.assume_role(RoleArn=role, RoleSessionName="responder")["Credentials"]
    return boto3.client(
        "iam",
        aws_access_key_id=answer["AccessKeyId"],
        aws_secret_access_key=answer["SecretAccessKey"],
        aws_session_token=answer["SessionToken"],
    )


def contain(event: dict[str, Any]) -> dict[str, Any]:
    """Contains the user whose ARN is the id of the finding's first resource."""
    iam = _in_account_of(event.get("role"))
    user = event["finding"]["Resources"][0]["Id"].rsplit("/", 1)[-1]
    iam.attach_user_policy(UserName=user, PolicyArn=_DENY)
    iam.delete_login_profile(UserName=user)
    keys = iam.list_access_keys(UserName=user)["AccessKeyMetadata"]
    for key in keys:
        iam.update_access_key(UserName=user, AccessKeyId=key["AccessKeyId"], Status="Inactive")
    tags = {
        "SecurityStatus": "QUARANTINED",
        "QuarantineTime": datetime.now(UTC).isoformat(),
        "IRTicket": event.get("jira_ticket", "PENDING"),
    }
    iam.tag_user(UserName=user, Tags=[{"Key": key, "Value": value} for key, value in tags.items()])
    return {**event, "status": "contained", "user": user, "keys": len(keys)}


if __name__ == "__main__":
    runtime.serve(contain)
