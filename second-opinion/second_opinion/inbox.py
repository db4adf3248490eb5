"""A queue that gets what Firebreak publishes for people."""

from __future__ import annotations

import json
from typing import Any, Final

from . import names
from .cloud import Cloud
from .waiting import until

_NAME: Final = "second-opinion-inbox"
_LIMIT: Final = 20.0
"""Seconds."""


class Inbox:
    """Subscribed to every topic of the deployment."""

    def __init__(self, cloud: Cloud) -> None:
        self._queues = cloud.client("sqs")
        arn = f"arn:aws:sqs:{names.REGION}:{names.SECURITY}:{_NAME}"
        policy = {"Effect": "Allow", "Principal": {"Service": "sns.amazonaws.com"}, "Action": "sqs:SendMessage"}
        document = {"Version": "2012-10-17", "Statement": [policy | {"Resource": arn}]}
        attributes = {"Policy": json.dumps(document)}
        self._queue = self._queues.create_queue(QueueName=_NAME, Attributes=attributes)["QueueUrl"]
        self._messages: list[dict[str, Any]] = []
        topics = cloud.client("sns")
        for topic in topics.list_topics()["Topics"]:
            topics.subscribe(TopicArn=topic["TopicArn"], Protocol="sqs", Endpoint=arn)

    def told(self, topic: str, *words: str) -> dict[str, Any]:
        """The first message of a topic that has all these words."""
        what = f"message of {topic} with {', '.join(words)}"
        return until(what, _LIMIT, lambda: next(iter(self._found(topic, words)), None))

    def _found(self, topic: str, words: tuple[str, ...]) -> list[dict[str, Any]]:
        received = self._queues.receive_message(QueueUrl=self._queue, MaxNumberOfMessages=10).get("Messages", [])
        for message in received:
            self._messages.append(json.loads(message["Body"]))
            self._queues.delete_message(QueueUrl=self._queue, ReceiptHandle=message["ReceiptHandle"])
        return [
            message
            for message in self._messages
            if message["TopicArn"].endswith(f":{topic}")
            and all(word in f"{message.get('Subject')}\n{message['Message']}" for word in words)
        ]
