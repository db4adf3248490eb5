//! What people are told when a closed incident was put back, or not.

use firebreak::answer::{Answer, Decided};
use firebreak::containment::Containment;
use firebreak::fault::{Fault, FaultKind};
use firebreak::ids::IncidentId;
use firebreak::incident::Incident;
use firebreak::notice::{Message, NoticeKind, mail, notice};
use firebreak::plan::{Circumstances, plan_json};
use firebreak::policy::Policy;
use firebreak::receipt::{Outcome, Receipt, Status, Step};
use firebreak::report::Report;
use firebreak::step::StepKind;
use serde_json::json;

const NOW: jiff::Timestamp = jiff::Timestamp::constant(1_795_000_000, 0);

/// A person asked for the isolation of a user, another one approved it, and the incident is closed: every decision is settled.
fn incident() -> Incident {
    let event = json!({ "id": "1", "source": "acme.soc", "detail-type": "Firebreak Isolation Request", "account": "111122223333",
        "region": "eu-central-1", "detail": { "requested_by": "bob@example.com", "reason": "phishing",
        "target": { "kind": "iam-user", "id": "mallory" } } });
    let policy = Policy::unrestricted();
    let plan = plan_json(event.to_string().as_bytes(), &Circumstances::new(&policy, NOW)).expect("JSON");
    let mut incident = Incident::new(plan, &policy, "arn".to_owned(), NOW);
    incident.settle(&Decided::new(Answer::Approve, "arn:aws:iam::123456789012:user/eve", "it was right", NOW), |_| true);
    assert_eq!(incident.unanswered().count(), 0);
    incident
}

/// The mail about a restore that ended with this receipt.
fn told(incident: &Incident, receipt: Receipt) -> Message {
    let mut report = Report::default();
    report.release.receipts = vec![receipt];
    let first_by = Some("arn:aws:iam::123456789012:user/bob".to_owned());
    let asked = Decided { first_by, ..Decided::new(Answer::Release, "arn:aws:iam::123456789012:user/ann", "rotated", NOW) };
    mail(&notice(NoticeKind::Restored, incident, &report, Some(&asked), 0))
}

fn receipt(incident: &Incident, status: Status, outcome: Outcome) -> Receipt {
    let error = (outcome == Outcome::Failed).then(|| Fault::new(FaultKind::Denied, "iam:DetachUserPolicy: AccessDenied"));
    let step = Step { name: StepKind::DetachDeny.into(), outcome, error, digest: None, started_at: NOW, ms: 7 };
    let target = incident.decisions[0].target.clone();
    Receipt { steps: vec![step], finished_at: Some(NOW), ..Receipt::of(target, Containment::QuarantineIam, status) }
}

#[test]
fn a_restore_says_who_asked_for_it_and_what_came_of_it() {
    let incident = incident();
    let back = told(&incident, receipt(&incident, Status::Contained, Outcome::Applied));
    assert!(back.subject.contains("Restored") && back.body.contains("nothing of it is contained"), "{back:?}");
    for words in ["user/ann", "after arn:aws:iam::123456789012:user/bob", "rotated"] {
        assert!(back.body.contains(words), "{words}: {}", back.body);
    }
    let left = told(&incident, receipt(&incident, Status::Partial, Outcome::Failed));
    assert!(left.subject.contains("stays closed") && left.body.contains("NOT put back"), "{left:?}");
    assert!(left.body.contains("NEEDS A PERSON NOW") && !left.body.contains("nothing had to be put back"), "{left:?}");
    let denied = told(&incident, receipt(&incident, Status::Failed, Outcome::Failed));
    assert!(denied.subject.contains("NOT all is put back") && !denied.body.contains("nothing of it is contained"), "{denied:?}");
    assert!(left.body.contains("once more") && !left.body.contains("a ticket asks again"), "{left:?}");
}

#[test]
fn what_a_closed_incident_still_holds_comes_with_the_command_that_puts_it_back() {
    let (incident, other) = (incident(), IncidentId::of("another finding"));
    let held = Receipt {
        held_by: Some(other.clone()),
        restore: Some(other.clone()),
        ..receipt(&incident, Status::Skipped, Outcome::Skipped)
    };
    let message = told(&incident, held);
    assert!(message.subject.contains("STILL CONTAINED"), "{message:?}");
    assert!(message.body.contains(&format!("firebreak restore {other}")), "{}", message.body);
}

#[test]
fn an_incident_knows_who_asked_for_it() {
    let incident = incident();
    assert_eq!(incident.finding.requested_by.as_deref(), Some("bob@example.com"));
    assert!(incident.was_requested_by("arn:aws:sts::123456789012:assumed-role/FirebreakApprover/bob"));
    let read: Incident = serde_json::from_value(serde_json::to_value(&incident).expect("JSON")).expect("an incident");
    assert_eq!(read, incident);
}
