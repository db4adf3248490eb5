"""What waits in the queues, and who listens to the topics, of a stack that is to go."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from ..deploy.tools import Tools

_COUNTS: Final = (
    "ApproximateNumberOfMessages",
    "ApproximateNumberOfMessagesNotVisible",
    "ApproximateNumberOfMessagesDelayed",
)
_DEAD_LETTERS: Final = "-dlq"


@dataclass(frozen=True)
class Queue:
    """A queue and how much is in it, about."""

    name: str
    messages: int

    @property
    def dead_letters(self) -> bool:
        """Whether it holds what could not be delivered."""
        return self.name.endswith(_DEAD_LETTERS)


@dataclass(frozen=True)
class Topic:
    """A topic and how many listen, those that have not confirmed included."""

    name: str
    subscriptions: int


def queues(own: Tools, stack: str) -> list[Queue]:
    """The queues of a stack."""
    found = []
    for url in _physical(own, stack, "AWS::SQS::Queue"):
        values = {"QueueUrl": url, "AttributeNames": list(_COUNTS)}
        attributes = own.aws("sqs", "get-queue-attributes", values)["Attributes"]
        found.append(Queue(url.rsplit("/", 1)[-1], sum(int(attributes[name]) for name in _COUNTS)))
    return found


def topics(own: Tools, stack: str) -> list[Topic]:
    """The topics of a stack."""
    found = []
    for arn in _physical(own, stack, "AWS::SNS::Topic"):
        subscriptions = own.aws("sns", "list-subscriptions-by-topic", {"TopicArn": arn})["Subscriptions"]
        found.append(Topic(arn.rsplit(":", 1)[-1], len(subscriptions)))
    return found


def _physical(own: Tools, stack: str, kind: str) -> list[str]:
    """What CloudFormation calls the stack's resources of a type: a queue's URL, a topic's ARN."""
    resources = own.aws("cloudformation", "list-stack-resources", {"StackName": stack})["StackResourceSummaries"]
    there = [one for one in resources if one["ResourceType"] == kind and one["ResourceStatus"] != "DELETE_COMPLETE"]
    return [one["PhysicalResourceId"] for one in there if one.get("PhysicalResourceId")]
