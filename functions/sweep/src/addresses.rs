//! With whom an isolated instance may talk on.

use firebreak::addresses;
use firebreak::incident::Incident;
use std::collections::BTreeSet;
use std::net::IpAddr;

/// The remote addresses that the incident's findings name of instances. An execution whose finding joined carries that finding alone.
pub(crate) fn remote(incident: &Incident) -> BTreeSet<IpAddr> {
    let findings = incident.findings.iter().chain([&incident.finding]);
    addresses::public(findings.flat_map(|finding| finding.remote.iter().copied()))
}
