"""SQS to Lambda: the poller that feeds the review queue to `firebreak-open-review`.

moto has one, but it runs inside SendMessage, knows no `ReportBatchItemFailures`, and puts failed messages back at
once. This one follows Lambda: batches of up to ten, a partial answer deletes the messages it does not name, and what
stays reappears after the queue's visibility timeout, until the queue's redrive policy moves it to the dead letters.
https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html
"""

from __future__ import annotations

import base64
import json
import logging
import threading
import uuid
from contextlib import suppress
from typing import Any, Final

from moto.awslambda.models import EventSourceMapping as Registered
from moto.awslambda_simple.models import lambda_simple_backends
from moto.sqs.models import Message, ReceiptHandleIsInvalid, SQSBackend, sqs_backends

from . import names
from .lambda_host import LambdaHost, describe
from .runtime_api import Outcome

_BATCH_SIZE: Final = 10
_LOG = logging.getLogger(__name__)


class EventSourceMapping:
    """One queue, one function, one batch at a time. (AWS would run several batches at once.)"""

    def __init__(self, host: LambdaHost, queue: str, function: str) -> None:
        self._host = host
        self._queue = queue
        self._function = function
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._poll, name=f"poll-{queue}", daemon=True)

    def start(self) -> None:
        """Starts polling."""
        self._registered = self._register()
        self._thread.start()

    def _register(self) -> Registered:
        """Makes the mapping visible. Not by its API: moto's own mapping would poll the queue, too."""
        backend = lambda_simple_backends[names.SECURITY_ACCOUNT][names.REGION]
        mapping = Registered(
            {
                "RegionName": names.REGION,
                "AccountId": names.SECURITY_ACCOUNT,
                "FunctionName": self._function,
                "FunctionArn": backend.get_function(self._function, None).function_arn,
                "EventSourceArn": f"arn:aws:sqs:{names.REGION}:{names.SECURITY_ACCOUNT}:{self._queue}",
            }
        )
        backend._event_source_mappings[mapping.uuid] = mapping
        return mapping

    def stop(self) -> None:
        """Starts no further batch. The one under way ends with its function's process."""
        self._stop.set()

    def _poll(self) -> None:
        while not self._stop.is_set():
            try:
                self._next_batch()
            except Exception:
                # As on AWS, a broken batch must not end the mapping; its messages come back by themselves.
                _LOG.exception("batch of %s failed", self._queue)
                self._stop.wait(1)

    def _next_batch(self) -> None:
        if not self._registered.enabled:
            self._stop.wait(0.2)
            return
        # In this process instead of over HTTP: an AWS poller's calls are not the customer's, so they are not recorded.
        sqs: SQSBackend = sqs_backends[names.SECURITY_ACCOUNT][names.REGION]
        queue = sqs.get_queue(self._queue)
        messages = sqs.receive_message(self._queue, _BATCH_SIZE, 1, queue.visibility_timeout, ["All"])
        if not messages or self._stop.is_set():
            return
        function = lambda_simple_backends[names.SECURITY_ACCOUNT][names.REGION].get_function(self._function, None)
        event = {"Records": [_record(message, queue.queue_arn) for message in messages]}
        outcome = self._host.invoke(describe(function), json.dumps(event).encode(), str(uuid.uuid4()))
        kept = messages_to_keep(outcome, {message.id for message in messages})
        for message in messages:
            if message.id not in kept:
                with suppress(ReceiptHandleIsInvalid):  # someone purged the queue meanwhile
                    sqs.delete_message(self._queue, message.receipt_handle)


def messages_to_keep(outcome: Outcome, batch: set[str]) -> set[str]:
    """The ids that stay on the queue, by the function's answer. Anything unclear keeps the whole batch."""
    if outcome.failed:
        return batch
    try:
        answer = json.loads(outcome.payload or b"null")
        # An empty answer and an empty list of failures both mean success.
        failures = (answer or {}).get("batchItemFailures") or []
        failed = {failure["itemIdentifier"] for failure in failures}
    except (ValueError, TypeError, KeyError, AttributeError):
        return batch
    return failed if failed <= batch else batch


def _record(message: Message, queue_arn: str) -> dict[str, Any]:
    """One message as Lambda hands it over."""
    return {
        "messageId": message.id,
        "receiptHandle": message.receipt_handle,
        "body": message.body,
        "attributes": {
            "ApproximateReceiveCount": str(message.approximate_receive_count),
            "SentTimestamp": str(message.sent_timestamp),
            "SenderId": message.sender_id,
            "ApproximateFirstReceiveTimestamp": str(message.approximate_first_receive_timestamp),
        },
        "messageAttributes": {name: _attribute(value) for name, value in message.message_attributes.items()},
        "md5OfBody": message.body_md5,
        "eventSource": "aws:sqs",
        "eventSourceARN": queue_arn,
        "awsRegion": names.REGION,
    }


def _attribute(value: dict[str, Any]) -> dict[str, Any]:
    attribute: dict[str, Any] = {"stringListValues": [], "binaryListValues": [], "dataType": value["DataType"]}
    if "StringValue" in value:
        attribute["stringValue"] = value["StringValue"]
    if "BinaryValue" in value:
        binary = value["BinaryValue"]
        attribute["binaryValue"] = base64.b64encode(binary).decode() if isinstance(binary, bytes) else binary
    return attribute
