"""What is deployed is what the golden files show: a change of a template, of a policy or of the state machine is seen in review.

    UPDATE_GOLDEN=1 .venv/bin/python -m unittest infra/tests/test_golden.py

`golden/test` has the templates of the environment `test`: as CloudFormation gets them, and with every reference and
parameter resolved, the state machine inlined. `golden/dev.diff` and `golden/prod.diff` show in what the other environments
differ from it. After a change that is meant, write them again, and read the difference in version control.
"""

from __future__ import annotations

import difflib
import os
import sys
import unittest
from pathlib import Path
from typing import Final

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from firebreak_infra import environments, layout  # noqa: E402
from firebreak_infra.expand import Target  # noqa: E402
from firebreak_infra.render import render  # noqa: E402

GOLDEN: Final = layout.INFRA / "golden"
MODEL: Final = "test"
"""The environment that is kept whole."""
INTERMEDIATE: Final = "transformed"
"""SAM's output: it follows from the template, and the resolved template follows from it."""


def rendered(environment: str) -> dict[str, str]:
    """The text of every rendered file of an environment, by its path."""
    folder = layout.output_folder(environment)
    files = render(layout.TEMPLATES, Target(environment, layout.ARCHITECTURES[0], folder))
    names = [path.relative_to(folder) for path in files]
    return {name.as_posix(): (folder / name).read_text("utf-8") for name in names if name.parts[0] != INTERMEDIATE}


def difference(model: dict[str, str], other: dict[str, str]) -> str:
    """The lines in which another environment differs from the model."""
    lines: list[str] = []
    for name in sorted(model.keys() | other.keys()):
        before, after = model.get(name, "").splitlines(keepends=True), other.get(name, "").splitlines(keepends=True)
        changes = difflib.unified_diff(before, after, name, name, n=0)
        # Without line numbers: they would change with every line that is added to both.
        lines.extend("@@\n" if line.startswith("@@") else line for line in changes)
    return "".join(lines)


def golden_files() -> dict[str, str]:
    """The text of every golden file, by its path in `golden`."""
    model = rendered(MODEL)
    files = {f"{MODEL}/{name}": text for name, text in model.items()}
    for environment in environments.names():
        if environment != MODEL:
            files[f"{environment}.diff"] = difference(model, rendered(environment))
    return files


def write(files: dict[str, str]) -> None:
    """Replaces the golden files."""
    for path in [path for path in GOLDEN.rglob("*") if path.is_file()]:
        path.unlink()
    for name, text in files.items():
        (GOLDEN / name).parent.mkdir(parents=True, exist_ok=True)
        (GOLDEN / name).write_text(text, encoding="utf-8")


class Golden(unittest.TestCase):
    maxDiff = None

    def test_what_is_deployed_is_what_was_reviewed(self) -> None:
        files = golden_files()
        if os.environ.get("UPDATE_GOLDEN"):
            write(files)
        known = {path.relative_to(GOLDEN).as_posix(): path for path in GOLDEN.rglob("*") if path.is_file()}
        how = "UPDATE_GOLDEN=1 .venv/bin/python -m unittest infra/tests/test_golden.py writes them again"
        self.assertEqual(sorted(known), sorted(files), f"the golden files are not those of the templates; {how}")
        for name, text in files.items():
            with self.subTest(name):
                before = known[name].read_text("utf-8")
                lines = difflib.unified_diff(before.splitlines(), text.splitlines(), f"golden/{name}", "now", lineterm="", n=2)
                self.assertEqual(before, text, "\n".join([f"{name} changed; {how}", *lines][:80]))

    def test_a_difference_is_seen(self) -> None:
        model = {"a.json": "one\ntwo\n", "b.json": "same\n"}
        other = {"a.json": "one\nthree\n", "b.json": "same\n"}
        self.assertEqual(difference(model, other), "--- a.json\n+++ a.json\n@@\n-two\n+three\n")
        self.assertEqual(difference(model, model), "")


if __name__ == "__main__":
    unittest.main()
