use crate::target;
use firebreak::fault::FaultKind;
use firebreak_aws::clock;
use firebreak_s3::Turn;
use firebreak_testkit::room;
use firebreak_testkit::scripted::{ScriptedAws, error};
use jiff::SignedDuration;

fn turn(owner: &str) -> Turn {
    Turn { bucket: target(), owner: owner.to_owned() }
}

#[tokio::test]
async fn a_run_after_one_that_was_killed_finds_its_own_lock_and_leaves_none() {
    let aws = ScriptedAws::start().await.expect("a port");
    let (ledger, name) = (room::ledger(&aws), target().ledger_key());
    let lock = async |owner: &str| {
        let now = clock::now();
        ledger.lock_for(&name, owner, now, now + SignedDuration::from_secs(60)).await.expect("the ledger answers")
    };
    assert!(lock("killed").await.is_some(), "and nobody unlocks it");
    let turn = turn("killed");
    let is_alone = Box::pin(turn.alone(&ledger, async || Ok(lock("somebody else").await.is_none()))).await.expect("its turn");
    assert!(is_alone && lock("somebody else").await.is_some());
}

#[tokio::test]
async fn without_a_ledger_that_answers_no_work_is_begun() {
    let aws = ScriptedAws::start().await.expect("a port");
    aws.always("dynamodb:UpdateItem", error(400, "AccessDeniedException"));
    let ledger = room::ledger(&aws);
    let left = Box::pin(turn("one").alone(&ledger, async || Ok(()))).await;
    assert_eq!(left.expect_err("nobody knows whose turn it is").kind, FaultKind::Denied);
}
