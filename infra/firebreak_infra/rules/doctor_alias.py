"""Each function answers `firebreak doctor` under an alias of its own, one `firebreak prepare`, two what a containment would
hit: who may invoke an alias alone can contain nothing. Of the functions only the watch may have something contained."""

from __future__ import annotations

from typing import Final

from ..functions import functions
from ..samples import PARTITION, REGION, SECURITY_ACCOUNT
from .documents import SECURITY, Documents
from .problem import Problem
from .statements import matches, role_statements, roles

ALIAS: Final = "doctor"
RECOVERY: Final = ("firebreak-lockdown-s3", "recovery")
PREPARE: Final = ("firebreak-isolate-ec2", "prepare")
IMPACT: Final = ("firebreak-isolate-ec2", "impact")
IMPACT_OF_BUCKETS: Final = ("firebreak-lockdown-s3", "impact")
_OTHERS: Final = {
    RECOVERY: "add it: nobody could plan how lost objects come back",
    PREPARE: "add it: nobody could prepare accounts",
    IMPACT: "add it: no ticket would say what an isolation hits",
    IMPACT_OF_BUCKETS: "add it: no ticket would say whom a lockdown hits",
}
_LATEST: Final = "$LATEST"
_WATCH: Final = "FirebreakWatch"
"""The state machine's own role invokes containments, too; it is no function's."""
_CONTAINMENT: Final = f"arn:{PARTITION}:lambda:{REGION}:{SECURITY_ACCOUNT}:function:firebreak-"
_RUNS: Final = ("", f":{_LATEST}", ":1")


def check(documents: Documents) -> list[Problem]:
    """Functions without the alias, aliases that lead elsewhere, and roles that need none to contain."""
    return _aliases(documents) + _past_an_alias(documents)


def _past_an_alias(documents: Documents) -> list[Problem]:
    own = {function.role for function in functions()} - {_WATCH}
    targets = [f"{_CONTAINMENT}{one.name}{runs}" for one in functions() if one.is_called_for_targets for runs in _RUNS]
    return [
        Problem(statement.where, f"{name} may have something contained", "name an alias: prepare, impact, recovery or doctor")
        for name, role in roles(documents, SECURITY)
        if name in own
        for statement in role_statements(documents, role)
        if statement.allows
        and any(matches(one.lower(), "lambda:invokefunction") for one in statement.actions)
        and any(matches(one, target) for one in statement.resources for target in targets)
    ]


def _aliases(documents: Documents) -> list[Problem]:
    aliases = list(documents.resources("AWS::Lambda::Alias", SECURITY))
    asked = {one.properties.get("FunctionName") for one in aliases if one.properties.get("Name") == ALIAS}
    folders = (f"firebreak-{folder}" for folder in documents.function_policies)
    missing = [
        Problem(SECURITY, f"{function} has no alias {ALIAS}", "add it: the doctor invokes nothing else")
        for function in folders
        if function not in asked
    ]
    named = {(one.properties.get("FunctionName"), one.properties.get("Name")) for one in aliases}
    missing += [
        Problem(SECURITY, f"{function} has no alias {alias}", mend)
        for (function, alias), mend in _OTHERS.items()
        if (function, alias) not in named
    ]
    # Another version would be another program: the one that runs is the one to ask.
    elsewhere = [
        Problem(one.where, f"points to version {one.properties.get('FunctionVersion')}", f"point it to {_LATEST}")
        for one in aliases
        if one.properties.get("FunctionVersion") != _LATEST
    ]
    return missing + elsewhere
