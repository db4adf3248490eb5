"""The security account's stack, by way of `sam deploy`: it uploads the packages and makes the change set.

The parameters go to sam in a configuration file that only this user can read: on its command line, others could list the
external id. sam shows parameters with NoEcho as stars; what it prints is shown only when it fails, and without the external id.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Final

from ..errors import InfraError
from .change_set import CAPABILITIES, ChangeSet, ready, stack
from .tools import Tools, private_file

_ARN: Final = re.compile(r"arn:[a-z-]+:cloudformation:\S+:changeSet/\S+")
_NOTHING: Final = re.compile(r"no changes to deploy", re.I)


def create(tools: Tools, name: str, template: Path, values: dict[str, str], bucket: str) -> ChangeSet | None:
    """Uploads the packages and makes a change set. None: nothing would change."""
    new = stack(tools, name) is None
    with private_file("samconfig.toml", configuration(name, values, bucket)) as file:
        arguments = ["deploy", "--template-file", str(template), "--config-file", str(file)]
        printed = tools.sam([*arguments, "--no-execute-changeset", "--no-fail-on-empty-changeset"])
    if found := _ARN.search(printed):
        return ready(tools, name, found[0], new)
    if _NOTHING.search(printed):
        return None
    raise InfraError("sam deploy", "said nothing about a change set", "run it by hand to see what it says")


def configuration(name: str, values: dict[str, str], bucket: str) -> str:
    """A samconfig.toml. Quoted twice: for TOML, and for sam's own KEY="VALUE"."""
    overrides = " ".join(f"{key}={json.dumps(value)}" for key, value in sorted(values.items()))
    lines = ["version = 0.1", "[default.deploy.parameters]", f"stack_name = {json.dumps(name)}"]
    lines += [f"parameter_overrides = {json.dumps(overrides)}", f"capabilities = {json.dumps(' '.join(CAPABILITIES))}"]
    lines += [f"s3_bucket = {json.dumps(bucket)}" if bucket else "resolve_s3 = true", f"s3_prefix = {json.dumps(name)}"]
    return "\n".join(lines) + "\n"
