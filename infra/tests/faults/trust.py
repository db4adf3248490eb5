"""Who may assume a role."""

from __future__ import annotations

from typing import Final

from firebreak_infra.rules.documents import FORENSICS, MANAGEMENT, MEMBER, SECURITY, Sources

from .fault import Fault, member_trust, role


def _root(sources: Sources) -> None:
    member_trust(sources, "FirebreakMemberIsolateEc2")["Principal"] = {"AWS": "arn:aws:iam::123456789012:root"}


def _by_containment(sources: Sources) -> None:
    member_trust(sources, "FirebreakMemberRelease")["Principal"] = {
        "AWS": "arn:aws:iam::123456789012:role/firebreak/FirebreakQuarantineIam"
    }


def _any_source_identity(sources: Sources) -> None:
    statements = role(sources, "FirebreakMemberQuarantineScp", MANAGEMENT)["AssumeRolePolicyDocument"]["Statement"]
    [one] = [one for one in statements if one["Action"] == "sts:SetSourceIdentity"]
    del one["Condition"]["StringLike"]


def _any_account(sources: Sources) -> None:
    trust = role(sources, "FirebreakStateMachine", SECURITY)["AssumeRolePolicyDocument"]["Statement"]
    del trust[0]["Condition"]


def _principal(name: str, expect: str, principal: object) -> Fault:
    """A member role that trusts another than its function."""
    return Fault(name, "trust", expect, lambda s: member_trust(s, _ISOLATE).update(Principal=principal))


def _allow(sources: Sources, template: str, name: str, principal: object, action: str = "sts:AssumeRole") -> None:
    statements = role(sources, name, template)["AssumeRolePolicyDocument"]["Statement"]
    statements.append({"Sid": "Planted", "Effect": "Allow", "Principal": principal, "Action": action})


def _all_but_one(sources: Sources) -> None:
    one = member_trust(sources, _ISOLATE)
    one["NotPrincipal"] = one.pop("Principal")


_FUNCTION: Final = "arn:aws:iam::123456789012:role/firebreak/FirebreakIsolateEc2"
_ISOLATE: Final = "FirebreakMemberIsolateEc2"

FAULTS: Final = [
    Fault(
        "a member role that anybody may assume",
        "trust",
        "trusts *",
        lambda s: member_trust(s, _ISOLATE).update(Principal={"AWS": "*"}),
    ),
    Fault("Principal is `*`", "trust", "trusts *", lambda s: member_trust(s, _ISOLATE).update(Principal="*")),
    Fault("a member role that a whole account may assume", "trust", "trusts the whole account", _root),
    Fault(
        "no external id",
        "trust",
        "asks for no external id",
        lambda s: member_trust(s, "FirebreakMemberQuarantineIam")["Condition"]["StringEquals"].pop("sts:ExternalId"),
    ),
    Fault(
        "open to other organizations",
        "trust",
        "is open to other organizations",
        lambda s: member_trust(s, "FirebreakMemberSweep")["Condition"]["StringEquals"].pop("aws:PrincipalOrgID"),
    ),
    Fault(
        "any session name",
        "trust",
        "takes any session name",
        lambda s: member_trust(s, "FirebreakMemberTriage")["Condition"].pop("StringLike"),
    ),
    Fault("any source identity", "trust", "takes any source identity", _any_source_identity),
    Fault("release can be assumed by a containment", "trust", "role/firebreak/FirebreakQuarantineIam", _by_containment),
    Fault(
        "a member role that the guard does not protect",
        "trust",
        "is not under /firebreak/",
        lambda s: role(s, _ISOLATE, MEMBER).update(Path="/"),
    ),
    _principal(
        "a role of that name in another account",
        "iam::999999999999:role",
        {"AWS": _FUNCTION.replace("123456789012", "999999999999")},
    ),
    _principal(
        "a role of that name under another path", "role/other/", {"AWS": _FUNCTION.replace("/firebreak/", "/other/")}
    ),
    _principal(
        "a service beside the function", "states.amazonaws.com", {"AWS": _FUNCTION, "Service": "states.amazonaws.com"}
    ),
    _principal(
        "an identity provider beside the function",
        "trusts an identity provider",
        {"AWS": _FUNCTION, "Federated": "arn:aws:iam::123456789012:saml-provider/x"},
    ),
    Fault("everybody but the function", "trust", "trusts all but some", _all_but_one),
    Fault(
        "a member role that may be assumed with session tags",
        "trust",
        "allows something else",
        lambda s: _allow(s, MEMBER, _ISOLATE, {"AWS": _FUNCTION}, "sts:TagSession"),
    ),
    Fault(
        "a function's role that another service may use",
        "trust",
        "trusts others than lambda.amazonaws.com",
        lambda s: _allow(s, SECURITY, "FirebreakTriage", {"Service": "ec2.amazonaws.com"}),
    ),
    Fault(
        "a function's role that another role may assume",
        "trust",
        "trusts others than lambda.amazonaws.com",
        lambda s: _allow(s, SECURITY, "FirebreakRelease", {"AWS": _FUNCTION}),
    ),
    Fault(
        "a role that nobody knows",
        "trust",
        "nobody knows who may assume FirebreakReader",
        lambda s: role(s, "FirebreakForensicReader", FORENSICS).update(RoleName="FirebreakReader"),
    ),
    Fault("any account's state machine may use the role", "trust", "act for any account", _any_account),
]
