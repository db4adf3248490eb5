"""What an incident left in the evidence bucket of the forensics account."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from . import names
from .run import Run
from .waiting import until


def check(run: Run, incident: dict[str, Any]) -> None:
    """Every piece is there with the digest that the ledger and the manifest have."""
    s3 = run.cloud.client("s3", names.FORENSICS)
    prefix = f"incidents/{incident['id']}/"

    def read(key: str) -> bytes:
        return bytes(s3.get_object(Bucket=names.EVIDENCE_BUCKET, Key=key)["Body"].read())

    def closed() -> dict[str, Any] | None:
        # The evidence is collected beside the review: the list says so until it is whole.
        found: dict[str, Any] = json.loads(read(f"{prefix}manifest.json"))
        return None if any("still being collected" in line for line in found["missing"]) else found

    manifest = until("whole list of the evidence", 60, closed)
    incident = run.shown(incident["id"])
    wrong = [
        entry["key"]
        for entry in (*incident["evidence"], *manifest["entries"])
        if entry.get("sha256") != hashlib.sha256(read(entry["key"])).hexdigest()
    ]
    listed = s3.list_objects_v2(Bucket=names.EVIDENCE_BUCKET, Prefix=prefix)["Contents"]
    count = len(manifest["entries"])
    complete = count > 0 and len(listed) == count + 1 and not manifest["missing"] and not wrong
    run.report.expect(
        complete,
        f"evidence in {names.EVIDENCE_BUCKET}: {count} objects with their digests, and the manifest",
        f"wrong: {wrong}, missing: {manifest['missing']}, {len(listed)} objects",
    )
