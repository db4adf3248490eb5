//! For `firebreak prepare`: makes the security groups of every VPC before an incident needs them.

use crate::{isolation_group, tracked};
use aws_config::{Region as SdkRegion, SdkConfig};
use aws_sdk_ec2::Client;
use aws_sdk_ec2::types::Vpc;
use firebreak::diagnosis::Places;
use firebreak::fault::Fault;
use firebreak::ids::{AccountId, Region};
use firebreak::preparation::{Prepared, PreparedVpc, Unprepared};
use firebreak::text::inert;
use firebreak_aws::Aws;
use firebreak_aws::classify::OrFault;
use firebreak_aws::clients::MemberRole;
use futures::future::join_all;
use futures::stream::{StreamExt as _, iter};

/// All that the session of a preparation may do.
const CALLS: [&str; 8] = [
    "ec2:AuthorizeSecurityGroupEgress",
    "ec2:AuthorizeSecurityGroupIngress",
    "ec2:CreateSecurityGroup",
    "ec2:CreateTags",
    "ec2:DescribeSecurityGroups",
    "ec2:DescribeVpcs",
    "ec2:RevokeSecurityGroupEgress",
    "ec2:RevokeSecurityGroupIngress",
];
/// Accounts, and VPCs of a Region, that are prepared at once: EC2 bounds how many groups an account changes in a second.
const AT_ONCE: usize = 4;

/// Makes the groups of every VPC in `places`, the open ones where `cuts`: connections that are open are cut there. What fails stops
/// nothing else. Run again, it makes what is missing.
///
/// # Errors
/// `Malformed` when there is nowhere to prepare, or more than one invocation has time for.
pub(crate) async fn prepare(aws: &Aws, places: &Places, cuts: bool) -> Result<Prepared, Fault> {
    let Some(first) = places.regions.first() else { return Err(Fault::malformed("no Region to prepare")) };
    if !(1..=Places::MOST_ACCOUNTS).contains(&places.accounts.len()) {
        return Err(Fault::malformed(format!("prepare 1 to {} accounts", Places::MOST_ACCOUNTS)));
    }
    let done = iter(&places.accounts).map(async |account| {
        match aws.prepare(MemberRole::IsolateEc2, (&places.partition, account, first), &CALLS).await {
            Ok(session) => {
                let regions = places.regions.iter().map(|region| in_region(account, region, &session, cuts));
                join_all(regions).await.into_iter().fold(Prepared::default(), Prepared::and)
            }
            Err(fault) => unprepared(account, None, None, &fault),
        }
    });
    Ok(done.buffered(AT_ONCE).collect::<Vec<_>>().await.into_iter().fold(Prepared::default(), Prepared::and))
}

async fn in_region(account: &AccountId, region: &Region, session: &SdkConfig, cuts: bool) -> Prepared {
    let ec2 = &Client::new(&session.to_builder().region(SdkRegion::new(region.to_string())).build());
    let vpcs: Vec<Vpc> =
        match ec2.describe_vpcs().into_paginator().items().send().try_collect().await.or_fault("ec2:DescribeVpcs") {
            Ok(vpcs) => vpcs,
            Err(fault) => return unprepared(account, Some(region), None, &fault),
        };
    let done = iter(&vpcs).map(async |vpc| match in_vpc(account, region, vpc, ec2, cuts).await {
        Ok(prepared) => Prepared { vpcs: vec![prepared], failed: vec![] },
        Err(fault) => unprepared(account, Some(region), Some(vpc), &fault),
    });
    done.buffered(AT_ONCE).collect::<Vec<_>>().await.into_iter().fold(Prepared::default(), Prepared::and)
}

async fn in_vpc(account: &AccountId, region: &Region, vpc: &Vpc, ec2: &Client, cuts: bool) -> Result<PreparedVpc, Fault> {
    let id = vpc.vpc_id().ok_or_else(|| Fault::bug("ec2:DescribeVpcs answered without an id"))?;
    let isolation_group = isolation_group::prepare(ec2, id).await?;
    let open_group = if cuts { Some(tracked::prepare(ec2, id).await?) } else { None };
    Ok(PreparedVpc {
        account: account.clone(),
        region: region.clone(),
        vpc: id.to_owned(),
        shared_by: owner(account, vpc),
        isolation_group,
        open_group,
    })
}

/// The account that shares a VPC with this one. Participants make groups of their own there (VPC user guide, "Share your VPC").
fn owner(account: &AccountId, vpc: &Vpc) -> Option<String> {
    vpc.owner_id().filter(|owner| *owner != account.as_str()).map(str::to_owned)
}

fn unprepared(account: &AccountId, region: Option<&Region>, vpc: Option<&Vpc>, fault: &Fault) -> Prepared {
    let shared = vpc.and_then(|vpc| owner(account, vpc));
    let shared = shared.map_or_else(String::new, |by| format!(" (account {} shares this VPC)", inert(&by, 12)));
    let failed = Unprepared {
        account: account.clone(),
        region: region.cloned(),
        vpc: vpc.and_then(Vpc::vpc_id).map(str::to_owned),
        why: format!("{}{shared}", fault.message),
    };
    Prepared { vpcs: vec![], failed: vec![failed] }
}
