//! What was already decided about a finding, so that an update of it is answered only for what is new.
//!
//! GuardDuty sends a finding again when it changes: every 6 hours by default, with the same id and a later `updatedAt` (GuardDuty
//! user guide, "Notification frequency"). Deliveries come out of order and more than once.

use crate::decision::{Containment, Decision, Mode, Target};
use crate::finding::SeverityBand;
use crate::ids::IncidentId;
use crate::plan::{Plan, Verdict};
use jiff::Timestamp;
use std::collections::BTreeSet;

/// What is known of a finding: the latest version seen, how severe it was, and what was decided about which target.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Coverage {
    /// The latest `updatedAt`.
    pub version: Option<Timestamp>,
    /// The highest band.
    pub band: Option<SeverityBand>,
    /// What was decided, as [`key`]s.
    pub decided: BTreeSet<String>,
}

/// What an update calls for.
#[derive(Debug, Clone, PartialEq)]
pub enum Update {
    /// Nothing: it is older, the same, or says nothing new.
    Nothing(&'static str),
    /// An incident of its own, for what is new.
    FollowUp(Box<Plan>),
}

impl Coverage {
    /// What `plan` decides, before budgets and the like lower it.
    #[must_use]
    pub fn of(plan: &Plan) -> Self {
        Self {
            version: plan.finding.updated_at,
            band: plan.finding.severity_band,
            decided: plan.decisions.iter().filter_map(key).collect(),
        }
    }

    /// True when `plan` is about a version before the latest one seen. Without versions nothing is older.
    #[must_use]
    pub fn is_ahead_of(&self, plan: &Plan) -> bool {
        self.version.zip(plan.finding.updated_at).is_some_and(|(seen, this)| this < seen)
    }

    /// Compares an update with what is known. `first` is the finding's first incident.
    #[must_use]
    pub fn update(&self, plan: Plan, first: &IncidentId) -> Update {
        if self.is_ahead_of(&plan) {
            return Update::Nothing("an older version of the finding");
        }
        if self.version.is_some() && self.version == plan.finding.updated_at {
            return Update::Nothing("the same version of the finding");
        }
        let new: Vec<Decision> = plan.decisions.iter().filter(|d| d.mode != Mode::Notify && !self.covers(d)).cloned().collect();
        let raised = self.band.zip(plan.finding.severity_band).is_some_and(|(seen, this)| this > seen);
        let (verdict, reason) = match (new.is_empty(), raised) {
            (false, _) => (Verdict::Respond, format!("an update of {first}: only what is new is decided here")),
            (true, true) => (Verdict::Notify, format!("its severity rose; {first} works on the same targets")),
            (true, false) => return Update::Nothing("an update that names no new target and is not more severe"),
        };
        let dedupe_key = follow_up_key(&plan);
        Update::FollowUp(Box::new(Plan { verdict, reason: Some(reason), dedupe_key, decisions: new, ..plan }))
    }

    fn covers(&self, decision: &Decision) -> bool {
        let known = |mode| self.decided.contains(&key_of(decision.containment, &decision.target, mode));
        // What was contained at once needs no approval, too.
        known(Mode::Auto) || (decision.mode == Mode::Gate && known(Mode::Gate))
    }
}

/// The key of an update's own incident: the same for every delivery of this version.
#[must_use]
pub fn follow_up_key(plan: &Plan) -> String {
    let version = plan.finding.updated_at.map_or_else(|| "unversioned".to_owned(), |at| at.to_string());
    format!("{}#{version}", plan.dedupe_key)
}

/// One decision as text; nothing for what is only announced.
fn key(decision: &Decision) -> Option<String> {
    (decision.mode != Mode::Notify).then(|| key_of(decision.containment, &decision.target, decision.mode))
}

fn key_of(containment: Option<Containment>, target: &Target, mode: Mode) -> String {
    let containment = containment.map_or("by-hand", Containment::name);
    format!("{} {containment} {}", mode.name(), target.ledger_key())
}
