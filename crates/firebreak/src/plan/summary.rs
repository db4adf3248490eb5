//! What an incident keeps of a finding.

use super::host::are_credentials_stolen;
use crate::addresses;
use crate::finding::{Actor, Credentials, Finding, Named, Principal, Resource, SeverityBand, Source, Subject};
use crate::ids::{AccountId, IncidentId, InstanceId, Region};
use crate::text::inert;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::net::IpAddr;

/// The finding, as much of it as travels: bounded and safe to show.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FindingSummary {
    /// GuardDuty finding ARN, or the product's id.
    pub id: Option<String>,
    /// The type in GuardDuty's original spelling.
    #[serde(rename = "type")]
    pub finding_type: Option<String>,
    /// On GuardDuty's scale of 1 to 10.
    pub severity: Option<f64>,
    /// LOW, MEDIUM, HIGH or CRITICAL.
    pub severity_band: Option<SeverityBand>,
    /// The format it came in.
    pub source: Source,
    /// The account of the resource.
    pub account: Option<AccountId>,
    /// The Region of the resource.
    pub region: Option<Region>,
    /// The sender's title.
    pub title: Option<String>,
    /// When the sender last changed it: its version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub updated_at: Option<Timestamp>,
    /// When what it reports was seen for the first time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_seen: Option<Timestamp>,
    /// The attack sequence it is a signal of, which is a finding of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub part_of: Option<String>,
    /// Who did it, and from where, as far as the sender says. Findings that an earlier version read have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actor: Option<Actor>,
    /// Of a finding that names an instance: the public addresses at the other end, ten at most.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub remote: BTreeSet<IpAddr>,
    /// Principals of other accounts whose credentials it is about: `AIDA…` or `AROA…:session`, as `aws:userid` says them, else what the
    /// sender calls them. No decision names them: IAM here cannot contain them.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub outsiders: BTreeSet<String>,
    /// Of a person's request: who asks, as the request says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requested_by: Option<String>,
    /// The instance is the host of containers or pods: what is taken from it, they lose.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub shared_host: bool,
    /// Of such a host, and of one whose credentials are used elsewhere: the ids of the instances. None: all that it names are meant, as in
    /// findings that an earlier version read, and where there are too many.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub hosts: BTreeSet<String>,
    /// How it became part of the incident, when another finding had opened that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub joined: Option<JoinedAs>,
}

/// How a finding joined an open incident.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JoinedAs {
    /// The id that the finding's own incident would have: under it the finding holds its targets.
    pub id: IncidentId,
    /// When.
    pub at: Timestamp,
    /// The incident's revision that it made. None: it added nothing, and holds nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<u32>,
}

impl FindingSummary {
    /// That of an event in which no finding could be read.
    #[must_use]
    pub(crate) fn of_nothing() -> Self {
        Self {
            id: None,
            finding_type: None,
            severity: None,
            severity_band: None,
            source: Source::Unknown,
            account: None,
            region: None,
            title: None,
            updated_at: None,
            first_seen: None,
            part_of: None,
            actor: None,
            remote: BTreeSet::new(),
            outsiders: BTreeSet::new(),
            requested_by: None,
            shared_host: false,
            hosts: BTreeSet::new(),
            joined: None,
        }
    }

    /// Whether AWS itself vouches for the finding: GuardDuty, by whatever route, or AWS Health. Other products' ids begin with the
    /// product's own ARN.
    #[must_use]
    pub fn is_vouched(&self) -> bool {
        let arn = || self.id.as_deref().and_then(crate::ids::Arn::parse);
        match self.source {
            Source::GuardDuty | Source::Health | Source::MalwareScan => true,
            Source::SecurityHub => arn().is_some_and(|arn| arn.service == "guardduty"),
            Source::Request | Source::Unknown => false,
        }
    }
}

/// Of a finding about no instance nobody needs them.
fn remote(finding: &Finding) -> BTreeSet<IpAddr> {
    if finding.about(Subject::Instance).next().is_none() {
        return BTreeSet::new();
    }
    addresses::public(finding.remote_addresses.iter().copied())
}

/// More principals of other accounts of one finding are not remembered.
const MAX_OUTSIDERS: usize = 4;

fn outsiders(finding: &Finding) -> BTreeSet<String> {
    let outsider = |resource: &Resource| match &resource.named {
        Named::Credentials(credentials) => credentials.outsider.clone(),
        _ => None,
    };
    finding.about(Subject::Principal).filter_map(outsider).take(MAX_OUTSIDERS).collect()
}

/// More instances of one finding are not remembered by their ids.
const MAX_HOSTS: usize = 20;

/// Of which instances a finding says that others work on them, or that their credentials are in wrong hands.
fn hosts(finding: &Finding) -> BTreeSet<String> {
    let are_stolen = are_credentials_stolen(finding.finding_type.as_deref());
    if !finding.on_shared_host() && !are_stolen {
        return BTreeSet::new();
    }
    let id = |resource: &Resource| match &resource.named {
        Named::Instance(id) => Some(id.as_str().to_owned()),
        // GuardDuty names the session alone, which has the instance's name.
        Named::Credentials(Credentials { principal: Principal::Role { session: Some(name), .. }, .. }) if are_stolen => {
            InstanceId::parse(name).ok().map(|id| id.as_str().to_owned())
        }
        _ => None,
    };
    let hosts: BTreeSet<String> = finding.resources.iter().filter_map(id).collect();
    if hosts.len() > MAX_HOSTS { BTreeSet::new() } else { hosts }
}

/// As much of a finding as travels.
pub(super) fn of(finding: &Finding) -> FindingSummary {
    FindingSummary {
        id: finding.id.as_deref().map(|id| inert(id, 256)),
        finding_type: finding.finding_type.as_deref().map(|t| inert(t, 128)),
        severity: finding.severity,
        severity_band: finding.band,
        source: finding.source,
        account: finding.account.clone(),
        region: finding.region.clone(),
        title: finding.title.as_deref().map(|t| inert(t, 200)),
        updated_at: finding.updated_at,
        first_seen: finding.first_seen,
        part_of: finding.part_of.as_deref().map(|arn| inert(arn, 256)),
        actor: Actor::of(finding),
        remote: remote(finding),
        outsiders: outsiders(finding),
        requested_by: finding.requested_by.as_deref().map(|who| inert(who, 128)),
        shared_host: finding.on_shared_host() && finding.about(Subject::Instance).next().is_some(),
        hosts: hosts(finding),
        joined: None,
    }
}
