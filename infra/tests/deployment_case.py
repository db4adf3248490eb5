"""What the tests of deploy and undeploy share: an environment with templates, and fake tools on PATH."""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
import shutil
import sys
import tempfile
import unittest
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest import mock

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from firebreak_infra import checksums, layout  # noqa: E402

SECRET = "do-not-show-this-to-anybody"
SECURITY, FORENSICS, MANAGEMENT = "222233334444", "333344445555", "999988887777"
CHANGING = (
    "execute-change-set", "create-stack-set", "update-stack-set", "create-stack-instances", "delete-stack-instances",
    "delete-stack-set", "delete-stack",
)  # fmt: skip
"""What changes something that runs. A change set alone does not."""

PARAMETERS = f"""
OrganizationId = "o-a1b2c3d4e5"
SecurityAccountId = "{SECURITY}"
ManagementAccountId = "{MANAGEMENT}"
ForensicsAccountId = "{FORENSICS}"

[deployment]
home_region = "eu-central-1"
forwarded_regions = ["us-east-1"]
organizational_unit_ids = ["ou-ab12-1a2b3c4d"]
security_profile = "security"
forensics_profile = "forensics"
management_profile = "management"

[security-account]
EvidenceKeyArn = "arn:aws:kms:eu-central-1:000000000000:key/example"   # from the forensics account's stack

[member-account]
"""

_TEXT = {"Type": "String"}
_SECRET = {"Type": "String", "NoEcho": "true"}
TEMPLATES: dict[str, Any] = {
    "forensics-account": {
        "Parameters": {"SecurityAccountId": _TEXT},
        "Resources": {
            "Evidence": {"Type": "AWS::S3::Bucket", "DeletionPolicy": "Retain"},
            "Key": {"Type": "AWS::KMS::Key", "DeletionPolicy": "Retain"},
            "Other": {"Type": "AWS::SNS::Topic"},
        },
    },
    "management-account": {"Resources": {"Guard": {"Type": "AWS::Organizations::Policy"}}},
    "security-account": {
        "Parameters": {
            "EvidenceKeyArn": _TEXT,
            "QuarantineScpId": _TEXT | {"Default": ""},
            "ExternalId": _SECRET,
            "LambdaArchitecture": _TEXT,
        },
        "Resources": {"Ledger": {"Type": "AWS::DynamoDB::Table", "DeletionPolicy": "Retain"}},
    },
    "member-account": {"Parameters": {"ExternalId": _SECRET}, "Resources": {"Role": {"Type": "AWS::IAM::Role"}}},
    "forwarder": {"Parameters": {"SecurityBusArn": _TEXT}, "Resources": {"Rule": {"Type": "AWS::Events::Rule"}}},
}


class DeploymentCase(unittest.TestCase):
    """A repository of its own in a scratch folder."""

    def setUp(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="firebreak-test-"))
        self.addCleanup(shutil.rmtree, self.folder)
        self.parameters = self.folder / "environments" / "test" / "parameters.toml"
        self.parameters.parent.mkdir(parents=True)
        self.parameters.write_text(PARAMETERS)
        self.rendered = self.folder / "rendered"
        self.rendered.mkdir()
        for name, content in TEMPLATES.items():
            (self.rendered / f"{name}.json").write_text(json.dumps(content))
        self.world: dict[str, Any] = {
            "account": SECURITY,
            "profiles": {"security": SECURITY, "forensics": FORENSICS, "management": MANAGEMENT},
            "stacks": {},
            "stack_sets": {},
            "incidents": [],
            "outputs": {
                "firebreak-forensics": {"EvidenceKeyArn": f"arn:aws:kms:eu-central-1:{FORENSICS}:key/1"},
                "firebreak-management": {"QuarantineScpId": "p-ab12cd34"},
                "firebreak-security": {"SecurityBusArn": f"arn:aws:events:eu-central-1:{SECURITY}:event-bus/firebreak"},
            },
        }
        self.tools = self.folder / "bin"
        self.tools.mkdir()
        program = Path(__file__).with_name("fake_tools.py").read_text()
        for name in ("aws", "sam", "firebreak"):
            (self.tools / name).write_text(f"#!{sys.executable} -IS\n{program}")
            (self.tools / name).chmod(0o755)
        self.package = package = self.folder / "package.zip"
        policy = self.parameters.with_name("policy.toml")
        policy.write_text('default_mode = "observe"\n')
        with zipfile.ZipFile(package, "w") as layer:
            layer.write(policy, "firebreak/policy.toml")
        os.utime(package, (1_700_000_000, 1_700_000_000))
        self.list_package()
        self._patch(layout, "ENVIRONMENTS", self.folder / "environments")
        self._patch(layout, "output_folder", lambda _: self.rendered)
        self._patch(layout, "package", lambda *_: package)
        self._patch(layout, "packages", lambda: self.folder)

    def list_package(self) -> None:
        """As `infra/package` does, after the package was written."""
        checksums.keep(self.folder, {self.package.name: hashlib.sha256(self.package.read_bytes()).hexdigest()})

    def _patch(self, where: Any, name: str, value: Any) -> None:
        patch = mock.patch.object(where, name, value)
        patch.start()
        self.addCleanup(patch.stop)

    def run_command(self, main: Callable[[list[str]], int], *arguments: str, stdin: str = "", **variables: str) -> int:
        """Runs a command; `output` and `calls` then say what it did."""
        (self.folder / "world.json").write_text(json.dumps(self.world))
        (self.folder / "calls.jsonl").write_text("")
        environment = {"PATH": f"{self.tools}:{os.environ['PATH']}", "FAKE_TOOLS": str(self.folder)}
        printed = io.StringIO()
        with (
            mock.patch.dict(os.environ, environment | variables),
            mock.patch.object(sys, "stdin", io.StringIO(stdin)),
            contextlib.redirect_stdout(printed),
            contextlib.redirect_stderr(printed),
        ):
            code = main(["--environment", "test", "--as-rendered", *arguments])
        self.output = printed.getvalue()
        self.calls: list[dict[str, Any]] = [
            json.loads(line) for line in (self.folder / "calls.jsonl").read_text().splitlines()
        ]
        self.world = json.loads((self.folder / "world.json").read_text())
        return code

    def changes(self) -> list[str]:
        """What changed something, in order: operation and stack or StackSet."""
        done = []
        for call in self.calls:
            operation = call["argv"][1] if call["tool"] == "aws" else ""
            if operation in CHANGING:
                values = call["input"]
                name = values.get("StackSetName") or values.get("StackName") or values["ChangeSetName"].split("/")[1]
                done.append(f"{operation} {name}")
        return done

    def assert_secret_kept(self) -> None:
        """Neither in what was printed, nor in an argument, nor in a tool's environment, nor left in a file."""
        self.assertNotIn(SECRET, self.output)
        for call in self.calls:
            self.assertNotIn(SECRET, json.dumps(call["argv"]))
            self.assertFalse(call["secret"], "the tool inherited the external id")
            self.assertIn(call.get("mode", "0o600"), ("0o600",))
        self.assertFalse([path for path in self.rendered.rglob("*") if SECRET in path.read_text()])
