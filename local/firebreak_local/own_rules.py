"""The event rules of a policy's own rows, by the reader of the deployment: there is one."""

from __future__ import annotations

from importlib.util import module_from_spec, spec_from_file_location
from typing import Any

from . import names


def own_rules(policy: dict[str, Any], shipped: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Patterns by the stem of a rule."""
    file = names.REPOSITORY / "infra" / "firebreak_infra" / "own_rules.py"
    spec = spec_from_file_location("own_rules", file)
    if spec is None or spec.loader is None:
        raise ImportError(f"{file} is missing")
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    rules: dict[str, dict[str, Any]] = module.own_rules(policy, shipped)
    return rules
