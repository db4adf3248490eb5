//! A run that could not read the bucket policy, and what comes after it.

use crate::levels::open;
use crate::protected::{OLD, contain_now, with_log};
use crate::release::release_at;
use crate::{approved_at, contain_at, incident, outcome, request, responder, run, stage, target, verify_at};
use firebreak::answer::{Answer, Decided};
use firebreak::containment::Containment;
use firebreak::receipt::{Outcome, Status};
use firebreak::target::Scope;
use firebreak::task::{Phase, TaskInput, TaskOutput};
use firebreak_aws::clients::MemberRole;
use firebreak_aws::clock;
use firebreak_testkit::scripted::{ScriptedAws, error};

const READ: &str = "s3:GetBucketPolicy";
/// Spaces: a release has to put back every byte.
const PARTNER: &str = "{ \"Version\": \"2012-10-17\", \"Statement\": [ { \"Sid\": \"Partner\", \"Effect\": \"Allow\", \
                       \"Principal\": { \"AWS\": \"arn:aws:iam::999988887777:role/partner\" }, \"Action\": \"s3:GetObject\", \
                       \"Resource\": \"arn:aws:s3:::acme-exports/*\" } ] }";

/// A level of the bucket, whose policy cannot be read until this ends.
async fn blind_at(aws: &ScriptedAws, level: Scope) {
    aws.always(READ, error(403, "AccessDenied"));
    let receipt = contain_at(aws, "one", level).await.expect("a receipt");
    assert_ne!(receipt.status, Status::Contained, "{:?}", receipt.steps);
    aws.mend();
}

#[tokio::test]
async fn whom_a_policy_names_is_let_in_also_where_an_earlier_run_could_not_read_that() {
    let (aws, bucket) = stage().await;
    let bucket = bucket.with_policy(PARTNER);
    blind_at(&aws, Scope::Freeze).await;
    let receipt = contain_at(&aws, "one", Scope::Freeze).await.expect("a receipt");
    assert_eq!(receipt.status, Status::Contained, "{:?}", receipt.steps);
    let denied = bucket.statement("FirebreakDenyOutsiders").expect("a statement").to_string();
    assert!(denied.contains("arn:aws:iam::999988887777:role/partner"), "{denied}");
    let check = verify_at(&aws, "one", Scope::Freeze).await.expect("a look");
    assert!(check.holds && check.reverted.is_empty(), "nobody changed anything: {check:?}");
    release_at(&aws, "one", Scope::Freeze).await;
    assert_eq!(bucket.policy().as_deref(), Some(PARTNER));
}

#[tokio::test]
async fn a_person_is_asked_when_it_is_known_whom_a_freeze_shuts_out() {
    let (aws, bucket) = stage().await;
    let public = PARTNER.replace("{ \"AWS\": \"arn:aws:iam::999988887777:role/partner\" }", "\"*\"");
    let bucket = bucket.with_policy(&public);
    open(&aws, Scope::Freeze).await;
    blind_at(&aws, Scope::Freeze).await;
    let receipt = contain_at(&aws, "one", Scope::Freeze).await.expect("a receipt");
    let impact = receipt.waits.as_ref().map(|waits| waits.impact.as_str()).unwrap_or_default();
    assert!(receipt.status == Status::Waits && impact.contains("public"), "{receipt:?}");
    assert_eq!(bucket.policy(), Some(public));
}

#[tokio::test]
async fn logs_are_left_alone_as_soon_as_the_policy_says_that_they_come() {
    let (aws, bucket) = with_log(OLD).await;
    let before = bucket.policy();
    aws.always(READ, error(403, "AccessDenied"));
    assert_ne!(contain_now(&aws, Scope::Freeze, false).await.status, Status::Skipped, "nobody knows of logs yet");
    aws.mend();
    let receipt = contain_now(&aws, Scope::Freeze, false).await;
    assert_eq!((receipt.status, bucket.policy()), (Status::Skipped, before), "{receipt:?}");
}

#[tokio::test]
async fn a_look_denies_the_suspects_at_last_and_a_release_puts_back_every_byte() {
    for (level, sid) in [(Scope::Freeze, "FirebreakDenySuspects"), (Scope::Destruction, "FirebreakDenyDestruction")] {
        let (aws, bucket) = stage().await;
        let bucket = bucket.with_policy(PARTNER);
        blind_at(&aws, level).await;
        for _ in 0..2 {
            let check = verify_at(&aws, "one", level).await.expect("a look");
            assert!(check.reverted.is_empty(), "nobody took anything away: {check:?}");
            assert_eq!(bucket.sids(), ["Partner", sid], "nobody was asked whom the rest would shut out");
            let is_told = |name: &str| check.problems.iter().any(|line| line.contains(name));
            let lacks = level == Scope::Freeze;
            assert_eq!((check.holds, is_told("FirebreakDenyOutsiders")), (!lacks, lacks), "{level:?}: {check:?}");
        }
        let steps = release_at(&aws, "one", level).await;
        assert_eq!(outcome(&steps, "restore-policy"), Outcome::Applied, "{steps:?}");
        assert_eq!(bucket.policy().as_deref(), Some(PARTNER));
    }
}

#[tokio::test]
async fn what_a_look_could_not_write_an_approval_does() {
    let (aws, bucket) = stage().await;
    let bucket = bucket.with_policy(PARTNER);
    blind_at(&aws, Scope::Freeze).await;
    verify_at(&aws, "one", Scope::Freeze).await.expect("a look");
    let done = approved_at(&aws, "one", Scope::Freeze).await.expect("a receipt");
    assert!(done.status == Status::Contained && bucket.statement("FirebreakDenyOutsiders").is_some(), "{done:?}");
    let check = verify_at(&aws, "one", Scope::Freeze).await.expect("a look");
    assert!(check.holds && check.reverted.is_empty(), "{check:?}");
}

/// S3 takes no policy without a statement, and only a release may delete one.
#[tokio::test]
async fn the_last_suspect_is_let_go_also_where_nothing_else_is_in_the_policy() {
    let (aws, bucket) = stage().await;
    blind_at(&aws, Scope::Freeze).await;
    verify_at(&aws, "one", Scope::Freeze).await.expect("a look");
    assert_eq!(bucket.sids(), ["FirebreakDenySuspects"]);
    let mut released = incident("one");
    released.settle(&Decided::new(Answer::Release, "ann", "it was her", clock::now()), |_| true);
    let look = TaskInput { incident: released.clone(), ..request(Phase::Verify, "one", Scope::Freeze) };
    let TaskOutput::Verification(check) = Box::pin(run(&aws, look)).await.expect("an answer") else { unreachable!("a look") };
    assert!(check.problems.iter().any(|line| line.contains("only a release does that")), "{check:?}");
    let (frozen, role) = (target(Scope::Freeze), MemberRole::Release);
    let call = responder(&aws).call(&frozen, Containment::LockdownS3, role, &released.id).await.expect("credentials");
    Box::pin(lockdown_s3::free(&call, &released)).await.expect("let go");
    assert_eq!(bucket.policy(), None);
    aws.forget();
    Box::pin(lockdown_s3::free(&call, &released)).await.expect("nothing to do");
    assert_eq!(aws.changes(), [""; 0]);
}

#[tokio::test]
async fn a_level_of_which_no_statement_was_ever_written_does_not_hold() {
    let (aws, bucket) = stage().await;
    let bucket = bucket.with_policy(PARTNER);
    aws.always(READ, error(403, "AccessDenied"));
    approved_at(&aws, "one", Scope::Seal).await.expect("a receipt");
    aws.mend();
    let check = verify_at(&aws, "one", Scope::Seal).await.expect("a look");
    let is_told = check.problems.iter().any(|line| line.contains("no statement of this level"));
    assert!(!check.holds && is_told && check.reverted.is_empty(), "{check:?}");
    assert_eq!(bucket.policy().as_deref(), Some(PARTNER));
}
