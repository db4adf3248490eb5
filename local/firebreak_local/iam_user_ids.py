"""Ids of users in the form AWS gives them.

Seen: a user's id is 20 lower-case letters and digits. AWS's begin with AIDA and are upper-case (IAM user guide, "IAM
identifiers"); Firebreak compares no id that cannot be one, so that a namesake would not be noticed here.
"""

from __future__ import annotations

import secrets
import string
from typing import Any

from moto.iam.models import User

_LETTERS = string.ascii_uppercase + "234567"


def install() -> None:
    """Names users made from now on."""
    make = User.__init__

    def make_with_id(self: User, *args: Any, **kwargs: Any) -> None:
        make(self, *args, **kwargs)
        self.id = "AIDA" + "".join(secrets.choice(_LETTERS) for _ in range(17))

    User.__init__ = make_with_id
