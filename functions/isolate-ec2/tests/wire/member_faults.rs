//! Every call of an isolation of a group's member broken in every way, and every call of a look at what somebody took back.

use crate::autoscaling_aws::AutoScaling;
use crate::balancing_aws::Balancing;
use crate::ec2::Ec2;
use crate::{FIRST, INSTANCE, contain, destroys, stage, verify};
use firebreak::receipt::Status;
use firebreak_testkit::room::each_break;
use firebreak_testkit::scripted::ScriptedAws;

/// A member of a group, behind balancers.
async fn member() -> (ScriptedAws, Ec2, AutoScaling, Balancing) {
    let (aws, ec2) = stage().await;
    let (scaling, balancing) = (AutoScaling::with_member(&aws, "InService"), Balancing::with_instance(&aws));
    (aws, ec2, scaling, balancing)
}

#[tokio::test]
async fn however_a_call_breaks_a_member_ends_on_standby_cut_off_and_out_of_its_balancers() {
    let calls = {
        let (aws, ..) = member().await;
        contain(&aws, "one").await.expect("a receipt");
        aws.calls()
    };
    let tried = each_break(&calls, async |point, how| {
        let (aws, ec2, scaling, balancing) = member().await;
        let broken = how.run(&aws, point, contain(&aws, "one")).await;
        if let Some(Ok(receipt)) = &broken {
            let says_more = receipt.status == Status::Contained && !ec2.now().is_cut_off();
            assert!(!says_more, "{point:?} {how:?}: it says more than it did");
        }
        aws.mend();
        contain(&aws, "one").await.expect("a receipt");
        // A look does what the runs could not.
        verify(&aws, "one").await.expect("a look");
        let (group, now) = (scaling.now(), balancing.now());
        assert_eq!((group.lifecycle, group.protected, group.desired), (Some("Standby"), true, 2), "{point:?} {how:?}");
        assert!(ec2.now().is_cut_off(), "{point:?} {how:?}");
        let is_target = now.groups.values().flatten().any(|(id, _)| id == INSTANCE);
        assert!(!is_target && !now.classic["old"].contains(INSTANCE), "{point:?} {how:?}: {now:?}");
        assert!(!aws.calls().iter().any(destroys), "{point:?} {how:?}");
        assert_eq!(aws.unknown(), [""; 0]);
    })
    .await;
    println!("isolate-ec2, member of a group: {tried} broken calls");
}

/// Isolated, and somebody took an interface and the protection back.
async fn reverted() -> (ScriptedAws, Ec2) {
    let (aws, ec2) = stage().await;
    let before = ec2.now();
    contain(&aws, "one").await.expect("a receipt");
    ec2.change(|world| world.interfaces[0].groups.clone_from(&before.interfaces[0].groups));
    ec2.change_instance(|instance| instance.protected = false);
    aws.forget();
    (aws, ec2)
}

#[tokio::test]
async fn however_a_call_of_a_look_breaks_the_next_one_has_it_isolated_and_told() {
    let calls = {
        let (aws, _) = reverted().await;
        verify(&aws, "one").await.expect("a look");
        aws.calls()
    };
    let tried = each_break(&calls, async |point, how| {
        let (aws, ec2) = reverted().await;
        let broken = how.run(&aws, point, verify(&aws, "one")).await;
        if let Some(Ok(check)) = &broken {
            assert!(!check.holds || ec2.now().is_cut_off(), "{point:?} {how:?}: it says more than it did");
        }
        aws.mend();
        let check = verify(&aws, "one").await.expect("a look");
        let now = ec2.now();
        assert!(now.is_cut_off() && now.instance.is_some_and(|instance| instance.protected), "{point:?} {how:?}");
        let is_told = |what: &str| check.reverted.iter().any(|line| line.contains(what));
        assert!(is_told(FIRST) && is_told("termination protection"), "{point:?} {how:?}: {check:?}");
        assert!(!aws.calls().iter().any(destroys), "{point:?} {how:?}");
        assert_eq!(aws.unknown(), [""; 0]);
    })
    .await;
    println!("isolate-ec2, look: {tried} broken calls");
}
