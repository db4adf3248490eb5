//! What no validator checks: that the definition and the Rust code mean the same things by the same names.

use firebreak::answer::Answer;
use firebreak::containment::Containment;
use firebreak::fault::{FaultKind, UNHEARD};
use firebreak::incident::IncidentStatus;
use firebreak_state_machine::{DEFINITION, DEFINITIONS, SUBSTITUTIONS};
use serde_json::Value;
use std::collections::BTreeSet;

/// Every error name of Step Functions, Lambda and the integrated services that the definition may match. A misspelt one fails here.
const SERVICE_ERRORS: [&str; 18] = [
    "States.ALL",
    "States.Timeout",
    "Lambda.ServiceException",
    "Lambda.AWSLambdaException",
    "Lambda.SdkClientException",
    "Lambda.TooManyRequestsException",
    "Lambda.ClientExecutionTimeoutException",
    "Sandbox.Timedout",
    "Runtime.ExitError",
    "SQS.SdkClientException",
    "SQS.AmazonSQSException",
    "DynamoDB.SdkClientException",
    "States.DataLimitExceeded",
    "Lambda.Unknown",
    "DynamoDB.ProvisionedThroughputExceededException",
    "DynamoDB.RequestLimitExceeded",
    "DynamoDB.InternalServerError",
    "StepFunctions.ExecutionAlreadyExistsException",
];

fn definition() -> Value {
    serde_json::from_str(DEFINITION).expect("the definition is JSON")
}

/// Every state at every depth, with the path of scopes it stands in.
fn states(scope: &Value, path: &str, found: &mut Vec<(String, String, Value)>) {
    let Some(states_here) = scope["States"].as_object() else { return };
    for (name, state) in states_here {
        found.push((path.to_owned(), name.clone(), state.clone()));
        for (i, branch) in state["Branches"].as_array().into_iter().flatten().enumerate() {
            states(branch, &format!("{path}/{name}[{i}]"), found);
        }
        states(&state["ItemProcessor"], &format!("{path}/{name}"), found);
    }
}

fn all_states() -> Vec<(String, String, Value)> {
    let mut found = Vec::new();
    states(&definition(), "", &mut found);
    assert!(found.len() > 40, "the walk found only {} states", found.len());
    found
}

/// The states of all state machines.
fn of_every_machine() -> Vec<(String, String, Value)> {
    let mut found = Vec::new();
    for (_, text) in DEFINITIONS {
        states(&serde_json::from_str(text).expect("a definition is JSON"), "", &mut found);
    }
    found
}

/// The states with a way to `to`.
fn into(to: &str) -> BTreeSet<String> {
    let leads = |state: &Value| {
        let mut listed = ["Catch", "Choices"].into_iter().filter_map(|list| state[list].as_array()).flatten();
        state["Next"] == to || state["Default"] == to || listed.any(|way| way["Next"] == to)
    };
    all_states().into_iter().filter(|(.., state)| leads(state)).map(|(_, name, _)| name).collect()
}

#[test]
fn every_task_map_and_parallel_catches_everything() {
    for (path, name, state) in of_every_machine() {
        let kind = state["Type"].as_str().expect("a type");
        if matches!(kind, "Task" | "Map" | "Parallel") {
            let catches = state["Catch"].as_array().unwrap_or_else(|| panic!("{path}/{name} has no Catch"));
            let last = catches.last().expect("a catcher");
            assert_eq!(last["ErrorEquals"], serde_json::json!(["States.ALL"]), "{path}/{name} lets errors through");
            // `States.ALL` does not match it.
            let mut too_large = last.clone();
            too_large["ErrorEquals"] = serde_json::json!(["States.DataLimitExceeded"]);
            assert!(catches.contains(&too_large), "{path}/{name} ends without a word when something is too large");
        }
    }
}

#[test]
fn no_branch_and_no_item_can_fail() {
    for (path, name, state) in of_every_machine().iter().filter(|(path, ..)| !path.is_empty()) {
        assert_ne!(state["Type"], "Fail", "{path}/{name} would cancel its siblings");
        let leaves = state["Catch"].as_array().into_iter().flatten().map(|c| c["Next"].as_str().expect("a target").to_owned());
        for target in leaves {
            assert_ne!(target, "FailureNotice", "{path}/{name} cannot leave its branch");
        }
    }
}

#[test]
fn retries_and_catches_name_only_errors_somebody_raises() {
    let ours: BTreeSet<&str> = FaultKind::ALL.iter().map(|kind| kind.error_type()).collect();
    let mut seen = BTreeSet::new();
    for (path, name, state) in of_every_machine() {
        for field in ["Retry", "Catch"] {
            for error in state[field].as_array().into_iter().flatten().flat_map(|r| r["ErrorEquals"].as_array().expect("names")) {
                let error = error.as_str().expect("a name").to_owned();
                let known = ours.contains(error.as_str()) || SERVICE_ERRORS.contains(&error.as_str());
                assert!(known, "{path}/{name} matches {error}, which nobody raises");
                seen.insert(error);
            }
        }
    }
    assert!(seen.contains(FaultKind::Transient.error_type()), "passing faults are not retried");
}

#[test]
fn only_passing_faults_are_retried_and_always_with_jitter() {
    let lasting: Vec<&str> =
        FaultKind::ALL.iter().filter(|kind| **kind != FaultKind::Transient).map(|k| k.error_type()).collect();
    for (path, name, state) in of_every_machine() {
        for retry in state["Retry"].as_array().into_iter().flatten() {
            assert_eq!(retry["JitterStrategy"], "FULL", "{path}/{name} retries in step with everybody else");
            for error in retry["ErrorEquals"].as_array().expect("names") {
                assert!(
                    !lasting.contains(&error.as_str().expect("a name")),
                    "{path}/{name} retries {error}, which will not pass"
                );
            }
        }
        if state["Resource"] == "arn:${Partition}:states:::lambda:invoke" {
            let transient = serde_json::json!(FaultKind::Transient.error_type());
            let retried = state["Retry"]
                .as_array()
                .into_iter()
                .flatten()
                .any(|r| r["ErrorEquals"].as_array().is_some_and(|names| names.contains(&transient)));
            assert!(retried, "{path}/{name} gives up at the first throttle");
        }
    }
}

#[test]
fn each_containment_has_its_state_its_choice_and_its_function() {
    let found = all_states();
    let inner = |wanted: &str| found.iter().find(|(path, name, _)| name == wanted && path.contains("ContainEach"));
    let (_, _, choice) = inner("WhichContainment").expect("the choice");
    let chosen = choice.to_string();
    let (automatic, never): (Vec<Containment>, Vec<Containment>) =
        Containment::ALL.iter().partition(|containment| containment.declaration().is_ever_automatic());
    for containment in never {
        assert!(!chosen.contains(containment.name()), "{containment} is never automatic");
    }
    for containment in automatic {
        let state = containment.state();
        let (_, _, task) = inner(&state).unwrap_or_else(|| panic!("no state {state} for {containment}"));
        let function = task["Parameters"]["FunctionName"].as_str().expect("a function");
        assert_eq!(function, format!("${{FunctionArnPrefix}}{containment}"));
        let chosen = choice["Choices"].as_array().expect("rules").iter().any(|rule| {
            rule["Next"] == state.as_str()
                && rule["And"].as_array().is_some_and(|and| and.iter().any(|c| c["StringEquals"] == containment.name()))
        });
        assert!(chosen, "no rule leads to {state}");
    }
}

#[test]
fn each_function_that_is_invoked_has_a_folder() {
    let folders = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../functions");
    for (path, name, state) in of_every_machine() {
        let Some(function) = state["Parameters"]["FunctionName"].as_str() else { continue };
        let folder = function.strip_prefix("${FunctionArnPrefix}").unwrap_or_else(|| panic!("{path}/{name}: {function}"));
        assert!(folders.join(folder).join("Cargo.toml").exists(), "{path}/{name} invokes {folder}, which has no folder");
    }
}

#[test]
fn every_substitution_is_made_and_every_one_is_used() {
    let mut used = BTreeSet::new();
    for (_, mut rest) in DEFINITIONS {
        while let Some((_, after)) = rest.split_once("${") {
            let (name, after) = after.split_once('}').expect("a closing brace");
            assert!(SUBSTITUTIONS.contains(&name), "${{{name}}} is substituted by nobody");
            used.insert(name);
            rest = after;
        }
    }
    let unused: Vec<&&str> = SUBSTITUTIONS.iter().filter(|name| !used.contains(**name)).collect();
    assert!(unused.is_empty(), "never used: {unused:?}");
}

#[test]
fn the_task_token_goes_to_the_review_queue_and_nowhere_else() {
    for (path, name, state) in of_every_machine() {
        let mentions = state.to_string().contains("$$.Task.Token");
        let is_parent = !state["Branches"].is_null() || !state["ItemProcessor"].is_null();
        if mentions && !is_parent {
            assert_eq!(
                state["Resource"], "arn:${Partition}:states:::sqs:sendMessage.waitForTaskToken",
                "{path}/{name} holds the token"
            );
            assert_eq!(state["Parameters"]["QueueUrl"], "${ReviewQueueUrl}");
        }
    }
}

#[test]
fn the_gate_times_out_into_an_escalation_that_asks_again() {
    let gate = &definition()["States"]["ReviewGate"];
    assert!(gate["TimeoutSecondsPath"].is_string(), "a gate without a time limit waits for a year");
    let timeout = &gate["Catch"][0];
    assert_eq!(timeout["ErrorEquals"], serde_json::json!(["States.Timeout"]));
    let states = &definition()["States"];
    let escalation = timeout["Next"].as_str().expect("a state");
    assert_eq!(states[escalation]["Next"], "RoundsLeft");
    assert_eq!(states["RoundsLeft"]["Choices"][0]["Next"], "NextRound");
    assert_eq!(states["NextRound"]["Next"], "ReviewGate");
}

#[test]
fn an_answer_that_is_not_carried_out_is_asked_about_again_and_never_called_done() {
    let states = &definition()["States"];
    assert_eq!(states["HowItEnded"]["Default"], "ApprovalIncomplete", "an approval nobody could count as complete");
    assert_eq!(states["ApprovalIncomplete"]["Next"], "ReviewGate");
    assert_eq!(states["ApprovalIncomplete"]["Result"]["after_answer"], true);
    assert_eq!(
        states["BeginApproval"]["ResultPath"], "$.report.approval",
        "a failure of long ago would keep the gate open for ever"
    );
    assert_eq!(states["Release"]["Catch"][0]["Next"], "ReleaseFailed");
    assert_eq!(states["ReleaseFailed"]["Next"], "ReleaseIncomplete");
    assert_eq!(states["Release"]["Next"], "IsReleased");
    assert_eq!(states["IsReleased"]["Choices"][0]["StringEquals"], "ok");
    assert_eq!(states["IsReleased"]["Default"], "ReleaseIncomplete");
    assert_eq!(states["ReleaseIncomplete"]["Next"], "ReviewGate");
    assert_eq!(states["ReleaseIncomplete"]["Result"]["after_answer"], true, "the spent answer would be given again for ever");
}

/// `decide-review` hands over what the gate's message says that this definition knows.
#[test]
fn the_gate_says_which_answers_its_verdict_knows() {
    let states = &definition()["States"];
    let known = states["Verdict"]["Choices"].as_array().expect("choices").iter();
    let known: Vec<&Value> = known.map(|choice| &choice["StringEquals"]).collect();
    let words = [Answer::Keep, Answer::Approve, Answer::Release].map(Answer::word);
    assert_eq!(known, words);
    for asked in [&states["ReviewGate"]["Parameters"]["MessageBody"], &states["ReviewOverdue"]["Parameters"]["Payload"]] {
        assert_eq!((&asked["answers"], &asked["parts"]), (&serde_json::json!(words), &Value::Bool(true)));
    }
    assert_eq!(states["Verdict"]["Choices"][0]["Next"], "NotifyClosed", "to keep is to do nothing more");
    assert_eq!(states["Verdict"]["Default"], "UnknownAnswer");
}

#[test]
fn an_incident_is_closed_only_when_the_ledger_says_so() {
    let states = &definition()["States"];
    let (close, choice) = (&states["RecordClosed"], &states["IsClosed"]);
    assert_eq!(close["Parameters"]["Payload"]["report.$"], "$.report", "without it nobody checks what was carried out");
    assert_eq!(close["Parameters"]["Payload"]["answer.$"], "$.answer", "without it the end is unconditional");
    assert_eq!(close["ResultSelector"]["status.$"], "$.Payload.status");
    assert_eq!(close["ResultPath"], "$.ending");
    assert_eq!(close["Next"], "IsClosed");
    let closed =
        serde_json::json!({ "Variable": "$.ending.status", "StringEquals": IncidentStatus::Closed.word(), "Next": "Closed" });
    assert_eq!(choice["Choices"], serde_json::json!([closed]));
    assert_eq!(choice["Default"], "ApprovalIncomplete", "what was decided since is asked");
    let ends: Vec<String> = all_states().into_iter().filter(|(.., s)| s["Next"] == "Closed").map(|(_, name, _)| name).collect();
    assert_eq!(ends, [""; 0], "nothing leads there without a choice");
}

#[test]
fn an_answer_goes_whole_to_whoever_carries_it_out() {
    let states = &definition()["States"];
    for name in ["GatherAnswer", "Release", "NotifyClosed", "RecordClosed"] {
        assert_eq!(states[name]["Parameters"]["Payload"]["answer.$"], "$.answer", "{name} does not know what it covers");
    }
    assert_eq!(states["ReviewGate"]["ResultPath"], "$.answer");
    assert_eq!(states["GatherAnswer"]["ResultSelector"]["answer.$"], "$.Payload.answer");
}

#[test]
fn the_last_resort_needs_no_function() {
    let states = &definition()["States"];
    assert_eq!(states["FailureNotice"]["Resource"], "arn:${Partition}:states:::sns:publish");
    assert_eq!(states["FailureNotice"]["Parameters"]["TopicArn"], "${FailuresTopicArn}");
    assert_eq!(states["FailureNotice"]["Next"], "WhoFailed");
    for way in states["FailureNotice"]["Catch"].as_array().expect("catchers") {
        assert_eq!(way["Next"], "Unheard", "recorded and heard by nobody, it would stay so");
    }
    let after = states["WhoFailed"]["Default"].as_str().expect("a state");
    assert_eq!(states[after]["Resource"], "arn:${Partition}:states:::dynamodb:updateItem");
    assert_eq!((&states[after]["Next"], &states["IsWatched"]["Default"]), (&Value::from("IsWatched"), &Value::from("Failed")));
    assert_eq!(states["Failed"]["Type"], "Fail");
    assert_eq!((&states["Unheard"]["Type"], &states["Unheard"]["Error"]), (&Value::from("Fail"), &Value::from(UNHEARD)));
    assert!(states["Unheard"]["Cause"].as_str().is_some_and(|cause| cause.ends_with('.')), "a sentence");
}

/// The function `execution-ended` goes by it: who ends in `Failed` was heard.
#[test]
fn only_an_execution_whose_notice_was_heard_ends_in_failed() {
    assert_eq!(into("Failed"), BTreeSet::from(["IsWatched", "StartWatchOfFailed", "WhoFailed"].map(str::to_owned)));
    assert_eq!(into("IsWatched"), BTreeSet::from(["RecordFailed".to_owned()]));
    assert_eq!(into("RecordFailed"), BTreeSet::from(["WhoFailed".to_owned()]));
    assert_eq!(into("WhoFailed"), BTreeSet::from(["FailureNotice".to_owned()]));
    assert_eq!(into("Unheard"), BTreeSet::from(["FailureNotice".to_owned()]));
    let states = all_states().into_iter();
    let ends: BTreeSet<String> = states.filter(|(.., state)| state["Type"] == "Fail").map(|(_, name, _)| name).collect();
    assert_eq!(ends, BTreeSet::from(["Failed".to_owned(), "Unheard".to_owned()]));
    assert!(FaultKind::ALL.iter().all(|kind| kind.error_type() != UNHEARD), "a function raises it, too");
}

/// The incident has an execution of its own, which waits for the answer or carries it out.
#[test]
fn an_execution_whose_finding_joined_an_incident_opens_no_gate_and_never_ends_the_incident() {
    let states = &definition()["States"];
    let joined = |next: &str| serde_json::json!([{ "Variable": "$.incident.joining", "IsPresent": true, "Next": next }]);
    for (choice, if_joined, default) in [("WhoseGate", "AskAgain", "FirstRound"), ("WhoFailed", "Failed", "RecordFailed")] {
        assert_eq!(states[choice]["Choices"], joined(if_joined));
        assert_eq!(states[choice]["Default"], default);
    }
    assert_eq!(into("FirstRound"), BTreeSet::from(["WhoseGate".to_owned()]), "the way to the first gate");
    assert_eq!(into("RecordFailed"), BTreeSet::from(["WhoFailed".to_owned()]), "the way to `failed`");
    assert_eq!(into("WhoseGate"), BTreeSet::from(["SealEvidence".to_owned(), "SealEvidenceFailed".to_owned()]));
}

#[test]
fn who_joined_asks_again_without_a_token_and_says_when() {
    let states = &definition()["States"];
    let (ask, gate) = (&states["AskAgain"], &states["ReviewGate"]);
    assert_eq!(ask["Resource"], "arn:${Partition}:states:::sqs:sendMessage");
    assert_eq!(ask["Parameters"]["QueueUrl"], gate["Parameters"]["QueueUrl"]);
    let body = ask["Parameters"]["MessageBody"].as_object().expect("a body");
    let fields: Vec<&str> = body.keys().map(String::as_str).collect();
    assert_eq!(fields.len(), 5, "{fields:?}");
    assert_eq!(body["asks_again"], true);
    for (field, path) in [
        ("execution_arn.$", "$$.Execution.Id"),
        ("entered_at.$", "$$.State.EnteredTime"),
        ("incident.$", "$.incident"),
        ("report.$", "$.report"),
    ] {
        assert_eq!(body[field], path);
    }
    assert_eq!(ask["Retry"], gate["Retry"]);
    assert_eq!(ask["Catch"][0]["Next"], "FailureNotice", "people must hear of it all the same");
    assert_eq!(ask["Next"], "Joined");
    assert_eq!(states["Joined"]["Type"], "Succeed");
}

#[test]
fn states_carry_small_facts_of_what_was_done_and_the_ledger_has_the_rest() {
    let facts: BTreeSet<String> = ["target.$", "containment.$", "status.$", "finished_at.$"].map(str::to_owned).into();
    let mut seen = BTreeSet::new();
    for (path, name, state) in all_states() {
        let phase = state["Parameters"]["Payload"]["phase"].as_str().unwrap_or_default();
        if phase == "contain" {
            let kept = state["ResultSelector"].as_object().expect("a selector").keys().cloned().collect();
            assert_eq!(
                (&facts, &state["OutputPath"]),
                (&kept, &Value::from("$.result")),
                "{path}/{name} carries a whole receipt"
            );
        }
        // These answer with the incident and the report, or with receipts.
        if matches!(phase, "look" | "gather") || name == "Release" {
            assert_eq!(state["Parameters"]["Payload"]["carry"], "facts", "{path}/{name} gets every decision and every step");
        }
        seen.insert(phase.to_owned());
    }
    assert!(["contain", "look", "gather"].iter().all(|phase| seen.contains(*phase)), "{seen:?}");
}

#[test]
fn one_write_about_an_incident_passes_by_the_ledgers_code() {
    let direct = |state: &Value| state["Resource"].as_str().is_some_and(|resource| resource.contains(":dynamodb:"));
    let found: Vec<String> =
        of_every_machine().into_iter().filter(|(.., state)| direct(state)).map(|(_, name, _)| name).collect();
    assert_eq!(found, ["RecordFailed"], "crates/firebreak-ledger/src/about.rs has the reason");
}
