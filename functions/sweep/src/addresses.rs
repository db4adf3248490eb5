//! With whom an isolated instance may talk on.

use firebreak::addresses;
use firebreak::incident::Incident;
use std::collections::BTreeSet;
use std::net::IpAddr;

/// The remote addresses that the incident's findings name of instances. An execution whose finding joined carries that finding alone.
pub(crate) fn remote(incident: &Incident) -> BTreeSet<IpAddr> {
    let findings = incident.findings.iter().chain([&incident.finding]);
    // All of them: an incident can have asked about the first ones.
    let all = findings.flat_map(|finding| finding.remote.iter()).map(IpAddr::to_canonical);
    all.filter(|address| addresses::is_public(*address)).collect()
}
