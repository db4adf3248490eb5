//! What a finding is decided by: where it is about, whether Firebreak may act on it, and the row of its type.

use super::explain::{Because, Trace, at};
use super::{AtSource, Circumstances};
use crate::finding::{Finding, SeverityBand, Source};
use crate::ids::region_of_iam;
use crate::playbook::Row;
use crate::policy::SampleHandling;
use crate::target::Place;
use crate::text::inert;

/// What stands behind every decision about one finding.
pub(super) struct Basis<'a> {
    /// The row of its type, or the default row.
    pub(super) row: &'a Row,
    /// The row is the type's own.
    pub(super) listed: bool,
    /// Where it is about.
    pub(super) place: Place,
    /// The Region is only assumed: nothing is reached in it.
    pub(super) is_astray: bool,
    /// Silence about it would be a mistake.
    pub(super) owed: bool,
}

impl<'a> Basis<'a> {
    /// The error says, for people, why nothing is decided.
    pub(super) fn of(finding: &Finding, circumstances: &Circumstances<'a>, trace: &mut Trace) -> Result<Self, String> {
        let kind = finding.finding_type.as_deref().unwrap_or_default();
        let (place, is_astray) = place(finding)?;
        let band = admitted(finding, &place, circumstances, trace)?;
        let owed = is_owed(finding, band, circumstances);
        if is_astray && !owed {
            return Err("the finding names no valid Region".to_owned());
        }
        let (row, listed) = row(kind, band, owed, circumstances, trace)?;
        if finding.sample && circumstances.policy.samples == SampleHandling::Notify {
            trace.note(Because::Policy, || (at("samples"), "the sample flag is set, and samples are only announced".to_owned()));
            return Err("a sample finding: policy says samples are only announced".to_owned());
        }
        Ok(Self { row, listed, place, is_astray, owed })
    }
}

/// Where the finding is about, and whether its Region is only assumed: that of IAM.
fn place(finding: &Finding) -> Result<(Place, bool), String> {
    let account = finding.account.clone().ok_or("the finding names no valid account")?;
    let partition = finding.partition.clone().ok_or("the finding names no valid partition")?;
    let of_resources = || finding.resources.iter().find_map(|resource| resource.region.clone());
    if let Some(region) = finding.region.clone().or_else(of_resources) {
        return Ok((Place { account, region, partition }, false));
    }
    let region = region_of_iam(&partition).ok_or("the finding names no valid Region")?;
    Ok((Place { account, region, partition }, true))
}

/// Whether silence about the finding would be a mistake: AWS, or a product that policy lists, says that it is severe, and GuardDuty does
/// not deny it.
fn is_owed(finding: &Finding, band: SeverityBand, circumstances: &Circumstances<'_>) -> bool {
    let listed = finding.product.as_ref().is_some_and(|product| circumstances.policy.security_hub.products.contains(product));
    band >= SeverityBand::High && (finding.vouched || listed) && circumstances.at_source != AtSource::Unknown
}

/// The row of a type, or the default one, and which of them it is.
fn row<'a>(
    kind: &str,
    band: SeverityBand,
    owed: bool,
    circumstances: &Circumstances<'a>,
    trace: &mut Trace,
) -> Result<(&'a Row, bool), String> {
    let Some(row) = circumstances.policy.row(circumstances.playbook, kind) else {
        let why = if kind.is_empty() { "the finding names no type" } else { "the playbook has no row for this type" };
        let default = circumstances.policy.default_row(circumstances.playbook, band).filter(|_| owed);
        let Some((from, row, own)) = default else {
            trace.note(Because::Row, || (at("finding"), format!("{why}: a person is told")));
            return Err(why.to_owned());
        };
        let because = if own { Because::Policy } else { Because::Row };
        trace.note(because, || (vec!["default".to_owned(), from.label().to_ascii_lowercase()], why.to_owned()));
        return Ok((row, false));
    };
    let own = circumstances.policy.own_row(kind);
    let path = vec!["finding".to_owned(), inert(own.map_or(kind, |(spelling, _)| spelling), 128)];
    let because = if own.is_some() { Because::Policy } else { Because::Row };
    trace.note(because, || {
        let contain = row.contain.iter().map(|(what, mode)| format!("{what} = {}", mode.name()));
        let alone = row.key_alone.iter().map(|mode| format!("the key alone = {}", mode.name()));
        let by_hand = row.by_hand.iter().map(|(what, mode)| format!("by hand {} = {}", what.label(), mode.name()));
        (path, contain.chain(alone).chain(by_hand).collect::<Vec<_>>().join(", "))
    });
    Ok((row, true))
}

/// Whether Firebreak may act on this finding at all.
fn admitted(
    finding: &Finding,
    place: &Place,
    circumstances: &Circumstances<'_>,
    trace: &mut Trace,
) -> Result<SeverityBand, String> {
    let policy = circumstances.policy;
    let mut refuse = |path: [&str; 2], why: String| {
        let path = path.iter().filter(|part| !part.is_empty()).map(|part| (*part).to_owned()).collect();
        trace.note(Because::Policy, || (path, why.clone()));
        Err(why)
    };
    if !policy.allow.accounts.is_empty() && !policy.allow.accounts.contains(&place.account) {
        return refuse(["allow", "accounts"], format!("account {} is not one that policy allows", place.account));
    }
    if !policy.allow.regions.is_empty() && !policy.allow.regions.contains(&place.region) {
        return refuse(["allow", "regions"], format!("Region {} is not one that policy allows", place.region));
    }
    let band = finding.band.ok_or("the finding's severity is missing or outside 0 to 10")?;
    if let Some(floor) = policy.severity_floor.filter(|floor| band < *floor) {
        let why = format!("severity {}: below {}, policy says findings are only announced", band.label(), floor.label());
        return refuse(["severity_floor", ""], why);
    }
    if finding.source != Source::SecurityHub {
        return Ok(band);
    }
    let hub = &policy.security_hub;
    if !finding.product.as_ref().is_some_and(|product| hub.products.contains(product)) {
        let product = finding.product.as_deref().unwrap_or("unnamed");
        let why = format!("another product than GuardDuty says so ({}), and policy does not list it", inert(product, 64));
        return refuse(["security_hub", "products"], why);
    }
    if band < hub.severity_floor {
        // A Security Hub event is delivered whole when one of its findings matches the rule.
        let why =
            format!("severity {}: below {}, Security Hub findings are only announced", band.label(), hub.severity_floor.label());
        return refuse(["security_hub", "severity_floor"], why);
    }
    Ok(band)
}
