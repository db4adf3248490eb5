//! Answers about some targets, and `keep`: who may give them, and which gates take them.

use crate::execution::Execution;
use crate::stage::{TOKEN, caller, decision, gate, message, send, send_as, stage, timeline};
use firebreak::answer::{Answer, Decided, Targets};
use firebreak::decision::{Decision, Mode};
use firebreak::fault::FaultKind;
use firebreak::review::{DecideOutcome, GateMessage, Takes};
use firebreak::revision::Shown;
use firebreak::target::{Target, TargetKind};
use firebreak_testkit::room;
use firebreak_testkit::scripted::ScriptedAws;
use serde_json::{Value, json};

/// The gate of an execution that knows every answer; three users wait for an approval.
async fn three() -> (ScriptedAws, Execution) {
    waiting(&["alice", "bob", "carol"].map(|user| room::target(TargetKind::IamUser, user))).await
}

/// The same, where these targets wait.
pub(crate) async fn waiting(targets: &[Target]) -> (ScriptedAws, Execution) {
    let (aws, execution) = stage().await;
    let (ledger, id) = (room::ledger(&aws), room::incident("one"));
    let decided = |target: &Target| {
        let decided = json!({ "target": target, "containment": "quarantine-iam", "mode": Mode::Gate, "reason": "found" });
        serde_json::from_value::<Decision>(decided).expect("a decision")
    };
    let waiting: Vec<Decision> = targets.iter().map(decided).collect();
    let amended = Box::pin(ledger.amend(&id, |incident| incident.decisions.clone_from(&waiting))).await;
    let incident = amended.expect("the ledger takes it").expect("an incident");
    let takes = Takes { answers: vec![Answer::Keep, Answer::Approve, Answer::Release], parts: true };
    let entered_at = "2026-11-21T03:00:00Z".parse().expect("a time");
    let message = GateMessage { takes, entered_at, task_token: format!("{TOKEN}2"), ..message() };
    Box::pin(ledger.open_gate(&message)).await.expect("the ledger takes it");
    Box::pin(ledger.ticket_is_out(&message, &Shown::of(&incident), incident.opened_at)).await.expect("the ledger takes it");
    Box::pin(ledger.gate_announced(&message)).await.expect("the ledger takes it");
    execution.waits_for(Some(&format!("{TOKEN}2")));
    aws.forget();
    (aws, execution)
}

pub(crate) fn says(answer: &str, targets: &Value) -> Value {
    json!({ "incident_id": room::incident("one"), "answer": answer, "comment": "it was looked into", "targets": targets })
}

/// An answer is carried out.
async fn carried_out(aws: &ScriptedAws, decided: &Decided) {
    let (ledger, id) = (room::ledger(aws), room::incident("one"));
    let settled = Box::pin(ledger.amend(&id, |incident| incident.settle(decided, |_| true))).await;
    settled.expect("the ledger takes it").expect("an incident");
}

#[tokio::test]
async fn an_answer_about_some_targets_is_recorded_and_handed_over_with_their_names() {
    for (targets, recorded, part) in [
        (json!({ "only": ["bob", "IAM user bob"] }), json!({ "only": ["bob"] }), "only bob"),
        (json!({ "except": ["111122223333/eu-central-1/IAM user bob"] }), json!({ "except": ["bob"] }), "all but bob"),
    ] {
        let (aws, execution) = three().await;
        let outcome = send(&aws, says("approve", &targets)).await.expect("an outcome");
        assert!(matches!(outcome, DecideOutcome::Accepted { .. }), "{outcome:?}");
        let expected: Targets = serde_json::from_value(recorded).expect("targets");
        let recorded = gate(&aws).await.decision.expect("a recorded answer");
        for said in [decision(&outcome), &recorded, &execution.taken()[0]] {
            assert_eq!(said.targets, expected);
        }
        let lines = timeline(&aws).await;
        assert!(lines.iter().any(|line| line.starts_with(&format!("approve ({part}) by "))), "{lines:?}");
    }
}

#[tokio::test]
async fn a_slip_or_a_contradiction_is_refused_and_nothing_is_recorded() {
    let (aws, execution) = three().await;
    for (targets, why) in [
        (json!({ "only": ["bbo"] }), "no target bbo"),
        (json!({ "only": ["bob", "calor"] }), "no target calor"),
        (json!({ "except": ["bbo"] }), "no target bbo"),
        (json!({ "only": ["bob"], "except": ["alice"] }), "not both"),
        (json!({ "except": ["alice", "bob", "carol"] }), "nothing that waits"),
        (json!({ "only": vec!["bob"; 100] }), "at most"),
    ] {
        let fault = send(&aws, says("approve", &targets)).await.expect_err(why);
        assert!(fault.kind == FaultKind::Malformed && fault.message.contains(why), "{targets}: {fault:?}");
    }
    assert_eq!((execution.taken().len(), gate(&aws).await.decision), (0, None));
}

#[tokio::test]
async fn what_was_answered_before_or_decided_after_the_ticket_is_nothing_to_answer() {
    let (aws, execution) = three().await;
    let kept = Decided {
        targets: Targets { only: vec!["bob".to_owned()], except: vec![] },
        ..Decided::new(Answer::Keep, "bob", "it was so", room::opened("one").opened_at)
    };
    carried_out(&aws, &kept).await;
    let target = room::target(TargetKind::IamUser, "dave");
    let dave = json!({ "target": target, "containment": "quarantine-iam", "mode": Mode::Gate, "reason": "found later" });
    let dave: Decision = serde_json::from_value(dave).expect("a decision");
    let (ledger, id) = (room::ledger(&aws), room::incident("one"));
    let amended = Box::pin(ledger.amend(&id, |incident| incident.decisions.push(dave.clone()))).await;
    amended.expect("the ledger takes it");
    for name in ["bob", "dave"] {
        let fault = send(&aws, says("release", &json!({ "only": [name] }))).await.expect_err(name);
        assert!(fault.message.contains("nothing that waits"), "{name}: {fault:?}");
    }
    assert_eq!((execution.taken().len(), gate(&aws).await.decision), (0, None));
    send(&aws, says("release", &json!({ "only": ["bob", "alice"] }))).await.expect("alice waits");
}

#[tokio::test]
async fn an_approval_needs_an_approver_only_for_what_it_would_contain_and_keep_needs_none() {
    let (aws, _) = three().await;
    let analyst = caller("FirebreakAnalyst", "ann");
    let fault = send_as(&aws, &analyst, says("approve", &json!({ "only": ["bob"] }))).await.expect_err("it would contain bob");
    assert!(fault.kind == FaultKind::Denied && fault.message.contains("1 target(s)"), "{fault:?}");
    let kept = send_as(&aws, &analyst, says("keep", &json!({}))).await.expect("an outcome");
    assert_eq!((decision(&kept).answer, decision(&kept).targets.is_all()), (Answer::Keep, true));
}

#[tokio::test]
async fn a_gate_of_an_earlier_definition_gets_no_answer_that_it_does_not_know() {
    let (aws, execution) = stage().await;
    let (ledger, id) = (room::ledger(&aws), room::incident("one"));
    let target = room::target(TargetKind::IamUser, "bob");
    let bob = json!({ "target": target, "containment": "quarantine-iam", "mode": Mode::Gate, "reason": "found" });
    let bob: Decision = serde_json::from_value(bob).expect("a decision");
    let amended = Box::pin(ledger.amend(&id, |incident| incident.decisions.push(bob.clone()))).await;
    amended.expect("the ledger takes it");
    for said in [says("keep", &json!({})), says("release", &json!({ "only": ["bob"] }))] {
        let fault = send(&aws, said).await.expect_err("its execution would end");
        assert!(fault.kind == FaultKind::Malformed && fault.message.contains("earlier version"), "{fault:?}");
    }
    assert_eq!((execution.taken().len(), gate(&aws).await.decision), (0, None));
    let released = send(&aws, says("release", &json!({}))).await.expect("an outcome");
    assert_eq!(execution.taken(), [decision(&released).clone()]);
}

#[tokio::test]
async fn while_an_answer_is_carried_out_another_one_about_other_targets_hears_of_it() {
    let (aws, execution) = three().await;
    let first = send(&aws, says("release", &json!({ "only": ["bob"] }))).await.expect("an outcome");
    let second = send(&aws, says("approve", &json!({ "only": ["carol"] }))).await.expect("an outcome");
    assert_eq!(second, DecideOutcome::AlreadyDecided { decision: decision(&first).clone() });
    assert_eq!(execution.taken().len(), 1);
}
