"""One stack, by way of a change set, as `make deploy` makes it."""

from __future__ import annotations

import itertools
from typing import Any, Final

from firebreak_infra.deploy.change_set import CAPABILITIES
from firebreak_infra.transform import PACKAGE_BUCKET

from . import names
from .cloud import Cloud
from .errors import SecondOpinionError
from .waiting import until

_LARGEST_BODY: Final = 51_200
"""Bytes of a template that CloudFormation takes without S3 (CloudFormation user guide, "Quotas")."""
_LIMIT: Final = 60.0
"""Seconds."""
_numbers: Final = itertools.count(1)


class StackFailed(SecondOpinionError):
    """CloudFormation refused the template or rolled it back."""


class Stack:
    """A stack in an account and a Region."""

    def __init__(self, cloud: Cloud, name: str, account: str = names.SECURITY, region: str = names.REGION) -> None:
        self._cloud = cloud
        self.name, self.account, self.region = name, account, region
        self._api = cloud.client("cloudformation", account, region)

    def create(self, body: str, values: dict[str, str]) -> dict[str, str]:
        """Creates it; returns its outputs."""
        change_set = self._api.create_change_set(
            StackName=self.name,
            ChangeSetName=f"firebreak-{next(_numbers)}",
            ChangeSetType="CREATE",
            Parameters=[{"ParameterKey": name, "ParameterValue": value} for name, value in sorted(values.items())],
            Capabilities=CAPABILITIES,
            **self._template(body),
        )["Id"]
        ready = until(f"change set of {self.name}", _LIMIT, lambda: self._ready(change_set))
        if ready["Status"] == "FAILED":
            raise StackFailed(f"{self.name}: no change set: {ready.get('StatusReason')}")
        self._api.execute_change_set(ChangeSetName=change_set)
        stack = until(f"resting stack {self.name}", _LIMIT, self._resting)
        if stack["StackStatus"] != "CREATE_COMPLETE":
            raise StackFailed(f"{self.name} ended as {stack['StackStatus']}: {self._causes()}")
        return {output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", [])}

    def resources(self) -> int:
        """How many it has."""
        pages = self._api.get_paginator("list_stack_resources").paginate(StackName=self.name)
        return sum(len(page["StackResourceSummaries"]) for page in pages)

    def delete(self) -> None:
        """Deletes it, if there is one."""
        self._api.delete_stack(StackName=self.name)

    def _template(self, body: str) -> dict[str, str]:
        if len(body.encode()) <= _LARGEST_BODY:
            return {"TemplateBody": body}
        key = f"{self.name}.template"
        self._cloud.client("s3", self.account).put_object(Bucket=PACKAGE_BUCKET, Key=key, Body=body.encode())
        return {"TemplateURL": f"{self._cloud.endpoint}/{PACKAGE_BUCKET}/{key}"}

    def _ready(self, change_set: str) -> dict[str, Any] | None:
        found: dict[str, Any] = self._api.describe_change_set(ChangeSetName=change_set)
        return found if found["Status"] in ("CREATE_COMPLETE", "FAILED") else None

    def _resting(self) -> dict[str, Any] | None:
        found: dict[str, Any] = self._api.describe_stacks(StackName=self.name)["Stacks"][0]
        return None if found["StackStatus"].endswith("_IN_PROGRESS") else found

    def _causes(self) -> str:
        events = self._api.describe_stack_events(StackName=self.name)["StackEvents"]
        failed = [event for event in events if event["ResourceStatus"].endswith("_FAILED")]
        return "; ".join(f"{event['LogicalResourceId']}: {event.get('ResourceStatusReason')}" for event in failed)
