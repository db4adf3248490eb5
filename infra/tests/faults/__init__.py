"""Faults to plant, by theme. Each is one change to what is deployed, and names the one check that must find it."""

from __future__ import annotations

from typing import Final

from . import (
    alarms,
    deployment,
    events,
    evidence,
    flow,
    organization,
    people,
    permissions,
    queues,
    resource_policies,
    tools,
    trust,
)
from .fault import Fault

FAULTS: Final[list[Fault]] = [
    *flow.FAULTS,
    *events.FAULTS,
    *trust.FAULTS,
    *people.FAULTS,
    *permissions.FAULTS,
    *organization.FAULTS,
    *resource_policies.FAULTS,
    *evidence.FAULTS,
    *queues.FAULTS,
    *alarms.FAULTS,
    *deployment.FAULTS,
    *tools.FAULTS,
]
