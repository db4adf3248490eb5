"""What functions declare about themselves, and what templates make of it."""

from __future__ import annotations

import sys
import tempfile
import unittest
from pathlib import Path
from unittest import mock

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from firebreak_infra import functions, repeated  # noqa: E402
from firebreak_infra.errors import InfraError  # noqa: E402
from firebreak_infra.extensions import EachFunction, FromFunction  # noqa: E402

SOUND = 'description = "x"\ntrigger = "state-machine"\ntimeout_seconds = 30\n'


def read(text: str | None) -> functions.Function:
    """The declaration of a folder some-thing."""
    with tempfile.TemporaryDirectory() as folder, mock.patch.object(functions, "in_repository", lambda path: path.name):
        file = Path(folder) / "some-thing" / "function.toml"
        file.parent.mkdir()
        if text is not None:
            file.write_text(text, encoding="utf-8")
        return functions._read(file)


class Declarations(unittest.TestCase):
    def test_a_mistake_is_one_line_with_the_file_and_the_field(self) -> None:
        for text, expected in (
            (None, "is missing"),
            ("trigger = ", "function.toml: "),
            (SOUND.replace("description", "descripton"), "descripton"),
            ('description = "x"\ntrigger = "queue"\n', "timeout_seconds"),
            (SOUND.replace("state-machine", "cron"), "trigger is 'cron'"),
            (SOUND.replace("30", "901"), "901"),
            (SOUND + 'carries_out = "no-such"\n', "carries_out is 'no-such'"),
            (SOUND + '[[member_roles]]\nname = "R"\npolicy = "p.json"\naccount = "members"\n', "description"),
            (SOUND + '[[member_roles]]\nname = "R"\ndescription = "d"\npolicy = "p"\naccount = "all"\n', "'all'"),
        ):
            with self.subTest(expected), self.assertRaises(InfraError) as caught:
                read(text)
            self.assertIn(expected, str(caught.exception))
            self.assertNotIn("\n", str(caught.exception))

    def test_a_member_role_is_assumed_by_those_that_say_so_and_nobody_else(self) -> None:
        assumed_by = {name: [one.name for one in who] for name, (_, who) in functions.member_roles().items()}
        self.assertEqual(assumed_by["FirebreakMemberQuarantineScp"], ["quarantine-scp", "release"])
        self.assertEqual(assumed_by["FirebreakMemberRelease"], ["release"], "no containment may undo")
        self.assertEqual(assumed_by["FirebreakMemberRevokeSessions"], ["revoke-sessions"], "what contains grants nothing")


    def test_a_role_that_nobody_declares_is_assumed_by_nobody(self) -> None:
        functions.member_roles.cache_clear()
        odd = functions.Function("x", "x", "command", 1, also_assumes=("FirebreakMemberReleese",))
        with mock.patch.object(functions, "functions", lambda: (odd,)), self.assertRaisesRegex(InfraError, "Releese"):
            functions.member_roles()
        functions.member_roles.cache_clear()


class Repetition(unittest.TestCase):
    def test_a_form_is_filled_in_for_each_function_that_is_meant(self) -> None:
        called = repeated.each(EachFunction("<Name>/<name>", trigger="state-machine"))
        self.assertIn("QuarantineIam/quarantine-iam", called)
        for other in ("Ingest/ingest", "OpenReview/open-review", "DecideReview/decide-review"):
            self.assertNotIn(other, called, "no state may call it")
        for other in ("lockdown-s3", "revoke-sessions"):
            self.assertNotIn(other, repeated.each(EachFunction("<name>", contains=False)), "a receipt says how it ended")
        self.assertNotIn("revoke-sessions", repeated.each(EachFunction("<name>", contains="after-approval")))
        with self.assertRaisesRegex(InfraError, "ingset"):
            repeated.each(EachFunction("<name>", left_out=("ingset",)))

    def test_only_a_function_that_people_call_gets_a_url(self) -> None:
        made = dict(repeated.resources({"PerFunctionWithUrl": {"<Name>Url": {"Of": "<name>"}}}))
        self.assertEqual(made["DecideReviewUrl"], {"Of": "decide-review"})
        called = {one.name for one in functions.functions() if one.trigger == "command"}
        self.assertEqual({one["Of"] for one in made.values()}, called)

    def test_a_field_that_a_function_does_not_declare_leaves_no_key(self) -> None:
        made = dict(repeated.resources({"PerFunction": {"<Name>": {"Memory": FromFunction("memory_mb"), "A": 1}}}))
        self.assertEqual(made["Notify"], {"A": 1})
        self.assertEqual(made["PreserveEvidence"], {"Memory": 512, "A": 1})


if __name__ == "__main__":
    unittest.main()
