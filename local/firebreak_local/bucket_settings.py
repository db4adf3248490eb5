"""Settings of a bucket as S3 keeps them: what one call wrote is what the next one reads.

Seen with moto: GetBucketReplication forgets filters, delete markers and whatever else a rule has; GetBucketEncryption forgets the blocked
types, and a bucket that was given no encryption has none; GetBucketLifecycleConfiguration forgets the smallest size that is moved;
PutBucketPolicy takes a public policy while BlockPublicPolicy is on; two answers have names that no SDK but Python's reads.
"""

from __future__ import annotations

import json
import secrets
import xml.etree.ElementTree as ET
from collections.abc import Callable
from typing import Any, Final

from moto.s3.exceptions import BucketAccessDeniedError
from moto.s3.models import FakeBucket, S3Backend
from moto.s3.responses import S3Response

_SPACE: Final = "http://s3.amazonaws.com/doc/2006-03-01/"
_KEPT: Final = {
    "encryption": "get_bucket_encryption",
    "lifecycle": "get_bucket_lifecycle",
    "replication": "get_bucket_replication",
}
"""Settings that are answered as they were written, by the word of their query: the method that answers."""
_SMALLEST_MOVED: Final = "x-amz-transition-default-minimum-object-size"
_DEFAULT_ENCRYPTION: Final = (
    f'<ServerSideEncryptionConfiguration xmlns="{_SPACE}"><Rule><ApplyServerSideEncryptionByDefault>'
    "<SSEAlgorithm>AES256</SSEAlgorithm></ApplyServerSideEncryptionByDefault><BucketKeyEnabled>false</BucketKeyEnabled>"
    "</Rule></ServerSideEncryptionConfiguration>"
)
"""What a bucket has that was given nothing (Amazon S3 user guide, "Setting default server-side encryption behavior")."""
_NAMES: Final = {
    "get_bucket_notification": ("GetBucketNotificationResponse", "NotificationConfiguration"),
    "get_bucket_versioning": ("GetBucketVersioningResponse", "VersioningConfiguration"),
}
"""How moto calls what a method answers, and how S3 does."""


def install() -> None:
    """Patches moto's S3."""
    ET.register_namespace("", _SPACE)
    _keep_what_is_written()
    for word, method in _KEPT.items():
        _answer_what_is_kept(word, method)
    for method, names in _NAMES.items():
        _name_as_s3_does(method, *names)
    _refuse_public_policies()


def blocked_encryption(bucket: FakeBucket) -> set[str]:
    """The types of encryption that uploads into a bucket may not have."""
    written = _written(bucket).get("encryption")
    return set() if written is None else {blocked.text or "" for blocked in _blocked(ET.fromstring(written[0]))}


def _written(bucket: FakeBucket) -> dict[str, tuple[bytes, dict[str, str]]]:
    """Documents and headers by the word of their setting. They end with the bucket."""
    if not hasattr(bucket, "as_written"):
        bucket.as_written = {}
    return bucket.as_written


def _keep_what_is_written() -> None:
    put, delete = S3Response._bucket_response_put, S3Response._bucket_response_delete

    def put_and_keep(self: S3Response, request: Any, bucket_name: str, querystring: dict[str, Any]) -> Any:
        answer = put(self, request, bucket_name, querystring)
        # Refused: it would have raised.
        for word in _KEPT.keys() & querystring.keys():
            written = _written(self.backend.get_bucket(bucket_name))
            smallest = request.headers.get(_SMALLEST_MOVED, "all_storage_classes_128K")
            headers = {_SMALLEST_MOVED: smallest} if word == "lifecycle" else {}
            written[word] = (_completed(word, self.body, written.get(word)), headers)
        return answer

    def delete_and_forget(self: S3Response, bucket_name: str, querystring: dict[str, Any]) -> Any:
        for word in _KEPT.keys() & querystring.keys():
            _written(self.backend.get_bucket(bucket_name)).pop(word, None)
        return delete(self, bucket_name, querystring)

    S3Response._bucket_response_put, S3Response._bucket_response_delete = put_and_keep, delete_and_forget


def _completed(word: str, body: bytes, before: tuple[bytes, dict[str, str]] | None) -> bytes:
    """The document with what S3 itself adds."""
    document = ET.fromstring(body)
    rules = document.findall(f"{{{_SPACE}}}Rule")
    if word == "encryption":
        _block(rules[0], [] if before is None else _blocked(ET.fromstring(before[0])))
    else:
        for rule in rules:
            if rule.find(f"{{{_SPACE}}}ID") is None:
                ET.SubElement(rule, f"{{{_SPACE}}}ID").text = secrets.token_urlsafe(24)
    return ET.tostring(document)


def _block(rule: ET.Element, before: list[ET.Element]) -> None:
    """Without the element, what was blocked stays blocked; `NONE` blocks nothing (hashicorp/terraform-provider-aws, issue 47320)."""
    element = rule.find(f"{{{_SPACE}}}BlockedEncryptionTypes")
    if element is None and before:
        ET.SubElement(rule, f"{{{_SPACE}}}BlockedEncryptionTypes").extend(before)
    elif element is not None and [kind.text for kind in element] == ["NONE"]:
        rule.remove(element)


def _blocked(document: ET.Element) -> list[ET.Element]:
    return document.findall(f".//{{{_SPACE}}}BlockedEncryptionTypes/*")


def _answer_what_is_kept(word: str, method: str) -> None:
    moto_method: Callable[[S3Response], Any] = getattr(S3Response, method)

    def answered(self: S3Response) -> Any:
        kept = _written(self.backend.get_bucket(self.bucket_name)).get(word)
        if kept is not None:
            return 200, {"Content-Type": "application/xml", **kept[1]}, kept[0]
        if word == "encryption":
            return 200, {"Content-Type": "application/xml"}, _DEFAULT_ENCRYPTION
        return moto_method(self)

    setattr(S3Response, method, answered)


def _name_as_s3_does(method: str, moto_name: str, name: str) -> None:
    moto_method: Callable[[S3Response], Any] = getattr(S3Response, method)

    def named(self: S3Response) -> Any:
        status, headers, body = moto_method(self)
        text = body.decode() if isinstance(body, bytes) else body
        return status, headers, text.replace(moto_name, name)

    setattr(S3Response, method, named)


def _refuse_public_policies() -> None:
    """A statement that lets everybody in without a condition is public; the conditions that S3 takes for none are not known here."""
    put = S3Backend.put_bucket_policy

    def put_bucket_policy(self: S3Backend, bucket_name: str, policy: bytes) -> None:
        block = self.get_bucket(bucket_name).public_access_block
        if block is not None and block.block_public_policy and any(map(_is_public, _statements(policy))):
            raise BucketAccessDeniedError(bucket=bucket_name)
        put(self, bucket_name, policy)

    S3Backend.put_bucket_policy = put_bucket_policy


def _statements(policy: bytes) -> list[dict[str, Any]]:
    statements = json.loads(policy)["Statement"]
    return [statements] if isinstance(statements, dict) else statements


def _is_public(statement: dict[str, Any]) -> bool:
    principal = statement.get("Principal")
    named = principal.get("AWS", []) if isinstance(principal, dict) else principal
    everybody = named == "*" or (isinstance(named, list) and "*" in named)
    return statement["Effect"] == "Allow" and everybody and not statement.get("Condition")
