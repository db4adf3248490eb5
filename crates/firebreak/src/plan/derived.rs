//! What to do about what suspects created, assumed or reverted. The same policy holds as for a finding; only the row is missing,
//! because there is no finding.

mod addresses;
mod deadline;
mod held;
mod hosts;
mod turns;

pub use self::held::still_at_once;
pub use self::hosts::{Host, unresolved, without_role};

use self::addresses::about_addresses;
use self::turns::{Rest, each_once, grouped, in_turns, lists};
use super::explain::Trace;
use super::restrain::{Grounds, restrain};
use super::wanted::Wanted;
use super::{MAX_DECISION_BYTES, MAX_DECISIONS};
use crate::containment::Containment;
use crate::decision::{Decision, Mode, ReasonCode};
use crate::fault::FaultKind;
use crate::ids::{AccessKeyId, AccountId};
use crate::impact::Impact;
use crate::policy::Policy;
use crate::receipt::{Outcome, Receipt, Step, Verification};
use crate::step::StepKind;
use crate::target::{Place, Scope, Target, TargetKind};
use crate::text::inert;
use crate::trail::{Follow, Traced};
use std::collections::BTreeSet;
use std::net::IpAddr;

/// Sessions of one role that can be denied one by one: each takes a tag of the role. More are the whole role's matter.
pub(crate) const SESSIONS_PER_ROLE: usize = 5;
/// Places of an incident that only containments at once may take: what waits for people must not keep them out.
pub(crate) const KEPT_FOR_AUTO: usize = 8;

/// Decisions about what a look found.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Derived {
    /// What is new, the most urgent first.
    pub decisions: Vec<Decision>,
    /// What the incident has decided to wait, and waits no more: the suspect that it waited with is contained.
    pub raised: Vec<Decision>,
    /// What an incident has no room for, one line each. A person has to.
    pub left_out: Vec<String>,
}

/// What there is to decide about.
#[derive(Debug, Clone, Copy, Default)]
pub struct Seen<'a> {
    /// What suspects did.
    pub traced: &'a [Traced],
    /// What became of the containments, by the last verification.
    pub checks: &'a [Verification],
    /// What the containments could do.
    pub receipts: &'a [Receipt],
    /// Which roles the incident's instances have.
    pub hosts: &'a [Host],
    /// The public remote addresses that the incident's findings name of instances.
    pub remote: Option<&'a BTreeSet<IpAddr>>,
}

/// Decides about what suspects did, what was reverted, what was too narrow and whose credentials an instance has, beside what the
/// incident has decided.
#[must_use]
pub fn derive(seen: Seen<'_>, decided: &[Decision], policy: &Policy) -> Derived {
    let narrow = seen.receipts.iter().filter_map(|receipt| about_session(receipt, decided, policy));
    let hosts = seen.hosts.iter().filter_map(|host| host.decide(decided, seen.receipts, policy));
    let open = seen.receipts.iter().filter_map(|receipt| about_addresses(receipt, seen.remote?, decided, policy));
    let traced = deadline::soonest_first(seen.traced).into_iter().filter_map(|traced| about(traced, policy));
    let mut wanted: Vec<Decision> = traced.chain(narrow).chain(open).chain(hosts).collect();
    // What only people can judge comes last, and of two decisions about one target the stronger stands.
    wanted.sort_by_key(|decision| (urgency(decision.mode), !decision.target.scope.is_whole()));
    let wanted = each_once(wanted);
    let raised = wanted.iter().filter_map(|new| raise(new, decided, seen.receipts)).collect();
    let is_new = |decision: &Decision| !decided.iter().any(|known| covers(known, decision));
    let wanted = in_turns(grouped(wanted.into_iter().filter(is_new).collect(), decided));
    let reverted = seen.checks.iter().filter_map(|check| about_revert(check, policy));
    let (mut derived, mut rest) = (Derived { raised, ..Derived::default() }, Rest::default());
    for (decision, kept) in reverted.map(|decision| (decision, 0)).chain(wanted.into_iter().map(|d| (d, KEPT_FOR_AUTO))) {
        derived.add(decision, decided, kept, &mut rest);
    }
    derived.left_out.extend(rest.lines().map(|line| inert(&line, 200)));
    derived.decisions.sort_by_key(|decision| urgency(decision.mode));
    derived
}

fn urgency(mode: Mode) -> u8 {
    match mode {
        Mode::Auto => 0,
        Mode::Gate => 1,
        Mode::Notify => 2,
    }
}

impl Derived {
    fn add(&mut self, decision: Decision, decided: &[Decision], kept_for_auto: usize, rest: &mut Rest) {
        let decision = one_session_too_many(decision, decided.iter().chain(&self.decisions));
        if decided.iter().chain(&self.decisions).any(|known| covers(known, &decision)) {
            return;
        }
        if decided.iter().chain(&self.decisions).any(|known| is_namesake(known, &decision)) {
            return self.leave_out("another principal of the incident has this name", &decision);
        }
        if rest.takes(&decision, decided.iter().chain(&self.decisions)) {
            return;
        }
        let kept = if decision.mode == Mode::Auto { 0 } else { kept_for_auto };
        let count = decided.len() + self.decisions.len() + kept;
        let bytes: usize = decided.iter().chain(&self.decisions).chain([&decision]).map(size).sum();
        if count < MAX_DECISIONS && bytes <= MAX_DECISION_BYTES {
            self.decisions.push(decision);
        } else {
            self.leave_out("more than an incident can hold", &decision);
        }
    }

    fn leave_out(&mut self, why: &str, decision: &Decision) {
        let id = decision.target.principal_id.as_ref().map(|id| format!(" ({id})")).unwrap_or_default();
        let also = if decision.also.is_empty() { String::new() } else { format!(" and {} more like it", decision.also.len()) };
        let line = inert(&format!("{why}: {}{id}{also}: {}", decision.target, decision.reason), 200);
        if !self.left_out.contains(&line) {
            self.left_out.push(line);
        }
    }
}

/// Bytes of a decision as JSON. What was read about it later is small, and takes no other decision's place.
pub(crate) fn size(decision: &Decision) -> usize {
    let read = decision.impact.as_ref().and_then(|impact| serde_json::to_string(impact).ok()).map_or(0, |json| json.len());
    serde_json::to_string(decision).map_or(0, |json| json.len()).saturating_sub(read)
}

/// Beyond what can be denied one by one, the role as a whole waits for a person.
fn one_session_too_many<'a>(decision: Decision, known: impl Iterator<Item = &'a Decision>) -> Decision {
    let is_session = |d: &Decision| d.containment == Some(Containment::QuarantineIam) && d.target.scope == Scope::Session;
    let same_role = |d: &&Decision| d.target.is_of(&decision.target) && d.target.merge_key() != decision.target.merge_key();
    if !is_session(&decision) || known.filter(|d| is_session(d)).filter(same_role).count() < SESSIONS_PER_ROLE {
        return decision;
    }
    let why = format!("more than {SESSIONS_PER_ROLE} sessions of this role in the same hands; {}", decision.reason);
    let whole = Decision {
        target: decision.target.whole(),
        code: ReasonCode::TooNarrow,
        mode: decision.mode.at_most(Mode::Gate),
        reason: inert(&why, 400),
        ..decision
    };
    by_name(whole, true)
}

/// A whole role or user that was there before the suspect may be anybody's: a bare approval, which a suspect can fill with such names,
/// leaves it alone.
fn by_name(decision: Decision, others_use_it: bool) -> Decision {
    let waits = decision.mode == Mode::Gate && decision.containment.is_some();
    Decision { only_by_name: others_use_it && waits && decision.denies_all(), ..decision }
}

/// True when `known` answers for `new`: it is about the same target, or about all of it and at least as soon. Whoever has the name and
/// another immutable id is not answered for, nor is a part that a bare approval contains by a whole that it leaves alone.
fn covers(known: &Decision, new: &Decision) -> bool {
    let is_within = new.target.scope.is_within_whole();
    let whole = is_within && known.target.scope.is_whole() && known.target.is_of(&new.target);
    let as_soon = urgency(known.mode) <= urgency(new.mode) && (new.only_by_name || !known.only_by_name);
    let is_answered = is_one_record(known, new) || whole && as_soon || lists(known, new);
    known.containment == new.containment && is_answered && !known.target.contradicts(&new.target)
}

/// True when both are about principals of one name of which one came after the other. An incident knows its targets by their names and
/// cannot hold both.
fn is_namesake(known: &Decision, new: &Decision) -> bool {
    known.containment == new.containment && is_one_record(known, new) && known.target.contradicts(&new.target)
}

fn is_one_record(known: &Decision, new: &Decision) -> bool {
    known.target.merge_key() == new.target.merge_key()
}

/// A known decision as `new` decides it for at once, if it waited only with a suspect and nothing was tried.
fn raise(new: &Decision, decided: &[Decision], receipts: &[Receipt]) -> Option<Decision> {
    let is_answer =
        |known: &&Decision| known.waits_with_a_suspect() && known.containment == new.containment && is_one_record(known, new);
    let known = decided.iter().filter(|_| new.mode == Mode::Auto).find(is_answer)?;
    let key = known.target.merge_key();
    let is_tried = receipts.iter().any(|receipt| receipt.containment == known.containment && receipt.target.merge_key() == key);
    if is_tried || known.target.contradicts(&new.target) {
        return None;
    }
    let mut target = known.target.clone();
    target.absorb(&new.target);
    Some(Decision { target, since: known.since, impact: known.impact.clone(), ..new.clone() })
}

/// What policy and protection leave of a wish.
fn decide(wanted: Wanted, policy: &Policy) -> Decision {
    restrain(wanted, policy, Grounds::Look, &mut Trace::new(false)).decision
}

/// The decision about one thing a suspect did, if it calls for one.
fn about(traced: &Traced, policy: &Policy) -> Option<Decision> {
    let at = traced.time().map(|at| format!(" at {at}")).unwrap_or_default();
    let (code, why) = (ReasonCode::Traced, |why: &str| format!("{}{why}; {}{at}", traced.waits(), traced.what));
    let wanted = match &traced.follow {
        Follow::Nothing => return None,
        Follow::ByHand { target, advice, why: reason, undo: Some(containment), .. } => {
            Wanted::found(*containment, Mode::Gate, target, code).or_by_hand(advice).because(why(reason))
        }
        Follow::ByHand { target, advice, why: reason, .. } => Wanted::found_by_hand(target, advice, code).because(why(reason)),
        Follow::Contain { target, why: reason, .. } if target.account != traced.from && !policy.names(&target.account) => {
            Wanted::found_by_hand(&as_seen_from(&traced.from, target), ABROAD, code).because(why(reason))
        }
        Follow::Contain { containment, mode, target, why: reason, created } => {
            Wanted::found(*containment, *mode, target, code).made_by_a_suspect(*created).because(why(reason))
        }
    };
    let others_use_it = matches!(traced.follow, Follow::Contain { created: false, .. });
    let alone = known_impact(decide(wanted.clone(), policy), traced);
    let Some(suspect) = &traced.waits_with else { return Some(by_name(alone, others_use_it)) };
    // Nothing is done about it before something is done about the suspect.
    let wanted = Wanted { mode: wanted.mode.at_most(Mode::Gate), ..wanted };
    let waits_with = (alone.mode == Mode::Auto).then(|| suspect.clone());
    Some(by_name(Decision { waits_with, ..known_impact(decide(wanted, policy), traced) }, others_use_it))
}

/// The same, with what giving a key back means: nobody has to read about it first.
fn known_impact(decision: Decision, traced: &Traced) -> Decision {
    match &traced.follow {
        Follow::ByHand { undo: Some(Containment::EnableKey), ends, .. } => {
            Decision { impact: Some(Impact::of_key(*ends)), ..decision }
        }
        _ => decision,
    }
}

const ABROAD: &str = "if the account is yours, ask for isolation of the role's session there; if not, find out what left with it";

/// Something in an account that policy does not name: it may be the attacker's. Firebreak assumes no role there, so it is no target
/// of its own but something to look at from here.
fn as_seen_from(account: &AccountId, target: &Target) -> Target {
    let id = inert(&format!("{target} of account {}", target.account), 256);
    Target::new(TargetKind::Other, id, Place { account: account.clone(), ..target.place() })
}

/// Somebody took a quarantine away and may do so again: only the organization can deny in a way that nobody in the account undoes.
fn about_revert(check: &Verification, policy: &Policy) -> Option<Decision> {
    let line = check.reverted.first()?;
    let target = match check.target.kind {
        TargetKind::IamUser | TargetKind::IamRole => &check.target,
        _ => return None,
    };
    let code = ReasonCode::Reverted;
    let wanted = match target.scope {
        Scope::Principal | Scope::Session if policy.organization.quarantine_scp => {
            Wanted::found(Containment::QuarantineScp, Mode::Gate, target, code)
        }
        Scope::Principal | Scope::Session => Wanted::found_by_hand(target, &deny_by_organization(target), code),
        // No principal has such a part.
        Scope::RemoteAddresses | Scope::Freeze | Scope::Destruction | Scope::Seal | Scope::Objects => {
            Wanted::found_by_hand(target, &deny_by_organization(target), code)
        }
        // A part that nobody can deny by itself: the rest of the principal is innocent.
        Scope::AccessKey => {
            let key = target.access_key_id.as_ref().map_or("the key", AccessKeyId::as_str);
            let owner = &target.id;
            let advice = format!(
                "find out in CloudTrail who reactivated {key} (UpdateAccessKey) and ask for isolation of that principal, not of the \
                 key's owner {owner}"
            );
            Wanted::found_by_hand(target, &advice, code)
        }
        Scope::OlderSessions => {
            let advice = format!(
                "find out in CloudTrail who let older sessions of role {} in again and ask for isolation of that principal, not of \
                 the role",
                target.id
            );
            Wanted::found_by_hand(target, &advice, code)
        }
    };
    let why = format!("somebody other than Firebreak reverted its quarantine: {}", inert(line, 120));
    Some(decide(wanted.because(why), policy))
}

fn deny_by_organization(target: &Target) -> String {
    let Target { partition, account, id, kind, .. } = target;
    let kind = if *kind == TargetKind::IamUser { "user" } else { "role" };
    format!(
        "attach a service control policy that denies everything where aws:PrincipalArn is arn:{partition}:iam::{account}:{kind}/{id} \
         (or ends so, after a path); find out who reverted it"
    )
}

/// A session that cannot be denied alone, or not for sure, is only stopped with the whole role. What may pass is tried again.
///
/// A suspect that assumes a role often enough brings about that one of its sessions cannot be denied: such a role must be named. What
/// the finding accuses is another matter.
fn about_session(receipt: &Receipt, decided: &[Decision], policy: &Policy) -> Option<Decision> {
    let is_session = receipt.containment == Some(Containment::QuarantineIam) && receipt.target.scope == Scope::Session;
    let failed = |step: &Step| {
        let for_good = step.error.as_ref().is_none_or(|fault| fault.kind != FaultKind::Transient);
        step.is(StepKind::DenySession) && step.outcome == Outcome::Failed && for_good
    };
    let step = receipt.steps.iter().find(|step| step.is(StepKind::NeedsWholeRole) || failed(step)).filter(|_| is_session)?;
    let message = step.error.as_ref().map_or("no reason is known", |fault| fault.message.as_str());
    let why = format!("{} cannot be denied alone for sure: {message}", receipt.target);
    let whole = Wanted::found(Containment::QuarantineIam, Mode::Gate, &receipt.target.whole(), ReasonCode::TooNarrow);
    let key = receipt.target.merge_key();
    let is_traced = decided.iter().any(|known| known.code == ReasonCode::Traced && known.target.merge_key() == key);
    Some(by_name(decide(whole.because(why), policy), is_traced))
}
