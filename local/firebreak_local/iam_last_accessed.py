"""Which services a user or role called: GenerateServiceLastAccessedDetails, GetServiceLastAccessedDetails.

moto has neither. Here the report is ready at once and names no service; on AWS it takes seconds, and is hours behind.
"""

from __future__ import annotations

import uuid
from typing import Final

from moto.core.responses import ActionResult
from moto.core.utils import utcnow
from moto.iam.exceptions import NotFoundException
from moto.iam.responses import IamResponse

_JOBS: Final[set[str]] = set()


def install() -> None:
    """Adds the operations to moto's IAM."""
    IamResponse.generate_service_last_accessed_details = _generate
    IamResponse.get_service_last_accessed_details = _get


def _generate(self: IamResponse) -> ActionResult:
    kind, _, name = self._get_param("Arn").split(":")[-1].partition("/")
    name = name.rpartition("/")[2]
    # Whoever does not exist is refused.
    if kind == "role":
        self.backend.get_role(name)
    else:
        self.backend.get_user(name)
    job = str(uuid.uuid4())
    _JOBS.add(job)
    return ActionResult({"JobId": job})


def _get(self: IamResponse) -> ActionResult:
    if self._get_param("JobId") not in _JOBS:
        raise NotFoundException("The job does not exist.")
    now = utcnow()
    return ActionResult(
        {
            "JobStatus": "COMPLETED",
            "JobCreationDate": now,
            "JobCompletionDate": now,
            "ServicesLastAccessed": [],
            "IsTruncated": False,
        }
    )
