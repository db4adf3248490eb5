"""GuardDuty with the findings someone planted: ListDetectors and GetFindings.

moto has detectors, but no findings: GetFindings answers with an HTML page. Nothing is detected here, so a finding that
is to be read from GuardDuty has to be put there first, through the control API.
"""

from __future__ import annotations

import json
import threading
from typing import Any, Final

from moto.core.exceptions import JsonRESTError
from moto.guardduty.models import guardduty_backends
from moto.guardduty.responses import GuardDutyResponse
from moto.guardduty.urls import url_paths

from . import names

_MOST_IDS: Final = 50
"""The most findings one call may ask for."""


class InvalidFinding(ValueError):
    """Something planted that could never be found."""


class _BadRequest(JsonRESTError):
    def __init__(self) -> None:
        super().__init__(
            "BadRequestException",
            "The request is rejected because an invalid or out-of-range value is specified as an input parameter.",
        )


class PlantedFindings:
    """All findings of all Regions and accounts, in the form the API answers with."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._findings: list[dict[str, Any]] = []

    def plant(self, document: Any) -> None:
        """Replaces the findings, and switches GuardDuty on in their Regions. Raises InvalidFinding."""
        _check(document)
        with self._lock:
            for region in {finding["region"] for finding in document}:
                backend = guardduty_backends[names.SECURITY_ACCOUNT][region]
                if not backend.list_detectors():
                    backend.create_detector(True, "SIX_HOURS", {}, {}, [])
            self._findings = document

    def planted(self) -> list[dict[str, Any]]:
        """What is planted."""
        with self._lock:
            return self._findings

    def visible_to(self, account: str, region: str) -> dict[str, dict[str, Any]]:
        """The findings under an account's detector, by id. The security account administers all others."""
        return {
            finding["id"]: finding
            for finding in self.planted()
            if finding["region"] == region and account in (names.SECURITY_ACCOUNT, finding["accountId"])
        }


def install(planted: PlantedFindings) -> None:
    """Adds GetFindings to moto's GuardDuty."""

    def get_findings(self: GuardDutyResponse) -> str:
        detector, ids = self.path.split("/")[2], self._get_param("findingIds")
        self.guardduty_backend.get_detector(detector)  # raises GuardDuty's own 400
        if not isinstance(ids, list) or len(ids) > _MOST_IDS:
            raise _BadRequest
        visible = planted.visible_to(self.current_account, self.region)
        return json.dumps({"findings": [visible[name] for name in ids if name in visible]})

    GuardDutyResponse.get_findings = get_findings
    url_paths["{0}/detector/(?P<detector_id>[^/]+)/findings/get$"] = GuardDutyResponse.dispatch


def _check(document: Any) -> None:
    if not isinstance(document, list):
        raise InvalidFinding("findings are a JSON array of GuardDuty findings, as GetFindings answers with them")
    regions = guardduty_backends[names.SECURITY_ACCOUNT]
    seen = set()
    for finding in document:
        required = ("id", "accountId", "region")
        if not isinstance(finding, dict) or not all(isinstance(finding.get(field), str) for field in required):
            raise InvalidFinding(f"a finding is an object with the texts {', '.join(required)}: {finding!r}")
        place = finding["region"], finding["id"]
        if place[0] not in regions:
            raise InvalidFinding(f"finding {finding['id']}: no Region {finding['region']!r}")
        if place in seen:
            raise InvalidFinding(f"finding {finding['id']} is there twice")
        seen.add(place)
