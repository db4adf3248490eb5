//! What the network ACLs were, and which entries Firebreak makes in them.

use aws_sdk_ec2::types::{NetworkAclEntry, RuleAction};
use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use std::net::IpAddr;

/// The recorded state.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BaseState {
    /// The network ACLs of the instance's subnets.
    pub acls: Vec<Acl>,
}

impl BaseState {
    /// What is recorded of one network ACL.
    pub(crate) fn acl(&self, id: &str) -> Option<&Acl> {
        self.acls.iter().find(|acl| acl.id == id)
    }
}

/// One network ACL.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Acl {
    /// `acl-…`.
    pub id: String,
    /// Every subnet that had it: the instance's and others.
    pub subnets: Vec<String>,
    /// Its entries before.
    pub before: Vec<Entry>,
    /// The entries that Firebreak makes. They are recorded before they are made, so one can be missing.
    pub ours: Vec<Entry>,
}

/// One entry of a network ACL, as far as it matters here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Its number: of all entries that match, the lowest number decides.
    pub number: i32,
    /// About what leaves the subnet, not about what enters it.
    pub egress: bool,
    /// The addresses at the other end.
    pub cidr: IpNet,
    /// It denies.
    pub denies: bool,
    /// It is about every protocol.
    pub all_protocols: bool,
}

/// Every protocol, as EC2 writes it.
pub(crate) const ALL: &str = "-1";

impl Entry {
    /// An entry that denies everything to and from one address.
    pub(crate) fn denying(number: i32, egress: bool, address: IpAddr) -> Self {
        Self { number, egress, cidr: IpNet::from(address), denies: true, all_protocols: true }
    }

    /// Nothing for an entry without addresses or number, which no network ACL has.
    pub(crate) fn of(entry: &NetworkAclEntry) -> Option<Self> {
        let cidr = entry.cidr_block().or(entry.ipv6_cidr_block())?.parse().ok()?;
        Some(Self {
            number: entry.rule_number()?,
            egress: entry.egress()?,
            cidr,
            denies: entry.rule_action() == Some(&RuleAction::Deny),
            all_protocols: entry.protocol() == Some(ALL),
        })
    }

    /// "outbound 203.0.113.7/32", for people.
    pub(crate) fn told(&self) -> String {
        format!("{} {}", direction(self.egress), self.cidr)
    }
}

/// The direction, in words.
pub(crate) fn direction(egress: bool) -> &'static str {
    if egress { "outbound" } else { "inbound" }
}
