//! Under whose name an answer is recorded, and who may give which.

use crate::stage::{arn, caller, decision, gate, send_as, send_where, stage};
use firebreak::answer::Answer;
use firebreak::containment::Containment;
use firebreak::decision::{Decision, Mode};
use firebreak::fault::FaultKind;
use firebreak::receipt::{Receipt, Status};
use firebreak::review::DecideOutcome;
use firebreak::target::TargetKind;
use firebreak_testkit::room;
use firebreak_testkit::scripted::ScriptedAws;
use serde_json::{Value, json};

fn says(answer: &str) -> Value {
    json!({ "incident_id": room::incident("one"), "answer": answer, "comment": "it was so, we saw it" })
}

/// Somebody decides about a user.
async fn decided(aws: &ScriptedAws, mode: Mode) {
    let target = room::target(TargetKind::IamUser, "bob");
    let bob = json!({ "target": target, "containment": "quarantine-iam", "mode": mode, "reason": "found later" });
    let bob: Decision = serde_json::from_value(bob).expect("a decision");
    let (ledger, id) = (room::ledger(aws), room::incident("one"));
    let amended = Box::pin(ledger.amend(&id, |incident| incident.decisions.push(bob.clone()))).await;
    amended.expect("the ledger takes it");
}

/// A containment of that user ended so.
async fn contained(aws: &ScriptedAws, status: Status) {
    let receipt = Receipt::of(room::target(TargetKind::IamUser, "bob"), Containment::QuarantineIam, status);
    let receipt = Receipt { finished_at: Some(room::opened("one").opened_at), ..receipt };
    let (ledger, id) = (room::ledger(aws), room::incident("one"));
    Box::pin(ledger.keep_receipt(&id, &receipt)).await.expect("the ledger takes it");
}

#[tokio::test]
async fn an_answer_under_another_name_is_impossible() {
    let (aws, execution) = stage().await;
    let mut forged = says("release");
    forged["by"] = json!("arn:aws:sts::123456789012:assumed-role/FirebreakApprover/somebody");
    let outcome = send_as(&aws, &caller("FirebreakApprover", "ann"), forged).await.expect("a request of before is still read");
    let recorded = gate(&aws).await.decision.expect("a recorded answer");
    for said in [decision(&outcome), &recorded, &execution.taken()[0]] {
        assert_eq!(said.by, arn("ann"), "{said:?}");
    }
}

#[tokio::test]
async fn two_people_are_two_names() {
    let (aws, _) = stage().await;
    let ann = send_as(&aws, &caller("FirebreakAnalyst", "ann"), says("release")).await.expect("an outcome");
    let bob = send_as(&aws, &caller("FirebreakApprover", "bob"), says("approve")).await.expect("an outcome");
    assert_eq!(decision(&ann).by, "arn:aws:sts::123456789012:assumed-role/FirebreakAnalyst/ann");
    assert_eq!(bob, DecideOutcome::AlreadyDecided { decision: decision(&ann).clone() }, "Bob hears who was first");
}

#[tokio::test]
async fn who_may_not_approve_is_refused_and_nothing_is_recorded() {
    for role in ["FirebreakAnalyst", "FirebreakOperator", "Responders", "AWSReservedSSO_FirebreakAnalyst_0123456789abcdef"] {
        let (aws, execution) = stage().await;
        decided(&aws, Mode::Gate).await;
        let fault = send_as(&aws, &caller(role, "ann"), says("approve")).await.expect_err(role);
        // The name that the parameter takes.
        let named = role.trim_start_matches("AWSReservedSSO_").trim_end_matches("_0123456789abcdef");
        assert!(fault.kind == FaultKind::Denied && fault.message.contains(&format!("{named} added to")), "{fault:?}");
        assert_eq!((execution.taken().len(), gate(&aws).await.decision), (0, None), "{role}");
        let released = send_as(&aws, &caller(role, "ann"), says("release")).await.expect("an outcome");
        assert_eq!(decision(&released).answer, Answer::Release, "{role} may say that it was wrong");
        let late = send_as(&aws, &caller(role, "bob"), says("approve")).await.expect("the first answer");
        assert!(matches!(late, DecideOutcome::AlreadyDecided { .. }), "{late:?}");
    }
}

#[tokio::test]
async fn an_approval_that_contains_nothing_new_is_anybodys() {
    let (aws, _) = stage().await;
    decided(&aws, Mode::Auto).await;
    contained(&aws, Status::Contained).await;
    let kept = send_as(&aws, &caller("FirebreakAnalyst", "ann"), says("approve")).await.expect("an outcome");
    assert_eq!(decision(&kept).answer, Answer::Approve, "what was contained at once stays so");
}

#[tokio::test]
async fn an_approval_that_would_try_a_containment_again_is_an_approvers() {
    for ended in [None, Some(Status::Failed), Some(Status::Partial)] {
        let (aws, execution) = stage().await;
        decided(&aws, Mode::Auto).await;
        if let Some(status) = ended {
            contained(&aws, status).await;
        }
        let fault = send_as(&aws, &caller("FirebreakAnalyst", "ann"), says("approve")).await.expect_err("it would contain bob");
        assert!(fault.kind == FaultKind::Denied && fault.message.contains("1 target(s)"), "{ended:?}: {fault:?}");
        assert_eq!((execution.taken().len(), gate(&aws).await.decision), (0, None), "{ended:?}");
        let approved = send_as(&aws, &caller("FirebreakApprover", "carol"), says("approve")).await.expect("an outcome");
        assert_eq!(decision(&approved).answer, Answer::Approve, "{ended:?}");
    }
}

#[tokio::test]
async fn an_approver_and_whom_the_site_names_may_approve() {
    let responder = caller("AWSReservedSSO_Responders_0123456789abcdef", "ann");
    let analyst = caller("FirebreakAnalyst", "ann");
    for (approvers, by) in [("", caller("FirebreakApprover", "ann")), ("OnCall,Responders", responder), ("*", analyst)] {
        let (aws, _) = stage().await;
        decided(&aws, Mode::Gate).await;
        let approved = send_where(&aws, approvers, &by, says("approve")).await.expect(approvers);
        assert_eq!(decision(&approved).answer, Answer::Approve, "{approvers}");
    }
}
