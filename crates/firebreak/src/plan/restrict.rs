//! What policy, protection and doubt make of one decision a row wants. Each of them only ever lowers it.

use super::decide::Place;
use super::explain::{Because, Trace, at};
use super::{AtSource, Circumstances};
use crate::decision::{Containment, Decision, Mode, Scope, Target, TargetKind};
use crate::finding::{Delivery, Finding, Resource, Source};
use crate::playbook::Row;
use crate::policy::{Confirmation, IsolationRequests, Policy, ResponseMode, lower, protected_by_name};
use crate::text::inert;

/// What the playbook wants for one target.
pub(super) struct Wanted {
    pub(super) containment: Option<Containment>,
    pub(super) mode: Mode,
    pub(super) target: Target,
    pub(super) field: String,
    pub(super) tags: Vec<(String, String)>,
    /// What whoever reads the decision must know besides the row's reason.
    pub(super) note: Option<&'static str>,
}

impl Wanted {
    pub(super) fn contain(containment: Containment, mode: Mode, target: Target, resource: &Resource) -> Self {
        Self {
            containment: Some(containment),
            mode,
            target,
            field: resource.field.to_string(),
            tags: resource.tags.clone(),
            note: None,
        }
    }

    pub(super) fn by_hand(mode: Mode, target: Target, resource: &Resource) -> Self {
        Self { containment: None, mode, target, field: resource.field.to_string(), tags: resource.tags.clone(), note: None }
    }

    pub(super) fn noting(self, note: &'static str) -> Self {
        Self { note: Some(note), ..self }
    }

    pub(super) fn of_place(mode: Mode, place: &Place) -> Self {
        let target = Target {
            kind: TargetKind::Account,
            id: place.account.to_string(),
            account: place.account.clone(),
            region: place.region.clone(),
            partition: place.partition.clone(),
            principal_id: None,
            access_key_id: None,
            session: None,
            scope: Scope::Principal,
        };
        Self { containment: None, mode, target, field: String::new(), tags: vec![], note: None }
    }
}

/// A decision, and what the verdict needs to know of it.
pub(super) struct Restrained {
    pub(super) decision: Decision,
    /// `dry-run`: everything but the containment happens.
    pub(super) rehearsed: bool,
}

pub(super) fn restrict(
    finding: &Finding,
    delivery: Delivery,
    wanted: Wanted,
    row: &Row,
    circumstances: &Circumstances<'_>,
    trace: &mut Trace,
) -> Restrained {
    let policy = circumstances.policy;
    let why = wanted.note.map_or_else(|| row.why.clone(), |note| format!("{note}; {}", row.why));
    trace.note(Because::Field, || (at(&wanted.field), wanted.target.to_string()));
    // A row's own advice is about what the row leaves to people, not about whoever turns out to be behind the credentials.
    let of_kind = matches!(
        wanted.target.kind,
        TargetKind::IdentityCenterUser | TargetKind::FederatedUser | TargetKind::AccessKey | TargetKind::InstanceProfile
    );
    let advice = row.advice.as_deref().filter(|_| !of_kind);
    let advice = advice.unwrap_or_else(|| circumstances.playbook.advice(wanted.target.kind));
    let by_hand = wanted.containment.is_none().then(|| inert(advice, 300));
    let decided = |mode, reason: String| Restrained {
        decision: Decision {
            target: wanted.target.clone(),
            containment: wanted.containment,
            mode,
            reason: inert(&reason, 400),
            by_hand: by_hand.clone(),
            suppressed: false,
        },
        rehearsed: false,
    };
    if finding.account.as_ref().is_some_and(|account| *account != wanted.target.account) {
        let reason = format!("it belongs to account {}, not to the finding's; {}", wanted.target.account, why);
        trace.note(Because::Rule, || (at("one finding, one account"), reason.clone()));
        return decided(Mode::Notify, reason);
    }
    if let Some((field, reason)) = out_of_bounds(policy, &wanted.target) {
        trace.note(Because::Policy, || (vec!["allow".to_owned(), field.to_owned()], reason.clone()));
        return decided(Mode::Notify, format!("{reason}; {}", why));
    }
    let asked = finding.source == Source::Request;
    if let Some(protection) = policy.protected.covers(&wanted.target, &wanted.tags, asked) {
        let because = if protection.path.is_empty() { Because::Rule } else { Because::Policy };
        let path = if protection.path.is_empty() { at("built-in protection") } else { protection.path };
        trace.note(because, || (path, protection.why.to_owned()));
        return decided(Mode::Notify, format!("protected ({}): a person must decide; {}", protection.why, why));
    }
    if let Some((index, suppression)) = policy
        .suppress
        .iter()
        .enumerate()
        .find(|(_, s)| s.holds(circumstances.now) && s.matches(finding, &wanted.target, &wanted.tags))
    {
        let reason = format!("suppressed until {} by {}: {}", suppression.expires, suppression.owner, suppression.reason);
        trace.note(Because::Policy, || (vec!["suppress".to_owned(), index.to_string()], reason.clone()));
        let mut restrained = decided(Mode::Notify, reason);
        restrained.decision.suppressed = true;
        return restrained;
    }
    let response = policy.mode(&wanted.target.account, wanted.containment);
    trace.note(Because::Policy, || {
        let path = policy.mode_path(&wanted.target.account, wanted.containment);
        (path, format!("mode {}", response.name()))
    });
    let mode = lower(wanted.mode, response);
    match response {
        ResponseMode::Observe => decided(mode, format!("observe mode in account {}: {}", wanted.target.account, why)),
        ResponseMode::DryRun => {
            let would = match wanted.mode {
                Mode::Auto => "would be contained at once",
                Mode::Gate => "would wait for approval",
                Mode::Notify => "would only be announced",
            };
            let reason = format!("dry run, it {would}: {}", why);
            Restrained { rehearsed: wanted.mode != Mode::Notify, ..decided(mode, reason) }
        }
        ResponseMode::GateFirst | ResponseMode::Auto => {
            let doubt = match mode {
                Mode::Auto => doubt(finding, delivery, &wanted, circumstances),
                // Whoever approves must know it, whatever else speaks for waiting.
                Mode::Gate => shared_host(finding, &wanted),
                Mode::Notify => None,
            };
            let Some(doubt) = doubt else { return decided(mode, why) };
            trace.note(Because::Rule, || (at("doubt: a person must decide"), doubt.to_owned()));
            decided(Mode::Gate, format!("{doubt}; {}", why))
        }
    }
}

/// Which allow-list a target is not on. A resource can be elsewhere than the finding that names it.
pub(super) fn out_of_bounds(policy: &Policy, target: &Target) -> Option<(&'static str, String)> {
    let allow = &policy.allow;
    if !allow.accounts.is_empty() && !allow.accounts.contains(&target.account) {
        return Some(("accounts", format!("account {} is not one that policy allows", target.account)));
    }
    let elsewhere = !allow.regions.is_empty() && !allow.regions.contains(&target.region);
    elsewhere.then(|| ("regions", format!("Region {} is not one that policy allows", target.region)))
}

/// Why isolating this instance hurts bystanders, if so.
fn shared_host(finding: &Finding, wanted: &Wanted) -> Option<&'static str> {
    let shared = wanted.containment == Some(Containment::IsolateEc2) && finding.on_shared_host();
    shared.then_some("the instance is a host that other containers share: isolating it takes them down, too")
}

/// Why an automatic containment must wait for a person, if so.
fn doubt(finding: &Finding, delivery: Delivery, wanted: &Wanted, circumstances: &Circumstances<'_>) -> Option<&'static str> {
    let policy = circumstances.policy;
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
    match circumstances.at_source {
        // Nothing is known better than at the source, and it has just said that the finding stands.
        AtSource::Active | AtSource::Settled => return None,
        AtSource::Unknown => {
            return Some("GuardDuty did not confirm this finding: it may be forged, or of another administrator");
        }
        AtSource::NotAsked => {}
    }
    if policy.confirmation == Confirmation::Required {
        return Some("GuardDuty could not be asked whether the finding still stands, and policy requires it");
    }
    if delivery.replayed {
        return Some("replayed from an archive: GuardDuty did not confirm that the finding still stands");
    }
    let too_old = policy.stale_after_hours.is_some_and(|hours| {
        let last = finding.updated_at.max(delivery.time);
        last.is_some_and(|last| circumstances.now.duration_since(last).as_hours() >= i64::from(hours))
    });
    if too_old {
        return Some("an old event: GuardDuty did not confirm that the finding still stands");
    }
    // EventBridge stamps what it delivers. An event a day older than the finding it carries was put together by hand.
    let impossible =
        delivery.time.zip(finding.updated_at).is_some_and(|(sent, updated)| updated.duration_since(sent).as_hours() >= 24);
    impossible.then_some("the event is older than the finding it carries: replayed or put together by hand")
}
