//! One attack from end to end, with bystanders in between.

use super::*;

#[test]
fn everything_in_the_attacker_s_hands_is_followed_and_nothing_else() {
    let (found, derived) = sweep(&attack(), &[alice()], &generous());
    assert_eq!(found.missing, Vec::<String>::new());
    assert_eq!(
        shown(&derived.decisions, Mode::Auto),
        [
            "quarantine-iam IAM user mallory",
            "quarantine-iam IAM role maintenance",
            "quarantine-iam IAM user ghost",
            "quarantine-iam access key AKIABOBBOBBOBEXAMPLE of IAM user bob",
            "quarantine-iam session alice-cli of IAM role deploy",
            "quarantine-iam session second of IAM role admin",
        ]
    );
    assert_eq!(
        shown(&derived.decisions, Mode::Gate)[..4],
        [
            "quarantine-iam IAM user carol",
            "enable-key KMS key 1234abcd-12ab-34cd-56ef-1234567890ab",
            "by hand S3 bucket acme-customer-exports",
            "isolate-ec2 EC2 instance i-0123456789abcdef0"
        ],
        "the first of each kind"
    );
    let named: Vec<&str> = derived.decisions.iter().filter(|d| d.only_by_name).map(|d| d.target.id.as_str()).collect();
    assert_eq!(named, ["carol", "reporting"], "they were there before the attack");
    assert_eq!(found.refused, 1);
    let lines: Vec<String> = found.traced.iter().map(firebreak::trail::Traced::line).collect();
    assert!(lines.is_sorted(), "oldest first");
    for expected in [
        "2026-11-20T02:00:05Z CreateUser by IAM user alice: IAM user mallory",
        "2026-11-20T02:00:18Z GetFederationToken by IAM user alice: a session named support; what denies the user denies it, too",
        "2026-11-20T02:02:03Z CreatePolicyVersion by session alice-cli of IAM role deploy: arn:aws:iam::111122223333:policy/developers",
        "2026-11-20T02:03:00Z DeleteDetector by session second of IAM role admin: resource 12abc34d567e8fa901bc2d34e56789f0",
        "2026-11-20T02:10:00Z AssumeRole by account 193672423079: session operator of IAM role maintenance",
    ] {
        assert!(lines.iter().any(|line| line == expected), "{expected}\n{lines:#?}");
    }
    for bystander in ["friend", "pipeline", "dashboards", "refused", "CreateGrant"] {
        assert!(!lines.iter().any(|line| line.contains(bystander)), "{bystander}\n{lines:#?}");
    }
}

#[test]
fn an_incident_keeps_room_for_what_cannot_wait() {
    let (_, derived) = sweep(&attack(), &[alice()], &generous());
    let gated = derived.decisions.iter().filter(|decision| decision.mode != Mode::Auto).count();
    assert!(derived.decisions.len() < MAX_DECISIONS && gated <= 12, "{gated}");
    assert!(!derived.left_out.is_empty(), "and says what it has no room for");
    assert!(derived.left_out.iter().all(|line| line.starts_with("more than an incident can hold: ")));
}

#[test]
fn immutable_ids_and_keys_are_kept() {
    let (_, derived) = sweep(&attack(), &[alice()], &generous());
    let of = |id: &str| &derived.decisions.iter().find(|d| d.target.id == id).expect("a decision").target;
    let id = |id: &str| of(id).principal_id.as_ref().map(|id| id.as_str().to_owned());
    assert_eq!(id("mallory").as_deref(), Some("AIDAL1XMLVWIUEXAMPLE2"));
    assert_eq!(id("maintenance").as_deref(), Some("AROA53G8Z8NGXEXAMPLE3"));
    assert_eq!(id("deploy").as_deref(), Some("AROADEPLOYDEPEXAMPLE4"));
    assert_eq!(of("bob").access_key_id.as_ref().map(AccessKeyId::as_str), Some("AKIABOBBOBBOBEXAMPLE"));
    let reason = &derived.decisions[0].reason;
    assert_eq!(
        reason,
        "created with the suspect's credentials; CreateUser by IAM user alice: IAM user mallory at 2026-11-20T02:00:05Z"
    );
}

#[test]
fn a_second_look_decides_nothing_twice() {
    let policy = generous();
    let (found, _) = look(&attack(), &[alice()], &policy);
    let mut known = vec![decided(alice(), Mode::Auto)];
    let first = derive(traced(&found), &known, &policy);
    known.extend(first.decisions);
    let second = derive(traced(&found), &known, &policy);
    assert_eq!(second.decisions, vec![]);
    let lines = |left_out: Vec<String>| left_out.into_iter().collect::<std::collections::BTreeSet<String>>();
    assert_eq!(lines(second.left_out), lines(first.left_out), "what did not fit is said again");
}

#[test]
fn the_questions_are_those_cloudtrail_can_answer() {
    let (_, asked) = look(&attack(), &[alice()], &generous());
    let questions: Vec<(Attribute, &str, &str)> =
        asked.iter().map(|lookup| (lookup.attribute, lookup.value.as_str(), lookup.region.as_str())).collect();
    assert_eq!(questions[0], (Attribute::Username, "alice", "us-east-1"), "IAM's calls first");
    for question in [
        (Attribute::Username, "alice", "eu-central-1"),
        (Attribute::AccessKeyId, "ASIASTJKC5GCMEXAMPLE", "eu-central-1"),
        (Attribute::AccessKeyId, "AKIABOBBOBBOBEXAMPLE", "us-east-1"),
        (Attribute::Username, "alice-cli", "us-east-1"),
        (Attribute::ResourceName, "arn:aws:iam::111122223333:role/service/maintenance", "us-east-1"),
        (Attribute::Username, "operator", "us-east-1"),
    ] {
        assert_eq!(questions.iter().filter(|asked| **asked == question).count(), 1, "{question:?} in {questions:#?}");
    }
    assert!(!questions.iter().any(|(_, value, _)| *value == "carol"), "what a bystander did is nobody's business");
}

#[test]
fn pages_bound_the_whole_look_and_every_suspect_gets_a_turn() {
    let mut policy = generous();
    policy.sweep.pages = 3;
    let (found, asked) = look(&attack(), &[alice()], &policy);
    assert_eq!(asked.len(), 3);
    assert!(found.missing.iter().any(|line| line.ends_with("ran out (sweep.pages)")), "{:?}", found.missing);
    assert!(found.traced.iter().any(|traced| traced.what.contains("mallory")), "it answers with what it has");
    policy.sweep.pages = 0;
    let (found, asked) = look(&attack(), &[alice()], &policy);
    assert!(asked.is_empty() && found.missing.is_empty(), "switched off is the operator's choice");
}

#[test]
fn an_access_key_alone_is_asked_for_by_itself() {
    let key = Target { scope: Scope::AccessKey, ..alice() };
    let session = json!({"credentials": {"accessKeyId": "ASIASESSIONSEEXAMPLE"}});
    let mut got = by_alice("sts", "GetSessionToken", &Value::Null, &session);
    got["event"]["userIdentity"]["accessKeyId"] = json!("AKIAIOSFODNN7EXAMPLE");
    let mut own =
        by_alice("iam", "CreateAccessKey", &Value::Null, &json!({"accessKey": {"accessKeyId": "AKIASECONDSECEXAMPLE"}}));
    own["event"]["userIdentity"]["accessKeyId"] = json!("ASIASESSIONSEEXAMPLE");
    let mut owner = by_alice("iam", "CreateUser", &json!({"userName": "intern"}), &Value::Null);
    owner["event"]["userIdentity"]["accessKeyId"] = json!("AKIAOWNERSOWNEXAMPLE");
    let (found, derived) = sweep(&[got, own, owner], &[key], &generous());
    assert_eq!(shown(&derived.decisions, Mode::Auto), ["quarantine-iam access key AKIASECONDSECEXAMPLE of IAM user alice"]);
    assert!(!found.traced.iter().any(|traced| traced.what.contains("intern")), "the owner's own key is not the suspect's");
}

#[test]
fn what_cannot_be_asked_about_is_said() {
    let odd = Target { session: Some("a\u{fffd}b".to_owned()), scope: Scope::Session, ..target(TargetKind::IamRole, "deploy") };
    let shared = Target { session: Some("one".to_owned()), ..target(TargetKind::IamRole, "fleet") };
    let (found, asked) = look(&[], &[odd, shared, target(TargetKind::Ec2Instance, "i-0123456789abcdef0")], &generous());
    assert_eq!(asked.len(), 2);
    assert!(found.missing.iter().any(|line| line.contains("no valid form")), "{:?}", found.missing);
    assert!(found.missing.iter().any(|line| line.contains("cannot be asked for a role's calls")), "{:?}", found.missing);
    assert!(found.traced.iter().all(|traced| traced.follow == Follow::Nothing));
}
