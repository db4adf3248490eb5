"""Where moto's reading of the Amazon States Language differs from AWS's, and a state machine would notice.

All of it was seen in runs of small state machines. The dangerous ones are those that pass here and fail on AWS.
"""

from __future__ import annotations

import functools
import re
from datetime import datetime
from typing import Any, Final

import jsonpath_ng.ext
from botocore.exceptions import BotoCoreError
from moto.stepfunctions.parser.api import HistoryEventType, TaskFailedEventDetails
from moto.stepfunctions.parser.asl.component.common.error_name.custom_error_name import CustomErrorName
from moto.stepfunctions.parser.asl.component.common.error_name.error_equals_decl import ErrorEqualsDecl
from moto.stepfunctions.parser.asl.component.common.error_name.failure_event import FailureEvent
from moto.stepfunctions.parser.asl.component.state.choice.comparison.comparison_func import ComparisonFuncValue
from moto.stepfunctions.parser.asl.component.state.choice.comparison.comparison_operator_type import (
    ComparisonOperatorType,
)
from moto.stepfunctions.parser.asl.component.state.choice.comparison.operator.factory import OperatorFactory
from moto.stepfunctions.parser.asl.component.state.choice.comparison.operator.implementations.is_operator import (
    IsTimestamp,
)
from moto.stepfunctions.parser.asl.component.state.choice.comparison.variable import NoSuchVariable
from moto.stepfunctions.parser.asl.component.state.exec.execute_state import ExecutionState
from moto.stepfunctions.parser.asl.eval.environment import Environment
from moto.stepfunctions.parser.asl.eval.event.event_detail import EventDetails
from moto.stepfunctions.parser.asl.utils import json_path
from moto.stepfunctions.parser.backend.execution import Execution

from .rebind import rebind

_QUOTED: Final = re.compile(r"'[^']*'|\"[^\"]*\"")
_INDEFINITE: Final = re.compile(r"\.\.|\.?\*|\[\s*[*?]|\[\s*-?\d*\s*[:,]")
_SERVICES: Final = {"lambda": "Lambda", "sqs": "SQS", "sns": "SNS", "dynamodb": "DynamoDB"}


def install() -> None:
    """Applies all of it."""
    rebind(json_path.extract_json, _extract_json)
    _compare_as_aws_does()
    _let_runtime_errors_escape()
    _name_lost_connections()
    _start_time_as_text()
    _read_fractions_of_seconds()


def _extract_json(path: str, data: Any) -> Any:
    """`$.a[0].b` gave `[value]` instead of the value, and a filter without a match failed instead of giving [].

    A path that can name only one place gives what is there; any other gives an array, empty when nothing matches, as
    long as the part before its first wildcard, slice or filter exists.
    """
    values = [match.value for match in _parsed(path).find(data)]
    several = _INDEFINITE.search(_QUOTED.sub(lambda text: "_" * len(text[0]), path))
    if several is None:
        if not values:
            raise json_path.NoSuchJsonPathError(json_path=path, data=data)
        return values[0]
    if not values and not _parsed(path[: several.start()]).find(data):
        raise json_path.NoSuchJsonPathError(json_path=path, data=data)
    if len(values) == 1 and re.search(r"\[\d+\]$", path):
        return values[0]  # `$.a[*].b[0]`: AWS unpacks this one, against JSONPath's own rules; moto knows
    return values


@functools.lru_cache(maxsize=1024)
def _parsed(path: str) -> Any:
    return jsonpath_ng.ext.parse(path)


def _compare_as_aws_does() -> None:
    """Choice: comparing what is not there was false instead of an error; `$$.` could not be compared with.

    On AWS only IsPresent may be asked about what is not there; anything else ends the execution.
    """

    def evaluate(self: ComparisonFuncValue, env: Environment) -> None:
        variable = env.stack[-1]
        operator, value = self.operator_type, self.value
        if isinstance(variable, NoSuchVariable) and operator is not ComparisonOperatorType.IsPresent:
            raise RuntimeError(
                f"Invalid path '{variable.path.partition(',')[0]}': "
                "The choice state's condition path references an invalid value."
            )
        if operator.name.endswith("Path") and value.startswith("$$."):
            value = _extract_json(value[1:], env.states.context_object.context_object_data)
            operator = ComparisonOperatorType[operator.name.removesuffix("Path")]
        OperatorFactory.get(operator).eval(env=env, value=value)

    ComparisonFuncValue._eval_body = evaluate


def _let_runtime_errors_escape() -> None:
    """States.ALL caught States.Runtime and States.DataLimitExceeded. On AWS nothing but their own name does."""
    matches = ErrorEqualsDecl._eval_body

    def evaluate(self: ErrorEqualsDecl, env: Environment) -> None:
        wildcard = any(name.error_name == "States.ALL" for name in self.error_names)
        if wildcard and env.stack[-1].error_name in ("States.Runtime", "States.DataLimitExceeded"):
            env.stack[-1] = False
        else:
            matches(self, env)

    ErrorEqualsDecl._eval_body = evaluate


def _name_lost_connections() -> None:
    """A connection that breaks during a task was States.Runtime. AWS: `Lambda.SdkClientException`, and so on."""
    from_error = ExecutionState._from_error

    def named(self: Any, env: Environment, ex: Exception) -> FailureEvent:
        service = _SERVICES.get(getattr(getattr(self, "resource", None), "service_name", ""))
        if service is None or not isinstance(ex, BotoCoreError):
            return from_error(self, env, ex)
        error = f"{service}.SdkClientException"
        details = TaskFailedEventDetails(
            error=error,
            cause=str(ex),
            resource=self._get_sfn_resource(),
            resourceType=self._get_sfn_resource_type(),
        )
        return FailureEvent(
            env=env,
            error_name=CustomErrorName(error),
            event_type=HistoryEventType.TaskFailed,
            event_details=EventDetails(taskFailedEventDetails=details),
        )

    ExecutionState._from_error = named


def _start_time_as_text() -> None:
    """`$$.Execution.StartTime` was a datetime, and using it made DescribeExecution fail: not JSON serializable."""
    details = Execution.get_start_execution_details

    def with_text(self: Execution) -> Any:
        result = details(self)
        result.start_time = self.start_date.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        return result

    Execution.get_start_execution_details = with_text


def _read_fractions_of_seconds() -> None:
    """Choice: `2030-01-01T00:00:00.000Z` was no timestamp, so comparing with the interpreter's own times failed."""

    def string_to_timestamp(string: str) -> datetime | None:
        try:
            moment = datetime.fromisoformat(string)
        except ValueError:
            return None
        # The States Language wants RFC 3339: a date with a time with an offset.
        return moment if moment.tzinfo is not None and "T" in string else None

    IsTimestamp.string_to_timestamp = staticmethod(string_to_timestamp)
