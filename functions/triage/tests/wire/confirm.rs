//! What GuardDuty says about a finding before anything is contained because of it.

use crate::{AUTO, ONE, Stage, TWO, USER, counted, deliver, function, key, modes, request, stored};
use firebreak::decision::{Mode, ReasonCode};
use firebreak::incident::IncidentStatus;
use firebreak::plan::Verdict;
use firebreak_testkit::room;
use firebreak_testkit::scripted::{Answer, error};
use serde_json::json;

const REQUIRED: &str = "default_mode = \"auto\"\nconfirmation = \"required\"\n";

#[tokio::test]
async fn what_was_archived_since_is_ignored_until_that_is_taken_back() {
    let stage = Stage::start().await;
    let event = stage.finding("f1");
    stage.guardduty.archive("f1", true);
    let ignored = deliver(&stage.aws, AUTO, &event, ONE).await.expect("an answer");
    assert_eq!((ignored.verdict, ignored.decisions.len()), (Verdict::Ignore, 0));
    assert_eq!(stored(&stage.aws, &ignored.id).await.expect("an incident").status, IncidentStatus::Ignored);
    assert_eq!(counted(&stage.aws), [""; 0]);
    stage.guardduty.archive("f1", false);
    let answered = deliver(&stage.aws, AUTO, &event, TWO).await.expect("an incident");
    assert_eq!((&answered.id, modes(&answered)), (&ignored.id, vec![(USER, Mode::Auto)]));
    let record = stored(&stage.aws, &ignored.id).await.expect("an incident");
    assert_eq!((record.incident, record.status), (answered, IncidentStatus::Triaged));
    assert_eq!(counted(&stage.aws), [key(USER)]);
}

#[tokio::test]
async fn what_guardduty_does_not_know_as_the_event_says_it_waits_for_a_person() {
    for borrowed in [None, Some(("type", "Recon:IAMUser/TorIPCaller")), Some(("accountId", "444455556666"))] {
        let stage = Stage::start().await;
        let event = stage.finding("f1");
        match borrowed {
            Some((field, value)) => stage.guardduty.change("f1", field, json!(value)),
            None => stage.guardduty.forget("f1"),
        }
        let incident = deliver(&stage.aws, AUTO, &event, ONE).await.expect("an incident");
        assert_eq!((incident.verdict, modes(&incident)), (Verdict::Respond, vec![(USER, Mode::Gate)]), "{borrowed:?}");
        assert_eq!(incident.decisions[0].code, ReasonCode::Doubt, "{borrowed:?}");
        assert_eq!(counted(&stage.aws), [""; 0], "{borrowed:?}");
    }
}

/// A fixture, what an honest event of it leads to, and a field under which a forger puts something else into the event.
const FORGERIES: [(&str, Mode, &str, &str); 7] = [
    (USERS, Mode::Auto, "/detail/resource/accessKeyDetails/userName", "mallory"),
    (USERS, Mode::Auto, "/detail/resource/accessKeyDetails/principalId", "AIDAEXAMPLEMALLORY001"),
    (USERS, Mode::Auto, "/detail/resource/accessKeyDetails/accessKeyId", "AKIAEXAMPLEMALLORY01"),
    (
        "guardduty/instance-credential-exfiltration",
        Mode::Auto,
        "/detail/resource/accessKeyDetails/principalId",
        "AROA1119DBC754673BFA8:i-0123456789abcdef0",
    ),
    ("guardduty/bitcoin-tool", Mode::Auto, "/detail/resource/instanceDetails/instanceId", "i-0123456789abcdef0"),
    ("guardduty/bucket-anonymous-access", Mode::Auto, "/detail/resource/s3BucketDetails/0/name", "another-bucket"),
    ("guardduty/ssh-brute-force-target", Mode::Notify, "/detail/service/resourceRole", "ACTOR"),
];
const USERS: &str = "guardduty/exfiltration-iam-user";

#[tokio::test]
async fn under_the_id_of_a_true_finding_nothing_else_is_contained_than_that_finding_calls_for() {
    for (fixture, honest, field, forged) in FORGERIES {
        for (mode, value) in [(honest, None), (Mode::Gate, Some(forged))] {
            let stage = Stage::start().await;
            let mut event = stage.finding_of(fixture, "f1");
            if let Some(value) = value {
                *event.pointer_mut(field).expect(field) = json!(value);
            }
            // A mild finding, too, is contained at once, or nobody would ask.
            let policy = format!("auto_from = \"low\"\n{AUTO}");
            let incident = deliver(&stage.aws, &policy, &event, ONE).await.expect("an incident");
            assert!(!incident.decisions.is_empty(), "{field} {value:?}");
            assert!(incident.decisions.iter().all(|decision| decision.mode == mode), "{field} {value:?}: {incident:?}");
            assert_eq!(stage.aws.calls_of("guardduty:GetFindings").is_empty(), mode == Mode::Notify, "{field} {value:?}");
        }
    }
}

#[tokio::test]
async fn a_finding_that_names_more_by_now_still_stands() {
    let stage = Stage::start().await;
    let event = stage.finding_of("types/AttackSequence-S3-CompromisedData", "f1");
    let mut later = event.clone();
    let sequence = &mut later["detail"]["service"]["detection"]["sequence"];
    let mut actor = sequence["actors"][0].clone();
    actor["user"]["name"] = json!("mallory");
    actor["user"]["uid"] = json!("AIDAEXAMPLEMALLORY001");
    sequence["actors"].as_array_mut().expect("actors").push(actor);
    stage.guardduty.learn(&later);
    let incident = deliver(&stage.aws, AUTO, &event, ONE).await.expect("an incident");
    assert!(incident.decisions.iter().any(|decision| decision.mode == Mode::Auto), "{incident:?}");
    let forged = later;
    let stage = Stage::start().await;
    stage.finding_of("types/AttackSequence-S3-CompromisedData", "f1");
    let incident = deliver(&stage.aws, AUTO, &forged, ONE).await.expect("an incident");
    assert!(incident.decisions.iter().all(|decision| decision.mode != Mode::Auto), "{incident:?}");
}

#[tokio::test]
async fn a_guardduty_that_does_not_answer_stops_nothing_unless_its_answer_is_required() {
    for (action, answer) in [
        ("guardduty:GetFindings", error(500, "InternalServerErrorException")),
        ("guardduty:GetFindings", Answer::reset()),
        ("guardduty:ListDetectors", error(403, "AccessDeniedException")),
    ] {
        for (policy, mode, code) in [(AUTO, Mode::Auto, ReasonCode::Row), (REQUIRED, Mode::Gate, ReasonCode::Doubt)] {
            let stage = Stage::start().await;
            let event = stage.finding("f1");
            stage.aws.always(action, answer.clone());
            let incident = deliver(&stage.aws, policy, &event, ONE).await.expect("an incident");
            assert_eq!((modes(&incident), incident.decisions[0].code), (vec![(USER, mode)], code), "{action} {policy}");
        }
    }
}

/// Ids under which GuardDuty cannot be asked about a finding of its own in `eu-central-1`.
const NO_IDS: [Option<&str>; 5] = [
    None,
    Some("made-up"),
    Some("arn:aws:guardduty:us-east-1:111122223333:detector/d/finding/f1"),
    Some("arn:aws:securityhub:eu-central-1:111122223333:detector/d/finding/f1"),
    Some("arn:aws:guardduty:eu-central-1:111122223333:detector/d/finding/f1/more"),
];

#[tokio::test]
async fn under_an_id_that_is_no_finding_of_guardduty_there_nothing_is_contained_at_once() {
    for id in NO_IDS {
        let stage = Stage::start().await;
        let mut event = stage.finding("f1");
        match id {
            Some(id) => event["detail"]["arn"] = json!(id),
            None => {
                event["detail"].as_object_mut().expect("a finding").remove("arn");
            }
        }
        let incident = deliver(&stage.aws, AUTO, &event, ONE).await.expect("an incident");
        assert_eq!((modes(&incident), incident.decisions[0].code), (vec![(USER, Mode::Gate)], ReasonCode::Doubt), "{id:?}");
        assert_eq!(counted(&stage.aws), [""; 0], "{id:?}");
    }
}

#[tokio::test]
async fn what_is_said_in_guarddutys_name_where_it_is_off_waits_for_a_person() {
    let stage = Stage::start().await;
    let event = stage.finding("f1");
    stage.guardduty.switch_off(room::REGION);
    let incident = deliver(&stage.aws, AUTO, &event, ONE).await.expect("an incident");
    assert_eq!((modes(&incident), incident.decisions[0].code), (vec![(USER, Mode::Gate)], ReasonCode::Doubt));
    assert_eq!(stage.aws.calls_of("guardduty:GetFindings").len(), 0);
    // Where nobody wants to ask, nobody minds.
    let off = format!("{AUTO}confirmation = \"off\"\n");
    let unasked = deliver(&stage.aws, &off, &stage.finding("f2"), TWO).await.expect("an incident");
    assert_eq!(modes(&unasked), [(USER, Mode::Auto)]);
}

#[tokio::test]
async fn a_detector_that_was_made_anew_is_looked_up_again() {
    let stage = Stage::start().await;
    let warm = function(&stage.aws, AUTO);
    let first = Box::pin(warm.handle(request(&stage.finding("f1"), ONE))).await.expect("an incident");
    assert_eq!(modes(&first), [(USER, Mode::Auto)]);
    let event = stage.finding("f2");
    stage.guardduty.archive("f2", true);
    stage.guardduty.replace_detector("e");
    let second = Box::pin(warm.handle(request(&event, TWO))).await.expect("an answer");
    assert_eq!(second.verdict, Verdict::Ignore, "the new detector was asked");
    assert_eq!(stage.aws.calls_of("guardduty:ListDetectors").len(), 2);
}

#[tokio::test]
async fn guardduty_is_asked_in_the_region_of_the_finding_and_only_before_a_containment() {
    let stage = Stage::start().await;
    let mut event = stage.finding("f1");
    event["region"] = json!("ap-southeast-7");
    event["detail"]["region"] = json!("ap-southeast-7");
    event["detail"]["arn"] = json!(format!("arn:aws:guardduty:ap-southeast-7:{}:detector/d/finding/f1", room::ACCOUNT));
    deliver(&stage.aws, AUTO, &event, ONE).await.expect("an incident");
    let asked = stage.aws.calls_of("guardduty:GetFindings");
    assert_eq!(asked.iter().map(|call| call.region.as_str()).collect::<Vec<_>>(), ["ap-southeast-7"]);
    stage.aws.forget();
    deliver(&stage.aws, "default_mode = \"gate-first\"\n", &stage.finding("f2"), TWO).await.expect("an incident");
    assert_eq!(stage.aws.calls_of("guardduty:GetFindings").len(), 0, "a person decides anyway");
}
