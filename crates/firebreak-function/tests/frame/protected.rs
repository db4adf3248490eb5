//! A containment that finds its target protected: nothing is done, on purpose, and people read why.

use crate::{TASK, bucket, opened, stage};
use firebreak::containment::Containment;
use firebreak::fault::{Fault, FaultKind};
use firebreak::notice::{self, NoticeKind};
use firebreak::receipt::{Receipt, Status};
use firebreak::report::Report;
use firebreak::step::StepKind;
use firebreak::task::{Phase, TaskInput, TaskOutput};
use firebreak_function::containment::{Attempt, Call, Responder};
use firebreak_function::step::skipped;
use firebreak_ledger::Held;
use firebreak_testkit::room;
use firebreak_testkit::scripted::ScriptedAws;

/// A containment that leaves the bucket alone, for the incident or for a finding that joined it.
async fn spare(aws: &ScriptedAws, approved: bool, joining: Option<&str>) -> Receipt {
    let mut request = TaskInput { approved, ..room::request(Phase::Contain, "one", bucket()) };
    request.incident.joining = joining.map(room::incident);
    let contain = async |_: &Call, (): ()| {
        let why = Fault::protected("its tag is protected in the response policy");
        Ok::<_, Fault>(Attempt::Steps(vec![skipped(StepKind::BlockPublicAccess, why)]))
    };
    let verify = async |_: &Call| unreachable!("it only contains");
    let responder = Responder::new(aws.aws(), room::ledger(aws));
    match Box::pin(responder.handle(request, TASK, async |_, _, _| (), contain, verify)).await.expect("a receipt") {
        TaskOutput::Receipt(receipt) => receipt,
        TaskOutput::Verification(_) => unreachable!("a containment answers with a receipt"),
    }
}

#[tokio::test]
async fn what_is_protected_is_skipped_and_everybody_reads_why() {
    let (aws, ledger) = stage().await;
    for approved in [false, true] {
        let receipt = spare(&aws, approved, None).await;
        assert_eq!((receipt.status, receipt.fault_kind()), (Status::Skipped, Some(FaultKind::Protected)));
        assert!(!receipt.holds_something());
        let kept = ledger.receipt(&room::incident("one"), Containment::LockdownS3, &bucket()).await.expect("read");
        assert_eq!(kept.as_ref().and_then(Receipt::told), receipt.told());

        let (mut incident, mut report) = (opened(), Report::default());
        report.containment.receipts.push(receipt);
        assert!(ledger.gather(&mut incident, &mut report).await.expect("read"));
        let told = notice::mail(&notice::notice(NoticeKind::Outcome, &incident, &report, None, 0));
        assert!(told.body.contains("it is protected: its tag is protected in the response policy"), "{}", told.body);
        assert!(!told.subject.contains("Contained") && !told.body.contains("it was so before"), "{} {}", told.subject, told.body);
    }
}

#[tokio::test]
async fn a_finding_that_joined_does_not_hold_what_was_left_alone() {
    let (aws, ledger) = stage().await;
    assert_eq!(spare(&aws, false, Some("joined")).await.status, Status::Skipped);
    let target = bucket();
    let held = Held { target: &target, containment: Containment::LockdownS3 };
    assert!(!ledger.is_held(held).await.expect("read"));
}
