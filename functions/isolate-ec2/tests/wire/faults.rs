//! Every call broken in every way, and the process killed at every call: the next run leads to the same end.

use crate::release::{contained, release};
use crate::{contain, destroys, recorded, stage};
use firebreak::receipt::{Outcome, Status};
use firebreak_testkit::room::each_break;

#[tokio::test]
async fn however_a_call_breaks_the_next_run_isolates_the_instance() {
    let calls = {
        let (aws, _) = stage().await;
        contain(&aws, "one").await.expect("a receipt");
        aws.calls()
    };
    let tried = each_break(&calls, async |point, how| {
        let (aws, ec2) = stage().await;
        let before = ec2.now();
        let broken = how.run(&aws, point, contain(&aws, "one")).await;
        let between = ec2.now();
        if let Some(Ok(receipt)) = &broken {
            let says_more = receipt.status == Status::Contained && !between.is_cut_off();
            assert!(!says_more, "{point:?} {how:?}: it says more than it did");
        }
        if (&between.interfaces, &between.instance) != (&before.interfaces, &before.instance) {
            assert_eq!(recorded(&aws), before.memberships(), "{point:?} {how:?}: changed without a record");
        }
        assert!(!aws.calls().iter().any(destroys), "{point:?} {how:?}");
        aws.mend();
        let again = contain(&aws, "one").await.expect("a receipt");
        let after = ec2.now();
        assert_eq!((again.status, after.is_cut_off()), (Status::Contained, true), "{point:?} {how:?}");
        assert!(after.instance.as_ref().is_some_and(|instance| instance.protected), "{point:?} {how:?}");
        assert_eq!(after.isolation_groups().len(), 2, "{point:?} {how:?}: one for each VPC");
        assert_eq!(recorded(&aws), before.memberships(), "{point:?} {how:?}");
        assert!(!aws.calls().iter().any(destroys), "{point:?} {how:?}");
        assert_eq!(aws.unknown(), [""; 0]);
    })
    .await;
    println!("isolate-ec2: {tried} broken calls");
}

#[tokio::test]
async fn however_a_call_of_a_release_breaks_the_next_one_puts_the_instance_back() {
    let calls = {
        let (aws, _, _) = contained(|_| ()).await;
        aws.forget();
        release(&aws, &[]).await.expect("a release");
        aws.calls()
    };
    let tried = each_break(&calls, async |point, how| {
        let (aws, ec2, before) = contained(|_| ()).await;
        let broken = how.run(&aws, point, release(&aws, &[])).await;
        if let Some(Ok(steps)) = &broken {
            let says_more = steps.iter().all(|step| step.outcome != Outcome::Failed) && ec2.now().interfaces != before.interfaces;
            assert!(!says_more, "{point:?} {how:?}: it says more than it did");
        }
        aws.mend();
        let steps = release(&aws, &[]).await.expect("a release");
        assert!(steps.iter().all(|step| step.outcome != Outcome::Failed), "{point:?} {how:?}: {steps:?}");
        let after = ec2.now();
        assert_eq!((after.interfaces, after.instance), (before.interfaces, before.instance), "{point:?} {how:?}");
        assert_eq!(aws.unknown(), [""; 0]);
    })
    .await;
    println!("isolate-ec2, release: {tried} broken calls");
}
