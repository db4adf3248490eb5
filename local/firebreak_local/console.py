"""Keeps the terminal quiet: the launcher prints one line, everything else goes to a file."""

from __future__ import annotations

import logging
import sys
from pathlib import Path
from typing import NoReturn, TextIO

_stdout: TextIO = sys.stdout
_stderr: TextIO = sys.stderr


def speak_to(out: Path) -> None:
    """Prints lines for whoever started the local AWS to a file."""
    global _stdout
    _stdout = out.open("w", buffering=1)


def redirect_noise(log: Path) -> None:
    """Sends logging, warnings, and whatever libraries or threads print, to a file that starts empty."""
    log.parent.mkdir(parents=True, exist_ok=True)
    stream = log.open("w", buffering=1)
    sys.stdout = sys.stderr = stream
    logging.basicConfig(stream=stream, level=logging.WARNING, format="%(asctime)s %(name)s %(levelname)s %(message)s")


def say(line: str) -> None:
    """Prints a line for whoever started the local AWS."""
    print(line, file=_stdout, flush=True)


def fail(line: str, status: int = 2) -> NoReturn:
    """Ends the program with a reason: 2 when its user can act on it."""
    print(f"firebreak_local: {line}", file=_stderr, flush=True)
    sys.exit(status)
