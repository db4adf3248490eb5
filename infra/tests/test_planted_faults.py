"""Every check bites: each fault of `faults/` is planted into a copy of what is deployed, and the check it names must
find it, for its own reason. What is not changed must be found clean by all of them.

    infra/check --faults

The rules see one fault at a time. The tools take seconds to start, so each runs once or twice: faults that one of them
must find in one template are planted together, and told apart by what is said.
"""

from __future__ import annotations

import copy
import json
import subprocess
import sys
import unittest
from functools import cache
from pathlib import Path
from typing import Final

sys.path[:0] = [str(Path(__file__).resolve().parent), str(Path(__file__).resolve().parents[1])]

from faults import FAULTS
from faults.fault import Fault
from faults.tools import ASL, CFN_LINT, LOCAL, POLICIES, SAM

from firebreak_infra import checks, layout, local_deploy
from firebreak_infra.rules import RULES
from firebreak_infra.rules.documents import SECURITY, Sources, load
from firebreak_infra.rules.problem import Problem
from firebreak_infra.tools import asl_validator, cfn_lint, policy_linter, sam

SCRATCH: Final = layout.REPOSITORY / "target" / "infra" / "faults"


@cache
def baseline() -> Sources:
    """What is deployed."""
    return load(checks.rendered(), checks.ENVIRONMENT)


def planted(*faults: Fault, templates: bool = True) -> Sources:
    """A copy with these faults. A definition in the template is the same object as the definition."""
    sources = copy.deepcopy(baseline())
    for body in sources.templates[SECURITY]["Resources"].values():
        if templates and body["Type"] == "AWS::StepFunctions::StateMachine":
            name = body["Properties"]["StateMachineName"].removeprefix("firebreak-")
            body["Properties"]["Definition"] = sources.definitions[name]
    for fault in faults:
        fault.plant(sources)
    return sources


def changed_definition(fault: Fault) -> object:
    """The one definition that a fault changes."""
    before = baseline().definitions
    [changed] = [body for name, body in planted(fault).definitions.items() if body != before[name]]
    return changed


def written(name: str, document: object) -> Path:
    """A file for a tool."""
    SCRATCH.mkdir(parents=True, exist_ok=True)
    path = SCRATCH / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(document), encoding="utf-8")
    return path


def node(script: str) -> str:
    """What a script beside infra/least-privilege says, its error included."""
    command = [str(layout.REPOSITORY / ".venv" / "bin" / "node"), "--input-type=module", "--eval", script]
    folder = layout.INFRA / "least-privilege"
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60, check=False)
    return done.stdout + done.stderr


def of(check: str) -> list[Fault]:
    """The faults that a check must find."""
    return [fault for fault in FAULTS if fault.caught_by == check]


class PlantedFaults(unittest.TestCase):
    """One test per kind of check."""

    caught: list[tuple[str, str]] = []

    @classmethod
    def tearDownClass(cls) -> None:
        width = max((len(fault.name) for fault in FAULTS), default=0)
        print(f"\n  {'planted fault':<{width}}  caught by")
        for name, check in cls.caught:
            print(f"  {name:<{width}}  {check}")
        print(f"\n{len(FAULTS)} faults planted, {len(cls.caught)} caught", flush=True)

    def catches(self, fault: Fault, problems: list[Problem]) -> None:
        """Holds a check to its fault."""
        with self.subTest(fault.name):
            said = [str(problem) for problem in problems]
            self.assertTrue(
                any(fault.expect in one for one in said), f"{fault.caught_by} said {said}, not {fault.expect!r}"
            )
            self.caught.append((fault.name, fault.caught_by))

    def test_each_check_has_a_fault(self) -> None:
        known = {*RULES, ASL, CFN_LINT, LOCAL, POLICIES, SAM}
        self.assertEqual({fault.caught_by for fault in FAULTS}, known)

    def test_rules(self) -> None:
        documents = baseline().documents()
        for name, rule in RULES.items():
            self.assertEqual(rule(documents), [], f"{name} finds something in what is deployed")
            for fault in of(name):
                self.catches(fault, rule(planted(fault).documents()))

    def test_an_environment_that_is_filled_in_decides_its_modes(self) -> None:
        """A site follows docs/install.md: its own accounts first, then `auto`."""
        sources = planted()
        sources.response_policies["prod"]["default_mode"] = "auto"
        self.assertEqual(len(RULES["modes"](sources.documents())), 1)
        sources.not_filled_in.discard("prod")
        self.assertEqual(RULES["modes"](sources.documents()), [])

    def test_asl_validator(self) -> None:
        files = {
            fault.name: written(f"definition-{index}.json", changed_definition(fault))
            for index, fault in enumerate(of(ASL))
        }
        found = asl_validator.check([*layout.definitions(), *files.values()], SCRATCH)
        for definition in layout.definitions():
            self.assertEqual(found[definition], [])
        for fault in of(ASL):
            self.catches(fault, found[files[fault.name]])

    def test_cfn_lint(self) -> None:
        names = sorted({fault.template for fault in of(CFN_LINT)})
        changed = planted(*of(CFN_LINT))
        files = {name: written(f"{name}.json", changed.templates[name]) for name in names}
        clean = {name: written(f"{name}-clean.json", baseline().templates[name]) for name in names}
        found = cfn_lint.check([*files.values(), *clean.values()], SCRATCH)
        for name in names:
            self.assertEqual(found[clean[name]], [])
        for fault in of(CFN_LINT):
            self.catches(fault, found[files[fault.template]])

    def test_sam(self) -> None:
        sources = planted(templates=False)
        file = layout.output_folder(checks.ENVIRONMENT) / f"{SECURITY}.json"
        self.assertEqual(sam.check(file, SCRATCH), [])
        sources.templates[SECURITY] = json.loads(file.read_text())
        for fault in of(SAM):
            fault.plant(sources)
        # Beside the clean one, because it has relative paths.
        changed = file.with_name("security-account-with-faults.json")
        changed.write_text(json.dumps(sources.templates[SECURITY]))
        try:
            problems = sam.check(changed, SCRATCH)
        finally:
            changed.unlink()
        for fault in of(SAM):
            self.catches(fault, problems)

    def test_policy_linter(self) -> None:
        self.assertEqual(policy_linter.check(list(policy_linter.policies(baseline().documents())), SCRATCH), [])
        problems = policy_linter.check(list(policy_linter.policies(planted(*of(POLICIES)).documents())), SCRATCH)
        for fault in of(POLICIES):
            self.catches(fault, problems)

    def test_least_privilege(self) -> None:
        """What AWS does for every function excuses no member role; a managed policy is not looked past."""
        with self.subTest("a member role that may decrypt"):
            said = node(
                "import { unused } from './unused.mjs'\n"
                "import { readFileSync } from 'node:fs'\n"
                "const grants = [{ sid: 'Planted', action: 'kms:Decrypt' }]\n"
                "const roles = new Map([['FirebreakMemberSweep', { calls: [], grants }]])\n"
                "console.log(unused(roles, JSON.parse(readFileSync('reasons.json', 'utf8'))).complaints[0])"
            )
            self.assertIn("kms:Decrypt of Planted is allowed, never called, and has no reason", said)
        with self.subTest("a reason for what only a sample calls, and a role that may not call it any more"):
            said = node(
                "import { unused } from './unused.mjs'\n"
                "const action = 's3:GetBucketLocation'\n"
                "const called = [{ answers: [{ question: { action }, by: ['Find'] }] }]\n"
                "const role = (grants) => new Map([['FirebreakMemberSweep', { calls: called, grants }]])\n"
                "const reasons = { FirebreakMemberSweep: { [action]: 'Finds a bucket.' } }\n"
                "for (const grants of [[{ sid: 'Find', action }], []])\n"
                "  console.log(unused(role(grants), reasons).complaints.length)"
            )
            self.assertEqual(said.split(), ["0", "1"])
        with self.subTest("a managed policy"):
            sources = planted()
            for body in sources.templates[SECURITY]["Resources"].values():
                if body["Type"] == "AWS::IAM::Role":
                    body["Properties"]["ManagedPolicyArns"] = ["arn:aws:iam::aws:policy/AdministratorAccess"]
            folder = written("resolved/security-account.json", sources.documents().templates[SECURITY]).parent
            call = f"import {{ deployed }} from './deployed.mjs'\ndeployed({json.dumps(str(folder))})"
            self.assertIn("has managed policies", node(call))

    def test_local_aws(self) -> None:
        self.assertEqual(local_deploy.check(baseline()), [])
        for fault in of(LOCAL):
            self.catches(fault, local_deploy.check(planted(fault)))


if __name__ == "__main__":
    unittest.main()
