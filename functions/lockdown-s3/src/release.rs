//! Puts a bucket back as it was.
//!
//! Every part goes by three states: how it was, how Firebreak left it, and how it is now. What somebody else changed since is left and
//! shown, and so is what another level or incident needs. The rules come first, because nothing else waits for them. The public access
//! block comes before the policy: under the block S3 takes no public policy back.

mod block;
mod merge;
mod policy;
mod quarantined;
mod rules;

use crate::base::{self, BaseState, PublicAccessBlock};
use crate::lineage::{self, Others};
use crate::{encryption, versioning};
use firebreak::fault::Fault;
use firebreak::receipt::{Outcome, Step};
use firebreak::step::{StepKind, StepName};
use firebreak_function::containment::Call;
use firebreak_function::step::skipped;
use firebreak_s3::Bucket;
use policy::Door;
use tokio::time::sleep;

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
    // The release of another level can have added to it since it was handed to this one.
    let base = others.own().unwrap_or(base);
    // First, for every level: it tells whether the bucket is still there, and still the account's.
    let now = base::public_access_block(&bucket).await?;
    let not_ours = Box::pin(others.not_ours(call)).await?;
    let of = Of { call, bucket: &bucket, base, others: &others, not_ours: &not_ours };
    let mut steps = Box::pin(of.settings(now)).await;
    let is_closed = steps.iter().any(|step| step.is(StepKind::RestorePublicAccessBlock) && step.outcome == Outcome::Failed);
    if is_closed && !call.target.scope.is_whole() {
        // What S3 refused now would be missing in the policy afterwards.
        let why =
            "left as it is: public access is still blocked, and S3 takes no public policy back under the block: release again";
        steps.push(skipped(StepKind::RestorePolicy, Fault::malformed(why)));
    } else {
        let door = door(&steps, (base.public_access_block, now));
        let policy = Box::pin(of.policy(door)).await;
        let is_done = policy.iter().all(|step| step.outcome != Outcome::Failed);
        steps.extend(policy);
        if is_done {
            steps.extend(Box::pin(quarantined::take_out(&of, door)).await);
        }
    }
    Ok(steps)
}

/// What a release is of.
struct Of<'a> {
    call: &'a Call,
    bucket: &'a Bucket,
    base: &'a BaseState,
    others: &'a Others,
    /// Steps of the containment that failed: what they would have changed is somebody else's.
    not_ours: &'a [StepName],
}

impl Of<'_> {
    /// Everything but the policy. `now` is the public access block as it is.
    async fn settings(&self, now: Option<PublicAccessBlock>) -> Vec<Step> {
        let steps = Box::pin(self.each_setting(now)).await;
        if !is_perhaps_old(&steps) {
            return steps;
        }
        sleep(self.call.settle).await;
        // A read that fails now says nothing new.
        let Ok(now) = base::public_access_block(self.bucket).await else { return steps };
        newest(&steps, Box::pin(self.each_setting(now)).await)
    }

    async fn each_setting(&self, now: Option<PublicAccessBlock>) -> Vec<Step> {
        let mut steps = Box::pin(rules::restore(self)).await;
        steps.extend(Box::pin(self.versioning()).await);
        steps.extend(Box::pin(self.encryption()).await);
        steps.extend(Box::pin(block::restore(self, now)).await);
        steps
    }

    async fn policy(&self, door: Door) -> Vec<Step> {
        let steps = Box::pin(policy::restore(self, door)).await;
        if !is_perhaps_old(&steps) {
            return steps;
        }
        sleep(self.call.settle).await;
        newest(&steps, Box::pin(policy::restore(self, door)).await)
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
        let why = match (is_needed, self.could_not(changed)) {
            (true, _) => NEEDED,
            (_, true) => THEIRS,
            _ => return None,
        };
        Some(skipped(restored, Fault::malformed(why)))
    }

    /// Whether Firebreak could not change it.
    fn could_not(&self, change: StepKind) -> bool {
        self.not_ours.iter().any(|step| step.kind() == Some(change))
    }
}

/// Why a release leaves something.
const NEEDED: &str = "another level or incident that holds the bucket needs it: it stays as it is until that one is released";
/// The same.
const THEIRS: &str = "the containment could not change it: whoever did may need it";

/// Whether a part looked as if it were back already, and nothing is to be tried again anyway. What S3 shows of a bucket's configuration can be
/// older than the last change (Amazon S3 user guide, "Amazon S3 data consistency model"): behind a look that has just written again, a
/// release would end and leave that there for good.
fn is_perhaps_old(steps: &[Step]) -> bool {
    let has = |outcome| steps.iter().any(|step| step.outcome == outcome);
    has(Outcome::Already) && !has(Outcome::Failed)
}

/// The steps of the second pass. What the first one changed is changed.
fn newest(first: &[Step], later: Vec<Step>) -> Vec<Step> {
    let changed = |step: &Step| first.iter().find(|known| known.name == step.name && known.outcome == Outcome::Applied);
    let one = |step: Step| match changed(&step) {
        Some(known) if step.outcome == Outcome::Already => known.clone(),
        _ => step,
    };
    later.into_iter().map(one).collect()
}

/// Whether S3 can take a public policy now. `before` and `now` are the public access block as recorded, and as it was when the release began.
fn door(steps: &[Step], (before, now): (Option<PublicAccessBlock>, Option<PublicAccessBlock>)) -> Door {
    let is_back =
        |step: &Step| step.is(StepKind::RestorePublicAccessBlock) && matches!(step.outcome, Outcome::Applied | Outcome::Already);
    let is_back = steps.iter().any(is_back);
    let shown = if is_back { before } else { now };
    if shown.is_some_and(|block| block.block_public_policy) {
        Door::Shut
    } else if is_back {
        Door::JustOpened
    } else {
        Door::Open
    }
}
