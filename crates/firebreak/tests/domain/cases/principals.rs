//! Kind C: what nobody knows is not quiet, and what one field leaves out another one says.

use super::events::{
    ABUSE, CALLER, CALLS, CREDENTIALS, INSTANCE, KEY, OF_INSTANCE, SESSION_KEY, USER_ID, actor, asff, asff_key, caller, case,
    health, instance, native, ocsf, ocsf_key, sequence, with,
};
use super::plans::{DEPLOY, NOW, REPORTED, ROOT, USER, codes, decides, keys, lines, responds, session, told, under};
use firebreak::decision::ReasonCode;
use firebreak::plan::{AtSource, Circumstances, Verdict, plan};
use firebreak::policy::Policy;
use serde_json::json;

const JANE: &str = "by-hand gate 111122223333 eu-central-1 principal jane";
const UNNAMED: &str = "by-hand gate 111122223333 eu-central-1 principal unnamed";
const OURS: &str = "by-hand gate 111122223333 eu-central-1 account 111122223333";

#[test]
fn who_came_in_from_outside_waits_for_a_person() {
    let details = json!({ "PrincipalType": "SAMLUser", "PrincipalName": "jane", "PrincipalId": "saml:jane" });
    let mut events = vec![
        case("08-usertype-samluser"),
        asff(CALLER, json!([asff_key(SESSION_KEY, details)])),
        ocsf(CALLER, json!([ocsf_key(SESSION_KEY, json!({ "type": "SAMLUser", "name": "jane" }))])),
        sequence(CREDENTIALS, json!([actor("WebIdentityUser", "jane", "x", SESSION_KEY)]), json!([])),
    ];
    for kind in ["WebIdentityUser", "Directory", "IdentityCenterUser", "SAML_USER", "web-identity-user"] {
        events.push(native(CALLS, caller(kind, "jane", "x:jane", SESSION_KEY)));
    }
    for event in events {
        let plan = responds(&event, &[JANE]);
        assert_eq!((keys(&plan), codes(&plan)), (vec![vec![SESSION_KEY]], vec![ReasonCode::Row]));
    }
    // Text of the sender's: it is shown, and moves nothing.
    let hostile = native(CALLS, caller("SAMLUser", "e\u{202e}vil\u{1b}[2J", "x", SESSION_KEY));
    responds(&hostile, &["by-hand gate 111122223333 eu-central-1 principal e\u{fffd}vil\u{fffd}[2J"]);
}

#[test]
fn a_principal_that_nobody_knows_waits_for_a_person() {
    for event in [
        case("12-usertype-unknown"),
        asff(CALLER, json!([asff_key("null", json!({ "PrincipalType": "Unknown" }))])),
        ocsf(CALLER, json!([ocsf_key("null", json!({ "type": "Unknown" }))])),
        sequence(CREDENTIALS, json!([actor("Unknown", "", "", "")]), json!([])),
        native(CALLS, caller("", "", "", "")),
    ] {
        let plan = responds(&event, &[UNNAMED]);
        assert_eq!(codes(&plan), [ReasonCode::Unread]);
    }
    let event = ocsf(CALLER, json!([ocsf_key(SESSION_KEY, json!({ "type": "Unknown", "name": "jane" }))]));
    responds(&event, &["by-hand gate 111122223333 eu-central-1 access-key ASIAEXAMPLEEXAMPLE12"]);
    for kind in ["AWSAccount", "AWSService", "AWS_SERVICE"] {
        let plan = responds(&native(CALLS, caller(kind, "ec2.amazonaws.com", "x", "")), &[OURS]);
        assert_eq!(codes(&plan), [ReasonCode::Unread], "{kind}");
    }
}

#[test]
fn ids_say_what_the_word_leaves_out() {
    let details = |id: &str| json!({ "PrincipalName": "svc", "PrincipalId": id });
    for event in [
        case("07-asff-no-principaltype"),
        native(CALLS, caller("", "svc", USER_ID, "")),
        native(CALLS, caller("", "svc", "", KEY)),
        native(CALLS, caller("Agent", "svc", USER_ID, KEY)),
        ocsf(CALLER, json!([ocsf_key(KEY, json!({ "name": "svc" }))])),
        sequence(CREDENTIALS, json!([actor("Unknown", "svc", USER_ID, KEY)]), json!([])),
    ] {
        responds(&event, &[USER]);
    }
    for event in [
        native(CALLS, caller("", "deploy", OF_INSTANCE, SESSION_KEY)),
        native(CALLS, caller("Agent", "deploy", OF_INSTANCE, SESSION_KEY)),
        asff(CALLER, json!([asff_key(SESSION_KEY, json!({ "PrincipalName": "deploy", "PrincipalId": OF_INSTANCE }))])),
        ocsf(CALLER, json!([ocsf_key(SESSION_KEY, json!({ "name": "deploy", "uid": OF_INSTANCE }))])),
    ] {
        assert_eq!(session(&responds(&event, &[DEPLOY])), Some(INSTANCE));
    }
    responds(&asff(CALLER, json!([asff_key(KEY, details("111122223333"))])), &[ROOT]);
    // A session's key is nobody's by itself, and an id of another kind than a user's or role's says nothing.
    let of_nobody = |key: &str| format!("by-hand gate 111122223333 eu-central-1 access-key {key}");
    responds(&native(CALLS, caller("", "svc", "", SESSION_KEY)), &[&of_nobody(SESSION_KEY)]);
    responds(&native(CALLS, caller("", "svc", "AGPAEXAMPLEEXAMPLE12", KEY)), &[&of_nobody(KEY)]);
}

#[test]
fn a_word_is_the_same_in_every_spelling() {
    for word in ["IAMUser", "iamuser", "IAM_USER", "Iam User", "iam-user", "User"] {
        responds(&native(CALLS, caller(word, "svc", "", KEY)), &[USER]);
        responds(&asff(CALLER, json!([asff_key(KEY, json!({ "PrincipalType": word, "PrincipalName": "svc" }))])), &[USER]);
    }
    for word in ["AssumedRole", "ASSUMED_ROLE", "assumed-role", "Role", "IAMRole"] {
        responds(&native(CALLS, caller(word, "deploy", OF_INSTANCE, SESSION_KEY)), &[DEPLOY]);
        let actors = json!([actor(word, "deploy", OF_INSTANCE, SESSION_KEY)]);
        responds(&sequence(CREDENTIALS, actors, json!([])), &[DEPLOY]);
    }
    let fed = "by-hand gate 111122223333 eu-central-1 federated-user fed";
    for word in ["FederatedUser", "FEDERATED_USER", "federated user"] {
        responds(&native(CALLS, caller(word, "fed", "111122223333:fed", SESSION_KEY)), &[fed]);
    }
    // A word with a letter of another script is no spelling of it.
    let homoglyph = native(CALLS, caller("IAMUs\u{435}r", "svc", "", SESSION_KEY));
    responds(&homoglyph, &["by-hand gate 111122223333 eu-central-1 access-key ASIAEXAMPLEEXAMPLE12"]);
}

#[test]
fn somebody_must_answer_for_root() {
    let root = || json!({ "type": "Root", "name": "Root", "uid": "111122223333" });
    let usage = |severity: f64| {
        let event = native("Policy:IAMUser/RootCredentialUsage", caller("Root", "Root", "111122223333", SESSION_KEY));
        with(event, "/detail/severity", json!(severity))
    };
    for event in [
        case("15-usertype-root"),
        usage(8.0),
        native(CALLS, caller("", "", "111122223333", "")),
        asff(CALLER, json!([asff_key(KEY, json!({ "PrincipalType": "ROOT", "PrincipalId": "111122223333" }))])),
        ocsf(CALLER, json!([ocsf_key(KEY, root())])),
        sequence(CREDENTIALS, json!([actor("Root", "Root", "111122223333", "")]), json!([])),
    ] {
        assert_eq!(codes(&responds(&event, &[ROOT])), [ReasonCode::Row]);
    }
    // The policy's severity holds for root, too.
    let shipped = Policy::parse("default_mode = \"auto\"").expect("a policy");
    let low = decides(under(&shipped, &usage(2.0)), Verdict::Notify, &[&ROOT.replace("gate", "notify")]);
    assert_eq!((codes(&low), low.evidence), (vec![ReasonCode::BelowSeverity], true));
    decides(under(&shipped, &usage(8.0)), Verdict::Respond, &[ROOT]);
}

#[test]
fn a_report_of_aws_health_under_a_new_code_waits_for_a_person() {
    let risk = with(health("AWS_RISK_NEW", &[KEY]), "/detail/eventMetadata", json!({ "userName": "svc" }));
    for (event, line) in [
        (case("36-health-unknown-abuse"), REPORTED),
        (health("AWS_ABUSE_NEW_REPORT", &[INSTANCE]), REPORTED),
        (risk, "quarantine-iam gate 111122223333 us-east-1 iam-user svc"),
        (health("AWS_RISK_NEW", &[KEY]), "by-hand gate 111122223333 us-east-1 access-key AKIAEXAMPLEEXAMPLE12"),
        (health("AWS_ABUSE_NEW", &["arn:aws:s3:::acme-data"]), "lockdown-s3 gate 111122223333 us-east-1 s3-bucket acme-data"),
        (health("AWS_ABUSE_NEW", &["acme.example.com"]), "by-hand gate 111122223333 us-east-1 other acme.example.com"),
    ] {
        assert_eq!(codes(&responds(&event, &[line])), [ReasonCode::Unread]);
    }
    told(&health("AWS_ABUSE_NEW_REPORT", &[]), "it names nothing");
    let closed = with(health("AWS_ABUSE_NEW_REPORT", &[INSTANCE]), "/detail/statusCode", json!("closed"));
    decides(under(&Policy::unrestricted(), &closed), Verdict::Ignore, &[]);
    told(&with(health(ABUSE, &[INSTANCE]), "/detail/service", json!("EC2")), "neither an abuse report nor a risk");
}

#[test]
fn what_nobody_vouches_for_or_is_below_high_stays_a_notice() {
    let unknown = || case("12-usertype-unknown");
    for severity in [2.0, 5.0, 6.9] {
        told(&with(unknown(), "/detail/severity", json!(severity)), "a principal Firebreak does not know");
    }
    let arn = json!("arn:aws:securityhub:eu-central-1:111122223333:product/111122223333/default");
    let ours = asff(CALLER, json!([asff_key(KEY, json!({ "PrincipalType": "Unknown" }))]));
    told(&with(ours, "/detail/findings/0/ProductArn", arn), "another product than GuardDuty says so");
    let uid = json!("arn:aws:securityhub:eu-central-1:111122223333:productv2/111122223333/default");
    let ours = ocsf(CALLER, json!([ocsf_key(KEY, json!({ "type": "Unknown" }))]));
    told(&with(ours, "/detail/findings/0/metadata/product/uid", uid), "another product than GuardDuty says so");
    // GuardDuty denies it: whoever wrote it must not get a person's answer either.
    let policy = Policy::unrestricted();
    let denied = Circumstances { at_source: AtSource::Unknown, ..Circumstances::new(&policy, NOW) };
    for event in [unknown(), native("NewTactic:Quantum/Thing", instance())] {
        let plan = plan(&event, &denied);
        assert_eq!((plan.verdict, lines(&plan)), (Verdict::Notify, vec![]), "{plan:?}");
    }
}
