//! What a release that ends leaves to the levels that go on: their own releases need it.

use super::{Other, Others, closes};
use crate::base::{BaseState, Planned, Rules};
use crate::deleted;
use firebreak::fault::Fault;
use firebreak::target::Target;
use firebreak_function::containment::Call;
use firebreak_ledger::Held;
use firebreak_s3::levels::sids_of;
use firebreak_s3::policy::Document;
use serde_json::Value;
use std::collections::BTreeSet;

impl Others {
    /// The levels for which public access stays blocked, and whose they are, in words. Nothing: none needs it.
    pub(crate) fn closers(&self) -> Option<String> {
        let one = |other: &Other| {
            let level = if other.level.is_whole() { "public access" } else { other.level.name() };
            format!("{level} of incident {}", other.holders.join(" and "))
        };
        let all: Vec<String> = self.held.iter().filter(|other| is_closing(other)).map(one).collect();
        (!all.is_empty()).then(|| all.join(", "))
    }

    /// Leaves `statements` of the customer's to the levels for which public access stays blocked: S3 takes them back only without the block.
    ///
    /// # Errors
    /// The ledger could not be read or written; `Transient` when another incident writes there at the same time.
    pub(crate) async fn leave_out(&self, call: &Call, statements: &[Value]) -> Result<(), Fault> {
        Box::pin(self.extend(call, is_closing, |planned| leave(planned, statements))).await
    }

    /// Whether another level has statements in `now`. A level that is being released has none any more once its turn is over.
    pub(crate) fn have_statements_in(&self, now: &Document) -> bool {
        self.held.iter().any(|other| has_statements_in(other, now))
    }

    /// Leaves `statements` of the customer's to the levels that have statements in `now`: beside those they have no room.
    ///
    /// # Errors
    /// As [`leave_out`](Self::leave_out).
    pub(crate) async fn leave_to_statements(&self, call: &Call, now: &Document, statements: &[Value]) -> Result<(), Fault> {
        if statements.is_empty() {
            return Ok(());
        }
        let is_meant = |other: &Other| has_statements_in(other, now);
        Box::pin(self.extend(call, is_meant, |planned| leave(planned, statements))).await
    }

    /// Tells the other levels that need rules off which of them a suspect wrote: `digests`. They leave those off, too.
    ///
    /// # Errors
    /// As [`leave_out`](Self::leave_out).
    pub(crate) async fn leave_off(&self, call: &Call, digests: &BTreeSet<String>) -> Result<(), Fault> {
        let has_one = |other: &Other| {
            let Planned { lifecycle, replication, .. } = &other.base.planned;
            let plans = |rules: &Option<Rules>, ids: &BTreeSet<String>| {
                let mut all = rules.iter().flat_map(|rules| &rules.rules);
                all.any(|rule| ids.contains(&rule.id) && digests.contains(&rule.digest))
            };
            plans(&other.base.lifecycle, lifecycle) || plans(&other.base.replication, replication)
        };
        Box::pin(self.extend(call, has_one, |planned| planned.by_suspect.extend(digests.iter().cloned()))).await
    }

    /// Adds to what is recorded of other levels. Their rows are read again: an earlier call may have written them.
    async fn extend(&self, call: &Call, is_meant: impl Fn(&Other) -> bool, add: impl Fn(&mut Planned)) -> Result<(), Fault> {
        for other in self.held.iter().filter(|other| is_meant(other)) {
            let target = Target { scope: other.level, ..call.target.clone() };
            let held = Held { target: &target, ..call.held() };
            let Some((known, _)) = call.ledger.base::<BaseState>(held).await? else { continue };
            let mut all = known.clone();
            add(&mut all.planned);
            if all != known {
                call.ledger.extend_base(held, &known, &all).await?;
            }
        }
        Ok(())
    }
}

fn leave(planned: &mut Planned, statements: &[Value]) {
    let new = statements.iter().filter(|one| !deleted::has(&planned.left_out, one)).cloned();
    let new: Vec<Value> = new.collect();
    planned.left_out.extend(new);
}

fn has_statements_in(other: &Other, now: &Document) -> bool {
    now.without(sids_of(other.level)).statements().len() < now.statements().len()
}

/// Also a level that is being released at this moment: it waits for its turn, and reads its record then.
fn is_closing(other: &Other) -> bool {
    closes(other.level, &other.base.planned)
}
