"""Every name the local AWS and Firebreak agree on, so that no other module spells one out."""

from __future__ import annotations

import base64
import hashlib
import tomllib
from pathlib import Path
from typing import Final

REPOSITORY: Final = Path(__file__).resolve().parents[2]

REGION: Final = "eu-central-1"
REGIONS: Final = (REGION, "eu-west-1", "us-east-1", "us-west-2")
"""Those that the organization uses, the home Region first: the others are not enabled."""
SECURITY_ACCOUNT: Final = "123456789012"
"""Also the account moto gives to every access key it does not know, the Step Functions interpreter's included."""
MEMBER_ACCOUNTS: Final = (SECURITY_ACCOUNT, "111122223333")

_DECLARED: Final = {
    file.parent.name: tomllib.loads(file.read_text("utf-8"))
    for file in sorted((REPOSITORY / "functions").glob("*/function.toml"))
}
"""What each function says about itself, by the name of its folder, which is the name of its binary."""
FUNCTION_TIMEOUTS: Final[dict[str, int]] = {name: it["timeout_seconds"] for name, it in _DECLARED.items()}
"""Functions by the name of their binary, with their time limit in seconds."""

CALLED_BY_PEOPLE: Final = tuple(name for name, it in _DECLARED.items() if it["trigger"] == "command")
"""Functions that have a URL, by the name of their binary."""

FUNCTION_PREFIX: Final = "firebreak-"
DOCTOR_ALIAS: Final = "doctor"
"""Under this name a function answers questions, and takes no task."""
PREPARE_ALIAS: Final = ("isolate-ec2", "prepare")
"""The function that prepares accounts, and the name under which it takes no task."""
IMPACT_ALIASES: Final = (("isolate-ec2", "impact"), ("lockdown-s3", "impact"))
"""The functions that say what a containment would hit, and the name under which they contain nothing."""
RECOVERY_ALIAS: Final = ("lockdown-s3", "recovery")
"""The function that says what buckets lost, and the name under which it takes no task."""
FUNCTION_ARN_PREFIX: Final = f"arn:aws:lambda:{REGION}:{SECURITY_ACCOUNT}:function:{FUNCTION_PREFIX}"
STATE_MACHINE: Final = "firebreak-incident-response"
STATE_MACHINE_ARN: Final = f"arn:aws:states:{REGION}:{SECURITY_ACCOUNT}:stateMachine:{STATE_MACHINE}"
STATE_MACHINES: Final = {
    "evidence": "firebreak-evidence",
    "restore": "firebreak-restore",
    "watch": "firebreak-watch",
    "incident-response": STATE_MACHINE,
}
"""By the stem of the definition. The one that starts the others comes last."""


def state_machine_arn(name: str) -> str:
    """An ARN can be known before there is a state machine."""
    return STATE_MACHINE_ARN.removesuffix(STATE_MACHINE) + name


LEDGER_TABLE: Final = "firebreak-ledger"
REVIEW_QUEUE: Final = "firebreak-review-gate"
REVIEW_DEAD_LETTERS: Final = "firebreak-review-gate-dlq"
SECURITY_BUS: Final = "firebreak"
EXECUTION_ENDED_RULE: Final = "firebreak-execution-ended"
ONLY_ON_THE_DEFAULT_BUS: Final = "isolation-request"
EVENTS_DEAD_LETTERS: Final = "firebreak-events-dlq"
DEAD_LETTER_QUEUES: Final = (EVENTS_DEAD_LETTERS, "firebreak-ingest-dlq", REVIEW_DEAD_LETTERS)
NOTICES_TOPIC: Final = "firebreak-notices"
TICKETS_TOPIC: Final = "firebreak-tickets"
FAILURES_TOPIC: Final = "firebreak-failures"
MANAGEMENT_ACCOUNT: Final = SECURITY_ACCOUNT
QUARANTINE_SCP: Final = "FirebreakQuarantine"
GUARD_SCP: Final = "FirebreakGuard"
GUARD_RCP: Final = "FirebreakResourceGuard"
GUARDS: Final = {
    GUARD_SCP: ("SERVICE_CONTROL_POLICY", "scp-guard.json"),
    GUARD_RCP: ("RESOURCE_CONTROL_POLICY", "rcp-guard.json"),
}
"""The policies that keep a quarantine from being undone: type, and file in `policies`."""
ALARMS: Final = (
    "firebreak-executions-failed",
    "firebreak-executions-timed-out",
    "firebreak-executions-aborted",
    "firebreak-watch-failed",
    "firebreak-executions-throttled",
    "firebreak-ledger-throttled",
    "firebreak-events-refused",
    "firebreak-events-dlq",
    "firebreak-events-lost",
    "firebreak-ingest-dlq",
    "firebreak-ingest-dropped",
    "firebreak-review-gate-dlq",
    "firebreak-review-gate-age",
    "firebreak-unanswered-gate",
    "firebreak-time-to-contain",
    "firebreak-containment-failed",
    "firebreak-functions-failed",
    "firebreak-commands-failed",
)
EVIDENCE_BUCKET: Final = f"firebreak-evidence-{SECURITY_ACCOUNT}"
EXTERNAL_ID: Final = "firebreak-local"

MEMBER_PATH: Final = "/firebreak/"
MEMBER_POLICIES: Final = {
    "FirebreakQuarantineDenyAll": "quarantine-deny-all.json",
    "FirebreakQuarantineDenyTaggedSession": "quarantine-deny-tagged-session.json",
    "FirebreakQuarantineDenyTaggedSessionBoundary": "quarantine-deny-tagged-session-boundary.json",
}
"""Managed policies by name, with their file in `policies`."""
MEMBER_ROLES: Final = tuple(role["name"] for it in _DECLARED.values() for role in it.get("member_roles", []))


def function_name(binary: str) -> str:
    """`triage` -> `firebreak-triage`."""
    return FUNCTION_PREFIX + binary


def function_access_key(function: str) -> str:
    """The access key a function's processes sign with: one per function, so a recorded call tells who made it.

    It has the shape of a real key ("AKIA" and 16 base32 characters) because SDKs and log scrubbers look at the shape.
    """
    digest = hashlib.sha256(function.encode()).digest()
    return "AKIA" + base64.b32encode(digest).decode()[:16]
