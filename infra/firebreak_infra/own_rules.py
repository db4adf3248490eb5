"""Event rules of the rows that a response policy adds: the same as `firebreak::arrival::own_rules`.

`fixtures/event-rules/own.json` holds both to each other.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

_OF_GUARDDUTY: Final = re.compile(r"[^:]*:.*/")
"""`Tactic:Service/Technique`. Other names have rules of their own, or none."""
_TYPES_PER_RULE: Final = 20
_GUARDDUTY: Final = "aws/guardduty"


def own_rules(policy: Mapping[str, Any], shipped: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Patterns by the stem of a rule. `shipped`: patterns of infra/event-rules by stem."""
    known = {kind for pattern in shipped.values() for kind in pattern["detail"].get("type", [])}
    own = sorted(
        (kind for kind, row in policy.get("finding", {}).items() if _must_arrive(row) and _OF_GUARDDUTY.match(kind)),
        key=lambda kind: kind.encode(),
    )
    new = [kind for kind in own if kind not in known]
    chunks = [new[at : at + _TYPES_PER_RULE] for at in range(0, len(new), _TYPES_PER_RULE)]
    rules = {f"guardduty-own-{number}": _pattern(types) for number, types in enumerate(chunks, start=1)}
    return rules | _controls(sorted(set(policy.get("security_hub", {}).get("products", [])) - {_GUARDDUTY}))


def _must_arrive(row: Mapping[str, Any]) -> bool:
    asks = "gate" in (*row.get("by_hand", {}).values(), row.get("let_through"))
    return bool(row.get("arrives") or row.get("contain") or asks)


def _controls(products: list[str]) -> dict[str, dict[str, Any]]:
    """Posture controls arrive of products only that the policy lists."""
    if not products:
        return {}
    asff = {
        "source": ["aws.securityhub"],
        "detail-type": ["Security Hub Findings - Imported"],
        "detail": {
            "findings": {
                "Severity": {"Label": ["HIGH", "CRITICAL"]},
                "Workflow": {"Status": ["NEW"]},
                "RecordState": ["ACTIVE"],
                "Compliance": {"Status": [{"exists": True}]},
                "ProductArn": [{"wildcard": f"*:product/{product}"} for product in products],
            }
        },
    }
    ocsf = {
        "source": ["aws.securityhub"],
        "detail-type": ["Findings Imported V2"],
        "detail": {
            "findings": {
                "class_uid": [2003],
                "severity_id": [4, 5, 6],
                "status_id": [1],
                "metadata": {"product": {"uid": [{"wildcard": f"*:productv2/{product}"} for product in products]}},
            }
        },
    }
    return {"security-hub-own": asff, "security-hub-v2-own": ocsf}


def _pattern(types: list[str]) -> dict[str, Any]:
    return {
        "source": ["aws.guardduty"],
        "detail-type": ["GuardDuty Finding"],
        "detail": {
            "type": types,
            "severity": [{"numeric": ["<", 7]}],
            "$or": [{"service": {"archived": [False]}}, {"service": {"archived": [{"exists": False}]}}],
        },
    }
