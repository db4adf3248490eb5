//! What is wrong with a run that was disturbed.

use super::Sweep;
use firebreak::receipt::{Outcome, Receipt, Status, Step};
use firebreak::step::StepKind;
use firebreak_drill::Invoked;
use firebreak_testkit::fault_sweep::{Break, Point};
use std::collections::BTreeMap;

impl Sweep {
    /// What is wrong, when an undisturbed run makes the changes `expected` and this one `made`.
    pub(super) fn disturbed(
        &self,
        expected: &[String],
        point: &Point,
        how: Break,
        broken: &Invoked,
        made: &[String],
    ) -> Vec<String> {
        let mut wrong = Vec::new();
        let receipt: Option<Receipt> = serde_json::from_value(broken.answer.clone()).ok();
        match (how, broken.error.as_deref(), &receipt) {
            (Break::KillBefore, Some(error), _) if error.starts_with("Runtime.") => return wrong,
            (Break::KillBefore, ..) => wrong.push(format!("it was not killed: {}", broken.answer)),
            (_, Some("Firebreak.Transient" | "Firebreak.Denied"), _) => {
                let message = broken.answer["errorMessage"].as_str().unwrap_or_default();
                if !names(message, point) {
                    wrong.push(format!("the error does not say what failed: {message}"));
                }
            }
            (_, Some(_), _) | (_, None, None) => wrong.push(format!("neither a receipt nor a known fault: {}", broken.answer)),
            (_, None, Some(receipt)) if how.passes() => {
                // The open step is given up after a moment: with a second try the interface would be open for longer.
                let is_given_up = |step: &Step| step.is(StepKind::CutTracked) || step.outcome != Outcome::Failed;
                let holds = receipt.status == Status::Partial && receipt.steps.iter().all(is_given_up);
                if receipt.status != Status::Contained && !holds {
                    wrong.push(format!("the SDK's retry was not enough: {}", broken.answer));
                }
            }
            (_, None, Some(receipt)) => {
                let quiet = self.quiet.contains(&point.action.as_str());
                let told = receipt.steps.iter().any(|step| {
                    let said = step.error.as_ref().is_some_and(|fault| names(&fault.message, point));
                    said && matches!(step.outcome, Outcome::Failed | Outcome::Skipped)
                });
                if !told && !quiet {
                    wrong.push(format!("the receipt does not name the failed step: {}", broken.answer));
                }
            }
        }
        if !self.groundwork.contains(&point.action.as_str()) {
            wrong.extend(untried(expected, made).into_iter().map(|action| format!("{action} was not tried")));
        }
        wrong
    }
}

/// Whether a text names the broken call; the ledger's messages name the ledger.
fn names(message: &str, point: &Point) -> bool {
    let ledger = point.action.starts_with("dynamodb:") && message.contains("ledger:");
    ledger || message.contains(&point.action)
}

/// Changes of an undisturbed run that were not tried as often.
fn untried(expected: &[String], made: &[String]) -> Vec<String> {
    let count = |all: &[String]| {
        let mut counts: BTreeMap<String, usize> = BTreeMap::new();
        all.iter().for_each(|action| *counts.entry(action.clone()).or_default() += 1);
        counts
    };
    let made = count(made);
    count(expected)
        .into_iter()
        .filter(|(action, n)| made.get(action).copied().unwrap_or(0) < *n)
        .map(|(action, _)| action)
        .collect()
}
