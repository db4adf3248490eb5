//! What waited only with a suspect, once the suspect is contained.

use crate::stages::{gated, look};
use crate::{AUTO, SUSPECT, Stage, key, modes, names, receipt};
use firebreak::answer::{Answer, Decided, Settled, Targets};
use firebreak::coverage::decision_key;
use firebreak::decision::{Decision, Mode};
use firebreak::receipt::Status;
use firebreak::review::GateMessage;
use firebreak_aws::clock;
use firebreak_testkit::room::{self, Break, Point, each_break};
use firebreak_testkit::scripted::ok;
use serde_json::json;
use std::collections::BTreeSet;
use sweep::{Passing, Phase, Stage as Look, SweepInput};

/// The suspect waited and had made a user, who waits with it. Now it is contained.
async fn contained_since() -> Stage {
    let mut stage = gated().await;
    stage.trail.created_user("mallory");
    let first = look(&stage, Look::First).await.expect("an answer");
    assert_eq!(modes(&first.incident.decisions), [(SUSPECT, Mode::Gate), ("mallory", Mode::Gate)]);
    assert!(first.incident.decisions[1].waits_with.is_some() && stage.counted().is_empty());
    stage.incident = stage.view().await.record.incident;
    stage.report = first.report;
    stage.report.containment.receipts = vec![receipt(&stage.incident.decisions[0].target, Status::Contained)];
    stage
}

async fn mallory(stage: &Stage) -> Decision {
    stage.view().await.record.incident.decisions[1].clone()
}

#[tokio::test]
async fn it_is_contained_at_once_and_counted_once() {
    let stage = contained_since().await;
    for _ in 0..2 {
        let answer = look(&stage, Look::Watch).await.expect("an answer");
        assert_eq!((names(&answer.watch.contain), answer.watch.alarm), (vec!["mallory"], true));
        let known = stage.view().await.record.incident;
        assert_eq!(modes(&known.decisions), [(SUSPECT, Mode::Gate), ("mallory", Mode::Auto)]);
        assert_eq!((known.decisions[1].since, known.revision), (stage.incident.revision + 1, stage.incident.revision + 1));
        assert_eq!(known.decisions[1].waited, Some(stage.incident.decisions[1].since), "a ticket showed it as waiting");
        assert!(!known.decisions[1].reason.contains("waits with it"), "{}", known.decisions[1].reason);
        assert_eq!(answer.incident.decisions, known.decisions);
        assert_eq!(stage.counted(), BTreeSet::from([key("mallory")]));
    }
}

#[tokio::test]
async fn what_a_person_answered_about_or_a_containment_has_been_at_stays_as_it_is() {
    let answered = contained_since().await;
    let (decision, at) = (mallory(&answered).await, clock::now());
    let settled =
        Settled { decision: decision_key(&decision), since: decision.since, answer: Answer::Keep, by: "ann".to_owned(), at };
    let settle = |known: &mut firebreak::incident::Incident| known.settled.push(settled.clone());
    answered.ledger().amend(&answered.incident.id, settle).await.expect("the ledger takes it");
    let tried = contained_since().await;
    let failed = receipt(&mallory(&tried).await.target, Status::Failed);
    tried.ledger().keep_receipt(&tried.incident.id, &failed).await.expect("the ledger takes it");
    for stage in [answered, tried] {
        let before = mallory(&stage).await;
        let answer = look(&stage, Look::Watch).await.expect("an answer");
        assert_eq!((names(&answer.watch.contain), mallory(&stage).await), (vec![], before));
        assert!(stage.counted().is_empty());
    }
}

#[tokio::test]
async fn a_pause_holds_it_back_and_the_look_after_it_does_not() {
    let stage = contained_since().await;
    let before = mallory(&stage).await;
    room::pause(&stage.aws, None, clock::now()).await;
    let paused = look(&stage, Look::Watch).await.expect("an answer");
    assert_eq!((names(&paused.watch.contain), mallory(&stage).await), (vec![], before));
    assert!(stage.counted().is_empty(), "what waits is not counted");
    stage.ledger().resume(None, "ann", clock::now()).await.expect("the ledger takes it");
    let later = Stage { report: paused.report, ..stage };
    assert_eq!(names(&look(&later, Look::Watch).await.expect("an answer").watch.contain), ["mallory"]);
}

#[tokio::test]
async fn however_a_call_breaks_it_is_raised_once() {
    let calls = {
        let stage = contained_since().await;
        stage.aws.forget();
        look(&stage, Look::Watch).await.expect("an answer");
        stage.aws.calls()
    };
    let tried = each_break(&calls, async |point: &Point, how: Break| {
        let stage = contained_since().await;
        stage.aws.forget();
        let _broken = how.run(&stage.aws, point, look(&stage, Look::Watch)).await;
        stage.aws.mend();
        let again = look(&stage, Look::Watch).await.expect("an answer");
        assert_eq!(names(&again.watch.contain), ["mallory"], "{point:?} {how:?}");
        let known = stage.view().await.record.incident;
        assert_eq!(modes(&known.decisions), [(SUSPECT, Mode::Gate), ("mallory", Mode::Auto)], "{point:?} {how:?}");
        assert_eq!(stage.counted(), BTreeSet::from([key("mallory")]), "{point:?} {how:?}");
    })
    .await;
    println!("sweep, raised: {tried} broken calls");
}

/// A look beside an approval of these targets, which the ledger has.
async fn look_beside(stage: &Stage, which: Look, (targets, accepted): (Targets, Option<&str>)) -> Vec<String> {
    let message = json!({ "task_token": "a token", "execution_arn": stage.incident.execution_arn, "entered_at": clock::now(),
        "round": 1, "after_answer": false, "incident": stage.incident });
    let message: GateMessage = serde_json::from_value(message).expect("a message");
    stage.ledger().open_gate(&message).await.expect("the ledger takes it");
    let covers = Some(stage.view().await.record.incident.revision);
    let accept_open = accepted.map(str::to_owned).into_iter().collect();
    let decided = Decided { targets, accept_open, covers, ..Decided::new(Answer::Approve, "ann", "yes", clock::now()) };
    assert!(stage.ledger().decide(&stage.incident.id, &decided).await.expect("the ledger takes it"));
    let passing = match which {
        Look::Approved => Passing { gate: None, answer: Some(json!(decided)) },
        Look::First | Look::Watch => Passing::default(),
    };
    let request = SweepInput { stage: Some(which), passing, ..stage.request(Phase::Look) };
    let answer = stage.ask(request, AUTO).await.expect("an answer");
    names(&answer.watch.contain).into_iter().map(str::to_owned).collect()
}

fn only(name: &str) -> Targets {
    Targets { only: vec![name.to_owned()], except: vec![] }
}

fn except(name: &str) -> Targets {
    Targets { only: vec![], except: vec![name.to_owned()] }
}

#[tokio::test]
async fn what_an_approval_leaves_out_by_name_is_not_contained_with_its_suspect() {
    for which in [Look::Approved, Look::Watch] {
        for (targets, accepted) in [(except("mallory"), None), (only(SUSPECT), Some("mallory"))] {
            let stage = contained_since().await;
            let before = mallory(&stage).await;
            let contained = look_beside(&stage, which, (targets, accepted)).await;
            assert_eq!((contained, mallory(&stage).await), (vec![], before), "{which:?} {accepted:?}");
            assert!(stage.counted().is_empty());
        }
        let unnamed = contained_since().await;
        assert_eq!(look_beside(&unnamed, which, (only(SUSPECT), None)).await, ["mallory"], "{which:?}");
    }
}

#[tokio::test]
async fn what_was_for_at_once_and_never_tried_stays_so_where_an_approval_leaves_it_out() {
    for which in [Look::Approved, Look::Watch] {
        for (targets, contained) in [(except("bob"), vec![]), (except(SUSPECT), vec!["bob"])] {
            let stage = Stage::start().await;
            stage.append(&[stage.decision("bob", Mode::Auto)]).await;
            assert_eq!(look_beside(&stage, which, (targets, None)).await, contained, "{which:?}");
        }
    }
}

/// What CloudTrail said once is not read again, while a pause lasts for days.
#[tokio::test]
async fn a_pause_keeps_no_look_from_going_on_and_what_it_holds_back_is_tried_without_cloudtrail() {
    for is_let_go in [false, true] {
        let mut stage = contained_since().await;
        room::pause(&stage.aws, None, clock::now()).await;
        for round in 0..2 {
            let mark = stage.report.sweep.looked;
            let paused = look(&stage, Look::Watch).await.expect("an answer");
            assert_eq!(names(&paused.watch.contain), [""; 0], "{round}");
            assert_ne!(paused.report.sweep.looked, mark, "{round}: it keeps what it reached");
            stage.report.sweep = paused.report.sweep;
            stage.aws.answer("cloudtrail:LookupEvents", ok(json!({ "Events": [] }).to_string()));
        }
        stage.ledger().resume(None, "ann", clock::now()).await.expect("the ledger takes it");
        if is_let_go {
            stage.report.containment.receipts.clear();
        }
        let answer = look(&stage, Look::Watch).await.expect("an answer");
        let expected: &[&str] = if is_let_go { &[] } else { &["mallory"] };
        assert_eq!(names(&answer.watch.contain), expected, "the suspect is let go: {is_let_go}");
        assert_eq!(mallory(&stage).await.mode == Mode::Auto, !is_let_go);
    }
}

/// People can change the policy during the pause that holds it back.
#[tokio::test]
async fn what_was_held_back_and_policy_lets_pass_no_more_waits_for_a_person() {
    for (rules, contained) in [
        ("[protected]\nprincipals = [\"mallory\"]\n", false),
        ("[accounts.111122223333]\nmode = \"gate-first\"\n", false),
        ("[allow]\naccounts = [\"444455556666\"]\n", false),
        ("[protected]\nprincipals = [\"bob\"]\n", true),
    ] {
        let mut stage = contained_since().await;
        room::pause(&stage.aws, None, clock::now()).await;
        stage.report.sweep = look(&stage, Look::Watch).await.expect("an answer").report.sweep;
        stage.aws.answer("cloudtrail:LookupEvents", ok(json!({ "Events": [] }).to_string()));
        stage.ledger().resume(None, "ann", clock::now()).await.expect("the ledger takes it");
        let request = SweepInput { stage: Some(Look::Watch), ..stage.request(Phase::Look) };
        let answer = stage.ask(request, &format!("{AUTO}{rules}")).await.expect("an answer");
        let expected: &[&str] = if contained { &["mallory"] } else { &[] };
        assert_eq!(names(&answer.watch.contain), expected, "{rules}");
        assert_eq!(mallory(&stage).await.mode == Mode::Auto, contained, "{rules}");
        assert_eq!(stage.counted().contains(&key("mallory")), contained, "{rules}");
    }
}
