"""Writes the templates of infra/ as JSON: as they are deployed, transformed, and resolved.

    infra/render --environment test [--architecture arm64|x86_64] [--out FOLDER] [--only TEMPLATE]... [--member-account N]...

The same sources give the same bytes. Nothing is asked of AWS.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from . import environments, layout, samples
from .errors import InfraError
from .expand import Target, expand
from .resolve import resolve
from .sources import load
from .transform import transform

_ARCHITECTURE_PARAMETER: Final = "LambdaArchitecture"
"""Its default is what the packages are built for."""


def deployed(template: str, target: Target) -> dict[str, Any]:
    """The template that is handed to AWS."""
    expanded = expand(template, load(template), target)
    parameters = expanded.get("Parameters", {})
    if _ARCHITECTURE_PARAMETER in parameters:
        parameters[_ARCHITECTURE_PARAMETER]["Default"] = target.architecture
    return expanded


def transformed(template: str, target: Target) -> dict[str, Any]:
    """The same as CloudFormation, which it is already for all but one."""
    return _cloudformation(template, deployed(template, target), target)


def resolved(template: str, target: Target, account: str | None = None) -> dict[str, Any]:
    """The same with plain values only. `account`: the one the stack is in, else the sample's."""
    return _resolved(template, transformed(template, target), target, account)


def render(templates: Sequence[str], target: Target, member_accounts: Sequence[str] = ()) -> list[Path]:
    """Writes them all; returns what was written."""
    expanded = {template: deployed(template, target) for template in templates}
    if set(templates) == set(layout.TEMPLATES):
        environments.check(target.environment, {name: set(it.get("Parameters", {})) for name, it in expanded.items()})
    content: dict[str, dict[str, Any]] = {}
    for template in templates:
        content[f"{template}.json"] = expanded[template]
        cloudformation = _cloudformation(template, expanded[template], target)
        if template == layout.SAM_TEMPLATE:
            content[f"transformed/{template}.json"] = cloudformation
        content[f"resolved/{template}.json"] = _resolved(template, cloudformation, target, None)
        for account in member_accounts if template == "member-account" else ():
            content[f"resolved/{template}-{account}.json"] = _resolved(template, cloudformation, target, account)
    # Only now: a wrong source leaves what was there before.
    return [_write(target.folder / name, value) for name, value in content.items()]


def _cloudformation(template: str, expanded: dict[str, Any], target: Target) -> dict[str, Any]:
    return transform(expanded, target.folder, samples.REGION) if template == layout.SAM_TEMPLATE else expanded


def _resolved(template: str, cloudformation: dict[str, Any], target: Target, account: str | None) -> dict[str, Any]:
    try:
        parameters = samples.parameters(target.environment, template, cloudformation.get("Parameters", {}))
        return resolve(cloudformation, parameters, samples.pseudo(template, account))
    except InfraError as error:
        raise InfraError(f"infra/{template}", str(error)) from error


def _write(path: Path, content: dict[str, Any]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    # Not indented: CloudFormation takes at most 51,200 bytes of a template that is not in S3.
    path.write_text(json.dumps(content, indent=0, ensure_ascii=False) + "\n", encoding="utf-8")
    return path


def main(arguments: Sequence[str] | None = None) -> int:
    """The command. 0: written; 1: a source is wrong; 2: wrong usage."""
    parser = argparse.ArgumentParser(prog="infra/render", description="Writes the templates of infra/ as JSON.")
    parser.add_argument("--environment", required=True, help="dev, test or prod")
    parser.add_argument("--architecture", choices=layout.ARCHITECTURES, default=layout.ARCHITECTURES[0])
    parser.add_argument("--out", type=Path, help="default: target/infra/<environment>")
    parser.add_argument("--only", action="append", choices=layout.TEMPLATES, help="this template; may be repeated")
    parser.add_argument(
        "--member-account",
        action="append",
        default=[],
        help="also resolve member-account for this account; may be repeated",
    )
    options = parser.parse_args(arguments)
    folder = (options.out or layout.output_folder(options.environment)).resolve()
    try:
        target = Target(options.environment, options.architecture, folder)
        written = render(options.only or layout.TEMPLATES, target, options.member_account)
    except InfraError as error:
        print(f"infra/render: {error}", file=sys.stderr)
        return 1
    print(f"infra/render: {len(written)} files in {layout.in_repository(folder)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
