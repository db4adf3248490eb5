"""Session Manager without a session: DescribeSessions, TerminateSession.

moto has Systems Manager, but no sessions: both calls are answered with an error, as an unknown one is. Nobody opens a shell here;
the tests over the wire play those (`functions/isolate-ec2/tests/wire/shells.rs`).
"""

from __future__ import annotations

from moto.core.exceptions import JsonRESTError
from moto.core.responses import ActionResult
from moto.ssm.responses import SimpleSystemManagerResponse


class _DoesNotExist(JsonRESTError):
    def __init__(self) -> None:
        super().__init__("DoesNotExistException", "The specified session does not exist.")


def install() -> None:
    """Adds what moto's Systems Manager lacks about sessions."""

    def describe_sessions(self: SimpleSystemManagerResponse) -> ActionResult:
        return ActionResult({"Sessions": []})

    def terminate_session(self: SimpleSystemManagerResponse) -> ActionResult:
        raise _DoesNotExist

    SimpleSystemManagerResponse.describe_sessions = describe_sessions
    SimpleSystemManagerResponse.terminate_session = terminate_session
