//! What an approval would contain, and what an answer asked for and was not carried out.

use super::{Report, receipt_problems};
use crate::answer::{Answer, Decided, Targets};
use crate::containment::Containment;
use crate::decision::{Decision, Mode};
use crate::fault::FaultKind;
use crate::incident::Incident;
use crate::receipt::{Receipt, Status};
use crate::revision::LATER;
use crate::target::{Scope, Target};

impl Report {
    /// What an approval of these targets that counts up to the revision `covers` carries out: decisions that wait for it and that its
    /// ticket showed, decisions for at once of which nothing became, and what was tried and failed in whole or in part. What is not
    /// contained is tried again. What happens at once needs no approval. What is settled is left as it is, and what would hit others
    /// is carried out only where the approval names it.
    pub fn approvable<'a>(
        &'a self,
        incident: &'a Incident,
        covers: Option<u32>,
        targets: &'a Targets,
    ) -> impl Iterator<Item = &'a Decision> {
        let waits = move |d: &&Decision| d.mode == Mode::Gate && d.containment.is_some() && d.is_covered(covers);
        let waiting = incident.decisions.iter().filter(waits);
        let all = waiting.chain(self.not_tried(&incident.decisions)).chain(self.failed(incident));
        all.filter(move |d| {
            let is_named = !d.needs_its_name() || incident.is_named_alone(&targets.only, &d.target, covers);
            is_named && targets.includes(&d.target) && incident.settled(d).is_none()
        })
    }

    fn failed<'a>(&'a self, incident: &'a Incident) -> impl Iterator<Item = &'a Decision> {
        let has_failed = |decision: &&Decision| {
            // What a release put back, wholly or in part, is not contained anew.
            let is_left = |receipt: &Receipt| !receipt.standing(&self.release.receipts).is_touched_by_a_release();
            let is_open = |receipt: &Receipt| matches!(receipt.status, Status::Failed | Status::Partial) && is_left(receipt);
            self.receipt_of(decision).is_some_and(is_open)
        };
        incident.decisions.iter().filter(|d| d.mode == Mode::Auto && d.containment.is_some()).filter(has_failed)
    }

    /// The newest receipt of a decision.
    fn receipt_of(&self, decision: &Decision) -> Option<&Receipt> {
        let key = decision.target.merge_key();
        let about = |receipt: &&Receipt| receipt.containment == decision.containment && receipt.target.merge_key() == key;
        self.receipts().find(about)
    }

    /// Whether a decision needs nothing more after an answer that is about it. A release says itself what is back.
    #[must_use]
    pub fn is_carried_out(&self, decision: &Decision, decided: &Decided) -> bool {
        let by_hand = decision.containment.is_none() || decided.accepts_open(&decision.target);
        let is_done = |receipt: &Receipt| match receipt.status {
            Status::Contained => true,
            Status::Skipped => receipt.finished_at.is_some() || self.is_over(receipt),
            Status::Failed | Status::Partial | Status::Waits => self.is_over(receipt),
        };
        match decided.answer {
            Answer::Keep => true,
            Answer::Approve => by_hand || self.receipt_of(decision).is_some_and(is_done),
            Answer::Release => by_hand || self.is_back(decision),
        }
    }

    fn is_back(&self, decision: &Decision) -> bool {
        let key = decision.target.merge_key();
        let about = |receipt: &&Receipt| receipt.containment == decision.containment && receipt.target.merge_key() == key;
        let is_back = |receipt: &Receipt| matches!(receipt.status, Status::Contained | Status::Skipped);
        self.release.receipts.iter().find(about).is_some_and(is_back)
    }

    /// What an answer asked for and was not carried out: approved containments, or the release. A target that the person accepts as
    /// open is done, and so is what an earlier answer settled.
    #[must_use]
    pub fn unfinished_of(&self, incident: &Incident, decided: &Decided) -> Vec<String> {
        let accepts = |target: &Target| decided.answer == Answer::Approve && decided.accepts_open(target);
        self.unfinished_where(decided.answer, |receipt| {
            let target = &receipt.target;
            decided.targets.includes(target) && !accepts(target) && !incident.is_settled(receipt.containment, target)
        })
    }

    /// The same for an answer of which no more is known.
    #[must_use]
    pub fn unfinished(&self, answer: Answer) -> Vec<String> {
        self.unfinished_where(answer, |_| true)
    }

    fn unfinished_where(&self, answer: Answer, is_asked: impl Fn(&Receipt) -> bool) -> Vec<String> {
        let is_asked = &is_asked;
        match answer {
            // It asks for nothing.
            Answer::Keep => vec![],
            Answer::Approve => {
                let open = self.receipts().filter(|&receipt| is_asked(receipt) && !self.is_over(receipt));
                let open = open.flat_map(|receipt| receipt_problems(receipt, "NOT contained"));
                self.broken_approval().into_iter().chain(open).chain(self.waits_again(is_asked)).collect()
            }
            Answer::Release => {
                let whole = self.release.error.as_ref().map(|error| format!("the release failed: {error}"));
                let receipts = || self.release.receipts.iter().filter(move |&receipt| is_asked(receipt));
                let waits = receipts().filter(|receipt| receipt.status == Status::Waits);
                let waits = waits.map(|receipt| format!("{}: {LATER}", receipt.target));
                whole.into_iter().chain(receipts().flat_map(|r| receipt_problems(r, "NOT put back"))).chain(waits).collect()
            }
        }
    }

    /// Whether an approval needs nothing more of a target that is not contained. What is gone for good needs nothing; what was never
    /// reached may be elsewhere. Everything else stays open until somebody accepts it.
    fn is_over(&self, receipt: &Receipt) -> bool {
        let reached = || {
            let key = receipt.target.merge_key();
            let had = |other: &&Receipt| other.target.merge_key() == key && other.holds_something();
            self.containment.receipts.iter().chain(&self.gated).find(had).is_some()
        };
        receipt.standing(&self.release.receipts).is_touched_by_a_release()
            || receipt.fault_kind() == Some(FaultKind::Gone) && reached()
            || self.is_within_contained(&receipt.target)
    }

    /// Approved, and asked about again: whoever approved must not take it for done.
    pub(super) fn waits_again(&self, is_asked: impl Fn(&Receipt) -> bool) -> impl Iterator<Item = String> {
        let waits = self.gated.iter().filter(move |&receipt| receipt.status == Status::Waits && is_asked(receipt));
        waits.map(|receipt| format!("{} is NOT contained: it needs your approval", receipt.target))
    }

    /// Whether the whole principal of which `part` is a session or a key is contained.
    fn is_within_contained(&self, part: &Target) -> bool {
        let is_whole = |target: &Target| target.scope == Scope::Principal && target.is_of(part);
        let is_contained = |receipt: &&Receipt| receipt.status == Status::Contained && is_whole(&receipt.target);
        let mut checks = self.verification.iter().chain(&self.gated_verification);
        let is_lost = checks.any(|check| !check.holds && is_whole(&check.target));
        part.scope != Scope::Principal && part.scope.is_within_whole() && !is_lost && self.receipts().find(is_contained).is_some()
    }

    /// The same report without what says of offers only that no answer has named them. `decisions` are those of the incident.
    #[must_use]
    pub fn without_untaken(&self, decisions: &[Decision]) -> Self {
        let mut left = self.clone();
        for receipts in [&mut left.containment.receipts, &mut left.derived, &mut left.gated, &mut left.release.receipts] {
            receipts.retain(|receipt| !receipt.is_untaken(decisions));
        }
        left
    }

    /// The same report about these targets only.
    #[must_use]
    pub fn about(&self, is_meant: impl Fn(Option<Containment>, &Target) -> bool) -> Self {
        let mut left = self.clone();
        for receipts in [&mut left.containment.receipts, &mut left.derived, &mut left.gated, &mut left.release.receipts] {
            receipts.retain(|receipt| is_meant(receipt.containment, &receipt.target));
        }
        for checks in [&mut left.verification, &mut left.gated_verification] {
            checks.retain(|check| is_meant(check.containment, &check.target));
        }
        left
    }
}
