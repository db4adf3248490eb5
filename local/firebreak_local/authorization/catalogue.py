"""Which module knows a service's calls."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from . import balancing, dynamodb, ec2, iam, kms, other_services, s3, sts
from .question import ApiCall, Question, UnknownOperation

_SERVICES: Final[dict[str, Callable[[ApiCall], list[Question]]]] = {
    "autoscaling": balancing.autoscaling_questions,
    "cloudtrail": other_services.questions,
    "dynamodb": dynamodb.questions,
    "ec2": ec2.questions,
    "elasticloadbalancing": balancing.balancer_questions,
    "guardduty": other_services.questions,
    "iam": iam.questions,
    "kms": kms.questions,
    "lambda": other_services.lambda_questions,
    "logs": other_services.logs_questions,
    "organizations": other_services.organizations_questions,
    "s3": s3.questions,
    "sns": other_services.questions,
    "ssm": other_services.questions,
    "states": other_services.questions,
    "sts": sts.questions,
}


def questions(call: ApiCall) -> list[Question]:
    """What IAM is asked about a call. Raises UnknownOperation for what nobody has written down."""
    service = _SERVICES.get(call.service)
    if service is None:
        raise UnknownOperation
    return service(call)
