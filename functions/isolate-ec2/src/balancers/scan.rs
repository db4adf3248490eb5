//! Looks for the instance in all load balancers of the Region, within bounds.

use super::wire::is_registered;
use super::{AT_ONCE, Balancer, Registration, Scan};
use aws_sdk_elasticloadbalancing as classic;
use aws_sdk_elasticloadbalancingv2 as v2;
use aws_sdk_elasticloadbalancingv2::types::{TargetGroup, TargetHealthDescription, TargetTypeEnum};
use firebreak::fault::Fault;
use firebreak_aws::classify::OrFault;
use firebreak_function::containment::Call;
use futures::StreamExt as _;
use futures::stream;
use std::net::IpAddr;
use std::time::Duration;
use tokio::time::{Instant, timeout_at};

/// Nothing waits for a longer look: the isolation is made beside it.
const PATIENCE: Duration = Duration::from_secs(5);
/// Target groups that are looked through, one call for each.
const MOST_GROUPS: usize = 100;
/// Pages of 400 classic balancers each.
const MOST_PAGES: usize = 5;

const HEALTH: &str = "elasticloadbalancing:DescribeTargetHealth";
const GROUPS: &str = "elasticloadbalancing:DescribeTargetGroups";
const BALANCERS: &str = "elasticloadbalancing:DescribeLoadBalancers";

/// Where the instance is registered, by its id or one of its `addresses`. What could not be read is said.
pub(crate) async fn scan(call: &Call, addresses: &[IpAddr]) -> Scan {
    let until = Instant::now() + PATIENCE;
    let (groups, classic) = futures::join!(target_groups(call, addresses, until), classic_balancers(call, until));
    let missed: Vec<String> = groups.unscanned.into_iter().chain(classic.unscanned).collect();
    Scan {
        registrations: groups.registrations.into_iter().chain(classic.registrations).collect(),
        unscanned: (!missed.is_empty()).then(|| format!("load balancers not looked through: {}", missed.join("; "))),
    }
}

async fn target_groups(call: &Call, addresses: &[IpAddr], until: Instant) -> Scan {
    let client = v2::Client::new(&call.config);
    let (groups, cut) = listed(&client, until).await;
    let work: Vec<_> = groups.iter().map(|group| places(call, &client, (addresses, until), group)).collect();
    let looked: Vec<_> = stream::iter(work).buffered(AT_ONCE).collect().await;
    let missed = looked.iter().filter(|looked| looked.is_err()).count();
    let why = looked.iter().find_map(|looked| looked.as_ref().err()).map(|fault| fault.message.clone());
    let unread = why.map(|why| format!("{missed} of {} target groups ({why})", groups.len()));
    let missed: Vec<String> = cut.into_iter().chain(unread).collect();
    Scan {
        registrations: looked.into_iter().flatten().flatten().collect(),
        unscanned: (!missed.is_empty()).then(|| missed.join(", ")),
    }
}

/// Target groups that can have an instance in them, and why there may be more.
async fn listed(client: &v2::Client, until: Instant) -> (Vec<TargetGroup>, Option<String>) {
    let (mut groups, mut marker) = (Vec::new(), None);
    loop {
        let asked = client.describe_target_groups().set_marker(marker).send();
        let page = match in_time(until, GROUPS, async { asked.await.or_fault(GROUPS) }).await {
            Ok(page) => page,
            Err(fault) => {
                let rest = format!("target groups after the first {} ({})", groups.len(), fault.message);
                return (groups, Some(rest));
            }
        };
        let has_instances =
            |group: &&TargetGroup| matches!(group.target_type(), Some(TargetTypeEnum::Instance | TargetTypeEnum::Ip));
        groups.extend(page.target_groups().iter().filter(has_instances).cloned());
        marker = page.next_marker().map(str::to_owned);
        if groups.len() > MOST_GROUPS || (groups.len() == MOST_GROUPS && marker.is_some()) {
            groups.truncate(MOST_GROUPS);
            return (groups, Some(format!("target groups after the first {MOST_GROUPS}")));
        }
        if marker.is_none() {
            return (groups, None);
        }
    }
}

/// The places of the instance in a target group: more than one where it has several ports.
async fn places(
    call: &Call,
    client: &v2::Client,
    (addresses, until): (&[IpAddr], Instant),
    group: &TargetGroup,
) -> Result<Vec<Registration>, Fault> {
    let asked = client.describe_target_health().target_group_arn(group.target_group_arn().unwrap_or_default()).send();
    let answer = in_time(until, HEALTH, async { asked.await.or_fault(HEALTH) }).await?;
    let found = answer.target_health_descriptions().iter();
    Ok(found.filter_map(|found| registration(&call.target.id, addresses, group, found)).collect())
}

/// The place of the instance in a target group.
fn registration(
    instance: &str,
    addresses: &[IpAddr],
    group: &TargetGroup,
    found: &TargetHealthDescription,
) -> Option<Registration> {
    let target = found.target().filter(|_| is_registered(found))?;
    let id = target.id()?;
    let by_address = group.target_type() == Some(&TargetTypeEnum::Ip);
    let is_it = if by_address { id.parse::<IpAddr>().is_ok_and(|ip| addresses.contains(&ip)) } else { id == instance };
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

async fn classic_balancers(call: &Call, until: Instant) -> Scan {
    let client = classic::Client::new(&call.config);
    let (mut found, mut marker) = (Scan::default(), None);
    for _ in 0..MOST_PAGES {
        let asked = client.describe_load_balancers().page_size(400).set_marker(marker).send();
        let page = match in_time(until, BALANCERS, async { asked.await.or_fault(BALANCERS) }).await {
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

/// What the work gives before the time is over. Work that would begin after that does not.
async fn in_time<T>(until: Instant, what: &str, work: impl Future<Output = Result<T, Fault>>) -> Result<T, Fault> {
    let late = || Fault::malformed(format!("{what}: not within {} s", PATIENCE.as_secs()));
    if Instant::now() >= until {
        return Err(late());
    }
    timeout_at(until, work).await.unwrap_or_else(|_| Err(late()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_sdk_elasticloadbalancingv2::types::{TargetDescription, TargetHealth, TargetHealthStateEnum};

    #[test]
    fn a_target_is_found_by_its_id_or_its_address_unless_it_is_leaving() {
        let group = |kind| TargetGroup::builder().target_group_arn("arn:x:targetgroup/shop/1").target_type(kind).build();
        let of = |id: &str, state| {
            let target = TargetDescription::builder().id(id).port(8080).availability_zone("all").build();
            TargetHealthDescription::builder().target(target).target_health(TargetHealth::builder().state(state).build()).build()
        };
        let own: [IpAddr; 2] = ["10.0.0.7".parse().expect("an address"), "2001:db8::7".parse().expect("an address")];
        let found = |kind, id: &str, state| registration("i-1", &own, &group(kind), &of(id, state)).map(|found| found.balancer);
        let expected = |target: &str, zone: Option<&str>| {
            let (arn, zone) = ("arn:x:targetgroup/shop/1".to_owned(), zone.map(str::to_owned));
            Some(Balancer::TargetGroup { arn, target: target.to_owned(), port: Some(8080), zone })
        };
        assert_eq!(found(TargetTypeEnum::Instance, "i-1", TargetHealthStateEnum::Unused), expected("i-1", None));
        assert_eq!(found(TargetTypeEnum::Ip, "10.0.0.7", TargetHealthStateEnum::Healthy), expected("10.0.0.7", Some("all")));
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
}
