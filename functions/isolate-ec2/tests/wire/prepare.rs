//! The groups that a person has made beforehand.

use crate::{VPC_A, VPC_B, contain, function, stage};
use firebreak::diagnosis::Places;
use firebreak::fault::{Fault, FaultKind};
use firebreak::ids::{AccountId, Partition, Region};
use firebreak::preparation::Prepared;
use firebreak::receipt::Status;
use firebreak_testkit::room::{ACCOUNT, REGION};
use firebreak_testkit::scripted::{ScriptedAws, error};

const ELSEWHERE: &str = "us-east-1";

async fn prepare(aws: &ScriptedAws, accounts: &[&str], regions: &[&str]) -> Result<Prepared, Fault> {
    let places = Places {
        partition: Partition::parse("aws").expect("a partition"),
        accounts: accounts.iter().map(|number| AccountId::parse(number).expect("an account")).collect(),
        regions: regions.iter().map(|name| Region::parse(name).expect("a Region")).collect(),
    };
    Box::pin(function(aws).prepare(places)).await
}

fn vpcs(prepared: &Prepared) -> Vec<&str> {
    prepared.vpcs.iter().map(|vpc| vpc.vpc.as_str()).collect()
}

#[tokio::test]
async fn every_vpc_gets_its_groups_a_second_run_makes_none_and_an_isolation_uses_them() {
    let (aws, ec2) = stage().await;
    let first = prepare(&aws, &[ACCOUNT], &[REGION]).await.expect("an answer");
    assert_eq!((vpcs(&first), first.failed.len()), (vec![VPC_A, VPC_B], 0));
    let made = ec2.now();
    for vpc in &first.vpcs {
        let group = made.group(&vpc.isolation_group);
        assert!(group.is_ours() && group.ingress.is_empty() && group.egress.is_empty() && group.vpc == vpc.vpc, "{group:?}");
        let open = made.group(vpc.open_group.as_deref().expect("policy cuts open connections"));
        assert!(!open.ingress.is_empty() && !open.egress.is_empty() && open.vpc == vpc.vpc, "{open:?}");
    }
    aws.forget();
    let second = prepare(&aws, &[ACCOUNT], &[REGION]).await.expect("an answer");
    assert_eq!((&second, aws.changes()), (&first, vec![]));
    let receipt = contain(&aws, "one").await.expect("a receipt");
    assert_eq!((receipt.status, ec2.now().is_cut_off()), (Status::Contained, true));
    assert_eq!(aws.calls_of("ec2:CreateSecurityGroup").len(), 0);
}

#[tokio::test]
async fn a_session_that_prepares_can_move_no_interface() {
    let (aws, _) = stage().await;
    prepare(&aws, &[ACCOUNT], &[REGION]).await.expect("an answer");
    let roles = aws.calls_of("sts:AssumeRole");
    assert_eq!((roles.len(), roles[0].param("RoleSessionName")), (1, "fb-prepare"));
    let policy = roles[0].param("Policy");
    assert!(policy.contains("ec2:CreateSecurityGroup") && !policy.contains("Modify"), "{policy}");
}

#[tokio::test]
async fn what_fails_stops_nothing_else_and_is_told() {
    let (aws, ec2) = stage().await;
    aws.on("ec2:CreateSecurityGroup", |call| (call.param("VpcId") == VPC_A).then(|| error(400, "SecurityGroupLimitExceeded")));
    aws.on("ec2:DescribeVpcs", |call| (call.region != REGION).then(|| error(403, "UnauthorizedOperation")));
    let prepared = prepare(&aws, &[ACCOUNT], &[ELSEWHERE, REGION]).await.expect("an answer");
    assert_eq!(vpcs(&prepared), [VPC_B]);
    let failed: Vec<_> =
        prepared.failed.iter().map(|one| (one.region.as_ref().map(Region::as_str), one.vpc.as_deref())).collect();
    assert_eq!(failed, [(Some(ELSEWHERE), None), (Some(REGION), Some(VPC_A))]);
    assert!(prepared.failed[1].why.contains("SecurityGroupLimitExceeded"), "{:?}", prepared.failed);
    assert!(ec2.now().isolation_groups().iter().all(|group| group.vpc == VPC_B));
}

#[tokio::test]
async fn an_account_that_lets_nobody_in_is_told_and_nowhere_is_nothing_to_prepare() {
    let (aws, _) = stage().await;
    aws.on("sts:AssumeRole", |call| call.param("RoleArn").contains("444455556666").then(|| error(403, "AccessDenied")));
    let prepared = prepare(&aws, &["444455556666", ACCOUNT], &[REGION]).await.expect("an answer");
    assert_eq!(vpcs(&prepared), [VPC_A, VPC_B]);
    assert_eq!((prepared.failed.len(), prepared.failed[0].region.is_none()), (1, true));
    aws.forget();
    for (accounts, regions) in [(&[ACCOUNT][..], &[][..]), (&[][..], &[REGION][..]), (&[ACCOUNT; 21][..], &[REGION][..])] {
        let refused = prepare(&aws, accounts, regions).await.map_err(|fault| fault.kind);
        assert_eq!(refused, Err(FaultKind::Malformed));
    }
    assert_eq!(aws.calls().len(), 0);
}
