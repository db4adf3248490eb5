//! Calls that are looked for by their name: what a suspect does a thousand times does not hide them.
//!
//! A question by name answers everybody's calls of that name. Which of them a suspect made is decided as for every other record.

use super::Suspect;
use crate::ids::{Region, region_of_iam};
use std::collections::BTreeSet;

/// A call that is looked for by its name.
#[derive(Debug, Clone, Copy)]
pub struct EventName {
    /// As CloudTrail records it, with the API's date where the service appends one.
    pub name: &'static str,
    /// IAM records it in its own Region only. Otherwise the Regions of the findings are asked, too.
    pub of_iam: bool,
    /// Why it is among the ten.
    pub why: &'static str,
}

const fn iam(name: &'static str, why: &'static str) -> EventName {
    EventName { name, of_iam: true, why }
}

const fn regional(name: &'static str, why: &'static str) -> EventName {
    EventName { name, of_iam: false, why }
}

/// The ten that matter most, the most urgent first: in IAM's Region, what a look has no time for is rather a regional one. `AssumeRole` is not among them: everybody's fill every page, and a suspect's are
/// found under the suspect's name.
pub const EVENT_NAMES: [EventName; 10] = [
    iam("CreateUser", "a new identity that no containment of the suspect reaches"),
    iam("CreateAccessKey", "a credential of anybody, for good"),
    iam("CreateRole", "a role that an account of the attacker's can trust itself into"),
    iam("UpdateAssumeRolePolicy", "lets others into a role that is there and looks harmless"),
    iam("CreateLoginProfile", "a console password for a user who had none"),
    iam("AttachUserPolicy", "makes a weak user an administrator"),
    regional("GetFederationToken", "a session of up to 36 hours that outlives its access key"),
    regional("RunInstances", "machines with a role of their own, or for mining"),
    regional("CreateFunction20150331", "code that runs with a role and can bring the rest back"),
    regional("SendCommand", "root on machines, and their roles' credentials"),
];

impl EventName {
    /// Where it is asked about, when a suspect's findings came from `regions`.
    pub(super) fn regions(self, suspect: &Suspect, regions: &BTreeSet<Region>) -> BTreeSet<Region> {
        let own = suspect.target.region.clone();
        let of_iam = region_of_iam(&suspect.target.partition).unwrap_or_else(|| own.clone());
        let others = regions.iter().cloned().chain([own]).filter(|_| !self.of_iam);
        others.chain([of_iam]).collect()
    }
}
