//! The empty security group of a VPC.
//!
//! A security group belongs to one VPC, so there is one per VPC, made when first needed and kept. A new group allows all egress,
//! over IPv4 and, in a VPC with IPv6, over `::/0` as well: whatever `DescribeSecurityGroups` shows is revoked, in both directions.
//! A group that somebody has filled since is emptied again.

use aws_sdk_ec2::Client;
use aws_sdk_ec2::types::{Filter, ResourceType, SecurityGroup, Tag, TagSpecification};
use firebreak::fault::Fault;
use firebreak_aws::classify::{OrFault, code, fault};

/// The group's name. Names are unique within a VPC.
pub(crate) const NAME: &str = "firebreak-isolation";

/// Returns the id of the empty group of `vpc`, making or emptying it first.
pub(crate) async fn ensure(ec2: &Client, vpc: &str) -> Result<String, Fault> {
    let group = match find(ec2, vpc).await? {
        Some(group) => group,
        None => create(ec2, vpc).await?,
    };
    let id = group.group_id().ok_or_else(|| Fault::bug("ec2:DescribeSecurityGroups answered without a group id"))?.to_owned();
    empty(ec2, &id, &group).await?;
    Ok(id)
}

/// The isolation group of `vpc`, with its rules.
pub(crate) async fn find(ec2: &Client, vpc: &str) -> Result<Option<SecurityGroup>, Fault> {
    let filter = |name: &str, value: &str| Filter::builder().name(name).values(value).build();
    let answer = ec2
        .describe_security_groups()
        .filters(filter("vpc-id", vpc))
        .filters(filter("group-name", NAME))
        .send()
        .await
        .or_fault("ec2:DescribeSecurityGroups")?;
    Ok(answer.security_groups.unwrap_or_default().into_iter().next())
}

/// True when no rule lets anything through.
pub(crate) fn is_empty(group: &SecurityGroup) -> bool {
    group.ip_permissions().is_empty() && group.ip_permissions_egress().is_empty()
}

async fn create(ec2: &Client, vpc: &str) -> Result<SecurityGroup, Fault> {
    let tag = Tag::builder().key("firebreak-sg").value("isolation").build();
    let created = ec2
        .create_security_group()
        .group_name(NAME)
        .description("Firebreak: isolates instances. No rules, by design.")
        .vpc_id(vpc)
        .tag_specifications(TagSpecification::builder().resource_type(ResourceType::SecurityGroup).tags(tag).build())
        .send()
        .await;
    if let Err(error) = created {
        // Another incident in the same VPC was first: its group will do.
        if code(&error) != Some("InvalidGroup.Duplicate") {
            return Err(fault("ec2:CreateSecurityGroup", &error));
        }
    }
    find(ec2, vpc)
        .await?
        .ok_or_else(|| Fault::new(firebreak::fault::FaultKind::Transient, "the new isolation group is not visible yet"))
}

async fn empty(ec2: &Client, id: &str, group: &SecurityGroup) -> Result<(), Fault> {
    if !group.ip_permissions_egress().is_empty() {
        let rules = Some(group.ip_permissions_egress().to_vec());
        let revoked = ec2.revoke_security_group_egress().group_id(id).set_ip_permissions(rules).send().await;
        ignore_missing_rule(revoked.or_fault("ec2:RevokeSecurityGroupEgress"))?;
    }
    if !group.ip_permissions().is_empty() {
        let rules = Some(group.ip_permissions().to_vec());
        let revoked = ec2.revoke_security_group_ingress().group_id(id).set_ip_permissions(rules).send().await;
        ignore_missing_rule(revoked.or_fault("ec2:RevokeSecurityGroupIngress"))?;
    }
    Ok(())
}

/// Two incidents may empty the same group at once.
fn ignore_missing_rule<T>(result: Result<T, Fault>) -> Result<(), Fault> {
    match result {
        Ok(_) => Ok(()),
        Err(fault) if fault.message.contains("InvalidPermission.NotFound") => Ok(()),
        Err(fault) => Err(fault),
    }
}
