"""What a role may do is in its template and nowhere else, each statement with a Sid that no other one has.

A managed policy would allow what no rule sees, and of two statements with one Sid the rules would see the last.
"""

from __future__ import annotations

from collections import Counter

from .documents import Documents
from .problem import Problem
from .statements import role_statements, roles


def check(documents: Documents) -> list[Problem]:
    """Managed policies, and statements that cannot be told apart."""
    problems = []
    names = Counter(str(role.properties.get("RoleName")) for role in documents.resources("AWS::IAM::Role"))
    problems += [
        Problem("templates", f"{count} roles {name}", "one role per name") for name, count in names.items() if count > 1
    ]
    for _, role in roles(documents):
        if role.properties.get("ManagedPolicyArns"):
            problems.append(Problem(role.where, "has managed policies", "remove ManagedPolicyArns"))
        sids = Counter(one.sid for one in role_statements(documents, role))
        problems += [
            Problem(role.where, f"{count} statements {sid}", "give each a Sid of its own")
            for sid, count in sids.items()
            if count > 1
        ]
    return problems
