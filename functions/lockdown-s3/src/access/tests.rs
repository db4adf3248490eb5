use super::*;
use crate::base::PublicAccessBlock;
use crate::statements::tests::{bucket, document};
use crate::suspects::Suspects;
use firebreak::receipt::Outcome;
use serde_json::json;
use std::collections::BTreeSet;

const ORGANIZATION: &str = "o-exampleorgid";
const PARTNER: &str = "555566667777";

fn base() -> BaseState {
    BaseState { owner_id: Some("0123owner".to_owned()), ..BaseState::default() }
}

fn of(level: Scope, base: &BaseState, statements: &Value, trust: &Trust) -> Access {
    let arns = BTreeSet::from(["arn:aws:iam::111122223333:user/mallory".to_owned()]);
    let (bucket, suspects) = (bucket(), Suspects { arns, ..Suspects::default() });
    let around = Around { bucket: &bucket, organization: Some(ORGANIZATION), suspects: &suspects };
    assess(level, base, &document(statements), &around, trust)
}

fn freeze(statements: &Value) -> Access {
    of(Scope::Freeze, &base(), statements, &Trust::default())
}

fn allow(principal: Value) -> Value {
    json!({ "Effect": "Allow", "Principal": principal, "Action": "s3:GetObject", "Resource": "*" })
}

fn losers(access: &Access) -> Vec<&str> {
    access.loses.iter().map(|loses| loses.who.as_str()).collect()
}

#[test]
fn whom_the_policy_names_keeps_access_under_a_freeze() {
    let access = freeze(&json!([
        allow(json!({ "AWS": [PARTNER, "arn:aws:iam::666677778888:role/reader", "arn:aws:iam::111122223333:root"] })),
        allow(json!({ "Service": ["cloudtrail.amazonaws.com", "logging.s3.amazonaws.com"] })),
        allow(json!({ "AWS": "arn:aws:iam::cloudfront:user/CloudFront Origin Access Identity E123ABC" })),
        { "Effect": "Allow", "Principal": "*", "Action": "s3:*", "Resource": "*",
          "Condition": { "StringEquals": { "aws:PrincipalOrgID": ORGANIZATION } } },
        { "Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": "*",
          "Condition": { "Bool": { "aws:SecureTransport": "false" } } }
    ]));
    assert_eq!(losers(&access), [""; 0], "{access:?}");
    assert_eq!(access.keeps.len(), 7, "{access:?}");
    assert_eq!(access.innocent_losers(), None);
}

#[test]
fn who_cannot_be_told_from_an_outsider_makes_a_person_decide() {
    for principal in [
        json!("*"),
        json!({ "AWS": ["*"] }),
        json!({ "CanonicalUser": "79a59df900b949e5" }),
        json!({ "Federated": "cognito-identity.amazonaws.com" }),
        json!({ "AWS": 7 }),
    ] {
        let access = freeze(&json!([allow(principal.clone())]));
        assert!(access.innocent_losers().is_some_and(|says| says.contains("would lose access")), "{principal}: {access:?}");
    }
    let but = json!({ "Effect": "Allow", "NotPrincipal": { "AWS": PARTNER }, "NotAction": "s3:Delete*", "Resource": "*" });
    let unclear = json!({ "Effect": "Allow", "Principal": "*", "Action": "s3:*", "Resource": "*",
        "Condition": { "ForAllValues:StringEquals": { "aws:PrincipalOrgID": ORGANIZATION } } });
    let other = json!({ "Effect": "Allow", "Principal": "*", "Action": "s3:*", "Resource": "*",
        "Condition": { "StringEquals": { "aws:PrincipalOrgID": "o-anotherorgid" } } });
    for statement in [but, unclear, other] {
        assert!(freeze(&json!([statement])).innocent_losers().is_some(), "{statement}");
    }
    let alone = of(Scope::Principal, &base(), &json!([allow(json!("*"))]), &Trust::default());
    assert_eq!((losers(&alone), alone.innocent_losers()), (vec!["everybody (public)"], None), "there it is the aim");
}

#[test]
fn a_suspect_loses_and_nobody_waits_for_that() {
    let access = freeze(&json!([allow(json!({ "AWS": ["arn:aws:iam::111122223333:user/team/mallory", PARTNER] }))]));
    assert_eq!(losers(&access), ["arn:aws:iam::111122223333:user/team/mallory"]);
    assert!(access.loses[0].is_suspect && access.innocent_losers().is_none(), "{access:?}");
}

/// A suspect wrote the policy, which said this before; nothing: nobody knows what.
fn written_by_a_suspect(before: Option<&Value>) -> Trust {
    Trust { policy_by_suspect: true, before: before.map(document), ..Trust::default() }
}

#[test]
fn whoever_a_suspect_let_in_loses_and_nobody_waits_for_that() {
    let service = allow(json!({ "Service": "cloudtrail.amazonaws.com" }));
    let statements = json!([allow(json!("*")), allow(json!({ "AWS": PARTNER, "CanonicalUser": "79a59df900b949e5" })), service]);
    let written = written_by_a_suspect(Some(&json!([service])));
    let access = of(Scope::Freeze, &base(), &statements, &written);
    assert!(access.loses.len() == 3 && access.loses.iter().all(|loses| loses.is_suspect), "{access:?}");
    assert_eq!((access.keeps.as_slice(), access.innocent_losers()), (&["service cloudtrail.amazonaws.com".to_owned()][..], None));
}

#[test]
fn whom_the_policy_named_before_a_suspect_wrote_it_is_judged_as_if_nobody_had() {
    let partner = allow(json!({ "AWS": PARTNER }));
    let unchanged = json!([partner]);
    let access = of(Scope::Freeze, &base(), &unchanged, &written_by_a_suspect(Some(&unchanged)));
    assert_eq!((access.keeps.as_slice(), losers(&access)), (&[format!("account {PARTNER}")][..], vec![]), "rewritten, no more");
    let added = json!([partner, allow(json!({ "AWS": "666677778888" }))]);
    let access = of(Scope::Freeze, &base(), &added, &written_by_a_suspect(Some(&unchanged)));
    assert_eq!((losers(&access), access.innocent_losers()), (vec!["account 666677778888"], None));
    let canonical = json!([allow(json!({ "CanonicalUser": "79a59df900b949e5" }))]);
    let access = of(Scope::Freeze, &base(), &canonical, &written_by_a_suspect(Some(&canonical)));
    assert!(access.innocent_losers().is_some(), "nobody can tell whose account it is: {access:?}");
}

#[test]
fn where_nobody_knows_whom_the_policy_named_before_outsiders_keep_access_and_the_public_does_not() {
    let statements = json!([allow(json!({ "AWS": PARTNER })), allow(json!({ "CanonicalUser": "79a59df900b949e5" }))]);
    let access = of(Scope::Freeze, &base(), &statements, &written_by_a_suspect(None));
    assert_eq!((access.keeps.len(), losers(&access)), (2, vec![]), "{access:?}");
    let access = of(Scope::Freeze, &base(), &json!([allow(json!("*"))]), &written_by_a_suspect(None));
    assert_eq!((losers(&access), access.innocent_losers()), (vec!["everybody (public)"], None));
}

#[test]
fn a_suspect_makes_no_freeze_wait_by_what_the_suspect_grants_or_demands() {
    let grant = |grantee: &str| Grant { grantee: grantee.to_owned(), permission: "READ".to_owned() };
    let granted = BaseState { acl: vec![grant("79a59df900b949e5"), grant(EVERYBODY), grant(LOG_DELIVERY)], ..base() };
    let waits = |trust: &Trust| of(Scope::Freeze, &granted, &json!([]), trust).innocent_losers().is_some();
    assert!(waits(&Trust::default()) && !waits(&Trust { acl_by_suspect: true, ..Trust::default() }));
    assert!(waits(&written_by_a_suspect(Some(&json!([])))), "who wrote the policy did not write the ACL");

    let demands = json!([{ "Effect": "Allow", "Principal": { "AWS": "arn:aws:iam::111122223333:user/mallory" }, "Action": "s3:PutObject",
        "Resource": "*", "Condition": { "StringLike": { SSE_C: "*" } } }]);
    let waits = |trust: &Trust| of(Scope::Freeze, &base(), &demands, trust).innocent_losers().is_some();
    assert!(waits(&Trust::default()) && waits(&written_by_a_suspect(Some(&demands))), "somebody else may write so");
    assert!(!waits(&written_by_a_suspect(Some(&json!([])))) && !waits(&written_by_a_suspect(None)));

    let partner = allow(json!({ "AWS": PARTNER }));
    let opened = json!([partner, allow(json!("*"))]);
    let access = of(Scope::Freeze, &base(), &opened, &written_by_a_suspect(Some(&json!([partner]))));
    assert_eq!((access.loses.len(), access.innocent_losers()), (2, None), "who opened it shuts the partner out: {access:?}");
}

#[test]
fn under_the_block_a_public_policy_shuts_other_accounts_out() {
    let statements =
        json!([allow(json!("*")), allow(json!({ "AWS": [PARTNER, "111122223333"], "Service": "s3.amazonaws.com" }))]);
    assert_eq!(losers(&freeze(&statements)), [format!("account {PARTNER}"), "everybody (public)".to_owned()]);
    let blocked = BaseState { public_access_block: Some(PublicAccessBlock::ALL), ..base() };
    let access = of(Scope::Freeze, &blocked, &statements, &Trust::default());
    assert_eq!(losers(&access), [""; 0], "they were out before");
    assert_eq!(access.keeps, ["its own account", "service s3.amazonaws.com"]);
}

#[test]
fn a_grant_of_the_acl_counts_unless_acls_are_off() {
    let grant = |grantee: &str| Grant { grantee: grantee.to_owned(), permission: "READ".to_owned() };
    let acl = vec![grant("0123owner"), grant("79a59df900b949e5"), grant(EVERYBODY), grant(LOG_DELIVERY)];
    let open = BaseState { acl, ..base() };
    assert_eq!(of(Scope::Freeze, &open, &json!([]), &Trust::default()).loses.len(), 3, "all but the owner's own");
    let off = BaseState { ownership: Some("BucketOwnerEnforced".to_owned()), ..open.clone() };
    assert!(of(Scope::Freeze, &off, &json!([]), &Trust::default()).loses.is_empty());
    let blocked = BaseState { public_access_block: Some(PublicAccessBlock::ALL), ..open.clone() };
    assert_eq!(of(Scope::Freeze, &blocked, &json!([]), &Trust::default()).loses.len(), 2, "public grants had no effect before");
    assert!(of(Scope::Destruction, &open, &json!([]), &Trust::default()).loses.is_empty(), "they only read");
    let writer = Grant { permission: "FULL_CONTROL".to_owned(), ..grant("79a59df900b949e5") };
    let written = BaseState { acl: vec![writer], ..base() };
    assert_eq!(of(Scope::Destruction, &written, &json!([]), &Trust::default()).loses.len(), 1);
}

#[test]
fn destruction_takes_deletions_and_leaves_reads_and_services() {
    let cleaner =
        json!({ "Effect": "Allow", "Principal": { "AWS": PARTNER }, "Action": ["s3:GetObject", "s3:Del*"], "Resource": "*" });
    let service =
        json!({ "Effect": "Allow", "Principal": { "Service": "logging.s3.amazonaws.com" }, "Action": "s3:*", "Resource": "*" });
    let reader = allow(json!({ "AWS": "666677778888" }));
    let release = json!({ "Effect": "Allow", "Principal": { "AWS": "arn:aws:iam::111122223333:role/firebreak/FirebreakMemberRelease" },
        "Action": "s3:*", "Resource": "*" });
    let statements = json!([cleaner, service, reader, release]);
    let access = of(Scope::Destruction, &base(), &statements, &Trust::default());
    assert_eq!(losers(&access), [format!("account {PARTNER}")]);
    assert_eq!((access.keeps.len(), access.innocent_losers()), (3, None));
    let sealed = of(Scope::Seal, &base(), &statements, &Trust::default());
    assert_eq!((sealed.loses.len(), sealed.keeps.len()), (3, 1), "{sealed:?}");
}

#[test]
fn who_must_write_with_own_keys_loses_and_who_refuses_them_does_not() {
    let under = |effect: &str, operator: &str, value: &str| {
        freeze(&json!([{ "Effect": effect, "Principal": { "AWS": PARTNER }, "Action": "s3:PutObject", "Resource": "*",
            "Condition": { operator: { SSE_C: value } } }]))
    };
    for (effect, operator, value) in
        [("Deny", "Null", "true"), ("Deny", "StringNotEquals", "AES256"), ("Allow", "StringEquals", "AES256")]
    {
        assert!(
            under(effect, operator, value).innocent_losers().is_some_and(|says| says.contains("SSE-C")),
            "{effect} {operator}"
        );
    }
    for (effect, operator, value) in [("Deny", "Null", "false"), ("Allow", "Null", "true")] {
        assert_eq!(under(effect, operator, value).innocent_losers(), None, "{effect} {operator}");
    }
}

#[test]
fn what_is_said_is_bounded_and_inert() {
    let many: Vec<Value> = (0..1000).map(|at| allow(json!({ "CanonicalUser": format!("\u{1b}[2J{at:040}") }))).collect();
    let access = freeze(&json!(many));
    let says = access.innocent_losers().expect("somebody");
    assert!(access.loses.len() == 1000 && says.chars().count() <= LINE + 1 && !says.contains('\u{1b}'), "{says}");
    let note = access.note();
    assert_eq!((note.name.kind(), note.outcome), (Some(StepKind::NoteAccess), Outcome::Skipped));
    assert!(note.error.is_some_and(|fault| fault.message.contains("1000 names")));
}

#[test]
fn a_bucket_that_names_nobody_says_so() {
    let nobody = freeze(&json!([{ "Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": "*" }]));
    assert!(nobody.note().error.is_some_and(|fault| fault.message.contains("nobody beside the owner")));
}
