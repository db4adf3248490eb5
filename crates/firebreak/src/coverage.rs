//! What was already decided about a finding, so that an update of it is answered only for what is new.
//!
//! GuardDuty sends a finding again when it changes: every 6 hours by default, with the same id and a later `updatedAt` (GuardDuty
//! user guide, "Notification frequency"). Deliveries come out of order, more than once and by several routes.

use crate::containment::Containment;
use crate::decision::{Decision, Mode};
use crate::digest::sha256_hex;
use crate::finding::SeverityBand;
use crate::ids::IncidentId;
use crate::plan::{Plan, Verdict};
use crate::target::Scope;
use jiff::{SignedDuration, Timestamp};
use std::collections::{BTreeMap, BTreeSet};

/// Security Hub stamps a finding seconds after GuardDuty; GuardDuty publishes updates 15 minutes apart at least.
const ROUTES_DIFFER_BY: SignedDuration = SignedDuration::from_mins(5);

/// Who answers for a decision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Responsible {
    /// The incident.
    pub incident: IncidentId,
    /// The target was only announced: a later decision to contain it is new.
    pub told_only: bool,
}

/// What is known of a finding: the latest version seen, how severe it was, and which incident answers for which decision.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Coverage {
    /// The latest `updatedAt`.
    pub version: Option<Timestamp>,
    /// The highest band.
    pub band: Option<SeverityBand>,
    /// Decisions, by [`decision_key`].
    pub decided: BTreeMap<String, Responsible>,
}

/// What an update calls for.
#[derive(Debug, Clone, PartialEq)]
pub enum Update {
    /// Nothing: it is older, the same, or says nothing new.
    Nothing(&'static str),
    /// An answer to what is new.
    FollowUp(Box<Plan>),
}

impl Coverage {
    /// What the first incident of a finding answers for. What does not fit into an incident is not decided.
    #[must_use]
    pub fn of(plan: &Plan) -> Self {
        let incident = IncidentId::of(&plan.dedupe_key);
        let owner = |decision: &Decision| Responsible { incident: incident.clone(), told_only: decision.mode == Mode::Notify };
        let bounded = plan.clone().bounded();
        Self {
            version: plan.finding.updated_at,
            band: plan.finding.severity_band,
            decided: bounded.decisions.iter().map(|decision| (decision_key(decision), owner(decision))).collect(),
        }
    }

    /// True when `plan` is about a version before the latest one seen. Without versions nothing is older.
    #[must_use]
    pub fn is_ahead_of(&self, plan: &Plan) -> bool {
        self.version.zip(plan.finding.updated_at).is_some_and(|(seen, this)| seen.duration_since(this) > ROUTES_DIFFER_BY)
    }

    /// Compares an update with what is known. `first` is the finding's first incident.
    ///
    /// Decisions are compared, not versions: the same version by another route may name what the first route left out.
    #[must_use]
    pub fn update(&self, plan: Plan, first: &IncidentId) -> Update {
        if self.is_ahead_of(&plan) {
            return Update::Nothing("an older version of the finding");
        }
        if plan.verdict == Verdict::Ignore {
            return Update::Nothing("its update calls for nothing");
        }
        let new = self.new_in(&plan);
        // In a dry run nothing is more than told, and the update is rehearsed like the first finding.
        let rehearsed = plan.verdict == Verdict::Respond && plan.decisions.iter().all(|decision| decision.mode == Mode::Notify);
        let told = new.iter().any(|decision| !decision.suppressed);
        let (verdict, reason) = if new.iter().any(|decision| decision.mode != Mode::Notify) || (rehearsed && told) {
            (Verdict::Respond, format!("an update of {first}: only what is new is decided here"))
        } else if told {
            (Verdict::Notify, format!("an update of {first} names more; {}", plan.reason.as_deref().unwrap_or("see below")))
        } else if self.has_risen(&plan) {
            (Verdict::Notify, format!("its severity rose; {first} works on the same targets"))
        } else {
            return Update::Nothing("it names no new target and is not more severe");
        };
        Update::FollowUp(Box::new(Plan { verdict, reason: Some(reason), decisions: new, ..plan }))
    }

    /// The decisions nobody answers for. What was decided stays decided, whatever its mode is now: what an analyst let go must not
    /// be contained by the next version, nor what waits for an analyst because the mode rose.
    #[must_use]
    pub fn new_in(&self, plan: &Plan) -> Vec<Decision> {
        let is_new = |decision: &&Decision| match self.decided.get(&decision_key(decision)) {
            None => !self.is_answered_with_all(decision, plan),
            Some(owner) => owner.told_only && decision.mode != Mode::Notify,
        };
        let mut new: Vec<Decision> = plan.decisions.iter().filter(is_new).cloned().collect();
        // An offer alone asks for nothing: people have been asked about its bucket.
        let asked = new.iter().filter(|decision| !decision.is_offered()).map(|decision| decision.target.ledger_key());
        let asked: BTreeSet<String> = asked.collect();
        new.retain(|decision| !decision.is_offered() || asked.contains(&decision.target.ledger_key()));
        new
    }

    /// Whether a key was decided with all of its user, or a level of a bucket with the bucket, by a version that decided about neither
    /// alone: then no key of the user, or level of the bucket, is known here.
    fn is_answered_with_all(&self, decision: &Decision, plan: &Plan) -> bool {
        let came_later = |scope| matches!(scope, Scope::AccessKey | Scope::Freeze | Scope::Destruction | Scope::Seal);
        if !came_later(decision.target.scope) {
            return false;
        }
        let is_part = |other: &&Decision| {
            came_later(other.target.scope) && other.containment == decision.containment && other.target.is_of(&decision.target)
        };
        let whole = Decision { target: decision.target.whole(), ..decision.clone() };
        let owner = self.decided.get(&decision_key(&whole));
        owner.is_some_and(|owner| !owner.told_only)
            && !plan.decisions.iter().filter(is_part).any(|part| self.decided.contains_key(&decision_key(part)))
    }

    /// True when the finding is more severe than any version before.
    #[must_use]
    pub fn has_risen(&self, plan: &Plan) -> bool {
        self.band.zip(plan.finding.severity_band).is_some_and(|(seen, this)| this > seen)
    }
}

/// One decision as a key: its containment and target, whatever its mode.
#[must_use]
pub fn decision_key(decision: &Decision) -> String {
    let containment = decision.containment.map_or("by-hand", Containment::name);
    sha256_hex(format!("{containment} {}", decision.target.as_spelled().scoped_key()).as_bytes())
}

/// The key of telling people about a rise of severity: once per band.
#[must_use]
pub fn rise_key(band: SeverityBand) -> String {
    format!("severity {}", band.label())
}
