"""DescribeNetworkInterfaces filters by `interface-type`.

Seen with moto: it answered that the filter is not implemented. It makes no interfaces of load balancers.
"""

from __future__ import annotations

from typing import Any

from moto.ec2.models.elastic_network_interfaces import NetworkInterface


def install() -> None:
    """Patches moto's EC2."""
    others = NetworkInterface.get_filter_value

    def value(self: NetworkInterface, filter_name: str, method_name: str | None = None) -> Any:
        if filter_name == "interface-type":
            return self.interface_type
        return others(self, filter_name, method_name)

    NetworkInterface.get_filter_value = value
