"""GuardDuty with the findings someone planted, and with samples: ListDetectors, GetFindings, ListFindings, CreateSampleFindings.

moto has detectors, but no findings: GetFindings answers with an HTML page. Nothing is detected here. A finding that comes
over an event bus with GuardDuty's source, which AWS reserves for GuardDuty, is one that GuardDuty has. One that somebody
only starts an execution with is not. Others are put there through the control API, or asked for as a sample. Whoever
puts findings there says all that GuardDuty has: events add nothing then.
It has delegated administrators, and does not answer them: DescribeOrganizationConfiguration is an HTML page, too.
"""

from __future__ import annotations

import json
import threading
from datetime import datetime
from typing import Any, Final

from moto.core.exceptions import JsonRESTError
from moto.guardduty.models import guardduty_backends
from moto.guardduty.responses import GuardDutyResponse
from moto.guardduty.urls import url_paths

from . import names, samples

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
        self._is_told = False

    def plant(self, document: Any) -> None:
        """Replaces the findings, and switches GuardDuty on in their Regions. Raises InvalidFinding."""
        _check(document)
        with self._lock:
            for region in {finding["region"] for finding in document}:
                _switch_on(region)
            self._findings, self._is_told = document, True

    def found(self, finding: Any) -> None:
        """What an event says in GuardDuty's name. Its newest version replaces the others, as in GuardDuty."""
        try:
            _check([finding])
        except InvalidFinding:
            return
        place = finding["region"], finding["id"]
        with self._lock:
            if self._is_told:
                return
            _switch_on(finding["region"])
            others = [one for one in self._findings if (one["region"], one["id"]) != place]
            self._findings = [*others, finding]

    def add(self, findings: list[dict[str, Any]]) -> None:
        """Puts findings beside those that are there."""
        with self._lock:
            self._findings = [*self._findings, *findings]

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
    """Adds what moto's GuardDuty lacks about findings."""

    def get_findings(self: GuardDutyResponse) -> str:
        detector, ids = self.path.split("/")[2], self._get_param("findingIds")
        self.guardduty_backend.get_detector(detector)  # raises GuardDuty's own 400
        if not isinstance(ids, list) or len(ids) > _MOST_IDS:
            raise _BadRequest
        visible = planted.visible_to(self.current_account, self.region)
        return json.dumps({"findings": [visible[name] for name in ids if name in visible]})

    def list_findings(self: GuardDutyResponse) -> str:
        self.guardduty_backend.get_detector(self.path.split("/")[2])
        criteria = (self._get_param("findingCriteria") or {}).get("criterion", {})
        visible = planted.visible_to(self.current_account, self.region).values()
        found = [finding for finding in visible if _meets(finding, criteria)]
        found.sort(key=lambda finding: str(finding.get("updatedAt", "")), reverse=True)
        return json.dumps({"findingIds": [finding["id"] for finding in found], "nextToken": ""})

    def create_sample_findings(self: GuardDutyResponse) -> str:
        detector, types = self.path.split("/")[2], self._get_param("findingTypes") or []
        self.guardduty_backend.get_detector(detector)
        planted.add([samples.sample(kind, self.current_account, self.region, detector) for kind in types])
        return "{}"

    def describe_organization_configuration(self: GuardDutyResponse) -> str:
        self.guardduty_backend.get_detector(self.path.split("/")[2])
        # Of one Region, as everything in GuardDuty. Nobody else than the administrator is answered.
        organization = guardduty_backends[names.MANAGEMENT_ACCOUNT][self.region]
        if self.current_account not in organization.list_organization_admin_accounts():
            raise _BadRequest
        return json.dumps({"autoEnableOrganizationMembers": "ALL", "memberAccountLimitReached": False})

    GuardDutyResponse.get_findings = get_findings
    GuardDutyResponse.list_findings = list_findings
    GuardDutyResponse.create_sample_findings = create_sample_findings
    GuardDutyResponse.describe_organization_configuration = describe_organization_configuration
    for name in ("findings", "findings/get", "findings/create", "admin"):
        url_paths["{0}/detector/(?P<detector_id>[^/]+)/" + name + "$"] = GuardDutyResponse.dispatch


def _meets(finding: dict[str, Any], criteria: dict[str, Any]) -> bool:
    """The criteria that the command uses: a type, and from when on (milliseconds since 1970)."""
    kinds = criteria.get("type", {}).get("equals") or criteria.get("type", {}).get("eq")
    since = criteria.get("updatedAt", {}).get("greaterThanOrEqual", 0)
    at = datetime.fromisoformat(str(finding.get("updatedAt", "1970-01-01T00:00:00+00:00")))
    return (not kinds or finding.get("type") in kinds) and at.timestamp() * 1000 >= since


def _switch_on(region: str) -> None:
    """GuardDuty of the security account, in a Region."""
    backend = guardduty_backends[names.SECURITY_ACCOUNT][region]
    if not backend.list_detectors():
        backend.create_detector(True, "SIX_HOURS", {}, {}, [])


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
