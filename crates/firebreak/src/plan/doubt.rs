//! What speaks against acting on a finding without a person.

use super::AtSource;
use super::host;
use super::wanted::Wanted;
use crate::containment::Containment;
use crate::finding::{Delivery, Finding, Source};
use crate::policy::{Confirmation, IsolationRequests, Policy, protected_by_name};
use jiff::Timestamp;

/// Why isolating this instance, or denying its role's session, hurts bystanders, if so.
pub(super) fn shared_host(finding: &Finding, wanted: &Wanted) -> Option<&'static str> {
    if wanted.of_host.is_some() {
        let is_stolen = host::are_credentials_stolen(finding.finding_type.as_deref());
        return (finding.on_shared_host() && !is_stolen).then_some(host::SHARED);
    }
    let shared = wanted.containment == Some(Containment::IsolateEc2) && finding.on_shared_host();
    shared.then_some("the instance is a host that other containers share: isolating it takes them down, too")
}

/// Why an automatic containment must wait for a person, if so.
pub(super) fn doubt(
    finding: &Finding,
    delivery: Delivery,
    wanted: &Wanted,
    policy: &Policy,
    at_source: AtSource,
    now: Timestamp,
) -> Option<&'static str> {
    if finding.source == Source::Request {
        // Whoever forges a request must not get the last way in.
        let gate = policy.isolation_requests == IsolationRequests::Gate || protected_by_name(&wanted.target).is_some();
        return gate.then_some("a person's request: it waits until it is approved");
    }
    // A forged finding must not become a weapon: what GuardDuty does not vouch for waits for a person.
    if !finding.vouched {
        return Some("another product than GuardDuty says so, a person must confirm it");
    }
    if let Some(why) = shared_host(finding, wanted) {
        return Some(why);
    }
    if policy.accounts.get(&wanted.target.account).is_some_and(|account| account.test) {
        // Its findings are made up, and its resources are made to be contained.
        return None;
    }
    match at_source {
        // Nothing is known better than at the source, and it has just said that the finding stands.
        AtSource::Active | AtSource::Settled => None,
        AtSource::Unknown => Some("GuardDuty did not confirm this finding: it may be forged, or of another administrator"),
        AtSource::NotAsked => unconfirmed(finding, delivery, policy, now),
    }
}

/// Why a finding that nobody confirmed must wait, if so.
fn unconfirmed(finding: &Finding, delivery: Delivery, policy: &Policy, now: Timestamp) -> Option<&'static str> {
    if policy.confirmation == Confirmation::Required {
        return Some("GuardDuty could not be asked whether the finding still stands, and policy requires it");
    }
    if finding.id.is_none() {
        return Some("the finding has no id: GuardDuty cannot be asked about it");
    }
    if delivery.replayed {
        return Some("replayed from an archive: GuardDuty did not confirm that the finding still stands");
    }
    let too_old = policy.stale_after_hours.is_some_and(|hours| {
        let last = finding.updated_at.max(delivery.time);
        last.is_some_and(|last| now.duration_since(last).as_hours() >= i64::from(hours))
    });
    if too_old {
        return Some("an old event: GuardDuty did not confirm that the finding still stands");
    }
    // EventBridge stamps what it delivers. An event a day older than the finding it carries was put together by hand.
    let impossible =
        delivery.time.zip(finding.updated_at).is_some_and(|(sent, updated)| updated.duration_since(sent).as_hours() >= 24);
    impossible.then_some("the event is older than the finding it carries: replayed or put together by hand")
}
