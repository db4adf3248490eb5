//! Every call broken in every way, and the process killed at every call: the next run leads to the same end.

use crate::bucket::CLOSED;
use crate::{contain, stage};
use firebreak::receipt::Status;
use firebreak_testkit::room::{Break, each_break};

#[tokio::test]
async fn however_a_call_breaks_the_next_run_closes_the_bucket() {
    let calls = {
        let (aws, _) = stage().await;
        contain(&aws, "one").await.expect("a receipt");
        aws.calls()
    };
    let tried = each_break(&calls, async |point, how| {
        let (aws, bucket) = stage().await;
        let broken = how.run(&aws, point, contain(&aws, "one")).await;
        if let Some(Ok(receipt)) = &broken {
            assert!(
                receipt.status != Status::Contained || bucket.block() == Some(CLOSED),
                "{point:?} {how:?}: it says more than it did"
            );
        }
        assert!(aws.calls().iter().all(|call| !call.operation.starts_with("Delete")), "{point:?} {how:?}");
        aws.mend();
        let again = contain(&aws, "one").await.expect("a receipt");
        assert_eq!((again.status, bucket.block()), (Status::Contained, Some(CLOSED)), "{point:?} {how:?}");
        assert_eq!(aws.unknown(), [""; 0]);
        let _: Break = how;
    })
    .await;
    println!("lockdown-s3: {tried} broken calls");
}
