//! Puts a bucket back as it was.
//!
//! Every part goes by three states: how it was, how Firebreak left it, and how it is now. What somebody else changed since is left and
//! shown, and so is what another level or incident needs. The rules come first, because nothing else waits for them. The public access
//! block comes before the policy: under the block S3 takes no public policy back.

mod block;
mod merge;
mod policy;

use crate::base::{self, BaseState, Rules};
use crate::lineage::{self, Others};
use crate::{encryption, lifecycle, replication, versioning};
use firebreak::fault::Fault;
use firebreak::receipt::{Outcome, Step};
use firebreak::step::{StepKind, StepName};
use firebreak::text::inert;
use firebreak_function::containment::Call;
use firebreak_function::step::skipped;
use firebreak_s3::Bucket;
use std::collections::BTreeSet;

/// Undoes the level of `call.target` down to `base`. Without a base nothing was changed.
///
/// # Errors
/// `Gone` when the bucket no longer exists, `Denied` when another account owns the name now, and what kept the first read or the ledger
/// from answering. Nothing was changed then. What fails later is a failed step.
pub(crate) async fn release(call: &Call, base: Option<&BaseState>) -> Result<Vec<Step>, Fault> {
    let Some(base) = base else { return Ok(vec![]) };
    let opened = firebreak_s3::open(&call.config, &call.target);
    let (bucket, others) = futures::join!(Box::pin(opened), Box::pin(lineage::others(call)));
    let (bucket, others) = (bucket?, others?);
    // First, for every level: it tells whether the bucket is still there, and still the account's.
    let now = base::public_access_block(&bucket).await?;
    let of = Of { call, bucket: &bucket, base, others: &others };
    let mut steps = Box::pin(of.rules()).await;
    steps.extend(Box::pin(of.versioning()).await);
    steps.extend(Box::pin(of.encryption()).await);
    let block = Box::pin(block::restore(call, &bucket, (base, now), others.needs_block())).await;
    let is_closed = block.as_ref().is_some_and(|block| block.outcome == Outcome::Failed);
    steps.extend(block);
    if is_closed && !call.target.scope.is_whole() {
        // What S3 refused now would be missing in the policy afterwards.
        let why =
            "left as it is: public access is still blocked, and S3 takes no public policy back under the block: release again";
        steps.push(skipped(StepKind::RestorePolicy, Fault::malformed(why)));
    } else {
        steps.extend(Box::pin(policy::restore(call, &bucket, base, &others)).await);
    }
    Ok(steps)
}

/// What a release is of.
struct Of<'a> {
    call: &'a Call,
    bucket: &'a Bucket,
    base: &'a BaseState,
    others: &'a Others,
}

impl Of<'_> {
    async fn rules(&self) -> Vec<Step> {
        let Self { call, bucket, base, others } = self;
        let planned = &base.planned;
        let is_needed = |id: &str| others.needs_lifecycle(id);
        let (expiring, mut steps) = part(&planned.lifecycle, StepKind::EnableLifecycleRule, is_needed);
        if let Some(rules) = known(base.lifecycle.as_ref(), &expiring) {
            steps.extend(Box::pin(lifecycle::enable(bucket, rules, &expiring, &call.failed_steps)).await);
        }
        let is_needed = |id: &str| others.needs_replication(id);
        let (replicating, stay) = part(&planned.replication, StepKind::EnableReplicationRule, is_needed);
        steps.extend(stay);
        if let Some(rules) = known(base.replication.as_ref(), &replicating) {
            steps.extend(Box::pin(replication::enable(bucket, rules, &replicating, &call.failed_steps)).await);
        }
        steps
    }

    async fn versioning(&self) -> Option<Step> {
        if !self.base.planned.versioning {
            return None;
        }
        let stays = self.stays(StepKind::EnableVersioning, StepKind::SuspendVersioning, self.others.needs_versioning());
        Some(match stays {
            Some(stays) => stays,
            None => Box::pin(versioning::restore(self.bucket, self.base)).await,
        })
    }

    async fn encryption(&self) -> Option<Step> {
        if !self.base.planned.encryption {
            return None;
        }
        let stays = self.stays(StepKind::BlockCustomerKeys, StepKind::RestoreEncryption, self.others.needs_encryption());
        Some(match stays {
            Some(stays) => stays,
            None => Box::pin(encryption::restore(self.bucket, self.base)).await,
        })
    }

    /// Why something stays as it is: somebody needs it, or Firebreak could not change it, so somebody else did.
    fn stays(&self, changed: StepKind, restored: StepKind, is_needed: bool) -> Option<Step> {
        let not_ours = self.call.failed_steps.iter().any(|step| step.kind() == Some(changed));
        let why = match (is_needed, not_ours) {
            (true, _) => NEEDED,
            (_, true) => "the containment could not change it: whoever did may need it",
            _ => return None,
        };
        Some(skipped(restored, Fault::malformed(why)))
    }
}

/// Why a release leaves something.
const NEEDED: &str = "another level or incident that holds the bucket needs it: it stays as it is until that one is released";

/// The rules that may be enabled again, and a step for each that another level needs disabled.
fn part(planned: &BTreeSet<String>, kind: StepKind, is_needed: impl Fn(&str) -> bool) -> (BTreeSet<String>, Vec<Step>) {
    let (needed, ours): (Vec<&String>, Vec<&String>) = planned.iter().partition(|id| is_needed(id));
    let stays = |id: &String| skipped(StepName::about(kind, inert(id, 255)), Fault::malformed(NEEDED));
    (ours.into_iter().cloned().collect(), needed.into_iter().map(stays).collect())
}

/// The recorded rules, where there is one to enable.
fn known<'a>(rules: Option<&'a Rules>, ids: &BTreeSet<String>) -> Option<&'a Rules> {
    rules.filter(|_| !ids.is_empty())
}
