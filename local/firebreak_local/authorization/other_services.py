"""Questions about services of which Firebreak makes a call or two."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from moto.organizations.models import OrganizationsBackend, organizations_backends

from .question import PARTITION, ApiCall, Question, UnknownOperation

_RESOURCE: Final[dict[str, Callable[[ApiCall], str]]] = {
    "cloudtrail:LookupEvents": lambda _: "*",
    "guardduty:GetFindings": lambda _: "*",
    "guardduty:ListDetectors": lambda _: "*",
    "sns:Publish": lambda call: call.text("TopicArn"),
    "ssm:DescribeSessions": lambda _: "*",
    "ssm:TerminateSession": lambda call: (
        f"arn:{PARTITION}:ssm:{call.region}:{call.account}:session/{call.text('SessionId')}"
    ),
    "states:DescribeExecution": lambda call: call.text("executionArn"),
    "states:SendTaskSuccess": lambda _: "*",
    "states:StartExecution": lambda call: call.text("stateMachineArn"),
}
"""The resource of each action."""
_OF_POLICY: Final = frozenset({"DescribePolicy", "ListTargetsForPolicy", "UpdatePolicy"})


def questions(call: ApiCall) -> list[Question]:
    """What IAM is asked."""
    action = f"{call.service}:{call.operation}"
    resource = _RESOURCE.get(action)
    if resource is None:
        raise UnknownOperation
    return [Question(action, resource(call), call.account)]


def lambda_questions(call: ApiCall) -> list[Question]:
    """What IAM is asked when a function invokes another one, or an alias of one, which has an ARN of its own."""
    if call.operation != "Invoke":
        raise UnknownOperation
    function = f"arn:{PARTITION}:lambda:{call.region}:{call.account}:function:{call.text('FunctionName')}"
    alias = f":{call.text('Qualifier')}" if "Qualifier" in call.params else ""
    return [Question("lambda:InvokeFunction", function + alias, call.account)]


def logs_questions(call: ApiCall) -> list[Question]:
    """What IAM is asked when a function reads a log group."""
    if call.operation != "FilterLogEvents":
        raise UnknownOperation
    group = f"arn:{PARTITION}:logs:{call.region}:{call.account}:log-group:{call.text('logGroupName')}"
    return [Question(f"logs:{call.operation}", group, call.account)]


def organizations_questions(call: ApiCall) -> list[Question]:
    """What IAM is asked about a policy of the organization."""
    if call.operation not in _OF_POLICY:
        raise UnknownOperation
    policies: OrganizationsBackend = organizations_backends[call.account][PARTITION]
    policy = next(policy for policy in policies.policies if policy.id == call.text("PolicyId"))
    kind = {"organizations:PolicyType": policy.type}
    return [Question(f"organizations:{call.operation}", policy.arn, call.account, dict(kind))]
