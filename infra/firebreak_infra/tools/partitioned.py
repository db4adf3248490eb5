"""cfn-lint and asl-validator take an integration's ARN in the partition `aws` only (E3601: `^arn:aws:`), and no placeholder.

What they are given has that partition where the definition leaves it open. That no other place names one, the rule `partition` sees.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from ..samples import PARTITION

_OPEN: Final = "arn:${Partition}:states:::"


def copies(files: Sequence[Path], folder: Path) -> dict[Path, Path]:
    """The file to give to the tool, by the file that is meant: itself, or a copy below `folder`."""
    given = {}
    for index, file in enumerate(files):
        text = file.read_text(encoding="utf-8")
        given[file] = file
        if _OPEN in text:
            given[file] = folder / "partitioned" / f"{index}-{file.name}"
            given[file].parent.mkdir(parents=True, exist_ok=True)
            given[file].write_text(text.replace(_OPEN, f"arn:{PARTITION}:states:::"), encoding="utf-8")
    return given
