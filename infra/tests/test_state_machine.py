"""The definition that is deployed is what its source says, and the documents show it."""

from __future__ import annotations

import json
import sys
import tempfile
import unittest
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from firebreak_infra import picture, state_machine  # noqa: E402
from firebreak_infra.errors import InfraError
from firebreak_infra.functions import functions  # noqa: E402
from firebreak_infra.layout import REPOSITORY, STATE_MACHINE, definitions  # noqa: E402

CALL = "Type: Task, Resource: 'arn:${Partition}:states:::lambda:invoke', Parameters: "


def states(text: str) -> dict[str, Any]:
    """The rendered states of a source."""
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "source.yaml"
        source.write_text(f"StartAt: A\n{text}", encoding="utf-8")
        rendered: dict[str, Any] = json.loads(state_machine.rendered(source))["States"]
        return rendered


class Source(unittest.TestCase):
    def test_each_definition_is_what_its_source_says(self) -> None:
        for definition in definitions():
            text = state_machine.rendered(state_machine.source_of(definition))
            self.assertEqual(definition.read_text("utf-8"), text, f"{definition.name}: run state-machine/render")

    def test_a_task_outlasts_its_function_and_a_computed_one_the_slowest_containment(self) -> None:
        named = states(f"States: {{A: {{{CALL} {{FunctionName: '${{FunctionArnPrefix}}preserve-evidence'}}}}}}")
        self.assertEqual(named["A"]["TimeoutSeconds"], 305)
        computed = "FunctionName.$: \"States.Format('${FunctionArnPrefix}{}', $.containment)\""
        self.assertEqual(states(f"States: {{A: {{{CALL} {{{computed}}}}}}}")["A"]["TimeoutSeconds"], 65)

    def test_shared_blocks_and_repeated_states_leave_no_trace(self) -> None:
        made = states(
            "Shared: {s: &s {Type: Succeed}}\n"
            "States:\n"
            "  A: {Type: Choice, Choices: [!EachFunction {Contains: automatic, As: {Next: <Name>}}], Default: End}\n"
            "  <Name>: !EachFunction {Contains: automatic, As: {<<: *s, Comment: <name>}}\n"
            "  End: *s\n"
        )
        self.assertEqual([choice["Next"] for choice in made["A"]["Choices"]], [one.words for one in functions() if one.contains == "automatic"])
        self.assertEqual(made["QuarantineIam"], {"Type": "Succeed", "Comment": "quarantine-iam"})
        self.assertNotIn("QuarantineScp", made, "what needs an approval has no state of its own")

    def test_a_mistake_is_said(self) -> None:
        for text, expected in (
            (f"States: {{A: {{{CALL} {{FunctionName: '${{FunctionArnPrefix}}quarantine'}}}}}}", "A calls no folder"),
            ("States: {A: {Type: Pass, Nxt: B}}", "A has Nxt"),
            ("States: {A: !EachFunction {As: {Type: Pass}}}", "A is repeated and has one name"),
        ):
            with self.subTest(expected), self.assertRaisesRegex(InfraError, expected):
                states(text)


class Picture(unittest.TestCase):
    def test_the_documents_show_the_machine_as_it_is(self) -> None:
        drawing = picture.picture(json.loads(STATE_MACHINE.read_text("utf-8")))
        for document in picture.DOCUMENTS:
            text = document.read_text("utf-8")
            shown = picture.inserted(text, drawing, document.name)
            self.assertEqual(text, shown, f"{document.relative_to(REPOSITORY)}: run state-machine/draw")

    def test_an_arrow_goes_through_what_is_left_out(self) -> None:
        task = {"Type": "Task", "Resource": "x"}
        machine = {
            "StartAt": "A",
            "States": {
                "A": {**task, "Next": "P", "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "Broken"}]},
                "P": {"Type": "Pass", "Next": "W"},
                "W": {"Type": "Wait", "Next": "C"},
                "C": {"Type": "Choice", "Choices": [{"Next": "A"}], "Default": "Lost"},
                "Lost": {"Type": "Pass", "Next": "FailureNotice"},
                "FailureNotice": {**task, "End": True},
                "Broken": {**task, "End": True},
            },
        }
        self.assertEqual(
            picture.picture(machine).splitlines(),
            ["flowchart TD", '  C{"C?"}', "  A-->C", "  C-->|yes|A"],
        )

    def test_a_document_without_a_place_is_said(self) -> None:
        with self.assertRaisesRegex(InfraError, "README.md: has no place"):
            picture.inserted("nothing", "drawing", "README.md")


if __name__ == "__main__":
    unittest.main()
