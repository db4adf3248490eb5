//! The looks: one before the gate opens, and the watch, whose history stays short however long the gate waits.

use firebreak::policy::Policy;
use firebreak::watch::{A_DAY, Schedule, is_long};
use firebreak_state_machine::DEFINITIONS;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// An execution's history takes 25,000 events (Step Functions quotas); who reads one reads no more than this.
const MOST_EVENTS: u64 = 5_000;
/// What AWS asks for a million state transitions, in US dollars (Step Functions pricing, 2026).
const DOLLARS_A_MILLION: u64 = 25;

fn states(machine: &str) -> Value {
    let (_, text) = DEFINITIONS.into_iter().find(|(name, _)| *name == machine).expect("a state machine");
    let definition: Value = serde_json::from_str(text).expect("JSON");
    definition["States"].clone()
}

/// The most events that passing through a state can leave: it is entered and left, and each try of a task is scheduled, started and
/// ended (Step Functions developer guide, "`GetExecutionHistory`").
fn most_events(state: &Value) -> u64 {
    let retries: u64 = state["Retry"].as_array().into_iter().flatten().filter_map(|retry| retry["MaxAttempts"].as_u64()).sum();
    if state["Type"] == "Task" { 2 + 3 * (1 + retries) } else { 2 }
}

/// Where a state leads to, errors included.
fn ways(state: &Value) -> BTreeSet<String> {
    let listed = ["Choices", "Catch"].into_iter().filter_map(|list| state[list].as_array()).flatten().map(|way| &way["Next"]);
    let ways = listed.chain([&state["Next"], &state["Default"]]);
    ways.filter_map(Value::as_str).map(str::to_owned).collect()
}

/// The states of a round: those that lead from `Look` to `Look` again.
fn round(states: &Value) -> BTreeSet<String> {
    let reaches_look = |from: &str| {
        let (mut seen, mut waiting) = (BTreeSet::new(), vec![from.to_owned()]);
        while let Some(name) = waiting.pop() {
            if seen.insert(name.clone()) {
                waiting.extend(ways(&states[&name]));
            }
        }
        seen.contains("Look")
    };
    let all = states.as_object().expect("states").keys();
    let once = ["IsNamed", "Name", "Begin"];
    all.filter(|name| !once.contains(&name.as_str()) && reaches_look(name.as_str())).cloned().collect()
}

/// How many rounds an execution makes at most.
fn most_rounds(states: &Value) -> u64 {
    for (choice, default) in [("IsLong", "UntilNextLook"), ("IsLongAfterFailure", "IsLasting")] {
        assert_eq!(states[choice]["Default"], default);
        let rules = states[choice]["Choices"].as_array().expect("rules");
        let by_rounds = rules.iter().find(|rule| rule["Variable"] == "$.count.rounds").expect("a rule about rounds");
        assert_eq!((&by_rounds["NumericGreaterThanEquals"], &by_rounds["Next"]), (&json!(30), &json!("StartSuccessor")));
    }
    30
}

#[test]
fn a_history_stays_short_whatever_fails_and_whatever_the_policy_says() {
    let states = states("watch");
    let round = round(&states);
    for name in ["Look", "NotifyAlarm", "AskAgain", "LookFailed", "TellFailure", "UntilNextLook"] {
        assert!(round.contains(name), "{name} is no part of a round: {round:?}");
    }
    // No round passes through all of them.
    let of_a_round: u64 = round.iter().map(|name| most_events(&states[name])).sum();
    let others = states.as_object().expect("states").iter().filter(|(name, _)| !round.contains(*name));
    let once: u64 = others.map(|(_, state)| most_events(state)).sum();
    let most = of_a_round * most_rounds(&states) + once;
    println!("watch: at most {of_a_round} events for a round, {most} for an execution");
    assert!(most <= MOST_EVENTS, "{most} events");
}

/// Twenty targets are one invocation, like one: what grows with them is inside the function.
#[test]
fn a_week_of_a_gate_with_twenty_targets_costs_cents() {
    let states = states("watch");
    let quiet = ["Look", "Looked", "WhatCameOut", "IsAsked", "IsLong", "UntilNextLook"];
    assert!(quiet.iter().all(|name| states[*name]["Type"] != "Map"), "a state for each target");
    let events: u64 = quiet.iter().map(|name| if states[*name]["Type"] == "Task" { 5 } else { 2 }).sum();
    let schedule = Schedule::of(&Policy::default());
    let (mut look, mut generation, mut rounds) = (1, 1_u32, vec![0_u64]);
    let mut looks = 0;
    while schedule.due(look) <= 7 * A_DAY {
        let elapsed = schedule.due(look);
        // The first round of an execution finds that its look is not due yet.
        let made = if rounds.last() == Some(&0) { 2 } else { 1 };
        *rounds.last_mut().expect("an execution") += made;
        looks += 1;
        look = schedule.after(look, elapsed).0;
        if is_long(generation, elapsed) || rounds.last().is_some_and(|rounds| *rounds >= most_rounds(&states)) {
            generation += 1;
            rounds.push(0);
        }
    }
    let longest = rounds.iter().max().expect("an execution") * events + 10;
    let transitions = rounds.iter().sum::<u64>() * quiet.len() as u64 + 4 * rounds.len() as u64;
    println!(
        "watch, a week, 20 targets: {looks} looks, {} successors, at most {longest} events for an execution, {transitions} state \
         transitions, {} millionths of a US dollar",
        rounds.len() - 1,
        transitions * DOLLARS_A_MILLION
    );
    assert!(looks > 45 && longest <= MOST_EVENTS && transitions < 1_000, "{looks} {longest} {transitions}");
}

/// Whoever mends the watch hears of it again, and nobody is rung all the time.
#[test]
fn a_look_that_goes_on_failing_rings_in_each_execution_and_is_tried_each_hour_at_last() {
    let states = states("watch");
    assert_eq!(states["Begin"]["Parameters"]["count"], json!({ "rounds": 0, "failures": 0 }));
    assert_eq!(
        states["IsFirstFailure"]["Choices"],
        json!([{ "Variable": "$.count.failures", "NumericEquals": 1, "Next": "TellFailure" }])
    );
    let lasting = json!([{ "Variable": "$.count.failures", "NumericGreaterThanEquals": 12, "Next": "WaitAnHour" }]);
    assert_eq!(states["IsLasting"]["Choices"], lasting);
    assert_eq!([&states["WaitAfterFailure"]["Seconds"], &states["WaitAnHour"]["Seconds"]], [&json!(300), &json!(3600)]);
}

#[test]
fn nothing_stands_between_the_first_look_and_the_gate_but_what_people_need() {
    let states = states("incident-response");
    let mut path = vec!["Respond".to_owned()];
    while path.last().is_some_and(|name| name != "ReviewGate") {
        let state = &states[path.last().expect("a state")];
        let next = state["Next"].as_str().or_else(|| state["Default"].as_str()).expect("a way on").to_owned();
        assert!(!path.contains(&next), "{next} comes again: {path:?}");
        path.push(next);
    }
    let expected = [
        "Respond",
        "FirstLook",
        "WaitForPropagation",
        "Verify",
        "Sweep",
        "FoundMore",
        "NotifyOutcome",
        "WhoseWatch",
        "StartWatch",
        "SealEvidence",
        "WhoseGate",
        "FirstRound",
        "ReviewGate",
    ];
    assert_eq!(path, expected);
    let starts = states["Respond"]["Branches"].as_array().expect("branches").iter().map(|branch| branch["StartAt"].clone());
    assert_eq!(starts.collect::<Vec<_>>(), ["NotifyOpened", "StartEvidence", "ContainEach"], "evidence is only started");
    assert_eq!(states["Sweep"]["Parameters"]["Payload"]["stage"], "first");
}

#[test]
fn the_watch_opens_no_gate_and_ends_no_incident() {
    let text = states("watch").to_string();
    for word in ["waitForTaskToken", "Task.Token", "dynamodb", "firebreak-release", "decide-review"] {
        assert!(!text.contains(word), "{word}");
    }
    let states = states("watch");
    let mut body = states["AskAgain"]["Parameters"]["MessageBody"].clone();
    let carried = ["incident.$", "report.$"].map(|field| body.as_object_mut().and_then(|body| body.remove(field)));
    assert_eq!(carried, [Some(json!("$.looked.incident")), Some(json!("$.looked.report"))]);
    let rest = json!({ "asks_again": true, "execution_arn.$": "$$.Execution.Id", "entered_at.$": "$$.State.EnteredTime" });
    assert_eq!(body, rest, "a message without a token");
}

/// Whoever starts a watch or a collection again starts none.
#[test]
fn an_execution_beside_is_started_once() {
    let main = states("incident-response");
    let evidence = &main["Respond"]["Branches"][1]["States"]["StartEvidence"];
    let watch = states("watch");
    let anew = &main["StartWatchAnew"];
    for start in [evidence, &main["StartEvidenceNoticed"], &main["StartWatch"], anew, &watch["StartSuccessor"]] {
        assert_eq!(start["Resource"], "arn:${Partition}:states:::states:startExecution", "nobody waits for it");
        assert!(start["Parameters"]["Name.$"].is_string(), "a start without a name starts another one each time");
        let there = json!(["StepFunctions.ExecutionAlreadyExistsException"]);
        assert_eq!((&start["Retry"][0]["ErrorEquals"], &start["Retry"][0]["MaxAttempts"]), (&there, &json!(0)));
        assert_eq!(start["Catch"][0]["ErrorEquals"], there, "that it is there is no failure");
    }
    assert_eq!(
        (&main["StartWatch"]["Catch"][0]["Next"], &anew["Catch"][0]["Next"]),
        (&json!("StartWatchAnew"), &json!("SealEvidence"))
    );
    let joins = json!([{ "Variable": "$.incident.joining", "IsPresent": true, "Next": "SealEvidence" }]);
    assert_eq!((&main["WhoseWatch"]["Choices"], &main["WhoseWatch"]["Default"]), (&joins, &json!("StartWatch")));
    assert_eq!(main["WatchNotStarted"]["Next"], "SealEvidence", "the gate opens all the same");
    // `fb-` and 16 digits, a hyphen, and a digest of 40 digits: a name has at most 80 characters.
    let digest = "States.Format('{}-{}', $.incident.id, States.Hash($$.Execution.Id, 'SHA-1'))";
    for name in [&evidence["Parameters"]["Name.$"], &anew["Parameters"]["Name.$"], &anew["Parameters"]["Input"]["name.$"]] {
        assert_eq!(name, digest);
    }
    assert_eq!(
        watch["StartSuccessor"]["Parameters"]["Name.$"],
        "States.Format('{}-{}', $.name, States.MathAdd($.generation, 1))"
    );
    let input = watch["StartSuccessor"]["Parameters"]["Input"].as_object().expect("an input");
    let fields: BTreeSet<&str> = input.keys().map(|key| key.trim_end_matches(".$")).collect();
    let first = main["StartWatch"]["Parameters"]["Input"].as_object().expect("an input");
    assert_eq!(
        fields,
        first.keys().map(|key| key.trim_end_matches(".$")).collect::<BTreeSet<&str>>(),
        "a successor begins as the first one"
    );
}

/// What joined an incident has no watch of its own. The one that opened the incident can fail before it comes to the start of the watch.
#[test]
fn an_incident_that_fails_before_its_gate_is_looked_after_once() {
    let main = states("incident-response");
    let (choice, start) = (&main["IsWatched"], &main["StartWatchOfFailed"]);
    let verdict = "$.incident.verdict";
    let responds = json!([{ "Variable": verdict, "IsPresent": true }, { "Variable": verdict, "StringEquals": "respond" }]);
    let at_the_gate = json!({ "Variable": "$.gate", "IsPresent": true, "Next": "Failed" });
    assert_eq!(choice["Choices"], json!([at_the_gate, { "And": responds, "Next": "StartWatchOfFailed" }]));
    assert_eq!(main["RecordFailed"]["Next"], "IsWatched");
    assert!(main["RecordFailed"]["Catch"].as_array().expect("catchers").iter().all(|way| way["Next"] == "IsWatched"));
    // Before the gate nothing else has started a watch for this execution. One that an earlier execution has started looks for that one.
    let anew = &main["StartWatchAnew"]["Parameters"];
    assert_eq!(start["Parameters"]["Name.$"], anew["Name.$"]);
    let mut input = start["Parameters"]["Input"].clone();
    assert_eq!(input["execution_arn.$"].take(), "$$.Execution.Id");
    let mut same = anew["Input"].clone();
    assert_eq!(same["execution_arn.$"].take(), "$.incident.execution_arn");
    assert_eq!(input, same);
    assert_eq!((&start["Next"], &main["FirstRound"]["ResultPath"]), (&json!("Failed"), &json!("$.gate")));
}

/// A guard of a look that died ends by itself, after 90 seconds.
#[test]
fn a_release_waits_longer_than_the_guard_of_a_look_that_died() {
    for machine in ["incident-response", "restore"] {
        let retry = &states(machine)["Release"]["Retry"][0];
        assert_eq!(retry["ErrorEquals"][0], "Firebreak.Transient", "{machine}");
        let [first, rate, most, attempts] = ["IntervalSeconds", "BackoffRate", "MaxDelaySeconds", "MaxAttempts"]
            .map(|field| retry[field].as_u64().expect("a number"));
        let waits = std::iter::successors(Some(first), |wait| Some((wait * rate).min(most)));
        // With full jitter each wait is half as long on average.
        let average = waits.zip(0..attempts).map(|(wait, _)| wait).sum::<u64>() / 2;
        assert!(average > 90, "{machine}: {average} seconds");
    }
}

#[test]
fn what_follows_from_an_approved_suspect_is_looked_for_and_contained() {
    let states = states("incident-response");
    for (name, next) in [
        ("VerifyApproved", "SweepApproved"),
        ("VerifyApprovedFailed", "SweepApproved"),
        ("SweepApproved", "FollowsMore"),
        ("ContainFollowing", "GatherFollowing"),
        ("GatherFollowing", "NotifyClosed"),
        ("SweepApprovedFailed", "NotifyClosed"),
    ] {
        assert_eq!(states[name]["Next"], next, "{name}");
    }
    assert_eq!(states["SweepApproved"]["Parameters"]["Payload"]["stage"], "approved");
    assert_eq!(states["FollowsMore"]["Choices"][0]["Next"], "ContainFollowing");
    for name in ["SweepApproved", "GatherFollowing"] {
        for field in ["answer.$", "gate.$"] {
            assert_eq!(
                states[name]["ResultSelector"][field],
                format!("$.Payload.{}", &field[..field.len() - 2]),
                "{name} loses it"
            );
            assert!(states[name]["Parameters"]["Payload"][field].is_string(), "{name} does not pass it through");
        }
    }
}
