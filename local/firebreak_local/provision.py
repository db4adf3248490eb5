"""Deploys Firebreak into the fresh local AWS, over HTTP like anyone else would.

It reads the same state machines, event patterns and policy that the real deployment uses, but not the templates: moto
accepts CloudFormation and then drops most of what matters. A state machine comes after everything it calls, and the
rules last, so that no event can meet a half-built Firebreak. The function that starts the state machine comes before
it: an ARN can be known in advance.
"""

from __future__ import annotations

import io
import itertools
import json
import re
import tomllib
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from . import names, safeguards
from .own_rules import own_rules


class ProvisioningError(Exception):
    """Something of the repository is missing or wrong, in one line for its user."""


@dataclass(frozen=True)
class Sources:
    """The files of the repository that are deployed."""

    policy: Path
    state_machines: Path = names.REPOSITORY / "state-machine"
    event_rules: Path = names.REPOSITORY / "infra" / "event-rules"
    execution_ended: Path = names.REPOSITORY / "infra" / "security-account" / "execution-ended.json"
    policies: Path = names.REPOSITORY / "policies"

    @property
    def quarantine_scp(self) -> Path:
        """The service control policy, with `${Partition}` in it."""
        return self.policies / "scp-quarantine.template.json"

    @property
    def guards(self) -> list[Path]:
        """The policies that keep a quarantine from being undone."""
        return [self.policies / file for _, file in names.GUARDS.values()]

    def member_policy(self, name: str) -> Path:
        """The document of a member account's managed policy."""
        return self.policies / names.MEMBER_POLICIES[name]

    def definition(self, stem: str) -> Path:
        """The definition of a state machine."""
        return self.state_machines / f"{stem}.asl.json"

    def check(self) -> None:
        """Raises ProvisioningError for the first one that is missing."""
        member_policies = map(self.member_policy, names.MEMBER_POLICIES)
        machines = map(self.definition, names.STATE_MACHINES)
        for path in (self.policy, *machines, self.execution_ended, self.quarantine_scp, *self.guards, *member_policies):
            if not path.is_file():
                raise ProvisioningError(f"{path}: no such file")
        if not any(self.event_rules.glob("*.json")):
            raise ProvisioningError(f"{self.event_rules}: no event rules (*.json) in it")


_SESSION: Final = boto3.Session(region_name=names.REGION, aws_access_key_id="test", aws_secret_access_key="test")


def warm(services: Sequence[str]) -> None:
    """Reads the models of services, for this session and for boto3's default one."""
    boto3.setup_default_session(region_name=names.REGION, aws_access_key_id="test", aws_secret_access_key="test")
    for service in services:
        _SESSION.client(service, endpoint_url="http://127.0.0.1:9")
        boto3.client(service, endpoint_url="http://127.0.0.1:9")


class Provisioner:
    """One deployment."""

    def __init__(self, endpoint: str, sources: Sources) -> None:
        self._endpoint = endpoint
        self._sources = sources
        self._session = _SESSION
        self._iam = self._client("iam")
        self._sqs = self._client("sqs")

    def run(self) -> None:
        """Deploys everything."""
        self._sources.check()
        for account in names.MEMBER_ACCOUNTS:
            self._member(account)
        quarantine_scp = self._organization()
        self._ledger()
        self._evidence_bucket()
        safeguards.dead_letters(self._sqs)
        review_queue = self._review_queue()
        key = safeguards.topic_key(self._client("kms"))
        people = (names.NOTICES_TOPIC, names.TICKETS_TOPIC, names.FAILURES_TOPIC)
        topics = {name: self._topic_with_inbox(name, key) for name in people}
        role = self._service_role()
        self._functions(role, topics, quarantine_scp)
        self._state_machines(
            role,
            {
                "Partition": "aws",
                "FunctionArnPrefix": names.FUNCTION_ARN_PREFIX,
                "ReviewQueueUrl": review_queue,
                "FailuresTopicArn": topics[names.FAILURES_TOPIC],
                "LedgerTable": names.LEDGER_TABLE,
                "EvidenceArn": names.state_machine_arn(names.STATE_MACHINES["evidence"]),
                "WatchArn": names.state_machine_arn(names.STATE_MACHINES["watch"]),
            },
        )
        self._event_rules()
        safeguards.put_up(self._client, self._sources.policies, quarantine_scp)

    def _client(self, service: str, **credentials: str) -> Any:
        # No retries: a failure here is a mistake of ours, and is to be seen at once.
        config = Config(retries={"total_max_attempts": 1})
        return self._session.client(service, endpoint_url=self._endpoint, config=config, **credentials)

    def _member(self, account: str) -> None:
        """What a member account holds: the quarantine policies and the roles functions assume."""
        iam = self._iam
        if account != names.SECURITY_ACCOUNT:
            # moto gives a session to anyone; it belongs to the account in the role's ARN.
            session = self._client("sts").assume_role(
                RoleArn=f"arn:aws:iam::{account}:role/provisioning", RoleSessionName="firebreak-local"
            )["Credentials"]
            iam = self._client(
                "iam",
                aws_access_key_id=session["AccessKeyId"],
                aws_secret_access_key=session["SecretAccessKey"],
                aws_session_token=session["SessionToken"],
            )
        for policy in names.MEMBER_POLICIES:
            path = self._sources.member_policy(policy)
            with _blaming(path):
                iam.create_policy(Path=names.MEMBER_PATH, PolicyName=policy, PolicyDocument=path.read_text())
        trust = _trust(
            {"AWS": f"arn:aws:iam::{names.SECURITY_ACCOUNT}:root"},
            {"StringEquals": {"sts:ExternalId": names.EXTERNAL_ID}},
        )
        for role in names.MEMBER_ROLES:
            iam.create_role(Path=names.MEMBER_PATH, RoleName=role, AssumeRolePolicyDocument=trust)

    def _organization(self) -> str:
        """An organization with the service control policy that quarantines, at its root; returns the policy's id."""
        organizations = self._client("organizations")
        organizations.create_organization(FeatureSet="ALL")
        root = organizations.list_roots()["Roots"][0]["Id"]
        for kind in ("SERVICE_CONTROL_POLICY", "RESOURCE_CONTROL_POLICY"):
            organizations.enable_policy_type(RootId=root, PolicyType=kind)
        path = self._sources.quarantine_scp
        with _blaming(path):
            policy: str = organizations.create_policy(
                Name=names.QUARANTINE_SCP,
                Description="Denies everything to those in its lists.",
                Type="SERVICE_CONTROL_POLICY",
                Content=path.read_text().replace("${Partition}", "aws"),
            )["Policy"]["PolicySummary"]["Id"]
        organizations.attach_policy(PolicyId=policy, TargetId=root)
        return policy

    def _ledger(self) -> None:
        self._client("dynamodb").create_table(
            TableName=names.LEDGER_TABLE,
            BillingMode="PAY_PER_REQUEST",
            SSESpecification={"Enabled": True, "SSEType": "KMS"},
            AttributeDefinitions=[
                {"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk", "feed", "opened_at")
            ],
            KeySchema=_key_schema("pk", "sk"),
            GlobalSecondaryIndexes=[
                {
                    "IndexName": "feed",
                    "KeySchema": _key_schema("feed", "opened_at"),
                    "Projection": {"ProjectionType": "INCLUDE", "NonKeyAttributes": ["status"]},
                }
            ],
        )

    def _evidence_bucket(self) -> None:
        s3 = self._client("s3")
        # Object Lock can only be had at creation, and brings versioning with it.
        s3.create_bucket(
            Bucket=names.EVIDENCE_BUCKET,
            CreateBucketConfiguration={"LocationConstraint": names.REGION},
            ObjectLockEnabledForBucket=True,
        )
        s3.put_bucket_versioning(Bucket=names.EVIDENCE_BUCKET, VersioningConfiguration={"Status": "Enabled"})
        s3.put_public_access_block(
            Bucket=names.EVIDENCE_BUCKET,
            PublicAccessBlockConfiguration=dict.fromkeys(
                ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"), True
            ),
        )

    def _review_queue(self) -> str:
        redrive = {"deadLetterTargetArn": _sqs_arn(names.REVIEW_DEAD_LETTERS), "maxReceiveCount": 5}
        url: str = self._sqs.create_queue(
            QueueName=names.REVIEW_QUEUE,
            Attributes={"VisibilityTimeout": "30", "RedrivePolicy": json.dumps(redrive)},
        )["QueueUrl"]
        return url

    def _topic_with_inbox(self, name: str, key: str) -> str:
        """A topic, and (only here) a queue that keeps what was published for people and tests to read."""
        sns = self._client("sns")
        topic: str = sns.create_topic(Name=name, Attributes={"KmsMasterKeyId": key})["TopicArn"]
        inbox = f"{name}-inbox"
        self._sqs.create_queue(QueueName=inbox)
        # Not raw: the envelope keeps the subject, which is the first thing an on-call sees.
        sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=_sqs_arn(inbox))
        return topic

    def _service_role(self) -> str:
        """One role for all services: permissions are not enforced here, the APIs only insist that a role exists."""
        services = ["lambda.amazonaws.com", "states.amazonaws.com"]
        role: str = self._iam.create_role(
            RoleName="firebreak-local-service", AssumeRolePolicyDocument=_trust({"Service": services})
        )["Role"]["Arn"]
        return role

    def _functions(self, role: str, topics: dict[str, str], quarantine_scp: str) -> None:
        awslambda = self._client("lambda")
        environment = {
            "FIREBREAK_TABLE": names.LEDGER_TABLE,
            # Nobody shares this CloudTrail: a look need not wait.
            "FIREBREAK_LOOKUP_PAUSE_MS": "20",
            "FIREBREAK_EVIDENCE_BUCKET": names.EVIDENCE_BUCKET,
            "FIREBREAK_NOTICES_TOPIC_ARN": topics[names.NOTICES_TOPIC],
            "FIREBREAK_TICKETS_TOPIC_ARN": topics[names.TICKETS_TOPIC],
            "FIREBREAK_FAILURES_TOPIC_ARN": topics[names.FAILURES_TOPIC],
            "FIREBREAK_POLICY_FILE": str(self._sources.policy),
            "FIREBREAK_EXTERNAL_ID": names.EXTERNAL_ID,
            "FIREBREAK_STATE_MACHINE_ARN": names.STATE_MACHINE_ARN,
            "FIREBREAK_RESTORE_MACHINE_ARN": names.state_machine_arn(names.STATE_MACHINES["restore"]),
            "FIREBREAK_MANAGEMENT_ACCOUNT": names.MANAGEMENT_ACCOUNT,
            "FIREBREAK_QUARANTINE_SCP": quarantine_scp,
            "FIREBREAK_ORGANIZATION_ID": self._client("organizations").describe_organization()["Organization"]["Id"],
            # Whoever has no role here: the credentials `test`. People with roles are told apart as on AWS.
            "FIREBREAK_APPROVERS": f"arn:aws:sts::{names.SECURITY_ACCOUNT}:user/moto",
        }
        code = _empty_zip()
        for binary, timeout in names.FUNCTION_TIMEOUTS.items():
            awslambda.create_function(
                FunctionName=names.function_name(binary),
                Runtime="provided.al2023",
                Handler="bootstrap",
                Role=role,
                Timeout=timeout,
                Environment={"Variables": environment},
                Code={"ZipFile": code},
            )
            awslambda.create_alias(
                FunctionName=names.function_name(binary), Name=names.DOCTOR_ALIAS, FunctionVersion="$LATEST"
            )
        for binary, alias in (names.PREPARE_ALIAS, names.RECOVERY_ALIAS, *names.IMPACT_ALIASES):
            awslambda.create_alias(FunctionName=names.function_name(binary), Name=alias, FunctionVersion="$LATEST")
        for binary in names.CALLED_BY_PEOPLE:
            name = names.function_name(binary)
            awslambda.create_function_url_config(FunctionName=name, AuthType="AWS_IAM")

    def _state_machines(self, role: str, values: dict[str, str]) -> None:
        states = self._client("stepfunctions")
        for stem, name in names.STATE_MACHINES.items():
            path = self._sources.definition(stem)
            definition = substitute(path.read_text(), values, path)
            with _blaming(path):
                states.create_state_machine(name=name, definition=definition, roleArn=role)

    def _event_rules(self) -> None:
        events = self._client("events")
        events.create_event_bus(Name=names.SECURITY_BUS)
        for bus, (stem, (path, pattern)) in itertools.product(("default", names.SECURITY_BUS), self._patterns().items()):
            if bus == names.SECURITY_BUS and stem == names.ONLY_ON_THE_DEFAULT_BUS:
                continue
            rule = f"firebreak-{stem}"
            with _blaming(path):
                events.put_rule(Name=rule, EventBusName=bus, EventPattern=pattern)
            target = {
                "Id": "ingest",
                "Arn": names.FUNCTION_ARN_PREFIX + "ingest",
                "DeadLetterConfig": {"Arn": _sqs_arn(names.EVENTS_DEAD_LETTERS)},
            }
            events.put_targets(Rule=rule, EventBusName=bus, Targets=[target])
        self._last_resort(events)

    def _last_resort(self, events: Any) -> None:
        """The rule about executions that ended, and its function."""
        path = self._sources.execution_ended
        machines = {
            "StateMachineArn": names.STATE_MACHINE_ARN,
            "EvidenceStateMachineArn": names.state_machine_arn(names.STATE_MACHINES["evidence"]),
            "WatchStateMachineArn": names.state_machine_arn(names.STATE_MACHINES["watch"]),
            "RestoreStateMachineArn": names.state_machine_arn(names.STATE_MACHINES["restore"]),
        }
        pattern = substitute(path.read_text(), machines, path)
        with _blaming(path):
            events.put_rule(Name=names.EXECUTION_ENDED_RULE, EventPattern=pattern)
        arn, letters = names.FUNCTION_ARN_PREFIX + "execution-ended", {"Arn": _sqs_arn(names.EVENTS_DEAD_LETTERS)}
        events.put_targets(
            Rule=names.EXECUTION_ENDED_RULE, Targets=[{"Id": "execution-ended", "Arn": arn, "DeadLetterConfig": letters}]
        )

    def _patterns(self) -> dict[str, tuple[Path, str]]:
        """By the stem of a rule: the file that asks for it, and its pattern."""
        files = {path.stem: path for path in sorted(self._sources.event_rules.glob("*.json"))}
        patterns = {stem: json.loads(path.read_text()) for stem, path in files.items()}
        shipped = {stem: pattern for stem, pattern in patterns.items() if stem.startswith("guardduty-")}
        policy = self._sources.policy
        with _blaming_syntax(policy):
            own = own_rules(tomllib.loads(policy.read_text()), shipped)
        # Without white space: EventBridge counts characters.
        return {
            stem: (files.get(stem, policy), json.dumps(pattern, separators=(",", ":")))
            for stem, pattern in {**patterns, **own}.items()
        }


@contextmanager
def _blaming_syntax(path: Path) -> Iterator[None]:
    try:
        yield
    except tomllib.TOMLDecodeError as error:
        raise ProvisioningError(f"{path}: {error}") from error


@contextmanager
def _blaming(path: Path) -> Iterator[None]:
    """A service that refuses a file's content is a mistake in the file, and is to be reported as that."""
    try:
        yield
    except ClientError as error:
        raise ProvisioningError(f"{path}: {error.response['Error']['Message']}") from error


def substitute(text: str, values: dict[str, str], source: Path) -> str:
    """Fills in `${Name}`, as CloudFormation's DefinitionSubstitutions would."""
    for name, value in values.items():
        text = text.replace(f"${{{name}}}", json.dumps(value)[1:-1])
    if unknown := sorted(set(re.findall(r"\$\{[^}]*\}", text))):
        raise ProvisioningError(f"{source}: no value for {', '.join(unknown)}")
    return text


def _trust(principal: dict[str, Any], condition: dict[str, Any] | None = None) -> str:
    statement = {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}
    if condition:
        statement["Condition"] = condition
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def _key_schema(partition: str, sort: str) -> list[dict[str, str]]:
    return [{"AttributeName": partition, "KeyType": "HASH"}, {"AttributeName": sort, "KeyType": "RANGE"}]


def _sqs_arn(queue: str) -> str:
    return f"arn:aws:sqs:{names.REGION}:{names.SECURITY_ACCOUNT}:{queue}"


def _empty_zip() -> bytes:
    """CreateFunction wants code; the binaries are run from where they were built."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as content:
        content.writestr("bootstrap", "")
    return archive.getvalue()
