//! Who a finding's users are by now, and whether somebody else administers the account.

use crate::directory::Directory;
use crate::{AUTO, ONE, Stage, TWO, USER, counted, deliver, function, modes, request};
use firebreak::decision::{Mode, ReasonCode};
use firebreak::diagnosis::{Condition, Places};
use firebreak::ids::{AccountId, Partition, PrincipalId, Region};
use firebreak::incident::Incident;
use firebreak::target::Scope;
use firebreak_testkit::room;
use firebreak_testkit::scripted::{ScriptedAws, error, ok};
use serde_json::json;
use std::collections::BTreeMap;
use std::time::Duration;

/// The user and the key of the finding.
const ID: &str = "AIDAA5E9285DC9025F327";
const KEY: &str = "AKIA8EAD6FD1811981E9";
/// Somebody who has the user's name since.
const NAMESAKE: &str = "AIDAEXAMPLENAMESAKE01";
const ALICE: &str = "AIDAEXAMPLEALICE00001";

fn owned_by(name: &'static str) -> BTreeMap<&'static str, &'static str> {
    BTreeMap::from([(KEY, name)])
}

/// What comes of the finding when IAM answers so.
async fn with(directory: Directory) -> (Stage, Incident) {
    let stage = Stage::start().await;
    directory.answers(&stage.aws);
    let incident = deliver(&stage.aws, AUTO, &stage.finding("f1"), ONE).await.expect("an incident");
    (stage, incident)
}

fn id(incident: &Incident) -> Option<&str> {
    incident.decisions.first()?.target.principal_id.as_ref().map(PrincipalId::as_str)
}

#[track_caller]
fn says(incident: &Incident, words: &str) {
    let reason = &incident.decisions[0].reason;
    assert!(reason.contains(words), "{reason}");
}

#[tokio::test]
async fn who_was_renamed_is_contained_under_the_present_name_and_a_namesake_is_left_alone() {
    let renamed = Directory { users: vec![("m2", ID)], keys: owned_by("m2"), ..Directory::default() };
    let replaced = Directory { users: vec![("m2", ID), (USER, NAMESAKE)], ..renamed.clone() };
    for directory in [renamed, replaced] {
        let (stage, incident) = with(directory).await;
        assert_eq!((modes(&incident), id(&incident)), (vec![("m2", Mode::Auto)], Some(ID)));
        says(&incident, &format!("renamed since: the finding says {USER}"));
        assert!(stage.aws.calls_of("iam:ListUsers").is_empty(), "the key tells");
    }
}

#[tokio::test]
async fn who_was_renamed_and_has_lost_the_key_is_found_by_the_id() {
    let (stage, incident) =
        with(Directory { users: vec![("alice", ALICE), (USER, NAMESAKE), ("m2", ID)], ..Directory::default() }).await;
    assert_eq!((modes(&incident), id(&incident)), (vec![("m2", Mode::Auto)], Some(ID)));
    let pages: Vec<String> = stage.aws.calls_of("iam:ListUsers").iter().map(|call| call.param("Marker").to_owned()).collect();
    assert_eq!(pages, ["", "1", "2"]);
}

#[tokio::test]
async fn a_user_that_was_made_anew_under_the_name_waits_under_its_own_id() {
    let (stage, incident) = with(Directory { users: vec![(USER, NAMESAKE)], ..Directory::default() }).await;
    assert_eq!((modes(&incident), id(&incident)), (vec![(USER, Mode::Gate)], Some(NAMESAKE)));
    says(&incident, "another one has its name since");
    assert_eq!(counted(&stage.aws), [""; 0]);
}

#[tokio::test]
async fn an_unfinished_list_of_users_takes_nobody_out_of_the_plan() {
    let broken = [
        (1, error(403, "AccessDenied")),
        (1, error(400, "Throttling")),
        (2, error(403, "AccessDenied")),
        (1, ok("").after(Duration::from_secs(10))),
    ];
    for (nth, answer) in broken {
        let stage = Stage::start().await;
        Directory { users: vec![(USER, NAMESAKE), ("m2", ID)], ..Directory::default() }.answers(&stage.aws);
        stage.aws.break_call("iam:ListUsers", nth, answer.clone(), None);
        let hasty = function(&stage.aws, AUTO).patient_for(Duration::from_secs(1));
        let incident = Box::pin(hasty.handle(request(&stage.finding("f1"), ONE))).await.expect("an incident");
        assert_eq!((modes(&incident), id(&incident)), (vec![(USER, Mode::Auto)], Some(ID)), "{nth} {answer:?}");
        says(&incident, "where the user of the finding is was not found out");
    }
}

#[tokio::test]
async fn a_key_whose_owner_was_renamed_is_no_contradiction_while_the_name_is_not_known() {
    let stage = Stage::start().await;
    Directory { users: vec![("m2", ID)], keys: owned_by("m2"), ..Directory::default() }.answers(&stage.aws);
    stage.aws.always("iam:GetUser", error(403, "AccessDenied"));
    let incident = deliver(&stage.aws, AUTO, &stage.finding("f1"), ONE).await.expect("an incident");
    assert_eq!((modes(&incident), id(&incident)), (vec![(USER, Mode::Auto)], Some(ID)));
}

#[tokio::test]
async fn iams_spelling_of_a_name_and_its_id_are_taken_over() {
    let stage = Stage::start().await;
    let spelled = "SVC-659353";
    Directory { users: vec![(spelled, ID)], keys: owned_by(spelled), ..Directory::default() }.answers(&stage.aws);
    let mut event = stage.finding("f1");
    event["detail"]["resource"]["accessKeyDetails"]["principalId"] = json!(null);
    stage.guardduty.learn(&event);
    let incident = deliver(&stage.aws, AUTO, &event, ONE).await.expect("an incident");
    assert_eq!((modes(&incident), id(&incident)), (vec![(spelled, Mode::Auto)], Some(ID)));
}

#[tokio::test]
async fn who_is_gone_is_decided_as_the_finding_says() {
    let (_stage, incident) = with(Directory::default()).await;
    assert_eq!((modes(&incident), id(&incident)), (vec![(USER, Mode::Auto)], Some(ID)));
    says(&incident, "no user has this name now");
}

#[tokio::test]
async fn a_key_of_somebody_else_is_taken_away_at_once_and_both_users_wait() {
    let users = vec![(USER, ID), ("alice", ALICE)];
    let (_stage, incident) = with(Directory { users, keys: owned_by("alice"), ..Directory::default() }).await;
    assert_eq!(modes(&incident), [("alice", Mode::Auto), (USER, Mode::Gate), ("alice", Mode::Gate)]);
    let scopes: Vec<Scope> = incident.decisions.iter().map(|decision| decision.target.scope).collect();
    assert_eq!(scopes, [Scope::AccessKey, Scope::Principal, Scope::Principal]);
    assert_eq!(id(&incident), Some(ALICE));
}

#[tokio::test]
async fn an_iam_that_does_not_answer_changes_nothing() {
    let stage = Stage::start().await;
    let event = stage.finding("f1");
    let refused = deliver(&stage.aws, AUTO, &event, ONE).await.expect("an incident");
    for broken in ["iam:GetUser", "sts:AssumeRole"] {
        let stage = Stage::start().await;
        Directory { users: vec![("m2", ID)], ..Directory::default() }.answers(&stage.aws);
        stage.aws.always(broken, ok("").after(Duration::from_secs(10)));
        let hasty = function(&stage.aws, AUTO).patient_for(Duration::from_millis(200));
        let incident = Box::pin(hasty.handle(request(&stage.finding("f1"), ONE))).await.expect("an incident");
        assert_eq!(incident.decisions, refused.decisions, "{broken}");
        assert_eq!(modes(&incident), [(USER, Mode::Auto)]);
    }
}

/// Which of two calls came first.
fn came_first(aws: &ScriptedAws, one: &str, other: &str) -> bool {
    let at = |action: &str| aws.calls().iter().position(|call| call.action() == action).expect("it was called");
    at(one) < at(other)
}

#[tokio::test]
async fn iam_and_guardduty_are_asked_side_by_side() {
    for (slow, first, then) in [
        ("guardduty:ListDetectors", "iam:GetUser", "guardduty:GetFindings"),
        ("sts:AssumeRole", "guardduty:GetFindings", "iam:GetUser"),
    ] {
        let stage = Stage::start().await;
        Directory { users: vec![(USER, ID)], keys: owned_by(USER), ..Directory::default() }.answers(&stage.aws);
        stage.aws.delay_call(slow, 1, Duration::from_millis(200));
        let incident = deliver(&stage.aws, AUTO, &stage.finding("f1"), ONE).await.expect("an incident");
        assert_eq!(modes(&incident), [(USER, Mode::Auto)]);
        assert!(came_first(&stage.aws, first, then), "{slow}");
    }
}

#[tokio::test]
async fn a_session_is_kept_for_the_next_finding_and_replaced_when_it_is_refused() {
    let stage = Stage::start().await;
    Directory { users: vec![("m2", ID)], keys: owned_by("m2"), ..Directory::default() }.answers(&stage.aws);
    let warm = function(&stage.aws, AUTO);
    let roles = || stage.aws.calls_of("sts:AssumeRole");
    for (serial, opened) in [("f1", 1), ("f2", 1), ("f3", 2)] {
        if serial == "f3" {
            stage.aws.next("iam:GetUser", error(403, "ExpiredToken"));
        }
        let incident = Box::pin(warm.handle(request(&stage.finding(serial), ONE))).await.expect("an incident");
        assert!(incident.decisions.iter().all(|decision| decision.target.id == "m2"), "{serial}: {incident:?}");
        assert_eq!(roles().len(), opened, "{serial}");
    }
    let opened = roles();
    let asked = &opened[0];
    assert_eq!((asked.param("RoleSessionName"), asked.param("DurationSeconds")), ("fb-triage", "3600"));
    assert!(!asked.param("Policy").contains("iam:*"), "{}", asked.param("Policy"));
}

#[tokio::test]
async fn the_last_administrator_waits_and_one_of_several_does_not() {
    let known = Directory { users: vec![(USER, ID)], keys: owned_by(USER), ..Directory::default() };
    let only = Directory { administrators: vec![(USER, ID)], ..known.clone() };
    let two = Directory { administrators: vec![(USER, ID), ("alice", ALICE)], ..known.clone() };
    let truncated = Directory { more_administrators: true, ..only.clone() };
    let another = Directory { administrators: vec![("alice", ALICE)], ..known };
    for (directory, mode, code) in [
        (only.clone(), Mode::Gate, ReasonCode::LastAdministrator),
        (two, Mode::Auto, ReasonCode::Row),
        (truncated, Mode::Auto, ReasonCode::Row),
        (another, Mode::Auto, ReasonCode::Row),
    ] {
        let (stage, incident) = with(directory).await;
        assert_eq!((modes(&incident), incident.decisions[0].code), (vec![(USER, mode)], code));
        assert_eq!(counted(&stage.aws).is_empty(), mode == Mode::Gate);
        let asked = stage.aws.calls_of("iam:ListEntitiesForPolicy");
        let policies: Vec<&str> = asked.iter().map(|call| call.param("PolicyArn")).collect();
        assert_eq!(policies, ["arn:aws:iam::aws:policy/AdministratorAccess"]);
    }
    let stage = Stage::start().await;
    only.answers(&stage.aws);
    stage.aws.always("iam:ListEntitiesForPolicy", error(403, "AccessDenied"));
    let incident = deliver(&stage.aws, AUTO, &stage.finding("f1"), ONE).await.expect("an incident");
    assert_eq!(modes(&incident), [(USER, Mode::Auto)]);
}

#[tokio::test]
async fn an_empty_group_is_no_second_administrator_and_somebody_in_one_is() {
    let known = Directory { users: vec![(USER, ID)], keys: owned_by(USER), ..Directory::default() };
    let only = Directory { administrators: vec![(USER, ID)], ..known.clone() };
    let empty = |name| (name, vec![]);
    let (own, shared) = (("own", vec![(USER, ID)]), ("shared", vec![(USER, ID), ("alice", ALICE)]));
    let many = vec![empty("a"), empty("b"), empty("c"), empty("d")];
    for (directory, mode, asked) in [
        (Directory { groups: vec![empty("a"), own.clone()], ..only.clone() }, Mode::Gate, 2),
        (Directory { groups: vec![own], ..known.clone() }, Mode::Gate, 1),
        (Directory { groups: vec![empty("a"), shared.clone()], ..only.clone() }, Mode::Auto, 3),
        (Directory { groups: vec![shared], ..known }, Mode::Auto, 2),
        (Directory { groups: many, ..only.clone() }, Mode::Auto, 0),
    ] {
        let (stage, incident) = with(directory).await;
        assert_eq!(modes(&incident), [(USER, mode)]);
        assert_eq!(stage.aws.calls_of("iam:GetGroup").len(), asked, "every page, and of no more than three groups");
    }
    let stage = Stage::start().await;
    Directory { groups: vec![empty("a")], ..only }.answers(&stage.aws);
    stage.aws.always("iam:GetGroup", error(403, "AccessDenied"));
    let incident = deliver(&stage.aws, AUTO, &stage.finding("f1"), ONE).await.expect("an incident");
    assert_eq!(modes(&incident), [(USER, Mode::Auto)], "who is in it, nobody knows");
}

#[tokio::test]
async fn a_session_is_kept_while_it_answers_some_of_the_questions() {
    let stage = Stage::start().await;
    Directory { users: vec![(USER, ID)], keys: owned_by(USER), ..Directory::default() }.answers(&stage.aws);
    let warm = function(&stage.aws, AUTO);
    for (serial, refused, opened) in
        [("f1", None, 1), ("f2", Some("iam:ListEntitiesForPolicy"), 1), ("f3", Some("iam:GetUser"), 2)]
    {
        if let Some(refused) = refused {
            stage.aws.always(refused, error(403, "AccessDenied"));
        }
        Box::pin(warm.handle(request(&stage.finding(serial), ONE))).await.expect("an incident");
        assert_eq!(stage.aws.calls_of("sts:AssumeRole").len(), opened, "{serial}");
    }
}

#[tokio::test]
async fn the_doctor_sees_whether_the_role_may_read_what_this_version_asks() {
    let places = Places {
        partition: Partition::parse("aws").expect("a partition"),
        accounts: vec![AccountId::parse(room::ACCOUNT).expect("an account")],
        regions: vec![Region::parse(room::REGION).expect("a Region")],
    };
    for (refused, condition) in [(false, Condition::Sound), (true, Condition::Broken)] {
        let stage = Stage::start().await;
        Directory { users: vec![(USER, ID), ("alice", ALICE)], ..Directory::default() }.answers(&stage.aws);
        if refused {
            stage.aws.always("iam:ListUsers", error(403, "AccessDenied"));
        }
        let seen = function(&stage.aws, AUTO).diagnose(places.clone()).await.expect("a diagnosis").observations;
        let conditions: Vec<Condition> = seen.iter().map(|one| one.condition).collect();
        assert_eq!(conditions, [Condition::Sound, condition], "{seen:?}");
        assert_eq!(stage.aws.calls_of("iam:ListUsers")[0].param("MaxItems"), "1");
    }
}

#[tokio::test]
async fn a_finding_about_the_last_administrator_that_was_archived_calls_nobody() {
    let stage = Stage::start().await;
    Directory { users: vec![(USER, ID)], administrators: vec![(USER, ID)], ..Directory::default() }.answers(&stage.aws);
    let event = stage.finding("f1");
    stage.guardduty.archive("f1", true);
    let incident = deliver(&stage.aws, AUTO, &event, TWO).await.expect("an answer");
    assert!(incident.decisions.is_empty(), "{incident:?}");
}
