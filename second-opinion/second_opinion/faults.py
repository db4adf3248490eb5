"""Plants a fault, deploys it, and expects the run to notice; and asks the checks of `infra/check` about the same template."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from typing import Final

from . import failures, incidents, layer, names
from .cloud import Cloud
from .command import Command
from .deployment import Deployment
from .emulator import Emulator
from .inbox import Inbox
from .packages import Packages
from .planted import FAULTS, Json
from .report import Report
from .run import Run

_SHOWN_BY: Final[dict[str, Callable[[Run], None]]] = {
    "wrong-role": incidents.user,
    "lost-permission": incidents.user,
    "wrong-dead-letters": failures.dead_letters,
}


def version() -> str:
    """MiniStack's."""
    return metadata.version("ministack")


def plant(name: str, command: Path, report: Report, packages: Packages, folder: Path) -> None:
    """One fault, in a deployment of its own."""
    fault = FAULTS[name]
    report.chapter(f"Planted: {fault.what} ({fault.template})")

    def change(template: str, content: Json) -> None:
        if template == fault.template:
            fault.plant(content)

    quiet = _Quiet()
    with Emulator(folder, f"ministack-{name}") as emulator:
        cloud = Cloud(emulator.endpoint)
        Deployment(cloud, folder / "templates", packages, quiet).make(change)
        run = Run(cloud, Command(command, cloud), quiet, emulator.folder, Inbox(cloud), set())
        layer.mount(run)
        quiet.hold(_SHOWN_BY[name], run)
    found = [problem for problem in quiet.problems if fault.says in problem]
    report.expect(bool(found), f"caught: {_about(found, fault.says)}", f"said: {quiet.problems}")
    report.note(_others(name, folder))


def _about(problems: list[str], words: str) -> str:
    """What was said, from these words on."""
    return next((text[text.index(words) :][:130] for text in problems), "")


def _others(name: str, folder: Path) -> str:
    """What the local AWS and the rules of `infra/check` say about the same template."""
    python = names.REPOSITORY / ".venv" / "bin" / "python"
    command = [str(python), "-B", "-m", "second_opinion.infra_check", name, str(folder / "templates")]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return done.stdout.strip()


class _Quiet(Report):
    """Keeps the problems and says nothing."""

    def _say(self, text: str) -> None:
        pass
