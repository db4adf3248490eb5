"""An AWS error in the words of each protocol, so that an SDK sees its own typed error and not a parse failure."""

from __future__ import annotations

import json
import uuid
from xml.sax.saxutils import escape

from .operations import Operation


def error_body(operation: Operation, status: int, code: str, message: str) -> tuple[bytes, list[tuple[str, str]]]:
    """Body and headers of an error answer to this operation."""
    request_id = str(uuid.uuid4())
    if operation.protocol == "json":
        document = json.dumps({"__type": code, "message": message})
        headers = [
            ("Content-Type", "application/x-amz-json-1.0"),
            ("x-amzn-RequestId", request_id),
            ("x-amzn-errortype", code),
        ]
        if operation.service == "sqs":
            # SQS moved from query to JSON; SDKs still take the error's old code from this header.
            headers.append(("x-amzn-query-error", f"{code};{_fault(status)}"))
        return document.encode(), headers

    error = f"<Code>{escape(code)}</Code><Message>{escape(message)}</Message>"
    match operation.protocol:
        case "s3":
            document = f"<Error>{error}<RequestId>{request_id}</RequestId></Error>"
        case "ec2":
            document = (
                f"<Response><Errors><Error>{error}</Error></Errors><RequestID>{request_id}</RequestID></Response>"
            )
        case _:
            typed = f"<Type>{_fault(status)}</Type>{error}"
            document = f"<ErrorResponse><Error>{typed}</Error><RequestId>{request_id}</RequestId></ErrorResponse>"
    body = f'<?xml version="1.0" encoding="UTF-8"?>\n{document}'.encode()
    return body, [("Content-Type", "text/xml"), ("x-amzn-RequestId", request_id), ("x-amz-request-id", request_id)]


def _fault(status: int) -> str:
    return "Receiver" if status >= 500 else "Sender"
