"""The file that calls are written to: a JSON object in every line.

The first line says what is named otherwise in every local AWS. A call that is new is written in full; one that came
before is a number: that of the new ones it is the same as, counted from 0. Every line is on disk at once: this process
is killed when its tests are done.
"""

from __future__ import annotations

import json
import os
import secrets
import threading
from dataclasses import asdict
from pathlib import Path
from typing import Any

from moto.organizations.models import organizations_backends

from .. import names
from ..redaction import Redactor
from .principals import Principal
from .question import PARTITION, Question


class Recording:
    """One file in a folder."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._path = folder / f"{os.getpid()}-{secrets.token_hex(4)}.jsonl"
        self._lock = threading.Lock()
        self._file: Any = None
        self._numbers: dict[str, int] = {}
        self._redactor = Redactor()

    def learn_secrets(self, params: Any) -> None:
        """Remembers the secrets of any call, so that none of them is written."""
        self._redactor.clean(params)

    def add(self, operation: str, principal: Principal, region: str, questions: list[Question]) -> None:
        """A call."""
        self._write(
            {
                "operation": operation,
                "principal": asdict(principal),
                "region": region,
                "questions": [asdict(question) for question in questions],
            }
        )

    def add_unknown(self, operation: str, principal: Principal, why: str) -> None:
        """A call nobody knows the questions of."""
        self._write({"unknown": operation, "principal": asdict(principal), "why": why})

    def _write(self, entry: dict[str, Any]) -> None:
        line = json.dumps(_with_local_external_id(self._redactor.clean(entry), entry))
        with self._lock:
            if self._file is None:
                self._file = self._path.open("a", buffering=1)
                self._file.write(json.dumps({"local": _local_names()}) + "\n")
            number = self._numbers.get(line)
            if number is None:
                self._numbers[line] = len(self._numbers)
            self._file.write((line if number is None else str(number)) + "\n")


def _with_local_external_id(clean: dict[str, Any], entry: dict[str, Any]) -> dict[str, Any]:
    """The external id of the local AWS is a constant and no secret, but is redacted for its name."""
    for written, asked in zip(clean.get("questions", []), entry.get("questions", []), strict=True):
        if asked["context"].get("sts:ExternalId") == names.EXTERNAL_ID:
            written["context"]["sts:ExternalId"] = names.EXTERNAL_ID
    return clean


def _local_names() -> dict[str, str]:
    """What a deployment names otherwise, by the placeholders of the policies."""
    organizations = organizations_backends[names.MANAGEMENT_ACCOUNT][PARTITION]
    assert organizations.org is not None  # it is provisioned before any function runs
    scp = next(policy for policy in organizations.policies if policy.name == names.QUARANTINE_SCP)
    return {"OrganizationId": organizations.org.id, "QuarantineScpId": scp.id}
