//! What a suspect made: how far a name protects it, who else uses it, and what a release must not bring back.

use super::*;

fn creates_role(name: &str, path: &str) -> Value {
    let arn = format!("arn:aws:iam::{HOME}:role{path}{name}");
    let role = json!({"role": {"roleName": name, "path": path, "roleId": "AROAMADEMADEMEXAMPLE1", "arn": arn}});
    by_alice("iam", "CreateRole", &json!({"roleName": name}), &role)
}

fn creates_key(user: &str, key: &str) -> Value {
    let key = json!({"accessKey": {"userName": user, "accessKeyId": key}});
    by_alice("iam", "CreateAccessKey", &json!({"userName": user}), &key)
}

/// `identity` assumes the role that [`creates_role`] made.
fn use_of(role: &str, identity: &Value) -> Value {
    let arn = format!("arn:aws:iam::{HOME}:role/{role}");
    let mut record = assumed(&arn, "AROAMADEMADEMEXAMPLE1", "worker");
    record["event"]["userIdentity"] = identity.clone();
    record["resources"] = json!([{"ResourceType": "AWS::IAM::Role", "ResourceName": arn}]);
    record
}

#[test]
fn a_borrowed_name_makes_a_person_decide_and_no_more() {
    let trail = [
        creates_user("break-glass-2"),
        creates_role("AWSServiceRoleForEvil", "/"),
        creates_role("AWSReservedSSO_Admin_1", "/aws-reserved-not/"),
        creates_key("breakglass", "AKIABREAKGLAEXAMPLE1"),
    ];
    let (_, derived) = sweep(&trail, &[alice()], &generous());
    let mut waits = shown(&derived.decisions, Mode::Gate);
    waits.sort();
    assert_eq!(
        waits,
        [
            "quarantine-iam IAM role AWSReservedSSO_Admin_1",
            "quarantine-iam IAM role AWSServiceRoleForEvil",
            "quarantine-iam IAM user break-glass-2",
            "quarantine-iam access key AKIABREAKGLAEXAMPLE1 of IAM user breakglass",
        ]
    );
    assert!(derived.decisions.iter().all(|decision| decision.reason.contains(", but a suspect made it: ")));
    let (_, derived) =
        sweep(&[creates_role("AWSServiceRoleForX", "/aws-service-role/x.amazonaws.com/")], &[alice()], &generous());
    assert_eq!(derived.decisions, vec![], "nobody can change that");
    let nowhere = by_alice("iam", "CreateRole", &json!({"roleName": "AWSServiceRoleForEvil"}), &Value::Null);
    let (_, derived) = sweep(&[nowhere], &[alice()], &generous());
    assert_eq!(shown(&derived.decisions, Mode::Gate).len(), 1, "without a path it is only a name");
}

/// The suspect renames itself and makes a new user under the name of the decision.
#[test]
fn a_new_user_under_the_suspect_s_old_name_is_not_taken_for_the_suspect() {
    const OURS: &str = "ASIAOURSOURSOEXAMPLE";
    let made = json!({"user": {"userName": "alice", "userId": "AIDASECONDSECEXAMPLE1"}});
    let made = by_alice("iam", "CreateUser", &json!({"userName": "alice"}), &made);
    let key = creates_key("alice", "AKIASECONDSECEXAMPLE");
    // Of a key that was contained alone, the new user is decided.
    let alone = Target { scope: Scope::AccessKey, ..alice() };
    let renamed = [&made, &key].map(|record| {
        let mut record = record.clone();
        record["event"]["userIdentity"]["userName"] = json!("alice-2");
        record
    });
    let (_, derived) = sweep(&renamed, std::slice::from_ref(&alone), &generous());
    assert_eq!(shown(&derived.decisions, Mode::Auto), ["quarantine-iam IAM user alice"]);
    assert!(derived.decisions.iter().all(|decision| decision.target.contradicts(&alone)), "{derived:#?}");
    // An incident that holds the suspect under this name has no record for another one: people are told.
    let suspects = [alice(), session("ci", Some(OURS))];
    let (_, derived) = sweep(&[by_session("ci", OURS, made), by_session("ci", OURS, key)], &suspects, &generous());
    let line = "another principal of the incident has this name: IAM user alice (AIDASECONDSECEXAMPLE1): ";
    assert!(derived.left_out.len() == 1 && derived.left_out[0].starts_with(line), "{derived:#?}");
    assert_eq!(derived.decisions, vec![]);
}

#[test]
fn a_name_that_speaks_for_itself_hides_nobody_who_was_there_before() {
    let of = |name: &str, field: &str, id: &str| by_alice("iam", name, &json!({ field: id }), &Value::Null);
    let trail = [
        of("PutUserPolicy", "userName", "break-glass"),
        of("AttachRolePolicy", "roleName", "AWSServiceRoleForEvil"),
        of("UpdateAssumeRolePolicy", "roleName", "AWSReservedSSO_Admin_1"),
        assumed(&format!("arn:aws:iam::{HOME}:role/BreakGlass"), "AROABREAKGLAEXAMPLE01", "me"),
    ];
    let (_, derived) = sweep(&trail, &[alice()], &generous());
    let mut waits = shown(&derived.decisions, Mode::Gate);
    waits.sort();
    assert_eq!(
        waits,
        [
            "quarantine-iam IAM role AWSReservedSSO_Admin_1",
            "quarantine-iam IAM role AWSServiceRoleForEvil",
            "quarantine-iam IAM user break-glass",
            "quarantine-iam session me of IAM role BreakGlass",
        ]
    );
    assert_eq!(derived.decisions.len(), 4);
    for decision in &derived.decisions {
        assert!(decision.code == ReasonCode::Protected && !decision.reason.contains("a suspect made it"), "{}", decision.reason);
    }
    let listed =
        Policy::parse("default_mode = \"auto\"\nprotected.principals = [\"break-glass\", \"breakglass\"]").expect("a policy");
    let (_, derived) = sweep(&trail, &[alice()], &listed);
    assert_eq!(shown(&derived.decisions, Mode::Notify).len(), 2, "a list is told of: {:#?}", derived.decisions);
}

#[test]
fn what_firebreak_and_the_organization_stand_on_is_looked_at_and_never_contained() {
    for name in ["FirebreakTriage", "FirebreakMemberSweep", "OrganizationAccountAccessRole", "awscontroltowerexecution"] {
        let changed = by_alice("iam", "AttachRolePolicy", &json!({"roleName": name}), &Value::Null);
        let session = assumed(&format!("arn:aws:iam::{HOME}:role/{name}"), "AROABORROWEDEXAMPLE01", "me");
        let (_, derived) = sweep(&[creates_role(name, "/"), changed, session], &[alice()], &generous());
        assert!(derived.decisions.iter().all(|d| d.containment.is_none() && d.mode == Mode::Gate), "{:#?}", derived.decisions);
        assert!(derived.decisions.iter().all(|d| d.by_hand.as_ref().is_some_and(|advice| advice.contains("CloudTrail"))));
        let mut waits = shown(&derived.decisions, Mode::Gate);
        waits.sort();
        assert_eq!(waits, [format!("by hand IAM role {name}")], "the whole role answers for its session");
        let observed = Policy::parse("default_mode = \"observe\"").expect("a policy");
        let (_, derived) = sweep(&[creates_role(name, "/")], &[alice()], &observed);
        assert!(derived.decisions.iter().all(|decision| decision.mode == Mode::Notify), "{:#?}", derived.decisions);
    }
}

#[test]
fn the_operator_s_list_protects_a_user_and_not_a_suspect_s_key() {
    let policy = "default_mode = \"auto\"\nprotected.principals = [\"bob\", \"mallory\"]";
    let policy = Policy::parse(policy).expect("a policy");
    let trail = [creates_key("bob", "AKIABOBBOBBOBEXAMPLE"), creates_user("mallory"), creates_role("FirebreakMemberSweep", "/")];
    let (_, derived) = sweep(&trail, &[alice()], &policy);
    assert_eq!(
        shown(&derived.decisions, Mode::Gate),
        ["quarantine-iam access key AKIABOBBOBBOBEXAMPLE of IAM user bob", "by hand IAM role FirebreakMemberSweep"]
    );
    assert_eq!(shown(&derived.decisions, Mode::Notify), ["quarantine-iam IAM user mallory"]);
}

#[test]
fn a_role_that_others_assume_is_not_taken_from_them_at_once() {
    let by_service = json!({"type": "AWSService", "invokedBy": "lambda.amazonaws.com"});
    let by_bob = json!({"type": "IAMUser", "userName": "bob", "principalId": "AIDABOBBOBBOBEXAMPLE1", "accountId": HOME,
        "accessKeyId": "AKIABOBBOBBOBEXAMPLE"});
    let by_suspect = json!({"type": "IAMUser", "userName": "alice", "principalId": "AIDAZ49AHUAJ9EXAMPLE1", "accountId": HOME,
        "accessKeyId": "AKIAIOSFODNN7EXAMPLE"});
    let from_outside = json!({"type": "AWSAccount", "principalId": "AIDAEXTERNALEXAMPLE99", "accountId": "193672423079"});
    for (identity, mode) in [(by_service, Mode::Gate), (by_bob, Mode::Gate), (by_suspect, Mode::Auto), (from_outside, Mode::Auto)]
    {
        let trail = [creates_role("batch", "/"), use_of("batch", &identity)];
        let (found, derived) = sweep(&trail, &[alice()], &generous());
        assert!(
            shown(&derived.decisions, mode).contains(&"quarantine-iam IAM role batch".to_owned()),
            "{identity}: {derived:#?}"
        );
        assert!(
            found.traced.iter().any(|traced| traced.what.contains("session worker of IAM role batch")),
            "{:#?}",
            found.traced
        );
    }
}

#[test]
fn what_suspects_gave_to_contained_users_is_named_for_the_release() {
    let mallory = target(TargetKind::IamUser, "mallory");
    let of = |name: &str, response: Value| by_alice("iam", name, &Value::Null, &response);
    let trail = [
        creates_key("mallory", "AKIAMALLORYMEXAMPLE1"),
        creates_key("bob", "AKIABOBBOBBOBEXAMPLE"),
        of("CreateAccessKey", json!({"accessKey": {"accessKeyId": "AKIASECONDSECEXAMPLE"}})),
        of(
            "CreateServiceSpecificCredential",
            json!({"serviceSpecificCredential":
            {"userName": "alice", "serviceSpecificCredentialId": "ACCAEXAMPLE123EXAMPLE"}}),
        ),
        of("UploadSSHPublicKey", json!({"sSHPublicKey": {"userName": "alice", "sSHPublicKeyId": "APKAEXAMPLE123EXAMPLE"}})),
        of(
            "UploadSigningCertificate",
            json!({"certificate": {"userName": "alice", "certificateId": "TA7SMP42TDN5Z26OBPJE7EXAMPLE"}}),
        ),
        of("UploadSigningCertificate", json!({"certificate": {"userName": "alice", "certificateId": "../x y"}})),
        signed("AKIAOWNERSOWNEXAMPLE", creates_key("alice", "AKIATHEOWNERSEXAMPLE")),
    ];
    let (found, _) = look(&trail, &[alice(), mallory], &generous());
    let derived = [creates_key("mule", "AKIAMULEMULEMEXAMPLE"), creates_user("mule")];
    let (of_derived, _) = look(&derived, &[alice()], &generous());
    assert_eq!(of_derived.exposed.len(), 1, "whom this look derives is contained right after: {:?}", of_derived.exposed);
    let mut exposed: Vec<String> = found.exposed.iter().map(|(user, id)| format!("{} {id}", user.id)).collect();
    exposed.sort();
    let ours = ["ACCAEXAMPLE123EXAMPLE", "AKIASECONDSECEXAMPLE", "APKAEXAMPLE123EXAMPLE", "TA7SMP42TDN5Z26OBPJE7EXAMPLE"];
    let expected: Vec<String> =
        ours.iter().map(|id| format!("alice {id}")).chain(["mallory AKIAMALLORYMEXAMPLE1".to_owned()]).collect();
    assert_eq!(exposed, expected, "neither what a bystander got nor what the owner may have made");
}
