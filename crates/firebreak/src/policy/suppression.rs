//! Known causes that need no response, for a while: somebody owns them, and they expire.

use crate::finding::Finding;
use crate::ids::AccountId;
use crate::target::Target;
use ipnet::IpNet;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// A tag that a resource must carry.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct TagSelector {
    /// The key.
    pub key: String,
    /// The value.
    pub value: String,
}

impl TagSelector {
    /// True when one of `tags` is this one.
    #[must_use]
    pub fn matches(&self, tags: &[(String, String)]) -> bool {
        tags.iter().any(|(key, value)| *key == self.key && *value == self.value)
    }
}

/// One suppression. The finding type and every selector that is given must match.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Suppression {
    /// Finding types, spelled exactly.
    pub findings: BTreeSet<String>,
    /// The target's name or id: a user, a role, an instance, a bucket. The same name exists in other accounts: `accounts` goes
    /// with it.
    pub target: Option<String>,
    /// The accounts it holds for; none means all.
    #[serde(default)]
    #[cfg_attr(test, schemars(with = "BTreeSet<String>"))]
    pub accounts: BTreeSet<AccountId>,
    /// Every remote address of the finding must lie in it. A finding without an address is not suppressed.
    #[cfg_attr(test, schemars(with = "Option<String>"))]
    pub cidr: Option<IpNet>,
    /// The target must carry it. Whoever may tag the resource can write it: prefer `target` or `cidr`.
    pub tag: Option<TagSelector>,
    /// Who answers for it.
    pub owner: String,
    /// Why.
    pub reason: String,
    /// The last day it holds, in UTC.
    #[cfg_attr(test, schemars(with = "String"))]
    pub expires: Date,
}

impl Suppression {
    pub(super) fn mistake(&self) -> Option<&'static str> {
        if self.findings.is_empty() {
            return Some("must name at least one finding type");
        }
        if self.target.is_none() && self.cidr.is_none() && self.tag.is_none() {
            return Some("must name a target, a cidr or a tag: a whole type is switched off by a row without contain");
        }
        if self.target.is_some() && self.accounts.is_empty() {
            return Some("names a target and no accounts: the same name exists in others");
        }
        if self.cidr.is_some_and(|cidr| cidr.prefix_len() == 0) {
            return Some("has a cidr that is the whole internet");
        }
        if self.owner.trim().is_empty() || self.reason.trim().is_empty() {
            return Some("must have an owner and a reason");
        }
        None
    }

    /// True when it still holds.
    #[must_use]
    pub fn holds(&self, now: Timestamp) -> bool {
        now.to_zoned(TimeZone::UTC).date() <= self.expires
    }

    /// True when it is about this finding and target.
    #[must_use]
    pub fn matches(&self, finding: &Finding, target: &Target, tags: &[(String, String)]) -> bool {
        let of_type = finding.finding_type.as_ref().is_some_and(|kind| self.findings.contains(kind));
        let addresses = &finding.remote_addresses;
        of_type
            && (self.accounts.is_empty() || self.accounts.contains(&target.account))
            && self.target.as_ref().is_none_or(|id| *id == target.id)
            && self.cidr.is_none_or(|cidr| !addresses.is_empty() && addresses.iter().all(|address| cidr.contains(address)))
            && self.tag.as_ref().is_none_or(|tag| tag.matches(tags))
    }
}
