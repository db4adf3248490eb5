"""No environment contains anything as it comes.

Only for an environment whose parameters.toml still has example values among its accounts or in its table `deployment`:
nothing can be deployed from it. Once a site has put in its own, how far Firebreak goes there is the site's decision:
docs/install.md tells it to go from observe to auto, and that must not fail a check.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from .documents import Documents, Json
from .problem import Problem

_OBSERVE: Final = "observe"
_CAREFUL: Final[dict[str, tuple[str, ...]]] = {
    "isolation_requests": ("gate",),
    "confirmation": ("when-reachable", "required"),
}
"""Fields that let something be contained with less care, each with the values that do not."""


def check(documents: Documents) -> list[Problem]:
    """Environments that are missing, or that would contain before anybody wanted it."""
    where = "infra/environments"
    if not documents.response_policies:
        return [Problem(where, "there is no policy.toml", "add dev, test, prod")]
    return [
        Problem(f"{where}/{name}/policy.toml", what, mend)
        for name, policy in documents.response_policies.items()
        if name in documents.not_filled_in
        for what, mend in _bold(policy)
    ]


def _bold(policy: Json) -> Iterator[tuple[str, str]]:
    for key, mode in _modes(policy):
        if mode != _OBSERVE:
            yield f"{key} is {mode}: it would contain at once", f"set it to {_OBSERVE}"
    for key, careful in _CAREFUL.items():
        if policy.get(key, careful[0]) not in careful:
            yield f"{key} is {policy[key]}", f"remove it, or set it to {careful[0]}"


def _modes(policy: Json) -> Iterator[tuple[str, Any]]:
    yield "default_mode", policy.get("default_mode", _OBSERVE)
    for account, one in (policy.get("accounts") or {}).items():
        yield f"accounts.{account}", one.get("mode", _OBSERVE)
        for containment, mode in (one.get("containments") or {}).items():
            yield f"accounts.{account}.containments.{containment}", mode
