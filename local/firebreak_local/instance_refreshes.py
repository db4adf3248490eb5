"""Auto Scaling without an instance refresh: DescribeInstanceRefreshes.

moto answers with an HTML page, and the SDK tries again. Nobody refreshes a group here; the tests over the wire do
(`functions/isolate-ec2/tests/wire/scaling.rs`).
"""

from __future__ import annotations

from moto.autoscaling.responses import AutoScalingResponse
from moto.core.responses import ActionResult


def install() -> None:
    """Adds what moto's Auto Scaling lacks about instance refreshes."""

    def describe_instance_refreshes(self: AutoScalingResponse) -> ActionResult:
        return ActionResult({"InstanceRefreshes": []})

    AutoScalingResponse.describe_instance_refreshes = describe_instance_refreshes
