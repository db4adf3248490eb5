"""GetKeyPolicy without a name is about the only one there is, `default` (KMS API reference, "GetKeyPolicy").

Seen with moto: NotFoundException.
"""

from __future__ import annotations

from moto.kms import responses


def install() -> None:
    """Patches moto's KMS."""
    check = responses._assert_default_policy
    responses._assert_default_policy = lambda name: check(name or "default")
