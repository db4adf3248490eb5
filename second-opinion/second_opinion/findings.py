"""The events of `fixtures/findings`, as if they came now."""

from __future__ import annotations

import json
import time
import uuid
from typing import Any

from . import names


def load(name: str) -> dict[str, Any]:
    """A fixture with an id and times of its own."""
    event = _fixture(name)
    now, serial = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), uuid.uuid4().hex
    detail, service = event["detail"], event["detail"]["service"]
    event |= {"id": str(uuid.UUID(serial)), "time": now}
    detail |= {"id": serial, "arn": f"{detail['arn'].rsplit('/', 1)[0]}/{serial}", "createdAt": now, "updatedAt": now}
    service |= {"eventFirstSeen": now, "eventLastSeen": now}
    return event


def request(kind: str, target: str) -> dict[str, str]:
    """A request to contain something, as an entry of PutEvents."""
    event = _fixture("scenarios/isolation-request")
    detail = event["detail"] | {"request_id": uuid.uuid4().hex}
    detail["target"] |= {"kind": kind, "id": target, "account": names.MEMBER, "region": names.REGION}
    return {"Source": event["source"], "DetailType": event["detail-type"], "Detail": json.dumps(detail)}


def _fixture(name: str) -> dict[str, Any]:
    file = names.REPOSITORY / "fixtures" / "findings" / f"{name}.json"
    return dict(json.loads(file.read_text(encoding="utf-8")))
