"""What deploying refuses before anything but the caller's identity is asked of AWS."""

from __future__ import annotations

import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from deployment_case import FORENSICS, MANAGEMENT, SECRET, DeploymentCase  # noqa: E402

from firebreak_infra import checksums  # noqa: E402
from firebreak_infra.deploy.__main__ import main  # noqa: E402
from firebreak_infra.layout import REPOSITORY  # noqa: E402


class Refused(DeploymentCase):
    """Each before anything but the caller's identity was asked."""

    def refused(self, reason: str, stack: str = "all", **variables: str) -> None:
        code = self.run_command(main, "--stack", stack, **({"FIREBREAK_EXTERNAL_ID": SECRET, "YES": "1"} | variables))
        self.assertEqual(code, 1, self.output)
        self.assertIn(reason, self.output)
        self.assertLessEqual({call["argv"][1] for call in self.calls}, {"get-caller-identity"})

    def test_example_account(self) -> None:
        self.parameters.write_text(self.parameters.read_text().replace(FORENSICS, "000000000000"))
        self.refused('parameters.toml:5: still an example: ForensicsAccountId = "000000000000"')

    def test_example_organization(self) -> None:
        self.parameters.write_text(self.parameters.read_text().replace("o-a1b2c3d4e5", "o-exampleorgid"))
        self.refused("parameters.toml:2: still an example")

    def test_example_region(self) -> None:
        self.parameters.write_text(self.parameters.read_text().replace('["us-east-1"]', '["xx-example-1"]'))
        self.refused('parameters.toml:9: still an example: forwarded_regions = ["xx-example-1"]')

    def test_no_environment_names_its_regions_for_you(self) -> None:
        for environment in ("dev", "test", "prod"):
            shipped = (REPOSITORY / "infra" / "environments" / environment / "parameters.toml").read_text(encoding="utf-8")
            [line] = [line for line in shipped.splitlines() if line.startswith("forwarded_regions")]
            with self.subTest(environment):
                before = self.parameters.read_text()
                self.parameters.write_text(before.replace('forwarded_regions = ["us-east-1"]', line))
                self.refused("still an example: forwarded_regions", "forwarder")
                self.parameters.write_text(before)

    def test_example_key_when_no_stack_answered_it(self) -> None:
        self.refused("parameters.toml:16: still an example: EvidenceKeyArn", "security-account")

    def test_no_external_id(self) -> None:
        self.refused("FIREBREAK_EXTERNAL_ID: is not set", "member-account", FIREBREAK_EXTERNAL_ID="")

    def test_short_external_id(self) -> None:
        self.refused("fewer than 16", "member-account", FIREBREAK_EXTERNAL_ID="fifteen-letters")

    def test_external_id_in_the_file(self) -> None:
        self.parameters.write_text(self.parameters.read_text() + 'ExternalId = "in-a-file-for-all-to-see"\n')
        self.refused("does not belong into a file", "member-account")
        self.assertNotIn("in-a-file-for-all-to-see", self.output)

    def test_credentials_of_another_account(self) -> None:
        self.world["profiles"]["forensics"] = MANAGEMENT
        self.refused(
            f"belongs into account {FORENSICS}, and these credentials are of {MANAGEMENT}", "forensics-account"
        )

    def test_unknown_parameter(self) -> None:
        self.parameters.write_text(self.parameters.read_text() + 'Exernal = "typo"\n')
        self.refused("member-account has no parameter Exernal", "member-account")

    def test_missing_parameter(self) -> None:
        self.refused("SecurityBusArn", "forwarder")

    def test_unpackaged(self) -> None:
        self.package.unlink()
        self.refused("make package ENV=test ARCH=arm64", "security-account")

    def test_package_with_one_byte_changed(self) -> None:
        content = bytearray(self.package.read_bytes())
        content[-1] ^= 1
        self.package.write_bytes(content)
        self.refused("package.zip: is not what was packaged: SHA256SUMS has another SHA-256; make package", "security-account")

    def test_package_that_is_not_listed(self) -> None:
        checksums.keep(self.folder, {"another.zip": "0" * 64})
        self.refused("package.zip: is not in SHA256SUMS; make package ENV=test ARCH=arm64", "security-account")

    def test_no_list_of_packages(self) -> None:
        (self.folder / checksums.NAME).unlink()
        self.refused("package.zip: is not in SHA256SUMS", "security-account")

    def test_list_that_is_none(self) -> None:
        (self.folder / checksums.NAME).write_text("package.zip is fine\n")
        self.refused("SHA256SUMS: 'package.zip is fine' is no line of a list of SHA-256", "security-account")

    def test_policy_of_yesterday(self) -> None:
        self.parameters.with_name("policy.toml").write_text('default_mode = "auto"\n')
        self.refused("is not the policy of today", "security-account")
        self.assertIn("make package ENV=test ARCH=arm64", self.output)

    def test_layer_without_a_policy(self) -> None:
        self.package.write_bytes(b"")
        self.list_package()
        self.refused("has no firebreak/policy.toml", "security-account")

    def test_no_aws(self) -> None:
        (self.tools / "aws").unlink()
        self.refused("install the AWS CLI", "forensics-account", PATH=str(self.tools))

    def test_template_too_large(self) -> None:
        file = self.rendered / "forensics-account.json"
        file.write_text(file.read_text().replace("AWS::SNS::Topic", "A" * 60_000))
        self.refused("CloudFormation takes 51200", "forensics-account")


if __name__ == "__main__":
    unittest.main()
