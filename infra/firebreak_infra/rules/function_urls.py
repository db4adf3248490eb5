"""Functions that people call stand behind a URL that IAM guards, and nobody gets past it.

Behind it the function knows who asks. A direct Invoke lets its caller write any name into the event.
"""

from __future__ import annotations

from typing import Final

from ..functions import functions
from ..samples import PARTITION, REGION, SECURITY_ACCOUNT
from .documents import SECURITY, Documents
from .problem import Problem
from .statements import Statement, matches, role_statements, roles, statements_in

_FRONT: Final = f"arn:{PARTITION}:lambda:{REGION}:{SECURITY_ACCOUNT}:function:firebreak-"
_INVOKE: Final = "lambda:invokefunction"
_RUNS: Final = ("", ":$LATEST", ":1")
"""Under these a function takes every payload: unqualified, its newest code, a published version. Under an alias it does not."""


def check(documents: Documents) -> list[Problem]:
    """URLs that are open, missing or too many; permissions and roles that let somebody past one."""
    return _urls(documents) + _permissions(documents) + _roles(documents) + _policies(documents)


def _urls(documents: Documents) -> list[Problem]:
    wanted = {f"{_FRONT}{one.name}" for one in functions() if one.has_url}
    problems, found = [], set()
    for url in documents.resources("AWS::Lambda::Url"):
        function = str(url.properties.get("TargetFunctionArn"))
        found.add(function)
        if url.properties.get("AuthType") != "AWS_IAM":
            problems.append(Problem(url.where, "lets everybody call", "AuthType: AWS_IAM"))
        if function not in wanted or url.properties.get("Qualifier"):
            problems.append(Problem(url.where, f"{function} has a URL", "only functions with `trigger = command` have one"))
    missing = sorted(wanted - found)
    return problems + [Problem(name, "has no URL: nobody can call it", "add PerFunctionWithUrl") for name in missing]


def _permissions(documents: Documents) -> list[Problem]:
    problems = []
    for permission in documents.resources("AWS::Lambda::Permission"):
        properties = permission.properties
        if properties.get("Principal") == "*":
            problems.append(Problem(permission.where, "lets everybody call", "name one service in Principal"))
        by_url = str(properties.get("Action")).lower() == "lambda:invokefunctionurl"
        if by_url or "FunctionUrlAuthType" in properties or properties.get("InvokedViaFunctionUrl"):
            mend = "remove it: people of the account have their own policy"
            problems.append(Problem(permission.where, "opens a function's URL to others", mend))
    return problems


def _roles(documents: Documents) -> list[Problem]:
    return [
        problem
        for name, role in roles(documents)
        for statement in role_statements(documents, role)
        for problem in _past_a_url(name, statement)
    ]


def _policies(documents: Documents) -> list[Problem]:
    """Managed policies of this account, whoever has them: permission sets name them, and are in no template."""
    return [
        problem
        for policy in documents.resources("AWS::IAM::ManagedPolicy", SECURITY)
        for statement in statements_in(policy, policy.properties.get("PolicyDocument"))
        for problem in _past_a_url(str(policy.properties.get("ManagedPolicyName", "a managed policy")), statement)
    ]


def _past_a_url(name: str, statement: Statement) -> list[Problem]:
    mend = "add lambda:InvokedViaFunctionUrl true (Bool)"
    called = [one.name for one in functions() if one.has_url]
    return [
        Problem(statement.where, f"{name} calls firebreak-{one} past its URL", mend)
        for one in called
        if any(_reaches(statement, f"{_FRONT}{one}{qualifier}") for qualifier in _RUNS)
    ]


def _reaches(statement: Statement, function: str) -> bool:
    return (
        statement.allows
        and ("NotAction" in statement.body or any(matches(one.lower(), _INVOKE) for one in statement.actions))
        and ("NotResource" in statement.body or any(matches(one, function) for one in statement.resources))
        and statement.condition("lambda:InvokedViaFunctionUrl", "Bool") != ["true"]
    )
