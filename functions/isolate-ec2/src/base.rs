//! What an instance was before Firebreak touched it.

use crate::balancers::Registration;
use crate::scaling::Scaling;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// The recorded state of an instance.
///
/// What an earlier version wrote is read, and must come out of serde as it went in: a base is extended on the condition that its text is
/// still the known one. So a field that this version added is left out while it is empty.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BaseState {
    /// Every network interface, also in other VPCs.
    pub interfaces: Vec<NetworkInterface>,
    /// `disableApiTermination`, where it could be read.
    #[serde(default)]
    pub termination_protection: Option<bool>,
    /// EC2 allows no termination protection for Spot Instances.
    pub spot: bool,
    /// All tags.
    pub tags: BTreeMap<String, String>,
    /// Stop protection, shutdown behaviour, and what becomes of the volumes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub protections: Option<Protections>,
    /// The Auto Scaling group that the instance is a member of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scaling: Option<Scaling>,
    /// Load balancers that send it traffic.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub registrations: Vec<Registration>,
    /// ARN of the instance profile.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile: Option<String>,
    /// Elastic IP addresses. They stay.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub elastic_ips: Vec<String>,
    /// Interfaces that were, or were about to be, in an open group for a moment. Written before.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub opened: BTreeSet<String>,
    /// Firebreak's tags that an interface had before.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub interface_tags: BTreeMap<String, BTreeMap<String, String>>,
}

impl BaseState {
    /// A copy that also knows what `later` found and this one does not: a joining incident can find interfaces that were attached since,
    /// and an earlier version looked at less.
    #[must_use]
    pub(crate) fn with_interfaces_of(&self, later: &Self) -> Self {
        let is_new = |found: &&NetworkInterface| self.interface(&found.id).is_none();
        let known = self.interfaces.iter().map(|known| known.or_details_of(later.interface(&known.id)));
        let new: Vec<&NetworkInterface> = later.interfaces.iter().filter(is_new).collect();
        let tags = later.interface_tags.iter().filter(|(id, _)| new.iter().any(|interface| interface.id == **id));
        let interface_tags = tags.map(|(id, tags)| (id.clone(), tags.clone())).chain(self.interface_tags.clone()).collect();
        let joined = later.registrations.iter().filter(|found| !self.registrations.contains(found));
        // An earlier incident changed these already where it knew them. Termination protection it switched on also where it did not: that it
        // is on now says nothing of before.
        let scaling = self.scaling.clone();
        Self {
            interfaces: known.chain(new.into_iter().cloned()).collect(),
            termination_protection: self.termination_protection.or(later.termination_protection.filter(|on| !on)),
            protections: match (&self.protections, &later.protections) {
                (Some(known), Some(later)) => Some(known.with_those_of(later)),
                (known, later) => known.clone().or_else(|| later.clone()),
            },
            scaling: scaling.or_else(|| later.scaling.clone()),
            registrations: self.registrations.iter().chain(joined).cloned().collect(),
            profile: self.profile.clone().or_else(|| later.profile.clone()),
            elastic_ips: if self.elastic_ips.is_empty() { later.elastic_ips.clone() } else { self.elastic_ips.clone() },
            opened: self.opened.union(&later.opened).cloned().collect(),
            interface_tags,
            ..self.clone()
        }
    }

    /// The recorded interface of this id.
    pub(crate) fn interface(&self, id: &str) -> Option<&NetworkInterface> {
        self.interfaces.iter().find(|interface| interface.id == id)
    }
}

/// One network interface as it was.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NetworkInterface {
    /// `eni-…`.
    pub id: String,
    /// The interface's own VPC.
    pub vpc: String,
    /// Group ids, sorted.
    pub groups: Vec<String>,
    /// Its subnet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subnet: Option<String>,
    /// A public or Elastic IPv4 address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub public_address: Option<String>,
    /// It has an IPv6 address that is global, not unique local.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub ipv6: bool,
    /// After how many idle seconds an established TCP connection is forgotten. Nothing: the default of the instance type.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tcp_established_timeout: Option<i32>,
    /// Whether it takes only traffic of its own addresses.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_dest_check: Option<bool>,
}

impl NetworkInterface {
    /// What an earlier version did not look at, and so did not change, is as it is now.
    fn or_details_of(&self, now: Option<&Self>) -> Self {
        let is_earlier = self.subnet.is_none() && self.source_dest_check.is_none() && self.tcp_established_timeout.is_none();
        match now {
            Some(now) if is_earlier => Self { groups: self.groups.clone(), ..now.clone() },
            _ => self.clone(),
        }
    }
}

/// What protects an instance from being stopped, and its volumes from being deleted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Protections {
    /// `disableApiStop`. Nothing: it could not be read.
    #[serde(default)]
    pub stop: Option<bool>,
    /// `instanceInitiatedShutdownBehavior`: `stop` or `terminate`. Nothing: it could not be read.
    #[serde(default)]
    pub shutdown: Option<String>,
    /// The EBS volumes.
    #[serde(default)]
    pub volumes: Vec<Volume>,
}

impl Protections {
    /// A copy that also knows what `later` read and this one does not: what could not be read was left as it was.
    fn with_those_of(&self, later: &Self) -> Self {
        let is_new = |found: &&Volume| !self.volumes.iter().any(|known| known.id == found.id);
        Self {
            stop: self.stop.or(later.stop),
            shutdown: self.shutdown.clone().or_else(|| later.shutdown.clone()),
            volumes: self.volumes.iter().chain(later.volumes.iter().filter(is_new)).cloned().collect(),
        }
    }
}

/// One attached EBS volume.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Volume {
    /// For example `/dev/xvda`.
    pub device: String,
    /// `vol-…`.
    pub id: String,
    /// Whether it is deleted when the instance is terminated.
    pub delete_on_termination: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the version before this one wrote.
    const EARLIER: &str = r#"{"interfaces":[{"id":"eni-1","vpc":"vpc-a","groups":["sg-web"]}],"termination_protection":false,"spot":false,"tags":{"Name":"shop"}}"#;

    #[test]
    fn what_an_earlier_version_wrote_is_read_and_written_alike() {
        let base: BaseState = serde_json::from_str(EARLIER).expect("a base");
        assert_eq!(base.termination_protection, Some(false));
        assert_eq!(serde_json::to_string(&base).expect("JSON"), EARLIER, "a base is extended where its text is the known one");
    }

    #[test]
    fn a_later_incident_adds_what_the_first_one_did_not_know_and_changes_nothing_that_it_knew() {
        let interface = |id: &str, group: &str| NetworkInterface {
            id: id.to_owned(),
            groups: vec![group.to_owned()],
            ..NetworkInterface::default()
        };
        let first = BaseState { interfaces: vec![interface("eni-1", "sg-web")], ..BaseState::default() };
        let later = BaseState {
            interfaces: vec![interface("eni-1", "sg-isolation"), interface("eni-2", "sg-db")],
            termination_protection: Some(true),
            profile: Some("arn".to_owned()),
            opened: ["eni-2".to_owned()].into(),
            ..BaseState::default()
        };
        let both = first.with_interfaces_of(&later);
        assert_eq!(both.interfaces, [interface("eni-1", "sg-web"), interface("eni-2", "sg-db")]);
        assert_eq!((both.termination_protection, both.profile.as_deref(), both.opened.len()), (None, Some("arn"), 1));
        assert_eq!(first.with_interfaces_of(&first), first);
    }

    #[test]
    fn what_could_not_be_read_at_first_is_known_from_the_next_run() {
        let volume =
            |id: &str, delete_on_termination| Volume { device: "/dev/sdf".to_owned(), id: id.to_owned(), delete_on_termination };
        let of = |stop, shutdown: Option<&str>, volumes| BaseState {
            termination_protection: None,
            protections: Some(Protections { stop, shutdown: shutdown.map(str::to_owned), volumes }),
            ..BaseState::default()
        };
        let first = of(None, Some("terminate"), vec![volume("vol-1", true)]);
        let later = BaseState {
            termination_protection: Some(false),
            ..of(Some(false), Some("stop"), vec![volume("vol-1", false), volume("vol-2", true)])
        };
        let both = first.with_interfaces_of(&later);
        assert_eq!(
            both.protections,
            of(Some(false), Some("terminate"), vec![volume("vol-1", true), volume("vol-2", true)]).protections
        );
        assert_eq!(both.termination_protection, Some(false));
    }

    #[test]
    fn an_idle_timeout_that_an_earlier_version_did_not_read_is_as_now_and_the_groups_as_then() {
        let earlier: BaseState = serde_json::from_str(EARLIER).expect("a base");
        let now = |seconds| {
            let (id, vpc, groups) = ("eni-1".to_owned(), "vpc-a".to_owned(), vec!["sg-isolation".to_owned()]);
            let subnet = Some("subnet-a".to_owned());
            let interface = NetworkInterface {
                id,
                vpc,
                groups,
                subnet,
                tcp_established_timeout: Some(seconds),
                ..NetworkInterface::default()
            };
            BaseState { interfaces: vec![interface], ..BaseState::default() }
        };
        let both = earlier.with_interfaces_of(&now(350)).with_interfaces_of(&now(60));
        assert_eq!(both.interfaces[0].tcp_established_timeout, Some(350));
        assert_eq!(both.interfaces[0].groups, ["sg-web"]);
    }
}
