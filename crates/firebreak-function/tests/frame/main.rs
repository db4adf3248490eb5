//! The frame of a containment, with a stub in it: a containment that waits, what a look may do, and what is never touched.
#![expect(clippy::expect_used, reason = "a test may fail where it stands")]

mod pause;
mod protected;

use firebreak::containment::Containment;
use firebreak::decision::{Decision, Mode, ReasonCode, Waits};
use firebreak::fault::{Fault, FaultKind};
use firebreak::holders::{Holder, Holders};
use firebreak::incident::{Incident, IncidentStatus};
use firebreak::notice;
use firebreak::receipt::{Outcome, Receipt, Status};
use firebreak::report::Report;
use firebreak::step::StepKind;
use firebreak::target::{Look, Scope, Target, TargetKind};
use firebreak::task::{Phase, TaskInput, TaskOutput};
use firebreak_function::containment::{Attempt, Call, Checked, LateStep, Responder, Task, tags};
use firebreak_function::step::step;
use firebreak_ledger::{Held, Ledger, RawEvent, ReleaseClaim};
use firebreak_testkit::room;
use firebreak_testkit::scripted::{ScriptedAws, error};

const TASK: Task<'_> = Task { containment: Containment::LockdownS3, at: None };

async fn stage() -> (ScriptedAws, Ledger) {
    let aws = ScriptedAws::start().await.expect("a port");
    let ledger = room::ledger(&aws);
    ledger.open_incident(&opened(), IncidentStatus::Triaged, &RawEvent::Inline("{}")).await.expect("written");
    (aws, ledger)
}

fn bucket() -> Target {
    room::target(TargetKind::S3Bucket, "acme-website")
}

fn opened() -> Incident {
    let decision = Decision::new(bucket(), Some(Containment::LockdownS3), Mode::Auto, "it is public");
    Incident { decisions: vec![decision], ..room::opened("one") }
}

/// Runs a containment that closes a website's bucket only when somebody agreed, or not even then.
async fn attempt(aws: &ScriptedAws, approved: bool, stubborn: bool) -> Result<Receipt, Fault> {
    let request = TaskInput { approved, ..room::request(Phase::Contain, "one", bucket()) };
    let contain = async |call: &Call, (): ()| {
        if call.approved && !stubborn {
            return Ok(vec![step(StepKind::BlockPublicAccess, async { Ok(Outcome::Applied) }).await].into());
        }
        Ok(Attempt::Waits(Waits { code: ReasonCode::Impact, impact: "the bucket serves a website".to_owned() }))
    };
    let verify = async |_: &Call| Ok(Checked::default());
    let responder = Responder::new(aws.aws(), room::ledger(aws));
    match Box::pin(responder.handle(request, TASK, async |_, _, _| (), contain, verify)).await? {
        TaskOutput::Receipt(receipt) => Ok(receipt),
        TaskOutput::Verification(_) => unreachable!("a containment answers with a receipt"),
    }
}

#[tokio::test]
async fn a_containment_that_waits_becomes_a_gate_and_an_approval_carries_it_out() {
    let (aws, ledger) = stage().await;
    let receipt = attempt(&aws, false, false).await.expect("a receipt");
    assert_eq!((receipt.status, receipt.steps.len()), (Status::Waits, 0));
    assert_eq!(receipt.waits.as_ref().map(|waits| waits.code), Some(ReasonCode::Impact));
    assert!(!receipt.holds_something());

    // The gate: in the ledger, in what the state machine gathers, and in the ticket.
    let (mut incident, mut report) = (opened(), Report::default());
    report.containment.receipts.push(receipt);
    assert!(ledger.gather(&mut incident, &mut report).await.expect("read"));
    assert_eq!((incident.decisions[0].mode, incident.decisions[0].code), (Mode::Gate, ReasonCode::Impact));
    let ticket = notice::mail(&notice::ticket(&incident, &report, 1)).body;
    let (_, waits) = ticket.split_once("Done only if you approve:").expect("a section");
    assert!(waits.contains("acme-website") && waits.contains("the bucket serves a website"), "{ticket}");

    let approved = attempt(&aws, true, false).await.expect("a receipt");
    assert_eq!(approved.status, Status::Contained, "it is not asked again");
    let kept =
        ledger.receipt(&room::incident("one"), Containment::LockdownS3, &bucket()).await.expect("read").expect("a receipt");
    assert_eq!(kept.status, Status::Contained);
}

#[tokio::test]
async fn a_containment_that_waits_although_it_was_approved_is_wrong() {
    let (aws, _) = stage().await;
    let fault = attempt(&aws, true, true).await.expect_err("it must not be asked twice");
    assert_eq!(fault.kind, FaultKind::Bug);
}

#[tokio::test]
async fn a_look_knows_whether_it_may_write_again() {
    let (aws, _) = stage().await;
    let cases = [
        (Containment::LockdownS3, TargetKind::S3Bucket, "acme-website", Look::Reapply),
        (Containment::QuarantineIam, TargetKind::IamUser, "alice", Look::Reapply),
    ];
    for (containment, kind, id, may) in cases {
        let request = room::request(Phase::Verify, "one", room::target(kind, id));
        let contain = async |_: &Call, (): ()| unreachable!("a look contains nothing");
        let verify = async |call: &Call| {
            assert_eq!(call.look, may, "{kind:?}");
            Ok(Checked::default())
        };
        let responder = Responder::new(aws.aws(), room::ledger(&aws));
        let task = Task { containment, at: None };
        Box::pin(responder.handle(request, task, async |_, _, _| (), contain, verify)).await.expect("a look");
    }
}

/// Runs a containment that must be refused before anything is called.
async fn refused(containment: Containment, request: TaskInput) -> Fault {
    let (aws, _) = stage().await;
    aws.forget();
    let contain = async |_: &Call, (): ()| unreachable!("it must not be tried");
    let verify = async |_: &Call| Ok(Checked::default());
    let responder = Responder::new(aws.aws(), room::ledger(&aws));
    let task = Task { containment, at: None };
    let refused = Box::pin(responder.handle(request, task, async |_, _, _| (), contain, verify)).await;
    assert_eq!(aws.calls().len(), 0);
    refused.expect_err("refused")
}

#[tokio::test]
async fn a_level_that_is_never_automatic_needs_an_approval() {
    let alice = room::target(TargetKind::IamUser, "alice");
    let fault = refused(Containment::QuarantineScp, room::request(Phase::Contain, "one", alice)).await;
    assert_eq!(fault.kind, FaultKind::Bug, "{fault}");
    let older = Target { scope: Scope::OlderSessions, ..room::target(TargetKind::IamRole, "deploy") };
    let fault = refused(Containment::QuarantineIam, room::request(Phase::Contain, "one", older)).await;
    assert_eq!(fault.kind, FaultKind::Bug, "{fault}");
    let seal = Target { scope: Scope::Seal, ..bucket() };
    let fault = refused(Containment::LockdownS3, room::request(Phase::Contain, "one", seal)).await;
    assert_eq!(fault.kind, FaultKind::Bug, "{fault}");
}

#[tokio::test]
async fn what_a_containment_does_not_declare_is_refused() {
    let instance = room::target(TargetKind::Ec2Instance, "i-0123456789abcdef0");
    let key = Target { scope: Scope::AccessKey, ..bucket() };
    for target in [instance, key] {
        let fault = refused(Containment::LockdownS3, room::request(Phase::Contain, "one", target)).await;
        assert_eq!(fault.kind, FaultKind::Malformed, "{fault}");
    }
}

#[tokio::test]
async fn what_is_protected_is_refused_before_any_call() {
    let own = room::target(TargetKind::IamRole, "FirebreakMemberRelease");
    let fault = refused(Containment::QuarantineIam, room::request(Phase::Contain, "one", own)).await;
    assert_eq!(fault.kind, FaultKind::Protected);
}

/// A path that is missing in a `ResultSelector` ends the execution, and nothing catches that.
#[tokio::test]
async fn every_receipt_has_the_facts_that_the_state_machine_keeps() {
    let (aws, _) = stage().await;
    for approved in [false, true] {
        let receipt = attempt(&aws, approved, false).await.expect("a receipt");
        let json = serde_json::to_value(&receipt).expect("JSON");
        for fact in ["target", "containment", "status", "finished_at"] {
            assert!(!json[fact].is_null(), "{fact}: {json}");
        }
    }
}

/// The state machine keeps facts, and looks decide by the steps.
#[tokio::test]
async fn a_receipt_that_the_ledger_does_not_take_is_a_fault_and_the_containment_is_done_again() {
    let (aws, ledger) = stage().await;
    aws.always("dynamodb:PutItem", error(400, "ThrottlingException"));
    let fault = attempt(&aws, true, false).await.expect_err("the steps would be lost");
    assert_eq!(fault.kind, FaultKind::Transient, "{fault}");
    aws.mend();
    assert_eq!(attempt(&aws, true, false).await.expect("a receipt").status, Status::Contained);
    let kept = ledger.receipt(&room::incident("one"), Containment::LockdownS3, &bucket()).await.expect("read");
    assert_eq!(kept.expect("a receipt").steps.len(), 1);
}

/// A label goes out beside the receipt; the ledger learns of one that came to nothing.
#[tokio::test]
async fn a_late_step_is_in_the_answer_and_in_the_receipt_where_it_failed() {
    for (outcome, in_ledger) in [(Outcome::Applied, 1), (Outcome::Skipped, 2), (Outcome::Failed, 2)] {
        let (aws, ledger) = stage().await;
        let contain = async |_: &Call, (): ()| {
            let blocked = step(StepKind::BlockPublicAccess, async { Ok(Outcome::Applied) }).await;
            let label = step(StepKind::Tag, async move {
                if outcome == Outcome::Failed { Err(Fault::malformed("no tags")) } else { Ok(outcome) }
            });
            Ok::<_, Fault>(Attempt::Late(vec![blocked], LateStep(Box::pin(label))))
        };
        let request = TaskInput { approved: true, ..room::request(Phase::Contain, "one", bucket()) };
        let verify = async |_: &Call| unreachable!("it only contains");
        let responder = Responder::new(aws.aws(), room::ledger(&aws));
        let answer = Box::pin(responder.handle(request, TASK, async |_, _, _| (), contain, verify)).await.expect("a receipt");
        let TaskOutput::Receipt(receipt) = answer else { unreachable!("a containment answers with a receipt") };
        assert_eq!(receipt.steps.last().map(|step| step.outcome), Some(outcome));
        let kept = ledger.receipt(&room::incident("one"), Containment::LockdownS3, &bucket()).await.expect("read").expect("one");
        assert_eq!(kept.steps.len(), in_ledger, "{outcome:?}");
        assert_eq!(kept.finished_at, receipt.finished_at, "{outcome:?}: a report finds the steps by it");
    }
}

/// Contains the bucket for the incident, or for a finding that joined it.
async fn contain_for(aws: &ScriptedAws, holder: &Holder) -> Receipt {
    let mut request = room::request(Phase::Contain, "one", bucket());
    if let Holder::Joined(finding) = holder {
        request.incident.joining = Some(finding.clone());
    }
    let prepare = async |_: &Ledger, name: &Holder, _: &Target| assert_eq!(name, holder);
    let contain = async |call: &Call, (): ()| {
        assert_eq!((&call.holder, &call.incident), (holder, &room::incident("one")));
        assert_eq!(tags(&call.incident, "contained")[1].1, room::incident("one").to_string());
        call.ledger.hold(call.held(), &call.holder, "an id", &"open".to_owned(), call.began_at).await?;
        let blocked = step(StepKind::BlockPublicAccess, async { Ok(Outcome::Applied) }).await;
        Ok::<_, Fault>(Attempt::Steps(vec![blocked]))
    };
    let verify = async |_: &Call| unreachable!("it only contains");
    let responder = Responder::new(aws.aws(), room::ledger(aws));
    match Box::pin(responder.handle(request, TASK, prepare, contain, verify)).await.expect("a receipt") {
        TaskOutput::Receipt(receipt) => receipt,
        TaskOutput::Verification(_) => unreachable!("a containment answers with a receipt"),
    }
}

#[tokio::test]
async fn a_finding_that_joined_holds_under_its_own_name_and_its_receipt_is_the_incidents() {
    let (aws, ledger) = stage().await;
    let (one, two) = (room::incident("one"), room::incident("two"));
    let (target, containment) = (bucket(), Containment::LockdownS3);
    let held = Held { target: &target, containment };
    for holder in [Holder::Own(one.clone()), Holder::Joined(two.clone())] {
        assert_eq!(contain_for(&aws, &holder).await.status, Status::Contained);
    }
    let (_, holders) = ledger.base::<String>(held).await.expect("read").expect("a base");
    assert_eq!(holders.len(), 2, "{holders:?}");
    assert!(ledger.receipt(&one, containment, &target).await.expect("read").is_some());
    assert!(ledger.receipt(&two, containment, &target).await.expect("read").is_none());
}

#[tokio::test]
async fn a_containment_after_the_release_that_answered_its_finding_changes_nothing() {
    let (aws, ledger) = stage().await;
    let (one, two) = (room::incident("one"), room::incident("two"));
    let target = bucket();
    let held = Held { target: &target, containment: Containment::LockdownS3 };
    let holders = Holders::of(&one).with([&two]);
    let claim = ledger.begin_release::<String>(held, &holders, firebreak_aws::clock::now()).await.expect("a claim");
    assert!(matches!(claim, ReleaseClaim::NotHeld), "{claim:?}");
    let mut request = room::request(Phase::Contain, "one", bucket());
    request.incident.joining = Some(two);
    let contain = async |_: &Call, (): ()| unreachable!("it must not be tried");
    let verify = async |_: &Call| unreachable!("it only contains");
    let prepare = async |_: &Ledger, _: &Holder, _: &Target| unreachable!("not even this");
    let responder = Responder::new(aws.aws(), room::ledger(&aws));
    let answer = Box::pin(responder.handle(request, TASK, prepare, contain, verify)).await.expect("a receipt");
    let TaskOutput::Receipt(receipt) = answer else { unreachable!("a containment answers with a receipt") };
    assert_eq!((receipt.status, receipt.steps.len()), (Status::Skipped, 0));
    assert!(!ledger.is_held(held).await.expect("read"));
    assert_eq!(contain_for(&aws, &Holder::Own(one)).await.status, Status::Contained, "the incident's own name may hold again");
}

/// Runs a containment for a finding that joined the incident. Its one step ends as `outcome` says.
async fn joining(aws: &ScriptedAws, outcome: Result<Outcome, Fault>) -> Receipt {
    let mut request = room::request(Phase::Contain, "one", bucket());
    request.incident.joining = Some(room::incident("two"));
    let contain = async |_: &Call, (): ()| {
        let outcome = outcome.clone();
        Ok(vec![step(StepKind::BlockPublicAccess, async { outcome }).await].into())
    };
    let verify = async |_: &Call| Ok(Checked::default());
    let responder = Responder::new(aws.aws(), room::ledger(aws));
    match Box::pin(responder.handle(request, TASK, async |_, _, _| (), contain, verify)).await.expect("a receipt") {
        TaskOutput::Receipt(receipt) => receipt,
        TaskOutput::Verification(_) => unreachable!("a containment answers with a receipt"),
    }
}

/// The execution that opened the incident may be waiting for an answer.
#[tokio::test]
async fn a_finding_that_joined_is_contained_and_the_incident_stands_as_it_did() {
    let (aws, ledger) = stage().await;
    assert_eq!(joining(&aws, Ok(Outcome::Applied)).await.status, Status::Contained);
    let view = ledger.incident(&room::incident("one")).await.expect("read").expect("an incident");
    assert_eq!((view.record.status, view.receipts.len()), (IncidentStatus::Triaged, 1));
    attempt(&aws, true, false).await.expect("a receipt");
    let record = ledger.record(&room::incident("one")).await.expect("read").expect("an incident");
    assert_eq!(record.status, IncidentStatus::Containing, "its own execution says that it contains");
}

/// A release takes a step that failed for somebody else's.
#[tokio::test]
async fn what_fails_for_a_finding_that_joined_does_not_unsay_what_holds() {
    let (aws, ledger) = stage().await;
    let known = async || {
        let known = ledger.receipt(&room::incident("one"), Containment::LockdownS3, &bucket()).await.expect("read");
        known.expect("a receipt").status
    };
    let denied = || Err(Fault::new(FaultKind::Denied, "s3:PutBucketPublicAccessBlock: AccessDenied"));
    assert_eq!(joining(&aws, denied()).await.status, Status::Failed);
    assert_eq!(known().await, Status::Failed, "there was none");
    attempt(&aws, true, false).await.expect("a receipt");
    assert_eq!(joining(&aws, denied()).await.status, Status::Failed, "its own outcome says what failed");
    assert_eq!(known().await, Status::Contained);
    assert_eq!(joining(&aws, Ok(Outcome::Already)).await.status, Status::Contained);
    assert_eq!(known().await, Status::Contained);
}

#[tokio::test]
async fn what_fails_before_anything_is_recorded_leaves_nobody_holding_the_target() {
    let (aws, ledger) = stage().await;
    aws.always("sts:AssumeRole", error(403, "AccessDenied"));
    let mut request = room::request(Phase::Contain, "one", bucket());
    request.incident.joining = Some(room::incident("two"));
    let contain = async |_: &Call, (): ()| unreachable!("there are no credentials");
    let verify = async |_: &Call| unreachable!("it only contains");
    let responder = Responder::new(aws.aws(), room::ledger(&aws));
    let failed = Box::pin(responder.handle(request, TASK, async |_, _, _| (), contain, verify)).await;
    assert_eq!(failed.expect_err("no role").kind, FaultKind::Denied);
    let held = Held { target: &bucket(), containment: Containment::LockdownS3 };
    assert!(!ledger.is_held(held).await.expect("read"), "another incident could never put it back");
}
