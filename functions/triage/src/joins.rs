//! A finding about a target that an open incident is about joins that incident.
//!
//! Joining is an economy: of one attack people get one ticket. Whatever is in doubt, and whatever fails before the finding is part of
//! the other incident, ends in an incident of its own. Containment never waits for somebody else's triage.

use crate::open::Opening;
use crate::{Delivery, Function};
use firebreak::answer::{Decided, is_left_alone};
use firebreak::coverage::decision_key;
use firebreak::decision::{Decision, Mode};
use firebreak::fault::{Fault, FaultKind};
use firebreak::ids::IncidentId;
use firebreak::incident::{Incident, IncidentStatus};
use firebreak::joining::{Adds, Joiner, Merged, acts, is_answered};
use firebreak::plan::{Plan, Verdict};
use firebreak::text::inert;
use firebreak_ledger::{IncidentRecord, IncidentView, JoinEnd, Joining, Pointed, Pointing};
use jiff::Timestamp;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// So long another finding's triage has to write the incident to which its pointer leads.
const PATIENCE: Duration = Duration::from_secs(2);
/// How often it is looked for.
const LOOKS_EVERY: Duration = Duration::from_millis(100);
/// A key can change hands while it is asked for.
const ATTEMPTS: usize = 3;

/// A finding that may join.
struct Candidate<'a> {
    plan: &'a Plan,
    /// The id of the incident that it would open.
    own: &'a IncidentId,
    delivery: &'a Delivery<'a>,
    /// Incidents that were opened before are no longer joined.
    not_before: Timestamp,
}

/// An open incident about the same target.
struct Theirs {
    view: IncidentView,
    /// The finding's decisions, counted against the budget.
    decisions: Vec<Decision>,
}

/// What became of it.
enum End {
    /// What the execution carries on, and when the incident was opened.
    Joined(Box<Incident>, Timestamp),
    /// The other incident is over, dead, full or was never opened: the next finding must not look there.
    Over,
    /// It has an incident of its own, and the other one keeps its place.
    Apart,
}

impl Function {
    /// Answers a plan: in the open incident about the same target, or in one of its own. `is_new`: nobody has tried before.
    pub(crate) async fn answer(
        &self,
        plan: Plan,
        opening: Opening,
        is_new: bool,
        delivery: &Delivery<'_>,
    ) -> Result<Incident, Fault> {
        match self.try_join(&plan, &opening.id, is_new, delivery).await? {
            Some(joined) => Ok(joined),
            None => self.open(plan, opening, delivery).await,
        }
    }

    /// Joins the open incident about the same target, if there is one. Nothing: the finding has an incident of its own.
    ///
    /// # Errors
    /// The ledger did not say whether the finding is part of another incident: the next attempt asks again.
    pub(crate) async fn try_join(
        &self,
        plan: &Plan,
        own: &IncidentId,
        is_new: bool,
        delivery: &Delivery<'_>,
    ) -> Result<Option<Incident>, Fault> {
        if !delivery.joins {
            return Ok(None);
        }
        let window = self.policy.join_within_hours.not_before(delivery.at);
        let candidate = Candidate { plan, own, delivery, not_before: window.unwrap_or(delivery.at) };
        // An earlier attempt may have joined, whatever the policy says now: here a fault is a fault.
        let joining = if is_new { None } else { self.ledger.joined(own).await? };
        if let Some(Joining { incident: theirs, .. }) = joining {
            let found = self.look(&candidate, &theirs).await?;
            if let End::Joined(incident, _) = self.join(&candidate, found).await? {
                return Ok(Some(*incident));
            }
        }
        if window.is_none() || plan.verdict != Verdict::Respond {
            return Ok(None);
        }
        // In sorted order: of two findings that want the same keys, none can lose to the other.
        for key in &plan.join_keys {
            if let Some(incident) = self.join_by(&candidate, key).await? {
                return Ok(Some(incident));
            }
        }
        Ok(None)
    }

    /// Joins the incident that has the key. Nothing: the key is the finding's own now, or there is a reason to stay apart.
    async fn join_by(&self, candidate: &Candidate<'_>, key: &str) -> Result<Option<Incident>, Fault> {
        let mut over: Option<IncidentId> = None;
        for _ in 0..ATTEMPTS {
            let found = match self.ledger.point(key, candidate.pointing(over.as_ref())).await {
                Ok(Pointed::Ours) => return Ok(None),
                Ok(Pointed::Theirs(theirs)) => self.look(candidate, &theirs).await.map(|found| (theirs, found)),
                Err(fault) => Err(fault),
            };
            let (theirs, found) = match found {
                Ok(found) => found,
                Err(fault) => {
                    tracing::warn!(fault.message = %fault.message, "whether an incident is open is not known: a new one is opened");
                    return Ok(None);
                }
            };
            match self.join(candidate, found).await? {
                End::Joined(incident, opened_at) => {
                    let to_theirs = Pointing { to: &theirs, opened_at, ..candidate.pointing(Some(candidate.own)) };
                    self.point_others(candidate, key, to_theirs).await;
                    return Ok(Some(*incident));
                }
                End::Over => over = Some(theirs),
                End::Apart => return Ok(None),
            }
        }
        Ok(None)
    }

    /// Lets the finding's other keys lead to the incident that it joined. A pointer that is lost only costs a join.
    async fn point_others(&self, candidate: &Candidate<'_>, key: &str, to_theirs: Pointing<'_>) {
        for other in candidate.plan.join_keys.iter().filter(|other| *other != key) {
            if let Err(fault) = self.ledger.point(other, to_theirs).await {
                tracing::warn!(fault.message = %fault.message, "a pointer to the incident was not written");
            }
        }
    }

    /// Looks whether an incident can be joined. Nothing is written.
    async fn look(&self, candidate: &Candidate<'_>, theirs: &IncidentId) -> Result<Result<Theirs, End>, Fault> {
        let Some(view) = self.opened(theirs).await? else { return Ok(Err(End::Over)) };
        let incident = &view.record.incident;
        let is_listed = incident.lists(candidate.own);
        if !view.record.status.is_open() {
            // Of an incident that is over, the execution that joined it before goes on, and any other begins anew.
            let joining = if is_listed { self.ledger.joined(candidate.own).await? } else { None };
            if joining.is_none_or(|joining| joining.by != candidate.delivery.execution_arn) {
                return Ok(Err(End::Over));
            }
        }
        if !is_listed && !self.is_worked_on(theirs).await? {
            return Ok(Err(End::Over));
        }
        let decisions = self.within_budget(candidate, &view).await?;
        // The budget can leave nothing but words: these are told as always.
        Ok(if decisions.iter().any(acts) { Ok(Theirs { view, decisions }) } else { Err(End::Apart) })
    }

    async fn join(&self, candidate: &Candidate<'_>, found: Result<Theirs, End>) -> Result<End, Fault> {
        let Theirs { view, decisions } = match found {
            Ok(theirs) => theirs,
            Err(end) => return Ok(end),
        };
        let Candidate { own, plan, delivery, .. } = candidate;
        let (theirs, opened_at) = (view.record.incident.id.clone(), view.record.incident.opened_at);
        // From here on only the ledger knows whether the finding is part of the other incident.
        let joining = Joining { incident: theirs.clone(), by: delivery.execution_arn.to_owned() };
        if !self.ledger.joins(own, &joining).await? {
            return Err(Fault::new(FaultKind::Transient, "another execution has taken the finding over"));
        }
        self.ledger.keep_raw(own, &delivery.raw).await?;
        let (finding, at) = (&plan.finding, delivery.at);
        let IncidentView { receipts, releases, verifications: checks, .. } = &view;
        let joiner = Joiner { id: own, finding, decisions: &decisions, receipts, releases, checks, at };
        let incident = match self.ledger.join(&theirs, |open| joiner.merge(open)).await? {
            JoinEnd::Joined(merged) if merged.adds == Adds::Nothing => self.counted(candidate, &merged).await,
            JoinEnd::Joined(merged) => {
                let kind = finding.finding_type.as_deref().unwrap_or("a finding of unknown type");
                self.ledger.note_or_warn(&theirs, at, &format!("joined: {kind}, {}", added(&merged))).await;
                self.carried(candidate, &merged, joiner.carried(&merged.incident))
            }
            // Full, or something would be lost: the next finding about the target joins the new incident.
            JoinEnd::Apart(why) => {
                tracing::info!(why, incident = %theirs, "the finding has an incident of its own");
                return Ok(End::Over);
            }
            JoinEnd::Over | JoinEnd::Unknown => return Ok(End::Over),
            JoinEnd::Busy => return Ok(End::Apart),
        };
        Ok(End::Joined(Box::new(incident), opened_at))
    }

    /// The incident that a finding is part of. Nothing: it has one of its own, or only meant to join.
    pub(crate) async fn joined_by(&self, own: &IncidentId) -> Result<Option<IncidentRecord>, Fault> {
        let Some(Joining { incident, .. }) = self.ledger.joined(own).await? else { return Ok(None) };
        let (mine, theirs) = futures::try_join!(self.ledger.record(own), self.ledger.record(&incident))?;
        // Of what people were only told first a record stays, and the finding can have joined since.
        let is_told = |mine: &IncidentRecord| matches!(mine.status, IncidentStatus::Notified | IncidentStatus::Ignored);
        Ok(theirs.filter(|theirs| mine.as_ref().is_none_or(is_told) && theirs.incident.lists(own)))
    }

    /// Waits for an incident whose triage may be about to write it.
    async fn opened(&self, id: &IncidentId) -> Result<Option<IncidentView>, Fault> {
        let until = Instant::now() + PATIENCE;
        loop {
            let view = self.ledger.incident(id).await?;
            if view.is_some() || Instant::now() >= until {
                return Ok(view);
            }
            sleep(LOOKS_EVERY).await;
        }
    }

    /// Whether an execution waits, or will wait, for the answer to the incident. Nobody must join what nobody is asked about.
    async fn is_worked_on(&self, id: &IncidentId) -> Result<bool, Fault> {
        match self.ledger.claimant(id).await? {
            Some(execution_arn) => self.running.is_running(&execution_arn).await,
            None => Ok(false),
        }
    }

    /// Only what the incident does not do already is one more target that is contained.
    async fn within_budget(&self, candidate: &Candidate<'_>, view: &IncidentView) -> Result<Vec<Decision>, Fault> {
        let incident = &view.record.incident;
        let commit = self.commit(candidate.own, &incident.id, &candidate.plan.finding, candidate.delivery);
        let (mut decisions, new): (Vec<Decision>, Vec<Decision>) =
            left_alone(view, &candidate.plan.decisions).partition(|decision| is_answered(incident, decision));
        decisions.extend(self.ledger.count(commit, new).await?.decisions);
        Ok(decisions)
    }

    /// The finding adds nothing: people know of it, and its execution ends.
    async fn counted(&self, candidate: &Candidate<'_>, merged: &Merged) -> Incident {
        let theirs = &merged.incident.id;
        if !merged.is_listed
            && let Err(fault) = self.ledger.count_joined(theirs).await
        {
            tracing::warn!(fault.message = %fault.message, "a finding that adds nothing was not counted");
        }
        let reason = format!("it adds nothing to {theirs}, which is open about the same");
        let plan = Plan {
            verdict: Verdict::Ignore,
            reason: Some(reason),
            decisions: vec![],
            findings: vec![],
            ..candidate.plan.clone()
        };
        self.of_this_execution(candidate, plan)
    }

    /// What the execution carries: it works on the other incident, and holds under its own name.
    fn carried(&self, candidate: &Candidate<'_>, merged: &Merged, decisions: Vec<Decision>) -> Incident {
        let incident = self.of_this_execution(candidate, Plan { decisions, ..candidate.plan.clone() });
        let known = &merged.incident;
        let joining = Some(candidate.own.clone());
        Incident { id: known.id.clone(), follows: known.follows.clone(), revision: known.revision, joining, ..incident }
    }

    fn of_this_execution(&self, candidate: &Candidate<'_>, plan: Plan) -> Incident {
        let Delivery { execution_arn, at, .. } = *candidate.delivery;
        Incident::new(plan, &self.policy, execution_arn.to_owned(), at)
    }
}

impl Candidate<'_> {
    /// A key that leads to the incident that the finding would open. `over` gives its place up.
    fn pointing<'a>(&'a self, over: Option<&'a IncidentId>) -> Pointing<'a> {
        Pointing { to: self.own, opened_at: self.delivery.at, not_before: self.not_before, from: over }
    }
}

/// The decisions of a finding. What an answer to the incident left out, or passed over, waits for a person.
fn left_alone(view: &IncidentView, decisions: &[Decision]) -> impl Iterator<Item = Decision> {
    let answers: Vec<&Decided> = view.review.iter().flat_map(|review| review.answers.iter().chain(&review.decision)).collect();
    decisions.iter().map(move |decision| {
        let key = decision_key(decision);
        let mut known = view.record.incident.decisions.iter().filter(|known| decision_key(known) == key);
        if decision.mode != Mode::Auto || !known.any(|known| is_left_alone(&answers, known)) {
            return decision.clone();
        }
        let reason = inert(&format!("an answer left it out: a person must decide; {}", decision.reason), 400);
        Decision { mode: Mode::Gate, reason, ..decision.clone() }
    })
}

/// What the finding added, for the timeline.
fn added(merged: &Merged) -> String {
    let new = merged.incident.decisions.iter().filter(|decision| decision.since == merged.incident.revision).count();
    match merged.adds {
        Adds::Decisions => format!("{new} decision(s)"),
        Adds::Finding | Adds::Nothing => "no new decision".to_owned(),
    }
}
