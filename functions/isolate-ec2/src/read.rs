//! Everything that is known of an instance before anything is changed: one wave of calls that do not wait for each other.
//!
//! Only the instance itself is needed. A part that cannot be read is left out, and a step says so.

use crate::balancers::{self, Early, Place};
use crate::base::{BaseState, NetworkInterface, Protections};
use crate::isolation_group::{self, filter};
use crate::protections::{self, Attributes};
use crate::tracked::Reach;
use crate::{scaling, shells};
use aws_sdk_ec2::Client;
use aws_sdk_ec2::types::{
    Filter, Instance, InstanceLifecycleType, InstanceNetworkInterface, InstanceStateName, NetworkInterface as Found,
    SecurityGroup,
};
use firebreak::fault::Fault;
use firebreak::receipt::{Outcome, Step};
use firebreak::step::{StepKind, StepName};
use firebreak_aws::classify::OrFault;
use firebreak_aws::clock;
use firebreak_function::containment::{Call, TAG_KEYS};
use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv6Addr;

/// Which parts are asked for besides the instance, its interfaces, its attributes and Firebreak's groups.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Wanted {
    /// The Auto Scaling group, shells of Session Manager, and which target groups there are.
    pub(crate) services: bool,
    /// Route tables, which say where connections are tracked in any case, and Network Load Balancers.
    pub(crate) routes: bool,
}

/// What one wave showed.
pub(crate) struct Seen {
    /// The state that a base is made of.
    pub(crate) base: BaseState,
    /// The instance as EC2 describes it.
    pub(crate) instance: Instance,
    /// Every group of Firebreak's in this account and Region, isolation and open, with its rules.
    pub(crate) groups: Result<Vec<SecurityGroup>, Fault>,
    /// Who can reach the interfaces from outside.
    pub(crate) reach: Reach,
    /// Shells of Session Manager on the instance.
    pub(crate) shells: Result<Vec<String>, Fault>,
    /// Private and IPv6 addresses of every interface, each with its VPC: other VPCs can have the same numbers.
    pub(crate) addresses: Vec<Place>,
    /// Target groups of the Region. Whether one of them has the instance, no call of the wave can tell.
    pub(crate) targets: Early,
    /// Why the interfaces may not be all, or are not shown whole.
    pub(crate) partial: Option<Fault>,
    /// What could not be read, a failed step each.
    pub(crate) unread: Vec<Step>,
}

/// Reads the state of an instance.
///
/// # Errors
/// `Gone` when the instance does not exist or is terminated.
pub(crate) async fn read(call: &Call, ec2: &Client, wanted: Wanted) -> Result<Seen, Fault> {
    let id = call.target.id.as_str();
    let (instances, interfaces, attributes, groups, (scaling, shells, targets), reach) = futures::join!(
        ec2.describe_instances().instance_ids(id).send(),
        interfaces(ec2, filter("attachment.instance-id", id)),
        protections::read(call, ec2),
        isolation_group::all(ec2),
        services(call, wanted),
        reach(ec2, wanted),
    );
    let instances = instances.or_fault("ec2:DescribeInstances")?;
    let found = instances.reservations().iter().flat_map(|reservation| reservation.instances()).next();
    let instance = found.cloned().ok_or_else(|| Fault::gone(format!("instance {id} does not exist")))?;
    if instance.state().and_then(|state| state.name()) == Some(&InstanceStateName::Terminated) {
        return Err(Fault::gone(format!("instance {id} is terminated")));
    }
    let mut unread = Unread(Vec::new());
    let mut found = unread.or_default("network interfaces", interfaces);
    let behind = branches(ec2, &found).await;
    found.extend(unread.or_default("branch interfaces", behind));
    let of_instance = instance
        .network_interfaces()
        .iter()
        .filter(|one| !found.iter().any(|known| known.network_interface_id == one.network_interface_id));
    let (mut seen, addresses): (Vec<NetworkInterface>, Vec<Place>) =
        (found.iter().filter_map(interface).chain(of_instance.filter_map(attached)).collect(), addresses(&instance, &found));
    seen.sort_by(|a, b| a.id.cmp(&b.id));
    let partial = unread.0.iter().find_map(|step| step.error.clone());
    let Attributes { termination, stop, shutdown } = attributes;
    let protections = Protections {
        // Their own steps say where they could not be read.
        stop: stop.ok(),
        shutdown: shutdown.ok(),
        volumes: protections::volumes(&instance),
    };
    let base = BaseState {
        interfaces: seen,
        termination_protection: unread.or_none("termination protection", termination),
        spot: instance.instance_lifecycle() == Some(&InstanceLifecycleType::Spot),
        tags: tags_of(instance.tags()),
        protections: Some(protections),
        scaling: unread.or_none("Auto Scaling group", scaling).flatten(),
        registrations: vec![],
        profile: instance.iam_instance_profile().and_then(|profile| profile.arn()).map(str::to_owned),
        elastic_ips: elastic_ips(&found),
        opened: BTreeSet::new(),
        interface_tags: found.iter().filter_map(our_tags).collect(),
    };
    Ok(Seen { base, instance, groups, reach, shells, addresses, targets, partial, unread: unread.0 })
}

struct Unread(Vec<Step>);

impl Unread {
    fn or_none<T>(&mut self, what: &str, read: Result<T, Fault>) -> Option<T> {
        match read {
            Ok(read) => Some(read),
            Err(fault) => {
                tracing::warn!(fault.message = %fault.message, what, "a part of the instance could not be read");
                let name = StepName::about(StepKind::ReadBase, what);
                let step =
                    Step { name, outcome: Outcome::Failed, error: Some(fault), digest: None, started_at: clock::now(), ms: 0 };
                self.0.push(step);
                None
            }
        }
    }

    fn or_default<T: Default>(&mut self, what: &str, read: Result<T, Fault>) -> T {
        self.or_none(what, read).unwrap_or_default()
    }
}

/// Target groups are listed although a member of an Auto Scaling group needs none before it is cut off: whether the instance is one is not
/// known yet.
async fn services(call: &Call, wanted: Wanted) -> (Result<Option<scaling::Scaling>, Fault>, Result<Vec<String>, Fault>, Early) {
    if !wanted.services {
        return (Ok(None), Ok(vec![]), Early::default());
    }
    futures::join!(scaling::read(call), shells::read(call), Box::pin(balancers::list(call)))
}

/// The whole Region's: the subnets are not known yet, and asking for theirs later would make every cut wait for one call more.
async fn reach(ec2: &Client, wanted: Wanted) -> Reach {
    if !wanted.routes {
        return Reach { routes: Ok(vec![]), balanced: Ok(BTreeSet::new()) };
    }
    let routes = ec2.describe_route_tables().into_paginator().items().send().try_collect();
    let (routes, balancers): (_, Result<Vec<Found>, Fault>) =
        futures::join!(routes, interfaces(ec2, filter("interface-type", "network_load_balancer")));
    let balanced = balancers.map(|found| found.into_iter().filter_map(|one| one.vpc_id).collect());
    Reach { routes: routes.or_fault("ec2:DescribeRouteTables"), balanced }
}

async fn interfaces(ec2: &Client, which: Filter) -> Result<Vec<Found>, Fault> {
    let found = ec2.describe_network_interfaces().filters(which).into_paginator().items().send().try_collect();
    found.await.or_fault("ec2:DescribeNetworkInterfaces")
}

/// The interfaces of pods and tasks behind a trunk: they are attached to the trunk, not to the instance. Two calls more, for a host with
/// a trunk only.
async fn branches(ec2: &Client, found: &[Found]) -> Result<Vec<Found>, Fault> {
    let is_trunk = |one: &&Found| one.interface_type().is_some_and(|kind| kind.as_str() == "trunk");
    let trunks: Vec<&str> = found.iter().filter(is_trunk).filter_map(Found::network_interface_id).collect();
    if trunks.is_empty() {
        return Ok(vec![]);
    }
    let all = ec2.describe_trunk_interface_associations().into_paginator().items().send().try_collect();
    let all: Vec<_> = all.await.or_fault("ec2:DescribeTrunkInterfaceAssociations")?;
    let of_trunk = all.iter().filter(|one| one.trunk_interface_id().is_some_and(|id| trunks.contains(&id)));
    let branches: Vec<String> = of_trunk.filter_map(|one| one.branch_interface_id().map(str::to_owned)).collect();
    if branches.is_empty() {
        return Ok(vec![]);
    }
    interfaces(ec2, Filter::builder().name("network-interface-id").set_values(Some(branches)).build()).await
}

fn interface(found: &Found) -> Option<NetworkInterface> {
    let mut groups: Vec<String> = found.groups().iter().filter_map(|group| group.group_id().map(str::to_owned)).collect();
    groups.sort();
    let public = found.association().and_then(|public| public.public_ip());
    let secondary =
        || found.private_ip_addresses().iter().find_map(|address| address.association().and_then(|public| public.public_ip()));
    Some(NetworkInterface {
        id: found.network_interface_id()?.to_owned(),
        vpc: found.vpc_id()?.to_owned(),
        groups,
        subnet: found.subnet_id().map(str::to_owned),
        public_address: public.or_else(secondary).map(str::to_owned),
        // Pods of EKS have addresses of a prefix.
        ipv6: !found.ipv6_prefixes().is_empty()
            || found.ipv6_addresses().iter().filter_map(|address| address.ipv6_address()).any(is_global),
        tcp_established_timeout: found
            .connection_tracking_configuration()
            .and_then(|tracking| tracking.tcp_established_timeout()),
        source_dest_check: found.source_dest_check(),
    })
}

/// An interface that only the instance names: the two lists of EC2 are not equally new.
fn attached(found: &InstanceNetworkInterface) -> Option<NetworkInterface> {
    let mut groups: Vec<String> = found.groups().iter().filter_map(|group| group.group_id().map(str::to_owned)).collect();
    groups.sort();
    let public = found.association().and_then(|public| public.public_ip());
    let secondary =
        || found.private_ip_addresses().iter().find_map(|address| address.association().and_then(|public| public.public_ip()));
    Some(NetworkInterface {
        id: found.network_interface_id()?.to_owned(),
        vpc: found.vpc_id()?.to_owned(),
        groups,
        subnet: found.subnet_id().map(str::to_owned),
        public_address: public.or_else(secondary).map(str::to_owned),
        // Pods of EKS have addresses of a prefix.
        ipv6: !found.ipv6_prefixes().is_empty()
            || found.ipv6_addresses().iter().filter_map(|address| address.ipv6_address()).any(is_global),
        tcp_established_timeout: found
            .connection_tracking_configuration()
            .and_then(|tracking| tracking.tcp_established_timeout()),
        source_dest_check: found.source_dest_check(),
    })
}

fn is_global(address: &str) -> bool {
    // What cannot be read may be global.
    address.parse::<Ipv6Addr>().ok().is_none_or(|address| !address.is_unique_local() && !address.is_unicast_link_local())
}

fn addresses(instance: &Instance, found: &[Found]) -> Vec<Place> {
    let of_instance = instance.network_interfaces().iter().flat_map(|one| {
        let private = one.private_ip_addresses().iter().filter_map(|address| address.private_ip_address());
        let all = private.chain(one.ipv6_addresses().iter().filter_map(|address| address.ipv6_address()));
        all.map(move |address| (one.vpc_id(), address))
    });
    let of_found = found.iter().flat_map(|one| {
        let private = one.private_ip_addresses().iter().filter_map(|address| address.private_ip_address());
        let all = private.chain(one.ipv6_addresses().iter().filter_map(|address| address.ipv6_address()));
        all.chain(one.private_ip_address()).map(move |address| (one.vpc_id(), address))
    });
    let own = instance.private_ip_address().map(|address| (instance.vpc_id(), address));
    let place = |(vpc, address): (Option<&str>, &str)| Some((vpc?.to_owned(), address.parse().ok()?));
    let all: BTreeSet<Place> = of_instance.chain(of_found).chain(own).filter_map(place).collect();
    all.into_iter().collect()
}

fn elastic_ips(found: &[Found]) -> Vec<String> {
    let of_interface = |one: &Found| {
        let secondary = one.private_ip_addresses().iter().filter_map(|address| address.association());
        let all = one.association().into_iter().chain(secondary).filter(|public| public.allocation_id().is_some());
        all.filter_map(|public| public.public_ip().map(str::to_owned)).collect::<Vec<_>>()
    };
    let all: BTreeSet<String> = found.iter().flat_map(of_interface).collect();
    all.into_iter().collect()
}

fn tags_of(tags: &[aws_sdk_ec2::types::Tag]) -> BTreeMap<String, String> {
    tags.iter().filter_map(|tag| Some((tag.key()?.to_owned(), tag.value().unwrap_or("").to_owned()))).collect()
}

/// Firebreak's tags on an interface, where it has any.
fn our_tags(found: &Found) -> Option<(String, BTreeMap<String, String>)> {
    let mut tags = tags_of(found.tag_set());
    tags.retain(|key, _| TAG_KEYS.contains(&key.as_str()));
    Some((found.network_interface_id()?.to_owned(), tags)).filter(|(_, tags)| !tags.is_empty())
}
