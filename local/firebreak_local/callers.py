"""Who made a call, from the access key it is signed with.

A function signs with its own key. In member accounts it signs with the session AssumeRole gave it, so the answers of
AssumeRole are read on their way back: they say which session, and the request said which function asked.
"""

from __future__ import annotations

import re
import threading
from dataclasses import dataclass

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


class Callers:
    """Learns role sessions as they are handed out."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        functions = map(names.function_name, names.FUNCTION_TIMEOUTS)
        self._known = {
            names.function_access_key(function): Caller(function, function, names.SECURITY_ACCOUNT)
            for function in functions
        }

    def of(self, access_key: str | None) -> Caller:
        """Whoever signs with this key."""
        if access_key is None:
            return Caller()
        with self._lock:
            known = self._known.get(access_key)
        # moto's own rule, so the record names the account whose resources the call really touched.
        return known or Caller(account=get_account_id_from(access_key))

    def learn_session(self, by: Caller, answer: bytes) -> None:
        """Takes note of the session in an answer of AssumeRole."""
        key, arn = _SESSION_KEY.search(answer), _SESSION_ARN.search(answer)
        if key and arn:
            session = arn[1].decode()
            with self._lock:
                self._known[key[1].decode()] = Caller(session, by.function, session.split(":")[4])
