"""What is deployed: five units, each a stack in one account or a StackSet over many, and their order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal


@dataclass(frozen=True)
class Unit:
    """A template and where it goes."""

    template: str
    kind: Literal["stack", "sam", "stack-set"]
    stack: str
    """Name of the stack or StackSet."""
    needs_packages: bool = False


UNITS: Final = (
    Unit("forensics-account", "stack", "firebreak-forensics"),
    Unit("security-account", "sam", "firebreak-security", needs_packages=True),
    Unit("management-account", "stack", "firebreak-management"),
    Unit("member-account", "stack-set", "firebreak-member"),
    Unit("forwarder", "stack-set", "firebreak-forwarder"),
)

ALL: Final = (
    "forensics-account", "security-account", "management-account", "security-account", "member-account", "forwarder",
)  # fmt: skip
"""The order in which each finds what it names. Evidence has a bucket and key first. The roles of other accounts name the security
account's, which must exist. The security account comes again for the quarantine policy's id, which the management account has.
Findings come last, when there is something to answer them."""

REMOVAL: Final = ("forwarder", "security-account", "member-account", "management-account", "forensics-account")
"""No new findings first; then nothing that could act; then what it acted with; the evidence last."""


def unit(template: str) -> Unit:
    """The unit of a template."""
    return next(unit for unit in UNITS if unit.template == template)
