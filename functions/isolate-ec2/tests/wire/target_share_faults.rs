//! Every call of an isolation of a host that serves in a target group, without an Auto Scaling group, broken in every way.

use crate::balancing_aws::Balancing;
use crate::ec2::Ec2;
use crate::release::release;
use crate::target_share::{places, serving};
use crate::{INSTANCE, contain, destroys, stage, verify};
use firebreak::receipt::{Receipt, Status};
use firebreak_testkit::room::each_break;
use firebreak_testkit::scripted::ScriptedAws;

async fn host() -> (ScriptedAws, Ec2, Balancing) {
    let (aws, ec2) = stage().await;
    let balancing = serving(&aws, &["shop"]);
    (aws, ec2, balancing)
}

/// Whether the receipt says that the share was not compared.
fn says_so(receipt: &Receipt) -> bool {
    receipt.steps.iter().filter_map(|step| step.error.as_ref()).any(|fault| fault.message.contains("NOT compared"))
}

#[tokio::test]
async fn however_a_call_breaks_the_host_ends_cut_off_and_is_counted_until_its_release_unless_the_receipt_says_otherwise() {
    let calls = {
        let (aws, ..) = host().await;
        contain(&aws, "one").await.expect("a receipt");
        aws.calls()
    };
    let tried = each_break(&calls, async |point, how| {
        let (aws, ec2, balancing) = host().await;
        let broken = how.run(&aws, point, contain(&aws, "one")).await;
        let mut is_said = false;
        if let Some(Ok(receipt)) = &broken {
            let says_more = receipt.status == Status::Contained && !ec2.now().is_cut_off();
            assert!(!says_more, "{point:?} {how:?}: it says more than it did");
            is_said = says_so(receipt);
        }
        aws.mend();
        contain(&aws, "one").await.expect("a receipt");
        // A look does what the runs could not.
        verify(&aws, "one").await.expect("a look");
        assert!(ec2.now().is_cut_off(), "{point:?} {how:?}");
        let now = balancing.now();
        assert!(now.groups["shop"].iter().all(|(id, _)| id != INSTANCE), "{point:?} {how:?}: {now:?}");
        assert!(is_said || places(&aws, "shop") == [INSTANCE], "{point:?} {how:?}: {:?}", places(&aws, "shop"));
        assert!(!aws.calls().iter().any(destroys), "{point:?} {how:?}");
        release(&aws, &[]).await.expect("a release");
        assert_eq!(places(&aws, "shop"), [""; 0], "{point:?} {how:?}");
        assert_eq!(aws.unknown(), [""; 0]);
    })
    .await;
    println!("isolate-ec2, host of a target group: {tried} broken calls");
}
