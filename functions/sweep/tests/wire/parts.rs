//! Answers about some targets: what is carried out, and when the incident is over.

use crate::{AUTO, ONE_PAGE, SUSPECT, Stage, names, receipt};
use firebreak::answer::{Answer, Decided, Targets};
use firebreak::decision::{Decision, Mode};
use firebreak::incident::IncidentStatus;
use firebreak::receipt::{Receipt, Status};
use firebreak::report::Report;
use firebreak_aws::clock;
use serde_json::json;
use sweep::{Passing, Phase, SweepInput, SweepOutput};

/// Three users wait beside the suspect, who is contained.
async fn three() -> Stage {
    let stage = Stage::start().await;
    stage.append(&["alice", "bob", "carol"].map(|user| stage.decision(user, Mode::Gate))).await;
    stage
}

fn says(answer: Answer, only: &[&str]) -> Decided {
    let targets = Targets { only: only.iter().map(|name| (*name).to_owned()).collect(), except: vec![] };
    Decided { targets, covers: Some(1), ..Decided::new(answer, "ann", "it was so", clock::now()) }
}

/// What the state machine sends: with the answer, and what the approval led to.
fn request(stage: &Stage, phase: Phase, decided: &Decided, gated: Vec<Receipt>) -> SweepInput {
    let passing = Passing { gate: None, answer: Some(json!(decided)) };
    let request = stage.request(phase);
    let report = Report { gated, ..request.report };
    SweepInput { passing, report, ..request }
}

async fn contains(stage: &Stage, decided: &Decided) -> Vec<String> {
    let swept = stage.ask(request(stage, Phase::Gather, decided, vec![]), AUTO).await.expect("an answer");
    names(&swept.watch.contain).into_iter().map(str::to_owned).collect()
}

/// How the end of an answer is answered. Users of `contained` were contained by it.
async fn close(stage: &Stage, decided: &Decided, contained: &[&str]) -> IncidentStatus {
    let done = |user: &&str| receipt(&stage.decision(user, Mode::Gate).target, Status::Contained);
    let request = request(stage, Phase::Close, decided, contained.iter().map(done).collect());
    match stage.reply(request, AUTO).await.expect("a reply") {
        SweepOutput::Closed { status } => status,
        SweepOutput::SweptState(other) => panic!("{other:?}"),
    }
}

async fn waiting(stage: &Stage) -> Vec<String> {
    let known = stage.view().await.record.incident;
    known.unanswered().map(|decision| decision.target.id.clone()).collect()
}

#[tokio::test]
async fn of_three_one_is_approved_and_the_others_wait_until_somebody_keeps_them() {
    let stage = three().await;
    let one = says(Answer::Approve, &["bob"]);
    assert_eq!(contains(&stage, &one).await, ["bob"]);
    assert_eq!(close(&stage, &one, &["bob"]).await, IncidentStatus::AwaitingReview);
    assert_eq!(waiting(&stage).await, [SUSPECT, "alice", "carol"]);
    assert_eq!(close(&stage, &one, &["bob"]).await, IncidentStatus::AwaitingReview, "a second run changes nothing");
    let again = stage.run(Phase::Look, ONE_PAGE).await.expect("an answer");
    assert!(again.watch.contain.is_empty(), "a look contains nothing of it: {:?}", again.watch.contain);
    let all = says(Answer::Approve, &[]);
    assert_eq!(contains(&stage, &all).await, ["alice", "carol"], "a bare approval does not touch what is settled");
    let keep = says(Answer::Keep, &[]);
    assert!(contains(&stage, &keep).await.is_empty(), "nothing more is done");
    assert_eq!(close(&stage, &keep, &[]).await, IncidentStatus::Closed);
    let view = stage.view().await;
    assert_eq!(view.record.status, IncidentStatus::Closed);
    let mixed = "closed, with several answers: 3 kept, 1 approved";
    assert!(view.timeline.iter().any(|event| event.what == mixed), "{:?}", view.timeline);
}

#[tokio::test]
async fn an_approval_that_was_not_carried_out_in_full_is_asked_again_as_a_whole() {
    let stage = three().await;
    let all = says(Answer::Approve, &[]);
    assert_eq!(close(&stage, &all, &["alice", "bob"]).await, IncidentStatus::AwaitingReview);
    assert_eq!(waiting(&stage).await, [SUSPECT, "alice", "bob", "carol"], "somebody may still release all of it");
    let accepted = Decided { accept_open: vec!["carol".to_owned()], ..all };
    assert_eq!(close(&stage, &accepted, &["alice", "bob"]).await, IncidentStatus::Closed);
}

#[tokio::test]
async fn a_target_that_was_kept_uncontained_is_contained_by_no_look() {
    let stage = Stage::start().await;
    stage.append(&[stage.decision("mallory", Mode::Auto)]).await;
    let keep = says(Answer::Keep, &["mallory"]);
    assert_eq!(close(&stage, &keep, &[]).await, IncidentStatus::AwaitingReview, "the suspect is not answered");
    let look = stage.run(Phase::Look, ONE_PAGE).await.expect("an answer");
    assert!(look.watch.contain.is_empty(), "{:?}", look.watch.contain);
}

#[tokio::test]
async fn what_others_use_is_carried_out_by_its_name_alone() {
    let stage = Stage::start().await;
    let shared = Decision { only_by_name: true, ..stage.decision("deploy", Mode::Gate) };
    stage.append(&[stage.decision("alice", Mode::Gate), shared]).await;
    let all = says(Answer::Approve, &[]);
    assert_eq!(contains(&stage, &all).await, ["alice"]);
    assert_eq!(close(&stage, &all, &["alice"]).await, IncidentStatus::AwaitingReview);
    assert_eq!(waiting(&stage).await, ["deploy"]);
    assert_eq!(contains(&stage, &says(Answer::Approve, &["deploy"])).await, ["deploy"]);
}

#[tokio::test]
async fn an_earlier_definition_sends_no_report_and_closes_as_before() {
    let stage = three().await;
    let all = says(Answer::Approve, &[]);
    let request = SweepInput { report: Report::default(), ..request(&stage, Phase::Close, &all, vec![]) };
    let closed = stage.reply(request, AUTO).await.expect("a reply");
    assert!(matches!(closed, SweepOutput::Closed { status: IncidentStatus::Closed }), "{closed:?}");
}
