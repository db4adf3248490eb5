"""Queues and topics are encrypted with Firebreak's key and refuse requests without TLS; log groups end somewhere."""

from __future__ import annotations

from typing import Final

from .documents import FORWARDER, Documents, Resource
from .event_targets import queue_statements
from .problem import Problem
from .statements import Statement, matches, statements_in

_AWS_OWN_KEY: Final = (FORWARDER,)
"""Templates whose queues may have SQS's own key: in every account and Region a key would cost more than it keeps."""


def check(documents: Documents) -> list[Problem]:
    """What would lie or travel in the clear."""
    problems = []
    for queue in documents.resources("AWS::SQS::Queue"):
        own = queue.template in _AWS_OWN_KEY and queue.properties.get("SqsManagedSseEnabled") is True
        if not own and not _customer_key(queue):
            problems.append(Problem(queue.where, "is not encrypted with Firebreak's key", "set KmsMasterKeyId"))
        if not any(_tls_only(one, "sqs:SendMessage") for one in queue_statements(documents, queue)):
            problems.append(
                Problem(queue.where, "takes requests without TLS", "deny sqs:* with aws:SecureTransport false")
            )
    for topic in documents.resources("AWS::SNS::Topic"):
        if not _customer_key(topic):
            problems.append(Problem(topic.where, "is not encrypted with Firebreak's key", "set KmsMasterKeyId"))
        if not any(_tls_only(one, "sns:Publish") for one in _topic_statements(documents, topic)):
            problems.append(
                Problem(topic.where, "takes requests without TLS", "deny sns:Publish with aws:SecureTransport false")
            )
    return problems + [problem for key in documents.resources("AWS::KMS::Key") for problem in _key(key)]


def _customer_key(resource: Resource) -> bool:
    # The key of the service cannot be used by another service: neither EventBridge nor CloudWatch could write.
    key = str(resource.properties.get("KmsMasterKeyId") or "")
    return bool(key) and not key.startswith("alias/aws/")


def _tls_only(statement: Statement, action: str) -> bool:
    return (
        not statement.allows
        and "*" in statement.principals("AWS")
        and any(matches(one.lower(), action.lower()) for one in statement.actions)
        and [value.lower() for value in statement.condition("aws:SecureTransport", "Bool")] == ["false"]
    )


def _topic_statements(documents: Documents, topic: Resource) -> list[Statement]:
    found = []
    for policy in documents.resources("AWS::SNS::TopicPolicy", topic.template):
        if any(
            str(arn).rsplit(":", 1)[-1] == topic.properties.get("TopicName")
            for arn in policy.properties.get("Topics") or []
        ):
            found += statements_in(policy, policy.properties.get("PolicyDocument"))
    return found


def _may_be_deleted(key: Resource) -> bool:
    """Whether its policy leaves the deletion to somebody, as a rollback needs it."""
    return any(
        statement.allows and any(matches(action.lower(), "kms:schedulekeydeletion") for action in statement.actions)
        for statement in statements_in(key, key.properties.get("KeyPolicy"))
    )


def _key(key: Resource) -> list[Problem]:
    wanted = [
        (key.properties.get("EnableKeyRotation") is True, "is not rotated", "EnableKeyRotation: true"),
        (key.retained, "goes away with its stack, and what it encrypts with it", "DeletionPolicy: Retain"),
        (
            key.body.get("DeletionPolicy") != "RetainExceptOnCreate" or _may_be_deleted(key),
            "nobody may delete it, so a creation that fails ends as ROLLBACK_FAILED",
            "DeletionPolicy: Retain",
        ),
    ]
    return [Problem(key.where, what, f"set {mend}") for holds, what, mend in wanted if not holds]
