//! The state machines beside the main one: what they say when they fail, and what the one that puts an incident back hands on.

use firebreak::fault::UNHEARD;
use firebreak_state_machine::DEFINITIONS;
use serde_json::{Value, json};

fn states(machine: &str) -> Value {
    let (_, text) = DEFINITIONS.into_iter().find(|(name, _)| *name == machine).expect("a state machine");
    let definition: Value = serde_json::from_str(text).expect("JSON");
    definition["States"].clone()
}

/// The states with a way to `to`.
fn into(states: &Value, to: &str) -> Vec<String> {
    let leads = |state: &Value| {
        let mut listed = ["Catch", "Choices"].into_iter().filter_map(|list| state[list].as_array()).flatten();
        state["Next"] == to || state["Default"] == to || listed.any(|way| way["Next"] == to)
    };
    states.as_object().expect("states").iter().filter(|(_, state)| leads(state)).map(|(name, _)| name.clone()).collect()
}

/// The function `execution-ended` goes by it: who ends in `Failed` was heard.
#[test]
fn beside_the_main_one_too_only_an_execution_whose_notice_was_heard_ends_in_failed() {
    for (machine, _) in DEFINITIONS.iter().filter(|(name, _)| *name != "incident-response") {
        let states = states(machine);
        assert_eq!(states["FailureNotice"]["Resource"], "arn:${Partition}:states:::sns:publish", "{machine}");
        for end in ["Failed", "Unheard"] {
            assert_eq!(states[end]["Type"], "Fail", "{machine}, {end}");
            assert_eq!(into(&states, end), ["FailureNotice"], "{machine}, {end}");
        }
        assert_eq!(states["FailureNotice"]["Next"], "Failed", "{machine}");
        assert_eq!(states["Unheard"]["Error"], UNHEARD, "{machine}");
    }
}

#[test]
fn a_restore_says_who_asked_and_which_one_it_is() {
    let states = states("restore");
    let release = &states["Release"]["Parameters"];
    assert_eq!(release["FunctionName"], "${FunctionArnPrefix}release");
    assert_eq!(
        release["Payload"],
        json!({ "incident.$": "$.incident", "answer.$": "$.answer", "restore.$": "$.restore", "carry": "facts" }),
        "without the number nobody learns how the restore ended"
    );
    assert_eq!(states["Release"]["Catch"][0]["Next"], "FailureNotice");
    let told = &states["NotifyRestored"]["Parameters"]["Payload"];
    assert_eq!((&told["kind"], &told["answer.$"]), (&json!("restored"), &json!("$.answer")), "people are told who asked");
}
