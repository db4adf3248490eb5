//! A release of some targets puts back these, and the incident asks about the rest.

use crate::{MANAGEMENT, POLICY, bucket, contained, holders, responder, stage};
use firebreak::answer::{Answer, Decided, Targets};
use firebreak::containment::Containment;
use firebreak::facts::Carry;
use firebreak::fault::Fault;
use firebreak::incident::{Incident, IncidentStatus};
use firebreak::receipt::Status;
use firebreak_aws::clock;
use firebreak_ledger::IncidentView;
use firebreak_testkit::room;
use firebreak_testkit::scripted::ScriptedAws;
use quarantine_scp::Organization;
use release::{Function, ReleaseInput, Released};

pub(crate) fn says(answer: Answer, only: &[&str], except: &[&str]) -> Decided {
    let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    let targets = Targets { only: names(only), except: names(except) };
    Decided { targets, covers: Some(0), ..Decided::new(answer, "ann", "it was so", clock::now()) }
}

pub(crate) async fn undo(aws: &ScriptedAws, incident: &Incident, answer: Decided) -> Released {
    try_undo(aws, incident, answer).await.expect("an answer")
}

pub(crate) async fn try_undo(aws: &ScriptedAws, incident: &Incident, answer: Decided) -> Result<Released, Fault> {
    let request = ReleaseInput {
        incident: Carry::Facts.incident(incident.clone()),
        answer: Some(answer),
        carry: Carry::Facts,
        restore: None,
    };
    let function = Function::new(responder(aws), Organization::new(POLICY, MANAGEMENT));
    Box::pin(function.handle(request)).await
}

async fn view(aws: &ScriptedAws, incident: &Incident) -> IncidentView {
    room::ledger(aws).incident(&incident.id).await.expect("the ledger answers").expect("an incident")
}

#[tokio::test]
async fn only_what_the_answer_names_is_put_back_and_the_incident_is_released_with_the_last_one() {
    for first in [says(Answer::Release, &["acme-b"], &[]), says(Answer::Release, &[], &["acme-a", "acme-c"])] {
        let (aws, buckets) = stage(&["acme-a", "acme-b", "acme-c"]).await;
        let incident = contained(&aws, "one", &["acme-a", "acme-b", "acme-c"]).await;
        let closed = buckets.block("acme-a");
        let released = undo(&aws, &incident, first.clone()).await;
        assert_eq!((released.status, released.receipts.len()), ("not-covered", 1), "the gate opens again with the rest");
        assert_eq!(["acme-a", "acme-b", "acme-c"].map(|name| buckets.block(name)), [closed, None, closed]);
        assert_eq!(holders(&aws, Containment::LockdownS3, &bucket("acme-a")), [incident.id.to_string()]);
        let known = view(&aws, &incident).await.record;
        assert_eq!((known.incident.unanswered().count(), known.status), (2, IncidentStatus::Containing));

        // A second run, after a kill.
        let again = undo(&aws, &incident, first).await;
        assert_eq!((again.status, again.receipts[0].status), ("not-covered", Status::Contained));

        let all = undo(&aws, &incident, says(Answer::Release, &[], &[])).await;
        assert_eq!((all.status, all.receipts.len()), ("ok", 3), "what was put back before counts");
        assert_eq!(["acme-a", "acme-b", "acme-c"].map(|name| buckets.block(name)), [None, None, None]);
        assert_eq!(view(&aws, &incident).await.record.status, IncidentStatus::Released);
    }
}

#[tokio::test]
async fn what_was_kept_before_stays_contained_and_the_incident_is_closed() {
    let (aws, buckets) = stage(&["acme-a", "acme-b"]).await;
    let incident = contained(&aws, "one", &["acme-a", "acme-b"]).await;
    let (closed, keep) = (buckets.block("acme-a"), says(Answer::Keep, &["acme-a"], &[]));
    let kept = room::ledger(&aws).amend(&incident.id, |known| known.settle(&keep, |_| true)).await;
    kept.expect("the ledger takes it").expect("an incident");
    let released = undo(&aws, &incident, says(Answer::Release, &[], &[])).await;
    assert_eq!((released.status, buckets.block("acme-a"), buckets.block("acme-b")), ("ok", closed, None));
    assert_eq!(holders(&aws, Containment::LockdownS3, &bucket("acme-a")), [incident.id.to_string()]);
    let view = view(&aws, &incident).await;
    assert_eq!(view.record.status, IncidentStatus::Closed, "not everything was released");
    let mixed = "closed, with several answers: 1 kept, 1 released";
    assert!(view.timeline.iter().any(|event| event.what == mixed), "{:?}", view.timeline);
}

#[tokio::test]
async fn a_part_that_could_not_be_put_back_in_full_is_asked_again_with_the_rest() {
    let (aws, buckets) = stage(&["acme-a", "acme-b", "acme-c"]).await;
    let incident = contained(&aws, "one", &["acme-a", "acme-b", "acme-c"]).await;
    let closed = buckets.block("acme-a");
    // Somebody changed it.
    buckets.put("acme-a", Some([true, true, false, false]));
    let released = undo(&aws, &incident, says(Answer::Release, &["acme-a", "acme-b"], &[])).await;
    assert_eq!(released.status, "failed");
    let known = view(&aws, &incident).await.record.incident;
    assert_eq!(known.unanswered().count(), 3);
    buckets.put("acme-a", closed);
    let released = undo(&aws, &incident, says(Answer::Release, &["acme-a", "acme-b"], &[])).await;
    assert_eq!((released.status, buckets.block("acme-a"), buckets.block("acme-c")), ("not-covered", None, closed));
    let known = view(&aws, &incident).await.record.incident;
    let open: Vec<&str> = known.unanswered().map(|decision| decision.target.id.as_str()).collect();
    assert_eq!(open, ["acme-c"]);
}
