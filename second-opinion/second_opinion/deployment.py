"""The stacks, in the order of `make deploy`, each into the account it is for."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from firebreak_infra import layout
from firebreak_infra.deploy import units

from . import left_out, names, templates
from .cloud import Cloud
from .packages import Packages
from .report import Report
from .stacks import Stack
from .templates import Json

Planted = Callable[[str, Json], None]
"""Changes a template before it is deployed."""

_ACCOUNTS: Final = {
    "forensics-account": names.FORENSICS,
    "security-account": names.SECURITY,
    "management-account": names.SECURITY,
    "member-account": names.MEMBER,
    "forwarder": names.MEMBER,
}
_REGIONS: Final = {"forwarder": (names.REGION, names.OTHER_REGION)}


@dataclass
class Deployment:
    """What is deployed where, and how."""

    cloud: Cloud
    folder: Path
    """Where the templates are rendered."""
    packages: Packages
    report: Report
    list_: list[left_out.Entry] = field(default_factory=left_out.entries)
    used: dict[str, str] = field(default_factory=dict)
    """By template and logical id: why it is left out."""
    alarms: set[str] = field(default_factory=set)
    """Names of the alarms among them."""
    _outputs: dict[str, str] = field(default_factory=dict)

    def make(self, plant: Planted = lambda name, template: None) -> None:
        """All stacks."""
        given = {
            "SecurityAccountId": names.SECURITY,
            "ForensicsAccountId": names.FORENSICS,
            "ManagementAccountId": names.SECURITY,
            "OrganizationId": names.ORGANIZATION,
            "HomeRegion": names.REGION,
            "LambdaArchitecture": templates.architecture(),
            "ExternalId": secrets.token_hex(16),
            # The run answers as the account's root user, who has no role.
            "Approvers": "*",
        }
        for name in dict.fromkeys(units.ALL):
            whole = templates.load(self.folder, name)
            template, gone = left_out.apply(whole, self.list_)
            self.alarms |= {str(whole["Resources"][one]["Properties"].get("AlarmName")) for one in gone}
            self.used |= {f"{name} {logical_id}": str(entry) for logical_id, entry in gone.items()}
            if not template["Resources"] or _is_hollow(name, gone):
                self.report.line(f"{name}: left out")
                continue
            plant(name, template)
            if name == layout.SAM_TEMPLATE:
                self.report.line(self.packages.upload(self.cloud, template))
            self._stacks(name, template, given, len(gone))

    def resolved(self) -> list[Json]:
        """Every template with sample values in place of references."""
        return [templates.resolved(self.folder, name) for name in layout.TEMPLATES]

    def _stacks(self, name: str, template: Json, given: dict[str, str], gone: int) -> None:
        values = templates.values(name, template.get("Parameters", {}), given | self._outputs)
        for region in _REGIONS.get(name, (names.REGION,)):
            stack = Stack(self.cloud, units.unit(name).stack, _ACCOUNTS[name], region)
            self._outputs |= stack.create(_narrow(template), values)
            without = f", {gone} left out" if gone else ""
            self.report.line(f"{stack.name} in {stack.account} {region}: {stack.resources()} resources{without}")


def _is_hollow(name: str, gone: dict[str, left_out.Entry]) -> bool:
    """The management account's stack is two service control policies, and one role that writes one of them."""
    return name == "management-account" and bool(gone)


def _narrow(template: Json) -> str:
    return json.dumps(template, separators=(",", ":"))
