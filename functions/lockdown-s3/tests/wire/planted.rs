//! A Deny that only calls itself Firebreak's.

use crate::lived_in::contained_at;
use crate::release::{is_done, release_at, release_past};
use crate::{outcome, verify_at};
use firebreak::receipt::Outcome;
use firebreak::target::Scope;
use serde_json::json;

/// An accomplice locks everybody else out, in the name of Firebreak, and hopes that it stays.
#[tokio::test]
async fn a_deny_in_firebreaks_name_is_told_by_looks_and_shown_by_the_release() {
    let (aws, bucket, _) = contained_at(Scope::Freeze).await;
    let planted = json!({ "Sid": "FirebreakX", "Effect": "Deny", "Principal": "*", "Action": "s3:*",
        "Resource": "arn:aws:s3:::acme-exports/*",
        "Condition": { "ArnNotLike": { "aws:PrincipalArn": "arn:aws:iam::111122223333:user/accomplice" } } });
    bucket.change(|state| {
        let all: Vec<_> = state.statements().into_iter().chain([planted.clone()]).collect();
        state.policy = Some(json!({ "Version": "2012-10-17", "Statement": all }).to_string());
    });
    let check = verify_at(&aws, "one", Scope::Freeze).await.expect("a look");
    assert!(!check.holds && check.problems.iter().any(|line| line.contains("FirebreakX")), "{check:?}");
    assert!(check.reverted.is_empty(), "{check:?}");

    let shown = release_at(&aws, "one", Scope::Freeze).await;
    let drift = shown.iter().find(|step| step.name.as_str() == "check-drift").expect("a change");
    assert!(drift.outcome == Outcome::Failed && drift.error.as_ref().is_some_and(|why| why.message.contains("FirebreakX")));
    let left = release_past(&aws, Scope::Freeze, &shown).await;
    assert!(is_done(&left) && outcome(&left, "restore-policy") == Outcome::Applied, "{left:?}");
    assert_eq!(bucket.statement("FirebreakX"), Some(planted), "what somebody made is theirs to take out");
    assert!(!bucket.sids().iter().any(|sid| sid.starts_with("FirebreakDeny")), "{:?}", bucket.sids());
}
