"""Deploys one unit or all of them: shows what would change, asks, does it, and says what comes next.

    infra/deploy --environment test [--stack security-account|...|all] [--architecture arm64|x86_64]

YES=1 answers yes, for pipelines. CLEAR=NAME[,NAME] lets these parameters become empty.
The external id comes from FIREBREAK_EXTERNAL_ID.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from typing import Any, Final

from .. import layout
from ..errors import InfraError
from ..expand import Target
from ..render import render
from . import (
    change_set,
    comparison,
    identity,
    next_steps,
    outputs,
    packages,
    sam,
    settings,
    stack_set,
    terminal,
    tools,
    units,
    values,
)
from .settings import Settings
from .units import Unit

_WRITTEN_BY_INCIDENTS: Final = "management-account"
"""Its quarantine policy differs from the template whenever somebody is denied by it: that is no drift to be reverted."""
_LONGEST_BODY: Final = 51_200
"""Bytes of a template that CloudFormation takes without a bucket."""


def main(arguments: Sequence[str] | None = None) -> int:
    """The command. 0: done, or nothing to do; 1: refused or failed; 3: not confirmed."""
    names = [unit.template for unit in units.UNITS]
    parser = argparse.ArgumentParser(prog="infra/deploy", description="Deploys Firebreak, after showing what would change.")
    parser.add_argument("--environment", required=True, help="dev, test or prod")
    parser.add_argument("--stack", choices=[*names, "all"], default="all")
    parser.add_argument("--architecture", choices=layout.ARCHITECTURES, default=layout.ARCHITECTURES[0])
    parser.add_argument("--revert-drift", action="store_true", help="undo what was changed by hand, deploy nothing new")
    parser.add_argument("--as-rendered", action="store_true", help="take target/infra as it is")
    options = parser.parse_args(arguments)
    wanted = [units.unit(name) for name in (units.ALL if options.stack == "all" else (options.stack,))]
    try:
        tools.require(sam=any(unit.kind == "sam" for unit in wanted))
        where = settings.read(options.environment)
        if options.revert_drift:
            return _revert_drift(wanted, where)
        if any(unit.needs_packages for unit in wanted):
            terminal.say(packages.require(where.environment, options.architecture))
        if not options.as_rendered:
            # What is deployed is what the sources say now, not what somebody rendered last week.
            folder = layout.output_folder(where.environment)
            render(layout.TEMPLATES, Target(where.environment, options.architecture, folder))
        for unit in wanted:
            if not _deploy(unit, where, options.architecture):
                terminal.say("Not confirmed; nothing was changed by this step.")
                return 3
    except InfraError as error:
        print(f"infra/deploy: {tools.redacted(str(error))}", file=sys.stderr)
        return 1
    return 0


def _revert_drift(wanted: Sequence[Unit], where: Settings) -> int:
    """Plan, question, execution for each stack, with what is deployed."""
    for unit in wanted:
        if unit.kind == "stack-set" or unit.template == _WRITTEN_BY_INCIDENTS:
            why = "a StackSet cannot do this" if unit.kind == "stack-set" else "what incidents wrote there would be lost"
            terminal.say(f"\n{unit.template}: {why}; docs/runbooks.md, 'A resource was changed by hand'")
            continue
        own = identity.tools_for(where, unit.template)
        terminal.say(f"\n{unit.template} -> {unit.stack}, account {where.accounts[unit.template]}, {where.home_region}")
        planned = change_set.revert_drift(own, unit.stack)
        if planned is None:
            terminal.say("  nothing was changed by hand")
            continue
        change_set.show(planned)
        if not terminal.confirmed(f"Revert this in {unit.stack}?"):
            change_set.discard(own, planned)
            return 3
        change_set.execute(own, planned)
    return 0


def _deploy(unit: Unit, where: Settings, architecture: str) -> bool:
    """Plan, question, execution. False: somebody said no."""
    content = values.template(where.environment, unit.template)
    declared = content.get("Parameters", {})
    given = values.of(where, unit.template, declared, architecture)
    own = identity.tools_for(where, unit.template)
    account = where.accounts[unit.template]
    terminal.say(f"\n{unit.template} -> {unit.stack}, account {account}, {where.home_region}, environment {where.environment}")
    if unit.kind != "sam":
        _body(unit, content)
    found = stack_set.described(own, where, unit.stack) if unit.kind == "stack-set" else change_set.stack(own, unit.stack)
    present = comparison.of(found)
    comparison.refuse_emptied(unit.template, present, given)
    terminal.table(("parameter", "value"), comparison.rows(declared, present, given))
    if unit.kind == "stack-set":
        return _deploy_stack_set(unit, where, own, content, given)
    if unit.needs_packages:
        # Once more: somebody had time to think at the questions before.
        packages.require(where.environment, architecture)
    return _deploy_stack(unit, where, own, content, given)


def _deploy_stack(unit: Unit, where: Settings, own: tools.Tools, content: dict[str, Any], given: dict[str, str]) -> bool:
    if unit.kind == "sam":
        template = layout.output_folder(where.environment) / f"{unit.template}.json"
        terminal.say("  sam uploads the packages and makes a change set; nothing that runs is changed by that")
        planned = sam.create(own, unit.stack, template, given, where.artifact_bucket)
    else:
        body = {"TemplateBody": _body(unit, content)}
        planned = change_set.create(own, unit.stack, body, values.as_list(given))
    policy = layout.INFRA / unit.template / "stack-policy.json"
    if planned is None:
        terminal.say("  nothing to change")
        found = change_set.stack(own, unit.stack) or {}
    else:
        change_set.show(planned)
        if not terminal.confirmed(f"{'Create' if planned.new else 'Change'} {unit.stack}?"):
            change_set.discard(own, planned)
            return False
        if not planned.new:
            # Perhaps an earlier run was interrupted before it did.
            change_set.protect_resources(own, unit.stack, policy)
        found = change_set.execute(own, planned)
    if planned is None or planned.new:
        change_set.protect_resources(own, unit.stack, policy)
    change_set.protect_from_deletion(own, found)
    answered = outputs.of(found)
    outputs.keep(where.environment, unit.template, answered)
    next_steps.show(unit, answered)
    return True


def _deploy_stack_set(unit: Unit, where: Settings, own: tools.Tools, content: dict[str, Any], given: dict[str, str]) -> bool:
    if not where.organizational_units:
        raise InfraError("organizational_unit_ids", "is empty", "name the units whose accounts are watched")
    planned = stack_set.plan(own, where, unit.stack, unit.template, content, values.as_list(given))
    if planned.empty:
        terminal.say("  nothing to change")
        stack_set.refuse_inoperable(planned)
        return True
    stack_set.show(planned, where, unit.template)
    if not terminal.confirmed(f"{'Create' if planned.new else 'Change'} {unit.stack} in all of these accounts?"):
        return False
    stack_set.execute(own, where, planned)
    stack_set.refuse_inoperable(planned)
    next_steps.show(unit, {})
    return True


def _body(unit: Unit, content: dict[str, Any]) -> str:
    """The template as text, without the white space that counts."""
    text = json.dumps(content, separators=(",", ":"), ensure_ascii=False)
    if len(text.encode()) > _LONGEST_BODY:
        raise InfraError(unit.template, f"{len(text.encode())} bytes; CloudFormation takes {_LONGEST_BODY}", "make it smaller")
    return text


if __name__ == "__main__":
    sys.exit(main())
