"""`states:startExecution` of a state, as Step Functions makes it.

moto hands the parameters on as a definition spells them (`StateMachineArn`), and the SDK knows only `stateMachineArn`: each start failed
with `States.Runtime`.
"""

from __future__ import annotations

from typing import Any

from moto.stepfunctions.parser.asl.component.state.exec.state_task.service.state_task_service_sfn import StateTaskServiceSfn


def install() -> None:
    """Patches how parameters are handed on."""
    normalise = StateTaskServiceSfn._normalise_parameters

    def as_the_sdk_spells(self: Any, parameters: dict[str, Any], *args: Any, **kwargs: Any) -> None:
        normalise(self, parameters, *args, **kwargs)
        for name in list(parameters):
            parameters[name[:1].lower() + name[1:]] = parameters.pop(name)

    StateTaskServiceSfn._normalise_parameters = as_the_sdk_spells
