"""Sample values that templates are resolved with: the accounts of the local AWS and of the tests."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from . import environments
from .identities import drawn_id, drawn_uuid

PARTITION: Final = "aws"
REGION: Final = "eu-central-1"
ANOTHER_REGION: Final = "us-east-1"
SECURITY_ACCOUNT: Final = "123456789012"
FORENSICS_ACCOUNT: Final = SECURITY_ACCOUNT
MANAGEMENT_ACCOUNT: Final = SECURITY_ACCOUNT
MEMBER_ACCOUNT: Final = "111122223333"
ORGANIZATION: Final = "o-exampleorgid"
EXTERNAL_ID: Final = "firebreak-local"

_ACCOUNTS: Final = {
    "security-account": SECURITY_ACCOUNT,
    "member-account": MEMBER_ACCOUNT,
    "forwarder": MEMBER_ACCOUNT,
    "forensics-account": FORENSICS_ACCOUNT,
    "management-account": MANAGEMENT_ACCOUNT,
}
PARAMETERS: Final[Mapping[str, str]] = {
    "SecurityAccountId": SECURITY_ACCOUNT,
    "ForensicsAccountId": FORENSICS_ACCOUNT,
    "ManagementAccountId": MANAGEMENT_ACCOUNT,
    "OrganizationId": ORGANIZATION,
    "ExternalId": EXTERNAL_ID,
    "HomeRegion": REGION,
    "SecurityBusArn": f"arn:{PARTITION}:events:{REGION}:{SECURITY_ACCOUNT}:event-bus/firebreak",
    "AlarmTopicName": "security-alarms",
    # What the stacks of the forensics and of the management account give out.
    "EvidenceKeyArn": f"arn:{PARTITION}:kms:{REGION}:{FORENSICS_ACCOUNT}:key/{drawn_uuid('EvidenceKey')}",
    "QuarantineScpId": drawn_id("p-", "QuarantineScp", 10),
    # The checks look at the people's roles, whoever deploys them.
    "PeopleSignIn": "iam-users",
    "Approvers": "Responders",
}
"""By the name of a parameter, in whichever template it is. They go over what an environment says."""


def parameters(environment: str, template: str, declared: Mapping[str, Any]) -> dict[str, Any]:
    """Values for a template's parameters; what is left out has a default or is an error to whoever resolves."""
    samples = {name: value for name, value in PARAMETERS.items() if name in declared}
    return environments.parameters(environment, template, set(declared)) | samples


def pseudo(template: str, account: str | None = None) -> dict[str, str]:
    """The pseudo parameters of a template's stack."""
    account = account or _ACCOUNTS[template]
    stack = f"firebreak-{template}"
    return {
        "AWS::AccountId": account,
        "AWS::Partition": PARTITION,
        "AWS::Region": REGION,
        "AWS::StackId": f"arn:{PARTITION}:cloudformation:{REGION}:{account}:stack/{stack}/{drawn_uuid(stack)}",
        "AWS::StackName": stack,
        "AWS::URLSuffix": "amazonaws.com",
    }
