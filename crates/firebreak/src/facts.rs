//! What the state machine carries of an incident between its states: the id and small facts.
//!
//! Decisions and receipts are in the ledger. Functions that need them read them there, so a state stays small however many targets
//! an incident has, and nobody goes by a copy.

use crate::incident::Incident;
use crate::receipt::Receipt;
use crate::report::Report;
use serde::{Deserialize, Serialize};

/// How much of an incident a function answers with.
///
/// An execution that began under an earlier definition asks for nothing, and its later states read decisions and receipts from the
/// answer: it gets everything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Carry {
    /// Decisions, findings and receipts with their steps.
    #[default]
    Everything,
    /// What a choice of the state machine, or a notice without the ledger, goes by.
    Facts,
}

impl Carry {
    /// The incident, as the state machine carries it on.
    #[must_use]
    pub fn incident(self, incident: Incident) -> Incident {
        match self {
            Self::Everything => incident,
            Self::Facts => Incident { decisions: vec![], findings: vec![], settled: vec![], ..incident },
        }
    }

    /// The report, as the state machine carries it on.
    #[must_use]
    pub fn report(self, mut report: Report) -> Report {
        for receipts in [&mut report.containment.receipts, &mut report.derived, &mut report.gated, &mut report.release.receipts] {
            *receipts = self.receipts(std::mem::take(receipts));
        }
        report
    }

    /// Receipts, as the state machine carries them on: which target, and how it ended. What the state machine wrote itself is
    /// nowhere else: it stays as it is.
    #[must_use]
    pub fn receipts(self, receipts: Vec<Receipt>) -> Vec<Receipt> {
        let fact = |receipt: Receipt| match receipt.finished_at {
            Some(_) if self == Self::Facts => Receipt { steps: vec![], error: None, waits: None, ..receipt },
            _ => receipt,
        };
        receipts.into_iter().map(fact).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::ContainmentBranch;
    use serde_json::{Value, json};

    fn receipt(more: Value) -> Receipt {
        let mut receipt = json!({ "target": { "kind": "iam-user", "id": "alice", "account": "111122223333",
            "region": "eu-central-1", "partition": "aws" }, "containment": "quarantine-iam", "status": "failed",
            "fault": "Firebreak.Denied", "error": "words",
            "steps": [{ "name": "attach-deny", "outcome": "failed", "started_at": "2026-11-21T02:00:00Z", "ms": 1 }] });
        receipt.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
        serde_json::from_value(receipt).expect("a receipt")
    }

    #[test]
    fn whose_execution_it_is_is_a_fact() {
        let joining = Some(crate::ids::IncidentId::of("the finding that joined"));
        let policy = crate::policy::Policy::unrestricted();
        let circumstances = crate::plan::Circumstances::new(&policy, jiff::Timestamp::UNIX_EPOCH);
        let plan = crate::plan::plan_json(b"{}", &circumstances).expect("a plan");
        let incident = Incident::new(plan, &policy, "arn".to_owned(), jiff::Timestamp::UNIX_EPOCH);
        let incident = Incident { joining: joining.clone(), ..incident };
        assert_eq!(Carry::Facts.incident(incident).joining, joining, "a state that forgot it would open a second gate");
    }

    #[test]
    fn a_fact_is_how_it_ended_and_what_only_the_state_machine_knows_stays_whole() {
        let (own, machines) = (receipt(json!({ "finished_at": "2026-11-21T02:00:02Z" })), receipt(json!({})));
        let containment = ContainmentBranch { receipts: vec![own.clone(), machines.clone()], ..ContainmentBranch::default() };
        let report = Report { containment, gated: vec![own.clone()], ..Report::default() };
        assert_eq!(Carry::Everything.report(report.clone()), report);
        let Report { containment, gated, .. } = Carry::Facts.report(report);
        let fact = Receipt { steps: vec![], error: None, ..own };
        assert_eq!((containment.receipts, gated), (vec![fact.clone(), machines], vec![fact]));
    }
}
