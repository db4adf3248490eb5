//! Looks for the instance in all load balancers of the Region, within bounds.

use super::wire::is_registered;
use super::{AT_ONCE, Balancer, Early, Listed, Place, Registration, Scan};
use aws_sdk_elasticloadbalancing as classic;
use aws_sdk_elasticloadbalancingv2 as v2;
use aws_sdk_elasticloadbalancingv2::types::{TargetGroup, TargetHealthDescription, TargetHealthStateEnum, TargetTypeEnum};
use firebreak::fault::{Fault, FaultKind};
use firebreak_aws::classify::OrFault;
use firebreak_function::containment::Call;
use firebreak_ledger::Hosts;
use futures::StreamExt as _;
use futures::stream;
use std::net::IpAddr;
use std::time::Duration;
use tokio::time::{Instant, sleep_until, timeout_at};

/// Nothing waits for a longer look: the isolation is made beside it.
const PATIENCE: Duration = Duration::from_secs(5);
/// After a passing fault, until the same is asked again: an account gets 3 reads more in that time (ELB user guide, "Request throttling
/// for the ELB API").
const PAUSE: Duration = Duration::from_millis(300);
/// Target groups that are looked through, one call for each.
const MOST_GROUPS: usize = 100;
/// Pages of 400 classic balancers each.
const MOST_PAGES: usize = 5;

const HEALTH: &str = "elasticloadbalancing:DescribeTargetHealth";
const GROUPS: &str = "elasticloadbalancing:DescribeTargetGroups";
const BALANCERS: &str = "elasticloadbalancing:DescribeLoadBalancers";

/// How long a look may take, and when that time is over.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limit {
    patience: Duration,
    until: Instant,
}

impl Limit {
    /// From now on.
    pub(super) fn of(patience: Duration) -> Self {
        Self { patience, until: Instant::now() + patience }
    }
}

/// Where the instance is registered, by its id or one of its `addresses`. What could not be read is said. What `early` has looked
/// through is not looked through again, and its hosts are not among those of the result.
pub(crate) async fn scan(call: &Call, addresses: &[Place], early: &Early) -> Scan {
    let limit = Limit::of(PATIENCE);
    let (groups, classic) =
        futures::join!(target_groups(call, addresses, early, limit), Box::pin(classic_balancers(call, limit)));
    let missed: Vec<String> = groups.unscanned.iter().cloned().chain(classic.unscanned).collect();
    Scan {
        registrations: groups.registrations.iter().cloned().chain(classic.registrations).collect(),
        unscanned: (!missed.is_empty()).then(|| format!("load balancers not looked through: {}", missed.join("; "))),
        ..groups
    }
}

/// What `early` found, and what is in the target groups that it did not read.
async fn target_groups(call: &Call, addresses: &[Place], early: &Early, limit: Limit) -> Scan {
    // A list that broke off is asked for again.
    let listed = if early.listed.is_final { early.listed.clone() } else { Box::pin(listed(call, limit)).await };
    let is_left = |group: &&TargetGroup| group.target_group_arn().is_none_or(|arn| !early.looked.contains(arn));
    let left: Vec<TargetGroup> = listed.groups.iter().filter(is_left).cloned().collect();
    let rest = gathered(Box::pin(look(call, addresses, &left, (limit, AT_ONCE))).await, listed.more);
    let alike: Vec<String> = early.found.alike.iter().cloned().chain(rest.alike).collect();
    Scan {
        registrations: early.found.registrations.iter().cloned().chain(rest.registrations).collect(),
        alike: (!alike.is_empty()).then(|| alike.join("; ")),
        unscanned: rest.unscanned,
        hosts: rest.hosts,
    }
}

/// Looks through target groups, so many `at_once`. One answer for each, in their order.
pub(super) async fn look(
    call: &Call,
    addresses: &[Place],
    groups: &[TargetGroup],
    (limit, at_once): (Limit, usize),
) -> Vec<Result<Looked, Fault>> {
    let client = v2::Client::new(&call.config);
    let work: Vec<_> = groups.iter().map(|group| places(call, &client, (addresses, limit), group)).collect();
    stream::iter(work).buffered(at_once).collect().await
}

/// What was found in target groups, and what was not looked through. `more`: why there may be other ones.
pub(super) fn gathered(answers: Vec<Result<Looked, Fault>>, more: Option<String>) -> Scan {
    let all = answers.len();
    let missed = answers.iter().filter(|answer| answer.is_err()).count();
    let why = answers.iter().find_map(|answer| answer.as_ref().err()).map(|fault| fault.message.clone());
    let unread = why.map(|why| format!("{missed} of {all} target groups ({why})"));
    let missed: Vec<String> = more.into_iter().chain(unread).collect();
    let looked: Vec<Looked> = answers.into_iter().flatten().collect();
    let alike: Vec<&str> = looked.iter().filter_map(|looked| looked.alike.as_deref()).collect();
    let alike = (!alike.is_empty()).then(|| format!("not touched, because it is another host by its VPC: {}", shown(&alike)));
    Scan {
        unscanned: (!missed.is_empty()).then(|| missed.join(", ")),
        alike,
        hosts: looked.iter().filter_map(|looked| looked.hosts.clone()).collect(),
        registrations: looked.into_iter().flat_map(|looked| looked.registrations).collect(),
    }
}

/// Target groups that can have an instance in them, and why there may be more.
pub(super) async fn listed(call: &Call, limit: Limit) -> Listed {
    let client = v2::Client::new(&call.config);
    let (mut groups, mut marker) = (Vec::new(), None);
    loop {
        let ask = async || client.describe_target_groups().set_marker(marker.clone()).send().await.or_fault(GROUPS);
        let page = match in_time(limit, GROUPS, ask).await {
            Ok(page) => page,
            Err(fault) => {
                let rest = format!("target groups after the first {} ({})", groups.len(), fault.message);
                return Listed { groups, more: Some(rest), failed: Some(fault), is_final: false };
            }
        };
        let has_instances =
            |group: &&TargetGroup| matches!(group.target_type(), Some(TargetTypeEnum::Instance | TargetTypeEnum::Ip));
        groups.extend(page.target_groups().iter().filter(has_instances).cloned());
        marker = page.next_marker().map(str::to_owned);
        if groups.len() > MOST_GROUPS || (groups.len() == MOST_GROUPS && marker.is_some()) {
            groups.truncate(MOST_GROUPS);
            let rest = format!("target groups after the first {MOST_GROUPS}");
            return Listed { groups, more: Some(rest), failed: None, is_final: true };
        }
        if marker.is_none() {
            return Listed { groups, more: None, failed: None, is_final: true };
        }
    }
}

/// Names of other hosts' targets that a note has.
const NAMED: usize = 3;

fn shown(alike: &[&str]) -> String {
    let more = alike.len().saturating_sub(NAMED);
    let first = alike.iter().take(NAMED).copied().collect::<Vec<_>>().join(", ");
    if more == 0 { first } else { format!("{first} and {more} more") }
}

/// What one target group has.
#[derive(Debug, Default)]
pub(super) struct Looked {
    /// More than one where the instance has several ports.
    registrations: Vec<Registration>,
    /// A target with one of its addresses that is not the instance.
    alike: Option<String>,
    /// The group's hosts, where it sends the instance traffic.
    hosts: Option<(String, Hosts)>,
}

async fn places(
    call: &Call,
    client: &v2::Client,
    (addresses, limit): (&[Place], Limit),
    group: &TargetGroup,
) -> Result<Looked, Fault> {
    let arn = group.target_group_arn().unwrap_or_default();
    let ask = async || client.describe_target_health().target_group_arn(arn).send().await.or_fault(HEALTH);
    let answer = in_time(limit, HEALTH, ask).await?;
    Ok(looked(&call.target.id, addresses, group, answer.target_health_descriptions()))
}

fn looked(instance: &str, addresses: &[Place], group: &TargetGroup, targets: &[TargetHealthDescription]) -> Looked {
    let its = |found: &TargetHealthDescription| registration(instance, addresses, group, found);
    let registrations: Vec<Registration> = targets.iter().filter_map(its).collect();
    let alike = targets.iter().filter(|found| its(found).is_none() && is_registered(found)).find_map(|found| {
        let ip = address(group, found)?;
        let is_same = addresses.iter().any(|(_, known)| *known == ip);
        is_same.then(|| format!("target {ip} of {}", group.target_group_name().unwrap_or("a target group")))
    });
    // Registered is not enough: no balancer uses the group, for example, or none in this zone. It loses nothing then.
    let gets_traffic = |found: &TargetHealthDescription| state(found) != Some(&TargetHealthStateEnum::Unused);
    let is_used = targets.iter().any(|found| its(found).is_some() && gets_traffic(found));
    let arn = || group.target_group_arn().unwrap_or_default().to_owned();
    let hosts = is_used.then(|| (arn(), hosts(instance, targets, |found| its(found).is_some())));
    Looked { registrations, alike, hosts }
}

fn state(found: &TargetHealthDescription) -> Option<&TargetHealthStateEnum> {
    found.target_health()?.state()
}

/// The hosts of a target group. The instance itself is there by its id, whatever its target is called.
fn hosts(instance: &str, targets: &[TargetHealthDescription], is_its: impl Fn(&TargetHealthDescription) -> bool) -> Hosts {
    let id = |found: &TargetHealthDescription| Some(found.target()?.id()?.to_owned());
    let name = |found: &TargetHealthDescription| if is_its(found) { Some(instance.to_owned()) } else { id(found) };
    let healthy = targets.iter().filter(|found| state(found) == Some(&TargetHealthStateEnum::Healthy));
    let own = targets.iter().filter(|found| is_its(found)).filter_map(id);
    Hosts {
        members: targets.iter().filter_map(name).collect(),
        healthy: healthy.filter_map(name).collect(),
        own: own.filter(|name| name != instance).collect(),
    }
}

/// The address of a target that is named by one.
fn address(group: &TargetGroup, found: &TargetHealthDescription) -> Option<IpAddr> {
    let id = found.target()?.id().filter(|_| group.target_type() == Some(&TargetTypeEnum::Ip))?;
    id.parse().ok()
}

/// Where a target by address is outside the VPC of its target group (ELB API reference, `TargetDescription`).
const OUTSIDE: &str = "all";

/// The place of the instance in a target group.
fn registration(
    instance: &str,
    addresses: &[Place],
    group: &TargetGroup,
    found: &TargetHealthDescription,
) -> Option<Registration> {
    let target = found.target().filter(|_| is_registered(found))?;
    let id = target.id()?;
    let by_address = group.target_type() == Some(&TargetTypeEnum::Ip);
    // Private numbers repeat: an address means a host in one VPC only.
    let is_its = |ip: IpAddr| {
        let is_inside = target.availability_zone() != Some(OUTSIDE);
        is_inside && addresses.iter().any(|(vpc, known)| *known == ip && group.vpc_id() == Some(vpc.as_str()))
    };
    let is_it = if by_address { address(group, found).is_some_and(is_its) } else { id == instance };
    is_it.then(|| Registration {
        balancer: Balancer::TargetGroup {
            arn: group.target_group_arn().unwrap_or_default().to_owned(),
            target: id.to_owned(),
            port: target.port(),
            // ELB API reference, `TargetDescription`: not supported for instances.
            zone: target.availability_zone().filter(|_| by_address).map(str::to_owned),
        },
    })
}

async fn classic_balancers(call: &Call, limit: Limit) -> Scan {
    let client = classic::Client::new(&call.config);
    let (mut found, mut marker) = (Scan::default(), None);
    for _ in 0..MOST_PAGES {
        let ask = async || {
            let asked = client.describe_load_balancers().page_size(400).set_marker(marker.clone());
            asked.send().await.or_fault(BALANCERS)
        };
        let page = match in_time(limit, BALANCERS, ask).await {
            Ok(page) => page,
            Err(fault) => {
                found.unscanned = Some(format!("Classic Load Balancers ({})", fault.message));
                return found;
            }
        };
        let with_it = page
            .load_balancer_descriptions()
            .iter()
            .filter(|one| one.instances().iter().any(|instance| instance.instance_id() == Some(call.target.id.as_str())));
        let names = with_it.filter_map(|one| one.load_balancer_name().map(str::to_owned));
        found.registrations.extend(names.map(|name| Registration { balancer: Balancer::Classic { name } }));
        marker = page.next_marker().map(str::to_owned);
        if marker.is_none() {
            return found;
        }
    }
    found.unscanned = Some(format!("Classic Load Balancers after {MOST_PAGES} pages"));
    found
}

/// What is answered before the time is over. After a passing fault the same is asked again: isolations of many hosts at once throttle each
/// other. Nothing is asked after that time.
async fn in_time<T>(limit: Limit, what: &str, ask: impl AsyncFn() -> Result<T, Fault>) -> Result<T, Fault> {
    let Limit { patience, until } = limit;
    let mut failed = Fault::malformed(format!("{what}: not within {} s", patience.as_secs()));
    while Instant::now() < until {
        match timeout_at(until, Box::pin(ask())).await {
            Ok(Err(fault)) if fault.kind == FaultKind::Transient => failed = fault,
            Ok(answer) => return answer,
            Err(_) => break,
        }
        let again = Instant::now() + PAUSE;
        if again >= until {
            break;
        }
        sleep_until(again).await;
    }
    Err(failed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_sdk_elasticloadbalancingv2::types::{TargetDescription, TargetHealth};
    use std::collections::BTreeSet;

    const ARN: &str = "arn:x:targetgroup/shop/1";

    fn group(kind: TargetTypeEnum, vpc: &str) -> TargetGroup {
        TargetGroup::builder().target_group_arn(ARN).target_group_name("shop").target_type(kind).vpc_id(vpc).build()
    }

    fn target(id: &str, zone: &str, state: TargetHealthStateEnum) -> TargetHealthDescription {
        let target = TargetDescription::builder().id(id).port(8080).availability_zone(zone).build();
        TargetHealthDescription::builder().target(target).target_health(TargetHealth::builder().state(state).build()).build()
    }

    fn own() -> [Place; 2] {
        ["10.0.0.7", "2001:db8::7"].map(|ip| ("vpc-a".to_owned(), ip.parse().expect("an address")))
    }

    #[test]
    fn a_target_is_found_by_its_id_or_its_address_unless_it_is_leaving() {
        let found = |kind, id: &str, state| {
            registration("i-1", &own(), &group(kind, "vpc-a"), &target(id, "az-1", state)).map(|found| found.balancer)
        };
        let expected = |target: &str, zone: Option<&str>| {
            let (arn, zone) = (ARN.to_owned(), zone.map(str::to_owned));
            Some(Balancer::TargetGroup { arn, target: target.to_owned(), port: Some(8080), zone })
        };
        assert_eq!(found(TargetTypeEnum::Instance, "i-1", TargetHealthStateEnum::Unused), expected("i-1", None));
        assert_eq!(found(TargetTypeEnum::Ip, "10.0.0.7", TargetHealthStateEnum::Healthy), expected("10.0.0.7", Some("az-1")));
        assert!(found(TargetTypeEnum::Ip, "2001:0db8:0::7", TargetHealthStateEnum::Unhealthy).is_some(), "however it is spelled");
        for (kind, id, state) in [
            (TargetTypeEnum::Instance, "i-2", TargetHealthStateEnum::Healthy),
            (TargetTypeEnum::Instance, "i-1", TargetHealthStateEnum::Draining),
            (TargetTypeEnum::Ip, "10.0.0.8", TargetHealthStateEnum::Healthy),
            (TargetTypeEnum::Ip, "10.0.0.7.", TargetHealthStateEnum::Healthy),
        ] {
            assert_eq!(found(kind, id, state), None, "{id}");
        }
    }

    #[test]
    fn a_host_of_another_vpc_that_has_the_same_number_is_not_touched_and_said() {
        for (vpc, zone) in [("vpc-b", "az-1"), ("vpc-b", "all"), ("vpc-a", "all")] {
            let seen = looked(
                "i-1",
                &own(),
                &group(TargetTypeEnum::Ip, vpc),
                &[target("10.0.0.7", zone, TargetHealthStateEnum::Healthy)],
            );
            assert!(seen.registrations.is_empty() && seen.hosts.is_none(), "{vpc} {zone}: {seen:?}");
            assert_eq!(seen.alike.as_deref(), Some("target 10.0.0.7 of shop"), "{vpc} {zone}");
        }
    }

    #[test]
    fn the_hosts_of_a_group_are_counted_with_the_instance_under_its_own_id() {
        let targets = [
            target("10.0.0.7", "az-1", TargetHealthStateEnum::Healthy),
            target("10.0.0.8", "az-1", TargetHealthStateEnum::Healthy),
            target("10.0.0.9", "az-1", TargetHealthStateEnum::Unhealthy),
        ];
        let seen = looked("i-1", &own(), &group(TargetTypeEnum::Ip, "vpc-a"), &targets);
        let (_, hosts) = seen.hosts.expect("hosts");
        assert_eq!((hosts.healthy.len(), hosts.members.len(), hosts.healthy.contains("i-1")), (2, 3, true));
        assert_eq!((hosts.own, seen.alike), (BTreeSet::from(["10.0.0.7".to_owned()]), None));
        let by_id = [target("i-1", "az-1", TargetHealthStateEnum::Healthy)];
        let (_, hosts) = looked("i-1", &own(), &group(TargetTypeEnum::Instance, "vpc-a"), &by_id).hosts.expect("hosts");
        assert_eq!(hosts.own, BTreeSet::new(), "it has no other name there");
    }

    #[test]
    fn a_group_that_sends_the_instance_nothing_has_it_and_has_no_hosts() {
        let hosts_of = |state: TargetHealthStateEnum| {
            let targets = [target("i-1", "az-1", state), target("i-2", "az-1", TargetHealthStateEnum::Healthy)];
            let seen = looked("i-1", &own(), &group(TargetTypeEnum::Instance, "vpc-a"), &targets);
            (seen.registrations.len(), seen.hosts.map(|(_, hosts)| hosts.healthy.len()))
        };
        assert_eq!(hosts_of(TargetHealthStateEnum::Unused), (1, None));
        assert_eq!(hosts_of(TargetHealthStateEnum::Unhealthy), (1, Some(1)));
        assert_eq!(hosts_of(TargetHealthStateEnum::Healthy), (1, Some(2)));
    }
}
