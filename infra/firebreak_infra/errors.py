"""The one error that people see: what is wrong where, and what to do, in one line."""

from __future__ import annotations


class InfraError(Exception):
    """Something in infra/, or in what it reads, is missing or wrong."""

    def __init__(self, where: object, what: str, remedy: str = "") -> None:
        super().__init__(f"{where}: {what}" + (f"; {remedy}" if remedy else ""))
