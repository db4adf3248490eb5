"""Function URLs: where they are, and who the function is told has called."""

from __future__ import annotations

import inspect
import json
import os
from typing import Any, Final

from ministack.core import iam_evaluator, router
from ministack.services import lambda_svc

from . import Repair

_ELSEWHERE: Final = ".on.aws/"


def _on_loopback() -> None:
    before = lambda_svc._get_function_url_config

    def get(name: str, qualifier: str | None) -> Any:
        status, headers, body = before(name, qualifier)
        if status != 200:
            return status, headers, body
        configuration = json.loads(body)
        identifier = lambda_svc._function_url_id(configuration["FunctionUrl"])
        # MiniStack serves it there, too.
        configuration["FunctionUrl"] = f"{os.environ['AWS_ENDPOINT_URL']}/_aws/lambda-url/{identifier}/"
        return status, headers, json.dumps(configuration).encode()

    lambda_svc._get_function_url_config = get


def _caller() -> None:
    before = lambda_svc._build_function_url_event

    def build(*arguments: Any, **named: Any) -> dict[str, Any]:
        event: dict[str, Any] = before(*arguments, **named)
        headers = inspect.signature(before).bind(*arguments, **named).arguments["headers"]
        if identity := iam_evaluator.resolve_caller_identity(router.extract_access_key_id(headers, {})):
            event["requestContext"]["authorizer"] = {
                "iam": {
                    "accessKey": identity["accessKey"],
                    "accountId": identity["accountId"],
                    "callerId": identity["userId"],
                    "cognitoIdentity": None,
                    "principalOrgId": identity["principalOrgId"],
                    "userArn": identity["userArn"],
                    "userId": identity["userId"],
                }
            }
        return event

    lambda_svc._build_function_url_event = build


REPAIRS: Final = (
    Repair(
        "a function URL is on loopback: the run speaks HTTP there, and its own name is AWS's",
        "Lambda Developer Guide, Invoking Lambda function URLs",
        lambda: _ELSEWHERE in inspect.getsource(lambda_svc._create_function_url_config),
        _on_loopback,
    ),
    Repair(
        "a function is told who signed the request to its URL",
        "Lambda Developer Guide, Invoking Lambda function URLs, requestContext.authorizer.iam",
        lambda: "authorizer" not in inspect.getsource(lambda_svc._build_function_url_event),
        _caller,
    ),
)
