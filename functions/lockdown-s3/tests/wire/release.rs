use crate::bucket::{Bucket, CLOSED, Switches};
use crate::lived_in::{LEVELS, POLICY, contained_at};
use crate::{NAME, approved_at, contain, outcome, responder, stage, target, verify_at};
use firebreak::containment::Containment;
use firebreak::fault::{Fault, FaultKind};
use firebreak::holders::Holder;
use firebreak::receipt::{Outcome, Step};
use firebreak::step::{StepKind, StepName};
use firebreak::target::{Scope, TargetKind};
use firebreak_aws::clients::MemberRole;
use firebreak_aws::clock;
use firebreak_function::containment::Call;
use firebreak_ledger::Held;
use firebreak_testkit::room;
use firebreak_testkit::scripted::{ScriptedAws, error};
use serde_json::json;

/// What a release is told besides.
#[derive(Default)]
pub(crate) struct Told {
    /// Digests of changes that an analyst has seen.
    pub(crate) seen: Vec<String>,
    /// Steps of the containment that failed.
    pub(crate) failed: Vec<StepName>,
}

/// Releases the public access block from its recorded base.
pub(crate) async fn release(aws: &ScriptedAws) -> Vec<Step> {
    release_at(aws, "one", Scope::Principal).await
}

/// Releases a level from its recorded base, as the function `release` does.
pub(crate) async fn release_at(aws: &ScriptedAws, incident: &str, level: Scope) -> Vec<Step> {
    try_release(aws, (incident, level), Told::default()).await.expect("a release")
}

pub(crate) async fn try_release(aws: &ScriptedAws, (incident, level): (&str, Scope), told: Told) -> Result<Vec<Step>, Fault> {
    let (target, incident) = (target(level), room::incident(incident));
    let call = responder(aws).call(&target, Containment::LockdownS3, MemberRole::Release, &incident).await?;
    let call = Call { seen_drift: told.seen, failed_steps: told.failed, ..call };
    let base = call.ledger.base(call.held()).await?.map(|(base, _)| base);
    Box::pin(lockdown_s3::release(&call, base.as_ref())).await
}

/// Releases once more, after an analyst has seen what the steps show.
pub(crate) async fn release_past(aws: &ScriptedAws, level: Scope, shown: &[Step]) -> Vec<Step> {
    let seen = shown.iter().filter_map(|step| step.digest.clone()).collect();
    try_release(aws, ("one", level), Told { seen, ..Told::default() }).await.expect("a release")
}

pub(crate) fn is_done(steps: &[Step]) -> bool {
    steps.iter().all(|step| step.outcome != Outcome::Failed)
}

async fn contained(before: Option<Switches>) -> (ScriptedAws, Bucket) {
    let (aws, bucket) = stage().await;
    bucket.set(before);
    contain(&aws, "one").await.expect("a receipt");
    assert_eq!(bucket.block(), Some(CLOSED));
    (aws, bucket)
}

#[tokio::test]
async fn every_level_is_put_back_field_by_field_and_the_policy_byte_by_byte() {
    for level in LEVELS {
        let (aws, bucket, before) = contained_at(level).await;
        let steps = release_at(&aws, "one", level).await;
        assert!(is_done(&steps), "{level:?}: {steps:?}");
        assert_eq!(bucket.now(), before, "{level:?}");
        aws.forget();
        let again = release_at(&aws, "one", level).await;
        assert!(is_done(&again), "{level:?}: {again:?}");
        assert_eq!(aws.changes(), [""; 0], "{level:?}: a second release finds nothing to do");
    }
}

#[tokio::test]
async fn a_bucket_is_as_it_was_whatever_its_block_was() {
    for before in [None, Some([false; 4]), Some([true, false, true, false]), Some(CLOSED)] {
        let (aws, bucket) = contained(before).await;
        let steps = release(&aws).await;
        assert!(is_done(&steps), "{steps:?}");
        assert_eq!(bucket.block(), before, "absent is not the same as four times false");
        aws.forget();
        release(&aws).await;
        assert_eq!(aws.changes(), [""; 0], "a second release finds nothing to do");
    }
}

#[tokio::test]
async fn a_bucket_that_had_no_policy_has_none_again_and_versioning_stays_on_which_is_said() {
    let (aws, bucket) = stage().await;
    let before = bucket.now();
    approved_at(&aws, "one", Scope::Freeze).await.expect("a receipt");
    assert!(bucket.policy().is_some());
    let steps = release_at(&aws, "one", Scope::Freeze).await;
    assert!(is_done(&steps), "{steps:?}");
    let versioning = Some("Enabled".to_owned());
    assert_eq!(bucket.now(), crate::bucket::State { versioning, ..before }, "S3 has no way back from versioning");
    let said = steps.iter().find(|step| step.is(StepKind::SuspendVersioning)).expect("a step");
    assert!(said.outcome == Outcome::Skipped && said.error.is_some(), "{said:?}");
}

#[tokio::test]
async fn what_somebody_changed_of_the_block_since_is_shown_once_and_left() {
    let (aws, bucket) = contained(None).await;
    for theirs in [Some([false, true, true, true]), Some([false; 4])] {
        bucket.set(theirs);
        let shown = release(&aws).await;
        assert!(shown[0].is(StepKind::CheckDrift) && shown[0].outcome == Outcome::Failed, "{shown:?}");
        let left = release_past(&aws, Scope::Principal, &shown).await;
        assert!(left.iter().all(|step| step.outcome == Outcome::Skipped), "the second release ends: {left:?}");
        assert_eq!(bucket.block(), theirs, "theirs stays");
    }
}

#[tokio::test]
async fn a_policy_that_somebody_changed_since_keeps_the_denies_until_it_was_seen_and_keeps_the_change() {
    let (aws, bucket, _) = contained_at(Scope::Seal).await;
    let theirs = json!({ "Sid": "Theirs\u{202e}", "Effect": "Allow", "Principal": { "AWS": "111122223333" }, "Action": "s3:ListBucket",
                         "Resource": "arn:aws:s3:::acme-exports" });
    bucket.change(|state| {
        let mut statements = state.statements();
        statements.retain(|statement| statement["Sid"] != "TlsOnly");
        statements.push(theirs.clone());
        state.policy = Some(json!({ "Version": "2012-10-17", "Statement": statements }).to_string());
    });
    let changed = bucket.policy();
    let shown = release_at(&aws, "one", Scope::Seal).await;
    assert_eq!((outcome(&shown, "check-drift"), bucket.policy()), (Outcome::Failed, changed), "it stays sealed: {shown:?}");
    let words = shown[0].error.as_ref().expect("a reason").message.clone();
    assert!(words.contains("Theirs\u{fffd}") && words.contains("TlsOnly"), "{words}");
    let left = release_past(&aws, Scope::Seal, &shown).await;
    assert!(is_done(&left) && outcome(&left, "restore-policy") == Outcome::Applied, "{left:?}");
    assert_eq!((bucket.sids(), bucket.statement("TlsOnly")), (vec!["Theirs\u{202e}".to_owned()], None), "theirs stays");
}

/// A policy with a statement of a user who was deleted before the containment.
async fn with_an_orphan() -> (ScriptedAws, Bucket, String) {
    let (aws, bucket) = stage().await;
    let policy = "{\"Version\":\"2012-10-17\", \"Statement\":[{\"Sid\":\"Gone\",\"Effect\":\"Allow\",\
                  \"Principal\":{\"AWS\":\"arn:aws:iam::111122223333:user/gone\"},\"Action\":\"s3:GetObject\",\
                  \"Resource\":\"arn:aws:s3:::acme-exports/*\"}]}";
    let bucket = bucket.with_policy(policy).with_orphan("arn:aws:iam::111122223333:user/gone");
    approved_at(&aws, "one", Scope::Seal).await.expect("a receipt");
    assert_eq!(bucket.sids(), ["FirebreakSeal"], "S3 did not take the other one back");
    (aws, bucket, policy.to_owned())
}

#[tokio::test]
async fn what_s3_did_not_take_back_is_put_back_when_it_does() {
    let (aws, bucket, policy) = with_an_orphan().await;
    bucket.change(|state| state.orphans.clear());
    let steps = release_at(&aws, "one", Scope::Seal).await;
    assert!(is_done(&steps), "{steps:?}");
    assert_eq!(bucket.policy(), Some(policy));
}

#[tokio::test]
async fn what_s3_never_takes_back_is_shown_once_and_does_not_count_as_restored() {
    let (aws, bucket, _) = with_an_orphan().await;
    let shown = release_at(&aws, "one", Scope::Seal).await;
    assert_eq!((outcome(&shown, "restore-policy"), outcome(&shown, "check-drift")), (Outcome::Failed, Outcome::Failed));
    assert_eq!(bucket.policy(), None, "nobody is denied any more");
    let left = release_past(&aws, Scope::Seal, &shown).await;
    let undone = left.iter().find(|step| step.is(StepKind::RestorePolicy)).expect("a step");
    assert!(undone.outcome == Outcome::Skipped && is_done(&left), "{left:?}");
    let words = &undone.error.as_ref().expect("a reason").message;
    assert!(words.contains("Gone") && words.contains("user/gone"), "{words}");
}

/// S3 shows the identifier of a principal that was deleted in place of its ARN.
#[tokio::test]
async fn a_statement_of_which_a_principal_was_deleted_since_is_shown_as_refused_and_not_as_somebodys_change() {
    let (aws, bucket) = stage().await;
    let policy = "{\"Version\":\"2012-10-17\", \"Statement\":[{\"Sid\":\"App\",\"Effect\":\"Allow\",\"Principal\":{\"AWS\":\
                  [\"arn:aws:iam::111122223333:role/app\",\"arn:aws:iam::111122223333:role/gone\"]},\"Action\":\"s3:GetObject\",\
                  \"Resource\":\"arn:aws:s3:::acme-exports/*\"}]}";
    let bucket = bucket.with_policy(policy);
    approved_at(&aws, "one", Scope::Seal).await.expect("a receipt");
    let bucket = bucket.with_orphan("arn:aws:iam::111122223333:role/gone");
    // And somebody takes the seal out, so that a look writes the policy.
    bucket.change(|state| state.policy = Some(policy.replace("arn:aws:iam::111122223333:role/gone", "AROAEXAMPLEEXAMPLE12")));
    let check = verify_at(&aws, "one", Scope::Seal).await.expect("a look");
    assert_eq!((check.reverted.len(), bucket.sids()), (1, vec!["FirebreakSeal".to_owned()]), "{check:?}");
    let shown = release_at(&aws, "one", Scope::Seal).await;
    let told: Vec<&str> = shown.iter().filter_map(|step| Some(step.error.as_ref()?.message.as_str())).collect();
    assert!(told.iter().all(|line| line.contains("S3 does not take back") && line.contains("App")), "{told:?}");
    assert_eq!((outcome(&shown, "restore-policy"), bucket.policy()), (Outcome::Failed, None));
    bucket.change(|state| state.orphans.clear());
    assert!(is_done(&release_at(&aws, "one", Scope::Seal).await));
    assert_eq!(bucket.policy().as_deref(), Some(policy), "the role is there again");
}

#[tokio::test]
async fn what_firebreak_could_not_change_is_not_its_to_change_back() {
    let (aws, bucket, _) = contained_at(Scope::Freeze).await;
    let failed = vec![StepKind::BlockPublicAccess.into(), StepKind::EnableVersioning.into()];
    let steps = try_release(&aws, ("one", Scope::Freeze), Told { failed, ..Told::default() }).await.expect("a release");
    let outcomes = ["restore-public-access-block", "suspend-versioning"].map(|name| outcome(&steps, name));
    assert_eq!(outcomes, [Outcome::Skipped; 2], "{steps:?}");
    assert_eq!((bucket.block(), bucket.now().versioning.as_deref()), (Some(CLOSED), Some("Enabled")));
    // The block stays, and S3 takes no public policy under it.
    assert_eq!(outcome(&steps, "restore-policy"), Outcome::Failed, "{steps:?}");
    assert_eq!(bucket.sids(), ["TlsOnly"]);
    assert!(bucket.policy().is_some_and(|policy| policy.len() < POLICY.len()));
}

#[tokio::test]
async fn a_bucket_that_is_gone_or_somebody_elses_is_not_touched() {
    for (kind, how) in [(FaultKind::Gone, false), (FaultKind::Denied, true)] {
        let (aws, bucket, _) = contained_at(Scope::Freeze).await;
        bucket.change(|state| (state.exists, state.owner) = (how, "999988887777".to_owned()));
        aws.forget();
        let refused = try_release(&aws, ("one", Scope::Freeze), Told::default()).await.expect_err("no release");
        assert_eq!((refused.kind, aws.changes()), (kind, vec![]));
    }
}

#[tokio::test]
async fn one_part_that_cannot_be_put_back_keeps_no_other_one_from_it() {
    let (aws, bucket, before) = contained_at(Scope::Freeze).await;
    aws.always("s3:PutBucketEncryption", error(403, "AccessDenied"));
    let steps = release_at(&aws, "one", Scope::Freeze).await;
    assert_eq!(outcome(&steps, "restore-encryption"), Outcome::Failed);
    assert_eq!(steps.iter().filter(|step| step.outcome == Outcome::Failed).count(), 1, "{steps:?}");
    assert_eq!((bucket.policy(), bucket.block()), (before.policy.clone(), before.block));
    aws.mend();
    assert!(is_done(&release_at(&aws, "one", Scope::Freeze).await));
    assert_eq!(bucket.now(), before);
}

/// The release of the last set of objects left it: under the block S3 takes no public policy back.
#[tokio::test]
async fn the_statement_of_a_quarantine_that_is_over_goes_with_the_block_and_no_other_does() {
    let sets = room::target(TargetKind::S3Object, NAME);
    for (absent, is_held, goes) in [("false", false, true), ("false", true, false), ("true", false, false)] {
        let (aws, bucket, before) = contained_at(Scope::Principal).await;
        bucket.change(|state| {
            let mut statements = state.statements();
            statements.push(json!({ "Sid": "FirebreakDenyQuarantined", "Effect": "Deny", "Principal": "*", "Action": "s3:GetObject",
                "Resource": "arn:aws:s3:::acme-exports/*", "Condition": { "Null": { "s3:ExistingObjectTag/firebreak-quarantined": absent } } }));
            state.policy = Some(json!({ "Version": "2012-10-17", "Statement": statements }).to_string());
        });
        if is_held {
            let held = Held { target: &sets, containment: Containment::QuarantineObject };
            let holder = Holder::Own(room::incident("two"));
            room::ledger(&aws).mark_held(held, &holder, clock::now()).await.expect("the ledger takes it");
        }
        let steps = release(&aws).await;
        assert!(is_done(&steps), "{steps:?}");
        let stays = bucket.policy().is_some_and(|policy| policy.contains("FirebreakDenyQuarantined"));
        assert_eq!(stays, !goes, "{absent} {is_held}: {steps:?}");
        if goes {
            assert_eq!(bucket.now(), before, "byte for byte");
        }
    }
}
