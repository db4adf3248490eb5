//! An EC2 instance with two network interfaces in a VPC with IPv6: planted, found, looked at.

use crate::State;
use aws_sdk_ec2::Client;
use aws_sdk_ec2::types::{
    Filter, Instance, InstanceAttributeName, InstanceNetworkInterfaceSpecification, InstanceType, IpPermission, IpRange,
    ResourceType, Tag, TagSpecification,
};
use firebreak::fault::Fault;
use firebreak_aws::classify::OrFault;

/// What was planted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Planted {
    /// `i-…`.
    pub id: String,
    /// Its VPC.
    pub vpc: String,
}

/// The image of a planted instance: any that exists where it is planted.
const IMAGE: &str = "ami-12c6146b";

/// Creates a VPC, two security groups and an instance with that `Name`.
///
/// # Errors
/// AWS refuses.
pub async fn plant(ec2: &Client, name: &str) -> Result<Planted, Fault> {
    let none = |what: &str| Fault::bug(format!("AWS answered without {what}"));
    let vpc = ec2.create_vpc().cidr_block("10.20.0.0/16").amazon_provided_ipv6_cidr_block(true).send().await;
    let vpc = vpc.or_fault("ec2:CreateVpc")?.vpc.and_then(|vpc| vpc.vpc_id).ok_or_else(|| none("a VPC"))?;
    let subnet = ec2.create_subnet().vpc_id(&vpc).cidr_block("10.20.1.0/24").send().await.or_fault("ec2:CreateSubnet")?;
    let subnet = subnet.subnet.and_then(|subnet| subnet.subnet_id).ok_or_else(|| none("a subnet"))?;
    let app = group(ec2, &vpc, "app", 443).await?;
    let data = group(ec2, &vpc, "data", 5432).await?;
    let first = InstanceNetworkInterfaceSpecification::builder().device_index(0).subnet_id(&subnet).groups(&app).build();
    let tag = Tag::builder().key("Name").value(name).build();
    let tags = TagSpecification::builder().resource_type(ResourceType::Instance).tags(tag).build();
    let run = ec2.run_instances().image_id(IMAGE).instance_type(InstanceType::M5Large).min_count(1).max_count(1);
    let run = run.network_interfaces(first).tag_specifications(tags).send().await.or_fault("ec2:RunInstances")?;
    let id = run.instances().first().and_then(|i| i.instance_id()).ok_or_else(|| none("an instance"))?.to_owned();
    let second = ec2.create_network_interface().subnet_id(&subnet).groups(&data).send().await;
    let second = second.or_fault("ec2:CreateNetworkInterface")?.network_interface.and_then(|eni| eni.network_interface_id);
    let second = second.ok_or_else(|| none("an interface"))?;
    let attached = ec2.attach_network_interface().device_index(1).instance_id(&id).network_interface_id(second).send().await;
    attached.or_fault("ec2:AttachNetworkInterface")?;
    Ok(Planted { id, vpc })
}

async fn group(ec2: &Client, vpc: &str, name: &str, port: i32) -> Result<String, Fault> {
    let made = ec2.create_security_group().group_name(name).description(name).vpc_id(vpc).send().await;
    let id = made.or_fault("ec2:CreateSecurityGroup")?.group_id.ok_or_else(|| Fault::bug("AWS answered without a group"))?;
    let from = IpRange::builder().cidr_ip("10.0.0.0/8").build();
    let rule = IpPermission::builder().ip_protocol("tcp").from_port(port).to_port(port).ip_ranges(from).build();
    let opened = ec2.authorize_security_group_ingress().group_id(&id).ip_permissions(rule).send().await;
    opened.or_fault("ec2:AuthorizeSecurityGroupIngress")?;
    Ok(id)
}

/// The tags of an instance.
///
/// # Errors
/// AWS refuses, or there is none.
pub async fn tags(ec2: &Client, id: &str) -> Result<Vec<(String, String)>, Fault> {
    let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
    Ok(find(ec2, id).await?.tags().iter().map(|tag| (text(tag.key()), text(tag.value()))).collect())
}

async fn find(ec2: &Client, id: &str) -> Result<Instance, Fault> {
    let answer = ec2.describe_instances().instance_ids(id).send().await.or_fault("ec2:DescribeInstances")?;
    let mut instances = answer.reservations.unwrap_or_default().into_iter().flat_map(|r| r.instances.unwrap_or_default());
    instances.next().ok_or_else(|| Fault::gone(format!("no instance {id}")))
}

/// What AWS says now.
///
/// # Errors
/// AWS refuses.
pub async fn observe(ec2: &Client, id: &str) -> Result<State, Fault> {
    let mut state = State::default();
    let instance = find(ec2, id).await?;
    state.set("state", instance.state().and_then(|s| s.name()).map_or("unknown", |name| name.as_str()));
    for tag in instance.tags() {
        state.set(format!("tag {}", tag.key().unwrap_or_default()), tag.value().unwrap_or_default());
    }
    let of_instance = Filter::builder().name("attachment.instance-id").values(id).build();
    let interfaces =
        ec2.describe_network_interfaces().filters(of_instance).send().await.or_fault("ec2:DescribeNetworkInterfaces")?;
    for interface in interfaces.network_interfaces() {
        let mut groups: Vec<&str> = interface.groups().iter().filter_map(|group| group.group_name()).collect();
        groups.sort_unstable();
        let field = format!("security groups of {}", interface.network_interface_id().unwrap_or_default());
        state.set(field, groups.join(", "));
    }
    let protection = InstanceAttributeName::DisableApiTermination;
    let attribute = ec2.describe_instance_attribute().instance_id(id).attribute(protection).send().await;
    let attribute = attribute.or_fault("ec2:DescribeInstanceAttribute")?;
    let on = attribute.disable_api_termination().and_then(|value| value.value()).unwrap_or(false);
    state.set("termination protection", if on { "on" } else { "off" });
    Ok(state)
}
