//! Looks before the gate, beside it and after an approval: whom they search for, and how long they take.

use crate::{AUTO, SUSPECT, Stage, modes, names, receipt};
use firebreak::coverage::decision_key;
use firebreak::decision::{Mode, ReasonCode};
use firebreak::fault::Fault;
use firebreak::ids::AccountId;
use firebreak::incident::IncidentStatus;
use firebreak::receipt::Status;
use firebreak::trail::{EVENT_NAMES, LATER};
use firebreak_testkit::room;
use firebreak_testkit::scripted::error;
use serde_json::json;
use std::collections::BTreeSet;
use std::time::Duration;
use sweep::Stage as Look;
use sweep::{Passing, Phase, SweepInput, SweptState};

/// The suspect waits for an approval.
pub(crate) async fn gated() -> Stage {
    let mut stage = Stage::start().await;
    let amended = stage.ledger().amend(&stage.incident.id, |known| known.decisions[0].mode = Mode::Gate).await;
    stage.incident = amended.expect("the ledger takes it").expect("an incident");
    stage.report.containment.receipts.clear();
    stage
}

pub(crate) async fn look(stage: &Stage, which: Look) -> Result<SweptState, Fault> {
    stage.ask(SweepInput { stage: Some(which), ..stage.request(Phase::Look) }, AUTO).await
}

/// The calls that CloudTrail was asked for by their names.
fn asked_names(stage: &Stage) -> BTreeSet<String> {
    let calls = stage.aws.calls_of("cloudtrail:LookupEvents");
    let attributes = calls.iter().map(|call| &call.params["LookupAttributes"][0]);
    let named = attributes.filter(|attribute| attribute["AttributeKey"] == "EventName");
    named.map(|attribute| attribute["AttributeValue"].as_str().expect("a name").to_owned()).collect()
}

#[tokio::test]
async fn what_a_gated_suspect_made_is_in_the_ticket_and_waits_with_it() {
    for which in [Look::First, Look::Watch] {
        let stage = gated().await;
        stage.trail.created_user("mallory");
        let answer = look(&stage, which).await.expect("an answer");
        assert!(answer.watch.contain.is_empty() && answer.watch.alarm && !answer.watch.idle, "{which:?}: {:?}", answer.watch);
        assert_eq!(modes(&answer.incident.decisions), [(SUSPECT, Mode::Gate), ("mallory", Mode::Gate)], "{which:?}");
        assert!(answer.incident.decisions[1].reason.contains("is not contained: waits with it"), "{which:?}");
        let sweep = stage.view().await.sweep.expect("a look");
        assert_eq!((sweep.suspects, sweep.found.len()), (Some(1), 1), "{which:?}: {sweep:?}");
        assert!(EVENT_NAMES.iter().all(|event| asked_names(&stage).contains(event.name)), "{which:?}");
        let roles = stage.aws.calls_of("sts:AssumeRole");
        assert!(!roles.is_empty() && roles.iter().all(|call| call.param("RoleArn").contains(room::ACCOUNT)), "{roles:?}");
        assert_eq!(stage.aws.changes(), [""; 0]);
    }
}

#[tokio::test]
async fn what_a_bystander_made_waits_although_an_answer_named_the_bystander() {
    for (only_by_name, mode) in [(true, Mode::Gate), (false, Mode::Auto)] {
        let mut stage = Stage::start().await;
        let change = |known: &mut firebreak::incident::Incident| {
            let suspect = &mut known.decisions[0];
            (suspect.code, suspect.only_by_name, suspect.mode) = (ReasonCode::Traced, only_by_name, Mode::Gate);
        };
        let amended = stage.ledger().amend(&stage.incident.id, change).await;
        stage.incident = amended.expect("the ledger takes it").expect("an incident");
        stage.trail.created_user("mallory");
        let answer = look(&stage, Look::Approved).await.expect("an answer");
        assert_eq!(modes(&answer.incident.decisions)[1], ("mallory", mode), "{:?}", answer.incident.decisions);
    }
}

#[tokio::test]
async fn a_suspect_whose_containment_failed_is_looked_at() {
    let mut stage = Stage::start().await;
    stage.report.containment.receipts = vec![receipt(&stage.incident.decisions[0].target, Status::Failed)];
    stage.trail.created_user("mallory");
    let answer = look(&stage, Look::First).await.expect("an answer");
    assert_eq!(modes(&answer.incident.decisions), [(SUSPECT, Mode::Auto), ("mallory", Mode::Gate)]);
}

#[tokio::test]
async fn whoever_is_only_told_about_or_was_let_go_is_not_looked_at() {
    let mut stage = gated().await;
    let target = stage.incident.decisions[0].target.clone();
    stage.report.release.receipts = vec![receipt(&target, Status::Skipped)];
    let answer = look(&stage, Look::First).await.expect("an answer");
    assert!(answer.watch.idle, "there is nobody to wait for");

    let told = Stage::start().await;
    let amended = told.ledger().amend(&told.incident.id, |known| known.decisions[0].mode = Mode::Notify).await;
    let told = Stage { incident: amended.expect("the ledger takes it").expect("an incident"), ..told };
    let told = Stage { report: firebreak::report::Report::default(), ..told };
    assert!(look(&told, Look::First).await.expect("an answer").watch.idle);
    for stage in [stage, told] {
        assert!(stage.aws.calls_of("cloudtrail:LookupEvents").is_empty());
    }
}

#[tokio::test]
async fn no_role_is_assumed_for_a_gated_suspect_of_an_account_that_no_finding_came_from() {
    let stage = gated().await;
    let elsewhere = AccountId::parse("444455556666").expect("an account");
    let moved = |known: &mut firebreak::incident::Incident| known.decisions[0].target.account = elsewhere.clone();
    let amended = stage.ledger().amend(&stage.incident.id, moved).await;
    let stage = Stage { incident: amended.expect("the ledger takes it").expect("an incident"), ..stage };
    let answer = look(&stage, Look::Watch).await.expect("an answer");
    assert!(stage.aws.calls_of("sts:AssumeRole").is_empty());
    let missing = answer.report.sweep.missing.join("\n");
    assert!(missing.contains("policy does not name account 444455556666"), "{missing}");
}

#[tokio::test]
async fn what_the_first_look_has_no_time_for_and_what_others_ask_is_left_to_the_next() {
    let stage = Stage { pace: Duration::from_secs(60), ..gated().await };
    let first = look(&stage, Look::First).await.expect("an answer");
    let asked = stage.aws.calls_of("cloudtrail:LookupEvents");
    assert_eq!(asked.len(), 2, "one turn in each place");
    assert_eq!(first.report.sweep.status, "ok");
    assert!(first.report.sweep.missing.iter().all(|line| line.ends_with(LATER)), "{:?}", first.report.sweep.missing);
    assert!(first.report.sweep.missing.iter().any(|line| line.contains("everybody's CreateUser")));
    assert_eq!(first.report.sweep.later as usize, first.report.sweep.missing.len(), "{:?}", first.report.sweep.missing);
    assert!(first.report.sweep.says().ends_with("; the next look goes on"), "{}", first.report.sweep.says());
    let second = look(&stage, Look::First).await.expect("an answer");
    assert_eq!(stage.aws.calls_of("cloudtrail:LookupEvents").len(), 2, "the trails are taken, whoever took them");
    assert!(second.report.sweep.missing.len() >= 4 && second.report.sweep.asked.is_some_and(|asked| asked.places == 0));
    assert!(second.watch.alarm, "it read nothing");
    let again = SweepInput { incident: second.incident, report: second.report, ..stage.request(Phase::Look) };
    let third = stage.ask(SweepInput { stage: Some(Look::First), ..again }, AUTO).await.expect("an answer");
    assert!(!third.watch.alarm, "people know");
}

#[tokio::test]
async fn a_throttled_trail_rests_and_is_asked_again() {
    for which in [Look::First, Look::Watch] {
        let stage = Stage::start().await;
        stage.trail.created_user("mallory");
        stage.aws.next("cloudtrail:LookupEvents", error(400, "ThrottlingException"));
        let answer = look(&stage, which).await.expect("an answer");
        assert_eq!((names(&answer.watch.contain), answer.report.sweep.missing.len()), (vec!["mallory"], 0), "{which:?}");
    }
}

#[tokio::test]
async fn a_look_beside_the_gate_ends_with_the_incident() {
    for over in [IncidentStatus::Closed, IncidentStatus::Released] {
        let stage = Stage::start().await;
        stage.ledger().set_status(&stage.incident.id, over, &[]).await.expect("the ledger takes it");
        stage.trail.created_user("mallory");
        let answer = look(&stage, Look::Watch).await.expect("an answer");
        assert!(answer.watch.contain.is_empty() && answer.watch.idle, "{over:?}: {:?}", answer.watch);
        assert!(stage.aws.calls_of("cloudtrail:LookupEvents").is_empty(), "{over:?}");
    }
}

#[tokio::test]
async fn a_failed_incident_is_looked_after_and_what_follows_is_contained() {
    let stage = Stage::start().await;
    stage.ledger().set_status(&stage.incident.id, IncidentStatus::Failed, &[]).await.expect("the ledger takes it");
    stage.trail.created_user("mallory");
    let answer = look(&stage, Look::Watch).await.expect("an answer");
    assert_eq!(names(&answer.watch.contain), ["mallory"]);
    assert_eq!(stage.view().await.record.incident.decisions, answer.incident.decisions);
}

/// Nobody would be asked, and no later delivery would decide.
#[tokio::test]
async fn an_incident_that_closes_during_a_look_gets_nothing_and_gives_back_what_it_reserved() {
    let stage = Stage::start().await;
    stage.trail.created_user("mallory");
    stage.aws.delay_call("cloudtrail:LookupEvents", 1, Duration::from_millis(150));
    let closes = async {
        while stage.aws.calls_of("cloudtrail:LookupEvents").is_empty() {
            tokio::task::yield_now().await;
        }
        stage.ledger().set_status(&stage.incident.id, IncidentStatus::Closed, &[]).await.expect("the ledger takes it");
    };
    let (answer, ()) = tokio::join!(look(&stage, Look::Watch), closes);
    let answer = answer.expect("an answer");
    assert_eq!(names(&answer.watch.contain), [""; 0]);
    let left_out = answer.report.sweep.left_out.join("\n");
    assert!(left_out.contains("the incident closed meanwhile") && left_out.contains("mallory"), "{left_out}");
    assert_eq!(stage.view().await.record.incident.decisions, stage.incident.decisions);
    let known = stage.ledger().coverage(&stage.incident.id).await.expect("the ledger answers");
    let owner = known.decided.get(&decision_key(&stage.decision("mallory", Mode::Auto)));
    assert!(owner.is_some_and(|owner| owner.told_only), "a later delivery can decide about it: {owner:?}");
}

#[tokio::test]
async fn after_an_approval_what_is_new_is_contained_and_the_answer_passes() {
    let mut stage = gated().await;
    stage.report.gated = vec![receipt(&stage.incident.decisions[0].target, Status::Contained)];
    stage.trail.created_user("mallory");
    let passed = json!({ "answer": "approve", "by": "ann", "comment": "yes", "at": "2026-11-21T03:00:00Z", "covers": 1 });
    let passing = Passing { gate: None, answer: Some(passed.clone()) };
    let request = SweepInput { stage: Some(Look::Approved), passing, ..stage.request(Phase::Look) };
    let answer = stage.ask(request, AUTO).await.expect("an answer");
    assert_eq!(names(&answer.watch.contain), ["mallory"]);
    assert_eq!(answer.passing.answer, Some(passed));
}

#[test]
fn the_stages_are_words_and_none_is_an_earlier_definition_s() {
    let words: Vec<Look> = serde_json::from_value(json!(["first", "watch", "approved"])).expect("the contract");
    assert_eq!(words, [Look::First, Look::Watch, Look::Approved]);
}
