"""Who answers and asks."""

from __future__ import annotations

from typing import Final

from firebreak_infra.rules.documents import SECURITY, Json, Sources

from .fault import Fault, body, dict_of, role, statement


def _url(sources: Sources) -> Json:
    to_answer = {"TargetFunctionArn": {"Fn::GetAtt": ["DecideReviewFunction", "Arn"]}}
    inside: Json = body(sources, SECURITY, "AWS::Lambda::Url", **to_answer)["Properties"]
    return inside


def _no_url(sources: Sources) -> None:
    resources = sources.templates[SECURITY]["Resources"]
    for name in [name for name, one in resources.items() if one["Type"] == "AWS::Lambda::Url"]:
        del resources[name]


def _permission(sources: Sources, **more: object) -> None:
    sources.templates[SECURITY]["Resources"]["Planted"] = {
        "Type": "AWS::Lambda::Permission",
        "Properties": {"FunctionName": "firebreak-decide-review", "Action": "lambda:InvokeFunction", **more},
    }


def _planted_policy(sources: Sources) -> None:
    arn = "arn:aws:lambda:eu-central-1:123456789012:function:firebreak-pause:$LATEST"
    allow = {"Sid": "Planted", "Effect": "Allow", "Action": "lambda:InvokeFunction", "Resource": arn}
    document = {"Version": "2012-10-17", "Statement": [allow]}
    sources.templates[SECURITY]["Resources"]["Planted"] = {
        "Type": "AWS::IAM::ManagedPolicy",
        "Properties": {"ManagedPolicyName": "FirebreakPlanted", "PolicyDocument": document},
    }


def _trust(sources: Sources, name: str) -> Json:
    [one] = role(sources, name)["AssumeRolePolicyDocument"]["Statement"]
    return dict_of(one)


_ACCOUNT: Final = "trusts the whole account"

FAULTS: Final = [
    Fault("a URL for everybody", "function_urls", "lets everybody call", lambda s: _url(s).update(AuthType="NONE")),
    Fault("no URL", "function_urls", "nobody can call it", _no_url),
    Fault(
        "a URL for a containment",
        "function_urls",
        "function:firebreak-quarantine-iam has a URL",
        lambda s: _url(s).update(TargetFunctionArn={"Fn::GetAtt": ["QuarantineIamFunction", "Arn"]}),
    ),
    Fault("everybody may call", "function_urls", "Planted: lets everybody call", lambda s: _permission(s, Principal="*")),
    Fault(
        "a URL opened to another account",
        "function_urls",
        "Planted: opens a function's URL",
        lambda s: _permission(s, Principal="999999999999", FunctionUrlAuthType="AWS_IAM"),
    ),
    Fault(
        "an analyst calls past the URL and names whom they like",
        "function_urls",
        "FirebreakAnalyst calls firebreak-decide-review past its URL",
        lambda s: statement(role(s, "FirebreakAnalyst"), "AnswerTheGateAtItsUrlOnly").pop("Condition"),
    ),
    Fault(
        "whoever runs doctor asks functions to act",
        "function_urls",
        "FirebreakDoctor calls firebreak-decide-review past its URL",
        lambda s: statement(role(s, "FirebreakDoctor"), "AskFunctions").update(
            Resource="arn:aws:lambda:eu-central-1:123456789012:function:firebreak-*"
        ),
    ),
    Fault(
        "whoever runs doctor asks every version of a function to act",
        "function_urls",
        "FirebreakDoctor calls firebreak-decide-review past its URL",
        lambda s: statement(role(s, "FirebreakDoctor"), "AskFunctions").update(
            Resource="arn:aws:lambda:eu-central-1:123456789012:function:firebreak-*:*"
        ),
    ),
    Fault(
        "a permission set calls the newest code past the URL",
        "function_urls",
        "FirebreakPlanted calls firebreak-pause past its URL",
        _planted_policy,
    ),
    Fault(
        "an approver without MFA",
        "trust",
        _ACCOUNT,
        lambda s: _trust(s, "FirebreakApprover")["Condition"].pop("Bool"),
    ),
    Fault(
        "an operator under another's name",
        "trust",
        _ACCOUNT,
        lambda s: _trust(s, "FirebreakOperator")["Condition"].pop("StringEquals"),
    ),
]
