"""What Ref and GetAtt give for a resource: names, ARNs, URLs, ids. Made from its properties, or from its logical id.

An id that AWS would draw is made from the logical id, so that it is the same each time.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

REF = ""
"""The attribute name under which a type's Ref is kept."""


@dataclass(frozen=True)
class Identified:
    """A resource whose properties are resolved, and where it is."""

    logical_id: str
    properties: Mapping[str, Any]
    pseudo: Mapping[str, Any]
    parameters: Mapping[str, Any]

    def name(self, property_name: str) -> str:
        """Its name; without one, the kind of name that CloudFormation makes up."""
        return str(self.properties.get(property_name) or f"{self.pseudo['AWS::StackName']}-{self.logical_id}")

    def arn(self, service: str, rest: str, region: bool = True, account: bool = True) -> str:
        """An ARN of the stack's partition, Region and account."""
        place = self.pseudo["AWS::Region"] if region else ""
        owner = self.pseudo["AWS::AccountId"] if account else ""
        return f"arn:{self.pseudo['AWS::Partition']}:{service}:{place}:{owner}:{rest}"


def drawn_uuid(logical_id: str) -> str:
    """Stands for the id of a key or a mapping."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"firebreak:{logical_id}"))


def drawn_id(prefix: str, logical_id: str, length: int) -> str:
    """Stands for an id of another service, such as `p-...`."""
    return prefix + hashlib.sha256(logical_id.encode()).hexdigest()[:length]


Attribute = Callable[[Identified], str]


def attributes(resource_type: str) -> Mapping[str, Attribute] | None:
    """What a type gives, by attribute; its Ref is under REF. None for a type that is not known here."""
    return _TYPES.get(resource_type)


def _role_arn(role: Identified) -> str:
    return role.arn("iam", f"role{role.properties.get('Path', '/')}{role.name('RoleName')}", region=False)


def _managed_policy_arn(policy: Identified) -> str:
    path = policy.properties.get("Path", "/")
    return policy.arn("iam", f"policy{path}{policy.name('ManagedPolicyName')}", region=False)


def _function_arn(function: Identified) -> str:
    return function.arn("lambda", f"function:{function.name('FunctionName')}")


def _layer_arn(layer: Identified) -> str:
    return layer.arn("lambda", f"layer:{layer.name('LayerName')}:1")


def _version_arn(version: Identified) -> str:
    return _qualified(version, "1")


def _alias_arn(alias: Identified) -> str:
    return _qualified(alias, alias.name("Name"))


def _qualified(resource: Identified, qualifier: str) -> str:
    function = str(resource.properties["FunctionName"])
    arn = function if function.startswith("arn:") else resource.arn("lambda", f"function:{function}")
    return f"{arn}:{qualifier}"


def _queue_url(queue: Identified) -> str:
    place = f"sqs.{queue.pseudo['AWS::Region']}.{queue.pseudo['AWS::URLSuffix']}"
    return f"https://{place}/{queue.pseudo['AWS::AccountId']}/{queue.name('QueueName')}"


def _bucket_domain(bucket: Identified) -> str:
    return f"{bucket.name('BucketName')}.s3.{bucket.pseudo['AWS::Region']}.{bucket.pseudo['AWS::URLSuffix']}"


def _rule_path(rule: Identified) -> str:
    # EventBusName is a name or an ARN; rules of the default bus have no bus in their ARN.
    bus = str(rule.properties.get("EventBusName", "default")).rpartition("/")[2]
    return rule.name("Name") if bus == "default" else f"{bus}/{rule.name('Name')}"


def _organization_policy_arn(policy: Identified) -> str:
    kind = str(policy.properties["Type"]).lower()
    rest = f"policy/{policy.parameters['OrganizationId']}/{kind}/{_organization_policy_id(policy)}"
    return policy.arn("organizations", rest, region=False)


def _organization_policy_id(policy: Identified) -> str:
    return drawn_id("p-", policy.logical_id, 10)


def _named(property_name: str) -> Attribute:
    return lambda resource: resource.name(property_name)


def _arn(service: str, kind: str, property_name: str) -> Attribute:
    return lambda resource: resource.arn(service, kind + resource.name(property_name))


def _drawn(resource: Identified) -> str:
    return drawn_uuid(resource.logical_id)


def _logical(resource: Identified) -> str:
    return f"{resource.pseudo['AWS::StackName']}-{resource.logical_id}"


_TYPES: dict[str, dict[str, Attribute]] = {
    "AWS::CloudWatch::Alarm": {REF: _named("AlarmName"), "Arn": _arn("cloudwatch", "alarm:", "AlarmName")},
    "AWS::CloudWatch::Dashboard": {REF: _named("DashboardName")},
    "AWS::DynamoDB::Table": {REF: _named("TableName"), "Arn": _arn("dynamodb", "table/", "TableName")},
    "AWS::Events::EventBus": {
        REF: _named("Name"),
        "Arn": _arn("events", "event-bus/", "Name"),
        "Name": _named("Name"),
    },
    "AWS::Events::EventBusPolicy": {REF: _logical},
    "AWS::Events::Rule": {
        REF: lambda rule: _rule_path(rule).replace("/", "|"),
        "Arn": lambda rule: rule.arn("events", f"rule/{_rule_path(rule)}"),
    },
    "AWS::IAM::ManagedPolicy": {REF: _managed_policy_arn, "PolicyArn": _managed_policy_arn},
    "AWS::IAM::Role": {REF: _named("RoleName"), "Arn": _role_arn},
    "AWS::KMS::Alias": {REF: lambda alias: str(alias.properties["AliasName"])},
    "AWS::KMS::Key": {
        REF: _drawn,
        "KeyId": _drawn,
        "Arn": lambda key: key.arn("kms", f"key/{drawn_uuid(key.logical_id)}"),
    },
    "AWS::Lambda::Alias": {REF: _alias_arn, "AliasArn": _alias_arn},
    "AWS::Lambda::EventInvokeConfig": {REF: _logical},
    "AWS::Lambda::EventSourceMapping": {REF: _drawn, "Id": _drawn},
    "AWS::Lambda::Function": {REF: _named("FunctionName"), "Arn": _function_arn},
    "AWS::Lambda::LayerVersion": {REF: _layer_arn, "LayerVersionArn": _layer_arn},
    "AWS::Lambda::Permission": {REF: _logical},
    "AWS::Lambda::Version": {REF: _version_arn, "FunctionArn": _version_arn, "Version": lambda _: "1"},
    # AWS's own ARN of a log group ends with `:*`.
    "AWS::Logs::LogGroup": {
        REF: _named("LogGroupName"),
        "Arn": lambda group: group.arn("logs", f"log-group:{group.name('LogGroupName')}:*"),
    },
    "AWS::Organizations::Policy": {
        REF: _organization_policy_id,
        "Id": _organization_policy_id,
        "Arn": _organization_policy_arn,
    },
    "AWS::S3::Bucket": {
        REF: _named("BucketName"),
        "Arn": lambda bucket: bucket.arn("s3", bucket.name("BucketName"), region=False, account=False),
        "RegionalDomainName": _bucket_domain,
    },
    "AWS::S3::BucketPolicy": {REF: _logical},
    "AWS::SNS::Subscription": {REF: lambda it: it.arn("sns", f"{_logical(it)}:{drawn_uuid(it.logical_id)}")},
    "AWS::SNS::Topic": {
        REF: _arn("sns", "", "TopicName"),
        "TopicArn": _arn("sns", "", "TopicName"),
        "TopicName": _named("TopicName"),
    },
    "AWS::SNS::TopicPolicy": {REF: _logical},
    "AWS::SQS::Queue": {
        REF: _queue_url,
        "QueueUrl": _queue_url,
        "Arn": _arn("sqs", "", "QueueName"),
        "QueueName": _named("QueueName"),
    },
    "AWS::SQS::QueuePolicy": {REF: _logical},
    "AWS::StepFunctions::StateMachine": {
        REF: _arn("states", "stateMachine:", "StateMachineName"),
        "Arn": _arn("states", "stateMachine:", "StateMachineName"),
        "Name": _named("StateMachineName"),
    },
}
