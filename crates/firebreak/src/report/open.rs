//! What an approval would contain.

use super::Report;
use crate::decision::{Decision, Mode};
use crate::incident::Incident;
use crate::receipt::{Receipt, Status};

impl Report {
    /// What an approval that counts up to the revision `covers` carries out: decisions that wait for it and that its ticket showed,
    /// decisions for at once of which nothing became, and what was tried and failed in whole or in part. What is not contained is tried
    /// again. What happens at once needs no approval.
    pub fn approvable<'a>(&'a self, incident: &'a Incident, covers: Option<u32>) -> impl Iterator<Item = &'a Decision> {
        let waits = move |d: &&Decision| d.mode == Mode::Gate && d.containment.is_some() && d.is_covered(covers);
        let waiting = incident.decisions.iter().filter(waits);
        waiting.chain(self.not_tried(&incident.decisions)).chain(self.failed(incident))
    }

    fn failed<'a>(&'a self, incident: &'a Incident) -> impl Iterator<Item = &'a Decision> {
        let has_failed = |decision: &&Decision| {
            let key = decision.target.merge_key();
            let about = |receipt: &&Receipt| receipt.containment == decision.containment && receipt.target.merge_key() == key;
            // What a release put back, wholly or in part, is not contained anew.
            let is_left = |receipt: &Receipt| !receipt.standing(&self.release.receipts).is_touched_by_a_release();
            let is_open = |receipt: &Receipt| matches!(receipt.status, Status::Failed | Status::Partial) && is_left(receipt);
            self.receipts().find(about).is_some_and(is_open)
        };
        incident.decisions.iter().filter(|d| d.mode == Mode::Auto && d.containment.is_some()).filter(has_failed)
    }
}
