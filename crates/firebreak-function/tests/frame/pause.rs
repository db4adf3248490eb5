//! A pause that begins between a decision and its containment: nothing more is changed without a person.

use crate::{TASK, bucket, stage};
use firebreak::containment::Containment;
use firebreak::decision::{Decision, Mode, ReasonCode};
use firebreak::fault::{Fault, FaultKind};
use firebreak::receipt::{Outcome, Receipt, Status};
use firebreak::step::StepKind;
use firebreak::target::{Look, TargetKind};
use firebreak::task::{Phase, TaskInput, TaskOutput};
use firebreak_aws::clock;
use firebreak_function::containment::{Attempt, Call, Checked, Responder, Task};
use firebreak_function::step::step;
use firebreak_ledger::{Held, Ledger};
use firebreak_testkit::room::{self, PAUSER};
use firebreak_testkit::scripted::{ScriptedAws, error};

/// A containment that closes the bucket at once, for the incident or for a finding that joined it.
async fn close(aws: &ScriptedAws, approved: bool, joining: Option<&str>) -> Result<Receipt, Fault> {
    let mut request = TaskInput { approved, ..room::request(Phase::Contain, "one", bucket()) };
    request.incident.joining = joining.map(room::incident);
    let contain = async |call: &Call, (): ()| {
        call.ledger.hold(call.held(), &call.holder, "an id", &"open".to_owned(), call.began_at).await?;
        let blocked = step(StepKind::BlockPublicAccess, async { Ok(Outcome::Applied) }).await;
        Ok::<_, Fault>(Attempt::Steps(vec![blocked]))
    };
    let verify = async |_: &Call| unreachable!("it only contains");
    let responder = Responder::new(aws.aws(), room::ledger(aws));
    match Box::pin(responder.handle(request, TASK, async |_, _, _| (), contain, verify)).await? {
        TaskOutput::Receipt(receipt) => Ok(receipt),
        TaskOutput::Verification(_) => unreachable!("a containment answers with a receipt"),
    }
}

/// The decision about the bucket, as the ledger has it.
async fn decision(ledger: &Ledger) -> Decision {
    let record = ledger.record(&room::incident("one")).await.expect("read").expect("an incident");
    record.incident.decisions[0].clone()
}

async fn kept(ledger: &Ledger) -> Receipt {
    let kept = ledger.receipt(&room::incident("one"), Containment::LockdownS3, &bucket()).await.expect("read");
    kept.expect("a receipt")
}

async fn is_held(ledger: &Ledger) -> bool {
    ledger.is_held(Held { target: &bucket(), containment: Containment::LockdownS3 }).await.expect("read")
}

#[tokio::test]
async fn what_was_decided_before_a_pause_waits_and_an_approval_carries_it_out_during_the_pause() {
    for account in [None, Some(room::ACCOUNT)] {
        let (aws, ledger) = stage().await;
        room::pause(&aws, account, clock::now()).await;
        let receipt = close(&aws, false, None).await.expect("a receipt");
        assert_eq!((receipt.status, receipt.steps.len()), (Status::Waits, 0));
        let waits = receipt.waits.expect("why it waits");
        assert!(waits.code == ReasonCode::Paused && waits.impact.contains(PAUSER), "{waits:?}");
        let decided = decision(&ledger).await;
        assert_eq!((decided.mode, decided.code), (Mode::Gate, ReasonCode::Paused));
        assert!(decided.reason.contains("a rollout misfires"), "{}", decided.reason);
        assert!(!is_held(&ledger).await, "nothing was changed");
        assert_eq!(close(&aws, true, None).await.expect("a receipt").status, Status::Contained);
    }
}

#[tokio::test]
async fn a_pause_that_is_over_or_of_another_account_holds_nothing_back() {
    let (aws, ledger) = stage().await;
    room::pause(&aws, Some("444455556666"), clock::now()).await;
    room::pause(&aws, None, clock::now()).await;
    ledger.resume(None, "bob", clock::now()).await.expect("the ledger takes it").expect("a pause");
    assert_eq!(close(&aws, false, None).await.expect("a receipt").status, Status::Contained);
    assert_eq!(decision(&ledger).await.mode, Mode::Auto);
}

#[tokio::test]
async fn what_is_contained_stays_so_and_is_held_for_a_finding_that_joins_during_the_pause() {
    let (aws, ledger) = stage().await;
    let contained = close(&aws, false, None).await.expect("a receipt");
    room::pause(&aws, None, clock::now()).await;
    for joining in [None, Some("two")] {
        assert_eq!(close(&aws, false, joining).await.expect("a receipt"), contained, "{joining:?}: nothing is written again");
        assert_eq!(decision(&ledger).await.mode, Mode::Auto, "{joining:?}: nobody is asked about what is done");
    }
    let held = Held { target: &bucket(), containment: Containment::LockdownS3 };
    let (_, holders) = ledger.base::<String>(held).await.expect("read").expect("a base");
    assert_eq!(holders.len(), 2, "a release of the first finding must not free it for the second one: {holders:?}");
}

#[tokio::test]
async fn a_finding_that_joins_during_a_pause_and_changes_nothing_holds_nothing() {
    let (aws, ledger) = stage().await;
    room::pause(&aws, None, clock::now()).await;
    let receipt = close(&aws, false, Some("two")).await.expect("a receipt");
    assert_eq!((receipt.status, decision(&ledger).await.mode), (Status::Waits, Mode::Gate));
    assert!(!is_held(&ledger).await);
}

#[tokio::test]
async fn what_an_attempt_before_the_pause_began_is_ended_but_not_by_a_finding_that_joins() {
    let (aws, ledger) = stage().await;
    let steps = vec![step(StepKind::BlockPublicAccess, async { Ok(Outcome::Applied) }).await];
    let partly = Receipt { steps, ..Receipt::of(bucket(), Containment::LockdownS3, Status::Partial) };
    ledger.keep_receipt(&room::incident("one"), &partly).await.expect("written");
    room::pause(&aws, None, clock::now()).await;
    assert_eq!(close(&aws, false, None).await.expect("a receipt").status, Status::Contained, "nothing is left half done");
    assert_eq!((kept(&ledger).await.status, decision(&ledger).await.mode), (Status::Contained, Mode::Auto));

    ledger.keep_receipt(&room::incident("one"), &partly).await.expect("written");
    assert_eq!(close(&aws, false, Some("two")).await.expect("a receipt").status, Status::Waits);
    assert_eq!(kept(&ledger).await, partly, "a release goes by it");
    assert_eq!(decision(&ledger).await.mode, Mode::Gate, "an approval does the rest");
}

#[tokio::test]
async fn the_pause_is_read_beside_the_role_and_no_call_waits_for_it() {
    let (aws, _) = stage().await;
    aws.forget();
    aws.always("sts:AssumeRole", error(403, "AccessDenied"));
    close(&aws, false, None).await.expect_err("no credentials");
    let reads = aws.calls_of("dynamodb:GetItem").iter().filter(|call| call.params["Key"]["sk"]["S"] == "pause").count();
    assert_eq!(reads, 2, "it did not wait for the role");

    let (aws, _) = stage().await;
    room::pause(&aws, None, clock::now()).await;
    aws.always("dynamodb:GetItem", error(400, "AccessDeniedException"));
    let receipt = close(&aws, false, None).await.expect("a receipt");
    assert_eq!(receipt.status, Status::Contained, "triage has asked: who breaks this read must not stop the containment");
}

#[tokio::test]
async fn a_ledger_that_does_not_answer_is_asked_again_before_anything_is_changed() {
    let (aws, ledger) = stage().await;
    room::pause(&aws, None, clock::now()).await;
    let is_pause = |call: &firebreak_testkit::scripted::Call| call.params["Key"]["sk"]["S"] == "pause";
    aws.on("dynamodb:GetItem", move |call| is_pause(call).then(|| error(400, "ThrottlingException")));
    let fault = close(&aws, false, None).await.expect_err("the state machine tries again");
    assert_eq!(fault.kind, FaultKind::Transient);
    assert!(!is_held(&ledger).await, "nothing was changed");
}

#[tokio::test]
async fn what_somebody_reverts_during_a_pause_waits_for_an_approval() {
    let (aws, ledger) = stage().await;
    let (id, alice) = (room::incident("one"), room::target(TargetKind::IamUser, "alice"));
    let containment = Some(Containment::QuarantineIam);
    let decided = Decision { target: alice.clone(), containment, ..decision(&ledger).await };
    ledger.amend(&id, |known| known.decisions.push(decided.clone())).await.expect("written").expect("an incident");
    room::pause(&aws, None, clock::now()).await;
    let look = async |reverted: &[&str]| {
        let reverted: Vec<String> = reverted.iter().map(|line| (*line).to_owned()).collect();
        let contain = async |_: &Call, (): ()| unreachable!("a look contains nothing");
        let verify = async |_: &Call| Ok(Checked { reverted: reverted.clone(), ..Checked::default() });
        let responder = Responder::new(aws.aws(), room::ledger(&aws));
        let task = Task { containment: Containment::QuarantineIam, at: None };
        let request = room::request(Phase::Verify, "one", alice.clone());
        Box::pin(responder.handle(request, task, async |_, _, _| (), contain, verify)).await.expect("a look");
        ledger.record(&id).await.expect("read").expect("an incident").incident.decisions[1].clone()
    };
    assert_eq!(look(&[]).await.mode, Mode::Auto, "nobody is asked about what holds");
    let asked = look(&["the deny is gone"]).await;
    assert_eq!((asked.mode, asked.code), (Mode::Gate, ReasonCode::Paused));
    assert!(asked.since > 0 && asked.reason.contains("an approval writes it again"), "{}", asked.reason);
    assert_eq!(look(&["the deny is gone"]).await, asked, "it is asked for once");
}

#[tokio::test]
async fn during_a_pause_a_look_writes_nothing_again_and_tells_of_a_revert_once() {
    let (aws, _) = stage().await;
    let alice = room::target(TargetKind::IamUser, "alice");
    let look = async |approved: bool, may: Look| {
        let request = TaskInput { approved, ..room::request(Phase::Verify, "one", alice.clone()) };
        let contain = async |_: &Call, (): ()| unreachable!("a look contains nothing");
        let verify = async |call: &Call| {
            assert_eq!(call.look, may);
            let line = "the deny is gone; NOT written again".to_owned();
            Ok(Checked { problems: vec![line.clone()], reverted: vec![line], notes: vec![] })
        };
        let responder = Responder::new(aws.aws(), room::ledger(&aws));
        let task = Task { containment: Containment::QuarantineIam, at: None };
        match Box::pin(responder.handle(request, task, async |_, _, _| (), contain, verify)).await.expect("a look") {
            TaskOutput::Verification(check) => check.reverted.len(),
            TaskOutput::Receipt(_) => unreachable!("a look answers with a verification"),
        }
    };
    room::pause(&aws, None, clock::now()).await;
    assert_eq!((look(false, Look::Paused).await, look(false, Look::Paused).await), (1, 1), "each look sees the same revert");
    assert_eq!(look(true, Look::Reapply).await, 2, "what a person approved is looked after");
}
