"""What the run says: chapters with their seconds, and at the end what was wrong."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from .errors import SecondOpinionError


class Report:
    """Says things and keeps the problems."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self.problems: list[str] = []

    @property
    def seconds(self) -> float:
        """Since the beginning."""
        return time.monotonic() - self._began

    def chapter(self, title: str) -> None:
        """A heading."""
        self._say(f"\n{title}")

    def line(self, text: str) -> None:
        """Something that is as it must be."""
        self._say(f"  {self.seconds:5.1f} s  {text}")

    def note(self, text: str) -> None:
        """Something to know."""
        self._say(f"           {text}")

    def problem(self, text: str) -> None:
        """Something that is not as it must be. The run goes on and fails."""
        self.problems.append(text)
        self._say(f"  {self.seconds:5.1f} s  NOT AS IT MUST BE: {text}")

    def expect(self, good: bool, text: str, otherwise: object = "") -> None:
        """One or the other."""
        if good:
            self.line(text)
        else:
            self.problem(f"{text}: no. {otherwise}".rstrip(". "))

    def hold(self, chapter: Callable[[Any], None], subject: Any) -> None:
        """Runs a chapter. What ends it early is a problem, and the next one follows."""
        try:
            chapter(subject)
        except (SecondOpinionError, ClientError, BotoCoreError) as error:
            self.problem(f"{type(error).__name__}: {error}")

    def _say(self, text: str) -> None:
        print(text, flush=True)
