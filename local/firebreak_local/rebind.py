"""Replaces a function of moto wherever it was imported to.

`from module import function` copies the name: replacing it in its own module leaves every copy as it was.
"""

from __future__ import annotations

import sys
from typing import Any


def rebind(old: Any, new: Any) -> None:
    """Replaces a function in every module of moto's interpreter that imported it by name."""
    for name, module in list(sys.modules.items()):
        if name.startswith("moto.stepfunctions"):
            for attribute, value in list(vars(module).items()):
                if value is old:
                    setattr(module, attribute, new)
