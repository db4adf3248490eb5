"""The rules of a policy's own rows: here and in the product they are the same."""

from __future__ import annotations

import json
import unittest

from firebreak_infra import event_rules, layout
from firebreak_infra.own_rules import own_rules

FIXTURE = layout.REPOSITORY / "fixtures" / "event-rules" / "own.json"


class OwnRules(unittest.TestCase):
    """What a policy adds to infra/event-rules."""

    def setUp(self) -> None:
        files = layout.EVENT_RULES.glob("guardduty-*.json")
        self.shipped = {file.stem: event_rules.pattern(file.stem) for file in files}

    def test_they_are_the_rules_that_the_product_expects(self) -> None:
        expected = json.loads(FIXTURE.read_text(encoding="utf-8"))
        policy = {"finding": {kind: {"contain": {"quarantine-iam": "gate"}} for kind in expected["rows_with_a_gate"]}}
        policy["security_hub"] = {"products": expected["products"]}
        self.assertEqual(own_rules(policy, self.shipped), expected["rules"])

    def test_a_row_that_only_tells_has_none(self) -> None:
        told = {"Custom:IAMUser/Told": {"by_hand": {"principal": "notify"}}}
        self.assertEqual(own_rules({"finding": told}, self.shipped), {})
        told["Custom:IAMUser/Told"]["arrives"] = True
        self.assertEqual(list(own_rules({"finding": told}, self.shipped)), ["guardduty-own-1"])


if __name__ == "__main__":
    unittest.main()
