//! Kinds K and L: a session is called what somebody chose.
//!
//! Identity Center names sessions after people, in any form of name. A name that the caller chose is no identity, and a name that
//! nobody reserved hides nobody.

use super::events::{
    CALLER, CALLS, CREDENTIALS, INSTANCE, SESSION_KEY, TASK_ARN, USER_ID, actor, asff, asff_key, beside, caller, case, function,
    native, ocsf, ocsf_key, owned, sequence, task,
};
use super::plans::{DEPLOY, WHOLE_ROLE, codes, decides, keys, lines, of, principal_id, reason, responds, session, under};
use crate::traps::policy;
use firebreak::decision::ReasonCode;
use firebreak::plan::Verdict;
use serde_json::{Value, json};

const SSO: &str = "AWSReservedSSO_Admin_0123456789abcdef";

/// A session of a role, as each reader finds it.
fn everywhere(role: &str, session: &str) -> Vec<Value> {
    let id = format!("AROAEXAMPLEEXAMPLE12:{session}");
    let details = json!({ "PrincipalType": "AssumedRole", "PrincipalName": role, "PrincipalId": id });
    vec![
        native(CALLS, caller("AssumedRole", role, &id, SESSION_KEY)),
        native(CALLS, caller("AssumedRole", &format!("{role}:{session}"), &id, SESSION_KEY)),
        asff(CALLER, json!([asff_key(SESSION_KEY, details)])),
        ocsf(CALLER, json!([ocsf_key(SESSION_KEY, json!({ "type": "AssumedRole", "name": role, "uid": id }))])),
        sequence(CREDENTIALS, json!([actor("AssumedRole", role, &id, SESSION_KEY)]), json!([])),
    ]
}

fn one(role: &str, session: &str) -> Value {
    native(CALLS, caller("AssumedRole", role, &format!("AROAEXAMPLEEXAMPLE12:{session}"), SESSION_KEY))
}

#[test]
fn an_identity_center_session_is_a_persons_whatever_it_is_called() {
    let example = case("21-sso-session-comma");
    let people = ["doe,jane@corp.example.com", "jane+x@corp.example.com", "j\u{e4}ne@corp.example.com", "j", "corp/jane", "a:b"];
    let events = people.iter().flat_map(|person| everywhere(SSO, person).into_iter().map(move |event| (*person, event)));
    for (person, event) in events.chain([(people[0], example)]) {
        let plan = responds(&event, &[&format!("by-hand gate 111122223333 eu-central-1 identity-center-user {person}")]);
        assert_eq!(plan.decisions[0].target.session.as_deref(), Some(person));
        assert_eq!((keys(&plan), principal_id(&plan)), (vec![vec![SESSION_KEY]], Some("AROAEXAMPLEEXAMPLE12")));
    }
    // What a terminal acts on is shown as text.
    responds(
        &one(SSO, "e\u{202e}vil\u{1b}[2J"),
        &["by-hand gate 111122223333 eu-central-1 identity-center-user e\u{fffd}vil\u{fffd}[2J"],
    );
}

#[test]
fn the_organization_denies_the_sessions_that_sts_could_name_so() {
    let denying = policy("[organization]\nquarantine_scp = true");
    for (person, containment) in [
        ("doe,jane@corp.example.com", "quarantine-scp"),
        ("jane@corp.example.com", "quarantine-scp"),
        ("jd", "quarantine-scp"),
        ("j", "by-hand"),
        ("j\u{e4}ne@corp.example.com", "by-hand"),
        ("corp/jane", "by-hand"),
    ] {
        let line = format!("{containment} gate 111122223333 eu-central-1 identity-center-user {person}");
        decides(under(&denying, &one(SSO, person)), Verdict::Respond, &[&line]);
    }
    let listed = policy("[protected]\nprincipals = [\"doe,jane@corp.example.com\"]");
    let spared = "by-hand notify 111122223333 eu-central-1 identity-center-user doe,jane@corp.example.com";
    decides(under(&listed, &case("21-sso-session-comma")), Verdict::Notify, &[spared]);
}

#[test]
fn an_identity_center_role_without_a_person_waits_as_a_whole() {
    let line = format!("quarantine-iam gate 111122223333 eu-central-1 iam-role {SSO}");
    let nameless = native(CALLS, caller("AssumedRole", SSO, "AROAEXAMPLEEXAMPLE12", SESSION_KEY));
    let plan = responds(&nameless, &[&line]);
    assert_eq!((codes(&plan), session(&plan)), (vec![ReasonCode::Protected], None));
    // An instance cannot have such a role: whoever calls himself so is no person.
    let plan = responds(&one(SSO, INSTANCE), &[&line]);
    assert_eq!((codes(&plan), session(&plan)), (vec![ReasonCode::Protected], Some(INSTANCE)));
}

#[test]
fn a_name_that_no_tag_can_hold_leaves_the_whole_role_to_a_person() {
    for name in ["a,b", "corp/jane", "j\u{e4}ne", "x"] {
        for event in everywhere("deploy", name) {
            assert_eq!(session(&responds(&event, &[WHOLE_ROLE])), None, "{name}");
        }
    }
}

#[test]
fn a_session_that_its_caller_named_waits() {
    let github = "quarantine-iam gate 111122223333 eu-central-1 iam-role DeployRole";
    let plan = responds(&case("23-shared-session-github"), &[github]);
    assert_eq!((session(&plan), codes(&plan)), (Some("GitHubActions"), vec![ReasonCode::ChosenName]));
    for name in [
        "GitHubActions",
        "CognitoIdentityCredentials",
        "botocore-session-1795943460",
        "alice@example.com",
        "AWSCodeBuild-0a1b2c3d-1111-2222-3333-444455556666",
        "0123456789abcdef0123456789abcdef",
        "i-0123",
        "pay",
    ] {
        for event in everywhere("deploy", name) {
            let plan = responds(&event, &[WHOLE_ROLE]);
            assert_eq!(session(&plan), Some(name));
            assert!(reason(&plan).contains("the caller chose the session's name"), "{}", reason(&plan));
            assert!(!plan.decisions[0].target.session_by_aws, "{name}");
        }
    }
    // Beside a function or a task of another name it is chosen all the same.
    for resource in [function(), task()] {
        let event = native(CALLS, beside(caller("AssumedRole", "deploy", "AROAEXAMPLEEXAMPLE12:other", SESSION_KEY), resource));
        let plan = of(&event);
        assert_eq!((lines(&plan)[0].as_str(), session(&plan)), (WHOLE_ROLE, Some("other")));
    }
}

#[test]
fn a_session_that_aws_named_is_denied_at_once() {
    for event in everywhere("deploy", INSTANCE) {
        let plan = responds(&event, &[DEPLOY]);
        assert_eq!((session(&plan), reason(&plan).contains("chose")), (Some(INSTANCE), false));
        assert!(!plan.decisions[0].target.session_by_aws, "its name shows it");
    }
    let task_id = "0123456789abcdef0123456789abcdef";
    let uid = format!("AROAEXAMPLEEXAMPLE12:{task_id}");
    let key = ocsf_key(SESSION_KEY, json!({ "type": "AssumedRole", "name": "deploy", "uid": uid }));
    for (event, name) in [
        (native(CALLS, beside(caller("AssumedRole", "deploy", "AROAEXAMPLEEXAMPLE12:pay", SESSION_KEY), function())), "pay"),
        (native(CALLS, beside(caller("AssumedRole", "deploy", &uid, SESSION_KEY), task())), task_id),
        (ocsf(CALLER, json!([key, owned("AWS::ECS::Task", TASK_ARN)])), task_id),
    ] {
        let plan = of(&event);
        assert_eq!((lines(&plan)[0].as_str(), session(&plan)), (DEPLOY, Some(name)));
        assert!(plan.decisions[0].target.session_by_aws, "{name} has no end of its own");
        assert!(!reason(&plan).contains("chose"), "{}", reason(&plan));
    }
}

#[test]
fn a_name_that_nobody_reserved_waits_and_hides_nobody() {
    for name in ["svc-breakglass", "Break.Glass-1", "BREAK_GLASS"] {
        let line = format!("quarantine-iam gate 111122223333 eu-central-1 iam-user {name}");
        let plan = responds(&native(CALLS, caller("IAMUser", name, USER_ID, "")), &[&line]);
        assert_eq!(codes(&plan), [ReasonCode::Protected]);
    }
    for name in ["AWSServiceRoleForX", "AWSServiceRoleForAutoScaling"] {
        let line = format!("quarantine-iam gate 111122223333 eu-central-1 iam-role {name}");
        let plan = responds(&one(name, INSTANCE), &[&line]);
        assert_eq!((codes(&plan), session(&plan)), (vec![ReasonCode::Protected], Some(INSTANCE)));
    }
    // No approval contains what Firebreak and the organization stand on: a person looks at it, and hears of what is suppressed.
    for name in ["OrganizationAccountAccessRole", "AWSControlTowerExecution", "FirebreakStateMachine"] {
        let event = one(name, INSTANCE);
        let plan = responds(&event, &[&format!("by-hand gate 111122223333 eu-central-1 iam-role {name}")]);
        assert_eq!((codes(&plan), session(&plan)), (vec![ReasonCode::Protected], Some(INSTANCE)));
        let kind = event["detail"]["type"].as_str().expect("a type");
        let known = policy(&format!(
            "[[suppress]]\nfindings = [\"{kind}\"]\ntarget = \"{name}\"\naccounts = [\"111122223333\"]\nowner = \"ops\"\nreason = \"x\"\nexpires = \"2099-01-01\""
        ));
        let told = format!("quarantine-iam notify 111122223333 eu-central-1 iam-role {name}");
        decides(under(&known, &event), Verdict::Notify, &[&told]);
    }
    // Lists refuse outright.
    let listed = policy("[protected]\nprincipals = [\"svc-breakglass\"]");
    let event = native(CALLS, caller("IAMUser", "SVC-breakglass", USER_ID, ""));
    let spared = "quarantine-iam notify 111122223333 eu-central-1 iam-user SVC-breakglass";
    decides(under(&listed, &event), Verdict::Notify, &[spared]);
}
