//! Receipts of what a look had contained join those of the incident, so that they are verified, sealed, shown and released alike.

use crate::{Function, NextContainment, Passing, Round, SweepInput, SweptState, Watch};
use firebreak::answer::{Answer, Decided, Targets};
use firebreak::fault::Fault;
use firebreak::incident::Incident;
use firebreak::report::Report;
use firebreak::target::Target;

impl Function {
    /// Gathers: what a look had contained, and what the ledger knows beyond what the state machine carries.
    ///
    /// # Errors
    /// The ledger could not be read.
    pub(crate) async fn gather(&self, request: SweepInput) -> Result<SweptState, Fault> {
        let SweepInput { mut incident, mut report, watch, passing, carry, .. } = request;
        join(&mut report);
        let known = self.gather_own(&mut incident, &mut report).await?;
        let (covers, decided) = (passing.covers(), passing.decided());
        let targets = decided.as_ref().map(|decided| decided.targets.clone()).unwrap_or_default();
        let mut swept = gathered(incident, report, watch, (covers, &targets));
        // What the person keeps, or accepts as open, is left as it is: by now the containment might succeed.
        let is_left = |decided: &Decided, target: &Target| decided.answer == Answer::Keep || decided.accepts_open(target);
        swept.watch.contain.retain(|next| !decided.as_ref().is_some_and(|decided| is_left(decided, &next.target)));
        Ok(SweptState { passing, ..swept }.carried(carry, known))
    }

    /// Lays the ledger over what the state machine carries, but for what the looks of other executions found. An execution tells by
    /// its own looks what is new: the other one may never get to tell people.
    pub(crate) async fn gather_own(&self, incident: &mut Incident, report: &mut Report) -> Result<bool, Fault> {
        let own = report.sweep.clone();
        let known = self.ledger.gather(incident, report).await?;
        report.sweep = own;
        Ok(known)
    }
}

fn gathered(incident: Incident, report: Report, watch: Round, (covers, targets): (Option<u32>, &Targets)) -> SweptState {
    let contain = report.approvable(&incident, covers, targets).filter_map(NextContainment::of).collect();
    let watch = Watch { round: watch.round, contain, alarm: true, idle: false };
    SweptState { incident, report, watch, passing: Passing::default() }
}

/// A receipt about the same containment and target is replaced: the newer one says how it stands.
pub(crate) fn join(report: &mut Report) {
    for receipt in std::mem::take(&mut report.derived) {
        let receipts = &mut report.containment.receipts;
        let key = receipt.target.merge_key();
        match receipts.iter_mut().find(|r| r.containment == receipt.containment && r.target.merge_key() == key) {
            Some(known) => *known = receipt,
            None => receipts.push(receipt),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use firebreak::decision::{Decision, Mode};
    use firebreak::plan::{Circumstances, plan_json};
    use firebreak::policy::Policy;
    use firebreak::receipt::{Receipt, Status};

    /// An incident about one user.
    fn incident() -> Incident {
        let event = include_bytes!("../../../fixtures/findings/guardduty/exfiltration-iam-user.json");
        let policy = Policy::unrestricted();
        let plan = plan_json(event, &Circumstances::new(&policy, jiff::Timestamp::UNIX_EPOCH)).expect("a plan");
        Incident::new(plan, &policy, "arn".to_owned(), jiff::Timestamp::UNIX_EPOCH)
    }

    #[test]
    fn an_approval_tries_again_what_failed() {
        let incident = incident();
        let target = incident.decisions[0].target.clone();
        let containment = incident.decisions[0].containment.expect("a containment");
        let mut report = Report::default();
        report.containment.status = "ok".to_owned();
        for (status, tried) in [(Status::Failed, 1), (Status::Contained, 0), (Status::Partial, 1)] {
            report.containment.receipts = vec![Receipt::of(target.clone(), containment, status)];
            assert_eq!(report.approvable(&incident, None, &Targets::default()).count(), tried, "{status:?}");
        }
    }

    #[test]
    fn an_approval_contains_nothing_anew_of_what_a_release_put_back() {
        let incident = incident();
        let target = incident.decisions[0].target.clone();
        let containment = incident.decisions[0].containment.expect("a containment");
        let receipt = |status| Receipt::of(target.clone(), containment, status);
        let mut report = Report::default();
        report.containment.status = "ok".to_owned();
        report.containment.receipts = vec![receipt(Status::Partial)];
        for (released, tried, unfinished) in
            [(None, 1, 1), (Some(Status::Contained), 0, 0), (Some(Status::Skipped), 0, 0), (Some(Status::Failed), 1, 1)]
        {
            report.release.receipts = released.map(receipt).into_iter().collect();
            assert_eq!(report.approvable(&incident, None, &Targets::default()).count(), tried, "{released:?}");
            let left = report.unfinished(Answer::Approve);
            assert_eq!(left.len(), unfinished, "an approval after it closes, or asks again: {released:?}: {left:?}");
        }
    }

    #[test]
    fn what_was_derived_joins_what_was_contained() {
        let incident = incident();
        let receipt = |id: &str, status| {
            let mut target = incident.decisions[0].target.clone();
            id.clone_into(&mut target.id);
            let containment = incident.decisions[0].containment;
            firebreak::receipt::Receipt::of(target, containment.expect("a containment"), status)
        };
        let mut report = Report::default();
        report.containment.receipts = vec![receipt("alice", Status::Contained), receipt("mallory", Status::Failed)];
        report.derived = vec![receipt("mallory", Status::Contained), receipt("ghost", Status::Partial)];
        join(&mut report);
        let answer = gathered(incident.clone(), report, Round { round: 2 }, (None, &Targets::default()));
        let statuses: Vec<(&str, Status)> =
            answer.report.containment.receipts.iter().map(|r| (r.target.id.as_str(), r.status)).collect();
        assert_eq!(statuses, [("alice", Status::Contained), ("mallory", Status::Contained), ("ghost", Status::Partial)]);
        assert!(answer.report.derived.is_empty() && answer.watch.alarm);
        assert_eq!(answer.watch.round, 2);
    }

    #[test]
    fn what_nobody_carried_out_comes_out_again() {
        let mut incident = incident();
        let first = incident.decisions[0].clone();
        let mut lost = first.clone();
        "mallory".clone_into(&mut lost.target.id);
        let waits = Decision { mode: Mode::Gate, ..lost.clone() };
        incident.decisions = vec![first.clone(), lost.clone()];
        let mut report = Report::default();
        let (target, containment, status) = (first.target, first.containment, Status::Failed);
        report.containment.receipts = vec![firebreak::receipt::Receipt::of(target, containment.expect("a containment"), status)];
        assert_eq!(report.not_tried(&incident.decisions).count(), 0, "without a word about the first ones");
        "ok".clone_into(&mut report.containment.status);
        assert_eq!(report.not_tried(&incident.decisions).collect::<Vec<_>>(), [&lost], "what failed has a receipt");
        incident.decisions[1] = waits;
        assert_eq!(report.not_tried(&incident.decisions).count(), 0);
    }

    #[test]
    fn what_another_finding_raised_or_named_is_carried_out_although_a_receipt_is_there() {
        let mut incident = incident();
        let (target, containment) = (incident.decisions[0].target.clone(), incident.decisions[0].containment);
        let done = Receipt::of(target, containment.expect("a containment"), Status::Skipped);
        let mut report = Report::default();
        "ok".clone_into(&mut report.containment.status);
        let tried = |report: &Report, incident: &Incident| report.not_tried(&incident.decisions).count() == 0;
        report.containment.receipts = vec![done.clone()];
        assert!(!tried(&report, &incident), "it waited, and is decided for at once now");
        report.containment.receipts = vec![Receipt { status: Status::Waits, ..done.clone() }];
        assert!(!tried(&report, &incident), "it would have hurt others, and is decided for at once now");
        report.containment.receipts = vec![Receipt { status: Status::Contained, ..done }];
        assert!(tried(&report, &incident));
        incident.decisions[0].target.more_keys.insert(firebreak::ids::AccessKeyId::parse("AKIAIOSFODNN7EXAMPLE").expect("a key"));
        assert!(!tried(&report, &incident), "no containment was told of that key");
        let finished_at = Some(jiff::Timestamp::UNIX_EPOCH);
        report.release.receipts = vec![Receipt { finished_at, ..report.containment.receipts[0].clone() }];
        assert!(tried(&report, &incident), "a release put it back");
    }
}
