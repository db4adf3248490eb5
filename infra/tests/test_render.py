"""What a template's sources become: every extension, every error, and what the templates of this repository promise."""

from __future__ import annotations

import json
import sys
import tempfile
import unittest
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from firebreak_infra import documents, environments, layout, samples  # noqa: E402
from firebreak_infra.errors import InfraError  # noqa: E402
from firebreak_infra.expand import Target, expand  # noqa: E402
from firebreak_infra.render import deployed, render, resolved  # noqa: E402
from firebreak_infra.sources import merge, parse  # noqa: E402

TARGET = Target("test", "arm64", layout.output_folder("test"))


def source(text: str) -> dict[str, Any]:
    """A source of one file."""
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
        file.write(text)
        file.flush()
        return parse(Path(file.name))


def expanded(text: str) -> dict[str, Any]:
    """The resources of a source."""
    resources: dict[str, Any] = expand("security-account", source(text), TARGET)["Resources"]
    return resources


class Yaml(unittest.TestCase):
    def test_short_forms_become_long_ones(self) -> None:
        text = "Resources: {A: !GetAtt B.C.D, B: !Sub 'x${Y}', C: !If [D, !Ref E, !Ref AWS::NoValue]}"
        self.assertEqual(
            source(text)["Resources"],
            {
                "A": {"Fn::GetAtt": ["B", "C.D"]},
                "B": {"Fn::Sub": "x${Y}"},
                "C": {"Fn::If": ["D", {"Ref": "E"}, {"Ref": "AWS::NoValue"}]},
            },
        )

    def test_dates_and_account_numbers_stay_strings(self) -> None:
        values = source("Resources: {A: 2012-10-17, B: 012345678901, C: 0123, D: on, E: true, F: 60, G: 0.5}")
        self.assertEqual(
            list(values["Resources"].values()), ["2012-10-17", "012345678901", "0123", "on", True, 60, 0.5]
        )

    def test_a_name_twice_is_an_error_in_a_file_and_between_two(self) -> None:
        with self.assertRaisesRegex(InfraError, "A is there twice"):
            source("Resources: {A: 1, A: 2}")
        with self.assertRaisesRegex(InfraError, "b.yaml: Resources.A is also in a.yaml"):
            merge([("a.yaml", {"Resources": {"A": 1}}), ("b.yaml", {"Resources": {"A": 1}})])

    def test_what_is_unknown_is_an_error(self) -> None:
        for text, message in (
            ("Resources: {A: !Reff B}", "!Reff is unknown"),
            ("Resource: {A: 1}", "section Resource is unknown"),
            ("Resources: {A: !Document [x]}", "!Document: cannot be"),
            ("Resources: {A: !Document {File: x, Wth: {}}}", "!Document: cannot be"),
            ("[1]", "is not a map"),
        ):
            with self.subTest(text), self.assertRaisesRegex(InfraError, message):
                merge([("a.yaml", source(text))])


class Documents(unittest.TestCase):
    def test_a_placeholder_is_filled_in_and_iams_own_stays(self) -> None:
        values = {"Account": {"Ref": "AWS::AccountId"}, "Arn": {"Fn::GetAtt": ["Key", "Arn"]}, "Id": "p-1"}
        text = documents.filled
        self.assertEqual(text("${Arn}", "f", values), {"Fn::GetAtt": ["Key", "Arn"]})
        self.assertEqual(text("${Account}/${Arn}", "f", values), {"Fn::Sub": "${AWS::AccountId}/${Key.Arn}"})
        self.assertEqual(text("a/${Id}", "f", values), "a/p-1")
        self.assertEqual(text("${aws:userid}", "f", values), "${aws:userid}")
        self.assertEqual(text("${Account}:${aws:userid}", "f", values), {"Fn::Sub": "${AWS::AccountId}:${!aws:userid}"})

    def test_what_cannot_stand_in_a_sub_is_a_variable_of_it(self) -> None:
        value = {"Fn::If": ["C", "a", "b"]}
        self.assertEqual(documents.filled("x/${V}", "f", {"V": value}), {"Fn::Sub": ["x/${V}", {"V": value}]})

    def test_a_placeholder_without_a_value_names_file_and_placeholder(self) -> None:
        with self.assertRaisesRegex(InfraError, r"functions/triage/policy.json: \$\{LogGroupArn\} has no value"):
            expanded("Resources: {A: !Document functions/triage/policy.json}")

    def test_with_goes_over_placeholders(self) -> None:
        text = """
            Placeholders: {Partition: !Ref AWS::Partition, MemberAccountId: "1"}
            Resources: {A: !Document {File: functions/lockdown-s3/member-policy.json, With: {MemberAccountId: "2"}}}
        """
        self.assertIn("arn:${AWS::Partition}:s3:::firebreak-evidence-2", json.dumps(expanded(text)))

    def test_minified_is_one_string_without_white_space(self) -> None:
        value = expanded("Resources: {A: !Minified policies/quarantine-deny-all.json}")["A"]
        self.assertEqual(
            json.loads(value), json.loads((layout.REPOSITORY / "policies/quarantine-deny-all.json").read_text())
        )
        self.assertNotIn(" ", value)

    def test_a_file_outside_of_the_repository_is_none(self) -> None:
        for file in ("../secrets.json", "functions/nothing.json"):
            with self.subTest(file), self.assertRaisesRegex(InfraError, "no such file"):
                expanded(f"Resources: {{A: !Document {file}}}")


class Extensions(unittest.TestCase):
    RULES = """
        EventRules: [{Prefix: On, Files: [guardduty, security-hub-v2], Bus: b, Targets: [{Id: t, Arn: !ThisRule Ref}]}]
        PerEventRule: [{Prefix: On, Resource: {Type: P, Properties: {SourceArn: !ThisRule Arn}}}]
        Resources: {A: [x, !Rules {Prefix: On}, y]}
    """

    def test_event_rules_and_what_each_needs(self) -> None:
        resources = expanded(self.RULES)
        first, second = "OnGuarddutyRule", "OnSecurityHubV2Rule"
        self.assertEqual(list(resources), ["A", first, second, "OnGuarddutyPermission", "OnSecurityHubV2Permission"])
        properties = resources[second]["Properties"]
        self.assertEqual(properties["Name"], "firebreak-security-hub-v2")
        self.assertEqual(properties["EventBusName"], "b")
        self.assertEqual(properties["Targets"], [{"Id": "t", "Arn": {"Ref": second}}])
        self.assertEqual(
            properties["EventPattern"], json.loads((layout.EVENT_RULES / "security-hub-v2.json").read_text())
        )
        self.assertEqual(resources["A"], ["x", {"Fn::GetAtt": [first, "Arn"]}, {"Fn::GetAtt": [second, "Arn"]}, "y"])
        permission = {"Type": "P", "Properties": {"SourceArn": {"Fn::GetAtt": [first, "Arn"]}}}
        self.assertEqual(resources["OnGuarddutyPermission"], permission)

    def test_all_event_rules_but_some(self) -> None:
        targets = "[{Id: t, Arn: a}]"
        rules = expanded(f"EventRules: [{{Prefix: On, Except: [isolation-request], Targets: {targets}}}]")
        self.assertEqual(len(rules), len(list(layout.EVENT_RULES.glob("*.json"))) - 1)

    def test_a_package_is_a_path_from_the_rendered_file(self) -> None:
        resources = expanded("Resources: {A: !Package triage, B: !Package response-policy}")
        self.assertEqual(
            list(resources.values()), ["../../lambda/arm64/triage.zip", "../../lambda/response-policy-test.zip"]
        )

    def test_errors(self) -> None:
        for text, message in (
            ("Resources: {A: !Package nothing}", "there is no functions/nothing"),
            ("Resources: {A: !RepositoryFile nothing}", "nothing: no such file"),
            ("Resources: {A: [!Rules {Prefix: No}]}", "no event rules with prefix No"),
            ("Resources: {A: !ThisRule Arn}", "!ThisRule outside"),
            (
                "EventRules: [{Prefix: On, Files: [nothing], Targets: [{Id: t}]}]",
                "event rule nothing of EventRules is no file",
            ),
            ("EventRules: [{Prefix: On, Files: [guardduty]}]", "has no Targets"),
            ("EventRules: [{Prefix: On, File: [guardduty]}]", "an entry of EventRules is not right"),
            ("Parameters: {A: {Type: String}}", "has no Resources"),
        ):
            with self.subTest(text), self.assertRaisesRegex(InfraError, message):
                expanded(text)


class Environments(unittest.TestCase):
    def test_a_value_for_no_parameter_is_an_error(self) -> None:
        with self.assertRaisesRegex(InfraError, "forensics-account has no parameter RetentionDays"):
            environments.parameters("test", "forensics-account", {"DeployRole"})
        with self.assertRaisesRegex(InfraError, "there is no such environment; take one of dev"):
            environments.load("staging")

    def test_every_environment_renders(self) -> None:
        for environment in environments.names():
            with self.subTest(environment), tempfile.TemporaryDirectory() as folder:
                render(layout.TEMPLATES, Target(environment, "arm64", Path(folder)))


class Templates(unittest.TestCase):
    """Of this repository."""

    def test_the_same_sources_give_the_same_bytes(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            target = Target("test", "x86_64", Path(folder))
            first = {path: path.read_bytes() for path in render(layout.TEMPLATES, target, ["123456789012"])}
            second = {path: path.read_bytes() for path in render(layout.TEMPLATES, target, ["123456789012"])}
        self.assertEqual(first, second)
        self.assertEqual(len(first), 12)

    def test_what_is_not_in_s3_is_small_enough(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            for path in render(layout.TEMPLATES, Target("test", "arm64", Path(folder))):
                if path.parent == Path(folder) and path.stem != layout.SAM_TEMPLATE:
                    self.assertLessEqual(path.stat().st_size, 51_200, path.name)

    def test_policies_are_within_iams_limits(self) -> None:
        for template in layout.TEMPLATES:
            for name, resource in resolved(template, TARGET)["Resources"].items():
                properties = resource.get("Properties", {})
                if resource["Type"] == "AWS::IAM::Role":
                    inline = sum(length(policy["PolicyDocument"]) for policy in properties.get("Policies", []))
                    self.assertLessEqual(inline, 10_240, name)
                    self.assertLessEqual(length(properties["AssumeRolePolicyDocument"]), 2_048, name)
                elif resource["Type"] == "AWS::IAM::ManagedPolicy":
                    self.assertLessEqual(length(properties["PolicyDocument"]), 6_144, name)
                elif resource["Type"] == "AWS::S3::BucketPolicy":
                    self.assertLessEqual(length(properties["PolicyDocument"]), 20_480, name)

    def test_member_accounts_hold_iam_only_and_every_name_is_fixed(self) -> None:
        for resource in deployed("member-account", TARGET)["Resources"].values():
            self.assertIn(resource["Type"], ("AWS::IAM::Role", "AWS::IAM::ManagedPolicy"))
            properties = resource["Properties"]
            self.assertIsInstance(properties.get("RoleName", properties.get("ManagedPolicyName")), str)
            self.assertEqual(properties["Path"], "/firebreak/")
            self.assertEqual(properties.get("MaxSessionDuration", 3600), 3600)

    def test_every_member_policy_has_its_role(self) -> None:
        roles = [*resolved("member-account", TARGET)["Resources"].values()]
        roles += resolved("management-account", TARGET)["Resources"].values()
        deployed_sids = [sids(role["Properties"]["Policies"][0]) for role in roles if role["Type"] == "AWS::IAM::Role"]
        files = sorted(layout.REPOSITORY.glob("functions/*/member-policy*.json"))
        self.assertEqual(sorted(deployed_sids), sorted(map(written_sids, files)))

    def test_each_member_role_is_for_the_function_of_its_class(self) -> None:
        others = {"QuarantineScp": {"QuarantineScp", "Release"}}
        for template in ("member-account", "management-account"):
            for resource in resolved(template, TARGET)["Resources"].values():
                if resource["Type"] != "AWS::IAM::Role":
                    continue
                name = resource["Properties"]["RoleName"].removeprefix("FirebreakMember")
                for statement in resource["Properties"]["AssumeRolePolicyDocument"]["Statement"]:
                    principal = statement["Principal"]["AWS"]
                    functions = {principal} if isinstance(principal, str) else set(principal)
                    prefix = f"arn:aws:iam::{samples.SECURITY_ACCOUNT}:role/firebreak/Firebreak"
                    self.assertEqual(functions, {prefix + it for it in others.get(name, {name})}, name)

    def test_a_member_account_can_be_resolved_for_any_account(self) -> None:
        for account in (samples.MEMBER_ACCOUNT, "123456789012"):
            text = json.dumps(resolved("member-account", TARGET, account))
            self.assertIn(f"arn:aws:s3:::firebreak-evidence-{account}", text)

    def test_the_guard_is_deployed_detached(self) -> None:
        guard = resolved("management-account", TARGET)["Resources"]["GuardScp"]["Properties"]
        self.assertEqual(guard["TargetIds"], [])
        # A service control policy has 10,240 characters (AWS Organizations user guide, "Quotas").
        self.assertLessEqual(len(guard["Content"]), 10_240)

    def test_the_resource_guard_is_deployed_detached(self) -> None:
        guard = resolved("management-account", TARGET)["Resources"]["ResourceGuardRcp"]["Properties"]
        self.assertEqual(guard["TargetIds"], [])
        self.assertLessEqual(len(guard["Content"]), 5_120)

    def test_nothing_but_the_quarantine_policy_is_spared_from_updates(self) -> None:
        stack_policy = json.loads((layout.INFRA / "management-account" / "stack-policy.json").read_text())
        denied = [it["Resource"] for it in stack_policy["Statement"] if it["Effect"] == "Deny"]
        self.assertEqual(denied, ["LogicalResourceId/QuarantineScp"])
        self.assertIn("QuarantineScp", deployed("management-account", TARGET)["Resources"])


def length(document: Any) -> int:
    """As IAM counts a policy: without white space."""
    return len(json.dumps(document, separators=(",", ":"), ensure_ascii=False))


def written_sids(file: Path) -> list[str]:
    """The statements of a file by name, those of the files that it asks for first."""
    policy = json.loads(file.read_text())
    parts = sorted(layout.REPOSITORY.glob(policy["StatementsOf"])) if "StatementsOf" in policy else []
    return [sid for part in parts for sid in written_sids(part)] + sids({"PolicyDocument": policy})


def sids(policy: dict[str, Any]) -> list[str]:
    """The statements of a policy by name."""
    return [statement["Sid"] for statement in policy["PolicyDocument"]["Statement"]]


if __name__ == "__main__":
    unittest.main()
