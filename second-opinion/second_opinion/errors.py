"""What ends a chapter, or the run."""

from __future__ import annotations


class SecondOpinionError(Exception):
    """Something is not as it must be, and the rest of the chapter cannot be shown."""
