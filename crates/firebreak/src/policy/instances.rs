//! How instances are isolated.

use super::TagSelector;
use serde::Deserialize;
use std::collections::BTreeSet;

/// How instances are isolated.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct Instances {
    /// Where connections that are open are cut. Default: `private`.
    pub cut_tracked: CutTracked,
    /// Percent of the healthy hosts of an Auto Scaling group or target group that are isolated without a person; one always is.
    /// Default: 25.
    pub fleet_percent: u8,
    /// Tags of instances that are isolated only after approval: criticality, data classification. They are read from the instance
    /// itself.
    pub critical: BTreeSet<TagSelector>,
    /// Tags of DNS forwarders, proxies and mail gateways: they resolve names for others, so that a finding that rests on DNS alone waits
    /// for approval.
    pub resolvers: BTreeSet<TagSelector>,
}

/// Where connections that are open are cut: the interface is in an open group for a moment, because only a connection that no rule
/// tracked ends with its rule (EC2 user guide, "Security group connection tracking").
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum CutTracked {
    /// Nowhere.
    Never,
    /// On interfaces that nobody outside the VPC can reach, and whose connections AWS does not track in any case. The default.
    #[default]
    Private,
    /// On every interface, also where the whole internet can reach it for that moment.
    Always,
}

impl Default for Instances {
    fn default() -> Self {
        Self { cut_tracked: CutTracked::default(), fleet_percent: 25, critical: BTreeSet::new(), resolvers: BTreeSet::new() }
    }
}

impl Instances {
    /// The field that cannot be meant, and what it takes.
    pub(super) fn mistake(&self) -> Option<(&'static str, &'static str)> {
        (!(1..=100).contains(&self.fleet_percent)).then_some(("fleet_percent", "must be 1 to 100"))
    }

    /// Which tag makes an instance one that only a person isolates, if one does.
    #[must_use]
    pub fn critical_tag(&self, tags: &[(String, String)]) -> Option<&TagSelector> {
        self.critical.iter().find(|tag| tag.matches(tags))
    }
}
