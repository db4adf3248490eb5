//! Which interfaces a host has, and what becomes of each.

use crate::ec2::Interface;
use crate::release::{contained, release};
use crate::{FIRST, SECOND, VPC_A, contain, outcome, recorded, stage};
use firebreak::receipt::{Outcome, Status};
use firebreak_testkit::scripted::error;

#[tokio::test]
async fn two_interfaces_in_two_subnets_with_ipv6_are_isolated_and_put_back() {
    let (aws, ec2, before) = contained(|world| {
        world.interfaces.truncate(1);
        world.interfaces[0].ipv6 = vec!["2001:db8::1"];
        let second =
            Interface { subnet: "subnet-b", ipv6: vec!["2001:db8:0:1::2"], ..Interface::new("eni-3", VPC_A, &["sg-web"]) };
        world.interfaces.push(second);
    })
    .await;
    let groups = ec2.now().isolation_groups().len();
    assert_eq!(groups, 1, "one for the VPC, whatever the subnets");
    assert!(aws.calls_of("ec2:DescribeTrunkInterfaceAssociations").is_empty(), "there is no trunk");
    release(&aws, &[]).await.expect("a release");
    assert_eq!(ec2.now().interfaces, before.interfaces);
}

#[tokio::test]
async fn the_branches_of_a_trunk_are_isolated_recorded_and_put_back() {
    let (aws, ec2, before) = contained(|world| {
        world.interfaces[1].kind = "trunk";
        let branch = |id| Interface { kind: "branch", attached: false, ..Interface::new(id, VPC_A, &["sg-web"]) };
        world.interfaces.extend(["eni-3", "eni-4"].map(branch));
    })
    .await;
    assert_eq!(recorded(&aws), before.memberships());
    release(&aws, &[]).await.expect("a release");
    assert_eq!(ec2.now().interfaces, before.interfaces);
}

#[tokio::test]
async fn idle_connections_are_forgotten_after_a_minute_where_the_interface_can_and_as_before_later() {
    let (aws, ec2, before) = contained(|world| world.interfaces[0].tcp_timeout = Some(350)).await;
    assert!(ec2.now().interfaces.iter().all(|interface| interface.tcp_timeout == Some(60)));
    release(&aws, &[]).await.expect("a release");
    assert_eq!(ec2.now().interfaces, before.interfaces);

    let (aws, ec2) = stage().await;
    aws.on("ec2:ModifyNetworkInterfaceAttribute", |call| {
        let is_tracking = !call.param("ConnectionTrackingSpecification.TcpEstablishedTimeout").is_empty();
        is_tracking.then(|| error(400, "UnsupportedOperation"))
    });
    let receipt = contain(&aws, "one").await.expect("a receipt");
    assert_eq!((receipt.status, ec2.now().is_cut_off()), (Status::Contained, true));
    for interface in [FIRST, SECOND] {
        assert_eq!(outcome(&receipt.steps, &format!("shorten-tracking {interface}")), Outcome::Skipped);
    }
}
