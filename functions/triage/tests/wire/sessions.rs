//! Sessions of roles: whose an Identity Center name is, and who else uses a name that a caller chose.

use crate::directory::{Directory, Record, events, trail};
use crate::{AUTO, ONE, Stage, deliver, modes};
use firebreak::decision::{Mode, ReasonCode};
use firebreak::incident::Incident;
use firebreak::target::{Scope, TargetKind};
use firebreak_testkit::room;
use firebreak_testkit::scripted::{Answer, error};
use serde_json::{Value, json};
use std::collections::BTreeSet;

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

const OWN: Record = (SESSION, KEY, "198.51.100.23");

/// All Regions that are used, beside that of IAM.
const REGIONS: &str = "[allow]\nregions = [\"eu-central-1\", \"eu-west-1\"]\n";

async fn decide_in(stage: &Stage, regions: &str) -> Incident {
    let policy = format!("auto_from = \"low\"\n{AUTO}{regions}");
    deliver(&stage.aws, &policy, &finding(stage, "deploy", "mallory"), ONE).await.expect("an incident")
}

/// The Regions whose CloudTrail was asked.
fn asked(stage: &Stage) -> BTreeSet<String> {
    stage.aws.calls_of("cloudtrail:LookupEvents").into_iter().map(|call| call.region).collect()
}

fn regions(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

#[tokio::test]
async fn a_chosen_name_that_only_the_suspect_uses_is_denied_at_once_where_policy_names_the_regions() {
    let stage = Stage::start().await;
    stage.aws.on("cloudtrail:LookupEvents", |call| {
        Some(if call.region == room::REGION { events(&[OWN, OWN], None) } else { events(&[], None) })
    });
    let incident = decide_in(&stage, REGIONS).await;
    assert_eq!((modes(&incident), incident.decisions[0].target.scope), (vec![("deploy", Mode::Auto)], Scope::Session));
    assert!(reason(&incident).contains("nobody else has it: 1 key, 1 address"), "{}", reason(&incident));
    assert_eq!(asked(&stage), regions(&["eu-central-1", "eu-west-1", "us-east-1"]));
    let calls = stage.aws.calls_of("cloudtrail:LookupEvents");
    assert_eq!(calls.len(), 3);
    assert_eq!(calls[0].params["LookupAttributes"], json!([{ "AttributeKey": "Username", "AttributeValue": "mallory" }]));
    assert_eq!(stage.aws.calls_of("guardduty:GetFindings").len(), 1, "the finding still stands");
}

#[tokio::test]
async fn whoever_chose_the_region_of_the_evidence_gains_nothing_by_it() {
    // Nobody says which Regions there are.
    let stage = Stage::start().await;
    trail(&stage.aws, &[OWN], None);
    let incident = decide_in(&stage, "").await;
    assert_eq!((modes(&incident), incident.decisions[0].code), (vec![("deploy", Mode::Gate)], ReasonCode::ChosenName));
    assert!(reason(&incident).contains("1 key, 1 address use it in the last 24 hours in eu-central-1, us-east-1"));
    assert!(reason(&incident).contains("allow.regions names no Regions"), "{}", reason(&incident));
    assert_eq!(asked(&stage), regions(&["eu-central-1", "us-east-1"]));
    // A workload has the name elsewhere, or nobody can say whether one has.
    let elsewhere: [(&str, Answer, &str); 4] = [
        ("eu-west-1", events(&[(SESSION, OTHER_KEY, "198.51.100.23")], None), "2 keys, 1 address"),
        ("us-east-1", events(&[("AROAEXAMPLEROLE000009:mallory", KEY, "203.0.113.9")], None), "1 key, 2 addresses"),
        ("eu-west-1", events(&[OWN], Some("more")), "more calls than were read"),
        ("eu-west-1", error(400, "AccessDeniedException"), "no answer from eu-west-1"),
    ];
    for (region, answer, words) in elsewhere {
        let stage = Stage::start().await;
        stage.aws.on("cloudtrail:LookupEvents", move |call| {
            Some(if call.region == region { answer.clone() } else { events(&[OWN], None) })
        });
        let incident = decide_in(&stage, REGIONS).await;
        assert_eq!((modes(&incident), incident.decisions[0].code), (vec![("deploy", Mode::Gate)], ReasonCode::ChosenName));
        assert!(reason(&incident).contains(words), "{words}: {}", reason(&incident));
    }
}

#[tokio::test]
async fn a_chosen_name_that_others_may_use_waits_and_people_know_what_was_seen() {
    let elsewhere = "AROAEXAMPLEROLE000009:mallory";
    let cases: [(&[Record], Option<&str>, &str); 6] = [
        (&[OWN, (SESSION, OTHER_KEY, "198.51.100.23")], None, "2 keys, 1 address"),
        (&[OWN, (elsewhere, OTHER_KEY, "203.0.113.9")], None, "2 keys, 2 addresses"),
        (&[OWN, (SESSION, KEY, "203.0.113.9")], None, "1 key, 2 addresses"),
        (&[(elsewhere, KEY, "198.51.100.23")], None, "1 key, 1 address"),
        (&[OWN], Some("more"), "more calls than were read"),
        (&[], None, "no call under it"),
    ];
    for (records, token, words) in cases {
        let stage = Stage::start().await;
        trail(&stage.aws, records, token);
        let incident = decide_in(&stage, REGIONS).await;
        assert_eq!(modes(&incident), [("deploy", Mode::Gate)], "{words}");
        assert!(reason(&incident).contains(words), "{words}: {}", reason(&incident));
        let pages = if token.is_some() { 4 } else { 1 };
        assert_eq!(stage.aws.calls_of("cloudtrail:LookupEvents").len(), 3 * pages, "{words}");
    }
}
