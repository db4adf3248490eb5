"""Each function answers `firebreak doctor` under an alias of its own: who may invoke that alias alone can contain nothing."""

from __future__ import annotations

from typing import Final

from .documents import SECURITY, Documents
from .problem import Problem

ALIAS: Final = "doctor"
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
    # Another version would be another program: the one that runs is the one to ask.
    elsewhere = [
        Problem(one.where, f"points to version {one.properties.get('FunctionVersion')}", f"point it to {_LATEST}")
        for one in aliases
        if one.properties.get("FunctionVersion") != _LATEST
    ]
    return missing + elsewhere
