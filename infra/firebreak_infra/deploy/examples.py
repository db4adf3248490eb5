"""Refuses a parameter file that still has the example values it came with."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from .. import layout
from ..errors import InfraError
from . import settings

_EXAMPLE: Final = re.compile(r"example|\b0{12}\b|\b(123456789012|111122223333|444455556666|555566667777)\b", re.I)
"""What infra/environments marks as an example, and the account numbers of AWS's documentation."""


def refuse(environment: str, template: str, answered: set[str]) -> None:
    """Raises for the first example among the lines that count for a template.

    `answered`: parameters whose value comes from a stack before, so that the example is not used.
    """
    file = settings.file(environment)
    for number, section, name, value in _lines(file.read_text(encoding="utf-8")):
        if section not in ("", "deployment", template) or (section == template and name in answered):
            continue
        if _EXAMPLE.search(value):
            where = f"{layout.in_repository(file)}:{number}"
            raise InfraError(where, f"still an example: {name} = {value}", "put your own value there")


def _lines(text: str) -> Iterator[tuple[int, str, str, str]]:
    """Number, section, name and value of each line that sets something."""
    section = ""
    for number, line in enumerate(text.splitlines(), start=1):
        code = line.split("#", 1)[0].strip()
        if code.startswith("["):
            section = code.strip("[] ")
        elif "=" in code:
            name, value = code.split("=", 1)
            yield number, section, name.strip(), value.strip()
        elif code:
            # A further line of a list.
            yield number, section, "", code
