"""Every `${...}` of the definition has a value in the template, and every value is used; every function invoked exists.

CloudFormation deploys a definition with an unknown `${...}` in it as it stands; the first execution then fails.
"""

from __future__ import annotations

import json
import re

from .documents import SECURITY, Documents
from .problem import Problem
from .states import states


def check(documents: Documents) -> list[Problem]:
    """Substitutions without a value, values without a use, functions that are not there."""
    used = set(re.findall(r"\$\{(\w+)\}", json.dumps(documents.definition)))
    given = set(documents.substitutions)
    mend = "make DefinitionSubstitutions and the definition name the same"
    problems = [
        Problem("state machine", f"${{{name}}} has no value in the template", mend) for name in sorted(used - given)
    ]
    problems += [
        Problem(SECURITY, f"the substitution {name} is used by no state", mend) for name in sorted(given - used)
    ]
    return problems + _functions(documents)


def fill(documents: Documents, text: str) -> str:
    """A text of the definition as Step Functions sees it."""
    return re.sub(r"\$\{(\w+)\}", lambda match: str(documents.substitutions.get(match[1], match[0])), text)


def _functions(documents: Documents) -> list[Problem]:
    there = documents.named("AWS::Lambda::Function", "FunctionName", SECURITY)
    problems = []
    for state in states(documents.definition):
        # FunctionName.$ is put together at run time: rules/state_machine_role.py knows from what.
        name = (state.body.get("Parameters") or {}).get("FunctionName")
        if name is not None and fill(documents, name).rsplit(":", 1)[-1] not in there:
            problems.append(
                Problem(
                    state.where, f"invokes {name}, which is not in the template", "add the function or correct the name"
                )
            )
    return problems
