"""Faults that the tools find: these are not looked for again by a rule."""

from __future__ import annotations

from typing import Final

from firebreak_infra.rules.documents import FORENSICS, FORWARDER, MEMBER, SECURITY, Sources

from .fault import Fault, bucket, properties, role, state, statement, statements

CFN_LINT: Final = "cfn-lint"
SAM: Final = "sam validate --lint"
ASL: Final = "asl-validator"
POLICIES: Final = "IAM policy linter"
LOCAL: Final = "local AWS"


def _unreachable(sources: Sources) -> None:
    sources.definitions["watch"]["States"]["Nowhere"] = {"Type": "Succeed"}


def _scoped_answer(sources: Sources) -> None:
    answer = statement(role(sources, "FirebreakDecideReview"), "AnswerTheGate")
    answer["Resource"] = "arn:aws:states:eu-central-1:123456789012:stateMachine:firebreak-incident-response"


def _condition_key(sources: Sources) -> None:
    read = statement(role(sources, "FirebreakMemberIsolateEc2", MEMBER), "ReadInstances")
    read["Condition"] = {"StringEquals": {"ec2:InstanceKind": "t3.micro"}}


def _large_trust(sources: Sources) -> None:
    trust = role(sources, "FirebreakMemberSweep", MEMBER)["AssumeRolePolicyDocument"]["Statement"]
    trust[0]["Condition"]["StringEquals"]["sts:ExternalId"] = ["x" * 1200, "y" * 1200]


def _typo(sources: Sources) -> None:
    statements(role(sources, "FirebreakMemberSweep", MEMBER))[0]["Action"] = "cloudtrail:LookUpEvent"


FAULTS: Final = [
    Fault("dangling Next", ASL, "MISSING_TRANSITION_TARGET", lambda s: state(s, "Triage").update(Next="Rout")),
    Fault("unreachable state", ASL, "Nowhere", _unreachable),
    Fault("invalid JSONPath", ASL, "ResultPath", lambda s: state(s, "Triage").update(ResultPath="$[")),
    Fault(
        "unknown field in a state",
        ASL,
        "/States/WaitForPropagation is invalid",
        lambda s: state(s, "WaitForPropagation").update(Sekonds=1),
    ),
    Fault("an inlined state without Type", CFN_LINT, "Definition", lambda s: state(s, "Route").pop("Type")),
    Fault(
        "GetAtt of an attribute that is not there",
        CFN_LINT,
        "BucketKeyArn",
        lambda s: bucket(s)["Properties"].update(BucketName={"Fn::GetAtt": ["EvidenceKey", "BucketKeyArn"]}),
        FORENSICS,
    ),
    Fault(
        "a text where a number belongs",
        CFN_LINT,
        "MessageRetentionPeriod",
        lambda s: properties(s, FORWARDER, "AWS::SQS::Queue").update(MessageRetentionPeriod="two weeks"),
        FORWARDER,
    ),
    Fault("a misspelt IAM action", CFN_LINT, "lookupevent", _typo, MEMBER),
    Fault("the same, resolved", POLICIES, "LookUpEvent", _typo),
    Fault("SendTaskSuccess scoped to a state machine", POLICIES, "works on none of its resources", _scoped_answer),
    Fault("a condition key that the action does not have", POLICIES, "has no ec2:InstanceKind", _condition_key),
    Fault("a trust policy that is too large", POLICIES, "a trust policy may have 2048", _large_trust),
    Fault(
        "an unknown property of a SAM resource",
        SAM,
        "Runtimme",
        lambda s: _sam_function(s).update(Runtimme="provided.al2023"),
    ),
    Fault(
        "a reference to nothing",
        LOCAL,
        "could not deploy",
        lambda s: properties(
            s, MEMBER, "AWS::IAM::ManagedPolicy", ManagedPolicyName="FirebreakQuarantineDenyAll"
        ).update(Description={"Ref": "Nobody"}),
        MEMBER,
    ),
]


def _sam_function(sources: Sources) -> dict[str, object]:
    functions = [
        one for one in sources.templates[SECURITY]["Resources"].values() if one["Type"] == "AWS::Serverless::Function"
    ]
    found: dict[str, object] = functions[0]["Properties"]
    return found
