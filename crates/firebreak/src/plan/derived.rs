//! What to do about what suspects created, assumed or reverted. The same policy holds as for a finding; only the row is missing,
//! because there is no finding.

use super::restrict::out_of_bounds;
use super::{MAX_DECISION_BYTES, MAX_DECISIONS};
use crate::decision::{Containment, Decision, Mode, Scope, Target, TargetKind};
use crate::ids::AccountId;
use crate::policy::{Policy, ResponseMode, lower};
use crate::receipt::Verification;
use crate::text::inert;
use crate::trail::{Follow, Traced};

/// Sessions of one role that can be denied one by one: each takes a tag of the role. More are the whole role's matter.
const SESSIONS_PER_ROLE: usize = 5;
/// Places of an incident that only containments at once may take: what waits for people must not keep them out.
const KEPT_FOR_AUTO: usize = 8;

/// Decisions about what a look found.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Derived {
    /// What is new, the most urgent first.
    pub decisions: Vec<Decision>,
    /// What an incident has no room for, one line each. A person has to.
    pub left_out: Vec<String>,
}

/// Decides about what suspects did and what was reverted, beside what the incident has decided.
#[must_use]
pub fn derive(traced: &[Traced], checks: &[Verification], decided: &[Decision], policy: &Policy) -> Derived {
    let mut wanted: Vec<Decision> = traced.iter().filter_map(|traced| about(traced, policy)).collect();
    // What only people can judge comes last, and of two decisions about one target the stronger stands.
    wanted.sort_by_key(|decision| (urgency(decision.mode), !decision.target.scope.is_whole()));
    let reverted = checks.iter().filter_map(|check| about_revert(check, policy));
    let mut derived = Derived::default();
    for (decision, kept) in reverted.map(|decision| (decision, 0)).chain(wanted.into_iter().map(|d| (d, KEPT_FOR_AUTO))) {
        derived.add(decision, decided, kept);
    }
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
    fn add(&mut self, decision: Decision, decided: &[Decision], kept_for_auto: usize) {
        let decision = one_session_too_many(decision, decided.iter().chain(&self.decisions));
        if decided.iter().chain(&self.decisions).any(|known| covers(known, &decision)) {
            return;
        }
        let kept = if decision.mode == Mode::Auto { 0 } else { kept_for_auto };
        let count = decided.len() + self.decisions.len() + kept;
        let bytes: usize = decided.iter().chain(&self.decisions).chain([&decision]).map(size).sum();
        if count < MAX_DECISIONS && bytes <= MAX_DECISION_BYTES {
            self.decisions.push(decision);
        } else {
            self.left_out.push(inert(&format!("more than an incident can hold: {}: {}", decision.target, decision.reason), 200));
        }
    }
}

fn size(decision: &Decision) -> usize {
    serde_json::to_string(decision).map_or(0, |json| json.len())
}

/// Beyond what can be denied one by one, the role as a whole waits for a person.
fn one_session_too_many<'a>(decision: Decision, known: impl Iterator<Item = &'a Decision>) -> Decision {
    let is_session = |d: &Decision| d.containment == Some(Containment::QuarantineIam) && d.target.scope == Scope::Session;
    let same_role = |d: &&Decision| d.target.ledger_key() == decision.target.ledger_key() && d.target != decision.target;
    if !is_session(&decision) || known.filter(|d| is_session(d)).filter(same_role).count() < SESSIONS_PER_ROLE {
        return decision;
    }
    let why = format!("more than {SESSIONS_PER_ROLE} sessions of this role in the same hands; {}", decision.reason);
    let target = Target { scope: Scope::Principal, session: None, ..decision.target };
    Decision { target, mode: decision.mode.at_most(Mode::Gate), reason: inert(&why, 400), ..decision }
}

/// True when `known` answers for `new`: it is about the same target, or about all of it and at least as soon.
fn covers(known: &Decision, new: &Decision) -> bool {
    let (known_key, new_key) = (known.target.scoped_key(), new.target.scoped_key());
    let whole = known.target.scope.is_whole() && known.target.ledger_key() == new.target.ledger_key();
    known.containment == new.containment && (known_key == new_key || whole && urgency(known.mode) <= urgency(new.mode))
}

/// The decision about one thing a suspect did, if it calls for one.
fn about(traced: &Traced, policy: &Policy) -> Option<Decision> {
    let at = traced.time().map(|at| format!(" at {at}")).unwrap_or_default();
    let decide = |wanted: Wanted<'_>, why: &str| Some(wanted.under(policy, &format!("{why}; {}{at}", traced.what)));
    match &traced.follow {
        Follow::Nothing => None,
        Follow::ByHand { target, advice } => decide(Wanted::by_hand(target, advice), "opened with the suspect's credentials"),
        Follow::Contain { target, why, .. } if target.account != traced.from && !policy.names(&target.account) => {
            decide(Wanted::by_hand(&as_seen_from(&traced.from, target), ABROAD), why)
        }
        Follow::Contain { containment, mode, target, why } => {
            decide(Wanted { containment: Some(*containment), mode: *mode, target, by_hand: None }, why)
        }
    }
}

const ABROAD: &str = "if the account is yours, ask for isolation of the role's session there; if not, find out what left with it";

/// Something in an account that policy does not name: it may be the attacker's. Firebreak assumes no role there, so it is no target
/// of its own but something to look at from here.
fn as_seen_from(account: &AccountId, target: &Target) -> Target {
    let id = inert(&format!("{target} of account {}", target.account), 256);
    let (region, partition) = (target.region.clone(), target.partition.clone());
    let (kind, account, scope) = (TargetKind::Other, account.clone(), Scope::Principal);
    Target { kind, id, account, region, partition, principal_id: None, access_key_id: None, session: None, scope }
}

/// Somebody took a quarantine away and may do so again: only the organization can deny in a way that nobody in the account undoes.
fn about_revert(check: &Verification, policy: &Policy) -> Option<Decision> {
    let line = check.reverted.first()?;
    let target = match check.target.kind {
        TargetKind::IamUser | TargetKind::IamRole => &check.target,
        _ => return None,
    };
    let Target { partition, account, id, kind, .. } = target;
    let kind = if *kind == TargetKind::IamUser { "user" } else { "role" };
    let advice = format!(
        "attach a service control policy that denies everything where aws:PrincipalArn is arn:{partition}:iam::{account}:{kind}/{id} \
         (or ends so, after a path); find out who reverted it"
    );
    let wanted = if policy.organization.quarantine_scp {
        Wanted { containment: Some(Containment::QuarantineScp), mode: Mode::Gate, target, by_hand: None }
    } else {
        Wanted::by_hand(target, &advice)
    };
    Some(wanted.under(policy, &format!("somebody other than Firebreak reverted its quarantine: {}", inert(line, 120))))
}

/// What would be done if policy said nothing.
struct Wanted<'a> {
    containment: Option<Containment>,
    mode: Mode,
    target: &'a Target,
    by_hand: Option<String>,
}

impl<'a> Wanted<'a> {
    fn by_hand(target: &'a Target, advice: &str) -> Self {
        Self { containment: None, mode: Mode::Gate, target, by_hand: Some(inert(advice, 300)) }
    }

    /// What policy and protection leave of it. They only ever lower it.
    fn under(self, policy: &Policy, why: &str) -> Decision {
        let Self { containment, mode: wanted, target, by_hand } = self;
        let decided = |mode, reason: String| Decision {
            target: target.clone(),
            containment,
            mode,
            reason: inert(&reason, 400),
            by_hand,
            suppressed: false,
        };
        if let Some((_, reason)) = out_of_bounds(policy, target) {
            return decided(Mode::Notify, format!("{reason}; {why}"));
        }
        // What people do is no containment: nothing needs to be protected from it.
        let protection = containment.and_then(|_| policy.protected.covers(target, &[], false));
        if let Some(protection) = protection {
            return decided(Mode::Notify, format!("protected ({}): a person must decide; {why}", protection.why));
        }
        let response = policy.mode(&target.account, containment);
        let reason = match response {
            ResponseMode::Observe => format!("observe mode in account {}: {why}", target.account),
            ResponseMode::DryRun if wanted == Mode::Auto => format!("dry run, it would be contained at once: {why}"),
            ResponseMode::DryRun => format!("dry run, it would wait for approval: {why}"),
            ResponseMode::GateFirst | ResponseMode::Auto => why.to_owned(),
        };
        decided(lower(wanted, response), reason)
    }
}
