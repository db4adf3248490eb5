"""Checks the templates and the state machine: one line per tool, then what is wrong, then one line that says so.

    infra/check

Every tool runs, so that one run shows all. Exit code 0: nothing is wrong; 1: something is; 2: a tool could not run.
"""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from . import environments, layout, local_deploy
from .errors import InfraError
from .expand import Target
from .render import render
from .rules import RULES
from .rules.documents import Documents, Sources, load
from .rules.problem import Problem
from .tools import asl_validator, cfn_lint, policy_linter, sam
from .tools.process import ToolMissing

ENVIRONMENT: Final = "test"
"""The one whose templates the tools look at. The others differ in parameters only; they are rendered and resolved."""


@dataclass
class Outcome:
    """What came of one tool."""

    tool: str
    what: str
    problems: list[Problem]
    seconds: float
    missing: str | None = None
    """Why it could not run."""

    def __str__(self) -> str:
        count = len(self.problems)
        verdict = "ok" if count == 0 else f"{count} problem{'' if count == 1 else 's'}"
        return (
            f"  {self.tool:<20} {'COULD NOT RUN' if self.missing else verdict:<13} {self.seconds:5.1f} s  {self.what}"
        )


def run(tool: str, what: str, check: Callable[[], list[Problem]]) -> Outcome:
    """Runs one tool."""
    began = time.monotonic()
    try:
        problems, missing = check(), None
    except (ToolMissing, InfraError) as error:
        problems, missing = [], str(error)
    return Outcome(tool, what, problems, time.monotonic() - began, missing)


def rendered() -> Path:
    """Renders every environment; returns the folder of the one that is checked."""
    for environment in environments.names() or [ENVIRONMENT]:
        folder = layout.output_folder(environment)
        render(layout.TEMPLATES, Target(environment, layout.ARCHITECTURES[0], folder))
    return layout.output_folder(ENVIRONMENT)


def main() -> int:
    """The command."""
    # It counts what it did and complains that nobody wants the count.
    logging.getLogger("samtranslator").setLevel(logging.ERROR)
    print("infra/check", flush=True)
    sources: list[Sources] = []

    def read() -> list[Problem]:
        sources.append(load(rendered(), ENVIRONMENT))
        return []

    outcomes = [
        run("render", f"{len(layout.TEMPLATES)} templates, environments {', '.join(environments.names())}", read)
    ]
    print(outcomes[0], flush=True)
    if sources:
        # The slow ones are processes of their own: two at a time.
        with ThreadPoolExecutor(max_workers=2) as pool:
            for outcome in pool.map(lambda tool: run(*tool), _tools(sources[0])):
                print(outcome, flush=True)
                outcomes.append(outcome)
    return _summary(outcomes)


def _tools(sources: Sources) -> list[tuple[str, str, Callable[[], list[Problem]]]]:
    folder = layout.output_folder(ENVIRONMENT)
    scratch = layout.REPOSITORY / "target" / "infra" / "check"
    documents = sources.documents()
    deployed = [folder / f"{name}.json" for name in layout.TEMPLATES if name != layout.SAM_TEMPLATE]
    inlined = folder / "transformed" / f"{layout.SAM_TEMPLATE}.json"
    machines = layout.definitions()
    policies = list(policy_linter.policies(documents))
    return [
        ("cfn-lint", "five templates, the state machines inlined", lambda: _lint([inlined, *deployed], scratch)),
        ("sam validate --lint", "security-account", lambda: sam.check(folder / f"{layout.SAM_TEMPLATE}.json", scratch)),
        ("asl-validator", f"{len(machines)} state machines", lambda: _validate(machines, scratch)),
        ("IAM policy linter", f"{len(policies)} policies, resolved", lambda: policy_linter.check(policies, scratch)),
        ("own rules", f"{len(RULES)} rules for what no tool catches", lambda: _rules(documents)),
        ("local AWS", local_deploy.SAYS, lambda: local_deploy.check(sources)),
    ]


def _validate(machines: Sequence[Path], scratch: Path) -> list[Problem]:
    return [problem for found in asl_validator.check(machines, scratch).values() for problem in found]


def _lint(templates: list[Path], scratch: Path) -> list[Problem]:
    return [problem for found in cfn_lint.check(templates, scratch).values() for problem in found]


def _rules(documents: Documents) -> list[Problem]:
    return [
        Problem(problem.where, f"[{name}] {problem.what}", problem.mend)
        for name, check in RULES.items()
        for problem in check(documents)
    ]


def _summary(outcomes: list[Outcome]) -> int:
    problems = [problem for outcome in outcomes for problem in outcome.problems]
    missing = [outcome for outcome in outcomes if outcome.missing]
    for problem in problems:
        print(f"\n  {problem.where}\n    {problem.what}\n    Mend: {problem.mend}")
    for outcome in missing:
        print(f"\n  {outcome.tool} could not run: {outcome.missing}")
    print()
    if missing:
        others = f"{len(problems)} problems in the others" if problems else "nothing wrong in the others"
        print(f"infra/check: FAILED. {len(missing)} of {len(outcomes)} checks could not run; {others}.")
        return 2
    if problems:
        count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
        print(f"infra/check: FAILED. {count}. Deploy nothing before that is mended.")
        return 1
    print(f"infra/check: nothing wrong, {len(outcomes)} checks. Not proven on AWS: no account was asked.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
