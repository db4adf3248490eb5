//! What an isolation would hit, for whoever decides about one that waits. It reads and changes nothing.
//!
//! An isolation that runs at once says the same in its receipt.

use crate::balancers::{self, Balancer, Early, Place, Scan};
use crate::scaling::{self, Scaling};
use crate::slots;
use aws_sdk_autoscaling::types::{AutoScalingGroup, LifecycleState};
use aws_sdk_ec2::types::{Instance, InstanceLifecycleType, InstanceNetworkInterface, InstanceStateName};
use firebreak::containment::Containment;
use firebreak::fault::Fault;
use firebreak::finding::is_node_tag;
use firebreak::target::TargetKind;
use firebreak::task::{Hits, TaskInput};
use firebreak::text::inert;
use firebreak_aws::classify::OrFault;
use firebreak_aws::clients::MemberRole;
use firebreak_function::containment::{Call, Responder};
use std::collections::BTreeSet;
use std::net::IpAddr;

/// Characters of a name.
const NAME: usize = 60;
/// Balancers, addresses and roles that a line names.
const NAMED: usize = 3;

/// What isolating the instance of `request` would hit. What could not be read is a line, too.
///
/// # Errors
/// `Gone` when the instance does not exist, `Malformed` for any other target, and whatever kept Firebreak out of the account.
pub(crate) async fn impact(responder: &Responder, request: &TaskInput) -> Result<Hits, Fault> {
    let target = &request.target;
    if target.kind != TargetKind::Ec2Instance {
        return Err(Fault::malformed(format!("isolate-ec2 cannot contain {target}")));
    }
    let call = responder.call(target, Containment::IsolateEc2, MemberRole::IsolateEc2, &request.incident.id).await?;
    let (instance, scaling) = futures::join!(instance(&call), scaling::read(&call));
    let instance = instance?;
    let addresses = addresses(&instance);
    let nothing = Early::default();
    let (group, scan) = futures::join!(group(&call, scaling), balancers::scan(&call, &addresses, &nothing));
    let mut hits: Vec<String> = group.into_iter().chain(served(&scan)).collect();
    hits.extend(shared(&instance));
    hits.extend(public(&instance));
    hits.extend(credentials(&instance, request));
    hits.extend(state(&instance));
    if hits.is_empty() {
        hits.push("nothing else is known to depend on it: no Auto Scaling group, no balancer, no public address".to_owned());
    }
    Ok(Hits { hits })
}

async fn instance(call: &Call) -> Result<Instance, Fault> {
    let ec2 = aws_sdk_ec2::Client::new(&call.config);
    let answer = ec2.describe_instances().instance_ids(&call.target.id).send().await.or_fault("ec2:DescribeInstances")?;
    let found = answer.reservations().iter().flat_map(|reservation| reservation.instances()).next().cloned();
    let is_there = |found: &Instance| found.state().and_then(|state| state.name()) != Some(&InstanceStateName::Terminated);
    found.filter(is_there).ok_or_else(|| Fault::gone(format!("instance {} does not exist", call.target.id)))
}

fn addresses(instance: &Instance) -> Vec<Place> {
    let of_interface = |interface: &InstanceNetworkInterface| {
        let v4 = interface.private_ip_addresses().iter().filter_map(|address| address.private_ip_address());
        let v6 = interface.ipv6_addresses().iter().filter_map(|address| address.ipv6_address());
        let place = |text: &str| Some((interface.vpc_id()?.to_owned(), text.parse().ok()?));
        v4.chain(v6).filter_map(place).collect::<Vec<Place>>()
    };
    let all: BTreeSet<Place> = instance.network_interfaces().iter().flat_map(of_interface).collect();
    all.into_iter().collect()
}

async fn group(call: &Call, scaling: Result<Option<Scaling>, Fault>) -> Option<String> {
    let unknown = |fault: &Fault| format!("not known whether it is in an Auto Scaling group: {}", fault.message);
    let scaling = match scaling {
        Ok(scaling) => scaling?,
        Err(fault) => return Some(unknown(&fault)),
    };
    let client = aws_sdk_autoscaling::Client::new(&call.config);
    let answer = client.describe_auto_scaling_groups().auto_scaling_group_names(&scaling.group).send().await;
    let name = inert(&scaling.group, NAME);
    Some(match answer.or_fault("autoscaling:DescribeAutoScalingGroups") {
        Ok(answer) => match answer.auto_scaling_groups().first() {
            Some(group) => healthy(&name, group),
            None => format!("Auto Scaling group {name}, which does not exist any more"),
        },
        Err(fault) => format!("Auto Scaling group {name}; how many of its hosts are healthy is not known: {}", fault.message),
    })
}

fn healthy(name: &str, group: &AutoScalingGroup) -> String {
    let is_healthy = |host: &&aws_sdk_autoscaling::types::Instance| {
        host.lifecycle_state() == Some(&LifecycleState::InService) && host.health_status() == Some("Healthy")
    };
    let hosts = group.instances();
    let healthy = hosts.iter().filter(is_healthy).count();
    format!("Auto Scaling group {name}: {healthy} of {} hosts are healthy; it starts another one", hosts.len())
}

/// The balancers that send it requests.
fn served(scan: &Scan) -> Vec<String> {
    let names: BTreeSet<String> = scan.registrations.iter().map(|registration| balancer(&registration.balancer)).collect();
    let serves = (!names.is_empty()).then(|| format!("takes requests of {}", named(names.iter().map(String::as_str))));
    let unscanned = scan.unscanned.iter().map(|why| format!("not every balancer was looked at: {}", inert(why, 100)));
    let alike = scan.alike.iter().map(|why| inert(why, 100));
    serves.into_iter().chain(unscanned).chain(alike).collect()
}

fn balancer(balancer: &Balancer) -> String {
    match balancer {
        // arn:aws:elasticloadbalancing:eu-central-1:111122223333:targetgroup/web/0123456789abcdef
        Balancer::TargetGroup { arn, .. } => format!("target group {}", inert(arn.split('/').nth(1).unwrap_or(arn), NAME)),
        Balancer::Classic { name } => format!("load balancer {}", inert(name, NAME)),
    }
}

/// Whoever writes the tags of a node only warns.
fn shared(instance: &Instance) -> Option<String> {
    let tag = instance.tags().iter().filter_map(|tag| tag.key()).find(|key| is_node_tag(key))?;
    Some(format!("a host that containers share (tag {}): all of them lose the network", inert(tag, NAME)))
}

fn public(instance: &Instance) -> Option<String> {
    let each = instance.network_interfaces().iter().filter_map(|interface| interface.association());
    let shown: BTreeSet<String> = each
        .filter_map(|association| {
            let address: IpAddr = association.public_ip()?.parse().ok()?;
            // An address that AWS lends has the owner `amazon`.
            let is_elastic = association.ip_owner_id().is_some_and(|owner| owner != "amazon");
            Some(if is_elastic { format!("{address} (Elastic IP, it keeps it)") } else { address.to_string() })
        })
        .collect();
    (!shown.is_empty()).then(|| format!("public address {}", named(shown.iter().map(String::as_str))))
}

/// Its role's session, which is denied by a decision of its own.
fn credentials(instance: &Instance, request: &TaskInput) -> Option<String> {
    let roles = slots::roles(request);
    if !roles.is_empty() {
        let names: Vec<String> = roles.iter().map(|role| inert(&role.id, NAME)).collect();
        return Some(format!("its session of role {} is a decision of its own", named(names.iter().map(String::as_str))));
    }
    let profile = instance.iam_instance_profile()?.arn()?.rsplit('/').next()?;
    Some(format!("instance profile {}: its role's session is denied beside it", inert(profile, NAME)))
}

fn state(instance: &Instance) -> Vec<String> {
    let spot = (instance.instance_lifecycle() == Some(&InstanceLifecycleType::Spot))
        .then(|| "a Spot Instance: AWS can take it back two minutes after it says so".to_owned());
    let state = instance.state().and_then(|state| state.name()).filter(|state| **state != InstanceStateName::Running);
    spot.into_iter().chain(state.map(|state| format!("it is {}", inert(state.as_str(), 20)))).collect()
}

fn named<'a>(names: impl ExactSizeIterator<Item = &'a str>) -> String {
    let more = names.len().saturating_sub(NAMED);
    let first = names.take(NAMED).collect::<Vec<_>>().join(", ");
    if more == 0 { first } else { format!("{first} and {more} more") }
}
