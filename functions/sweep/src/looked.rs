//! A look goes on where the one before ended, if that one's lines are in the report.

use crate::{Function, Stage};
use firebreak::incident::Incident;
use firebreak::report::SweepBranch;
use firebreak::trail::Looked;
use firebreak_aws::clock;
use firebreak_ledger::Left;

/// Whether another look goes on from this one. That of a joined finding has no next one, and after an approval there may be none.
pub(crate) fn is_followed(incident: &Incident, stage: Option<Stage>) -> bool {
    incident.joining.is_none() && matches!(stage, Some(Stage::First | Stage::Watch))
}

impl Function {
    /// What the look left whose lines `sweep` has. Where the ledger does not say, the look begins anew.
    pub(crate) async fn left_by(&self, incident: &Incident, stage: Option<Stage>, sweep: &SweepBranch) -> Looked {
        let Some(mark) = sweep.looked.filter(|_| is_followed(incident, stage)) else { return Looked::default() };
        match self.ledger.left_by(&incident.id, mark).await {
            Ok(left) => left.unwrap_or_default(),
            Err(fault) => {
                tracing::warn!(fault.message = %fault.message, "what earlier looks left could not be read: the look begins anew");
                Looked::default()
            }
        }
    }

    /// Keeps what the look leaves, and then its lines: lines without it lead to a look that begins anew, and so does a look that leaves
    /// nothing.
    pub(crate) async fn keep_look(&self, incident: &Incident, sweep: &mut SweepBranch, before: Looked, leaves: Option<Looked>) {
        if let Some(looked) = leaves {
            let (mark, before) = (clock::now(), Left { mark: sweep.looked, looked: before });
            match self.ledger.keep_left(&incident.id, Left { mark: Some(mark), looked }, before).await {
                Ok(()) => sweep.looked = Some(mark),
                Err(fault) => tracing::error!(fault.message = %fault.message, "the ledger did not take what a look leaves"),
            }
        }
        if let Err(fault) = self.ledger.keep_sweep(&incident.id, incident.joining.as_ref(), sweep).await {
            tracing::error!(fault.message = %fault.message, "the ledger did not take a record");
        }
    }
}
