"""Takes every unit of an environment away, in the order that leaves nothing half alive.

    infra/undeploy --environment test [--force]

Refuses while something is contained that nobody has answered; FORCE=1, or --force, goes on. Asks for the environment's name.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from .. import layout
from ..deploy import change_set, identity, outputs, settings, stack_set, terminal, tools, units, values
from ..deploy.settings import Settings
from ..deploy.tools import Tools
from ..deploy.units import Unit
from ..errors import InfraError
from ..expand import Target
from ..render import render
from . import incidents, messages, retained

_PAUSE: Final = 5.0


@dataclass(frozen=True)
class There:
    """A unit that exists, and the credentials for it."""

    unit: Unit
    own: Tools
    stacks: int


def main(arguments: Sequence[str] | None = None) -> int:
    """The command. 0: removed, or nothing there; 1: refused or failed; 3: not confirmed."""
    parser = argparse.ArgumentParser(prog="infra/undeploy", description="Takes Firebreak away from an environment.")
    parser.add_argument("--environment", required=True, help="dev, test or prod")
    parser.add_argument("--force", action="store_true", default=os.environ.get("FORCE") == "1", help="despite open incidents")
    parser.add_argument("--as-rendered", action="store_true", help="take target/infra as it is")
    options = parser.parse_args(arguments)
    try:
        tools.require(sam=False)
        where = settings.read(options.environment)
        if not options.as_rendered:
            folder = layout.output_folder(where.environment)
            render(layout.TEMPLATES, Target(where.environment, layout.ARCHITECTURES[0], folder))
        there = _there(where)
        if not there:
            outputs.forget(where.environment)
            terminal.say("Nothing is deployed.")
            return 0
        _refuse_while_contained(where, there, options.force)
        _refuse_while_letters_are_dead(there, options.force)
        _show(where, there)
        if not terminal.typed(f"Type the environment's name to remove all of this ({where.environment}):", where.environment):
            terminal.say("Not confirmed; nothing was changed.")
            return 3
        # Before the first one goes: an interrupted removal must not leave answers of what is gone.
        outputs.forget(where.environment)
        for found in there:
            _remove(where, found)
    except InfraError as error:
        print(f"infra/undeploy: {tools.redacted(str(error))}", file=sys.stderr)
        return 1
    terminal.say("\nRemoved. What stays is listed above; docs/install.md says how to delete it when nobody needs it any more.")
    return 0


def _there(where: Settings) -> list[There]:
    """What exists, in the order of removal. Every account's credentials are checked before anything happens."""
    found = []
    for template in units.REMOVAL:
        unit = units.unit(template)
        own = identity.tools_for(where, template)
        if unit.kind == "stack-set":
            if (stacks := stack_set.instances(own, where, unit.stack)) is not None:
                found.append(There(unit, own, len(stacks)))
        elif change_set.stack(own, unit.stack) is not None:
            found.append(There(unit, own, 1))
    return found


def _refuse_while_contained(where: Settings, there: list[There], force: bool) -> None:
    if all(found.unit.template != "security-account" for found in there):
        terminal.say("The security account's stack is gone, so nobody was asked what is still contained.")
        return
    if force:
        terminal.say("FORCE=1: not asked what is still contained. What is stays so, and can then be undone by hand only.")
        return
    now = incidents.read(where)
    if now.open or now.unfinished:
        rows = [(name, "open") for name in now.open] + [(name, "unfinished, perhaps contained") for name in now.unfinished]
        terminal.table(("incident", ""), rows[:20])
        raise InfraError(
            "incidents",
            f"{len(now.open)} open, {len(now.unfinished)} unfinished",
            "answer them first: firebreak review list, firebreak review release ID; or FORCE=1",
        )
    if now.kept:
        terminal.say(f"{len(now.kept)} closed incidents: what they contained stays contained, and is undone by hand only.")
        terminal.say("The quarantine policies attached to it keep the stack of its account from being deleted.")
    if not now.complete:
        terminal.say("There are more incidents than the command lists; older ones were not looked at.")


def _refuse_while_letters_are_dead(there: list[There], force: bool) -> None:
    """Says what goes with queues and topics. A dead letter is a finding, or an answer, that nobody has dealt with."""
    found = next((found for found in there if found.unit.template == "security-account"), None)
    if found is None:
        return
    queues, topics = messages.queues(found.own, found.unit.stack), messages.topics(found.own, found.unit.stack)
    rows = [(queue.name, f"{queue.messages} messages") for queue in queues if queue.messages]
    rows += [(topic.name, f"{topic.subscriptions} subscriptions") for topic in topics if topic.subscriptions]
    if rows:
        terminal.say("These go with the stack, and what is in them:")
        terminal.table(("queue or topic", ""), rows)
    dead = [queue.name for queue in queues if queue.dead_letters and queue.messages]
    if dead and not force:
        remedy = "docs/runbooks.md says what to do with them; or FORCE=1, and they are lost"
        raise InfraError("dead letters", f"not empty: {', '.join(dead)}", remedy)
    if any(one.unit.template == "forwarder" for one in there):
        terminal.say("Not looked at: firebreak-forwarder-dlq of each account and Region. It goes with its stack.")


def _show(where: Settings, there: list[There]) -> None:
    for number, found in enumerate(there, start=1):
        template = values.template(where.environment, found.unit.template)
        account = where.accounts[found.unit.template]
        what = f"StackSet {found.unit.stack}, {found.stacks} stacks" if found.unit.kind == "stack-set" else found.unit.stack
        terminal.say(f"\n{number}. {what} (account {account}): {retained.goes(template)} resources are deleted")
        if kept := retained.of(template):
            terminal.table(("stays", "type", "because"), kept)
    terminal.say("\nNothing is released by this: what is contained stays contained.")


def _remove(where: Settings, found: There) -> None:
    terminal.say(f"\nremoving {found.unit.stack}")
    if found.unit.kind == "stack-set":
        stack_set.remove(found.own, where, found.unit.stack)
        return
    # By its id: a deleted stack is not found by its name.
    there = change_set.stack(found.own, found.unit.stack)
    if there is None:
        return
    change_set.protection(found.own, there["StackId"], on=False)
    found.own.aws("cloudformation", "delete-stack", {"StackName": there["StackId"]})
    while (status := _status(found.own, there["StackId"])) == "DELETE_IN_PROGRESS":
        time.sleep(_PAUSE)
    terminal.say(f"  {status}")
    if status != "DELETE_COMPLETE":
        raise InfraError(found.unit.stack, f"ended as {status}", "the stack's events have the cause")


def _status(own: Tools, stack: str) -> str:
    return str(own.aws("cloudformation", "describe-stacks", {"StackName": stack})["Stacks"][0]["StackStatus"])


if __name__ == "__main__":
    sys.exit(main())
