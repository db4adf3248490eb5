"""The state machine: catches, substitutions, permissions, settings."""

from __future__ import annotations

from typing import Final

from firebreak_infra.rules.documents import SECURITY, Json, Sources

from .fault import Fault, function, properties, role, state, statement, statements, without


def _machine(sources: Sources) -> Json:
    return properties(
        sources, SECURITY, "AWS::StepFunctions::StateMachine", StateMachineName="firebreak-incident-response"
    )


def _branch_fails(sources: Sources) -> None:
    failed = state(sources, "StartEvidenceFailed")
    failed.clear()
    failed.update({"Type": "Fail", "Error": "Evidence"})


def _invokes_nobody(sources: Sources) -> None:
    state(sources, "Triage")["Parameters"]["FunctionName"] = "${FunctionArnPrefix}triage-v2"


def _may_not_call_triage(sources: Sources) -> None:
    calls = statement(role(sources, "FirebreakStateMachine"), "CallFunctions")
    calls["Resource"] = [arn for arn in calls["Resource"] if not arn["Fn::Sub"].endswith("firebreak-triage")]


FAULTS: Final = [
    Fault(
        "a branch lost its Catch",
        "branches",
        "cancels the other branches",
        lambda s: state(s, "NotifyOpened").pop("Catch"),
    ),
    Fault(
        "a Catch is for one error only",
        "branches",
        "lets errors through",
        lambda s: state(s, "IsolateEc2")["Catch"][-1].update(ErrorEquals=["States.Timeout"]),
    ),
    Fault(
        "what is too large passes a Catch",
        "branches",
        "States.ALL does not match States.DataLimitExceeded",
        lambda s: state(s, "Sweep")["Catch"].pop(0),
    ),
    Fault("a Map lost its Catch", "branches", "has no Catch", lambda s: state(s, "ContainApproved").pop("Catch")),
    Fault("a branch ends in Fail", "branches", "a Fail state in a branch", _branch_fails),
    Fault(
        "a substitution has no value",
        "substitutions",
        "${ReviewQueueUrl} has no value",
        lambda s: _machine(s)["DefinitionSubstitutions"].pop("ReviewQueueUrl"),
    ),
    Fault(
        "a substitution is used by no state",
        "substitutions",
        "Spare is used by no state of incident-response",
        lambda s: _machine(s)["DefinitionSubstitutions"].update(Spare="x"),
    ),
    Fault(
        "a state invokes a function that is not there", "substitutions", "which is not in the template", _invokes_nobody
    ),
    Fault(
        "the state machine may not invoke triage",
        "state_machine_role",
        "function:firebreak-triage",
        _may_not_call_triage,
    ),
    Fault(
        "the watch may not ask again",
        "state_machine_role",
        "FirebreakWatchMachine",
        lambda s: without(statements(role(s, "FirebreakWatchMachine")), "AskAgain"),
    ),
    Fault(
        "a restore may not release",
        "state_machine_role",
        "FirebreakRestoreStateMachine",
        lambda s: without(statements(role(s, "FirebreakRestoreStateMachine")), "CallFunctions"),
    ),
    Fault(
        "the main one may start no watch",
        "state_machine_role",
        "does not allow states:StartExecution",
        lambda s: without(statements(role(s, "FirebreakStateMachine")), "StartTheOthers"),
    ),
    Fault(
        "the state machine may publish to another topic only",
        "state_machine_role",
        "does not allow sns:Publish",
        lambda s: statement(role(s, "FirebreakStateMachine"), "TellFailures").update(
            Resource="arn:aws:sns:eu-central-1:123456789012:firebreak-notices"
        ),
    ),
    Fault(
        "a state calls a function by another partition's name",
        "partition",
        "state Triage: names a partition: arn:aws:states:::lambda:invoke",
        lambda s: state(s, "Triage").update(Resource="arn:aws:states:::lambda:invoke"),
    ),
    Fault(
        "a state inside a branch publishes in one partition only",
        "partition",
        "names a partition: arn:aws-us-gov:states:::sqs:sendMessage",
        lambda s: state(s, "NotifyOpened").update(Resource="arn:aws-us-gov:states:::sqs:sendMessage"),
    ),
    Fault(
        "a role's policy names a partition",
        "partition",
        "names a partition: arn:aws:sns:",
        lambda s: statement(role(s, "FirebreakStateMachine"), "TellFailures").update(
            Resource={"Fn::Sub": "arn:aws:sns:${AWS::Region}:${AWS::AccountId}:firebreak-failures"}
        ),
    ),
    Fault(
        "a state does what nobody knows the permission for",
        "state_machine_role",
        "is not known here",
        lambda s: state(s, "Triage").update(Resource="arn:${Partition}:states:::ecs:runTask"),
    ),
    Fault(
        "execution data is logged, task tokens with it",
        "state_machine",
        "task tokens would reach the log",
        lambda s: _machine(s)["LoggingConfiguration"].update(IncludeExecutionData=True),
    ),
    Fault(
        "only errors are logged",
        "state_machine",
        "does not log every",
        lambda s: _machine(s)["LoggingConfiguration"].update(Level="ERROR"),
    ),
    Fault(
        "no tracing",
        "state_machine",
        "is not traced",
        lambda s: _machine(s)["TracingConfiguration"].update(Enabled=False),
    ),
    Fault(
        "an EXPRESS state machine",
        "state_machine",
        "is not STANDARD",
        lambda s: _machine(s).update(StateMachineType="EXPRESS"),
    ),
    Fault(
        "the state machine gives up before the function",
        "names",
        "gives up on firebreak-triage",
        lambda s: function(s, "triage").update(Timeout=40),
    ),
]
