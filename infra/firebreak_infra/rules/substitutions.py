"""Every `${...}` of the definition has a value in the template, and every value is used; every function invoked exists.

CloudFormation deploys a definition with an unknown `${...}` in it as it stands; the first execution then fails.
"""

from __future__ import annotations

import json
import re

from .documents import SECURITY, Documents
from .problem import Problem
from .states import State, all_states


def check(documents: Documents) -> list[Problem]:
    """Substitutions without a value, values without a use, functions that are not there."""
    problems = []
    mend = "make DefinitionSubstitutions and the definition name the same"
    for machine, definition in documents.definitions.items():
        used = set(re.findall(r"\$\{(\w+)\}", json.dumps(definition)))
        given = set(documents.substitutions.get(machine, {}))
        problems += [
            Problem(f"state machine {machine}", f"${{{name}}} has no value in the template", mend)
            for name in sorted(used - given)
        ]
        problems += [
            Problem(SECURITY, f"the substitution {name} is used by no state of {machine}", mend)
            for name in sorted(given - used)
        ]
    return problems + _functions(documents)


def fill(documents: Documents, state: State, text: str) -> str:
    """A text of a definition as Step Functions sees it."""
    given = documents.substitutions.get(state.machine, {})
    return re.sub(r"\$\{(\w+)\}", lambda match: str(given.get(match[1], match[0])), text)


def _functions(documents: Documents) -> list[Problem]:
    there = documents.named("AWS::Lambda::Function", "FunctionName", SECURITY)
    problems = []
    for state in all_states(documents):
        # FunctionName.$ is put together at run time: rules/state_machine_role.py knows from what.
        name = (state.body.get("Parameters") or {}).get("FunctionName")
        if name is not None and fill(documents, state, name).rsplit(":", 1)[-1] not in there:
            problems.append(
                Problem(
                    state.where, f"invokes {name}, which is not in the template", "add the function or correct the name"
                )
            )
    return problems
