"""Findings, followed to their end: contained, evidenced, at the gate, answered."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any, Final

from . import answers, evidence, findings
from .run import Run
from .suspects import DENY, Bucket, User
from .waiting import until

_MISSING_CALLS: Final = Path(__file__).resolve().parents[1] / "missing-calls.toml"
_ARRIVES: Final = 20.0
"""Seconds."""


def user(run: Run) -> None:
    """A user finding, released."""
    run.report.chapter("A user finding, released")
    suspect = User.plant(run.cloud, "second-opinion-user")
    before = suspect.observe(run.cloud)
    event = findings.load("guardduty/exfiltration-iam-user")
    suspect.name_in(event)
    incident = _contained(run, event)
    now = suspect.observe(run.cloud)
    run.report.expect(DENY in now["attached"], f"{suspect.name} is denied everything", now)
    run.report.expect(set(now["keys"].values()) == {"Inactive"}, "both keys are inactive", now)
    answers.release(run, incident)
    now = suspect.observe(run.cloud)
    expected = before | {"keys": before["keys"] | {suspect.exposed: "Inactive"}}
    run.report.expect(now == expected, "released: as before, but the exposed key stays inactive", now)


def bucket(run: Run) -> None:
    """A bucket finding, approved."""
    run.report.chapter("A bucket finding, approved")
    suspect = Bucket.plant(run.cloud, "second-opinion-bucket")
    event = findings.load("guardduty/bucket-anonymous-access")
    suspect.name_in(event)
    before = suspect.observe(run.cloud)
    incident = _contained(run, event)
    now = suspect.observe(run.cloud)
    run.report.expect(now == before | {"closed": True}, f"{suspect.name} is closed, its policy as it was", now)
    answers.approve(run, incident)
    run.report.expect(suspect.observe(run.cloud) == now, "approved: still closed")


def request(run: Run) -> None:
    """A person's request: by PutEvents and an event rule, the only kind of event that may come so; approved."""
    run.report.chapter("A person's request, by the event bus; approved")
    suspect = Bucket.plant(run.cloud, "second-opinion-request")
    before, earlier = suspect.observe(run.cloud), set(run.executions())
    run.cloud.client("events").put_events(Entries=[findings.request("s3-bucket", suspect.name)])
    [execution] = until("execution", _ARRIVES, lambda: [one for one in run.executions() if one not in earlier])
    run.report.line("the event rule delivered it to ingest")
    incident = run.at_gate(execution)
    run.report.expect(suspect.observe(run.cloud) == before, "it waits at the gate, and nothing is changed")
    answers.approve(run, incident)
    now = suspect.observe(run.cloud)
    kept, added = (json.loads(one["policy"])["Statement"] for one in (before, now))
    sids = {one["Sid"] for one in added if one not in kept}
    frozen = now["closed"] and added[: len(kept)] == kept and "FirebreakDenyOutsiders" in sids
    run.report.expect(frozen, f"approved: {suspect.name} is frozen, its own statements as they were: {', '.join(sorted(sids))}", now)


def refused_source(run: Run) -> None:
    """Nobody may send a finding: PutEvents refuses AWS's sources, there as on AWS."""
    run.report.chapter("Who may send findings")
    event = findings.load("guardduty/exfiltration-iam-user")
    entry = {"Source": event["source"], "DetailType": event["detail-type"], "Detail": "{}"}
    [answer] = run.cloud.client("events").put_events(Entries=[entry])["Entries"]
    refused = answer.get("ErrorCode") == "NotAuthorizedForSourceException"
    run.report.expect(refused, f"PutEvents with source {event['source']}: {answer.get('ErrorCode')}", answer)
    run.report.note("so findings are handed to ingest, as an event rule does")


def _contained(run: Run, event: dict[str, Any]) -> str:
    """Hands a finding in and follows it to its gate; returns the incident's id."""
    incident = run.at_gate(run.ingest(event))
    shown = run.shown(incident)
    _receipts(run, shown)
    evidence.check(run, shown)
    run.inbox.told("firebreak-notices", incident)
    run.report.line(f"{incident} waits at the gate, people are told")
    return incident


def _receipts(run: Run, shown: dict[str, Any]) -> None:
    missing = {entry["call"] for entry in tomllib.loads(_MISSING_CALLS.read_text(encoding="utf-8"))["missing"]}
    for receipt in shown["receipts"]:
        failed = [step["error"]["message"] for step in receipt["steps"] if step["outcome"] == "failed"]
        failed += [receipt["error"]] if receipt.get("error") else []
        excused = [text for text in failed if text.split(": ")[0] in missing and ": InvalidAction: " in text]
        about = f"{receipt['containment']} of {receipt['target']['id']}"
        good = receipt["status"] in ("contained", "partial") and failed == excused
        without = f", without {len(excused)} calls that MiniStack does not have" if excused else ""
        run.report.expect(
            good, f"{about}: {receipt['status']}{without}", [text for text in failed if text not in excused]
        )
        _stale(run, receipt, missing, excused)
    if not shown["receipts"]:
        run.report.problem(f"{shown['id']} has no receipt: nothing was contained")


def _stale(run: Run, receipt: dict[str, Any], missing: set[str], excused: list[str]) -> None:
    if receipt["containment"] == "quarantine-iam" and receipt["target"]["kind"] == "iam-user":
        for call in sorted(missing - {text.split(": ")[0] for text in excused}):
            run.report.problem(f"missing-calls.toml: {call} did not fail: take the entry out")
