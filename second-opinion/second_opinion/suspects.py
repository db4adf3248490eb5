"""What the findings are about: a user with two keys, and a bucket that is open to everybody. Both in the member account."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Final

from botocore.exceptions import ClientError

from . import names
from .cloud import Cloud

_OPEN: Final = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::{}/*"}],
}
_WORK: Final = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}
DENY: Final = "FirebreakQuarantineDenyAll"


@dataclass(frozen=True)
class User:
    """An IAM user, planted."""

    name: str
    id: str
    exposed: str
    """The key that the finding names."""
    other: str

    @classmethod
    def plant(cls, cloud: Cloud, name: str) -> User:
        """Creates it, with an inline policy and two active keys."""
        iam = cloud.client("iam", names.MEMBER)
        created = iam.create_user(UserName=name)["User"]
        keys = [iam.create_access_key(UserName=name)["AccessKey"]["AccessKeyId"] for _ in range(2)]
        iam.put_user_policy(UserName=name, PolicyName="work", PolicyDocument=json.dumps(_WORK))
        return cls(name, created["UserId"], *keys)

    def observe(self, cloud: Cloud) -> dict[str, Any]:
        """What IAM says about it."""
        iam = cloud.client("iam", names.MEMBER)
        attached = iam.list_attached_user_policies(UserName=self.name)["AttachedPolicies"]
        keys = iam.list_access_keys(UserName=self.name)["AccessKeyMetadata"]
        tags = iam.list_user_tags(UserName=self.name)["Tags"]
        return {
            "attached": sorted(policy["PolicyName"] for policy in attached),
            "keys": {key["AccessKeyId"]: key["Status"] for key in keys},
            "tags": sorted(tag["Key"] for tag in tags),
        }

    def name_in(self, event: dict[str, Any]) -> None:
        """Makes a finding about a key name this user's."""
        event["detail"]["resource"]["accessKeyDetails"] = {
            "accessKeyId": self.exposed,
            "principalId": self.id,
            "userType": "IAMUser",
            "userName": self.name,
        }


@dataclass(frozen=True)
class Bucket:
    """A bucket, planted."""

    name: str

    @classmethod
    def plant(cls, cloud: Cloud, name: str) -> Bucket:
        """Creates it and opens it to everybody."""
        s3 = cloud.client("s3", names.MEMBER)
        s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": names.REGION})
        s3.delete_public_access_block(Bucket=name)
        s3.put_bucket_policy(Bucket=name, Policy=json.dumps(_OPEN).replace("{}", name))
        return cls(name)

    def observe(self, cloud: Cloud) -> dict[str, Any]:
        """What S3 says about it."""
        s3 = cloud.client("s3", names.MEMBER)
        try:
            block = s3.get_public_access_block(Bucket=self.name)["PublicAccessBlockConfiguration"]
        except ClientError as error:
            if error.response["Error"]["Code"] != "NoSuchPublicAccessBlockConfiguration":
                raise
            block = {}
        return {"closed": sum(block.values()) == 4, "policy": s3.get_bucket_policy(Bucket=self.name)["Policy"]}

    def name_in(self, event: dict[str, Any]) -> None:
        """Makes a finding about a bucket name this one."""
        [details] = event["detail"]["resource"]["s3BucketDetails"]
        details |= {"name": self.name, "arn": f"arn:aws:s3:::{self.name}"}
