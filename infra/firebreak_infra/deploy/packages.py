"""The packages a deployment uploads: all there, as they were packaged, with the response policy of today, and how old."""

from __future__ import annotations

import time
import zipfile
from typing import Final

from .. import checksums, layout
from ..errors import InfraError

_POLICY: Final = "firebreak/policy.toml"
"""Where the layer has the response policy."""


def require(environment: str, architecture: str) -> str:
    """Raises when one is missing, was changed after it was packaged, or when the response policy is an old one.

    Returns a line that says how old they are. A function's zip is not compared with its sources: that takes a build.
    """
    again = f"make package ENV={environment} ARCH={architecture}"
    layer = layout.package("response-policy", environment, architecture)
    folders = sorted(folder.name for folder in (layout.REPOSITORY / "functions").iterdir() if folder.is_dir())
    zips = [layer, *(layout.package(folder, environment, architecture) for folder in folders)]
    for path in zips:
        if not path.is_file():
            raise InfraError(layout.in_repository(path), "is missing", again)
    checksums.refuse_others(layout.packages(), zips, again)
    today = layout.ENVIRONMENTS / environment / "policy.toml"
    try:
        with zipfile.ZipFile(layer) as content:
            packaged = content.read(_POLICY)
    except (zipfile.BadZipFile, KeyError) as error:
        raise InfraError(layout.in_repository(layer), f"has no {_POLICY}", again) from error
    if packaged != today.read_bytes():
        raise InfraError(layout.in_repository(layer), f"is not the policy of today, {layout.in_repository(today)}", again)
    oldest = min(path.stat().st_mtime for path in zips)
    return f"packages: as listed in {checksums.NAME}; the oldest was written {time.strftime('%Y-%m-%d %H:%M', time.gmtime(oldest))} UTC"
