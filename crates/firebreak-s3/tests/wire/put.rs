use crate::policy::{Kept, Rule};
use crate::stage;
use firebreak::fault::{Fault, FaultKind};
use firebreak_s3::Bucket;
use firebreak_s3::policy::{self, Document, LIMIT, Refused, delete, get};
use firebreak_testkit::scripted::{Answer, ScriptedAws, error};
use serde_json::{Value, json};

const PUT: &str = "s3:PutBucketPolicy";

/// S3 takes no principal that was deleted.
fn no_orphan(statement: &Value) -> Option<Answer> {
    let named = |element: &str| statement[element].to_string().contains("\"AIDA");
    let is_orphan = named("Principal") || named("NotPrincipal");
    is_orphan.then(|| error(400, "MalformedPolicy").saying("Invalid principal in policy"))
}

/// `BlockPublicPolicy` is on.
fn nothing_public(statement: &Value) -> Option<Answer> {
    let is_public = statement["Effect"] == "Allow" && statement["Principal"] == "*" && statement.get("Condition").is_none();
    is_public.then(|| error(403, "AccessDenied"))
}

/// S3 refuses something for a reason that shows in no principal.
fn nothing_strange(statement: &Value) -> Option<Answer> {
    let is_strange = statement["Sid"].as_str().is_some_and(|sid| sid.starts_with("Strange"));
    is_strange.then(|| error(400, "MalformedPolicy").saying("Policy has invalid resource"))
}

const ORPHANS: &[Rule] = &[no_orphan];
const PUBLIC: &[Rule] = &[nothing_public];
const BOTH: &[Rule] = &[no_orphan, nothing_public];
const STRANGE: &[Rule] = &[nothing_strange];

fn allow(sid: &str, principal: &Value) -> Value {
    json!({ "Sid": sid, "Effect": "Allow", "Principal": principal, "Action": "s3:GetObject", "Resource": "arn:aws:s3:::acme-exports/*" })
}

fn role(sid: &str) -> Value {
    allow(sid, &json!({ "AWS": format!("arn:aws:iam::111122223333:role/{sid}") }))
}

fn orphan(sid: &str) -> Value {
    allow(sid, &json!({ "AWS": ["AIDAEXAMPLEEXAMPLE01", "arn:aws:iam::111122223333:role/App"] }))
}

fn public(sid: &str) -> Value {
    allow(sid, &json!("*"))
}

fn ours() -> Value {
    json!({ "Sid": "FirebreakDenySuspects", "Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": "*" })
}

fn text(statements: &[Value]) -> String {
    json!({ "Version": "2012-10-17", "Statement": statements }).to_string()
}

fn sids(statements: &[Value]) -> Vec<&str> {
    statements.iter().filter_map(|statement| statement["Sid"].as_str()).collect()
}

/// Writes a policy for somebody who keeps no record.
async fn put(bucket: &Bucket, document: &Document) -> Result<Refused, Fault> {
    Box::pin(policy::put(bucket, document, async |_: &[Value]| Ok::<(), Fault>(()))).await
}

/// A bucket with these statements, to which Firebreak adds its own: what was left out, or the error; and the text at the end.
async fn contain(
    aws: &ScriptedAws,
    statements: &[Value],
    rules: &'static [Rule],
) -> (Result<Vec<Value>, FaultKind>, Option<String>) {
    let (kept, bucket) = Kept::with(aws, Some(&text(statements)), rules).await;
    let document = get(&bucket).await.expect("a policy").with(&[ours()]);
    aws.forget();
    let refused = Box::pin(put(&bucket, &document)).await;
    (refused.map(|refused| refused.left_out).map_err(|fault| fault.kind), kept.text())
}

fn tries(aws: &ScriptedAws) -> usize {
    aws.calls_of(PUT).len()
}

#[tokio::test]
async fn a_policy_that_s3_takes_is_written_once_with_the_owner() {
    let aws = stage().await;
    let (left_out, now) = contain(&aws, &[role("App"), public("Site")], &[]).await;
    assert_eq!(left_out, Ok(vec![]));
    assert_eq!(now, Some(text(&[role("App"), public("Site"), ours()])));
    let calls = aws.calls_of(PUT);
    assert_eq!(calls.len(), 1);
    assert_eq!(calls[0].headers["x-amz-expected-bucket-owner"], firebreak_testkit::room::ACCOUNT);
    assert!(!calls[0].headers.contains_key("x-amz-confirm-remove-self-bucket-access"), "S3 must refuse to lock Firebreak out");
}

#[tokio::test]
async fn a_statement_for_somebody_deleted_is_left_out_at_the_second_try() {
    let aws = stage().await;
    let (left_out, now) = contain(&aws, &[role("App"), orphan("Old"), public("Site")], ORPHANS).await;
    assert_eq!(left_out, Ok(vec![orphan("Old")]));
    assert_eq!(now, Some(text(&[role("App"), public("Site"), ours()])));
    assert_eq!(tries(&aws), 2);
}

#[tokio::test]
async fn a_public_statement_under_the_block_is_left_out_and_one_with_a_condition_is_not() {
    let mut limited = public("Limited");
    limited["Condition"] = json!({ "StringEquals": { "aws:PrincipalOrgID": "o-example" } });
    let aws = stage().await;
    let (left_out, now) = contain(&aws, &[limited.clone(), public("Site"), role("App")], PUBLIC).await;
    assert_eq!(left_out, Ok(vec![public("Site")]));
    assert_eq!(now, Some(text(&[limited, role("App"), ours()])), "what S3 takes is there, in its old order");
}

#[tokio::test]
async fn several_refused_statements_of_both_kinds_are_found() {
    let aws = stage().await;
    let before = [orphan("Old"), role("App"), public("Site"), orphan("Older"), role("Etl"), public("Mirror")];
    let (left_out, now) = contain(&aws, &before, BOTH).await;
    assert_eq!(sids(&left_out.expect("written")), ["Old", "Site", "Older", "Mirror"], "in the order of the policy");
    assert_eq!(now, Some(text(&[role("App"), role("Etl"), ours()])));
}

#[tokio::test]
async fn one_strange_statement_among_many_is_found_in_few_tries_and_firebreaks_stands_early() {
    let before: Vec<Value> = (0..20).map(|n| role(&if n == 13 { "Strange".to_owned() } else { format!("App{n}") })).collect();
    let aws = stage().await;
    let (left_out, now) = contain(&aws, &before, STRANGE).await;
    assert_eq!(sids(&left_out.expect("written")), ["Strange"]);
    let after: Vec<Value> = before.iter().filter(|statement| statement["Sid"] != "Strange").cloned().chain([ours()]).collect();
    assert_eq!(now, Some(text(&after)));
    assert!(tries(&aws) <= 12, "{}", tries(&aws));
    let early: Value = serde_json::from_str(&aws.calls_of(PUT)[1].body).expect("JSON");
    assert_eq!(early["Statement"], json!([ours()]), "the second try is one that S3 takes");
}

#[tokio::test]
async fn what_is_not_tried_in_time_is_said_and_firebreaks_stands() {
    let before: Vec<Value> = (0..60).map(|n| role(&format!("Strange{n}"))).chain([role("App")]).collect();
    let aws = stage().await;
    let (left_out, now) = contain(&aws, &before, STRANGE).await;
    let left_out = left_out.expect("written");
    assert!(left_out.len() >= 60 && now.is_some_and(|now| now.contains("FirebreakDenySuspects")), "{}", left_out.len());
    assert!(tries(&aws) < 40, "{}", tries(&aws));
}

fn deny(sid: &str, element: &str, names: &Value) -> Value {
    json!({ "Sid": sid, "Effect": "Deny", element: { "AWS": names }, "Action": "s3:*", "Resource": "*" })
}

#[tokio::test]
async fn a_deny_of_somebody_who_exists_is_never_left_out_and_the_policy_stays_as_it_was() {
    let before = [deny("Strange", "Principal", &json!("arn:aws:iam::111122223333:user/trent")), role("App"), orphan("Old")];
    let aws = stage().await;
    let (left_out, now) = contain(&aws, &before, STRANGE).await;
    assert_eq!(left_out, Err(FaultKind::Malformed));
    assert_eq!(now, Some(text(&before)));
    assert!(aws.calls_of(PUT).iter().all(|call| call.body.contains("Strange")), "no try was without it");
}

/// Whoever makes a user, denies him something and deletes him bars every change of the policy otherwise.
#[tokio::test]
async fn a_deny_of_nobody_but_a_deleted_user_is_left_out_and_firebreaks_stands() {
    let planted = deny("Planted", "Principal", &json!("AIDAEXAMPLEEXAMPLE02"));
    let aws = stage().await;
    let (left_out, now) = contain(&aws, &[planted.clone(), role("App")], ORPHANS).await;
    assert_eq!((left_out, now, tries(&aws)), (Ok(vec![planted]), Some(text(&[role("App"), ours()])), 2));
}

#[tokio::test]
async fn a_deny_of_a_deleted_user_beside_others_goes_on_denying_the_others() {
    const TRENT: &str = "arn:aws:iam::111122223333:user/trent";
    for (element, names, is_now) in [
        ("Principal", json!(["AIDAEXAMPLEEXAMPLE02", TRENT]), deny("Planted", "Principal", &json!([TRENT]))),
        ("NotPrincipal", json!([TRENT, "AIDAEXAMPLEEXAMPLE02"]), deny("Planted", "NotPrincipal", &json!([TRENT]))),
        // Nobody who exists was excepted.
        (
            "NotPrincipal",
            json!("AIDAEXAMPLEEXAMPLE02"),
            json!({ "Sid": "Planted", "Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": "*" }),
        ),
    ] {
        let planted = deny("Planted", element, &names);
        let aws = stage().await;
        let (kept, bucket) = Kept::with(&aws, Some(&text(&[planted.clone(), role("App"), orphan("Old")])), ORPHANS).await;
        let document = get(&bucket).await.expect("a policy").with(&[ours()]);
        let refused = Box::pin(put(&bucket, &document)).await.expect("written");
        assert_eq!(refused, Refused { left_out: vec![orphan("Old")], cut: vec![planted] }, "{element} {names}");
        let now: Value = serde_json::from_str(&kept.text().expect("a policy")).expect("JSON");
        assert_eq!(now["Statement"], json!([is_now, role("App"), ours()]), "{element} {names}");
    }
}

#[tokio::test]
async fn a_refusal_that_nothing_cures_is_an_error_and_changes_nothing() {
    let before = [role("App"), public("Site")];
    for (answer, kind, most) in [
        (error(400, "MalformedPolicy"), FaultKind::Malformed, 2),
        (error(403, "AccessDenied"), FaultKind::Denied, 2),
        (error(405, "MethodNotAllowed"), FaultKind::Malformed, 1),
        (error(404, "NoSuchBucket"), FaultKind::Gone, 1),
    ] {
        let aws = stage().await;
        aws.always(PUT, answer.clone());
        let (left_out, now) = contain(&aws, &before, &[]).await;
        assert_eq!((left_out, now), (Err(kind), Some(text(&before))), "{answer:?}");
        assert_eq!(tries(&aws), most, "{answer:?}");
    }
}

#[tokio::test]
async fn who_may_write_no_policy_is_told_at_once_where_nothing_is_public() {
    let aws = stage().await;
    aws.always(PUT, error(403, "AccessDenied"));
    let (left_out, _) = contain(&aws, &[role("App"), orphan("Old")], &[]).await;
    assert_eq!((left_out, tries(&aws)), (Err(FaultKind::Denied), 1));
}

#[tokio::test]
async fn a_policy_that_is_too_long_is_not_made_shorter() {
    let before: Vec<Value> = (0..200).map(|n| role(&format!("App{n}"))).collect();
    assert!(Document::parse(Some(&text(&before))).expect("a policy").bytes() > LIMIT);
    let aws = stage().await;
    aws.always(PUT, error(400, "MalformedPolicy"));
    let (left_out, now) = contain(&aws, &before, &[]).await;
    assert_eq!((left_out, now, tries(&aws)), (Err(FaultKind::Malformed), Some(text(&before)), 1));
}

#[tokio::test]
async fn a_change_that_met_another_one_is_repeated() {
    let aws = stage().await;
    let (kept, bucket) = Kept::with(&aws, None, &[]).await;
    let conflict = error(409, "OperationAborted");
    aws.break_call(PUT, 1, conflict.clone(), Some(2));
    let document = get(&bucket).await.expect("no policy").with(&[ours()]);
    assert_eq!(Box::pin(put(&bucket, &document)).await.expect("written"), Refused::default());
    assert_eq!((kept.text(), tries(&aws)), (document.render(), 3));
    aws.break_call("s3:DeleteBucketPolicy", 1, conflict, Some(1));
    Box::pin(delete(&bucket)).await.expect("taken off");
    assert_eq!(kept.text(), None);
}

#[tokio::test]
async fn a_failed_try_to_put_statements_back_leaves_them_out_and_says_so() {
    let before = [role("Strange"), role("App"), role("Etl")];
    let aws = stage().await;
    let (kept, bucket) = Kept::with(&aws, Some(&text(&before)), STRANGE).await;
    let document = get(&bucket).await.expect("a policy").with(&[ours()]);
    aws.break_call(PUT, 3, error(404, "NoSuchBucket"), None);
    let left_out = Box::pin(put(&bucket, &document)).await.expect("Firebreak's own statement stands").left_out;
    assert_eq!((sids(&left_out), kept.text()), (vec!["Strange", "App", "Etl"], Some(text(&[ours()]))));
}

#[tokio::test]
async fn what_a_write_leaves_out_is_said_before_it_and_nothing_is_left_out_that_cannot_be_recorded() {
    let before = [orphan("Old"), role("App"), public("Site")];
    let aws = stage().await;
    let (kept, bucket) = Kept::with(&aws, Some(&text(&before)), BOTH).await;
    let document = get(&bucket).await.expect("a policy").with(&[ours()]);
    let mut told: Vec<(Vec<String>, bool)> = Vec::new();
    let foresee = async |some: &[Value]| {
        let is_unchanged = kept.text() == Some(text(&before));
        told.push((sids(some).into_iter().map(str::to_owned).collect(), is_unchanged));
        Ok::<(), Fault>(())
    };
    let refused = Box::pin(policy::put(&bucket, &document, foresee)).await.expect("written");
    assert_eq!(sids(&refused.left_out), ["Old", "Site"]);
    let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<String>>();
    assert_eq!(told, [(owned(&["Old"]), true), (owned(&["Old", "Site"]), true)]);

    let aws = stage().await;
    let (kept, bucket) = Kept::with(&aws, Some(&text(&before)), BOTH).await;
    let unrecorded = async |_: &[Value]| Err::<(), Fault>(Fault::malformed("the ledger does not answer"));
    let refused = Box::pin(policy::put(&bucket, &document, unrecorded)).await;
    assert_eq!((refused.is_err(), kept.text()), (true, Some(text(&before))));
}

#[tokio::test]
async fn a_release_puts_the_text_back_byte_for_byte_or_learns_that_nothing_is_left() {
    let before =
        "{ \"Version\" : \"2012-10-17\",\n \"Statement\" : [ {\"Sid\":\"A\", \"Effect\":\"Allow\", \"Principal\":\"*\"} ] }";
    let aws = stage().await;
    let (kept, bucket) = Kept::with(&aws, Some(before), &[]).await;
    Box::pin(put(&bucket, &get(&bucket).await.expect("a policy").with(&[ours()]))).await.expect("written");
    assert_ne!(kept.text().as_deref(), Some(before));
    let base = Document::parse(Some(before)).expect("a policy");
    assert_eq!(Box::pin(put(&bucket, &base)).await.expect("written"), Refused::default());
    assert_eq!(kept.text().as_deref(), Some(before));

    for (statements, rules) in [(vec![orphan("Old")], ORPHANS), (vec![public("Site"), public("Mirror")], PUBLIC)] {
        let aws = stage().await;
        let now = text(&[ours()]);
        let (kept, bucket) = Kept::with(&aws, Some(&now), rules).await;
        let base = Document::parse(Some(&text(&statements))).expect("a policy");
        let refused = Box::pin(put(&bucket, &base)).await.expect("an answer");
        assert_eq!(refused.left_out, statements, "all of them: nothing was written");
        assert_eq!(kept.text(), Some(now));
    }
}
