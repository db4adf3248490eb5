"""Deploys Firebreak into MiniStack, follows incidents through it, and says what was left out and what was wrong.

    second-opinion/run [--packages FOLDER] [--command BINARY] [--fault NAME]...

Exit code 0: everything as it must be; 1: something is not; 2: wrong usage.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from pathlib import Path

from botocore.exceptions import ClientError
from firebreak_infra.errors import InfraError

from . import doctor, failures, faults, incidents, layer, left_out, names, templates
from .cloud import Cloud
from .command import Command
from .deployment import Deployment
from .emulator import Emulator
from .errors import SecondOpinionError
from .inbox import Inbox
from .packages import Packages
from .planted import FAULTS
from .report import Report
from .run import Run


def main() -> int:
    """The program."""
    options = _arguments()
    report = Report()
    folder = names.REPOSITORY / "target" / "second-opinion"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    print(f"second-opinion: MiniStack {faults.version()}, AUTH on; packages of {options.packages}")
    packages = Packages(options.packages)
    try:
        templates.render(folder / "templates")
        if not options.fault:
            _opinion(options.command, report, packages, folder)
        for fault in options.fault or FAULTS:
            faults.plant(fault, options.command, report, packages, folder)
    except (SecondOpinionError, InfraError, ClientError) as error:
        report.problem(f"{type(error).__name__}: {error}")
    print()
    for problem in report.problems:
        print(f"  {problem}")
    if report.problems:
        count = "1 problem" if len(report.problems) == 1 else f"{len(report.problems)} problems"
        print(f"second-opinion: NOT as it must be, {count}, {report.seconds:.0f} s. MiniStack's logs: {folder}")
        return 1
    print(f"second-opinion: as it must be, {report.seconds:.0f} s. An emulator's opinion: no AWS was asked.")
    return 0


def _opinion(command: Path, report: Report, packages: Packages, folder: Path) -> None:
    with Emulator(folder) as emulator:
        report.chapter("Repaired in MiniStack (repairs/)")
        for repair in emulator.repaired():
            report.note(repair)
        report.chapter("Stacks")
        cloud = Cloud(emulator.endpoint)
        deployment = Deployment(cloud, folder / "templates", packages, report)
        deployment.make()
        run = Run(cloud, Command(command, cloud), report, emulator.folder, Inbox(cloud), deployment.alarms)
        report.chapter("Left out (left-out.toml)")
        for entry in deployment.list_:
            count = sum(1 for used in deployment.used.values() if used == str(entry))
            report.note(f"{entry}: {count}. {entry.why}")
        for problem in left_out.stale(cloud, deployment.list_, deployment.resolved()):
            report.problem(problem)
        for chapter in (incidents.refused_source, failures.without_policy):
            report.hold(chapter, run)
        layer.mount(run)
        for following in (incidents.user, incidents.bucket, incidents.request, failures.dead_letters, doctor.look):
            report.hold(following, run)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="second-opinion/run", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    target = names.REPOSITORY / "target"
    parser.add_argument(
        "--packages",
        type=Path,
        default=target / "debug",
        help="zips of `make package` (target/lambda/x86_64), or binaries to zip; default: target/debug",
    )
    parser.add_argument("--command", type=Path, default=target / "debug" / "firebreak", help="the command `firebreak`")
    parser.add_argument(
        "--fault", action="append", choices=list(FAULTS), help="nothing but this planted fault; can be repeated"
    )
    options = parser.parse_args()
    options.packages, options.command = options.packages.resolve(), options.command.resolve()
    return options


if __name__ == "__main__":
    sys.exit(main())
