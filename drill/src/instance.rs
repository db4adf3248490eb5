//! An EC2 instance with two network interfaces in a VPC with IPv6, planted and looked at.

use crate::{Result, State};
use aws_config::SdkConfig;
use aws_sdk_ec2::Client;
use aws_sdk_ec2::types::{Filter, IpPermission, Ipv6Range, SecurityGroup, Tag};
use firebreak_rehearsal::instance;
use serde_json::{Value, json};

/// The instance and what belongs to it.
pub struct PlantedInstance {
    ec2: Client,
    /// `i-…`.
    pub id: String,
    /// Its VPC.
    pub vpc: String,
}

impl PlantedInstance {
    /// Creates a VPC, two security groups and the instance.
    ///
    /// # Errors
    /// AWS refuses.
    pub async fn plant(config: &SdkConfig, name: &str) -> Result<Self> {
        let ec2 = Client::new(config);
        let planted = instance::plant(&ec2, name).await?;
        Ok(Self { ec2, id: planted.id, vpc: planted.vpc })
    }

    /// What AWS says now.
    ///
    /// # Errors
    /// AWS refuses.
    pub async fn observe(&self) -> Result<State> {
        Ok(instance::observe(&self.ec2, &self.id).await?)
    }

    /// How many rules the isolation group of this instance's VPC has, in and out, IPv4 and IPv6. `None` without such a group.
    ///
    /// # Errors
    /// AWS refuses.
    pub async fn isolation_rules(&self) -> Result<Option<usize>> {
        let filter = |name: &str, value: &str| Filter::builder().name(name).values(value).build();
        let groups = self.ec2.describe_security_groups().filters(filter("vpc-id", &self.vpc));
        let groups = groups.filters(filter("tag:firebreak-sg", "isolation")).send().await?;
        Ok(groups.security_groups().first().map(|group| {
            let (ipv4, ipv6) = ranges(group);
            ipv4 + ipv6
        }))
    }

    /// How many IPv4 and IPv6 ranges a group lets in or out.
    ///
    /// # Errors
    /// AWS refuses.
    pub async fn rules_of(&self, group: &str) -> Result<(usize, usize)> {
        let answer = self.ec2.describe_security_groups().group_ids(group).send().await?;
        Ok(ranges(answer.security_groups().first().ok_or("no group")?))
    }

    /// Creates a group with the default way out, over IPv4 and IPv6, and perhaps a tag.
    ///
    /// # Errors
    /// AWS refuses.
    pub async fn plant_open_group(&self, name: &str, tag: Option<(&str, &str)>) -> Result<String> {
        let created = self.ec2.create_security_group().group_name(name).description(name).vpc_id(&self.vpc).send().await?;
        let id = created.group_id.ok_or("no group")?;
        let everywhere = Ipv6Range::builder().cidr_ipv6("::/0").build();
        let rule = IpPermission::builder().ip_protocol("tcp").from_port(443).to_port(443).ipv6_ranges(everywhere).build();
        self.ec2.authorize_security_group_egress().group_id(&id).ip_permissions(rule).send().await?;
        if let Some((key, value)) = tag {
            self.ec2.create_tags().resources(&id).tags(Tag::builder().key(key).value(value).build()).send().await?;
        }
        Ok(id)
    }

    /// Does what an impatient administrator does; returns the interface.
    ///
    /// # Errors
    /// AWS refuses.
    pub async fn move_first_interface_to(&self, group: &str) -> Result<String> {
        let of_instance = Filter::builder().name("attachment.instance-id").values(&self.id).build();
        let interfaces = self.ec2.describe_network_interfaces().filters(of_instance).send().await?;
        let first = interfaces.network_interfaces().first().and_then(|i| i.network_interface_id()).ok_or("no interface")?;
        self.ec2.modify_network_interface_attribute().network_interface_id(first).groups(group).send().await?;
        Ok(first.to_owned())
    }

    /// How many snapshots of an incident exist.
    ///
    /// # Errors
    /// AWS refuses.
    pub async fn snapshots(&self, incident: &str) -> Result<usize> {
        let filter = Filter::builder().name("tag:firebreak-incident").values(incident).build();
        Ok(self.ec2.describe_snapshots().owner_ids("self").filters(filter).send().await?.snapshots().len())
    }

    /// Makes a finding about an instance name this one.
    pub fn name_in(&self, event: &mut Value) {
        event["detail"]["resource"]["instanceDetails"]["instanceId"] = json!(self.id);
    }
}

fn ranges(group: &SecurityGroup) -> (usize, usize) {
    let rules = || group.ip_permissions().iter().chain(group.ip_permissions_egress());
    (rules().map(|rule| rule.ip_ranges().len()).sum(), rules().map(|rule| rule.ipv6_ranges().len()).sum())
}
