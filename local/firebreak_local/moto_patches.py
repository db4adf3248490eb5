"""Repairs to moto 5.2.5, applied in this process, so that a failing test means Firebreak is wrong and not moto.

Each patch says what is wrong and how that was seen. This module holds the repairs around the Step Functions
interpreter; `task_tokens`, `state_language` and `nested_executions` hold those inside it, `message_size` and `item_size` are about limits.
README.md lists what stays wrong. The `iam_*` modules and `organization_policies` repair what those services let pass.
"""

from __future__ import annotations

import importlib
import threading
import uuid
from typing import Any, Final

import moto

from . import (
    assume_role_limits,
    bucket_denies,
    bucket_settings,
    enabled_regions,
    execution_status,
    iam_boundaries,
    iam_last_accessed,
    iam_limits,
    iam_protected_roles,
    iam_service_credentials,
    iam_user_ids,
    instance_refreshes,
    interface_groups,
    interface_types,
    item_size,
    key_policies,
    message_size,
    names,
    nested_executions,
    organization_policies,
    s3_control,
    session_manager,
    state_language,
    task_tokens,
    transactions,
)
from .rebind import rebind

VERSION: Final = "5.2.5"

if moto.__version__ != VERSION:
    raise ImportError(f"the local AWS is written for moto {VERSION}, found {moto.__version__}: run local/install")


def install(endpoint: str) -> None:
    """Applies all patches."""
    switch_engines_on()
    know_aws_policies()
    reuse_interpreter_clients(endpoint)
    name_unnamed_executions()
    page_execution_history()
    finish_executions_in_order()
    execution_status.install()
    task_tokens.install()
    state_language.install()
    nested_executions.install()
    message_size.install()
    item_size.install()
    transactions.install()
    iam_user_ids.install()
    iam_limits.install()
    iam_boundaries.install()
    iam_service_credentials.install()
    iam_last_accessed.install()
    iam_protected_roles.install()
    organization_policies.install()
    session_manager.install()
    instance_refreshes.install()
    interface_groups.install()
    assume_role_limits.install()
    enabled_regions.install()
    interface_types.install()
    bucket_settings.install()
    bucket_denies.install()
    s3_control.install()
    key_policies.install()


def switch_engines_on() -> None:
    """Not a bug: moto does not execute state machines, and wants Docker for functions, unless told otherwise."""
    from moto.core.config import default_user_config

    default_user_config["stepfunctions"]["execute_state_machine"] = True
    default_user_config["lambda"]["use_docker"] = False
    importlib.import_module("moto.stepfunctions.parser.models")  # all of the interpreter, for `rebind` to find


def know_aws_policies() -> None:
    """Attaching AdministratorAccess fails: NoSuchEntity. moto leaves AWS's own policies out unless told otherwise.

    Told so, it loads them for every account and partition it ever looks at, and starts two seconds later.
    """
    from moto.core.config import default_user_config
    from moto.iam.models import IAMBackend

    default_user_config["iam"]["load_aws_managed_policies"] = True
    load = IAMBackend._init_aws_policies

    def load_where_needed(self: IAMBackend) -> list[Any]:
        needed = self.partition == "aws" and self.account_id in names.MEMBER_ACCOUNTS
        return load(self) if needed else []

    IAMBackend._init_aws_policies = load_where_needed


def reuse_interpreter_clients(endpoint: str) -> None:
    """The interpreter makes a boto3 client for every single task, from boto3's shared default session.

    boto3 documents that session as not thread-safe, and parallel branches make clients at the same time. Clients
    themselves are thread-safe, and one costs ten milliseconds and more to make.
    """
    import boto3
    from botocore.client import BaseClient
    from botocore.config import Config
    from moto.stepfunctions.parser.asl.utils import boto_client

    clients: dict[tuple[str, str], BaseClient] = {}
    lock = threading.Lock()
    config = Config(
        parameter_validation=False,
        retries={"total_max_attempts": 1},  # retrying is the state machine's business
        read_timeout=24 * 60 * 60,  # and so is giving up
        max_pool_connections=100,
    )

    def boto_client_for(region: str, service: str, state_credentials: Any = None) -> BaseClient:
        with lock:
            if (region, service) not in clients:
                clients[region, service] = boto3.client(
                    service,
                    region_name=region,
                    endpoint_url=endpoint,
                    aws_access_key_id="ak",  # moto's own; unknown, so it belongs to the default account
                    aws_secret_access_key="sk",
                    config=config,
                )
            return clients[region, service]

    rebind(boto_client.boto_client_for, boto_client_for)


def name_unnamed_executions() -> None:
    """StartExecution without a name names the execution "None", so the second one fails: ExecutionAlreadyExists."""
    from moto.stepfunctions.parser.models import StepFunctionsParserBackend

    start_execution = StepFunctionsParserBackend.start_execution

    def start_named(self: Any, state_machine_arn: str, name: str | None = None, *args: Any, **kwargs: Any) -> Any:
        return start_execution(self, state_machine_arn, name or str(uuid.uuid4()), *args, **kwargs)

    StepFunctionsParserBackend.start_execution = start_named


def page_execution_history() -> None:
    """GetExecutionHistory ignores `maxResults`, `nextToken` and `reverseOrder`, and always answers with everything.

    On AWS a page holds 100 events unless asked otherwise: a client that does not page would pass here and fail there.
    """
    from moto.core.responses import ActionResult
    from moto.stepfunctions.responses import StepFunctionResponse

    def get_execution_history(self: Any) -> ActionResult:
        history = self.stepfunction_backend.get_execution_history(self._get_param("executionArn"))
        events = list(history["events"])
        if self._get_param("reverseOrder"):
            events.reverse()
        start = int(self._get_param("nextToken") or 0)
        end = start + (self._get_int_param("maxResults") or 100)
        page = {"events": events[start:end]}
        if end < len(events):
            page["nextToken"] = str(end)
        return ActionResult(page)

    StepFunctionResponse.get_execution_history = get_execution_history


def finish_executions_in_order() -> None:
    """An execution's status changes before its output, error and cause are there, for whoever polls at that moment."""
    from moto.stepfunctions.parser.asl.eval.program_state import ProgramEnded, ProgramError
    from moto.stepfunctions.parser.backend.execution import BaseExecutionWorkerCommunication

    reflect = BaseExecutionWorkerCommunication._reflect_execution_status

    def reflect_in_order(self: BaseExecutionWorkerCommunication) -> None:
        environment = self.execution.exec_worker.env
        match environment.program_state():
            case ProgramEnded():
                self.execution.output = environment.states.get_input()
            case ProgramError(error=error) if error:
                self.execution.error, self.execution.cause = error.get("error"), error.get("cause")
        reflect(self)

    BaseExecutionWorkerCommunication._reflect_execution_status = reflect_in_order
