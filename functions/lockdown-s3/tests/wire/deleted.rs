//! Denies of principals who were deleted. S3 shows the id of such a principal, and takes no policy that has it.

use crate::bucket::Bucket;
use crate::release::{is_done, release_at, release_past};
use crate::{approved_at, base_at, outcome, stage, verify_at};
use firebreak::receipt::{Outcome, Status};
use firebreak::target::Scope;
use firebreak_testkit::scripted::ScriptedAws;
use serde_json::{Value, json};

const GONE: &str = "AIDAEXAMPLEEXAMPLE01";
const ROGUE: &str = "arn:aws:iam::111122223333:user/rogue";
const TRENT: &str = "arn:aws:iam::111122223333:user/trent";

/// A bucket whose policy denies somebody something, and lets an application in.
async fn denying(names: &Value) -> (ScriptedAws, Bucket) {
    let (aws, bucket) = stage().await;
    let policy = json!({ "Version": "2012-10-17", "Statement": [
        { "Sid": "Denied", "Effect": "Deny", "Principal": { "AWS": names }, "Action": "s3:GetObject",
          "Resource": "arn:aws:s3:::acme-exports/*" },
        { "Sid": "App", "Effect": "Allow", "Principal": { "AWS": "arn:aws:iam::111122223333:role/app" }, "Action": "s3:GetObject",
          "Resource": "arn:aws:s3:::acme-exports/*" },
    ] });
    let bucket = bucket.with_policy(&policy.to_string());
    (aws, bucket)
}

/// Whoever may write the policy makes a user, denies him something and deletes him.
#[tokio::test]
async fn a_deny_of_a_deleted_user_bars_no_level_and_no_release() {
    for level in [Scope::Freeze, Scope::Destruction, Scope::Seal] {
        let (aws, bucket) = denying(&json!(GONE)).await;
        let receipt = approved_at(&aws, "one", level).await.expect("a receipt");
        assert_eq!(receipt.status, Status::Contained, "{level:?}: {:?}", receipt.steps);
        assert_eq!(outcome(&receipt.steps, "leave-out-statement Denied"), Outcome::Skipped, "{level:?}: and that is said");
        let left_out = base_at(&aws, level).expect("a base").planned.left_out;
        assert_eq!(left_out.iter().map(|statement| &statement["Sid"]).collect::<Vec<_>>(), ["Denied"], "{level:?}");
        let steps = release_at(&aws, "one", level).await;
        assert!(is_done(&steps) && outcome(&steps, "restore-policy") == Outcome::Applied, "{level:?}: {steps:?}");
        assert_eq!(outcome(&steps, "leave-out-statement Denied"), Outcome::Skipped, "{level:?}: {steps:?}");
        assert_eq!(bucket.sids(), ["App"], "{level:?}");
    }
}

#[tokio::test]
async fn whoever_is_denied_beside_a_deleted_user_stays_denied() {
    let (aws, bucket) = denying(&json!([GONE, TRENT])).await;
    let denied = |bucket: &Bucket| bucket.statement("Denied").expect("a statement")["Principal"].clone();
    let receipt = approved_at(&aws, "one", Scope::Seal).await.expect("a receipt");
    assert_eq!((receipt.status, denied(&bucket)), (Status::Contained, json!({ "AWS": [TRENT] })), "{:?}", receipt.steps);
    assert_eq!(outcome(&receipt.steps, "leave-out-statement Denied"), Outcome::Skipped, "it is not as it was");
    let steps = release_at(&aws, "one", Scope::Seal).await;
    assert!(is_done(&steps) && outcome(&steps, "restore-policy") == Outcome::Applied, "{steps:?}");
    assert_eq!((bucket.sids(), denied(&bucket)), (vec!["Denied".to_owned(), "App".to_owned()], json!({ "AWS": [TRENT] })));
    aws.forget();
    release_at(&aws, "one", Scope::Seal).await;
    assert_eq!(aws.changes(), [""; 0], "a second release finds nothing to do");
}

/// As responders do with a rogue user.
#[tokio::test]
async fn a_user_who_is_deleted_while_the_bucket_is_closed_bars_neither_looks_nor_the_release() {
    let (aws, bucket) = denying(&json!([ROGUE])).await;
    approved_at(&aws, "one", Scope::Seal).await.expect("a receipt");
    let is_deleted = |text: &str| text.replace(ROGUE, GONE);
    bucket.change(|state| state.policy = state.policy.as_deref().map(is_deleted));

    let shown = release_at(&aws, "one", Scope::Seal).await;
    assert_eq!(outcome(&shown, "check-drift"), Outcome::Failed, "S3 shows another policy: {shown:?}");
    bucket.change(|state| {
        let theirs: Vec<Value> = state.statements().into_iter().filter(|one| one["Sid"] != "FirebreakSeal").collect();
        state.policy = Some(json!({ "Version": "2012-10-17", "Statement": theirs }).to_string());
    });
    let check = verify_at(&aws, "one", Scope::Seal).await.expect("a look");
    assert!(check.holds && bucket.statement("FirebreakSeal").is_some(), "{check:?}");

    let shown = release_at(&aws, "one", Scope::Seal).await;
    let steps = release_past(&aws, Scope::Seal, &shown).await;
    assert!(is_done(&steps), "{steps:?}");
    assert_eq!(bucket.sids(), ["App"]);
}

/// Nobody loses access by it, so nobody has to act.
#[tokio::test]
async fn a_look_that_leaves_out_a_deny_of_nobody_notes_it_and_the_freeze_holds() {
    let (aws, bucket) = denying(&json!([ROGUE])).await;
    approved_at(&aws, "one", Scope::Freeze).await.expect("a receipt");
    bucket.change(|state| {
        let is_theirs = |one: &Value| one["Sid"] == "Denied" || one["Sid"] == "App";
        let theirs: Vec<Value> = state.statements().into_iter().filter(is_theirs).collect();
        let policy = json!({ "Version": "2012-10-17", "Statement": theirs });
        state.policy = Some(policy.to_string().replace(ROGUE, GONE));
    });
    let check = verify_at(&aws, "one", Scope::Freeze).await.expect("a look");
    assert!(check.holds && check.notes.iter().any(|line| line.contains("leave-out-statement Denied")), "{check:?}");
    assert!(bucket.statement("FirebreakDenySuspects").is_some() && bucket.statement("Denied").is_none(), "{:?}", bucket.sids());
    let planned = base_at(&aws, Scope::Freeze).expect("a base").planned;
    let left_out: Vec<Value> = planned.left_out.iter().map(|one| one["Sid"].clone()).collect();
    assert_eq!((left_out, planned.unsettled), (vec![json!("Denied")], vec![]));
}
