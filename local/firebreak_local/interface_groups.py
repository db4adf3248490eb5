"""EC2's security groups of an interface: those that ModifyNetworkInterfaceAttribute set, and no others.

moto goes on to add the groups of the instance, so an interface of an instance that was launched with groups could never leave them.
"""

from __future__ import annotations

from typing import Any

from moto.ec2.models import EC2Backend
from moto.ec2.models.elastic_network_interfaces import NetworkInterface


def install() -> None:
    """Has a changed interface show its own groups only."""
    as_launched = NetworkInterface.group_set.fget
    modify = EC2Backend.modify_network_interface_attribute

    def group_set(self: NetworkInterface) -> Any:
        return self._group_set if getattr(self, "groups_were_set", False) else as_launched(self)

    def modify_network_interface_attribute(self: EC2Backend, eni_id: str, group_ids: list[str], *rest: Any, **more: Any) -> None:
        modify(self, eni_id, group_ids, *rest, **more)
        if group_ids:
            self.get_network_interface(eni_id).groups_were_set = True

    NetworkInterface.group_set = property(group_set)
    EC2Backend.modify_network_interface_attribute = modify_network_interface_attribute
