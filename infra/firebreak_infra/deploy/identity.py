"""Whose credentials these are, asked before anything else: a template in the wrong account is hard to take back."""

from __future__ import annotations

from ..errors import InfraError
from .settings import Settings
from .tools import Tools


def tools_for(settings: Settings, template: str) -> Tools:
    """The tools with the credentials of the account that the template belongs to."""
    account = settings.accounts[template]
    tools = Tools(settings.home_region, settings.profiles.get(account, ""))
    caller = tools.aws("sts", "get-caller-identity")
    if caller.get("Account") != account:
        raise InfraError(
            template,
            f"belongs into account {account}, and these credentials are of {caller.get('Account')}",
            "set AWS_PROFILE, or its profile in [deployment] of parameters.toml",
        )
    return tools
