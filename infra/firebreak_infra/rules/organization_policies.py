"""The organization's policies fit: each in its size, all of a type on one target.

AWS raised the limits of service control policies on 15 May 2026, and those of resource control policies not (AWS Organizations
user guide, "Quotas and service limits"). A policy that is too large is refused at deployment; so is one too many on a root or unit.
"""

from __future__ import annotations

import json
from typing import Any, Final

from .documents import Documents, Resource
from .problem import Problem

_LIMITS: Final = {"SERVICE_CONTROL_POLICY": (10_240, 10), "RESOURCE_CONTROL_POLICY": (5_120, 5)}
"""By type: characters of a document, white space included, and policies on one root, unit or account."""
_THERE: Final = 1
"""On every root, unit and account there is `FullAWSAccess`, or `RCPFullAWSAccess`, and it counts."""


def check(documents: Documents) -> list[Problem]:
    """Policies that Organizations would refuse."""
    problems = []
    of_type: dict[str, list[Resource]] = {}
    for policy in documents.resources("AWS::Organizations::Policy"):
        kind = str(policy.properties.get("Type"))
        if kind not in _LIMITS:
            mend = "add its limits to rules/organization_policies.py"
            problems.append(Problem(policy.where, f"how large a {kind} may be is not known here", mend))
            continue
        of_type.setdefault(kind, []).append(policy)
        size, largest = _characters(policy.properties.get("Content")), _LIMITS[kind][0]
        if size > largest:
            problems.append(Problem(policy.where, f"has {size:,} characters; a {kind} may have {largest:,}", "make it shorter"))
    for kind, policies in of_type.items():
        most = _LIMITS[kind][1] - _THERE
        # All of them, attached or not yet: they are for the same root in the end.
        if len(policies) > most:
            what = f"{len(policies)} policies of type {kind}; beside AWS's own a target takes {most}"
            problems.append(Problem(policies[0].template, what, "put their statements into one"))
    return problems


def _characters(content: Any) -> int:
    """As it is sent: a string as it is, an object as CloudFormation writes it."""
    return len(content if isinstance(content, str) else json.dumps(content, separators=(",", ":"), ensure_ascii=False))
