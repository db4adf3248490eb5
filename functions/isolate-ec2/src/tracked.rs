//! Cuts connections that are open.
//!
//! EC2 goes on with a connection that it tracks when the rule is gone. It tracks none that the rules let through to and from everywhere
//! (EC2 user guide, "Security group connection tracking"), so an interface passes a group that lets everything through on its way into
//! the empty one. AWS describes that way (containment of EC2 in its incident response guide); **no test of Firebreak proves that it
//! cuts**. For that moment everybody who can reach the interface gets through.

use crate::base::NetworkInterface;
use crate::deadline::LIMIT;
use crate::isolation_group::{self, OPEN, PREPARED, patiently_unless};
use aws_sdk_ec2::Client;
use aws_sdk_ec2::types::{IpPermission, IpRange, Ipv6Range, Route, RouteTable, SecurityGroup};
use firebreak::fault::{Fault, FaultKind};
use firebreak::policy::CutTracked;
use firebreak::receipt::{Outcome, Step};
use firebreak::step::{StepKind, StepName};
use firebreak_aws::classify::{code, fault};
use std::collections::BTreeSet;

/// The pauses between the tries, in parts of the time that a read may be behind a write.
pub(crate) const PAUSES: [f32; 5] = [0.0, 0.25, 0.5, 1.0, 1.5];

const ANYWHERE: &str = "0.0.0.0/0";
const ANYWHERE_V6: &str = "::/0";

/// What becomes of the open connections of one interface.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Cut {
    /// The interface passes the open group.
    Through,
    /// It is in the open group already: an earlier run was killed.
    Close,
    /// It did so in an earlier run.
    Done,
    /// It does not, for this reason.
    Not(String),
    /// It does not: an earlier run could not close it.
    Unclosed,
}

/// What an earlier run did about the open connections of an interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Earlier {
    Nothing,
    Cut,
    /// It could not close the interface, or EC2 refused to open it.
    Unclosed,
}

impl Earlier {
    /// By the steps of the earlier run.
    pub(crate) fn of(steps: &[Step], interface: &str) -> Self {
        let name = StepName::about(StepKind::CutTracked, interface);
        let Some(step) = steps.iter().find(|step| step.name == name) else { return Self::Nothing };
        // Other faults kept the interface from being opened, and can pass.
        let is_lasting = step.error.as_ref().is_some_and(|fault| fault.kind == FaultKind::Malformed);
        match step.outcome {
            Outcome::Applied | Outcome::Already => Self::Cut,
            Outcome::Failed if is_lasting => Self::Unclosed,
            Outcome::Failed | Outcome::Skipped => Self::Nothing,
        }
    }
}

/// Who can reach an interface from outside its VPC.
#[derive(Debug)]
pub(crate) struct Reach {
    /// The route tables of the Region.
    pub(crate) routes: Result<Vec<RouteTable>, Fault>,
    /// The VPCs with a Network Load Balancer.
    pub(crate) balanced: Result<BTreeSet<String>, Fault>,
}

/// Decides for one interface. `is_isolated`: it is alone in an empty group already, and must never be opened again.
pub(crate) fn decide(
    policy: CutTracked,
    interface: &NetworkInterface,
    reach: &Reach,
    (is_isolated, is_open, earlier): (bool, bool, Earlier),
) -> Cut {
    if is_open {
        return Cut::Close;
    }
    match earlier {
        Earlier::Cut if is_isolated => return Cut::Done,
        Earlier::Unclosed if !is_isolated => return Cut::Unclosed,
        _ => {}
    }
    let why = match policy {
        CutTracked::Never => Some("the policy says so (cut_tracked)".to_owned()),
        CutTracked::Always => None,
        CutTracked::Private => why_not(interface, reach),
    };
    match why {
        Some(why) => Cut::Not(why),
        None if is_isolated => Cut::Not("it was isolated before".to_owned()),
        None => Cut::Through,
    }
}

/// Why an interface is not opened for a moment: somebody outside the VPC could reach it, or AWS tracks its connections in any case.
fn why_not(interface: &NetworkInterface, reach: &Reach) -> Option<String> {
    if interface.public_address.is_some() {
        return Some("it has a public address: anybody could reach it while it is open".to_owned());
    }
    if interface.ipv6 {
        return Some("it has a global IPv6 address: anybody could reach it while it is open".to_owned());
    }
    match &reach.balanced {
        Ok(vpcs) if vpcs.contains(&interface.vpc) => {
            return Some("its VPC has a Network Load Balancer, through which others may reach it while it is open".to_owned());
        }
        Ok(_) => {}
        Err(fault) => return Some(format!("the Network Load Balancers of its VPC could not be read ({})", fault.message)),
    }
    let tables = match &reach.routes {
        Ok(tables) => tables,
        Err(fault) => return Some(format!("its routes could not be read ({})", fault.message)),
    };
    let Some(table) = table_of(interface, tables) else { return Some("its route table is not known".to_owned()) };
    let out = table.routes().iter().find_map(leads_out)?;
    Some(format!("its subnet has a route to {out}: AWS tracks such connections in any case, or others reach it from there"))
}

/// The subnet's own table, else the main one of the VPC.
fn table_of<'a>(interface: &NetworkInterface, tables: &'a [RouteTable]) -> Option<&'a RouteTable> {
    let subnet = interface.subnet.as_deref()?;
    let own = |table: &&RouteTable| table.associations().iter().any(|link| link.subnet_id() == Some(subnet));
    let main = |table: &&RouteTable| {
        table.vpc_id() == Some(interface.vpc.as_str()) && table.associations().iter().any(|link| link.main() == Some(true))
    };
    tables.iter().find(own).or_else(|| tables.iter().find(main))
}

/// Where a route leads, unless it stays in the VPC, or leads to an internet gateway, through which nothing without a public address
/// passes, or to a gateway endpoint of S3 or DynamoDB.
fn leads_out(route: &Route) -> Option<String> {
    if let Some(gateway) = route.gateway_id() {
        let is_endpoint = gateway.starts_with("vpce-") && route.destination_prefix_list_id().is_some();
        let stays = gateway == "local" || gateway.starts_with("igw-") || is_endpoint;
        return (!stays).then(|| gateway.to_owned());
    }
    let ways = [
        route.nat_gateway_id(),
        route.transit_gateway_id(),
        route.egress_only_internet_gateway_id(),
        route.vpc_peering_connection_id(),
        route.network_interface_id(),
        route.core_network_arn(),
    ];
    Some(ways.into_iter().flatten().next().unwrap_or("another network").to_owned())
}

/// Returns the id of a group of `vpc` that lets everything through, making it first.
///
/// # Errors
/// No such group could be made.
pub(crate) async fn ensure(
    ec2: &Client,
    vpc: &str,
    seen: &Result<Vec<SecurityGroup>, Fault>,
    suffix: &str,
) -> Result<String, Fault> {
    let groups = isolation_group::known(ec2, vpc, seen, OPEN).await;
    let found = groups.iter().find(|group| is_open(group)).or(groups.first());
    if let Some((id, group)) = found.and_then(|group| Some((group.group_id()?, group))) {
        allow(ec2, id, Some(group)).await?;
        return Ok(id.to_owned());
    }
    for name in OPEN.names(suffix) {
        match OPEN.create(ec2, vpc, &name).await {
            Ok(id) => {
                allow(ec2, &id, None).await?;
                return Ok(id);
            }
            Err(error) if code(&error) == Some("InvalidGroup.Duplicate") => {}
            Err(error) => return Err(fault("ec2:CreateSecurityGroup", &error)),
        }
    }
    Err(Fault::new(FaultKind::Transient, format!("the open group of {vpc} is not visible yet")))
}

/// The same before an incident needs it.
///
/// # Errors
/// The groups of the VPC could not be read, or none could be made.
pub(crate) async fn prepare(ec2: &Client, vpc: &str) -> Result<String, Fault> {
    let seen = Ok(isolation_group::in_vpc(ec2, vpc, OPEN).await?);
    ensure(ec2, vpc, &seen, PREPARED).await
}

fn is_open(group: &SecurityGroup) -> bool {
    [group.ip_permissions(), group.ip_permissions_egress()].iter().all(|rules| RANGES.iter().all(|range| allows(rules, range)))
}

const RANGES: [&str; 2] = [ANYWHERE, ANYWHERE_V6];

fn allows(rules: &[IpPermission], range: &str) -> bool {
    let mut everything = rules.iter().filter(|rule| rule.ip_protocol() == Some("-1"));
    everything.any(|rule| {
        let v4 = rule.ip_ranges().iter().any(|found| found.cidr_ip() == Some(range));
        v4 || rule.ipv6_ranges().iter().any(|found| found.cidr_ipv6() == Some(range))
    })
}

/// Adds the rules that are missing, by what was seen. A rule that is there is no failure.
async fn allow(ec2: &Client, id: &str, seen: Option<&SecurityGroup>) -> Result<(), Fault> {
    let has_ingress = |range: &str| seen.is_some_and(|group| allows(group.ip_permissions(), range));
    let has_egress = |range: &str| seen.is_some_and(|group| allows(group.ip_permissions_egress(), range));
    let (ingress, ingress_v6, egress, egress_v6) = futures::join!(
        ingress(ec2, id, ANYWHERE, has_ingress(ANYWHERE)),
        ingress(ec2, id, ANYWHERE_V6, has_ingress(ANYWHERE_V6)),
        egress(ec2, id, ANYWHERE, has_egress(ANYWHERE)),
        egress(ec2, id, ANYWHERE_V6, has_egress(ANYWHERE_V6)),
    );
    ingress.and(ingress_v6).and(egress).and(egress_v6)
}

fn rule(range: &str) -> IpPermission {
    let rule = IpPermission::builder().ip_protocol("-1");
    if range == ANYWHERE_V6 {
        rule.ipv6_ranges(Ipv6Range::builder().cidr_ipv6(range).build()).build()
    } else {
        rule.ip_ranges(IpRange::builder().cidr_ip(range).build()).build()
    }
}

/// The rule is there already.
const DUPLICATE: &str = "InvalidPermission.Duplicate";

async fn ingress(ec2: &Client, id: &str, range: &str, is_there: bool) -> Result<(), Fault> {
    if is_there {
        return Ok(());
    }
    let allow = async || ec2.authorize_security_group_ingress().group_id(id).ip_permissions(rule(range)).send().await;
    patiently_unless("ec2:AuthorizeSecurityGroupIngress", DUPLICATE, allow).await.map(|_| ())
}

async fn egress(ec2: &Client, id: &str, range: &str, is_there: bool) -> Result<(), Fault> {
    if is_there {
        return Ok(());
    }
    let allow = async || ec2.authorize_security_group_egress().group_id(id).ip_permissions(rule(range)).send().await;
    patiently_unless("ec2:AuthorizeSecurityGroupEgress", DUPLICATE, allow).await.map(|_| ())
}

/// Bounds one change of an interface.
pub(crate) async fn in_time<T>(work: impl Future<Output = Result<T, Fault>>) -> Result<T, Fault> {
    let late = || Fault::new(FaultKind::Transient, "ec2:ModifyNetworkInterfaceAttribute: no answer in time");
    tokio::time::timeout(LIMIT, work).await.unwrap_or_else(|_| Err(late()))
}

/// Whether one of the interface's groups is an open one of Firebreak's.
pub(crate) fn is_in_open(interface: &NetworkInterface, groups: &[SecurityGroup]) -> bool {
    let is_ours = |id: &String| groups.iter().any(|group| group.group_id() == Some(id.as_str()) && OPEN.is(group));
    interface.groups.iter().any(is_ours)
}
