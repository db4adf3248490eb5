"""What no tool checks: each rule takes the documents and returns what must not be deployed.

A rule is one file with one function `check`. That each of them bites is shown by infra/tests/test_planted_faults.py.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from . import (
    alarm_regions,
    alarms,
    branches,
    doctor_alias,
    encryption,
    environment,
    event_patterns,
    event_rules,
    event_targets,
    evidence_bucket,
    function_roles,
    function_urls,
    ledger,
    logs,
    modes,
    names,
    needed_statements,
    never_destroy,
    organization_policies,
    partition,
    pauses,
    queues,
    resource_policies,
    role_policies,
    root_sessions,
    state_machine,
    state_machine_role,
    substitutions,
    trust,
    wildcards,
)
from .documents import Documents
from .problem import Problem

Rule = Callable[[Documents], list[Problem]]

RULES: Final[dict[str, Rule]] = {
    module.__name__.rsplit(".", 1)[-1]: module.check
    for module in (
        branches,
        substitutions,
        state_machine,
        state_machine_role,
        event_patterns,
        event_rules,
        event_targets,
        trust,
        resource_policies,
        needed_statements,
        never_destroy,
        wildcards,
        organization_policies,
        pauses,
        role_policies,
        root_sessions,
        function_roles,
        function_urls,
        environment,
        names,
        partition,
        doctor_alias,
        modes,
        evidence_bucket,
        ledger,
        encryption,
        queues,
        logs,
        alarms,
        alarm_regions,
    )
}
"""The rules by name, in the order they are reported."""
