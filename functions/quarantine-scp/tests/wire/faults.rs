//! Every call broken in every way, and the process killed at every call: the next run leads to the same end.

use crate::policy::{denying, shipped};
use crate::release::release;
use crate::{ALICE, contain, is_locked, lock_for_another, stage, user};
use firebreak::receipt::Status;
use firebreak_testkit::room::each_break;

/// Where the ledger does not answer, an attempt tries to get the lock as long as it may: these cases take that long, side by side.
#[tokio::test]
async fn however_a_call_breaks_the_next_run_writes_the_entry_and_a_release_takes_it_out() {
    let alice = &user("alice");
    let calls = {
        let (aws, _) = stage().await;
        contain(&aws, "one", alice).await.expect("a receipt");
        aws.calls()
    };
    let tried = each_break(&calls, async |point, how| {
        let (aws, organizations) = stage().await;
        let broken = how.run(&aws, point, contain(&aws, "one", alice)).await;
        let between = organizations.content();
        assert!(between == shipped() || between == denying(&ALICE), "{point:?} {how:?}: {between}");
        if let Some(Ok(receipt)) = &broken {
            let says_more = receipt.status == Status::Contained && between != denying(&ALICE);
            assert!(!says_more, "{point:?} {how:?}: it says more than it did");
        }
        aws.mend();
        if is_locked(&aws) {
            // Whoever was killed has it until its lease ends, which it does now.
            lock_for_another(&aws, "2000-01-01T00:00:00.000000Z");
        }
        let again = contain(&aws, "one", alice).await.expect("a receipt");
        assert_eq!((again.status, organizations.content()), (Status::Contained, denying(&ALICE)), "{point:?} {how:?}");
        assert!(!is_locked(&aws), "{point:?} {how:?}");
        release(&aws, alice).await.expect("a release");
        assert_eq!(organizations.content(), shipped(), "{point:?} {how:?}: the base knows what was added");
        let changes = aws.changes();
        assert!(changes.iter().all(|action| action == "organizations:UpdatePolicy"), "{point:?} {how:?}: {changes:?}");
        assert_eq!(aws.unknown(), [""; 0]);
    })
    .await;
    println!("quarantine-scp: {tried} broken calls");
}
