"""The packages that the stacks name: zips of `make package`, or zips made here of binaries, which are only for a run."""

from __future__ import annotations

import io
import shutil
import subprocess
import tempfile
import zipfile
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

from firebreak_infra.transform import PACKAGE_BUCKET

from . import names
from .cloud import Cloud
from .errors import SecondOpinionError

POLICY: Final = Path(__file__).resolve().parents[1] / "policy.toml"
"""The response policy of the run, in the layer's place: the environment's own would contain nothing."""
_IN_LAYER: Final = "firebreak/policy.toml"
_LAYER: Final = "response-policy"


class NoPackage(SecondOpinionError):
    """A function has neither a zip nor a binary."""


class Packages:
    """The zips of one run: made once, uploaded to each emulator that it starts."""

    def __init__(self, source: Path) -> None:
        """`source`: a folder of zips, such as target/lambda/x86_64, or of binaries, such as target/debug."""
        self._source = source
        self._zips: dict[str, bytes] = {}

    def upload(self, cloud: Cloud, template: dict[str, Any]) -> str:
        """Puts what a template's functions and layers name into the bucket it names. Says what that was."""
        bucket = cloud.client("s3")
        bucket.create_bucket(Bucket=PACKAGE_BUCKET, CreateBucketConfiguration={"LocationConstraint": names.REGION})
        keys = sorted(set(_keys(template)))
        # Two: stripping a binary takes a third of a second of one processor.
        with ThreadPoolExecutor(max_workers=2) as pool:
            missing = [key for key in keys if key not in self._zips]
            self._zips |= zip(missing, pool.map(self._zip, missing), strict=True)
        for key in keys:
            bucket.put_object(Bucket=PACKAGE_BUCKET, Key=key, Body=self._zips[key])
        packaged = all((self._source / key).is_file() for key in keys if not key.startswith(_LAYER))
        kind = "packages of `make package`" if packaged else "packages of debug binaries"
        return f"{len(keys)} {kind}, {sum(len(self._zips[key]) for key in keys) / 1e6:.0f} MB"

    def _zip(self, key: str) -> bytes:
        if key.startswith(_LAYER):
            return _zipped(_IN_LAYER, POLICY.read_bytes(), 0o644)
        if (packaged := self._source / key).is_file():
            return packaged.read_bytes()
        binary = self._source / Path(key).stem
        if not binary.is_file():
            raise NoPackage(f"there is neither {packaged} nor {binary}: `make package` or `make build`")
        return _zipped("bootstrap", _stripped(binary), 0o755)


def in_layer(content: bytes) -> bytes:
    """The response policy in a layer's zip."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return archive.read(_IN_LAYER)


def _keys(template: dict[str, Any]) -> Iterable[str]:
    for body in template["Resources"].values():
        for place in ("Code", "Content"):
            match body.get("Properties", {}).get(place):
                case {"S3Bucket": _, "S3Key": str(key)}:
                    yield key


def _stripped(binary: Path) -> bytes:
    """Without what only a debugger reads: a debug binary is half symbols. As it is where there is no `strip`."""
    if shutil.which("strip") is None:
        return binary.read_bytes()
    with tempfile.NamedTemporaryFile() as stripped:
        subprocess.run(["strip", "--strip-all", "-o", stripped.name, str(binary)], check=True)
        return Path(stripped.name).read_bytes()


def _zipped(name: str, content: bytes, mode: int) -> bytes:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_STORED) as out:
        entry = zipfile.ZipInfo(name)
        entry.external_attr = (0o100000 | mode) << 16
        out.writestr(entry, content)
    return archive.getvalue()
