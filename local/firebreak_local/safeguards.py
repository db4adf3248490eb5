"""What watches over Firebreak itself, so that `firebreak doctor` finds here what it looks for.

Stand-ins for what the templates deploy: no metric is ever written here, so no alarm ever rings, and no guard is
enforced. What is kept is what can be read back. GuardDuty is off in a Region until a finding of it comes (`guardduty_findings`): until
then whatever is replayed looks forged, and only accounts with `test = true` contain it at once.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from . import names

Client = Callable[[str], Any]

_EVIDENCE_DAYS: Final = 1
"""Object Lock in COMPLIANCE mode; in this process nothing outlives the process."""


def put_up(client: Client, policies: Path, quarantine_scp: str) -> None:
    """Everything but the dead-letter queues, which others refer to."""
    _lock_evidence(client("s3"))
    _keep_the_ledger(client("dynamodb"))
    _set_alarms(client("cloudwatch"))
    for name, (kind, file) in names.GUARDS.items():
        _attach_guard(client("organizations"), name, kind, policies / file, quarantine_scp)
    client("securityhub").enable_security_hub()


def dead_letters(sqs: Any) -> None:
    """The queues of what could not be delivered."""
    for queue in names.DEAD_LETTER_QUEUES:
        sqs.create_queue(QueueName=queue)


def topic_key(kms: Any) -> str:
    """The key the topics are encrypted with."""
    key: str = kms.create_key(Description="firebreak")["KeyMetadata"]["Arn"]
    return key


def _lock_evidence(s3: Any) -> None:
    retention = {"Mode": "COMPLIANCE", "Days": _EVIDENCE_DAYS}
    s3.put_object_lock_configuration(
        Bucket=names.EVIDENCE_BUCKET,
        ObjectLockConfiguration={"ObjectLockEnabled": "Enabled", "Rule": {"DefaultRetention": retention}},
    )


def _keep_the_ledger(dynamodb: Any) -> None:
    table = names.LEDGER_TABLE
    dynamodb.update_table(TableName=table, DeletionProtectionEnabled=True)
    dynamodb.update_continuous_backups(
        TableName=table, PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True}
    )
    dynamodb.update_time_to_live(
        TableName=table, TimeToLiveSpecification={"Enabled": True, "AttributeName": "expires_at"}
    )


def _set_alarms(cloudwatch: Any) -> None:
    topic = f"arn:aws:sns:{names.REGION}:{names.SECURITY_ACCOUNT}:{names.FAILURES_TOPIC}"
    for alarm in names.ALARMS:
        cloudwatch.put_metric_alarm(
            AlarmName=alarm,
            AlarmActions=[topic],
            ActionsEnabled=True,
            Namespace="Firebreak",
            MetricName=alarm,
            Statistic="Sum",
            Period=60,
            EvaluationPeriods=1,
            Threshold=1,
            ComparisonOperator="GreaterThanOrEqualToThreshold",
            TreatMissingData="notBreaching",
        )


def _attach_guard(organizations: Any, name: str, kind: str, guard: Path, quarantine_scp: str) -> None:
    text = guard.read_text()
    values = {
        "Partition": "aws",
        "SecurityAccount": names.SECURITY_ACCOUNT,
        "ManagementAccount": names.MANAGEMENT_ACCOUNT,
        "OrganizationId": organizations.describe_organization()["Organization"]["Id"],
        "DeployRole": "stacksets-exec-*",
        "QuarantineScpId": quarantine_scp,
    }
    for placeholder, value in values.items():
        text = text.replace(f"${{{placeholder}}}", value)
    policy = organizations.create_policy(
        Name=name,
        Description="Keeps a quarantine from being undone.",
        Type=kind,
        Content=json.dumps(json.loads(text), separators=(",", ":")),
    )["Policy"]["PolicySummary"]["Id"]
    organizations.attach_policy(PolicyId=policy, TargetId=organizations.list_roots()["Roots"][0]["Id"])
