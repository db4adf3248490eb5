//! The empty security group of a VPC.
//!
//! A security group belongs to one VPC, so there is one per VPC, made when first needed and kept. A new group allows all egress,
//! over IPv4 and, in a VPC with IPv6, over `::/0` as well: whatever `DescribeSecurityGroups` shows is revoked, in both directions.
//! A group that somebody has filled since is emptied again.

use aws_sdk_ec2::Client;
use aws_sdk_ec2::config::http::HttpResponse;
use aws_sdk_ec2::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_ec2::operation::create_security_group::{CreateSecurityGroupError, CreateSecurityGroupOutput};
use aws_sdk_ec2::types::{Filter, ResourceType, SecurityGroup, Tag, TagSpecification};
use firebreak::fault::{Fault, FaultKind};
use firebreak::ids::IncidentId;
use firebreak_aws::classify::{OrFault, SdkResult, code, fault};

/// The group's name, or its beginning where the name was taken.
const NAME: &str = "firebreak-isolation";
/// Name and tag together make a group ours. A name cannot be changed later, so nobody can turn a production group into ours with a
/// tag; the tag is what the member role's policy lets Firebreak touch.
const TAG: (&str, &str) = ("firebreak-sg", "isolation");

/// How often a group is emptied before giving up: somebody may be filling it at the same time.
const ATTEMPTS: usize = 3;

/// Returns the id of the empty group of `vpc`, making or emptying it first.
pub(crate) async fn ensure(ec2: &Client, vpc: &str, incident: &IncidentId) -> Result<String, Fault> {
    let mut group = match find(ec2, vpc).await? {
        Some(group) => group,
        None => create(ec2, vpc, incident).await?,
    };
    let id = group.group_id().ok_or_else(|| Fault::bug("ec2:DescribeSecurityGroups answered without a group id"))?.to_owned();
    for _ in 0..ATTEMPTS {
        if is_empty(&group) {
            return Ok(id);
        }
        empty(ec2, &id, &group).await?;
        group = find(ec2, vpc).await?.ok_or_else(|| passing(vpc, "is not visible"))?;
    }
    if is_empty(&group) { Ok(id) } else { Err(passing(vpc, "is not empty yet")) }
}

/// EC2's reads may be older than its writes, so what is not seen yet is worth another try.
fn passing(vpc: &str, what: &str) -> Fault {
    Fault::new(FaultKind::Transient, format!("the isolation group of {vpc} {what}"))
}

/// The isolation group that new isolations in `vpc` use: the one with the lowest id.
async fn find(ec2: &Client, vpc: &str) -> Result<Option<SecurityGroup>, Fault> {
    Ok(all(ec2, vpc).await?.into_iter().min_by(|a, b| a.group_id().cmp(&b.group_id())))
}

/// Every isolation group of `vpc`, with its rules: usually one.
pub(crate) async fn all(ec2: &Client, vpc: &str) -> Result<Vec<SecurityGroup>, Fault> {
    let answer = ec2
        .describe_security_groups()
        .filters(filter("vpc-id", vpc))
        .filters(filter(&format!("tag:{}", TAG.0), TAG.1))
        .send()
        .await
        .or_fault("ec2:DescribeSecurityGroups")?;
    let mut groups = answer.security_groups.unwrap_or_default();
    groups.retain(is_ours);
    Ok(groups)
}

/// Every isolation group of the account in this Region.
pub(crate) async fn everywhere(ec2: &Client) -> Result<Vec<SecurityGroup>, Fault> {
    let tagged = ec2.describe_security_groups().filters(filter(&format!("tag:{}", TAG.0), TAG.1));
    let groups: Vec<_> = tagged.into_paginator().items().send().try_collect().await.or_fault("ec2:DescribeSecurityGroups")?;
    Ok(groups.into_iter().filter(is_ours).collect())
}

fn filter(name: &str, value: &str) -> Filter {
    Filter::builder().name(name).values(value).build()
}

fn is_ours(group: &SecurityGroup) -> bool {
    group.group_name().is_some_and(|name| name.starts_with(NAME))
}

/// True when no rule lets anything through.
pub(crate) fn is_empty(group: &SecurityGroup) -> bool {
    group.ip_permissions().is_empty() && group.ip_permissions_egress().is_empty()
}

async fn create(ec2: &Client, vpc: &str, incident: &IncidentId) -> Result<SecurityGroup, Fault> {
    if let Err(error) = create_named(ec2, vpc, NAME).await {
        if code(&error) != Some("InvalidGroup.Duplicate") {
            return Err(fault("ec2:CreateSecurityGroup", &error));
        }
        // Another incident was first, or the name belongs to a group that is not ours.
        if let Some(group) = find(ec2, vpc).await? {
            return Ok(group);
        }
        create_named(ec2, vpc, &format!("{NAME}-{incident}")).await.or_fault("ec2:CreateSecurityGroup")?;
    }
    find(ec2, vpc).await?.ok_or_else(|| passing(vpc, "is not visible yet"))
}

async fn create_named(
    ec2: &Client,
    vpc: &str,
    name: &str,
) -> Result<CreateSecurityGroupOutput, SdkError<CreateSecurityGroupError, HttpResponse>> {
    let tag = Tag::builder().key(TAG.0).value(TAG.1).build();
    ec2.create_security_group()
        .group_name(name)
        .description("Firebreak: isolates instances. No rules, by design.")
        .vpc_id(vpc)
        .tag_specifications(TagSpecification::builder().resource_type(ResourceType::SecurityGroup).tags(tag).build())
        .send()
        .await
}

async fn empty(ec2: &Client, id: &str, group: &SecurityGroup) -> Result<(), Fault> {
    if !group.ip_permissions_egress().is_empty() {
        let rules = Some(group.ip_permissions_egress().to_vec());
        let revoked = ec2.revoke_security_group_egress().group_id(id).set_ip_permissions(rules).send().await;
        unless_missing("ec2:RevokeSecurityGroupEgress", revoked)?;
    }
    if !group.ip_permissions().is_empty() {
        let rules = Some(group.ip_permissions().to_vec());
        let revoked = ec2.revoke_security_group_ingress().group_id(id).set_ip_permissions(rules).send().await;
        unless_missing("ec2:RevokeSecurityGroupIngress", revoked)?;
    }
    Ok(())
}

/// Two incidents may empty the same group at once; [`ensure`] looks again afterwards.
fn unless_missing<T, E: ProvideErrorMetadata>(operation: &str, revoked: SdkResult<T, E>) -> Result<(), Fault> {
    if revoked.as_ref().err().and_then(code) == Some("InvalidPermission.NotFound") {
        return Ok(());
    }
    revoked.or_fault(operation).map(|_| ())
}
