"""Each function answers `firebreak doctor` under an alias of its own, and one `firebreak prepare`: who may invoke an alias alone can
contain nothing."""

from __future__ import annotations

from typing import Final

from .documents import SECURITY, Documents
from .problem import Problem

ALIAS: Final = "doctor"
PREPARE: Final = ("firebreak-isolate-ec2", "prepare")
_LATEST: Final = "$LATEST"


def check(documents: Documents) -> list[Problem]:
    """Functions without the alias, and aliases that lead elsewhere."""
    aliases = list(documents.resources("AWS::Lambda::Alias", SECURITY))
    asked = {one.properties.get("FunctionName") for one in aliases if one.properties.get("Name") == ALIAS}
    functions = (f"firebreak-{folder}" for folder in documents.function_policies)
    missing = [
        Problem(SECURITY, f"{function} has no alias {ALIAS}", "add it: the doctor invokes nothing else")
        for function in functions
        if function not in asked
    ]
    if PREPARE not in {(one.properties.get("FunctionName"), one.properties.get("Name")) for one in aliases}:
        missing.append(Problem(SECURITY, f"{PREPARE[0]} has no alias {PREPARE[1]}", "add it: nobody could prepare accounts"))
    # Another version would be another program: the one that runs is the one to ask.
    elsewhere = [
        Problem(one.where, f"points to version {one.properties.get('FunctionVersion')}", f"point it to {_LATEST}")
        for one in aliases
        if one.properties.get("FunctionVersion") != _LATEST
    ]
    return missing + elsewhere
