//! Events that are large, or make something else large.

use super::events::{bytes, event, set, with};
use super::plans::{EXECUTION, INSTANCE, NOW, failed, incident, of, of_bytes, raw, responds};
use super::repository;
use firebreak::answer::{Answer, Decided};
use firebreak::fault::Fault;
use firebreak::incident::Incident;
use firebreak::notice::{NoticeKind, mail, notice, ticket};
use firebreak::plan::{AtSource, Circumstances, Plan, plan_json};
use firebreak::policy::Policy;
use firebreak::report::Report;
use firebreak::review::GateMessage;
use firebreak::stored_event::{MAX_INLINE_BYTES, Reference, StoredEvent};
use serde_json::{Value, json};

/// What a state takes in or gives out (Step Functions quotas).
const MAX_STATE_BYTES: usize = 256 * 1024;

#[test]
fn size_of_an_event_never_becomes_the_size_of_an_incident() {
    for (case, size, larger_than_a_state) in [("H72", 261_000, false), ("H73", 1_040_000, true)] {
        let padding = "A".repeat(size - event("H56").to_string().len());
        let event = with("H56", "/detail/service/additionalInfo/padding", json!(padding)).to_string();
        assert_eq!((event.len() > MAX_INLINE_BYTES, event.len() > MAX_STATE_BYTES), (true, larger_than_a_state), "{case}");
        let plan = of_bytes(event.as_bytes(), &Policy::unrestricted(), AtSource::NotAsked);
        responds(case, &plan, &[INSTANCE]);
        assert!(
            serde_json::to_string(&incident(&plan)).expect("serialisable").len() < 2048,
            "{case}: of the event only a summary"
        );
        let stored = StoredEvent::of(&event, 4);
        let reference = serde_json::to_string(&Reference { firebreak_stored_event: stored.clone() }).expect("serialisable");
        assert!(reference.len() < 256 && stored.is(&event), "{case}: what travels is a reference");
        assert_eq!(StoredEvent::referred_to_by(&reference), Some(stored), "{case}");
    }
}

/// An incident with as many targets as fit, and the report of everything that failed with the longest words.
fn largest() -> (Incident, Report) {
    let words = "\u{65e5}\u{672c}\"\\\u{1b}".repeat(400);
    let actor = |n: usize| json!({"user": {"type": "IAMUser", "name": format!("{n:0>64}"), "credentialUid": "A".repeat(128)}});
    let actors: Vec<Value> = (0..500).map(actor).collect();
    let event = set(with("H60", "/detail/title", json!(words)), "/detail/service/detection/sequence/actors", json!(actors));
    let incident = incident(&of(&event));
    let told = incident.reason.as_deref().unwrap_or_default();
    assert!(incident.decisions.len() == 20 && told.contains("236 more") && told.contains("245 more"), "{told:?}");
    let mut report = Report::default();
    report.containment.receipts = incident.decisions.iter().map(|decision| failed(decision, &words)).collect();
    (incident, report)
}

/// A sequence of 20 workloads with the longest names, and more such text in the fields at `paths`.
fn crowded(paths: &[&str]) -> Plan {
    let long = "\u{1f680}".repeat(2000);
    let workload = |n: usize| json!({"resourceType": "KUBERNETES_WORKLOAD", "name": format!("{n}{long}")});
    let workloads: Vec<Value> = (0..20).map(workload).collect();
    let mut event = with("H60", "/detail/type", json!("AttackSequence:EKS/CompromisedCluster"));
    for path in paths {
        event = set(event, path, json!(long));
    }
    // `of` holds the incident to its limit.
    of(&set(event, "/detail/service/detection/sequence/resources", json!(workloads)))
}

#[test]
fn size_of_an_incident_is_bounded_in_bytes() {
    let plan = crowded(&["/detail/title", "/detail/associatedAttackSequenceArn"]).bounded();
    assert_eq!(plan.decisions.len(), 20, "H72: names of any length leave room for all of them");
}

#[test]
fn size_of_an_incident_is_bounded_in_bytes_whatever_its_id() {
    crowded(&["/detail/title", "/detail/associatedAttackSequenceArn", "/detail/arn"]);
}

#[test]
fn size_of_what_is_sent_is_bounded() {
    let (incident, report) = largest();
    let answer = Decided::new(Answer::Approve, &"x".repeat(9000), &"\u{1f680}".repeat(90_000), NOW);
    for kind in [NoticeKind::Noticed, NoticeKind::Opened, NoticeKind::Outcome, NoticeKind::ReviewOverdue, NoticeKind::Closed] {
        let sent = mail(&notice(kind, &incident, &report, Some(&answer), 500));
        assert!(sent.body.len() < 33_000 && sent.subject.len() < 100, "H75: {kind:?} has {} bytes", sent.body.len());
    }
    assert!(mail(&ticket(&incident, &report, 500)).body.len() < 33_000, "H75");

    let gate = |incident, report| GateMessage {
        task_token: "t".repeat(1024),
        execution_arn: EXECUTION.to_owned(),
        entered_at: NOW,
        retry: 0,
        round: 1,
        after_answer: false,
        takes: firebreak::review::Takes::default(),
        incident,
        report,
    };
    let bytes = |message: &GateMessage| serde_json::to_string(message).expect("serialisable").len();
    assert!(bytes(&gate(self::incident(&raw("H70")), Report::default())) < 8 * 1024, "H74");
    assert!(bytes(&gate(incident, report)) < MAX_STATE_BYTES, "H74: also the largest");
    let definition = std::fs::read(repository().join("state-machine/incident-response.asl.json")).expect("readable");
    let definition: Value = serde_json::from_slice(&definition).expect("JSON");
    let body = definition.pointer("/States/ReviewGate/Parameters/MessageBody").and_then(Value::as_object).expect("a body");
    // What is no text is a constant.
    for (field, from) in body.iter().filter_map(|(field, from)| Some((field, from.as_str()?))) {
        assert!(from != "$" && !from.contains("event") && from != "$$.Execution.Input", "H74: {field} is {from}");
    }
}

#[test]
fn size_of_an_error_is_one_line_without_the_event() {
    let event = String::from_utf8_lossy(&bytes("H04")).into_owned();
    let fault = Fault::malformed(event.repeat(4));
    assert!(fault.to_string().chars().count() < 450, "H76: a Cause takes 32768 characters");
    let policy = Policy::unrestricted();
    let broken = event.replace("\"detail\"", "detail");
    let error = plan_json(broken.as_bytes(), &Circumstances::new(&policy, NOW)).expect_err("no JSON").to_string();
    assert!(error.len() < 60 && !error.contains("xxx"), "H76: {error}");
}
