//! Addresses at the other end of a finding, as far as a network ACL may deny them.

use crate::digest::sha256_hex;
use crate::target::{Scope, Target};
use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Addresses of one finding, or of one containment, that are denied. A network ACL has room for 20 entries in each direction.
pub const MAX: usize = 10;
/// Addresses in the name of a target.
const NAMED: usize = 3;

/// The public ones among `addresses`, the first [`MAX`] of them.
#[must_use]
pub fn public(addresses: impl IntoIterator<Item = IpAddr>) -> BTreeSet<IpAddr> {
    let mut found = BTreeSet::new();
    for address in addresses.into_iter().map(|address| address.to_canonical()).filter(|address| is_public(*address)) {
        if found.len() == MAX {
            break;
        }
        found.insert(address);
    }
    found
}

/// These addresses of an instance, as a target.
#[must_use]
pub fn of_instance(instance: &Target, addresses: BTreeSet<IpAddr>) -> Target {
    Target { scope: Scope::RemoteAddresses, addresses, by_addresses: true, ..instance.whole() }
}

/// Tells one set of addresses from another.
pub(crate) fn digest(addresses: &BTreeSet<IpAddr>) -> String {
    sha256_hex(listed(addresses).as_bytes()).chars().take(16).collect()
}

/// All of them, for people.
pub(crate) fn listed(addresses: &BTreeSet<IpAddr>) -> String {
    addresses.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

/// The first ones, and how many more, for people.
pub(crate) fn told(addresses: &BTreeSet<IpAddr>) -> String {
    let first: BTreeSet<IpAddr> = addresses.iter().take(NAMED).copied().collect();
    let more = addresses.len() - first.len();
    if more == 0 { listed(&first) } else { format!("{} and {more} more", listed(&first)) }
}

/// Whether an address can be somebody's on the internet. Private networks, the metadata service and the resolver have none of these.
/// Addresses for documentation count: nobody is there, and AWS's sample findings name them.
#[must_use]
pub fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [first, second, ..] = address.octets();
    // Carrier-grade NAT (RFC 6598), benchmarks (RFC 2544), "this network", and what is reserved from 240.0.0.0 on.
    let is_shared = first == 100 && (64..128).contains(&second);
    let is_benchmark = first == 198 && (18..20).contains(&second);
    let is_local = address.is_private() || address.is_loopback() || address.is_link_local() || address.is_multicast();
    !is_local && !is_shared && !is_benchmark && first != 0 && first < 240
}

/// Global unicast addresses are in `2000::/3` (RFC 4291). Unique local ones, the resolver `fd00:ec2::253` too, are not.
fn is_public_v6(address: Ipv6Addr) -> bool {
    address.segments()[0] & 0xe000 == 0x2000
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    #[test]
    fn only_what_somebody_on_the_internet_can_have_is_public() {
        for text in ["203.0.113.7", "8.8.8.8", "100.63.0.1", "198.17.0.1", "172.32.0.1", "2001:db8::7", "2600:1f18::1"] {
            assert!(is_public(parsed(text)), "{text}");
        }
        let local = ["10.0.0.2", "172.16.0.2", "192.168.1.1", "127.0.0.1", "169.254.169.254", "169.254.169.253", "100.64.0.1"];
        let other =
            ["0.0.0.0", "224.0.0.1", "255.255.255.255", "240.0.0.1", "198.19.0.1", "::1", "fe80::1", "fd00:ec2::253", "::"];
        for text in local.into_iter().chain(other) {
            assert!(!is_public(parsed(text)), "{text}");
        }
    }

    #[test]
    fn a_finding_cannot_name_more_than_a_network_acl_has_room_for_nor_hide_a_private_address_in_an_ipv6_one() {
        let many = (0..=255).map(|last| IpAddr::from([203, 0, 113, last]));
        assert_eq!(public(many).len(), MAX);
        assert_eq!(public([parsed("::ffff:10.0.0.2"), parsed("::ffff:8.8.8.8")]), BTreeSet::from([parsed("8.8.8.8")]));
    }
}
