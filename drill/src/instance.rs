//! An EC2 instance with two network interfaces in a VPC with IPv6, planted and looked at.

use crate::{Result, State};
use aws_config::SdkConfig;
use aws_sdk_ec2::Client;
use aws_sdk_ec2::types::{
    Filter, InstanceAttributeName, InstanceNetworkInterfaceSpecification, InstanceType, IpPermission, IpRange, Ipv6Range,
    ResourceType, SecurityGroup, Tag, TagSpecification,
};
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
        let vpc = ec2.create_vpc().cidr_block("10.20.0.0/16").amazon_provided_ipv6_cidr_block(true).send().await?;
        let vpc = vpc.vpc.and_then(|vpc| vpc.vpc_id).ok_or("no VPC")?;
        let subnet = ec2.create_subnet().vpc_id(&vpc).cidr_block("10.20.1.0/24").send().await?;
        let subnet = subnet.subnet.and_then(|subnet| subnet.subnet_id).ok_or("no subnet")?;
        let app = group(&ec2, &vpc, "app", 443).await?;
        let data = group(&ec2, &vpc, "data", 5432).await?;
        let interface = |index, group: &str| {
            InstanceNetworkInterfaceSpecification::builder().device_index(index).subnet_id(&subnet).groups(group).build()
        };
        let run = ec2
            .run_instances()
            .image_id("ami-12c6146b")
            .instance_type(InstanceType::M5Large)
            .min_count(1)
            .max_count(1)
            .network_interfaces(interface(0, &app))
            .tag_specifications(
                TagSpecification::builder()
                    .resource_type(ResourceType::Instance)
                    .tags(Tag::builder().key("Name").value(name).build())
                    .build(),
            )
            .send()
            .await?;
        let id = run.instances().first().and_then(|i| i.instance_id()).ok_or("no instance")?.to_owned();
        let second = ec2.create_network_interface().subnet_id(&subnet).groups(&data).send().await?;
        let second = second.network_interface.and_then(|eni| eni.network_interface_id).ok_or("no interface")?;
        ec2.attach_network_interface().device_index(1).instance_id(&id).network_interface_id(second).send().await?;
        Ok(Self { ec2, id, vpc })
    }

    /// What AWS says now.
    ///
    /// # Errors
    /// AWS refuses.
    pub async fn observe(&self) -> Result<State> {
        let mut state = State::default();
        let answer = self.ec2.describe_instances().instance_ids(&self.id).send().await?;
        let instance = answer.reservations().iter().flat_map(|r| r.instances()).next().ok_or("no instance")?;
        state.set("state", instance.state().and_then(|s| s.name()).map_or("unknown", |name| name.as_str()));
        for tag in instance.tags() {
            state.set(format!("tag {}", tag.key().unwrap_or_default()), tag.value().unwrap_or_default());
        }
        let of_instance = Filter::builder().name("attachment.instance-id").values(&self.id).build();
        for interface in self.ec2.describe_network_interfaces().filters(of_instance).send().await?.network_interfaces() {
            let mut groups: Vec<&str> = interface.groups().iter().filter_map(|group| group.group_name()).collect();
            groups.sort_unstable();
            let field = format!("security groups of {}", interface.network_interface_id().unwrap_or_default());
            state.set(field, groups.join(", "));
        }
        let protection = InstanceAttributeName::DisableApiTermination;
        let attribute = self.ec2.describe_instance_attribute().instance_id(&self.id).attribute(protection).send().await?;
        let on = attribute.disable_api_termination().and_then(|value| value.value()).unwrap_or(false);
        state.set("termination protection", if on { "on" } else { "off" });
        Ok(state)
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

async fn group(ec2: &Client, vpc: &str, name: &str, port: i32) -> Result<String> {
    let created = ec2.create_security_group().group_name(name).description(name).vpc_id(vpc).send().await?;
    let id = created.group_id.ok_or("no group")?;
    let from = IpRange::builder().cidr_ip("10.0.0.0/8").build();
    let rule = IpPermission::builder().ip_protocol("tcp").from_port(port).to_port(port).ip_ranges(from).build();
    ec2.authorize_security_group_ingress().group_id(&id).ip_permissions(rule).send().await?;
    Ok(id)
}
