"""AWS's API, as each account's root user calls it."""

from __future__ import annotations

import os
from functools import cache
from typing import Any

import boto3
from botocore.config import Config

from . import names


class Cloud:
    """Clients of the emulator, by account and Region."""

    def __init__(self, endpoint: str) -> None:
        self.endpoint = endpoint
        self.client = cache(self._client)

    def _client(self, service: str, account: str = names.SECURITY, region: str = names.REGION) -> Any:
        return boto3.client(
            service,
            endpoint_url=self.endpoint,
            region_name=region,
            aws_access_key_id=account,
            aws_secret_access_key=names.SECRET,
            config=Config(connect_timeout=5, read_timeout=60, retries={"mode": "standard", "max_attempts": 2}),
        )

    def environment(self) -> dict[str, str]:
        """What the command `firebreak` needs to find the security account, and nothing of this machine's AWS."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        return kept | {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_REGION": names.REGION,
            "AWS_ACCESS_KEY_ID": names.SECURITY,
            "AWS_SECRET_ACCESS_KEY": names.SECRET,
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        }
