"""MiniStack as a process of its own, on loopback, with AUTH: IAM decides about every call."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path
from types import TracebackType
from typing import Final

from . import names
from .errors import SecondOpinionError
from .repairs import REPAIRED

_START: Final = 30.0
"""Seconds until it must answer."""
_STOP: Final = 10.0


class EmulatorError(SecondOpinionError):
    """It did not start, or ended."""


class Emulator:
    """A running MiniStack. Its log stays in a folder, and what it unpacks there goes with it."""

    def __init__(self, folder: Path, name: str = "ministack") -> None:
        self._log = folder / f"{name}.log"
        self._unpacked = tempfile.TemporaryDirectory(dir=folder)
        self.folder = Path(self._unpacked.name)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self._port = free.getsockname()[1]
        self.endpoint = f"http://127.0.0.1:{self._port}"
        with self._log.open("wb") as out:
            # A session of its own: the functions' processes are in it, and end with it.
            self._process = subprocess.Popen(
                [sys.executable, "-B", "-m", "second_opinion.repairs"],
                env=self._environment(),
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def __enter__(self) -> Emulator:
        try:
            self._wait()
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._end()

    def repaired(self) -> list[str]:
        """What is repaired in it, and which document says so."""
        lines = self._log.read_text(errors="replace").splitlines()
        return [line.removeprefix(REPAIRED) for line in lines if line.startswith(REPAIRED)]

    def _environment(self) -> dict[str, str]:
        return {
            "PATH": os.environ.get("PATH", os.defpath),
            "PYTHONPATH": os.environ.get("PYTHONPATH", ""),
            "HOME": str(self.folder),
            "TMPDIR": str(self.folder),
            "BIND_HOST": "127.0.0.1",
            "MINISTACK_HOST": "127.0.0.1",
            "GATEWAY_PORT": str(self._port),
            "MINISTACK_ACCOUNT_ID": names.SECURITY,
            "MINISTACK_REGION": names.REGION,
            "AUTH": "true",
            "AWS_SECRET_ACCESS_KEY": names.SECRET,
            # Functions inherit it.
            "AWS_ENDPOINT_URL": self.endpoint,
            # Lambda waits a minute before it tries an event again, the state machine seconds.
            "LAMBDA_ASYNC_RETRY_BASE_SECONDS": "0.2",
            "SFN_WAIT_SCALE": "0.2",
        }

    def _wait(self) -> None:
        end = time.monotonic() + _START
        while time.monotonic() < end:
            if self._process.poll() is not None:
                break
            try:
                urllib.request.urlopen(f"{self.endpoint}/_ministack/health", timeout=2).close()
                return
            except (urllib.error.URLError, OSError):
                time.sleep(0.1)
        said = self._log.read_text(errors="replace").strip().splitlines()
        raise EmulatorError(f"MiniStack did not start: {said[-1] if said else 'it said nothing'} (log: {self._log})")

    def _end(self) -> None:
        for number in (signal.SIGTERM, signal.SIGKILL):
            try:
                os.killpg(self._process.pid, number)
            except ProcessLookupError:
                break
            try:
                self._process.wait(_STOP)
            except subprocess.TimeoutExpired:
                continue
        self._unpacked.cleanup()
