"""Accounts, Regions and names of the run."""

from __future__ import annotations

from typing import Final

from firebreak_infra import layout, samples

REPOSITORY: Final = layout.REPOSITORY
SECURITY: Final = samples.SECURITY_ACCOUNT
MEMBER: Final = samples.MEMBER_ACCOUNT
FORENSICS: Final = "222233334444"
"""An account of its own, as in production: what is written there passes the policy of another account's bucket."""
ORGANIZATION: Final = samples.ORGANIZATION
REGION: Final = samples.REGION
OTHER_REGION: Final = "us-east-1"
"""A Region that only a forwarder covers."""
ENVIRONMENT: Final = "test"
EVIDENCE_BUCKET: Final = f"firebreak-evidence-{FORENSICS}"
STATE_MACHINE: Final = f"arn:aws:states:{REGION}:{SECURITY}:stateMachine:firebreak-incident-response"
SECRET: Final = "second-opinion"
"""The secret key that belongs to an account's number as an access key: MiniStack takes such a pair for the root user."""
