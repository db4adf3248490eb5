"""No wildcard in an allowed action, and no `"Resource": "*"` without a reason that stands here."""

from __future__ import annotations

from typing import Final

from .documents import Documents
from .problem import Problem
from .statements import role_statements, roles

_NO_RESOURCE: Final = "the service has no resource for this action"
_MACHINES: Final = ("FirebreakStateMachine", "FirebreakEvidenceMachine", "FirebreakWatchMachine", "FirebreakRestoreStateMachine")
REASONS: Final[dict[tuple[str, str], str]] = {
    ("FirebreakDecideReview", "AnswerTheGate"): f"a task token names no state machine: {_NO_RESOURCE}",
    ("FirebreakOpenReview", "AnswerTheGate"): f"a task token names no state machine: {_NO_RESOURCE}",
    ("FirebreakTriage", "DoesTheFindingStillStand"): "reads only; the detector's id is not known before it is listed",
    ("FirebreakMemberTriage", "FindWhoAKeyIsAndWhatItDid"): f"reads only; {_NO_RESOURCE}",
    ("FirebreakMemberQuarantineIam", "FindARenamedUser"): f"reads only; {_NO_RESOURCE}, or the owner is the question",
    ("FirebreakMemberRelease", "FindARenamedUser"): f"reads only; {_NO_RESOURCE}, or the owner is the question",
    ("FirebreakMemberSweep", "FindWhatASuspectDid"): f"reads only; {_NO_RESOURCE}",
    ("FirebreakMemberSweep", "ReadTheReportOfIt"): f"reads only; {_NO_RESOURCE}",
    ("FirebreakMemberIsolateEc2", "ReadInstances"): f"reads only; {_NO_RESOURCE}",
    ("FirebreakMemberLockdownS3", "ReadAroundBuckets"): f"reads only; {_NO_RESOURCE}",
    ("FirebreakMemberDenyAddresses", "FindTheNetworkAcls"): f"reads only; {_NO_RESOURCE}",
    ("FirebreakMemberRelease", "ReadNetworkAcls"): f"reads only; {_NO_RESOURCE}",
    ("FirebreakMemberPreserveEvidence", "ReadInstances"): f"reads only; {_NO_RESOURCE}, but for the console output",
    ("FirebreakMemberRelease", "ReadInstances"): f"reads only; {_NO_RESOURCE}",
    ("FirebreakDoctor", "LookEverywhere"): f"reads only; {_NO_RESOURCE}, or its id is not known before it is listed",
    ("FirebreakOperator", "LookEverywhere"): f"reads only; {_NO_RESOURCE}, or its id is not known before it is listed",
    ("FirebreakOperator", "MakeASample"): f"samples name fictitious resources; {_NO_RESOURCE}",
    **{(role, "DeliverLogs"): f"log delivery is set up per account: {_NO_RESOURCE}" for role in _MACHINES},
    **{(role, "Trace"): f"X-Ray: {_NO_RESOURCE}" for role in _MACHINES},
}
"""Role and Sid of a statement that allows something on every resource: why."""


def check(documents: Documents) -> list[Problem]:
    """Statements that allow more than they must, and reasons that nothing needs any more."""
    problems: list[Problem] = []
    used = set()
    for name, role in roles(documents):
        for statement in role_statements(documents, role):
            if not statement.allows:
                continue
            wide = [action for action in statement.actions if "*" in action or "?" in action]
            problems += [Problem(statement.where, f"{name} is allowed {action}", "name each action") for action in wide]
            if "*" in statement.resources or "NotResource" in statement.body:
                used.add((name, statement.sid))
                if (name, statement.sid) not in REASONS:
                    what = f"{name} is allowed {', '.join(statement.actions)} on every resource"
                    problems.append(
                        Problem(statement.where, what, "name the resource, or give the reason in rules/wildcards.py")
                    )
    return problems + [
        Problem("rules/wildcards.py", f"{name} has no statement {sid} on every resource", "remove the reason")
        for name, sid in sorted(set(REASONS) - used)
    ]
