//! Every call broken in every way, and the process killed at every call: the next run puts the bucket back.

use crate::{bucket, contained, holders, stage, undo};
use firebreak::containment::Containment;
use firebreak_testkit::room::{Break, Point, each_break};

#[tokio::test]
async fn however_a_call_breaks_the_next_run_puts_the_bucket_back() {
    let before = Some([true, false, false, true]);
    let calls = {
        let (aws, buckets) = stage(&["acme-a"]).await;
        buckets.put("acme-a", before);
        let incident = contained(&aws, "one", &["acme-a"]).await;
        aws.forget();
        undo(&aws, &incident).await.expect("an answer");
        aws.calls()
    };
    let tried = each_break(&calls, async |point: &Point, how: Break| {
        let (aws, buckets) = stage(&["acme-a"]).await;
        buckets.put("acme-a", before);
        let incident = contained(&aws, "one", &["acme-a"]).await;
        let broken = how.run(&aws, point, undo(&aws, &incident)).await;
        if let Some(Ok(released)) = &broken {
            let done = buckets.block("acme-a") == before;
            assert!(released.status != "ok" || done, "{point:?} {how:?}: it says more than it did");
        }
        aws.mend();
        let again = undo(&aws, &incident).await.expect("an answer");
        assert_eq!((again.status, buckets.block("acme-a")), ("ok", before), "{point:?} {how:?}: {:?}", again.receipts);
        assert_eq!(holders(&aws, Containment::LockdownS3, &bucket("acme-a")), [""; 0], "{point:?} {how:?}");
        assert_eq!(aws.unknown(), [""; 0]);
    })
    .await;
    println!("release: {tried} broken calls");
}
