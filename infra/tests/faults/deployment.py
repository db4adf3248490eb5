"""What the functions are given, and names others rely on."""

from __future__ import annotations

from typing import Final

from firebreak_infra.rules.documents import MEMBER, SECURITY, Sources

from .fault import Fault, function, properties, role, statement


def _variables(sources: Sources, name: str) -> dict[str, object]:
    found: dict[str, object] = function(sources, name)["Environment"]["Variables"]
    return found


def _alias(sources: Sources, name: str, alias: str = "doctor") -> dict[str, object]:
    """An alias of a function: it refers to the function by its logical id."""
    resources = sources.templates[SECURITY]["Resources"]
    [logical_id] = [key for key, one in resources.items() if one.get("Properties") == function(sources, name)]
    return properties(sources, SECURITY, "AWS::Lambda::Alias", FunctionName={"Ref": logical_id}, Name=alias)


def _two_containments(sources: Sources) -> None:
    function(sources, "quarantine-iam")["Role"] = function(sources, "release")["Role"]


def _prod(name: str, expect: str, **fields: object) -> Fault:
    """A fault in the response policy of prod."""
    return Fault(name, "modes", expect, lambda s: s.response_policies["prod"].update(fields))


_MODES: Final = [
    _prod("prod contains at once", "default_mode is auto", default_mode="auto"),
    _prod(
        "prod contains one account at once",
        "accounts.111122223333 is auto",
        accounts={"111122223333": {"mode": "auto"}},
    ),
    _prod(
        "prod contains one account's principals at once",
        "accounts.111122223333.containments.quarantine-iam is auto",
        accounts={"111122223333": {"mode": "observe", "containments": {"quarantine-iam": "auto"}}},
    ),
    _prod("whoever may put events on the bus may contain", "isolation_requests is auto", isolation_requests="auto"),
    _prod("GuardDuty is not asked", "confirmation is off", confirmation="off"),
]

FAULTS: Final = [
    Fault(
        "a variable is missing",
        "environment",
        "lacks FIREBREAK_NOTICES_TOPIC_ARN",
        lambda s: _variables(s, "notify").pop("FIREBREAK_NOTICES_TOPIC_ARN"),
    ),
    Fault(
        "a function is told the external id for nothing",
        "environment",
        "has FIREBREAK_EXTERNAL_ID, which it does not read",
        lambda s: _variables(s, "notify").update(FIREBREAK_EXTERNAL_ID="x"),
    ),
    Fault(
        "the ledger has another name",
        "names",
        "has the name firebreak-ledger",
        lambda s: properties(s, SECURITY, "AWS::DynamoDB::Table").update(TableName="ledger"),
    ),
    Fault(
        "an old runtime",
        "names",
        "does not run on provided.al2023",
        lambda s: function(s, "sweep").update(Runtime="provided.al2"),
    ),
    Fault(
        "a containment runs with release's role", "names", "has not the role FirebreakQuarantineIam", _two_containments
    ),
    Fault(
        "the quarantine policy has another name",
        "names",
        "has the name FirebreakQuarantineDenyAll",
        lambda s: properties(
            s, MEMBER, "AWS::IAM::ManagedPolicy", ManagedPolicyName="FirebreakQuarantineDenyAll"
        ).update(ManagedPolicyName="QuarantineDenyAll"),
    ),
    Fault(
        "a function that can never run",
        "names",
        "it has no concurrency",
        lambda s: function(s, "ingest").update(ReservedConcurrentExecutions=0),
    ),
    Fault(
        "a function that the doctor can only ask with the right to contain",
        "doctor_alias",
        "firebreak-lockdown-s3 has no alias doctor",
        lambda s: _alias(s, "lockdown-s3").update(Name="diagnose"),
    ),
    Fault(
        "nobody can have accounts prepared",
        "doctor_alias",
        "firebreak-isolate-ec2 has no alias prepare",
        lambda s: properties(s, SECURITY, "AWS::Lambda::Alias", Name="prepare").update(Name="other"),
    ),
    Fault(
        "nobody can plan how lost objects come back",
        "doctor_alias",
        "firebreak-lockdown-s3 has no alias recovery",
        lambda s: properties(s, SECURITY, "AWS::Lambda::Alias", Name="recovery").update(Name="other"),
    ),
    Fault(
        "nobody learns what an isolation hits",
        "doctor_alias",
        "firebreak-isolate-ec2 has no alias impact",
        lambda s: _alias(s, "isolate-ec2", "impact").update(Name="other"),
    ),
    Fault(
        "nobody learns whom a lockdown hits",
        "doctor_alias",
        "firebreak-lockdown-s3 has no alias impact",
        lambda s: _alias(s, "lockdown-s3", "impact").update(Name="other"),
    ),
    Fault(
        "who reads what suspects wrote may isolate",
        "doctor_alias",
        "FirebreakSweep may have something contained",
        lambda s: statement(role(s, "FirebreakSweep"), "AskWhatAContainmentHits").update(
            Resource="arn:aws:lambda:*:*:function:firebreak-isolate-ec2*"
        ),
    ),
    Fault(
        "the doctor asks an old version",
        "doctor_alias",
        "points to version 7",
        lambda s: _alias(s, "sweep").update(FunctionVersion="7"),
    ),
    *_MODES,
]
