"""Nothing that is deployed names a partition: an ARN of `aws` is no ARN in GovCloud (`aws-us-gov`) or China (`aws-cn`).

The integrations of a state machine are no exception there (AWS CDK, `integrationResourceArn`, takes `AWS::Partition`).
"""

from __future__ import annotations

import json
import re
from typing import Any, Final

from .documents import Documents, Json
from .problem import Problem
from .states import all_states

_NAMED: Final = re.compile(r"arn:aws[\w-]*:[^\"\\]{0,60}")
"""An ARN whose partition is written out. That of a placeholder is `${...}`; that of a pattern goes on with a bracket."""
_SCOPES: Final = ("Branches", "ItemProcessor", "Iterator")


def check(documents: Documents) -> list[Problem]:
    """ARNs that are right in one partition only."""
    problems = [
        Problem(state.where, f"names a partition: {found}", "write arn:${Partition}:... and substitute AWS::Partition")
        for state in all_states(documents)
        for found in _in({key: value for key, value in state.body.items() if key not in _SCOPES})
    ]
    for template, content in documents.deployed.items():
        for section, entries in content.items():
            for name, body in (entries if isinstance(entries, dict) else {section: entries}).items():
                what = [f"names a partition: {found}" for found in _in(_without_definition(body))]
                problems += [Problem(f"{template} {name}", one, "write arn:${AWS::Partition}:... in Fn::Sub") for one in what]
    return problems


def _without_definition(body: Any) -> Any:
    """The definition is looked at state by state."""
    if not isinstance(body, dict) or body.get("Type") != "AWS::StepFunctions::StateMachine":
        return body
    properties: Json = {key: value for key, value in body["Properties"].items() if key != "Definition"}
    return {**body, "Properties": properties}


def _in(node: Any) -> list[str]:
    return _NAMED.findall(json.dumps(node))
