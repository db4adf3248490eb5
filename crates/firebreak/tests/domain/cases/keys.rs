//! Kind A: two namings of one target know more together than each of them alone, and nothing of it is lost.

use super::events::{
    C2, CALLER, CREDENTIALS, DATA, EXPOSED, GROUP, INSTANCE, INSTANCE_ARN, KEY, OF_INSTANCE, OTHER_KEY, OTHER_SESSION_KEY,
    SESSION_KEY, USER_ID, actor, asff, asff_key, case, health, ocsf, ocsf_key, owned, sequence, with,
};
use super::plans::{
    DEPLOY, ISOLATED, ISOLATION_ASKED, LOCKED, OWNERLESS, ROOT, USER, codes, decides, keys, known, principal_id, responds,
    session, under,
};
use crate::traps::policy;
use firebreak::decision::ReasonCode;
use firebreak::plan::Verdict;
use serde_json::{Value, json};

const BOTH: [&str; 2] = [KEY, OTHER_KEY];

fn named(name: &str) -> Value {
    json!({ "PrincipalType": "IAMUser", "PrincipalName": name, "PrincipalId": USER_ID })
}

#[test]
fn two_keys_of_one_user_are_both_exposed() {
    let deployer = "quarantine-iam auto 111122223333 eu-central-1 iam-user ci-deployer";
    let example = case("01-two-keys-one-user");
    let without_key = json!([actor("IAMUser", "ci-deployer", "", "")]);
    let among_resources = with(example.clone(), "/detail/service/detection/sequence/actors", without_key);
    for event in [example, among_resources] {
        let plan = responds(&event, &[deployer]);
        assert_eq!((keys(&plan), principal_id(&plan)), (vec![BOTH.to_vec()], Some(USER_ID)));
    }
    // Only one of the two namings has the user's id.
    let (with_id, without_id) = (json!({ "type": "IAMUser", "name": "svc", "uid": USER_ID }), json!({ "name": "svc" }));
    for event in [
        asff(CALLER, json!([asff_key(KEY, named("svc")), asff_key(OTHER_KEY, named("svc"))])),
        ocsf(CALLER, json!([ocsf_key(KEY, without_id.clone()), ocsf_key(OTHER_KEY, with_id.clone())])),
        ocsf(CALLER, json!([ocsf_key(KEY, with_id), ocsf_key(OTHER_KEY, without_id)])),
    ] {
        let plan = responds(&event, &[USER]);
        assert_eq!((keys(&plan), principal_id(&plan)), (vec![BOTH.to_vec()], Some(USER_ID)));
    }
    let event = with(health(EXPOSED, &BOTH), "/detail/eventMetadata", json!({ "userName": "ci-deployer" }));
    let deployer = |mode: &str| format!("quarantine-iam {mode} 111122223333 us-east-1 iam-user ci-deployer");
    let plan = responds(&event, &[&deployer("auto"), &deployer("auto"), &deployer("gate")]);
    assert_eq!(keys(&plan), [vec![KEY], vec![OTHER_KEY], BOTH.to_vec()], "each key alone, and the user who has both");
}

#[test]
fn one_name_in_two_cases_is_one_principal() {
    let users = json!([actor("IAMUser", "svc", USER_ID, KEY), actor("IAMUser", "SVC", USER_ID, OTHER_KEY)]);
    assert_eq!(keys(&responds(&sequence(CREDENTIALS, users, json!([])), &[USER])), [BOTH]);
    let of = |name: &str, key: &str| actor("AssumedRole", name, OF_INSTANCE, key);
    let roles = json!([of("deploy", SESSION_KEY), of("Deploy", OTHER_SESSION_KEY)]);
    let plan = responds(&sequence(CREDENTIALS, roles, json!([])), &[DEPLOY]);
    assert_eq!((keys(&plan), session(&plan)), (vec![vec![SESSION_KEY, OTHER_SESSION_KEY]], Some(INSTANCE)));
}

#[test]
fn two_findings_of_one_event_share_what_they_know_of_one_user() {
    for name in ["svc", "SVC"] {
        let mut event = asff(CALLER, json!([asff_key(KEY, named("svc"))]));
        let mut second = event["detail"]["findings"][0].clone();
        second["Id"] = json!("arn:aws:guardduty:eu-central-1:111122223333:detector/d/finding/second");
        second["Resources"] = json!([asff_key(OTHER_KEY, named(name))]);
        event["detail"]["findings"].as_array_mut().expect("findings").push(second);
        let plan = responds(&event, &[USER]);
        assert_eq!((keys(&plan), plan.findings.len()), (vec![BOTH.to_vec()], 2), "{name}");
    }
}

#[test]
fn two_keys_of_one_session_are_both_known_whoever_acts_on_it() {
    let twice = |kind: &str, name: &str, id: &str| {
        let both = [SESSION_KEY, OTHER_SESSION_KEY].map(|key| actor(kind, name, id, key));
        sequence(CREDENTIALS, json!(both), json!([]))
    };
    for (event, line) in [
        (twice("AssumedRole", "deploy", OF_INSTANCE), DEPLOY),
        (twice("Root", "Root", "111122223333"), ROOT),
        (twice("FederatedUser", "fed", "111122223333:fed"), "by-hand gate 111122223333 eu-central-1 federated-user fed"),
        (
            twice("AssumedRole", "AWSReservedSSO_Admin_0123456789abcdef", "AROAEXAMPLEEXAMPLE12:jane"),
            "by-hand gate 111122223333 eu-central-1 identity-center-user jane",
        ),
    ] {
        assert_eq!(keys(&responds(&event, &[line])), [[SESSION_KEY, OTHER_SESSION_KEY]]);
    }
}

#[test]
fn a_tag_that_only_the_second_naming_carries_protects() {
    let named_twice = |kind: &str, word: &str, first: &str, second: &str| {
        let tags = json!([{ "key": "protected", "value": "yes" }]);
        let second = json!({ "uid": second, "resourceType": word, "tags": tags });
        sequence(kind, json!([]), json!([{ "uid": first, "resourceType": word }, second]))
    };
    let mut tagged = owned("AWS::EC2::Instance", INSTANCE_ARN);
    tagged["tags"] = json!([{ "name": "protected", "value": "yes" }]);
    let protecting = policy("[protected]\ntags = [{ key = \"protected\", value = \"yes\" }]");
    for (event, line) in [
        (named_twice(GROUP, "EC2_INSTANCE", INSTANCE_ARN, INSTANCE), ISOLATION_ASKED),
        (named_twice(DATA, "S3_BUCKET", "arn:aws:s3:::acme-data", "arn:aws:s3:::acme-data"), LOCKED),
        (ocsf(C2, json!([owned("AWS::EC2::Instance", INSTANCE), tagged])), ISOLATED),
    ] {
        responds(&event, &[line]);
        let spared = line.replace(" auto ", " notify ").replace(" gate ", " notify ");
        let plan = decides(under(&protecting, &event), Verdict::Notify, &[&spared]);
        assert_eq!(codes(&plan), [ReasonCode::Protected]);
    }
}

#[test]
fn keys_of_two_owners_and_two_sessions_stay_apart() {
    let users = json!([actor("IAMUser", "svc", "", KEY), actor("IAMUser", "svc2", "", OTHER_KEY)]);
    let other = "quarantine-iam auto 111122223333 eu-central-1 iam-user svc2";
    assert_eq!(keys(&responds(&sequence(CREDENTIALS, users, json!([])), &[USER, other])), [[KEY], [OTHER_KEY]]);
    let of = |session: &str, key: &str| actor("AssumedRole", "deploy", &format!("AROAEXAMPLEEXAMPLE12:{session}"), key);
    let sessions = json!([of(INSTANCE, SESSION_KEY), of("i-0123456789abcdef1", OTHER_SESSION_KEY)]);
    let plan = responds(&sequence(CREDENTIALS, sessions, json!([])), &[DEPLOY, DEPLOY]);
    assert_eq!(keys(&plan), [[SESSION_KEY], [OTHER_SESSION_KEY]]);
}

#[test]
fn a_flood_of_keys_is_bounded_and_long_term_keys_stay() {
    let of = |front: &str, n: usize| actor("IAMUser", "svc", "", &format!("{front}EXAMPLEEXAMPLE{n:02}"));
    let flood: Vec<Value> = (20..60).map(|n| of("ASIA", n)).chain([12, 13].map(|n| of("AKIA", n))).collect();
    let plan = responds(&sequence(CREDENTIALS, json!(flood), json!([])), &[USER]);
    let found = keys(&plan).concat();
    assert_eq!(found.len(), 11, "{found:?}");
    assert_eq!(found[..3], ["ASIAEXAMPLEEXAMPLE20", KEY, OTHER_KEY], "the first one named, then those that no session ends");
}

#[test]
fn bare_keys_of_one_owner_become_one_user_with_all_of_them() {
    let bare = |key: &str| owned("AWS::IAM::AccessKey", key);
    let event = ocsf(CALLER, json!([bare(KEY), bare(OTHER_KEY)]));
    let other = "by-hand gate 111122223333 eu-central-1 access-key AKIAEXAMPLEEXAMPLE13";
    responds(&event, &[OWNERLESS, other]);
    let both = decides(known(&event, &BOTH, "svc"), Verdict::Respond, &[USER]);
    assert_eq!(keys(&both), [BOTH]);
    let one = decides(known(&event, &[KEY], "svc"), Verdict::Respond, &[USER, other]);
    assert_eq!(keys(&one), [[KEY], [OTHER_KEY]]);
}
