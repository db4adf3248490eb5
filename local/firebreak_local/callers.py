"""Who made a call, from the access key it is signed with.

A function signs with its own key. In member accounts it signs with the session AssumeRole gave it, so the answers of
AssumeRole are read on their way back: they say which session, and the request said which function asked. All processes
of a function share its key; the session token they send with it, as functions on AWS do, tells them apart.
"""

from __future__ import annotations

import re
import threading
from dataclasses import dataclass, replace

from moto.iam.models import get_account_id_from

from . import names

_SESSION_KEY = re.compile(rb"<AccessKeyId>([^<]+)</AccessKeyId>")
_SESSION_ARN = re.compile(rb"<Arn>(arn:[^<]+:assumed-role/[^<]+)</Arn>")


@dataclass(frozen=True)
class Caller:
    """The identity behind an access key, as far as it is known."""

    name: str | None = None
    """A function's name, or the ARN of a role session."""
    function: str | None = None
    """The function at work, directly or through a role session."""
    account: str | None = None
    process: str | None = None
    """The id of that function's process."""


class Callers:
    """Learns role sessions as they are handed out."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        functions = map(names.function_name, names.FUNCTION_TIMEOUTS)
        self._known = {
            names.function_access_key(function): Caller(function, function, names.SECURITY_ACCOUNT)
            for function in functions
        }

    def of(self, access_key: str | None, session_token: str | None) -> Caller:
        """Whoever signs with this key and sends this token."""
        if access_key is None:
            return Caller()
        with self._lock:
            known = self._known.get(access_key)
        if known is None:
            # moto's own rule, so the record names the account whose resources the call really touched.
            return Caller(account=get_account_id_from(access_key))
        if known.process is None:
            return replace(known, process=session_token)
        return known

    def learn_session(self, by: Caller, answer: bytes) -> None:
        """Takes note of the session in an answer of AssumeRole."""
        key, arn = _SESSION_KEY.search(answer), _SESSION_ARN.search(answer)
        if key and arn:
            session = arn[1].decode()
            with self._lock:
                self._known[key[1].decode()] = Caller(session, by.function, session.split(":")[4], by.process)
