"""Who may do what with the evidence, asked of an offline simulator of IAM: bucket policy, key policy and the reader's trust."""

from __future__ import annotations

import json
import subprocess
import sys
import unittest
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from firebreak_infra import layout, samples  # noqa: E402
from firebreak_infra.expand import Target  # noqa: E402
from firebreak_infra.render import deployed  # noqa: E402
from firebreak_infra.resolve import resolve  # noqa: E402

NODE = layout.REPOSITORY / ".venv" / "bin" / "node"
SIMULATOR = layout.REPOSITORY / "policies" / "tests" / "node_modules" / "@cloud-copilot" / "iam-simulate"

FORENSICS, SECURITY = samples.FORENSICS_ACCOUNT, "999988887777"
BUCKET = f"arn:aws:s3:::firebreak-evidence-{FORENSICS}"
OBJECT, MANIFEST = f"{BUCKET}/incidents/fb-1/finding.json", f"{BUCKET}/incidents/fb-1/manifest.json"
WRITER = f"arn:aws:iam::{SECURITY}:role/firebreak/FirebreakPreserveEvidence"
READER = f"arn:aws:iam::{FORENSICS}:role/firebreak/FirebreakForensicReader"
ADMINISTRATOR = f"arn:aws:iam::{FORENSICS}:role/administrator"
DEPLOYER = f"arn:aws:iam::{FORENSICS}:role/deploy"
TRIAGE = f"arn:aws:iam::{SECURITY}:role/firebreak/FirebreakTriage"

OVERWRITE = {"s3:ObjectCreationOperation": "true"}
CREATE = {**OVERWRITE, "s3:if-none-match": "*"}
ENCRYPTION = "s3:x-amz-server-side-encryption"
OTHER_KEY = {ENCRYPTION: "aws:kms", f"{ENCRYPTION}-aws-kms-key-id": "arn:aws:kms:eu-central-1:111122223333:key/other"}
THROUGH_S3 = {"kms:ViaService": "s3.eu-central-1.amazonaws.com"}

# Everybody may do everything by their own policy: what is left is what bucket and key say.
EVERYTHING = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}

BUCKET_CASES = (
    (WRITER, "s3:PutObject", OBJECT, CREATE, "allowed"),
    (WRITER, "s3:PutObject", OBJECT, OVERWRITE, "denied by CreateOnlyButForManifests"),
    (WRITER, "s3:PutObject", MANIFEST, OVERWRITE, "allowed"),
    (WRITER, "s3:PutObject", f"{BUCKET}/elsewhere", CREATE, "not allowed"),
    (WRITER, "s3:PutObject", OBJECT, {**CREATE, ENCRYPTION: "AES256"}, "denied by NoOtherEncryption"),
    (WRITER, "s3:PutObject", OBJECT, {**CREATE, **OTHER_KEY}, "denied by NoOtherKey"),
    (
        WRITER,
        "s3:PutObject",
        OBJECT,
        {**CREATE, f"{ENCRYPTION}-customer-algorithm": "AES256"},
        "denied by NoKeyOfTheCaller",
    ),
    (WRITER, "s3:PutObject", OBJECT, {**CREATE, "aws:SecureTransport": "false"}, "denied by TlsOnly"),
    (WRITER, "s3:GetObject", OBJECT, {}, "denied by OnlyTheReaderReads"),
    (WRITER, "s3:ListBucket", BUCKET, {}, "not allowed"),
    (WRITER, "s3:GetBucketObjectLockConfiguration", BUCKET, {}, "allowed"),
    (WRITER, "s3:PutBucketObjectLockConfiguration", BUCKET, {}, "denied by OnlyDeploymentChangesTheProtection"),
    (TRIAGE, "s3:PutObject", OBJECT, CREATE, "denied by NobodyElseWrites"),
    (ADMINISTRATOR, "s3:PutObject", OBJECT, CREATE, "denied by NobodyElseWrites"),
    (ADMINISTRATOR, "s3:GetObject", OBJECT, {}, "denied by OnlyTheReaderReads"),
    (ADMINISTRATOR, "s3:PutBucketPolicy", BUCKET, {}, "denied by OnlyDeploymentChangesTheProtection"),
    (DEPLOYER, "s3:PutBucketPolicy", BUCKET, {}, "allowed"),
    (DEPLOYER, "s3:ListBucket", BUCKET, {}, "allowed"),
    (DEPLOYER, "s3:DeleteObjectVersion", OBJECT, {}, "denied by NobodyDeletes"),
    (ADMINISTRATOR, "s3:PutObjectRetention", OBJECT, {}, "denied by OnlyDeploymentLengthensRetention"),
    (DEPLOYER, "s3:PutObjectRetention", OBJECT, {}, "allowed"),
    (READER, "s3:GetObjectVersion", OBJECT, {}, "allowed"),
    (READER, "s3:PutObject", OBJECT, CREATE, "denied by NobodyElseWrites"),
)
KEY_CASES = (
    (WRITER, "kms:GenerateDataKey", THROUGH_S3, "allowed"),
    (WRITER, "kms:GenerateDataKey", {}, "not allowed"),
    (WRITER, "kms:Decrypt", THROUGH_S3, "not allowed"),
    (READER, "kms:Decrypt", THROUGH_S3, "allowed"),
    (ADMINISTRATOR, "kms:Decrypt", THROUGH_S3, "not allowed"),
    (ADMINISTRATOR, "kms:ScheduleKeyDeletion", {}, "not allowed"),
    (ADMINISTRATOR, "kms:PutKeyPolicy", {}, "allowed"),
)
USER = f"arn:aws:iam::{FORENSICS}:user/analyst"
TRUST_CASES = (
    (USER, {"aws:MultiFactorAuthPresent": "true"}, "allowed"),
    (USER, {}, "not allowed"),
    (WRITER, {}, "not allowed"),
)


@unittest.skipUnless(NODE.exists() and SIMULATOR.exists(), "no simulator: run policies/check once")
class EvidenceAccess(unittest.TestCase):
    @classmethod
    def setUpClass(cls) -> None:
        template = deployed("forensics-account", Target("test", "arm64", layout.output_folder("test")))
        parameters = {"SecurityAccountId": SECURITY, "DeployRole": "deploy"}
        resolved = resolve(template, parameters, samples.pseudo("forensics-account"))
        cls.resources, cls.key = resolved["Resources"], resolved["Outputs"]["EvidenceKeyArn"]["Value"]

    def test_bucket(self) -> None:
        policy = self.resources["EvidenceBucketPolicy"]["Properties"]["PolicyDocument"]
        self.hold([(*case[:4], policy, case[4]) for case in BUCKET_CASES])

    def test_key(self) -> None:
        policy = self.resources["EvidenceKey"]["Properties"]["KeyPolicy"]
        self.hold([(who, action, self.key, context, policy, expected) for who, action, context, expected in KEY_CASES])

    def test_reader(self) -> None:
        trust = self.resources["ReaderRole"]["Properties"]["AssumeRolePolicyDocument"]
        self.hold([(who, "sts:AssumeRole", READER, context, trust, expected) for who, context, expected in TRUST_CASES])

    def hold(self, cases: list[tuple[str, str, str, dict[str, str], Any, str]]) -> None:
        """Asks for all of them at once: the simulator takes a second to start."""
        questions = [
            {
                "principal": who,
                "action": action,
                "resource": resource,
                "account": FORENSICS,
                "context": {"aws:SecureTransport": "true", "aws:PrincipalArn": who, **context},
                "identity": EVERYTHING,
                "policy": policy,
            }
            for who, action, resource, context, policy, _ in cases
        ]
        command = [str(NODE), str(Path(__file__).with_name("simulate.mjs"))]
        run = subprocess.run(command, input=json.dumps(questions), capture_output=True, text=True, check=False)
        self.assertEqual(run.returncode, 0, run.stderr)
        for (who, action, resource, context, _, expected), verdict in zip(cases, json.loads(run.stdout), strict=True):
            with self.subTest(who=who, action=action, resource=resource, context=context):
                self.assertEqual(verdict, expected)


if __name__ == "__main__":
    unittest.main()
