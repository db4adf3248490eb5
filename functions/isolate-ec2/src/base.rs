//! What an instance was before Firebreak touched it.

use aws_sdk_ec2::Client;
use aws_sdk_ec2::types::{Filter, InstanceAttributeName, InstanceLifecycleType, InstanceStateName};
use firebreak::fault::Fault;
use firebreak_aws::classify::OrFault;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The recorded state of an instance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BaseState {
    /// Every network interface, also in other VPCs.
    pub interfaces: Vec<NetworkInterface>,
    /// `disableApiTermination`.
    pub termination_protection: bool,
    /// EC2 allows no termination protection for Spot Instances.
    pub spot: bool,
    /// All tags.
    pub tags: BTreeMap<String, String>,
}

impl BaseState {
    /// A copy that also knows the interfaces of `later` which this one does not: a joining incident can find interfaces attached since.
    #[must_use]
    pub(crate) fn with_interfaces_of(&self, later: &Self) -> Self {
        let new = later.interfaces.iter().filter(|found| !self.interfaces.iter().any(|known| known.id == found.id));
        Self { interfaces: self.interfaces.iter().chain(new).cloned().collect(), ..self.clone() }
    }
}

/// One network interface and its security groups.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NetworkInterface {
    /// `eni-…`.
    pub id: String,
    /// The interface's own VPC.
    pub vpc: String,
    /// Group ids, sorted.
    pub groups: Vec<String>,
}

/// Reads the state of an instance: one wave of independent calls.
///
/// # Errors
/// `Gone` when the instance does not exist or is terminated.
pub(crate) async fn read(ec2: &Client, instance: &str) -> Result<BaseState, Fault> {
    let of_instance = Filter::builder().name("attachment.instance-id").values(instance).build();
    let (instances, interfaces, protection) = futures::join!(
        ec2.describe_instances().instance_ids(instance).send(),
        ec2.describe_network_interfaces().filters(of_instance).send(),
        ec2.describe_instance_attribute().instance_id(instance).attribute(InstanceAttributeName::DisableApiTermination).send(),
    );
    let instances = instances.or_fault("ec2:DescribeInstances")?;
    let found = instances.reservations().iter().flat_map(|reservation| reservation.instances()).next();
    let found = found.ok_or_else(|| Fault::gone(format!("instance {instance} does not exist")))?;
    if found.state().and_then(|state| state.name()) == Some(&InstanceStateName::Terminated) {
        return Err(Fault::gone(format!("instance {instance} is terminated")));
    }
    let interfaces = interfaces.or_fault("ec2:DescribeNetworkInterfaces")?;
    let protection = protection.or_fault("ec2:DescribeInstanceAttribute")?;
    Ok(BaseState {
        interfaces: interfaces.network_interfaces().iter().filter_map(interface).collect(),
        termination_protection: protection.disable_api_termination().and_then(|value| value.value()).unwrap_or(false),
        spot: found.instance_lifecycle() == Some(&InstanceLifecycleType::Spot),
        tags: found.tags().iter().filter_map(|tag| Some((tag.key()?.to_owned(), tag.value().unwrap_or("").to_owned()))).collect(),
    })
}

fn interface(interface: &aws_sdk_ec2::types::NetworkInterface) -> Option<NetworkInterface> {
    let mut groups: Vec<String> = interface.groups().iter().filter_map(|group| group.group_id().map(str::to_owned)).collect();
    groups.sort();
    Some(NetworkInterface { id: interface.network_interface_id()?.to_owned(), vpc: interface.vpc_id()?.to_owned(), groups })
}
