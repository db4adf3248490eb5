//! One finding, many deliveries: who answers for what.

use crate::{AT, AUTO, ONE, Stage, THREE, TWO, USER, counted, deliver, function, key, modes, row, stored};
use firebreak::decision::Mode;
use firebreak::fault::FaultKind;
use firebreak::incident::IncidentStatus;
use firebreak::plan::Verdict;
use firebreak::stored_event::StoredEvent;
use firebreak_testkit::dynamodb::Value as Attribute;
use firebreak_testkit::room;
use serde_json::{json, value::RawValue};
use triage::TriageInput;

#[tokio::test]
async fn a_finding_is_claimed_once_and_every_other_execution_ignores_it() {
    let stage = Stage::start().await;
    let event = stage.finding("f1");
    let first = deliver(&stage.aws, AUTO, &event, ONE).await.expect("an incident");
    assert_eq!((first.verdict, modes(&first)), (Verdict::Respond, vec![(USER, Mode::Auto)]));
    let other = deliver(&stage.aws, AUTO, &event, TWO).await.expect("an answer");
    assert_eq!((&other.id, other.verdict, other.decisions.len()), (&first.id, Verdict::Ignore, 0));
    let claim = row(&stage.aws, &first.id, "claim");
    assert_eq!(claim["execution_arn"], Attribute::S(ONE.to_owned()));
    assert_eq!(claim["deliveries"], Attribute::N("2".to_owned()), "it is counted");
    assert_eq!(stored(&stage.aws, &first.id).await.expect("an incident").incident, first, "the answer does not replace it");
    assert_eq!(counted(&stage.aws), [key(USER)]);
}

#[tokio::test]
async fn the_same_execution_gets_the_same_incident_again() {
    let stage = Stage::start().await;
    let event = stage.finding("f1");
    let first = deliver(&stage.aws, AUTO, &event, ONE).await.expect("an incident");
    let again = deliver(&stage.aws, AUTO, &event, ONE).await.expect("an incident");
    assert_eq!(again, first);
    let record = stored(&stage.aws, &first.id).await.expect("an incident");
    assert_eq!((record.incident, record.status), (first.clone(), IncidentStatus::Triaged));
    assert_eq!(row(&stage.aws, &first.id, "claim")["deliveries"], Attribute::N("1".to_owned()), "an attempt is no delivery");
    assert_eq!(counted(&stage.aws), [key(USER)]);
}

#[tokio::test]
async fn an_update_that_names_more_is_answered_for_what_is_new_alone() {
    let stage = Stage::start().await;
    let event = stage.finding("f1");
    let first = deliver(&stage.aws, AUTO, &event, ONE).await.expect("an incident");
    let more = stage.about(event, "alice");
    let update = deliver(&stage.aws, AUTO, &more, TWO).await.expect("an incident");
    assert_eq!((update.follows.as_ref(), modes(&update)), (Some(&first.id), vec![("alice", Mode::Auto)]));
    assert_ne!(update.id, first.id);
    let third = deliver(&stage.aws, AUTO, &more, THREE).await.expect("an answer");
    assert_eq!(third.verdict, Verdict::Ignore, "somebody answers for both");
    assert_eq!(stored(&stage.aws, &first.id).await.expect("an incident").incident, first);
    assert_eq!(stored(&stage.aws, &update.id).await.expect("an incident").incident, update);
    assert_eq!(counted(&stage.aws), [key("alice"), key(USER)]);
}

#[tokio::test]
async fn the_event_is_kept_byte_for_byte() {
    let stage = Stage::start().await;
    let raw = serde_json::to_string_pretty(&stage.finding("f1")).expect("JSON").replace("\"version\": ", "\"version\"  :\t");
    let (raw, execution) = (RawValue::from_string(raw).expect("JSON"), ONE.to_owned());
    let request =
        TriageInput { event: raw.clone(), execution_arn: execution, started_at: AT.parse().expect("a time"), joins: false };
    let incident = Box::pin(function(&stage.aws, AUTO).handle(request)).await.expect("an incident");
    let kept = room::ledger(&stage.aws).raw_event(&incident.id).await.expect("an event");
    assert_eq!(kept, raw.get());
    assert!(!serde_json::to_string(&incident).expect("JSON").contains("awsApiCallAction"), "it does not travel");
}

#[tokio::test]
async fn a_stored_event_is_fetched_and_one_that_was_exchanged_is_an_error() {
    let stage = Stage::start().await;
    let (event, ledger) = (stage.finding("f1"), room::ledger(&stage.aws));
    let place = ledger.store_event(&event.to_string()).await.expect("room for it");
    let incident = deliver(&stage.aws, AUTO, &json!({ "firebreak_stored_event": place }), ONE).await.expect("an incident");
    assert_eq!(modes(&incident), [(USER, Mode::Auto)]);
    assert_eq!(ledger.raw_event(&incident.id).await.expect("an event"), event.to_string());
    let before = stage.aws.table();
    let exchanged = StoredEvent { bytes: place.bytes + 1, ..place };
    let fault = deliver(&stage.aws, AUTO, &json!({ "firebreak_stored_event": exchanged }), TWO).await.expect_err("another event");
    assert_eq!((fault.kind, stage.aws.table()), (FaultKind::Malformed, before), "nothing is claimed for it");
}

#[tokio::test]
async fn whatever_the_event_is_somebody_is_told() {
    for raw in ["{}", "[]", "\"text\"", "{\"source\": \"aws.guardduty\", \"source\": \"mine\"}"] {
        let stage = Stage::start().await;
        let event = RawValue::from_string(raw.to_owned()).expect("JSON");
        let request = TriageInput { event, execution_arn: ONE.to_owned(), started_at: AT.parse().expect("a time"), joins: false };
        let incident = Box::pin(function(&stage.aws, AUTO).handle(request)).await.expect(raw);
        assert_eq!((incident.verdict, incident.decisions.len()), (Verdict::Notify, 0), "{raw}");
        assert_eq!(stored(&stage.aws, &incident.id).await.expect(raw).status, IncidentStatus::Notified);
        let outside = stage.aws.calls().into_iter().filter(|call| call.service != "dynamodb").count();
        assert_eq!(outside, 0, "{raw}: nobody is asked about it");
    }
}
