//! Sessions of roles: whose an Identity Center name is, and who else uses a name that a caller chose.

use crate::directory::{Directory, Record, trail};
use crate::{AUTO, ONE, Stage, deliver, modes};
use firebreak::decision::Mode;
use firebreak::incident::Incident;
use firebreak::target::{Scope, TargetKind};
use firebreak_testkit::room;
use serde_json::{Value, json};

const DEPLOY: &str = "AROAEXAMPLEROLE000001";
const NAMESAKE: &str = "AROAEXAMPLEROLE000002";
const KEY: &str = "ASIAEXAMPLESESSION01";
const OTHER_KEY: &str = "ASIAEXAMPLESESSION02";
const SESSION: &str = "AROAEXAMPLEROLE000001:mallory";
const PERMISSION_SET: &str = "AWSReservedSSO_Admin_0123456789abcdef";

/// A finding about one session of a role.
fn finding(stage: &Stage, role: &str, session: &str) -> Value {
    let mut event = stage.finding_of("guardduty/exfiltration-assumed-role", "f1");
    event["detail"]["resource"]["accessKeyDetails"] = json!({ "accessKeyId": KEY, "userName": role, "userType": "AssumedRole",
        "principalId": format!("{DEPLOY}:{session}") });
    stage.guardduty.learn(&event);
    event
}

/// A mild finding, too, is contained at once.
async fn decide(stage: &Stage, role: &str, session: &str) -> Incident {
    let policy = format!("auto_from = \"low\"\n{AUTO}");
    deliver(&stage.aws, &policy, &finding(stage, role, session), ONE).await.expect("an incident")
}

fn reason(incident: &Incident) -> &str {
    &incident.decisions[0].reason
}

#[tokio::test]
async fn an_identity_center_session_is_a_persons_by_the_path_of_its_role() {
    let known = |path| Directory { roles: vec![(PERMISSION_SET, DEPLOY, path)], ..Directory::default() };
    let stage = Stage::start().await;
    known("/aws-reserved/sso.amazonaws.com/eu-central-1/").answers(&stage.aws);
    let incident = decide(&stage, PERMISSION_SET, "ceo@corp.example").await;
    assert_eq!(modes(&incident), [("ceo@corp.example", Mode::Gate)]);
    assert_eq!(incident.decisions[0].target.kind, TargetKind::IdentityCenterUser);
    assert!(!reason(&incident).contains("borrowed"), "{}", reason(&incident));

    let stage = Stage::start().await;
    known("/").answers(&stage.aws);
    let incident = decide(&stage, PERMISSION_SET, "ceo@corp.example").await;
    assert_eq!((modes(&incident), incident.decisions[0].target.scope), (vec![(PERMISSION_SET, Mode::Gate)], Scope::Session));
    assert!(reason(&incident).contains("its name is borrowed"), "{}", reason(&incident));

    // Nobody says which it is: the person and the role's session both wait.
    let stage = Stage::start().await;
    let incident = decide(&stage, PERMISSION_SET, "ceo@corp.example").await;
    let mut decided = modes(&incident);
    decided.sort_unstable_by_key(|(id, _)| *id);
    assert_eq!(decided, [(PERMISSION_SET, Mode::Gate), ("ceo@corp.example", Mode::Gate)]);
}

#[tokio::test]
async fn a_role_that_was_made_anew_under_the_name_waits_under_its_own_id() {
    let stage = Stage::start().await;
    Directory { roles: vec![("deploy", NAMESAKE, "/")], ..Directory::default() }.answers(&stage.aws);
    let incident = decide(&stage, "deploy", "i-0123456789abcdef0").await;
    let decision = incident.decisions.iter().find(|decision| decision.target.kind == TargetKind::IamRole).expect("the role");
    assert_eq!((decision.mode, decision.target.principal_id.as_ref().expect("an id").as_str()), (Mode::Gate, NAMESAKE));
    assert!(decision.reason.contains("the role of the finding is gone"), "{}", decision.reason);
}

#[tokio::test]
async fn a_chosen_name_that_only_the_suspect_uses_is_denied_at_once() {
    let stage = Stage::start().await;
    trail(&stage.aws, &[(SESSION, KEY, "198.51.100.23"), (SESSION, KEY, "198.51.100.23")], None);
    let incident = decide(&stage, "deploy", "mallory").await;
    assert_eq!((modes(&incident), incident.decisions[0].target.scope), (vec![("deploy", Mode::Auto)], Scope::Session));
    assert!(reason(&incident).contains("1 key, 1 address"), "{}", reason(&incident));
    let asked = stage.aws.calls_of("cloudtrail:LookupEvents");
    assert_eq!((asked.len(), asked[0].region.as_str()), (1, room::REGION));
    assert_eq!(asked[0].params["LookupAttributes"], json!([{ "AttributeKey": "Username", "AttributeValue": "mallory" }]));
    assert_eq!(stage.aws.calls_of("guardduty:GetFindings").len(), 1, "the finding still stands");
}

#[tokio::test]
async fn a_chosen_name_that_others_may_use_waits_and_people_know_what_was_seen() {
    let own = (SESSION, KEY, "198.51.100.23");
    let elsewhere = "AROAEXAMPLEROLE000009:mallory";
    let cases: [(&[Record], Option<&str>, &str); 6] = [
        (&[own, (SESSION, OTHER_KEY, "198.51.100.23")], None, "2 keys, 1 address"),
        (&[own, (elsewhere, OTHER_KEY, "203.0.113.9")], None, "2 keys, 2 addresses"),
        (&[own, (SESSION, KEY, "203.0.113.9")], None, "1 key, 2 addresses"),
        (&[(elsewhere, KEY, "198.51.100.23")], None, "1 key, 1 address"),
        (&[own], Some("more"), "more calls than were read"),
        (&[], None, "no call under it"),
    ];
    for (records, token, words) in cases {
        let stage = Stage::start().await;
        trail(&stage.aws, records, token);
        let incident = decide(&stage, "deploy", "mallory").await;
        assert_eq!(modes(&incident), [("deploy", Mode::Gate)], "{words}");
        assert!(reason(&incident).contains(words), "{words}: {}", reason(&incident));
        let pages = if token.is_some() { 4 } else { 1 };
        assert_eq!(stage.aws.calls_of("cloudtrail:LookupEvents").len(), pages, "{words}");
    }
}
