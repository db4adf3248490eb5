//! Kind B: a principal without a usable name is not a principal with a bad one. Its key tells whose it is, once somebody asks.

use super::events::{
    CALLER, CALLS, CREDENTIALS, EXPOSED, INSTANCE, KEY, OF_INSTANCE, ROLE_ARN, SESSION_KEY, USER_ID, actor, asff, asff_key,
    caller, case, health, native, ocsf, ocsf_key, owned, sequence, with,
};
use super::plans::{
    DEPLOY, OWNERLESS, USER, codes, decides, keys, keys_asked, known, of, principal_id, reason, responds, session, told,
};
use firebreak::decision::ReasonCode;
use firebreak::plan::Verdict;
use serde_json::json;

const USER_ARN: &str = "arn:aws:iam::111122223333:user/team/svc";
const SESSION_ARN: &str = "arn:aws:sts::111122223333:assumed-role/deploy/i-0123456789abcdef0";

#[test]
fn a_key_without_a_name_waits_and_its_owner_is_contained_once_known() {
    let mut empty = owned("AWS::IAM::AccessKey", KEY);
    empty["data"] = json!({ "user_name": "", "user_type": "IAMUser" });
    for event in [
        case("03-ocsf-akia-no-user"),
        native(CALLS, caller("IAMUser", "", USER_ID, KEY)),
        native(CALLS, caller("IAMUser", "a b", USER_ID, KEY)),
        asff(CALLER, json!([asff_key(KEY, json!({ "PrincipalType": "IAMUser", "PrincipalId": USER_ID }))])),
        ocsf(CALLER, json!([ocsf_key(KEY, json!({ "type": "IAMUser" }))])),
        ocsf(CALLER, json!([empty])),
        sequence(CREDENTIALS, json!([actor("IAMUser", "", "", KEY)]), json!([])),
    ] {
        let plan = responds(&event, &[OWNERLESS]);
        assert_eq!(keys(&plan), [[KEY]]);
        assert_eq!((keys_asked(&plan), codes(&plan)), (1, vec![ReasonCode::Row]), "the account is asked: {plan:?}");
        let plan = decides(known(&event, &[KEY], "svc"), Verdict::Respond, &[USER]);
        assert_eq!(keys(&plan), [[KEY]]);
    }
    let event = with(health(EXPOSED, &[KEY]), "/detail/eventMetadata", json!({ "userName": "a b/c" }));
    responds(&event, &["by-hand gate 111122223333 us-east-1 access-key AKIAEXAMPLEEXAMPLE12"]);
    let owned =
        ["quarantine-iam auto 111122223333 us-east-1 iam-user svc", "quarantine-iam gate 111122223333 us-east-1 iam-user svc"];
    decides(known(&event, &[KEY], "svc"), Verdict::Respond, &owned);
}

#[test]
fn a_role_without_a_name_leaves_its_key_to_a_person() {
    let line = "by-hand gate 111122223333 eu-central-1 access-key ASIAEXAMPLEEXAMPLE12";
    let details = json!({ "PrincipalType": "AssumedRole", "PrincipalId": OF_INSTANCE });
    for event in [
        native(CALLS, caller("AssumedRole", "", OF_INSTANCE, SESSION_KEY)),
        native(CALLS, caller("AssumedRole", "a b", OF_INSTANCE, SESSION_KEY)),
        asff(CALLER, json!([asff_key(SESSION_KEY, details)])),
        ocsf(CALLER, json!([ocsf_key(SESSION_KEY, json!({ "type": "AssumedRole", "uid": OF_INSTANCE }))])),
        sequence(CREDENTIALS, json!([actor("AssumedRole", "", OF_INSTANCE, SESSION_KEY)]), json!([])),
    ] {
        let plan = responds(&event, &[line]);
        assert_eq!((keys(&plan), keys_asked(&plan)), (vec![vec![SESSION_KEY]], 1));
    }
}

#[test]
fn a_principals_own_arn_is_its_name() {
    for event in [
        native(CALLS, caller("IAMUser", USER_ARN, USER_ID, KEY)),
        asff(CALLER, json!([asff_key(KEY, json!({ "PrincipalName": USER_ARN, "PrincipalId": USER_ID }))])),
        ocsf(CALLER, json!([ocsf_key(KEY, json!({ "type": "IAMUser", "name": USER_ARN, "uid": USER_ID }))])),
        sequence(CREDENTIALS, json!([actor("IAMUser", USER_ARN, USER_ID, KEY)]), json!([])),
    ] {
        assert_eq!(principal_id(&responds(&event, &[USER])), Some(USER_ID));
    }
    // Split at its first colon, the name of the role would be `arn`.
    for arn in [ROLE_ARN, SESSION_ARN] {
        let details = json!({ "PrincipalType": "AssumedRole", "PrincipalName": arn, "PrincipalId": OF_INSTANCE });
        for event in [
            native(CALLS, caller("AssumedRole", arn, OF_INSTANCE, SESSION_KEY)),
            asff(CALLER, json!([asff_key(SESSION_KEY, details)])),
            ocsf(CALLER, json!([ocsf_key(SESSION_KEY, json!({ "type": "Role", "name": arn, "uid": OF_INSTANCE }))])),
            sequence(CREDENTIALS, json!([actor("AssumedRole", arn, OF_INSTANCE, SESSION_KEY)]), json!([])),
        ] {
            assert_eq!(session(&responds(&event, &[DEPLOY])), Some(INSTANCE));
        }
    }
    let named_with_session = native(CALLS, caller("AssumedRole", "deploy:x", OF_INSTANCE, SESSION_KEY));
    assert_eq!(session(&responds(&named_with_session, &[DEPLOY])), Some(INSTANCE), "as before");
}

#[test]
fn an_arn_of_another_kind_names_nobody() {
    for arn in [ROLE_ARN, SESSION_ARN, "arn:aws:iam::111122223333:user/", "arn:aws:s3:::user/svc", "arn:aws:iam::x:user/svc"] {
        responds(&native(CALLS, caller("IAMUser", arn, USER_ID, KEY)), &[OWNERLESS]);
    }
    let line = "by-hand gate 111122223333 eu-central-1 access-key ASIAEXAMPLEEXAMPLE12";
    for arn in [USER_ARN, "arn:aws:iam::111122223333:role/", "arn:aws:iam::111122223333:assumed-role/deploy/x"] {
        responds(&native(CALLS, caller("AssumedRole", arn, OF_INSTANCE, SESSION_KEY)), &[line]);
    }
}

#[test]
fn a_principal_of_which_only_the_id_is_known_waits_under_its_id() {
    let by_id = |id: &str| format!("by-hand gate 111122223333 eu-central-1 principal {id}");
    for (kind, id) in [("IAMUser", USER_ID), ("", USER_ID), ("AssumedRole", "AROAEXAMPLEEXAMPLE12")] {
        for event in [
            native(CALLS, caller(kind, "", id, "")),
            asff(CALLER, json!([asff_key("null", json!({ "PrincipalType": kind, "PrincipalId": id }))])),
            ocsf(CALLER, json!([ocsf_key("null", json!({ "type": kind, "uid": id }))])),
            sequence(CREDENTIALS, json!([actor(kind, "", id, "")]), json!([])),
        ] {
            let plan = responds(&event, &[&by_id(id)]);
            assert_eq!((codes(&plan), keys_asked(&plan)), (vec![ReasonCode::Unread], 0));
            assert!(reason(&plan).contains("without a valid name"), "{}", reason(&plan));
        }
    }
}

#[test]
fn a_hostile_name_reaches_no_target() {
    for name in ["../../admin", "x\u{1b}[2J", "bob\",\"Effect\":\"Allow", "a\u{202e}b", "arn:aws:iam::111122223333:user/../x y"] {
        responds(&native(CALLS, caller("IAMUser", name, USER_ID, KEY)), &[OWNERLESS]);
        let plan = responds(
            &native(CALLS, caller("IAMUser", name, USER_ID, "")),
            &["by-hand gate 111122223333 eu-central-1 principal AIDAEXAMPLEEXAMPLE12"],
        );
        assert!(plan.decisions.iter().all(|decision| decision.containment.is_none()), "{plan:?}");
        let role = of(&native(CALLS, caller("AssumedRole", name, OF_INSTANCE, "")));
        decides(role, Verdict::Respond, &["by-hand gate 111122223333 eu-central-1 principal AROAEXAMPLEEXAMPLE12"]);
    }
}

#[test]
fn below_high_a_principal_without_a_name_stays_a_notice() {
    for severity in [2.0, 5.0, 6.9] {
        let nameless = |kind: &str, id: &str| {
            let event = native(CALLS, caller(kind, "", id, ""));
            with(event, "/detail/severity", json!(severity))
        };
        told(&nameless("IAMUser", USER_ID), "a user without a valid name");
        told(&nameless("AssumedRole", OF_INSTANCE), "a role without a valid name");
    }
}
