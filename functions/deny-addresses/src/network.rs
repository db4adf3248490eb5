//! The network ACLs of an instance's subnets, and what is to be written into them.

use crate::base::{Acl, BaseState, Entry};
use crate::shared;
use aws_sdk_ec2::Client;
use aws_sdk_ec2::types::{Filter, NetworkAcl, Vpc};
use firebreak::addresses;
use firebreak::fault::Fault;
use firebreak::target::Target;
use firebreak_aws::classify::OrFault;
use ipnet::IpNet;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

/// What was read.
pub(crate) struct Network {
    /// The network ACLs of the instance's subnets, each once.
    pub(crate) acls: Vec<Seen>,
    /// Subnets of the instance whose network ACL this account does not see: another account shares them.
    pub(crate) foreign: Vec<String>,
    /// The addresses of each VPC.
    vpcs: BTreeMap<String, Vec<IpNet>>,
}

/// A network ACL as it is.
pub(crate) struct Seen {
    pub(crate) id: String,
    pub(crate) vpc: String,
    pub(crate) subnets: Vec<String>,
    pub(crate) entries: Vec<Entry>,
}

/// Reads the network ACLs of the subnets of every interface of the instance.
///
/// # Errors
/// `Gone` when the instance has no interface, and read errors.
pub(crate) async fn read(ec2: &Client, target: &Target) -> Result<Network, Fault> {
    let attached = ec2.describe_network_interfaces().filters(filter("attachment.instance-id", [target.id.clone()])).send().await;
    let attached = attached.or_fault("ec2:DescribeNetworkInterfaces")?.network_interfaces.unwrap_or_default();
    let subnets: BTreeSet<String> = attached.iter().filter_map(|one| one.subnet_id().map(str::to_owned)).collect();
    let vpcs: BTreeSet<String> = attached.iter().filter_map(|one| one.vpc_id().map(str::to_owned)).collect();
    if subnets.is_empty() {
        return Err(Fault::gone(format!("{target} has no network interface: it is terminated, or does not exist")));
    }
    let (acls, vpcs) = futures::join!(
        ec2.describe_network_acls().filters(filter("association.subnet-id", subnets.iter().cloned())).send(),
        ec2.describe_vpcs().filters(filter("vpc-id", vpcs)).send(),
    );
    let acls = acls.or_fault("ec2:DescribeNetworkAcls")?.network_acls.unwrap_or_default();
    let vpcs = vpcs.or_fault("ec2:DescribeVpcs")?.vpcs.unwrap_or_default();
    let acls: Vec<Seen> = acls.iter().filter_map(Seen::of).collect();
    let is_foreign = |subnet: &String| !acls.iter().any(|acl| acl.subnets.contains(subnet));
    let foreign = subnets.into_iter().filter(is_foreign).collect();
    Ok(Network { foreign, vpcs: vpcs.iter().filter_map(ranges).collect(), acls })
}

/// One network ACL, by its id. Nothing: it is gone.
///
/// # Errors
/// It could not be read.
pub(crate) async fn acl(ec2: &Client, id: &str) -> Result<Option<Seen>, Fault> {
    // A filter: an id that is gone would be an error.
    let found = ec2.describe_network_acls().filters(filter("network-acl-id", [id.to_owned()])).send().await;
    Ok(found.or_fault("ec2:DescribeNetworkAcls")?.network_acls().iter().find_map(Seen::of))
}

fn filter(name: &str, values: impl IntoIterator<Item = String>) -> Filter {
    Filter::builder().name(name).set_values(Some(values.into_iter().collect())).build()
}

fn ranges(vpc: &Vpc) -> Option<(String, Vec<IpNet>)> {
    let v4 = vpc.cidr_block_association_set().iter().filter_map(|one| one.cidr_block());
    let v6 = vpc.ipv6_cidr_block_association_set().iter().filter_map(|one| one.ipv6_cidr_block());
    let ranges = vpc.cidr_block().into_iter().chain(v4).chain(v6).filter_map(|cidr| cidr.parse().ok());
    Some((vpc.vpc_id()?.to_owned(), ranges.collect()))
}

impl Network {
    /// Those of the addresses that `acl` may deny: public ones, outside its VPC, of a protocol that the VPC has. Nothing: nobody knows
    /// which addresses its VPC has.
    pub(crate) fn deniable(&self, acl: &Seen, wanted: &BTreeSet<IpAddr>) -> Option<BTreeSet<IpAddr>> {
        let own = self.vpcs.get(&acl.vpc)?;
        let has_v6 = own.iter().any(|range| matches!(range, IpNet::V6(_)));
        let is_outside = |address: &IpAddr| !own.iter().any(|range| range.contains(address));
        let outside = wanted.iter().copied().filter(|address| (address.is_ipv4() || has_v6) && is_outside(address));
        Some(addresses::public(outside))
    }

    /// `known` with what has to be written besides, so that every network ACL denies what it may.
    pub(crate) fn plan(&self, known: &BaseState, wanted: &BTreeSet<IpAddr>) -> BaseState {
        let mut acls = known.acls.clone();
        for seen in &self.acls {
            let Some(deniable) = self.deniable(seen, wanted) else { continue };
            if let Some(acl) = acls.iter_mut().find(|acl| acl.id == seen.id) {
                acl.ours = seen.plan(&acl.ours, &deniable);
            } else {
                let (id, subnets, before) = (seen.id.clone(), seen.subnets.clone(), seen.entries.clone());
                acls.push(Acl { id, subnets, before, ours: seen.plan(&[], &deniable) });
            }
        }
        BaseState { acls }
    }

    /// `planned` with the entries of `others` that deny a wanted address already.
    pub(crate) fn sharing(&self, mut planned: BaseState, wanted: &BTreeSet<IpAddr>, others: &[BaseState]) -> BaseState {
        for acl in &mut planned.acls {
            let Some(seen) = self.acls.iter().find(|seen| seen.id == acl.id) else { continue };
            let theirs = shared::of_acl(others, &seen.id).filter(|entry| {
                let is_wanted = wanted.iter().any(|address| IpNet::from(*address) == entry.cidr);
                is_wanted && seen.at(entry.egress, entry.number) == Some(*entry)
            });
            for entry in theirs {
                if !acl.ours.contains(entry) {
                    acl.ours.push(entry.clone());
                }
            }
        }
        planned
    }
}

impl Seen {
    fn of(acl: &NetworkAcl) -> Option<Self> {
        let subnets = acl.associations().iter().filter_map(|one| one.subnet_id().map(str::to_owned));
        Some(Self {
            id: acl.network_acl_id()?.to_owned(),
            vpc: acl.vpc_id()?.to_owned(),
            subnets: subnets.collect(),
            entries: acl.entries().iter().filter_map(Entry::of).collect(),
        })
    }

    /// The entry of this number.
    pub(crate) fn at(&self, egress: bool, number: i32) -> Option<&Entry> {
        self.entries.iter().find(|entry| (entry.egress, entry.number) == (egress, number))
    }

    /// Whether nothing passes to or from the address: an entry denies it before the first one that allows it, or none allows it.
    pub(crate) fn denies(&self, egress: bool, address: IpAddr) -> bool {
        let matching = self.entries.iter().filter(|entry| entry.egress == egress && entry.cidr.contains(&address));
        let (denying, allowing): (Vec<&Entry>, Vec<&Entry>) = matching.partition(|entry| entry.denies);
        let Some(allowed) = allowing.iter().map(|entry| entry.number).min() else { return true };
        denying.iter().any(|entry| entry.all_protocols && entry.number < allowed)
    }

    /// The directions and addresses that it lets through.
    pub(crate) fn open(&self, wanted: &BTreeSet<IpAddr>) -> Vec<(bool, IpAddr)> {
        let all = [false, true].into_iter().flat_map(|egress| wanted.iter().map(move |address| (egress, *address)));
        all.filter(|(egress, address)| !self.denies(*egress, *address)).collect()
    }

    /// The first number that allows something with this address. What is to deny it has a lower one.
    fn first_allow(&self, egress: bool, address: IpAddr) -> i32 {
        let is_its = |entry: &&Entry| entry.egress == egress && entry.cidr.contains(&address);
        let allowing = self.entries.iter().filter(is_its).filter(|entry| !entry.denies);
        allowing.map(|entry| entry.number).min().unwrap_or(i32::MAX)
    }

    /// The planned entry that is to deny an address, if a number was free for it.
    pub(crate) fn planned<'a>(&self, ours: &'a [Entry], egress: bool, address: IpAddr) -> Option<&'a Entry> {
        let first = self.first_allow(egress, address);
        let cidr = IpNet::from(address);
        ours.iter().find(|entry| (entry.egress, entry.cidr) == (egress, cidr) && entry.number < first)
    }

    /// `known` without those whose number somebody else has now, and with what is lacking.
    fn plan(&self, known: &[Entry], wanted: &BTreeSet<IpAddr>) -> Vec<Entry> {
        let is_ours = |entry: &&Entry| self.at(entry.egress, entry.number).is_none_or(|there| there == *entry);
        let mut ours: Vec<Entry> = known.iter().filter(is_ours).cloned().collect();
        for (egress, address) in self.open(wanted) {
            if self.planned(&ours, egress, address).is_some() {
                continue;
            }
            let is_free = |number: &i32| {
                let is_planned = ours.iter().any(|entry| (entry.egress, entry.number) == (egress, *number));
                self.at(egress, *number).is_none() && !is_planned
            };
            if let Some(number) = (1..self.first_allow(egress, address)).find(is_free) {
                ours.push(Entry::denying(number, egress, address));
            }
        }
        ours
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(number: i32, cidr: &str, denies: bool) -> Entry {
        Entry { number, egress: false, cidr: cidr.parse().expect("a range"), denies, all_protocols: true }
    }

    fn seen(entries: Vec<Entry>) -> Seen {
        Seen { id: "acl-1".to_owned(), vpc: "vpc-1".to_owned(), subnets: vec![], entries }
    }

    fn numbers(seen: &Seen, known: &[Entry], wanted: &[&str]) -> Vec<i32> {
        let wanted = wanted.iter().map(|text| text.parse().expect("an address")).collect();
        seen.plan(known, &wanted).iter().filter(|entry| !entry.egress).map(|entry| entry.number).collect()
    }

    #[test]
    fn a_number_is_below_every_entry_that_allows_the_address_and_nobodys() {
        let all = || entry(100, "0.0.0.0/0", false);
        assert_eq!(numbers(&seen(vec![all()]), &[], &["203.0.113.7", "203.0.113.8"]), [1, 2]);
        let taken = |range: &str| {
            seen(vec![entry(1, "192.0.2.1/32", true), entry(2, "192.0.2.2/32", true), entry(5, range, false), all()])
        };
        let wanted = ["203.0.113.7", "203.0.113.8", "203.0.113.9"];
        assert_eq!(numbers(&taken("203.0.113.0/24"), &[], &wanted), [3, 4], "none is left for the third");
        assert_eq!(numbers(&taken("10.0.0.0/8"), &[], &wanted), [3, 4, 6], "it allows others");
        assert_eq!(numbers(&seen(vec![entry(1, "0.0.0.0/0", false)]), &[], &["203.0.113.7"]), [0; 0]);
    }

    #[test]
    fn what_is_denied_already_needs_no_entry_and_what_is_denied_too_late_does() {
        let all = || entry(100, "0.0.0.0/0", false);
        let partly = Entry { all_protocols: false, ..entry(10, "203.0.113.7/32", true) };
        for (entries, expected) in [
            (vec![entry(50, "203.0.113.0/24", true), all()], vec![]),
            (vec![entry(101, "203.0.113.7/32", true), all()], vec![1]),
            (vec![partly, all()], vec![1]),
            (vec![], vec![]),
        ] {
            assert_eq!(numbers(&seen(entries.clone()), &[], &["203.0.113.7"]), expected, "{entries:?}");
        }
    }

    #[test]
    fn a_second_plan_keeps_the_numbers_of_the_first_one_unless_somebody_took_them() {
        let all = || entry(100, "0.0.0.0/0", false);
        let first = [entry(1, "203.0.113.7/32", true)];
        assert_eq!(numbers(&seen(vec![all()]), &first, &["203.0.113.7"]), [1], "recorded and not made");
        assert_eq!(numbers(&seen(vec![first[0].clone(), all()]), &first, &["203.0.113.7"]), [1], "made");
        assert_eq!(numbers(&seen(vec![entry(1, "192.0.2.1/32", true), all()]), &first, &["203.0.113.7"]), [2], "taken");
    }
}
