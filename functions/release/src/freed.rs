//! Whom a release lets go, a frozen bucket of the incident denies no longer.
//!
//! A bucket's policy denies the suspects itself, whatever is undone at the principal. A look of the freeze takes them out, too, but the answer
//! that releases one of them can be the last one.

use crate::Function;
use firebreak::containment::Containment;
use firebreak::decision::Decision;
use firebreak::fault::{Fault, FaultKind};
use firebreak::incident::Incident;
use firebreak::receipt::{Receipt, Status};
use firebreak::target::{Scope, Target};
use firebreak_aws::clients::MemberRole;
use firebreak_aws::clock;
use firebreak_function::containment::Call;
use firebreak_ledger::Held;

impl Function {
    /// Takes whom a person has released out of the statements about suspects of every bucket that stays frozen. What no later try would do is
    /// noted, and left to the next look: the principals themselves are back.
    ///
    /// # Errors
    /// `Transient` where a later try can do it: no look comes any more where the incident that holds the bucket is over. The other buckets are
    /// done.
    pub(crate) async fn free_at_buckets(&self, decided: &Incident, released: &[Receipt]) -> Result<(), Fault> {
        let mut passing = None;
        for decision in decided.decisions.iter().filter(|decision| is_frozen(decision, released)) {
            let target = &decision.target;
            let Err(fault) = Box::pin(self.free_at(decided, target)).await else { continue };
            if fault.kind == FaultKind::Transient {
                passing = Some(fault);
                continue;
            }
            let what = format!("{target}: whom this release let go may still be denied there: {}", fault.told());
            self.responder.ledger().note_or_warn(&decided.id, clock::now(), &what).await;
        }
        passing.map_or(Ok(()), Err)
    }

    async fn free_at(&self, decided: &Incident, target: &Target) -> Result<(), Fault> {
        let ledger = self.responder.ledger();
        if !ledger.is_held(Held { target, containment: Containment::LockdownS3 }).await? {
            return Ok(());
        }
        // What is settled by now says who is released.
        let Some(record) = ledger.record(&decided.id).await? else { return Ok(()) };
        let call = self.responder.call(target, Containment::LockdownS3, MemberRole::Release, &decided.id).await?;
        let joined = record.incident.holders(None).names().map(ToString::to_string).collect();
        Box::pin(lockdown_s3::free(&Call { joined, ..call }, &record.incident)).await
    }
}

/// Whether a decision froze a bucket that this run did not put back.
fn is_frozen(decision: &Decision, released: &[Receipt]) -> bool {
    let is_its = |receipt: &&Receipt| {
        receipt.containment == decision.containment && receipt.target.merge_key() == decision.target.merge_key()
    };
    let is_back = released.iter().filter(is_its).any(|receipt| receipt.status == Status::Contained);
    decision.containment == Some(Containment::LockdownS3) && decision.target.scope == Scope::Freeze && !is_back
}
