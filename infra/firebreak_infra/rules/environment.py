"""Each function gets exactly the variables of the table in `docs/environment.md`."""

from __future__ import annotations

import re

from ..functions import functions
from .documents import SECURITY, Documents
from .problem import Problem


def check(documents: Documents) -> list[Problem]:
    """Functions that would not start, or are told what they need not know."""
    wanted = variables(documents.environment_table)
    # A containment in member accounts needs no row.
    plain = wanted.pop("<containment>", set())
    wanted = {**{one.name: plain for one in functions() if one.contains}, **wanted}
    deployed = documents.named("AWS::Lambda::Function", "FunctionName", SECURITY)
    missing = {f"firebreak-{name}" for name in wanted} ^ set(deployed)
    problems = [
        Problem(name, "is only in one of template and docs/environment.md", "add it to the other")
        for name in sorted(missing)
    ]
    for name, function in deployed.items():
        given = (function.properties.get("Environment") or {}).get("Variables") or {}
        own = {variable for variable in given if variable.startswith("FIREBREAK_")}
        table = wanted.get(name.removeprefix("firebreak-"), own)
        mend = "make Environment.Variables and the table in docs/environment.md the same"
        problems += [
            Problem(function.where, f"lacks {variable}: the function does not start", mend)
            for variable in sorted(table - own)
        ]
        problems += [
            Problem(function.where, f"has {variable}, which it does not read", mend) for variable in sorted(own - table)
        ]
        problems += [
            Problem(function.where, f"{variable} is empty", mend) for variable in sorted(own) if not given[variable]
        ]
    return problems


def variables(text: str) -> dict[str, set[str]]:
    """The table `| function | variables |`: rows may say `the same` as the row before, or as another function."""
    found: dict[str, set[str]] = {}
    before: set[str] = set()
    rows = text.partition("| function | variables |")[2].splitlines()[2:]
    for row in rows:
        if not row.startswith("|"):
            break
        names, what = row.strip("| ").split(" | ", 1)
        like = re.match(r"the same as `([\w-]+)`", what)
        base = found[like[1]] if like else before if what.startswith("the same") else set()
        before = base | set(re.findall(r"`(FIREBREAK_\w+)`", what))
        found |= dict.fromkeys(re.findall(r"`([\w-]+|<containment>)`", names), before)
    return found
