"""Deploying: the order, what reaches which stack, and that nothing changes unasked."""

from __future__ import annotations

import sys
import unittest
from pathlib import Path
from unittest import mock

sys.path.insert(0, str(Path(__file__).resolve().parent))

from deployment_case import FORENSICS, SECRET, SECURITY, DeploymentCase  # noqa: E402

from firebreak_infra.deploy import terminal  # noqa: E402
from firebreak_infra.deploy.__main__ import main  # noqa: E402


class Deploy(DeploymentCase):
    def deploy(self, stack: str = "all", **variables: str) -> int:
        return self.run_command(main, "--stack", stack, **({"FIREBREAK_EXTERNAL_ID": SECRET, "YES": "1"} | variables))

    def test_everything_in_order(self) -> None:
        self.assertEqual(self.deploy(), 0, self.output)
        self.assertEqual(
            self.changes(),
            [
                "execute-change-set firebreak-forensics",
                "execute-change-set firebreak-security",
                "execute-change-set firebreak-management",
                "execute-change-set firebreak-security",
                "create-stack-set firebreak-member",
                "create-stack-instances firebreak-member",
                "create-stack-set firebreak-forwarder",
                "create-stack-instances firebreak-forwarder",
            ],
        )
        self.assert_secret_kept()

    def test_quarantine_policy_is_protected_from_updates(self) -> None:
        self.deploy()
        (call,) = [call for call in self.calls if "set-stack-policy" in call["argv"]]
        self.assertEqual(call["input"]["StackName"], "firebreak-management")
        self.assertIn("LogicalResourceId/QuarantineScp", call["input"]["StackPolicyBody"])

    def operations(self) -> list[str]:
        return [call["argv"][1] for call in self.calls if call["tool"] == "aws"]

    def test_stack_policy_comes_before_an_update_and_without_a_change(self) -> None:
        self.deploy()
        self.assertEqual(self.deploy("management-account"), 0, self.output)
        done = self.operations()
        self.assertLess(done.index("set-stack-policy"), done.index("execute-change-set"))
        self.world["no_changes"] = True
        self.assertEqual(self.deploy("management-account"), 0, self.output)
        self.assertEqual(self.operations().count("set-stack-policy"), 1)

    def test_stack_policy_waits_for_a_yes(self) -> None:
        self.deploy()
        self.assertEqual(self.deploy("management-account", YES=""), 3)
        self.assertNotIn("set-stack-policy", self.operations())

    def test_stacks_cannot_be_deleted_by_mistake(self) -> None:
        self.deploy()
        for stack in ("forensics", "security", "management"):
            self.assertTrue(self.world["stacks"][f"firebreak-{stack}"]["EnableTerminationProtection"])
        self.assertEqual(self.operations().count("update-termination-protection"), 3)

    def test_no_keeps_what_somebody_else_deployed_meanwhile(self) -> None:
        self.world["somebody_else"] = True
        self.assertEqual(self.deploy("forensics-account", YES=""), 3)
        self.assertEqual(self.changes(), [])

    def test_rolled_back_first_deployment_says_what_may_be_left(self) -> None:
        self.world["stacks"]["firebreak-forensics"] = {"StackStatus": "ROLLBACK_COMPLETE"}
        self.assertEqual(self.deploy("forensics-account"), 1)
        self.assertIn("the table firebreak-ledger may be left", self.output)

    def test_a_rollback_that_failed_is_no_stack_to_update(self) -> None:
        self.parameters.write_text(self.parameters.read_text().replace("000000000000:key/example", f"{FORENSICS}:key/2"))
        for stack in ("forensics", "security"):
            self.world["stacks"] = {f"firebreak-{stack}": {"StackStatus": "ROLLBACK_FAILED"}}
            with self.subTest(stack):
                self.assertEqual(self.deploy(f"{stack}-account"), 1)
                self.assertIn("its first deployment failed", self.output)
                self.assertIn(f"delete-stack --stack-name firebreak-{stack}", self.output)
                self.assertIn("first put a key policy", self.output)
                self.assertNotIn("create-change-set", self.operations())
                self.assertFalse([call for call in self.calls if call["tool"] == "sam"], "sam asks for no change set either")

    def test_a_first_deployment_whose_rollback_fails_says_so_and_the_next_one_says_what_to_do(self) -> None:
        self.world["ends"] = "ROLLBACK_FAILED"
        self.assertEqual(self.deploy("forensics-account"), 1)
        self.assertIn("ended as ROLLBACK_FAILED", self.output)
        self.assertEqual(self.deploy("forensics-account"), 1)
        self.assertIn("describe-stack-events --stack-name firebreak-forensics says what could not be removed", self.output)
        self.assertEqual(self.changes(), [])

    def test_says_how_old_the_packages_are(self) -> None:
        self.deploy()
        self.assertIn("the oldest was written 2023-11-14 22:13 UTC", self.output)

    def test_package_that_changed_while_somebody_was_asked_is_not_uploaded(self) -> None:
        def agreed(question: str) -> bool:
            self.package.write_bytes(b"another")
            return True

        with mock.patch.object(terminal, "confirmed", agreed):
            self.assertEqual(self.deploy(), 1)
        self.assertIn("package.zip: is not what was packaged", self.output)
        self.assertEqual(self.changes(), ["execute-change-set firebreak-forensics"])
        self.assertFalse([call for call in self.calls if call["tool"] == "sam"])

    def test_each_unit_with_its_own_credentials(self) -> None:
        self.deploy()
        profiles = {
            call["input"]["StackName"]: call["profile"] for call in self.calls if "StackName" in call.get("input", {})
        }
        self.assertEqual(profiles["firebreak-forensics"], "forensics")
        self.assertEqual(profiles["firebreak-management"], "management")
        self.assertEqual(profiles["firebreak-security"], "security")

    def test_outputs_reach_the_stacks_after(self) -> None:
        self.deploy()
        first, second = [call["configuration"] for call in self.calls if call["tool"] == "sam"]
        self.assertIn(f"arn:aws:kms:eu-central-1:{FORENSICS}:key/1", first)
        self.assertNotIn("p-ab12cd34", first)
        self.assertIn("p-ab12cd34", second)
        forwarder = next(
            call["input"]
            for call in self.calls
            if "create-stack-set" in call["argv"] and "forwarder" in str(call["input"])
        )
        self.assertIn(f"arn:aws:events:eu-central-1:{SECURITY}:event-bus/firebreak", str(forwarder["Parameters"]))

    def test_external_id_reaches_both_sides(self) -> None:
        self.deploy()
        self.assertIn(SECRET, next(call["configuration"] for call in self.calls if call["tool"] == "sam"))
        member = next(call["input"] for call in self.calls if "create-stack-set" in call["argv"])
        self.assertEqual(member["Parameters"], [{"ParameterKey": "ExternalId", "ParameterValue": SECRET}])

    def test_nothing_without_a_yes(self) -> None:
        self.assertEqual(self.deploy("forensics-account", YES=""), 3)
        self.assertIn("REPLACED", self.output)
        self.assertIn("Fresh", self.output)
        self.assertEqual(
            self.changes(), ["delete-stack firebreak-forensics"], "only the empty stack of the change set goes"
        )
        self.assertEqual(self.world["stacks"], {})

    def test_no_of_an_existing_stack_keeps_it(self) -> None:
        self.world["stacks"]["firebreak-forensics"] = {"StackStatus": "UPDATE_COMPLETE"}
        self.assertEqual(self.deploy("forensics-account", YES=""), 3)
        self.assertEqual(self.changes(), [])

    def test_a_no_ends_the_whole_run(self) -> None:
        self.assertEqual(self.deploy(YES=""), 3)
        self.assertNotIn("firebreak-management", str(self.calls))

    def test_stack_set_waits_for_a_yes(self) -> None:
        self.assertEqual(self.deploy("member-account", YES=""), 3)
        self.assertIn("ou-ab12-1a2b3c4d", self.output)
        self.assertEqual(self.changes(), [])

    def test_second_time_nothing_to_do(self) -> None:
        self.deploy()
        self.world["no_changes"] = True
        self.world["stack_sets"]["firebreak-member"]["Parameters"][0]["ParameterValue"] = "****"
        self.assertEqual(self.deploy("member-account"), 0, self.output)
        self.assertEqual(self.changes(), [])
        self.assertEqual(self.deploy("forensics-account"), 0, self.output)
        self.assertEqual(self.changes(), [])

    def forget_outputs(self) -> None:
        """As on another machine. What the security account needs is then in the file, all but the quarantine policy."""
        (self.rendered / "outputs.json").unlink()
        text = self.parameters.read_text().replace("000000000000:key/example", f"{FORENSICS}:key/2")
        self.parameters.write_text(text)
        self.world["stacks"]["firebreak-security"]["Parameters"] = [
            {"ParameterKey": "QuarantineScpId", "ParameterValue": "p-ab12cd34"},
            {"ParameterKey": "EvidenceKeyArn", "ParameterValue": f"arn:aws:kms:eu-central-1:{FORENSICS}:key/1"},
            {"ParameterKey": "ExternalId", "ParameterValue": "****"},
        ]

    def test_second_tier_is_not_switched_off_by_a_lost_file(self) -> None:
        self.deploy()
        self.forget_outputs()
        self.assertEqual(self.deploy("security-account"), 1)
        self.assertIn("security-account.QuarantineScpId: is p-ab12cd34 now and would become empty", self.output)
        self.assertEqual(self.changes(), [])

    def test_second_tier_is_switched_off_when_that_is_meant(self) -> None:
        self.deploy()
        self.forget_outputs()
        self.assertEqual(self.deploy("security-account", CLEAR="QuarantineScpId"), 0, self.output)
        self.assertIn("p-ab12cd34 -> (empty)", self.output)
        self.assertIn("key/1 -> arn:aws:kms", self.output)
        self.assertRegex(self.output, r"ExternalId +\*\*\*\n")
        (call,) = [call for call in self.calls if call["tool"] == "sam"]
        self.assertIn('QuarantineScpId=\\"\\"', call["configuration"])

    def hide_external_id(self) -> None:
        """As DescribeStackSet does."""
        self.world["stack_sets"]["firebreak-member"]["Parameters"][0]["ParameterValue"] = "****"

    def test_new_external_id_is_noticed(self) -> None:
        self.deploy()
        self.hide_external_id()
        self.assertEqual(self.deploy("member-account", FIREBREAK_EXTERNAL_ID="another-one-for-everybody"), 0, self.output)
        self.assertIn("parameter ExternalId (AWS hides it: perhaps the same)", self.output)
        self.assertEqual(self.changes(), ["update-stack-set firebreak-member"])
        self.hide_external_id()
        self.assertEqual(self.deploy("member-account"), 0, self.output)
        self.assertEqual(self.changes(), ["update-stack-set firebreak-member"], "and back")

    def test_external_id_of_a_stack_set_without_fingerprint(self) -> None:
        self.deploy()
        self.hide_external_id()
        del self.world["stack_sets"]["firebreak-member"]["Description"]
        self.assertEqual(self.deploy("member-account"), 0, self.output)
        self.assertEqual(self.changes(), ["update-stack-set firebreak-member"])

    def test_stacks_left_behind_are_tried_again(self) -> None:
        self.deploy()
        self.world["stack_sets"]["firebreak-member"]["there"][0]["Status"] = "OUTDATED"
        self.assertEqual(self.deploy("member-account"), 0, self.output)
        self.assertIn("retry  1 stacks that are not CURRENT", self.output)
        self.assertEqual(self.changes(), ["update-stack-set firebreak-member"])
        self.deploy("member-account")
        self.assertEqual(self.changes(), [])

    def test_stacks_of_closed_accounts_are_left(self) -> None:
        self.deploy()
        suspended = {"Status": "OUTDATED", "StackInstanceStatus": {"DetailedStatus": "SKIPPED_SUSPENDED_ACCOUNT"}}
        self.world["stack_sets"]["firebreak-member"]["there"][0] |= suspended
        self.assertEqual(self.deploy("member-account"), 0, self.output)
        self.assertEqual(self.changes(), [])

    def test_inoperable_stacks_are_said(self) -> None:
        self.deploy()
        self.world["stack_sets"]["firebreak-member"]["there"][0]["Status"] = "INOPERABLE"
        self.assertEqual(self.deploy("member-account"), 1)
        self.assertIn("1 stacks are INOPERABLE and left out by UpdateStackSet: 1 eu-central-1", self.output)

    def test_operation_that_succeeds_with_a_failure_fails(self) -> None:
        self.world["one_fails"] = True
        self.assertEqual(self.deploy("member-account"), 1)
        self.assertIn("ended as SUCCEEDED, 1 stacks failed: 1", self.output)

    def test_what_was_changed_by_hand_goes_back_to_what_is_deployed(self) -> None:
        self.deploy()
        self.world["stacks"]["firebreak-forensics"]["Parameters"] = [{"ParameterKey": "RetentionDays", "ParameterValue": "1"}]
        reverted = self.run_command(main, "--stack", "forensics-account", "--revert-drift", YES="1")
        self.assertEqual(reverted, 0, self.output)
        asked = next(call["input"] for call in self.calls if "create-change-set" in call["argv"])
        self.assertEqual((asked["DeploymentMode"], asked["UsePreviousTemplate"]), ("REVERT_DRIFT", True))
        self.assertEqual(asked["Parameters"], [{"ParameterKey": "RetentionDays", "UsePreviousValue": True}])
        self.assertEqual(self.changes(), ["execute-change-set firebreak-forensics"])

    def test_drift_of_what_is_not_there_is_refused(self) -> None:
        self.assertEqual(self.run_command(main, "--stack", "forensics-account", "--revert-drift", YES="1"), 1)
        self.assertIn("does not exist", self.output)
        self.assertEqual(self.run_command(main, "--stack", "member-account", "--revert-drift", YES="1"), 0)
        self.assertIn("StackSet cannot", self.output)
        self.assertEqual(self.run_command(main, "--stack", "management-account", "--revert-drift", YES="1"), 0)
        self.assertIn("what incidents wrote there would be lost", self.output)
        self.assertEqual(self.changes(), [])

    def test_new_region_gets_stacks_only_there(self) -> None:
        self.deploy()
        self.parameters.write_text(self.parameters.read_text().replace('["us-east-1"]', '["us-east-1", "eu-west-1"]'))
        self.assertEqual(self.deploy("forwarder"), 0, self.output)
        self.assertEqual(self.changes(), ["create-stack-instances firebreak-forwarder"])
        self.assertEqual(self.calls[-3]["input"]["Regions"], ["eu-west-1"])

    def test_home_region_of_the_forwarders_is_first(self) -> None:
        self.deploy("all")
        created = [call["input"] for call in self.calls if "create-stack-instances" in call["argv"]][-1]
        self.assertEqual(created["OperationPreferences"]["RegionOrder"], ["eu-central-1", "us-east-1"])

    def test_failed_stack_fails_the_command(self) -> None:
        self.world["ends"] = "ROLLBACK_COMPLETE"
        self.assertEqual(self.deploy(), 1)
        self.assertIn("ended as ROLLBACK_COMPLETE", self.output)
        self.assertEqual(self.changes(), ["execute-change-set firebreak-forensics"])

    def test_failed_operation_names_the_account(self) -> None:
        self.world["operation"] = "FAILED"
        self.assertEqual(self.deploy("member-account"), 1)
        self.assertIn("1 eu-central-1: no", self.output)

    def test_sam_that_fails_does_not_say_the_external_id(self) -> None:
        self.world["sam_fails"] = True
        self.deploy("forensics-account")
        self.assertEqual(self.deploy("security-account"), 1)
        self.assertIn("***", self.output)
        self.assert_secret_kept()


if __name__ == "__main__":
    unittest.main()
