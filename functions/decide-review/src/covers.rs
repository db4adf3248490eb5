//! What an answer covers: what its ticket showed, and nothing that was decided later.

use crate::Function;
use firebreak::decision::Decision;
use firebreak::fault::Fault;
use firebreak::incident::Incident;
use firebreak::review::{DecideOutcome, DecideRequest};
use firebreak::revision::{Shown, is_code_of};
use firebreak_function::signed::Caller;
use firebreak_ledger::{Gate, Ticket};

/// What a code, or the lack of one, stands for.
pub(crate) enum Covered {
    /// The incident up to a revision; without one, everything. With the digest that the answer named.
    UpTo {
        /// The revision.
        revision: Option<u32>,
        /// The digest.
        shown: Option<String>,
    },
    /// Nothing that anybody could have been shown now: the refusal.
    Nothing(DecideOutcome),
}

impl Function {
    /// Finds out which revision of the incident an answer is about.
    ///
    /// # Errors
    /// The ledger could not be read.
    pub(crate) async fn covered(&self, caller: &Caller, request: &DecideRequest, open: &Gate) -> Result<Covered, Fault> {
        let code = request.shown.as_deref();
        match (code, &open.ticket) {
            (None, Ticket::Out(Shown { revision, .. })) => return Ok(Covered::UpTo { revision: Some(*revision), shown: None }),
            // As that version promised: an answer is about everything. Not that of one who may not approve everything: it is about what
            // is looked at now, and what is decided in the next moment is none of it.
            (None, Ticket::OfEarlierVersion) if self.may_give(caller, request.answer) => {
                return Ok(Covered::UpTo { revision: None, shown: None });
            }
            (Some(code), Ticket::Out(Shown { digest: Some(digest), revision })) if is_code_of(code, digest) => {
                return Ok(Covered::UpTo { revision: Some(*revision), shown: Some(digest.clone()) });
            }
            _ => {}
        }
        let now = self.ledger.record(&request.incident_id).await?.map(|record| record.incident);
        let digest = now.as_ref().map(Incident::shown);
        let revision = now.as_ref().map_or(0, |incident| incident.revision);
        let Some(code) = code else {
            // Answered before a ticket of this version is out: what is decided by now.
            return Ok(Covered::UpTo { revision: Some(revision), shown: None });
        };
        if digest.as_deref().is_some_and(|digest| is_code_of(code, digest)) {
            return Ok(Covered::UpTo { revision: Some(revision), shown: digest });
        }
        let decisions: Vec<Decision> = now.iter().flat_map(|incident| incident.decided_after(code)).cloned().collect();
        Ok(Covered::Nothing(DecideOutcome::Changed { decisions, shown: digest }))
    }
}
