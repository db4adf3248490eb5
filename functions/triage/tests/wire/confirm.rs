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
