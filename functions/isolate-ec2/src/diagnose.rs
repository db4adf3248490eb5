//! For `firebreak doctor`: whether the member role lets this function in, and whether the isolation groups are empty.

use crate::isolation_group::{self, is_empty};
use aws_config::{Region as SdkRegion, SdkConfig};
use aws_sdk_ec2::Client;
use aws_sdk_ec2::types::{Filter, NetworkInterface, SecurityGroup};
use firebreak::diagnosis::{Observation, Places};
use firebreak::fault::Fault;
use firebreak::ids::{AccountId, Region};
use firebreak_aws::Aws;
use firebreak_aws::classify::OrFault;
use firebreak_aws::clients::MemberRole;
use firebreak_function::diagnosis::member_accounts;
use futures::future::join_all;
use std::collections::BTreeSet;

/// The name of the check.
const ISOLATION_GROUP: &str = "isolation-group";
/// The name of the check of interfaces that were left open.
const OPEN_GROUP: &str = "open-group";
/// The tag of the group in which open connections are cut.
const OPEN: (&str, &str) = ("tag:firebreak-sg", "open");

pub(crate) async fn diagnose(aws: &Aws, places: &Places) -> Result<Vec<Observation>, Fault> {
    let calls = ["ec2:DescribeNetworkInterfaces", "ec2:DescribeSecurityGroups", "ec2:DescribeVpcs"];
    member_accounts(aws, places, MemberRole::IsolateEc2, &calls, async |account, session| {
        join_all(places.regions.iter().map(|region| groups(account, region, &session))).await.concat()
    })
    .await
}

async fn groups(account: &AccountId, region: &Region, session: &SdkConfig) -> Vec<Observation> {
    let place = format!("{account} {region}");
    let ec2 = &Client::new(&session.to_builder().region(SdkRegion::new(region.to_string())).build());
    let unknown = |check: &str, fault: Fault| {
        let fix = "a Region that an SCP forbids does not belong into --region; else run `firebreak doctor` again";
        vec![Observation::unknown(check, place.as_str(), fault.message, fix)]
    };
    let (empty, open) = futures::join!(look(ec2), left_open(ec2));
    let mut seen = match empty {
        Ok((vpcs, groups)) => {
            let prepare = format!("firebreak prepare --account {account} --region {region}");
            observations(&place, &prepare, &vpcs, &groups)
        }
        Err(fault) => unknown(ISOLATION_GROUP, fault),
    };
    match open {
        Ok(interfaces) => seen.extend(interfaces.iter().filter_map(|interface| opened(&place, interface))),
        Err(fault) => seen.extend(unknown(OPEN_GROUP, fault)),
    }
    seen
}

/// Interfaces in a group that lets everything through. An isolation leaves one there for seconds.
async fn left_open(ec2: &Client) -> Result<Vec<NetworkInterface>, Fault> {
    let tagged = ec2.describe_security_groups().filters(Filter::builder().name(OPEN.0).values(OPEN.1).build());
    let groups: Vec<SecurityGroup> =
        tagged.into_paginator().items().send().try_collect().await.or_fault("ec2:DescribeSecurityGroups")?;
    let ids: Vec<String> = groups.into_iter().filter_map(|group| group.group_id).collect();
    if ids.is_empty() {
        return Ok(vec![]);
    }
    let inside = Filter::builder().name("group-id").set_values(Some(ids)).build();
    let interfaces = ec2.describe_network_interfaces().filters(inside).into_paginator().items().send();
    interfaces.try_collect().await.or_fault("ec2:DescribeNetworkInterfaces")
}

/// Under the guard only the role of `isolate-ec2`, break-glass and AWS's services could leave one there; without it, anybody.
fn opened(place: &str, interface: &NetworkInterface) -> Option<Observation> {
    let id = interface.network_interface_id()?;
    let fix = format!(
        "run `firebreak doctor` again: an isolation lasts seconds; if it is still there, in {place}, with break-glass: aws ec2 \
         modify-network-interface-attribute --network-interface-id {id} --groups GROUP; then find out who put it there: CloudTrail, \
         ModifyNetworkInterfaceAttribute, ModifyInstanceAttribute, RunInstances, CreateNetworkInterface"
    );
    Some(Observation::broken(OPEN_GROUP, format!("{id} in {place}"), "is in the group that lets everything through", fix))
}

/// A group as the check sees it.
struct Group {
    id: String,
    vpc: String,
    empty: bool,
}

async fn look(ec2: &Client) -> Result<(BTreeSet<String>, Vec<Group>), Fault> {
    let (vpcs, groups) =
        futures::join!(ec2.describe_vpcs().into_paginator().items().send().try_collect(), isolation_group::everywhere(ec2));
    let vpcs = vpcs.or_fault("ec2:DescribeVpcs")?.into_iter().filter_map(|vpc| vpc.vpc_id).collect();
    let groups = groups?.into_iter().map(|group| Group {
        empty: is_empty(&group),
        id: group.group_id.unwrap_or_default(),
        vpc: group.vpc_id.unwrap_or_default(),
    });
    Ok((vpcs, groups.collect()))
}

fn observations(place: &str, prepare: &str, vpcs: &BTreeSet<String>, groups: &[Group]) -> Vec<Observation> {
    let with: BTreeSet<_> = groups.iter().map(|group| group.vpc.clone()).collect();
    let without: Vec<_> = vpcs.difference(&with).map(String::as_str).collect();
    let mut seen: Vec<_> = groups.iter().filter(|group| !group.empty).map(|group| filled(place, group)).collect();
    if let Some(first) = without.first() {
        let more = if without.len() > 1 { format!(" and {} more", without.len() - 1) } else { String::new() };
        seen.push(Observation::advice(
            ISOLATION_GROUP,
            place,
            format!("{first}{more} without an isolation group: the first isolation there takes a few calls more"),
            prepare,
        ));
    } else if seen.is_empty() {
        seen.push(Observation::sound(ISOLATION_GROUP, place, format!("{} VPCs, each with an empty group", vpcs.len())));
    }
    seen
}

/// Firebreak empties a group before it uses it, so a rule is somebody's doing.
fn filled(place: &str, group: &Group) -> Observation {
    Observation::broken(
        ISOLATION_GROUP,
        format!("{} of {} in {place}", group.id, group.vpc),
        "has rules: what is isolated in it is not cut off",
        format!(
            "in {place}, with break-glass: aws ec2 revoke-security-group-egress --group-id {0} --security-group-rule-ids $(aws ec2 \
             describe-security-group-rules --filters Name=group-id,Values={0} --query 'SecurityGroupRules[?IsEgress].\
             SecurityGroupRuleId' --output text), the same for ingress; then find out who wrote them",
            group.id
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use firebreak::diagnosis::Condition;

    fn group(vpc: &str, empty: bool) -> Group {
        Group { id: format!("sg-of-{vpc}"), vpc: vpc.to_owned(), empty }
    }

    #[test]
    fn a_filled_group_is_broken_and_a_missing_one_is_advice() {
        let vpcs: BTreeSet<String> = ["vpc-1", "vpc-2", "vpc-3"].map(str::to_owned).into();
        let seen = observations("111122223333 eu-central-1", "prepare it", &vpcs, &[group("vpc-1", false), group("vpc-2", true)]);
        let found: Vec<_> = seen.iter().map(|one| (one.condition, one.subject.as_str())).collect();
        assert_eq!(
            found,
            [
                (Condition::Broken, "sg-of-vpc-1 of vpc-1 in 111122223333 eu-central-1"),
                (Condition::Advice, "111122223333 eu-central-1"),
            ]
        );
        assert!(seen[1].found.starts_with("vpc-3 without"), "{seen:?}");
        assert_eq!(seen[1].fix.as_deref(), Some("prepare it"));
        let all = observations("x", "", &vpcs, &[group("vpc-1", true), group("vpc-2", true), group("vpc-3", true)]);
        assert_eq!(all.len(), 1);
        assert_eq!(all[0].condition, Condition::Sound);
    }
}
