"""S3 Control as SDKs know it, without a Batch job: ListJobs, DescribeJob.

Seen with moto: it answers with names that no SDK but Python's reads, and has no jobs. Nobody runs one here; the tests over the wire do
(`functions/lockdown-s3/tests/wire/surroundings.rs`).
"""

from __future__ import annotations

import re
from typing import Any

from moto.core.responses import ActionResult
from moto.s3control import urls
from moto.s3control.responses import S3ControlResponse

_ROOT = re.compile(r"(</?[A-Za-z]+)Response\b")
_SPACE = "http://awss3control.amazonaws.com/doc/2018-08-20/"


def install() -> None:
    """Patches moto's S3 Control."""
    serialize = S3ControlResponse.serialized

    def serialized(self: S3ControlResponse, result: ActionResult) -> Any:
        status, headers, body = serialize(self, result)
        text = body.decode() if isinstance(body, bytes) else body
        return status, headers, text if status >= 300 else _ROOT.sub(r"\1Result", text)

    S3ControlResponse.serialized = serialized
    urls.url_paths |= {"/v20180820/jobs": _jobs, "/v20180820/jobs/<job>": _job}


def _jobs(request: Any, full_url: str, headers: Any) -> Any:
    return 200, {}, f'<ListJobsResult xmlns="{_SPACE}"/>'


def _job(request: Any, full_url: str, headers: Any, **_: Any) -> Any:
    error = "<Error><Type>Sender</Type><Code>NoSuchJob</Code><Message>The specified job does not exist</Message></Error>"
    return 404, {}, f'<ErrorResponse xmlns="{_SPACE}">{error}<RequestId>local</RequestId></ErrorResponse>'
