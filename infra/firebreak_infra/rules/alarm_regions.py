"""Every alarm's topic is in the alarm's own Region: CloudWatch refuses another one, and the stack fails.

Seen with templates that are resolved in two Regions: a Region that somebody wrote down, or gave as a parameter, is
right in one of them at most.
"""

from __future__ import annotations

from .documents import Documents
from .problem import Problem


def check(documents: Documents) -> list[Problem]:
    """Actions that name another Region than the alarm's."""
    problems = []
    for region, there in documents.by_region.items():
        for name, template in there.items():
            for logical_id, body in template["Resources"].items():
                if body["Type"] != "AWS::CloudWatch::Alarm":
                    continue
                for arn in body["Properties"].get("AlarmActions") or []:
                    if str(arn).split(":")[3:4] != [region]:
                        what = f"in {region} it tells {arn}, which is in another Region"
                        problems.append(Problem(f"{name} {logical_id}", what, "build the topic's ARN with AWS::Region"))
    return problems
