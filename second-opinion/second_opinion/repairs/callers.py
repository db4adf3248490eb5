"""Who calls, as policies see it."""

from __future__ import annotations

import inspect
from typing import Any, Final

from ministack.core import iam_evaluator
from ministack.services import iam, s3, stepfunctions

from .. import names
from . import Repair

_GLOBAL_KEYS: Final = "IAM User Guide, AWS global condition context keys"


def _arn(account: str, role: str, session: str) -> str:
    return f"arn:aws:sts::{account}:assumed-role/{role}/{session}"


def _asked(key: str, principal: str) -> Any:
    context = iam_evaluator.EvalContext(
        principal_arn=principal,
        principal_type="AssumedRole",
        principal_account=names.SECURITY,
        action="sqs:SendMessage",
        resource_arn="*",
        region=names.REGION,
    )
    return iam_evaluator._resolve_condition_key(key, context)


def _answers(keys: dict[str, Any]) -> None:
    """Puts functions of the context before what MiniStack says about these keys, in lower case."""
    before = iam_evaluator._resolve_condition_key

    def resolve(key: str, context: Any) -> Any:
        repaired = keys.get(key.lower())
        return before(key, context) if repaired is None else repaired(context)

    iam_evaluator._resolve_condition_key = resolve


def _role_of(session: str) -> str:
    """The role's ARN, path included, of a session's; any other ARN unchanged."""
    if ":assumed-role/" not in session:
        return session
    account, role = session.split(":")[4], session.split("/")[1]
    found = iam._roles.get_scoped(account, None, role)
    return str(found["Arn"]) if found else f"arn:aws:iam::{account}:role/{role}"


def _principal(context: Any) -> str:
    principal, caller = context.principal_arn, iam_evaluator._request_caller_arn.get()
    # The policy of another account's bucket is asked about the root user of the caller's account.
    if principal.endswith(":root") and caller and caller.split(":")[4] == principal.split(":")[4]:
        principal = caller
    return _role_of(principal)


def _run_as_its_role() -> None:
    before = stepfunctions._run_execution

    def run(arn: str) -> Any:
        execution = stepfunctions._executions.get(arn)
        role = stepfunctions._state_machines.get(execution["stateMachineArn"])["roleArn"]
        caller = _arn(role.split(":")[4], role.rsplit("/", 1)[1], execution["name"][:64])
        iam_evaluator._request_caller_arn.set(caller)
        return before(arn)

    stepfunctions._run_execution = run


REPAIRS: Final = (
    Repair(
        "aws:PrincipalArn of a session is the ARN of its role",
        f"{_GLOBAL_KEYS}, aws:PrincipalArn",
        lambda: ":role/" not in _asked("aws:PrincipalArn", _arn(names.SECURITY, "FirebreakNotify", "one")),
        lambda: _answers({"aws:principalarn": _principal}),
    ),
    Repair(
        "the policy of another account's bucket is asked about the caller, not about the root user",
        f"{_GLOBAL_KEYS}, aws:PrincipalArn",
        lambda: ":root" in inspect.getsource(s3._foreign_bucket_allows),
        lambda: None,  # by the repair above
    ),
    Repair(
        "all accounts are of one organization: aws:PrincipalOrgID, aws:ResourceOrgID",
        f"{_GLOBAL_KEYS}, aws:PrincipalOrgID and aws:ResourceOrgID",
        lambda: None in (_asked("aws:PrincipalOrgID", "*"), _asked("aws:ResourceOrgID", "*")),
        lambda: _answers({
            "aws:principalorgid": lambda _: names.ORGANIZATION, "aws:resourceorgid": lambda _: names.ORGANIZATION,
        }),
    ),
    Repair(
        "what a state machine calls is called by its role, not by who started it",
        "Step Functions Developer Guide, Creating an IAM role for your state machine",
        lambda: "_request_caller_arn" not in inspect.getsource(stepfunctions),
        _run_as_its_role,
    ),
    Repair(
        "aws:SecureTransport is true: the run speaks HTTP on loopback, and SDKs speak TLS to AWS",
        f"{_GLOBAL_KEYS}, aws:SecureTransport",
        lambda: _asked("aws:SecureTransport", "*") != "true",
        lambda: _answers({"aws:securetransport": lambda _: "true"}),
    ),
)  # fmt: skip
