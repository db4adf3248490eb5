"""Questions about EC2's calls: one for each resource that a call names, reaches or makes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from moto.ec2.models import EC2Backend, ec2_backends

from .question import PARTITION, ApiCall, Context, Question, UnknownOperation, request_tags, resource_tags

_OF_NOTHING: Final = frozenset(
    {
        "DescribeFlowLogs",
        "DescribeInstances",
        "DescribeNetworkAcls",
        "DescribeNetworkInterfaces",
        "DescribeRouteTables",
        "DescribeSecurityGroups",
        "DescribeSnapshots",
        "DescribeTrunkInterfaceAssociations",
        "DescribeVolumes",
        "DescribeVpcs",
    }
)
"""IAM knows no resource of these."""
_OF_INSTANCE: Final = frozenset({"DescribeInstanceAttribute", "GetConsoleOutput"})
_OF_GROUP: Final = frozenset(
    {
        "AuthorizeSecurityGroupEgress",
        "AuthorizeSecurityGroupIngress",
        "RevokeSecurityGroupEgress",
        "RevokeSecurityGroupIngress",
    }
)
_OF_ACL: Final = frozenset({"CreateNetworkAclEntry", "DeleteNetworkAclEntry"})
_TYPES: Final = {
    "acl": "network-acl",
    "eni": "network-interface",
    "i": "instance",
    "sg": "security-group",
    "snap": "snapshot",
    "vol": "volume",
    "vpc": "vpc",
}
"""Resource types, by what an id begins with."""
_NOT_YET: Final = "00000000000000000"
"""In the id of what the call is to make."""


def questions(call: ApiCall) -> list[Question]:
    """What IAM is asked."""
    if call.operation in _OF_NOTHING:
        return [Question(f"ec2:{call.operation}", "*", call.account)]
    if call.operation in _OF_INSTANCE:
        return [_about(call, call.text("InstanceId"))]
    if call.operation in _OF_GROUP:
        return [_about(call, call.text("GroupId"))]
    if call.operation in _OF_ACL:
        return [_about(call, call.text("NetworkAclId"))]
    if asks := _SPECIAL.get(call.operation):
        return asks(call)
    raise UnknownOperation


def _modify_instance(call: ApiCall) -> list[Question]:
    """The instance. The volumes of a block device mapping are not asked about: the call names devices."""
    if any(name.startswith("BlockDeviceMapping.") for name in call.params):
        return [_about(call, call.text("InstanceId"), {"ec2:Attribute": "BlockDeviceMapping"})]
    attribute, value = _attribute(call, "InstanceId")
    return [_about(call, call.text("InstanceId"), {"ec2:Attribute": attribute, f"ec2:Attribute/{attribute}": value})]


def _attribute(call: ApiCall, of: str) -> tuple[str, str]:
    """The one attribute that a call of `Modify...Attribute` sets, and its value."""
    [(name, value)] = [(k, v) for k, v in call.params.items() if k not in ("Action", "Version", of)]
    return name.partition(".")[0], str(value)


def _modify_interface(call: ApiCall) -> list[Question]:
    """The interface, each group it is to have, and the instance it is attached to."""
    interface = call.text("NetworkInterfaceId")
    groups = call.listed("SecurityGroupId")
    if not groups and not any(name.startswith("ConnectionTrackingSpecification.") for name in call.params):
        raise UnknownOperation
    known = _backend(call).enis.get(interface)
    attached = [known.instance.id] if known is not None and known.instance is not None else []
    return [_about(call, one) for one in (interface, *groups, *attached)]


def _create_group(call: ApiCall) -> list[Question]:
    tags = _specified_tags(call, "security-group")
    return [
        _about(call, f"sg-{_NOT_YET}", request_tags(tags)),
        _about(call, call.text("VpcId")),
        *_tagged_on_creation(call, f"sg-{_NOT_YET}", tags),
    ]


def _create_snapshots(call: ApiCall) -> list[Question]:
    """The instance, each of its volumes, and the snapshots to be."""
    instance = call.text("InstanceSpecification.InstanceId")
    tags = _specified_tags(call, "snapshot")
    volumes = [
        volume.id
        for volume in list(_backend(call).volumes.values())
        if volume.attachment is not None and volume.attachment.instance.id == instance
    ]
    return [
        _about(call, instance),
        *(_about(call, volume) for volume in volumes),
        _about(call, f"snap-{_NOT_YET}", request_tags(tags)),
        *_tagged_on_creation(call, f"snap-{_NOT_YET}", tags),
    ]


def _tagged_on_creation(call: ApiCall, resource: str, tags: Mapping[str, str]) -> list[Question]:
    if not tags:
        return []
    context: Context = {"ec2:CreateAction": call.operation}
    return [Question("ec2:CreateTags", _arn(call, resource), call.account, context | request_tags(tags))]


def _change_tags(call: ApiCall) -> list[Question]:
    tags = _tags(call, "Tag")
    context: Context = {"aws:TagKeys": sorted(tags)} if call.operation == "DeleteTags" else request_tags(tags)
    return [_about(call, one, context) for one in call.listed("ResourceId")]


def _specified_tags(call: ApiCall, resource_type: str) -> dict[str, str]:
    types = [key for key, value in call.params.items() if key.endswith(".ResourceType") and value == resource_type]
    specifications = [key.removesuffix(".ResourceType") for key in types]
    return {k: v for front in specifications for k, v in _tags(call, f"{front}.Tag").items()}


def _tags(call: ApiCall, front: str) -> dict[str, str]:
    tags, number = {}, 1
    while (key := call.params.get(f"{front}.{number}.Key")) is not None:
        tags[str(key)] = str(call.params.get(f"{front}.{number}.Value", ""))
        number += 1
    return tags


def _about(call: ApiCall, resource: str, context: Context | None = None) -> Question:
    tags = _backend(call).tags.get(resource, {})
    return Question(
        f"ec2:{call.operation}", _arn(call, resource), call.account, resource_tags(tags, "ec2") | (context or {})
    )


def _arn(call: ApiCall, resource: str) -> str:
    kind = _TYPES[resource.partition("-")[0]]
    account = "" if kind == "snapshot" else call.account
    return f"arn:{PARTITION}:ec2:{call.region}:{account}:{kind}/{resource}"


def _backend(call: ApiCall) -> EC2Backend:
    return ec2_backends[call.account][call.region]


_SPECIAL: Final = {
    "CreateSecurityGroup": _create_group,
    "CreateSnapshots": _create_snapshots,
    "CreateTags": _change_tags,
    "DeleteTags": _change_tags,
    "ModifyInstanceAttribute": _modify_instance,
    "ModifyNetworkInterfaceAttribute": _modify_interface,
}
