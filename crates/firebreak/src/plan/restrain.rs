//! The one way down for a decision: policy, protection, suppression, doubt, pause and budget. Each of them only ever lowers it.
//!
//! What a finding names and what a look finds go through [`restrain`]. A pause and the budget come last, in the ledger, because only
//! the ledger knows of the one and can count the other: it lowers a decision with [`paused`] and [`over_budget`].

use super::doubt::{doubt, shared_host};
use super::explain::{Because, Trace, at};
use super::tags;
use super::wanted::Wanted;
use super::{AtSource, decision_text};
use crate::decision::{Decision, Mode, ReasonCode};
use crate::finding::{Delivery, Finding, Source};
use crate::pause::Pause;
use crate::policy::{Allowance, Exceeded, Policy, Protection, ResponseMode, Suppression, lower, protected_by_name};
use crate::target::{Scope, Target, TargetKind};
use jiff::Timestamp;

/// What stands behind a wish.
#[derive(Clone, Copy)]
pub(super) enum Grounds<'a> {
    /// A finding.
    Finding { finding: &'a Finding, delivery: Delivery, at_source: AtSource, now: Timestamp },
    /// A look at what suspects did and at what was contained.
    Look,
}

/// A decision, and what the verdict needs to know of it.
pub(super) struct Restrained {
    pub(super) decision: Decision,
    /// `dry-run`: everything but the containment happens.
    pub(super) rehearsed: bool,
    /// Evidence is kept although nobody is asked.
    pub(super) evidence: bool,
}

impl Restrained {
    fn of(wanted: &Wanted, mode: Mode, code: ReasonCode, reason: &str) -> Self {
        let decision = Decision {
            code,
            by_hand: wanted.by_hand.clone(),
            suppressed: code == ReasonCode::Suppressed,
            only_by_name: wanted.only_by_name && wanted.containment.is_some(),
            whom: wanted.whom,
            ..Decision::new(wanted.target.clone(), wanted.containment, mode, decision_text(reason))
        };
        Self { decision, rehearsed: false, evidence: false }
    }
}

/// What is left of a wish.
pub(super) fn restrain(wanted: Wanted, policy: &Policy, grounds: Grounds<'_>, trace: &mut Trace) -> Restrained {
    trace.note(Because::Field, || (at(&wanted.field), wanted.target.to_string()));
    let steps = [other_account, not_allowed, protected, suppressed];
    if let Some(refused) = steps.iter().find_map(|refuse| refuse(&wanted, policy, grounds, trace)) {
        return refused;
    }
    let wanted = held_back_by_name(wanted, policy, grounds, trace);
    let wanted = held_back_by_severity(wanted, policy, grounds, trace);
    let restrained = respond(&wanted, policy, grounds, trace);
    under_a_listed_name(restrained, &wanted, policy, trace)
}

/// One finding is about one account.
fn other_account(wanted: &Wanted, _: &Policy, grounds: Grounds<'_>, trace: &mut Trace) -> Option<Restrained> {
    let Grounds::Finding { finding, .. } = grounds else { return None };
    let account = &wanted.target.account;
    finding.account.as_ref().filter(|of_finding| *of_finding != account)?;
    let reason = format!("it belongs to account {account}, not to the finding's; {}", wanted.why);
    trace.note(Because::Rule, || (at("one finding, one account"), reason.clone()));
    Some(Restrained::of(wanted, Mode::Notify, ReasonCode::OtherAccount, &reason))
}

/// A resource can be elsewhere than the finding that names it.
fn not_allowed(wanted: &Wanted, policy: &Policy, _: Grounds<'_>, trace: &mut Trace) -> Option<Restrained> {
    let (field, reason) = out_of_bounds(policy, &wanted.target)?;
    trace.note(Because::Policy, || (vec!["allow".to_owned(), field.to_owned()], reason.clone()));
    Some(Restrained::of(wanted, Mode::Notify, ReasonCode::NotAllowed, &format!("{reason}; {}", wanted.why)))
}

fn protected(wanted: &Wanted, policy: &Policy, grounds: Grounds<'_>, trace: &mut Trace) -> Option<Restrained> {
    let protection = protection(wanted, policy, grounds).filter(|_| !is_suspects_key(wanted))?;
    // A name hides nobody: it waits for a person. Of what is built in people are only told if somebody asked for it or suppressed it.
    let told = suppression(wanted, policy, grounds).is_some() || is_request(grounds);
    if protection.by_name || protection.is_built_in() && !told {
        return None;
    }
    let because = if protection.path.is_empty() { Because::Rule } else { Because::Policy };
    let path = if protection.path.is_empty() { at("built-in protection") } else { protection.path };
    trace.note(because, || (path, protection.why.to_owned()));
    let reason = format!("protected ({}): a person must decide; {}", protection.why, wanted.why);
    Some(Restrained::of(wanted, Mode::Notify, ReasonCode::Protected, &reason))
}

/// What protects the target from ever being contained.
fn protection(wanted: &Wanted, policy: &Policy, grounds: Grounds<'_>) -> Option<Protection> {
    match grounds {
        Grounds::Finding { finding, .. } => {
            policy.protected.covers(&wanted.as_said(), &wanted.tags, finding.source == Source::Request)
        }
        // What people do is no containment: nothing needs to be protected from it.
        Grounds::Look if wanted.containment.is_none() => None,
        // Who made a thing chose its name: such a name protects from nothing but haste.
        Grounds::Look => policy.protected.covers(&wanted.target, &[], wanted.created),
    }
}

/// Of somebody who is protected, a key that a suspect made can be taken away after approval.
fn is_suspects_key(wanted: &Wanted) -> bool {
    wanted.created && wanted.target.scope == Scope::AccessKey
}

/// What has a name that speaks for itself, and a key that a suspect made of somebody protected, waits for a person. No approval contains
/// what Firebreak and the organization stand on: a person looks at it.
fn held_back_by_name(wanted: Wanted, policy: &Policy, grounds: Grounds<'_>, trace: &mut Trace) -> Wanted {
    if wanted.containment.is_none() {
        return wanted;
    }
    let protection = protection(&wanted, policy, grounds);
    let mode = wanted.mode.at_most(Mode::Gate);
    if let Some(protection) = protection.as_ref().filter(|protection| protection.is_built_in()) {
        trace.note(Because::Rule, || (at("built-in protection"), protection.why.to_owned()));
        let why = format!("protected ({}): Firebreak never contains it; {}", protection.why, wanted.why);
        let by_hand = Some(advice_about_protected(wanted.target.kind).to_owned());
        return Wanted { containment: None, mode, by_hand, code: ReasonCode::Protected, why, ..wanted };
    }
    let named = protection.map(|protection| protection.why).or_else(|| protected_by_name(&wanted.as_said()));
    let Some(name) = named else { return wanted };
    let but = if wanted.created { "but a suspect made it: " } else { "" };
    let why = format!("{name}, {but}a person must decide; {}", wanted.why);
    Wanted { mode, code: ReasonCode::Protected, why, ..wanted }
}

/// A suspect who took a protected name after the act may not be contained, nor be let go: a person looks at it.
fn under_a_listed_name(restrained: Restrained, wanted: &Wanted, policy: &Policy, trace: &mut Trace) -> Restrained {
    let acts = wanted.said.is_some() && wanted.containment.is_some();
    let Some(protection) = policy.protected.covers(&wanted.target, &[], true).filter(|_| acts) else { return restrained };
    trace.note(Because::Policy, || (protection.path, protection.why.to_owned()));
    let Decision { mode, reason, code, would, .. } = restrained.decision;
    let (mode, would) = (mode.at_most(Mode::Gate), would.map(|would| would.at_most(Mode::Gate)));
    let code = if mode == Mode::Gate { ReasonCode::Protected } else { code };
    let reason = decision_text(&format!("its name of now is {}: Firebreak never contains it; {reason}", protection.why));
    let by_hand = Some(RENAMED.to_owned());
    let decision = Decision { containment: None, mode, reason, code, would, by_hand, ..restrained.decision };
    Restrained { decision, ..restrained }
}

const RENAMED: &str = "compare the user's id with the finding's and find in CloudTrail who renamed it (UpdateUser); then make its \
                       access keys inactive and deny it everything, or take the name off the list and ask for its isolation";

/// What a person does about something that nothing contains.
fn advice_about_protected(kind: TargetKind) -> &'static str {
    match kind {
        TargetKind::S3Bucket => {
            "compare the bucket's policy and settings with those it was deployed with; find in CloudTrail who changed them and ask for \
             isolation of that principal"
        }
        TargetKind::S3Object => {
            "ask the bucket's owner to deny s3:GetObject for the object in the bucket's policy; find out who put the object there"
        }
        _ => {
            "find in CloudTrail who assumed the role and ask for isolation of that principal; compare the role's path, trust and \
             policies with those it was deployed with: a name alone proves nothing"
        }
    }
}

fn is_request(grounds: Grounds<'_>) -> bool {
    matches!(grounds, Grounds::Finding { finding, .. } if finding.source == Source::Request)
}

/// Arriving is not acting: below `auto_from` nothing is contained without a person, and of what would wait for one people are told,
/// with evidence.
fn held_back_by_severity(wanted: Wanted, policy: &Policy, grounds: Grounds<'_>, trace: &mut Trace) -> Wanted {
    let Grounds::Finding { finding, .. } = grounds else { return wanted };
    let from = policy.auto_from.0;
    let Some(band) = finding.band.filter(|band| *band < from && !wanted.whatever_severity) else { return wanted };
    let (mode, evidence, what) = match wanted.mode {
        Mode::Auto => (Mode::Gate, false, "it waits for an approval"),
        Mode::Gate => (Mode::Notify, true, "people are told, and evidence is kept"),
        Mode::Notify => return wanted,
    };
    let why = format!("severity {}, and policy acts from {} (auto_from): {what}; {}", band.label(), from.label(), wanted.why);
    trace.note(Because::Policy, || (at("auto_from"), why.clone()));
    Wanted { mode, evidence, code: ReasonCode::BelowSeverity, why, ..wanted }
}

fn suppression<'p>(wanted: &Wanted, policy: &'p Policy, grounds: Grounds<'_>) -> Option<(usize, &'p Suppression)> {
    let Grounds::Finding { finding, now, .. } = grounds else { return None };
    let mut suppressions = policy.suppress.iter().enumerate();
    suppressions.find(|(_, s)| s.holds(now) && s.matches(finding, &wanted.as_said(), &wanted.tags))
}

fn suppressed(wanted: &Wanted, policy: &Policy, grounds: Grounds<'_>, trace: &mut Trace) -> Option<Restrained> {
    let (index, suppression) = suppression(wanted, policy, grounds)?;
    let reason = format!("suppressed until {} by {}: {}", suppression.expires, suppression.owner, suppression.reason);
    trace.note(Because::Policy, || (vec!["suppress".to_owned(), index.to_string()], reason.clone()));
    Some(Restrained::of(wanted, Mode::Notify, ReasonCode::Suppressed, &reason))
}

/// What the account's mode leaves, and what speaks against acting without a person.
fn respond(wanted: &Wanted, policy: &Policy, grounds: Grounds<'_>, trace: &mut Trace) -> Restrained {
    let account = &wanted.target.account;
    let response = policy.mode(account, wanted.containment);
    trace.note(Because::Policy, || (policy.mode_path(account, wanted.containment), format!("mode {}", response.name())));
    let (mode, why) = (lower(wanted.mode, response), &wanted.why);
    let rehearse = |code, front: &str| {
        let would = would(wanted, policy, grounds);
        let says = match would {
            Mode::Auto => "would be contained at once",
            Mode::Gate => "would wait for an approval",
            Mode::Notify => "would only be announced",
        };
        let restrained = Restrained::of(wanted, mode, code, &format!("{front}, in mode auto it {says}: {why}"));
        Restrained { decision: Decision { would: Some(would), ..restrained.decision }, ..restrained }
    };
    match response {
        ResponseMode::Observe => rehearse(ReasonCode::Observed, &format!("observe mode in account {account}")),
        ResponseMode::DryRun => {
            let restrained = rehearse(ReasonCode::DryRun, "dry run");
            Restrained { rehearsed: wanted.mode != Mode::Notify, evidence: wanted.evidence, ..restrained }
        }
        ResponseMode::GateFirst | ResponseMode::Auto => {
            let Some(doubt) = doubt_about(wanted, mode, policy, grounds) else {
                return Restrained { evidence: wanted.evidence, ..Restrained::of(wanted, mode, wanted.code, why) };
            };
            trace.note(Because::Rule, || (at("doubt: a person must decide"), doubt.clone()));
            // What nobody could read is counted by its code, whatever else speaks for waiting.
            let code = if wanted.code == ReasonCode::Unread { wanted.code } else { ReasonCode::Doubt };
            Restrained::of(wanted, Mode::Gate, code, &format!("{doubt}; {why}"))
        }
    }
}

/// What mode `auto` of the account would leave. Under the other modes GuardDuty is not asked: its silence speaks against nothing.
fn would(wanted: &Wanted, policy: &Policy, grounds: Grounds<'_>) -> Mode {
    let grounds = match grounds {
        Grounds::Finding { finding, delivery, at_source: AtSource::NotAsked, now } => {
            Grounds::Finding { finding, delivery, at_source: AtSource::Active, now }
        }
        other => other,
    };
    let mode = lower(wanted.mode, ResponseMode::Auto);
    if doubt_about(wanted, mode, policy, grounds).is_some() { mode.at_most(Mode::Gate) } else { mode }
}

fn doubt_about(wanted: &Wanted, mode: Mode, policy: &Policy, grounds: Grounds<'_>) -> Option<String> {
    let Grounds::Finding { finding, delivery, at_source, now } = grounds else { return None };
    let shared = shared_host(finding, wanted);
    // Whoever approves must know what a tag says, whatever else speaks for waiting.
    let doubt = match mode {
        Mode::Auto => doubt(finding, delivery, wanted, policy, at_source, now),
        Mode::Gate => shared,
        Mode::Notify => return None,
    };
    let named = |why: &str| if Some(why) == shared { tags::with_node_tag(why, finding) } else { why.to_owned() };
    let whys: Vec<String> = doubt.map(named).into_iter().chain(tags::listed(finding, wanted, policy)).collect();
    (!whys.is_empty()).then(|| whys.join("; "))
}

/// Which allow-list a target is not on.
fn out_of_bounds(policy: &Policy, target: &Target) -> Option<(&'static str, String)> {
    let allow = &policy.allow;
    if !allow.accounts.is_empty() && !allow.accounts.contains(&target.account) {
        return Some(("accounts", format!("account {} is not one that policy allows", target.account)));
    }
    let elsewhere = !allow.regions.is_empty() && !allow.regions.contains(&target.region);
    elsewhere.then(|| ("regions", format!("Region {} is not one that policy allows", target.region)))
}

/// A decision for at once while a person has paused what is automatic: it waits for an approval. Every other decision stays as it is.
#[must_use]
pub fn paused(decision: Decision, pause: &Pause) -> Decision {
    if decision.mode == Mode::Auto { lowered(decision, ReasonCode::Paused, &pause.says()) } else { decision }
}

/// A decision whose containment exceeds a budget of the hour: it waits for a person, who is told so first.
#[must_use]
pub fn over_budget(decision: Decision, exceeded: Exceeded) -> Decision {
    let account = &decision.target.account;
    let budget = match exceeded {
        Exceeded::Level(Allowance { name, limit }) => format!("{limit} {name} in account {account}"),
        Exceeded::Organization(limit) => format!("{limit} targets in the whole organization"),
    };
    let why = format!("more than policy allows: {budget} this hour; a person must approve the rest");
    lowered(decision, ReasonCode::OverBudget, &why)
}

/// A decision about a finding that could not be understood, beyond what people can be asked in an hour: it is only told, in one
/// summary with the others.
#[must_use]
pub fn too_many_unread(decision: Decision, limit: u32) -> Decision {
    let account = &decision.target.account;
    let why = format!("more than {limit} findings of account {account} this hour that Firebreak could not understand");
    let reason = decision_text(&format!("{why}; {}", decision.reason));
    Decision { mode: Mode::Notify, reason, code: ReasonCode::OverBudget, ..decision }
}

/// A decision of a response that broke down, and that would not be taken now: what may have been contained already waits for an
/// analyst.
#[must_use]
pub fn broke_down(decision: Decision) -> Decision {
    lowered(decision, ReasonCode::BrokeDown, "an earlier response broke down, and now it would not be decided")
}

fn lowered(decision: Decision, code: ReasonCode, why: &str) -> Decision {
    let reason = decision_text(&format!("{why}; {}", decision.reason));
    Decision { mode: decision.mode.at_most(Mode::Gate), reason, code, waits_with: None, ..decision }
}
