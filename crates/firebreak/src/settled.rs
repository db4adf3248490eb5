//! What is answered of an incident, target by target.
//!
//! An answer can be about some targets. Once all that it asked for is carried out, that is settled: nobody is asked about it again, and
//! no later answer touches it. The incident ends when nothing is left. Whoever decides anew about a target, or accuses it anew, unsettles
//! it. An answer that was not carried out in full is spent, and settles nothing: another one may undo what it did.

use crate::answer::{Answer, Decided, Settled};
use crate::containment::Containment;
use crate::coverage::decision_key;
use crate::decision::{Decision, Mode};
use crate::incident::{Incident, IncidentStatus};
use crate::report::Report;
use crate::target::Target;
use crate::text::inert;

impl Incident {
    /// How a decision was answered; nothing while it is open.
    #[must_use]
    pub fn settled(&self, decision: &Decision) -> Option<&Settled> {
        if self.settled.is_empty() {
            return None;
        }
        let key = decision_key(decision);
        self.settled.iter().find(|settled| settled.decision == key && settled.since == decision.since)
    }

    /// What a person released, or left uncontained, another execution does not contain without a person.
    pub(crate) fn hold_back_answered(&self, decisions: &mut [Decision]) {
        for decision in decisions.iter_mut().filter(|decision| decision.containment.is_some()) {
            let key = decision_key(decision);
            let answered = self.settled.iter().rfind(|settled| settled.decision == key && settled.answer != Answer::Approve);
            if let Some(Settled { answer, by, .. }) = answered {
                decision.mode = decision.mode.at_most(Mode::Gate);
                decision.reason = inert(&format!("answered before: {} by {by}; {}", answer.word(), decision.reason), 400);
            }
        }
    }

    /// Whether the decision about a containment of a target was answered. What has no decision is open.
    #[must_use]
    pub fn is_settled(&self, containment: Option<Containment>, target: &Target) -> bool {
        let key = target.merge_key();
        let is_meant = |decision: &&Decision| decision.containment == containment && decision.target.merge_key() == key;
        !self.settled.is_empty() && self.decisions.iter().filter(is_meant).any(|decision| self.settled(decision).is_some())
    }

    /// Whether a person released the target while others still wait: it is a suspect no longer.
    #[must_use]
    pub fn is_released(&self, target: &Target) -> bool {
        let key = target.merge_key();
        let of_target = self.decisions.iter().filter(|decision| decision.target.merge_key() == key);
        of_target.filter_map(|decision| self.settled(decision)).any(|settled| settled.answer == Answer::Release)
    }

    /// The decisions that wait for an answer. What is only told does not, and nothing waits for what is only offered.
    pub fn unanswered(&self) -> impl Iterator<Item = &Decision> {
        self.unsettled().filter(|decision| !decision.is_offered())
    }

    /// The decisions that an answer can still be about.
    fn unsettled(&self) -> impl Iterator<Item = &Decision> {
        self.decisions.iter().filter(move |decision| decision.mode != Mode::Notify && self.settled(decision).is_none())
    }

    /// What the answer asked for and is not settled. Nothing: it was carried out, whatever else is open.
    pub fn open_of<'a>(&'a self, decided: &'a Decided) -> impl Iterator<Item = &'a Decision> {
        self.unsettled().filter(move |decision| decided.is_about(decision))
    }

    /// What the answer says nothing about although its ticket showed it, one line each: it is asked again.
    #[must_use]
    pub fn left_by(&self, decided: &Decided) -> Vec<String> {
        let left = self.unanswered().filter(|d| d.is_covered(decided.covers) && !decided.is_about(d));
        left.map(|decision| format!("{}: not part of this answer", decision.target)).collect()
    }

    /// Settles what an answer asked for, if all of it `is_done`. Each decision once: the first answer stands.
    pub fn settle(&mut self, decided: &Decided, is_done: impl Fn(&Decision) -> bool) {
        // What the ticket showed as waiting, and a look raised before the answer: that it is contained, nobody wanted.
        let is_keep = decided.answer == Answer::Keep;
        let asked: Vec<&Decision> = self.unsettled().filter(|d| decided.is_about(d) || is_keep && decided.spares(d)).collect();
        if asked.is_empty() || !asked.iter().all(|&decision| is_done(decision)) {
            return;
        }
        let done: Vec<Settled> = asked.into_iter().map(|decision| Settled::by(decided, decision)).collect();
        // What was settled and is decided anew since needs no trace here: the ledger keeps every answer.
        let known: Vec<Settled> = self.decisions.iter().filter_map(|decision| self.settled(decision)).cloned().collect();
        self.settled = known.into_iter().chain(done).collect();
    }

    /// How an incident ends of which nothing is left to answer: `released` when everything was released.
    #[must_use]
    pub fn end(&self, last: Answer) -> IncidentStatus {
        let is_released = last == Answer::Release && self.settled.iter().all(|settled| settled.answer == Answer::Release);
        if is_released { IncidentStatus::Released } else { IncidentStatus::Closed }
    }

    /// How many targets were answered how, for people; nothing while all have the same answer.
    #[must_use]
    pub fn answered_mixed(&self) -> Option<String> {
        let count = |answer| self.settled.iter().filter(|settled| settled.answer == answer).count();
        let all = [(Answer::Keep, "kept"), (Answer::Approve, "approved"), (Answer::Release, "released")];
        let parts: Vec<String> = all
            .into_iter()
            .map(|(answer, word)| (count(answer), word))
            .filter(|(n, _)| *n > 0)
            .map(|(n, w)| format!("{n} {w}"))
            .collect();
        (parts.len() > 1).then(|| format!("closed, with several answers: {}", parts.join(", ")))
    }

    /// The incident without what is settled, and what was done about the rest: what a ticket asks. A release that is not finished stays.
    #[must_use]
    pub fn still_asked(&self, report: &Report) -> (Self, Report) {
        if self.settled.is_empty() {
            return (self.clone(), report.clone());
        }
        let decisions = self.decisions.iter().filter(|decision| self.settled(decision).is_none()).cloned().collect();
        let left = report.about(|containment, target| !self.is_settled(containment, target));
        (Self { decisions, ..self.clone() }, left)
    }
}

impl Settled {
    fn by(decided: &Decided, decision: &Decision) -> Self {
        let Decided { answer, by, at, .. } = decided.clone();
        Self { decision: decision_key(decision), since: decision.since, answer, by, at }
    }
}
