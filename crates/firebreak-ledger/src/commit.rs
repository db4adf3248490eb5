//! Committing decisions to an incident: reserved, paused, counted against the budget, noted. Triage and the looks do it alike.

use super::Ledger;
use firebreak::containment::Containment;
use firebreak::coverage::{Responsible, decision_key};
use firebreak::decision::{Decision, Mode, ReasonCode};
use firebreak::fault::Fault;
use firebreak::ids::IncidentId;
use firebreak::pause::Pauses;
use firebreak::plan::{beside_what_is_told, beside_what_waits, over_budget, paused, too_many_unread};
use firebreak::policy::Budget;
use futures::future::try_join_all;
use jiff::Timestamp;

/// Whose decisions are committed, and under which limits.
#[derive(Debug, Clone, Copy)]
pub struct Commit<'a> {
    /// The first incident of the finding: it keeps who answers for what.
    pub first: &'a IncidentId,
    /// The incident that answers for the decisions.
    pub incident: &'a IncidentId,
    /// How many targets may be contained without a person.
    pub budget: &'a Budget,
    /// How many targets of findings that could not be understood may wait for an answer, per account and hour.
    pub unread: u32,
    /// AWS itself vouches for the finding. Who may import findings must not use up what GuardDuty's findings may ask.
    pub vouched: bool,
    /// The time, which names the hour that the budget is for.
    pub at: Timestamp,
    /// What is paused, in the accounts of the decisions for at once. The caller reads it beside a call that it makes anyway.
    pub pauses: &'a Pauses,
}

/// What was committed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Committed {
    /// The decisions that are this incident's, as they stand now.
    pub decisions: Vec<Decision>,
    /// How many of them wait only because the hour's budget is spent.
    pub over_budget: u32,
}

fn isolates(decision: &Decision) -> bool {
    decision.containment == Some(Containment::IsolateEc2) && decision.target.scope.is_whole()
}

impl Ledger {
    /// Commits decisions that nobody answers for yet: those that another incident has won are left to it.
    ///
    /// Committing the same decisions again, after a crash or a lost answer, leads to the same end.
    ///
    /// # Errors
    /// The ledger could not be written. What nobody reserves and counts is not decided.
    pub async fn commit(&self, commit: Commit<'_>, decisions: Vec<Decision>) -> Result<Committed, Fault> {
        let reserved = try_join_all(decisions.iter().map(async |decision| {
            let owner = Responsible { incident: commit.incident.clone(), told_only: decision.mode == Mode::Notify };
            self.reserve(commit.first, &decision_key(decision), &owner).await
        }))
        .await?;
        let won = decisions.into_iter().zip(reserved).filter_map(|(decision, won)| won.then_some(decision));
        self.count(commit, won.collect()).await
    }

    /// Counts decisions against the budget that are this incident's already: the claim of a finding reserves what it decides.
    ///
    /// # Errors
    /// The ledger could not be written: a flood must not pass because nobody counts it.
    pub async fn count(&self, commit: Commit<'_>, decisions: Vec<Decision>) -> Result<Committed, Fault> {
        // Isolations first: the session beside one that has to wait is not denied, nor counted.
        let (isolations, others): (Vec<_>, Vec<_>) =
            decisions.into_iter().enumerate().partition(|(_, decision)| isolates(decision));
        let (mut counted, mut lowered) = (Vec::new(), Vec::<Decision>::new());
        for (at, decision) in isolations.into_iter().chain(others) {
            let was_at_once = decision.mode == Mode::Auto;
            let decision = self.within_budget(commit, lowered.iter().fold(decision, beside_what_waits)).await?;
            if was_at_once && decision.mode == Mode::Gate && isolates(&decision) {
                lowered.push(decision.clone());
            }
            counted.push((at, decision));
        }
        counted.sort_by_key(|(at, _)| *at);
        let decisions = counted.into_iter().map(|(_, decision)| decision).collect();
        let decisions = self.told_with_their_buckets(commit, decisions).await?;
        let mut committed = Committed { decisions, over_budget: 0 };
        // A second attempt finds what the first one lowered.
        let waits = |decision: &&Decision| decision.code == ReasonCode::OverBudget && decision.mode != Mode::Notify;
        let lowered = committed.decisions.iter().filter(waits).count();
        committed.over_budget = u32::try_from(lowered).unwrap_or(u32::MAX);
        Ok(committed)
    }

    /// Wider levels of a bucket ask nobody where its freeze does not.
    async fn told_with_their_buckets(&self, commit: Commit<'_>, decisions: Vec<Decision>) -> Result<Vec<Decision>, Fault> {
        let told: Vec<Decision> = decisions.iter().filter(|decision| decision.mode == Mode::Notify).cloned().collect();
        let mut stand = Vec::with_capacity(decisions.len());
        for decision in decisions {
            let was_asked = decision.mode != Mode::Notify;
            let decision = told.iter().fold(decision, beside_what_is_told);
            if was_asked && decision.mode == Mode::Notify {
                self.asked_again_later(commit, &decision).await?;
            }
            stand.push(decision);
        }
        Ok(stand)
    }

    /// Only told: a later version of the finding asks when there is room again.
    async fn asked_again_later(&self, commit: Commit<'_>, decision: &Decision) -> Result<(), Fault> {
        let owner = Responsible { incident: commit.incident.clone(), told_only: true };
        self.reserve(commit.first, &decision_key(decision), &owner).await?;
        Ok(())
    }

    async fn within_budget(&self, commit: Commit<'_>, decision: Decision) -> Result<Decision, Fault> {
        // Before it is counted: what waits anyway must not use up what others may.
        let decision = match commit.pauses.of(&decision.target.account) {
            Some(pause) => paused(decision, pause),
            None => decision,
        };
        if decision.mode == Mode::Gate && decision.code == ReasonCode::Unread {
            let pool = if commit.vouched { "unread" } else { "unread-imported" };
            let within = self.spend(&decision.target, pool, commit.unread, commit.at).await?;
            if within {
                return Ok(decision);
            }
            self.asked_again_later(commit, &decision).await?;
            return Ok(too_many_unread(decision, commit.unread));
        }
        let Some(containment) = decision.containment.filter(|_| decision.mode == Mode::Auto) else { return Ok(decision) };
        let (level, organization) = (commit.budget.of(containment, &decision.target), commit.budget.organization());
        let exceeded = self.spend_at_once(&decision.target, level, organization, commit.at).await?;
        Ok(match exceeded {
            None => decision,
            Some(exceeded) => over_budget(decision, exceeded),
        })
    }

    /// Notes on the timeline what was committed to a running incident.
    pub async fn note_committed(&self, commit: Commit<'_>, by: &str, decisions: &[Decision]) {
        for decision in decisions {
            let line = format!("{by}: {}, {}: {}", decision.target, decision.mode.name(), decision.reason);
            self.note_or_warn(commit.incident, commit.at, &line).await;
        }
    }
}
