use super::*;
use crate::accused::{Accused, Session};
use aws_sdk_s3::Client;
use firebreak::ids::Partition;
use firebreak_s3::levels::{DENY_CUSTOMER_KEYS, DENY_OUTSIDERS, sids_of};
use serde_json::json;
use std::collections::BTreeSet;

const ORGANIZATION: &str = "o-exampleorgid";

pub(crate) fn bucket() -> Bucket {
    let config = aws_sdk_s3::Config::builder().behavior_version(firebreak_aws::clients::behavior_version()).build();
    Bucket {
        s3: Client::from_conf(config),
        name: "acme-exports".to_owned(),
        owner: "111122223333".to_owned(),
        region: "eu-central-1".to_owned(),
        partition: Partition::parse("aws").expect("a partition"),
    }
}

pub(crate) fn document(statements: &Value) -> Document {
    let text = json!({ "Version": "2012-10-17", "Statement": statements }).to_string();
    Document::parse(Some(&text)).expect("a policy")
}

fn no_policy() -> Document {
    Document::parse(None).expect("no policy")
}

/// A user, a session of a role by id, and one by name.
fn suspects() -> Suspects {
    let user = |name: &str| format!("arn:aws:iam::111122223333:user/{name}");
    let by_name = Session { role: Some("arn:aws:iam::111122223333:role/deploy".to_owned()), userid: "*:ci".to_owned() };
    let by_id = Session { role: None, userid: "AROAEXAMPLEEXAMPLE12:i-0abc".to_owned() };
    let arns = BTreeSet::from([user("mallory"), user("*/mallory")]);
    Suspects { arns, sessions: vec![by_id, by_name], ..Suspects::default() }
}

/// A suspect wrote the policy of a bucket that had none before.
fn written_by_a_suspect() -> Trust {
    Trust { policy_by_suspect: true, before: Some(no_policy()), ..Trust::default() }
}

/// The freeze of a bucket with such a policy.
fn freeze(current: &Document, suspects: &Suspects, trust: &Trust) -> Statements {
    let (bucket, organization) = (bucket(), Some(ORGANIZATION));
    of_level(Scope::Freeze, &Around { bucket: &bucket, organization, suspects }, current, trust)
}

fn statement<'a>(statements: &'a Statements, sid: &str) -> &'a Value {
    statements.all.iter().map(|(_, statement)| statement).find(|statement| statement["Sid"] == sid).expect("a statement")
}

fn sids(statements: &Statements) -> Vec<&str> {
    statements.all.iter().filter_map(|(_, statement)| statement["Sid"].as_str()).collect()
}

#[test]
fn every_statement_is_filled_denies_and_has_a_sid_of_its_level() {
    let (bucket, suspects) = (bucket(), suspects());
    let around = Around { bucket: &bucket, organization: Some(ORGANIZATION), suspects: &suspects };
    for (level, count) in [(Scope::Principal, 0), (Scope::Freeze, 5), (Scope::Destruction, 1), (Scope::Seal, 1)] {
        let statements = of_level(level, &around, &no_policy(), &Trust::default());
        assert_eq!((statements.all.len(), statements.missing.as_slice()), (count, &[][..]), "{level:?}");
        for (_, statement) in &statements.all {
            let sid = statement["Sid"].as_str().expect("a Sid");
            assert!(sids_of(level).iter().any(|front| sid.starts_with(front)), "{sid}");
            assert_eq!((&statement["Effect"], &statement["Principal"]), (&json!("Deny"), &json!("*")));
            assert!(!statement.to_string().contains("${"), "{statement}");
        }
    }
    assert!(destructive_actions().iter().any(|action| action == "s3:DeleteObject*"));
}

#[test]
fn nobody_is_denied_by_a_condition_that_names_nobody() {
    let nobody = freeze(&no_policy(), &Suspects::default(), &written_by_a_suspect());
    assert_eq!(sids(&nobody), [DENY_OUTSIDERS, DENY_CUSTOMER_KEYS]);
    assert!(matches!(nobody.missing.as_slice(), [(StepKind::DenySuspects, why)] if why.contains("accuses nobody")));
    let named = &statement(&nobody, DENY_OUTSIDERS)["Condition"]["ArnNotLike"]["aws:PrincipalArn"];
    assert_eq!(named, &json!(["arn:aws:iam::000000000000:role/firebreak-none"]));
}

#[test]
fn responders_are_excepted_by_their_exact_names() {
    let (bucket, suspects) = (bucket(), suspects());
    let around = Around { bucket: &bucket, organization: None, suspects: &suspects };
    for level in [Scope::Freeze, Scope::Destruction, Scope::Seal] {
        let statements = of_level(level, &around, &no_policy(), &Trust::default());
        for (kind, statement) in statements.all.iter().filter(|(kind, _)| *kind != StepKind::DenyCustomerKeys) {
            assert_eq!(
                statement["Condition"]["ArnNotLike"]["aws:PrincipalArn"],
                json!([
                    "arn:aws:iam::111122223333:role/firebreak/FirebreakMemberLockdownS3",
                    "arn:aws:iam::111122223333:role/firebreak/FirebreakMemberPreserveEvidence",
                    "arn:aws:iam::111122223333:role/firebreak/FirebreakMemberQuarantineObject",
                    "arn:aws:iam::111122223333:role/firebreak/FirebreakMemberRelease",
                    "arn:aws:iam::111122223333:role/firebreak-break-glass/*",
                    "arn:aws:iam::111122223333:root"
                ]),
                "{kind:?}"
            );
        }
    }
}

#[test]
fn a_session_without_its_role_s_id_is_denied_in_that_role_alone() {
    let statements = freeze(&no_policy(), &suspects(), &Trust::default());
    let by_name = &statement(&statements, "FirebreakDenySuspectsSessions1")["Condition"];
    let role = json!(["arn:aws:iam::111122223333:role/*/deploy", "arn:aws:iam::111122223333:role/deploy"]);
    assert_eq!((&by_name["ArnLike"]["aws:PrincipalArn"], &by_name["StringLike"]["aws:userid"]), (&role, &json!(["*:ci"])));
    let by_id = &statement(&statements, DENY_SESSIONS)["Condition"]["StringEquals"]["aws:userid"];
    assert_eq!(by_id, &json!(["AROAEXAMPLEEXAMPLE12:i-0abc"]));
}

#[test]
fn whom_another_holder_accuses_is_denied_beside_the_incident_s_own_suspects() {
    let other = Session { role: Some("arn:aws:iam::111122223333:role/batch".to_owned()), userid: "*:ci".to_owned() };
    let arns = BTreeSet::from(["arn:aws:iam::111122223333:user/eve".to_owned()]);
    let theirs = Accused { arns, sessions: [other].into() };
    let all = freeze(&no_policy(), &suspects().beside([&theirs]), &Trust::default());
    let denied = |sid: &str, place: &str| statement(&all, sid).pointer(place).expect("a condition").to_string();
    let arns = denied(DENY_SUSPECTS, "/Condition/ArnLike/aws:PrincipalArn");
    assert!(arns.contains("user/mallory") && arns.contains("user/eve"), "{arns}");
    let numbered = ["FirebreakDenySuspectsSessions1", "FirebreakDenySuspectsSessions2"];
    let roles = numbered.map(|sid| denied(sid, "/Condition/ArnLike/aws:PrincipalArn"));
    assert!(roles[0].contains("role/batch") && roles[1].contains("role/deploy"), "{roles:?}");
    assert!(denied(DENY_SESSIONS, "/Condition/StringEquals/aws:userid").contains("i-0abc"));
}

#[test]
fn a_statement_that_somebody_planted_denies_nobody_by_our_hand() {
    let role = "arn:aws:iam::111122223333:role/prod-app";
    let planted = json!([{ "Sid": DENY_SUSPECTS, "Effect": "Deny", "Principal": "*", "Action": "s3:GetObjectTorrent", "Resource": "*",
        "Condition": { "ArnLike": { "aws:PrincipalArn": role } } },
        { "Sid": "FirebreakDenySuspectsSessions1", "Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": "*",
        "Condition": { "ArnLike": { "aws:PrincipalArn": role }, "StringLike": { "aws:userid": "*:ci" } } }]);
    let statements = freeze(&document(&planted), &Suspects::default(), &Trust::default());
    assert_eq!(sids(&statements), [DENY_OUTSIDERS, DENY_CUSTOMER_KEYS]);
    let beside = document(&planted).without(statements.replaces);
    assert!(beside.statements().is_empty(), "they give way: {beside:?}");
}

#[test]
fn outsiders_whom_the_policy_names_are_excepted_unless_a_suspect_wrote_it() {
    let allow =
        |principal: Value| json!({ "Effect": "Allow", "Principal": principal, "Action": "s3:GetObject", "Resource": "*" });
    let current = document(&json!([
        allow(json!({ "AWS": ["555566667777", "arn:aws:iam::666677778888:role/reader", "arn:aws:iam::111122223333:user/bob"] })),
        allow(json!({ "AWS": "arn:aws:sts::777788889999:assumed-role/etl/ci" })),
        allow(json!({ "CanonicalUser": "79a59df900b949e5", "Service": "logging.s3.amazonaws.com" })),
        allow(json!("*")),
        { "Effect": "Deny", "Principal": { "AWS": "888899990000" }, "Action": "s3:*", "Resource": "*" },
        { "Sid": "FirebreakPartner", "Effect": "Allow", "Principal": { "AWS": "999900001111" }, "Action": "s3:*", "Resource": "*" }
    ]));
    let condition = |trust: &Trust| statement(&freeze(&current, &suspects(), trust), DENY_OUTSIDERS)["Condition"].clone();
    let trusted = condition(&Trust::default());
    assert_eq!(trusted["StringNotEquals"]["aws:PrincipalAccount"], json!(["111122223333", "555566667777", "999900001111"]));
    assert_eq!(
        trusted["ArnNotLike"]["aws:PrincipalArn"],
        json!([
            "arn:aws:iam::666677778888:role/*/reader",
            "arn:aws:iam::666677778888:role/reader",
            "arn:aws:iam::777788889999:role/*/etl",
            "arn:aws:iam::777788889999:role/etl",
            "arn:aws:iam::cloudfront:user/CloudFront Origin Access Identity *"
        ])
    );
    let written = condition(&written_by_a_suspect());
    assert_eq!(written["StringNotEquals"]["aws:PrincipalAccount"], json!(["111122223333"]));
    assert_eq!(written["BoolIfExists"]["aws:PrincipalIsAWSService"], "false", "AWS services work on");
}

#[test]
fn without_the_organization_s_id_outsiders_are_not_denied_and_that_is_said() {
    let (bucket, suspects) = (bucket(), suspects());
    let around = Around { bucket: &bucket, organization: None, suspects: &suspects };
    let statements = of_level(Scope::Freeze, &around, &no_policy(), &Trust::default());
    assert!(!sids(&statements).contains(&DENY_OUTSIDERS));
    assert!(
        statements
            .refused
            .iter()
            .any(|(kind, why)| *kind == StepKind::DenyOutsiders && why.contains("FIREBREAK_ORGANIZATION_ID"))
    );
}

#[test]
fn suspects_of_another_partition_are_nobody_here() {
    let arns = BTreeSet::from(["arn:aws-cn:iam::111122223333:user/mallory".to_owned()]);
    let foreign = Suspects { arns, unnamed: vec!["access key X: nobody's".to_owned()], ..Suspects::default() };
    let statements = freeze(&no_policy(), &foreign, &Trust::default());
    assert!(matches!(&statements.refused[..], [(StepKind::DenySuspects, why)] if why.contains("access key X")));
}

#[test]
fn a_suspect_whom_no_policy_can_deny_is_a_failure_also_where_others_are_denied() {
    let unnamed = Suspects { unnamed: vec!["access key X: nobody's".to_owned()], is_nobody_named: true, ..Suspects::default() };
    let theirs = suspects().accused();
    for (suspects, denies) in [(unnamed.clone(), false), (unnamed.beside([&theirs]), true)] {
        let all = freeze(&no_policy(), &suspects, &Trust::default());
        assert_eq!(sids(&all).contains(&DENY_SUSPECTS), denies);
        assert!(
            matches!(&all.refused[..], [(StepKind::DenySuspects, why)] if why.contains("every access to S3 bucket acme-exports")),
            "{all:?}"
        );
    }
    let beside_one = Suspects { unnamed: vec!["access key X: nobody's".to_owned()], ..suspects() };
    let all = freeze(&no_policy(), &beside_one, &Trust::default());
    assert!(all.refused.is_empty() && matches!(&all.missing[..], [(StepKind::NoteAccess, why)] if why.contains("access key X")));
}

#[test]
fn the_shorter_form_keeps_the_deny_of_the_suspects_and_says_what_is_missing() {
    let (bucket, suspects) = (bucket(), suspects());
    let around = Around { bucket: &bucket, organization: Some(ORGANIZATION), suspects: &suspects };
    let short = shorter(Scope::Freeze, &around);
    assert!(short.all.iter().all(|(kind, _)| *kind == StepKind::DenySuspects) && short.all.len() == 3);
    let kinds: Vec<StepKind> = short.missing.iter().map(|(kind, _)| *kind).collect();
    assert_eq!(kinds, [StepKind::DenyOutsiders, StepKind::DenyCustomerKeys]);
    for level in [Scope::Destruction, Scope::Seal] {
        let none = shorter(level, &around);
        assert!(none.all.is_empty() && none.missing.len() == 1, "{level:?}");
    }
}

#[test]
fn a_freeze_takes_less_than_a_quarter_of_the_policy() {
    let all: Vec<Value> = freeze(&no_policy(), &suspects(), &Trust::default()).all.into_iter().map(|(_, one)| one).collect();
    let bytes = no_policy().with(&all).bytes();
    assert!(bytes > 1_000 && bytes < LIMIT / 4, "{bytes} bytes");
}
