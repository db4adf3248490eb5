"""What somebody does after a unit is deployed."""

from __future__ import annotations

from typing import Final

from . import terminal
from .units import Unit

_NEXT: Final = {
    "forensics-account": "the security account: make deploy ENV=... STACK=security-account",
    "security-account": "confirm the mail of SNS; then STACK=management-account, or if that is there STACK=member-account",
    "management-account": "the security account again, for the quarantine policy's id: STACK=security-account",
    "member-account": "the forwarders: make deploy ENV=... STACK=forwarder",
    "forwarder": "see whether everything is in place: firebreak doctor",
}


def show(unit: Unit, outputs: dict[str, str]) -> None:
    """The outputs, and the next step."""
    if outputs:
        terminal.table(("output", "value"), sorted(outputs.items()))
    terminal.say(f"  done. Next: {_NEXT[unit.template]}")
