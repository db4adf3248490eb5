//! People are told once: the execution itself tells them of an ordinary end.

use crate::stage::{EXECUTION, deliver, ended, finding, opened, raised, stage, status};
use execution_ended::Done;
use firebreak::fault::{FaultKind, UNHEARD};
use firebreak::flood::Excess;
use firebreak::ids::IncidentId;
use firebreak::incident::{Incident, IncidentStatus};
use firebreak::policy::Policy;
use firebreak::stored_event::StoredEvent;
use firebreak_ledger::{Joining, RawEvent};
use firebreak_testkit::room;
use firebreak_testkit::scripted::{ScriptedAws, error};
use serde_json::{Value, json};

/// What the state `Failed` raises after people were told.
const ORDINARY: [&str; 3] = ["Firebreak.Denied", "Firebreak.ReviewAbandoned", "Lambda.Unknown"];
/// What nobody was told of.
const SILENT: [&str; 3] = [UNHEARD, "States.Runtime", "States.DataLimitExceeded"];

#[tokio::test]
async fn an_ordinary_end_without_an_incident_was_told_and_a_silent_one_is_told() {
    for error in ORDINARY {
        let (aws, topic) = stage().await;
        assert_eq!(deliver(&aws, &raised(error, &finding())).await.expect("known"), Done::Nothing, "{error}");
        assert_eq!(topic.messages().len(), 0, "{error}");
    }
    for error in SILENT {
        let (aws, topic) = stage().await;
        assert_eq!(deliver(&aws, &raised(error, &finding())).await.expect("told"), Done::Told, "{error}");
        assert_eq!(topic.messages().len(), 1, "{error}");
    }
    let (aws, topic) = stage().await;
    let mut nameless = ended("FAILED", Some(&finding()));
    nameless["detail"]["error"] = Value::Null;
    assert_eq!(deliver(&aws, &nameless).await.expect("told"), Done::Told);
    assert_eq!(topic.messages().len(), 1);
}

#[tokio::test]
async fn an_ordinary_end_after_a_finding_joined_was_told_and_a_silent_one_is_told() {
    for (error, messages) in [(ORDINARY[0], 0), (UNHEARD, 1)] {
        let (aws, topic) = stage().await;
        let first = opened(&aws, "arn:aws:states:eu-central-1:123456789012:execution:x:older", IncidentStatus::Notified).await;
        let (ledger, at) = (room::ledger(&aws), "2026-11-20T02:10:00Z".parse().expect("a time"));
        ledger.claim(&first, EXECUTION, at, &firebreak::coverage::Coverage::default()).await.expect("claimed");
        let joining = Joining { incident: room::incident("the one that it joined"), by: EXECUTION.to_owned() };
        assert!(ledger.joins(&first, &joining).await.expect("written"));
        deliver(&aws, &raised(error, &finding())).await.expect("handled");
        assert_eq!(topic.messages().len(), messages, "{error}");
    }
}

#[tokio::test]
async fn an_incident_that_is_still_open_is_told_and_recorded_whatever_the_error() {
    for error in ORDINARY {
        let (aws, topic) = stage().await;
        let id = opened(&aws, EXECUTION, IncidentStatus::Containing).await;
        assert_eq!(deliver(&aws, &raised(error, &finding())).await.expect("told"), Done::Told, "{error}");
        assert_eq!((topic.messages().len(), status(&aws, &id).await), (1, IncidentStatus::Failed), "{error}");
    }
}

/// Whose it was cannot be found out, today or at the next attempt.
#[tokio::test]
async fn what_will_not_pass_keeps_nobody_from_being_told_and_what_passes_is_tried_again() {
    let (aws, topic) = stage().await;
    let lost = json!({ "firebreak_stored_event": StoredEvent::of("gone", 1) });
    assert_eq!(deliver(&aws, &ended("ABORTED", Some(&lost))).await.expect("told"), Done::Told);
    let (aws_denied, denied) = stage().await;
    opened(&aws_denied, EXECUTION, IncidentStatus::Containing).await;
    aws_denied.always("dynamodb:GetItem", error(400, "AccessDeniedException"));
    assert_eq!(deliver(&aws_denied, &ended("ABORTED", Some(&finding()))).await.expect("told"), Done::Told);
    for (messages, kind) in [(topic.messages(), None), (denied.messages(), Some(FaultKind::Denied))] {
        let [(_, message)] = messages.as_slice() else { panic!("{messages:?}") };
        assert_eq!((message["incident"].as_str(), message["execution"].as_str()), (Some("untriaged"), Some(EXECUTION)));
        let now = message["what_now"].as_str().unwrap_or_default();
        let named = FaultKind::ALL.into_iter().find(|kind| now.contains(kind.error_type())).expect("a kind");
        assert!(named != FaultKind::Transient && kind.is_none_or(|kind| kind == named), "{now}");
    }
    let (aws, topic) = stage().await;
    aws.always("dynamodb:GetItem", error(500, "InternalServerError"));
    let fault = deliver(&aws, &ended("ABORTED", Some(&finding()))).await.expect_err("the ledger does not answer");
    assert_eq!((fault.kind, topic.messages().len()), (FaultKind::Transient, 0));
}

/// What `ingest` starts it with.
fn asked() -> Value {
    json!({ "firebreak_excess": { "account": "111122223333", "window": "1795143600000" } })
}

/// As triage opens it.
async fn summary(aws: &ScriptedAws) -> IncidentId {
    let (policy, at) = (Policy::default(), "2026-11-20T02:10:00Z".parse().expect("a time"));
    let input = asked().to_string();
    let excess = Excess::referred_to_by(&input).expect("an excess");
    let incident = Incident::new(excess.plan(&policy), &policy, EXECUTION.to_owned(), at);
    room::ledger(aws).open_incident(&incident, IncidentStatus::Notified, &RawEvent::Inline(&input)).await.expect("written");
    incident.id
}

#[tokio::test]
async fn of_findings_that_were_only_counted_people_are_sent_to_security_hub() {
    for is_triaged in [false, true] {
        let (aws, topic) = stage().await;
        let id = if is_triaged { Some(summary(&aws).await) } else { None };
        assert_eq!(deliver(&aws, &ended("ABORTED", Some(&asked()))).await.expect("told"), Done::Told);
        let messages = topic.messages();
        let [(_, message)] = messages.as_slice() else { panic!("{messages:?}") };
        assert_eq!(message["incident"].as_str(), Some(id.as_ref().map_or("untriaged", IncidentId::as_str)));
        let now = message["what_now"].as_str().unwrap_or_default();
        assert!(now.contains("111122223333") && now.contains("Security Hub") && now.contains("replay is not needed"), "{now}");
        if let Some(id) = &id {
            assert_eq!(status(&aws, id).await, IncidentStatus::Failed);
        }
    }
    let (aws, topic) = stage().await;
    assert_eq!(deliver(&aws, &raised(ORDINARY[0], &asked())).await.expect("known"), Done::Nothing);
    assert_eq!(topic.messages().len(), 0);
}
