"""Removing: the order, what is said to stay, and when it is refused."""

from __future__ import annotations

import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from deployment_case import DeploymentCase  # noqa: E402

from firebreak_infra.undeploy.__main__ import main  # noqa: E402


class Undeploy(DeploymentCase):
    def setUp(self) -> None:
        super().setUp()
        for stack in ("forensics", "management", "security"):
            self.world["stacks"][f"firebreak-{stack}"] = {"StackStatus": "CREATE_COMPLETE", "EnableTerminationProtection": True}
        for name in ("member", "forwarder"):
            there = [{"Region": "eu-central-1", "OrganizationalUnitId": "ou-ab12-1a2b3c4d", "Status": "CURRENT"}]
            self.world["stack_sets"][f"firebreak-{name}"] = {"TemplateBody": "{}", "Parameters": [], "there": there}

    def test_order(self) -> None:
        self.assertEqual(self.run_command(main, stdin="test\n"), 0, self.output)
        self.assertEqual(
            self.changes(),
            [
                "delete-stack-instances firebreak-forwarder",
                "delete-stack-set firebreak-forwarder",
                "delete-stack firebreak-security",
                "delete-stack-instances firebreak-member",
                "delete-stack-set firebreak-member",
                "delete-stack firebreak-management",
                "delete-stack firebreak-forensics",
            ],
        )

    def test_says_what_stays_and_why(self) -> None:
        self.run_command(main, stdin="test\n")
        before = self.output.split("Type the environment's name")[0]
        for said in (
            "Evidence",
            "COMPLIANCE",
            "AWS::KMS::Key",
            "Ledger",
            "deletion protection",
            "what is contained stays",
        ):
            self.assertIn(said, before)

    def test_only_the_name_confirms(self) -> None:
        for answer in ("", "y\n", "yes\n", "prod\n"):
            self.assertEqual(self.run_command(main, stdin=answer, YES="1"), 3, answer)
            self.assertEqual(self.changes(), [])

    def test_refuses_while_somebody_is_contained(self) -> None:
        for status in ("triaged", "containing", "awaiting-review", "failed"):
            self.world["incidents"] = [{"id": "fb-1", "status": status}, {"id": "fb-2", "status": "released"}]
            self.assertEqual(self.run_command(main, stdin="test\n"), 1)
            self.assertIn("fb-1", self.output)
            self.assertNotIn("fb-2", self.output)
            self.assertEqual(self.changes(), [])

    def test_force_goes_on(self) -> None:
        self.world["incidents"] = [{"id": "fb-1", "status": "awaiting-review"}]
        self.assertEqual(self.run_command(main, "--force", stdin="test\n"), 0, self.output)
        self.assertIn("FORCE=1", self.output)

    def test_says_that_approved_stays_contained(self) -> None:
        self.world["incidents"] = [{"id": "fb-1", "status": "closed"}]
        self.assertEqual(self.run_command(main, stdin="test\n"), 0, self.output)
        self.assertIn("1 closed incidents: what they contained stays contained", self.output)

    def test_an_unreadable_ledger_refuses(self) -> None:
        (self.tools / "firebreak").write_text("#!/bin/sh\necho no table >&2\nexit 1\n")
        self.assertEqual(self.run_command(main, stdin="test\n"), 1)
        self.assertIn("no table", self.output)
        self.assertEqual(self.changes(), [])

    def test_dead_letters_refuse(self) -> None:
        self.world["messages"] = {"firebreak-events-dlq": 3}
        self.assertEqual(self.run_command(main, stdin="test\n"), 1)
        self.assertIn("dead letters: not empty: firebreak-events-dlq", self.output)
        self.assertNotIn("Type the environment's name", self.output)
        self.assertEqual(self.changes(), [])
        self.assertEqual(self.run_command(main, "--force", stdin="test\n"), 0, self.output)

    def test_messages_and_subscriptions_are_said_before_the_question(self) -> None:
        self.world["messages"], self.world["subscriptions"] = {"firebreak-review-gate": 2}, 4
        self.assertEqual(self.run_command(main, stdin="no\n"), 3)
        before = self.output.split("Type the environment's name")[0]
        self.assertRegex(before, r"firebreak-review-gate +2 messages")
        self.assertRegex(before, r"firebreak-notices +4 subscriptions")
        self.assertNotIn("firebreak-events-dlq ", before)

    def test_outputs_of_what_is_gone_are_forgotten(self) -> None:
        outputs = self.rendered / "outputs.json"
        outputs.write_text('{"management-account": {"QuarantineScpId": "p-ab12cd34"}}')
        self.run_command(main, stdin="no\n")
        self.assertTrue(outputs.is_file())
        self.assertEqual(self.run_command(main, stdin="test\n"), 0, self.output)
        self.assertFalse(outputs.exists())

    def test_one_wrong_account_stops_all(self) -> None:
        self.world["profiles"]["forensics"] = "121212121212"
        self.assertEqual(self.run_command(main, stdin="test\n"), 1)
        self.assertEqual(self.changes(), [])

    def test_failed_deletion_stops(self) -> None:
        self.world["deletion"] = "DELETE_FAILED"
        self.assertEqual(self.run_command(main, stdin="test\n"), 1)
        self.assertEqual(self.changes()[-1], "delete-stack firebreak-security")

    def test_nothing_there(self) -> None:
        self.world["stacks"], self.world["stack_sets"] = {}, {}
        self.assertEqual(self.run_command(main, stdin="test\n"), 0)
        self.assertIn("Nothing is deployed", self.output)


if __name__ == "__main__":
    unittest.main()
