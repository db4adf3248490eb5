"""Every intrinsic function resolved, and nothing guessed."""

from __future__ import annotations

import json
import sys
import unittest
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from firebreak_infra import layout, samples  # noqa: E402
from firebreak_infra.errors import InfraError  # noqa: E402
from firebreak_infra.expand import Target, expand  # noqa: E402
from firebreak_infra.render import resolved  # noqa: E402
from firebreak_infra.resolve import resolve  # noqa: E402
from firebreak_infra.sources import load  # noqa: E402

PSEUDO = samples.pseudo("security-account")
PARAMETERS = {
    "Name": {"Type": "String", "Default": "n", "AllowedPattern": "^[a-z]*$"},
    "Days": {"Type": "Number", "Default": "7", "MaxValue": 9},
    "Ids": {"Type": "CommaDelimitedList", "Default": "a, b"},
    "Secret": {"Type": "String", "Default": "no-secret", "NoEcho": True, "MinLength": 4},
}
RESOURCES = {
    "Queue": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": "q"}},
    "Role": {"Type": "AWS::IAM::Role", "Properties": {"Path": "/firebreak/", "RoleName": "R"}},
    "Absent": {"Type": "AWS::SNS::Topic", "Condition": "Never", "Properties": {}},
}
CONDITIONS = {
    "Never": {"Fn::Equals": [{"Ref": "Name"}, "other"]},
    "Always": {"Fn::Not": [{"Condition": "Never"}]},
    "Both": {"Fn::And": [{"Condition": "Always"}, {"Fn::Or": [{"Condition": "Never"}, {"Condition": "Always"}]}]},
    "Circle": {"Fn::Not": [{"Condition": "Circle"}]},
}


def value(node: Any, parameters: dict[str, Any] | None = None) -> Any:
    """What a property becomes."""
    template = {
        "Parameters": PARAMETERS,
        "Conditions": CONDITIONS,
        "Mappings": {"Sizes": {"eu-central-1": {"small": 1}}},
        "Resources": {**RESOURCES, "It": {"Type": "AWS::SNS::Topic", "Properties": {"It": node}}},
    }
    return resolve(template, parameters or {}, PSEUDO)["Resources"]["It"]["Properties"].get("It", "left out")


class Values(unittest.TestCase):
    def test_each_function(self) -> None:
        for node, expected in (
            ({"Ref": "AWS::AccountId"}, "123456789012"),
            ({"Ref": "Name"}, "n"),
            ({"Ref": "Days"}, 7),
            ({"Ref": "Ids"}, ["a", "b"]),
            ({"Ref": "Queue"}, "https://sqs.eu-central-1.amazonaws.com/123456789012/q"),
            ({"Fn::GetAtt": ["Queue", "Arn"]}, "arn:aws:sqs:eu-central-1:123456789012:q"),
            ({"Fn::GetAtt": ["Role", "Arn"]}, "arn:aws:iam::123456789012:role/firebreak/R"),
            ({"Fn::GetAtt": "Role.Arn"}, "arn:aws:iam::123456789012:role/firebreak/R"),
            (
                {"Fn::Sub": "${Name}-${Days}-${Role.Arn}-${!aws:userid}"},
                "n-7-arn:aws:iam::123456789012:role/firebreak/R-${aws:userid}",
            ),
            ({"Fn::Sub": ["${A}/${Name}", {"A": {"Ref": "Name"}}]}, "n/n"),
            ({"Fn::Join": ["-", ["x", {"Ref": "Days"}]]}, "x-7"),
            ({"Fn::Join": ["-", {"Ref": "Ids"}]}, "a-b"),
            ({"Fn::Select": ["1", {"Fn::Split": ["/", "a/b"]}]}, "b"),
            ({"Fn::If": ["Both", "yes", {"Ref": "Absent"}]}, "yes"),
            ({"Fn::FindInMap": ["Sizes", {"Ref": "AWS::Region"}, "small"]}, 1),
            ({"Fn::Base64": "a"}, "YQ=="),
            (["a", {"Fn::If": ["Never", "b", {"Ref": "AWS::NoValue"}]}], ["a"]),
            ({"Ref": "AWS::NoValue"}, "left out"),
            (
                {"Condition": {"Bool": {"aws:SecureTransport": "false"}}},
                {"Condition": {"Bool": {"aws:SecureTransport": "false"}}},
            ),
        ):
            with self.subTest(json.dumps(node)):
                self.assertEqual(value(node), expected)

    def test_what_cannot_be_resolved_is_an_error(self) -> None:
        for node, message in (
            ({"Ref": "Nothing"}, "Nothing is no parameter and no resource"),
            ({"Fn::GetAtt": ["Queue", "Colour"]}, "AWS::SQS::Queue has no Colour"),
            ({"Fn::Sub": "${Nothing}"}, "Nothing is no parameter"),
            ({"Ref": "Absent"}, "Absent does not exist under these parameters"),
            ({"Fn::ImportValue": "x"}, "Fn::ImportValue is not resolved here"),
            ({"Fn::If": ["Unknown", 1, 2]}, "there is no condition Unknown"),
            ({"Fn::If": ["Circle", 1, 2]}, "condition Circle needs itself"),
            ({"Fn::Select": [2, ["a"]]}, "finds nothing at 2"),
            ({"Fn::FindInMap": ["Sizes", "x", "y"]}, "finds no x"),
            ({"Fn::Join": ["", [["a"]]]}, "a string is needed"),
        ):
            with self.subTest(json.dumps(node)), self.assertRaisesRegex(InfraError, message):
                value(node)

    def test_parameters_are_held_to_what_the_template_says(self) -> None:
        for parameters, message in (
            ({"Name": "N"}, "'N' has not the form"),
            ({"Days": 10}, "10 is too low or too high"),
            ({"Nmae": "n"}, "there is no such parameter"),
        ):
            with self.subTest(parameters), self.assertRaisesRegex(InfraError, message):
                value("x", parameters)

    def test_a_secret_is_in_no_message(self) -> None:
        with self.assertRaises(InfraError) as caught:
            value("x", {"Secret": "abc"})
        self.assertNotIn("abc", str(caught.exception))

    def test_a_condition_that_is_false_takes_the_resource_away(self) -> None:
        template = {"Parameters": PARAMETERS, "Conditions": CONDITIONS, "Resources": RESOURCES}
        self.assertEqual(list(resolve(template, {}, PSEUDO)["Resources"]), ["Queue", "Role"])
        self.assertEqual(list(resolve(template, {"Name": "other"}, PSEUDO)["Resources"]), ["Queue", "Role", "Absent"])


class Templates(unittest.TestCase):
    """Of this repository."""

    def test_nothing_is_left_to_resolve(self) -> None:
        target = Target("test", "arm64", layout.output_folder("test"))
        for template in layout.TEMPLATES:
            for name, resource in resolved(template, target)["Resources"].items():
                # The definition's placeholders are Step Functions' own, and filled in by DefinitionSubstitutions.
                properties = {key: it for key, it in resource.get("Properties", {}).items() if key != "Definition"}
                text = json.dumps(properties)
                for left in ('"Fn::', '{"Ref":', "${AWS::"):
                    self.assertNotIn(left, text, f"{template} {name}")

    def test_what_one_stack_gives_is_what_the_other_is_given(self) -> None:
        target = Target("test", "arm64", layout.output_folder("test"))
        outputs = resolved("forensics-account", target)["Outputs"] | resolved("management-account", target)["Outputs"]
        outputs |= resolved("security-account", target)["Outputs"]
        for name in ("EvidenceKeyArn", "QuarantineScpId", "SecurityBusArn"):
            self.assertEqual(outputs[name]["Value"], samples.PARAMETERS[name])

    def test_a_forwarder_tells_a_topic_of_its_own_region_here_or_in_another_account(self) -> None:
        template = expand("forwarder", load("forwarder"), Target("test", "arm64", layout.output_folder("test")))
        for region, parameters, topic in (
            ("us-east-1", {}, "arn:aws:sns:us-east-1:111122223333:security-alarms"),
            ("eu-west-1", {"AlarmTopicAccountId": "999999999999"}, "arn:aws:sns:eu-west-1:999999999999:security-alarms"),
            ("us-east-1", {"AlarmTopicName": ""}, None),
        ):
            declared = samples.parameters("test", "forwarder", template["Parameters"]) | parameters
            resources = resolve(template, declared, samples.pseudo("forwarder") | {"AWS::Region": region})["Resources"]
            alarm = resources.get("ForwarderDeadLettersAlarm", {"Properties": {}})
            self.assertEqual(alarm["Properties"].get("AlarmActions"), [topic] if topic else None)


if __name__ == "__main__":
    unittest.main()
