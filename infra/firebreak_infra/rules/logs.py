"""Every function and the state machine write to a log group of the template, which keeps what it has for a set time."""

from __future__ import annotations

from .documents import SECURITY, Documents
from .problem import Problem


def check(documents: Documents) -> list[Problem]:
    """Log groups that grow for ever, or that Lambda would make without a retention."""
    problems = []
    groups = documents.named("AWS::Logs::LogGroup", "LogGroupName")
    for group in groups.values():
        if not group.properties.get("RetentionInDays"):
            problems.append(Problem(group.where, "keeps logs for ever", "set RetentionInDays"))
        if not group.retained:
            problems.append(Problem(group.where, "goes away with its stack", "set DeletionPolicy: Retain"))
    for name, function in documents.named("AWS::Lambda::Function", "FunctionName", SECURITY).items():
        if f"/aws/lambda/{name}" not in groups:
            problems.append(
                Problem(
                    function.where,
                    "has no log group: Lambda would make one without retention",
                    f"add /aws/lambda/{name}",
                )
            )
    return problems
