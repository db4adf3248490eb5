"""Questions about calls to Auto Scaling and to load balancers: IAM knows the group or the balancer, and not which instance is meant."""

from __future__ import annotations

from typing import Final

from .question import PARTITION, ApiCall, Question, UnknownOperation

_LISTS: Final = frozenset(
    {
        "autoscaling:DescribeAutoScalingGroups",
        "autoscaling:DescribeAutoScalingInstances",
        "autoscaling:DescribeInstanceRefreshes",
        "elasticloadbalancing:DescribeLoadBalancers",
        "elasticloadbalancing:DescribeTargetGroups",
        "elasticloadbalancing:DescribeTargetHealth",
    }
)
"""IAM knows no resource of these."""
_OF_SCALING_GROUP: Final = frozenset({"EnterStandby", "ExitStandby", "SetInstanceProtection"})
_OF_TARGET_GROUP: Final = frozenset({"DeregisterTargets", "RegisterTargets"})
_OF_CLASSIC: Final = frozenset({"DeregisterInstancesFromLoadBalancer", "RegisterInstancesWithLoadBalancer"})
_NO_ID: Final = "00000000-0000-0000-0000-000000000000"
"""In the ARN of a scaling group, whose id no call names."""


def autoscaling_questions(call: ApiCall) -> list[Question]:
    """What IAM is asked about a scaling group."""
    if listed := _listed(call):
        return listed
    if call.operation not in _OF_SCALING_GROUP:
        raise UnknownOperation
    name = f"autoScalingGroup:{_NO_ID}:autoScalingGroupName/{call.text('AutoScalingGroupName')}"
    return [Question(f"autoscaling:{call.operation}", _arn(call, name), call.account)]


def balancer_questions(call: ApiCall) -> list[Question]:
    """What IAM is asked about a target group or a classic load balancer."""
    action = f"elasticloadbalancing:{call.operation}"
    if listed := _listed(call):
        return listed
    if call.operation in _OF_TARGET_GROUP:
        return [Question(action, call.text("TargetGroupArn"), call.account)]
    if call.operation in _OF_CLASSIC:
        return [Question(action, _arn(call, f"loadbalancer/{call.text('LoadBalancerName')}"), call.account)]
    raise UnknownOperation


def _listed(call: ApiCall) -> list[Question]:
    action = f"{call.service}:{call.operation}"
    return [Question(action, "*", call.account)] if action in _LISTS else []


def _arn(call: ApiCall, resource: str) -> str:
    return f"arn:{PARTITION}:{call.service}:{call.region}:{call.account}:{resource}"
