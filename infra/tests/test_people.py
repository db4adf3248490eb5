"""The people's roles: nothing is made unless somebody asks, and their policies and names fit the Rust code."""

from __future__ import annotations

import json
import re
import sys
import unittest
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from firebreak_infra import layout, samples  # noqa: E402
from firebreak_infra.expand import Target  # noqa: E402
from firebreak_infra.render import deployed  # noqa: E402
from firebreak_infra.resolve import resolve  # noqa: E402

SECURITY = "security-account"
PATH = "/firebreak-people/"


def text(file: str) -> str:
    """A file of the repository."""
    return (layout.REPOSITORY / file).read_text(encoding="utf-8")


class People(unittest.TestCase):
    template: dict[str, Any]

    @classmethod
    def setUpClass(cls) -> None:
        cls.template = deployed(SECURITY, Target("test", "arm64", layout.output_folder("test")))

    def made(self, sign_in: str, kind: str) -> dict[str, Any]:
        """The people's resources of a type, by the name of the role or policy."""
        parameters = samples.parameters("test", SECURITY, self.template["Parameters"]) | {"PeopleSignIn": sign_in}
        parts = {**self.template, "Resources": _parts(self.template["Resources"]), "Outputs": {}}
        resources = resolve(parts, parameters, samples.pseudo(SECURITY))["Resources"].values()
        properties = [one["Properties"] for one in resources if one["Type"] == kind]
        return {one.get("RoleName", one.get("ManagedPolicyName")): one for one in properties if one.get("Path") == PATH}

    def test_nobody_gets_a_role_unless_the_site_says_how_people_sign_in(self) -> None:
        for kind in ("AWS::IAM::Role", "AWS::IAM::ManagedPolicy"):
            self.assertEqual(self.made("", kind), {})

    def test_both_ways_to_sign_in_give_the_same_permissions(self) -> None:
        policies = self.made("identity-center", "AWS::IAM::ManagedPolicy")
        self.assertEqual(self.made("identity-center", "AWS::IAM::Role"), {})
        self.assertEqual(self.made("iam-users", "AWS::IAM::ManagedPolicy"), {})
        wanted = {
            "FirebreakAnalyst": ["FirebreakReview"],
            "FirebreakApprover": ["FirebreakReview"],
            "FirebreakDoctor": ["FirebreakDoctor"],
            "FirebreakOperator": ["FirebreakReview", "FirebreakDoctor", "FirebreakOperate"],
        }
        roles = self.made("iam-users", "AWS::IAM::Role")
        self.assertEqual(set(roles), set(wanted))
        for name, parts in wanted.items():
            documents = [policy["PolicyDocument"] for policy in roles[name]["Policies"]]
            self.assertEqual(documents, [policies[part]["PolicyDocument"] for part in parts], name)

    def test_what_the_command_reads_of_an_incident_is_what_an_analyst_may_read(self) -> None:
        [review] = [
            one
            for one in json.loads(text("policies/people-review.json"))["Statement"]
            if one["Sid"] == "ReadIncidents"
        ]
        source = text("crates/firebreak-ledger/src/incidents.rs") + text("crates/firebreak-ledger/src/joins.rs")
        read = re.findall(r'(?:\.projection_expression\(|const SHOWN: &str =)\s*"([^"]+)"', source)
        self.assertGreaterEqual(len(read), 3, "an incident, all about it, and what a finding joined")
        names = {name.strip().lstrip("#") for expression in read for name in expression.split(",")}
        allowed = set(review["Condition"]["ForAllValues:StringEquals"]["dynamodb:Attributes"])
        self.assertEqual(allowed, names | {"pk", "sk"})
        self.assertFalse(allowed & {"task_token", "raw"})

    def test_what_the_command_reads_of_a_role_is_what_an_analyst_may_read(self) -> None:
        statements = json.loads(text("policies/people-review.json"))["Statement"]
        [slots] = [one for one in statements if one["Sid"] == "ReadDeniedSessions"]
        [read] = re.findall(r'const SHOWN: &str = "([^"]+)";', text("crates/firebreak-ledger/src/sessions/slots.rs"))
        allowed = set(slots["Condition"]["ForAllValues:StringEquals"]["dynamodb:Attributes"])
        self.assertEqual(allowed, {name.strip() for name in read.split(",")} | {"pk", "sk"})

    def test_who_may_approve_is_known_by_the_name_of_a_role_that_is_shipped(self) -> None:
        source = text("functions/decide-review/src/approvers.rs")
        [approver] = re.findall(r'const APPROVER: &str = "(\w+)";', source)
        self.assertIn(approver, self.made("iam-users", "AWS::IAM::Role"))

    def test_nobody_else_may_approve_unless_the_site_says_who(self) -> None:
        self.assertEqual(self.template["Parameters"]["Approvers"]["Default"], "")


def _parts(resources: dict[str, Any]) -> dict[str, Any]:
    """The people's resources and what they refer to. Before SAM's translator, its own types have no attributes here."""
    kinds = ("AWS::DynamoDB::Table", "AWS::IAM::ManagedPolicy", "AWS::KMS::Key")
    machine = {"Type": "AWS::StepFunctions::StateMachine", "Properties": {"StateMachineName": "x"}}
    kept = {name: one for name, one in resources.items() if one["Type"] in kinds or one["Properties"].get("Path") == PATH}
    return {**kept, "StateMachine": machine}


if __name__ == "__main__":
    unittest.main()
