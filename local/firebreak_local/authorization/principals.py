"""Who a call is made as: the role of the function, or the session that the function got in an account."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from .. import names
from ..callers import Caller

_ACCESS_KEY: Final = re.compile(rb"<AccessKeyId>([^<]+)</AccessKeyId>")


@dataclass(frozen=True)
class Principal:
    """A role at work."""

    account: str
    role: str
    """With its path, without the one in front: `firebreak/FirebreakTriage`."""
    session: str
    source_identity: str | None
    session_policy: Any
    """As passed to AssumeRole; None for the role of a function."""


class Principals:
    """Learns sessions as they are handed out."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._sessions: dict[str, Principal] = {}

    def learn(self, params: Mapping[str, Any], answer: bytes) -> None:
        """Takes note of the session in an answer of AssumeRole."""
        if not (key := _ACCESS_KEY.search(answer)):
            return
        role, policy = str(params["RoleArn"]), params.get("Policy")
        session = Principal(
            account=role.split(":")[4],
            role=role.split(":role/", 1)[1],
            session=str(params["RoleSessionName"]),
            source_identity=params.get("SourceIdentity"),
            session_policy=json.loads(policy) if policy else None,
        )
        with self._lock:
            self._sessions[key[1].decode()] = session

    def of(self, caller: Caller, access_key: str | None) -> Principal:
        """Whoever signs a function's call with this key."""
        assert caller.function is not None
        with self._lock:
            session = self._sessions.get(access_key or "")
        if session is not None:
            return session
        return Principal(names.SECURITY_ACCOUNT, function_role(caller.function), caller.function, None, None)


def function_role(function: str) -> str:
    """`firebreak-quarantine-iam` -> `firebreak/FirebreakQuarantineIam`."""
    words = function.removeprefix(names.FUNCTION_PREFIX).split("-")
    return "firebreak/Firebreak" + "".join(map(str.capitalize, words))
