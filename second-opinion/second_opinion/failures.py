"""What goes wrong is told and kept: a triage that cannot read its policy, and a finding that `ingest` cannot hand over."""

from __future__ import annotations

import json
from typing import Any, Final

from . import findings
from .run import INGEST, Run
from .suspects import User
from .waiting import until

_ROLE: Final = "FirebreakIngest"
_DEAD_LETTERS: Final = "firebreak-ingest-dlq"
_DENIAL: Final = "SecondOpinion"
_DENIED: Final = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Deny", "Action": "states:StartExecution", "Resource": "*"}],
}
_LIMIT: Final = 15.0
"""Seconds."""


def without_policy(run: Run) -> None:
    """As deployed: the layer is not mounted, so triage finds no policy."""
    run.report.chapter("Failure: triage cannot read the response policy")
    user = User.plant(run.cloud, "second-opinion-unread")
    before = user.observe(run.cloud)
    event = findings.load("guardduty/exfiltration-iam-user")
    user.name_in(event)
    ended = run.ended(run.ingest(event))
    cause = f"{ended.get('error')}: {ended.get('cause')}"
    if ended["status"] != "FAILED" or "policy.toml" not in cause:
        run.report.problem(
            f"the execution is {ended['status']} ({cause}). MiniStack mounts layers now? Then no layer.py"
        )
        return
    run.report.line(f"the execution failed: {ended['error']}")
    states = _states(run, ended["executionArn"])
    wanted = ["Triage", "TriageFailed", "FailureNotice", "RecordFailed", "Failed"]
    run.report.expect([state for state in states if state in wanted] == wanted, "it went to its last resort", states)
    run.inbox.told("firebreak-failures", ended["name"])
    run.report.line("people are told, by the state machine itself")
    run.report.expect(user.observe(run.cloud) == before, "nothing was changed")


def dead_letters(run: Run) -> None:
    """The role of `ingest` is denied what it needs, for one finding."""
    run.report.chapter("Failure: ingest cannot start the state machine")
    iam, queues = run.cloud.client("iam"), run.cloud.client("sqs")
    queue = queues.get_queue_url(QueueName=_DEAD_LETTERS)["QueueUrl"]
    event = findings.load("guardduty/exfiltration-iam-user")
    iam.put_role_policy(RoleName=_ROLE, PolicyName=_DENIAL, PolicyDocument=json.dumps(_DENIED))
    try:
        payload = json.dumps(event).encode()
        run.cloud.client("lambda").invoke(FunctionName=INGEST, InvocationType="Event", Payload=payload)

        def look() -> dict[str, Any] | None:
            found = queues.receive_message(QueueUrl=queue).get("Messages", [])
            return found[0] if found else None

        letter = until(f"finding in {_DEAD_LETTERS}", _LIMIT, look)
    finally:
        iam.delete_role_policy(RoleName=_ROLE, PolicyName=_DENIAL)
    body = json.loads(letter["Body"])
    run.report.expect(body["requestPayload"] == event, f"after its retries the whole finding is in {_DEAD_LETTERS}")
    said = body["responsePayload"]["errorMessage"]
    run.report.expect("states:StartExecution" in said, f"with the reason: {said[:76]}...", said)
    queues.delete_message(QueueUrl=queue, ReceiptHandle=letter["ReceiptHandle"])


def _states(run: Run, execution: str) -> list[str]:
    """The states that an execution entered, in order."""
    pages = run.cloud.client("stepfunctions").get_paginator("get_execution_history").paginate(executionArn=execution)
    events = [event for page in pages for event in page["events"]]
    return [event["stateEnteredEventDetails"]["name"] for event in events if "stateEnteredEventDetails" in event]
