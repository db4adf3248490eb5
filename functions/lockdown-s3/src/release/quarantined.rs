//! Takes the statement about objects in quarantine out of the policy where no object is in quarantine any more.
//!
//! The release of the last set leaves it there where S3 takes no policy back: a public one, under the block that this level takes off.

use super::Of;
use super::policy::{Door, TRIES, put_whole};
use crate::claimed::QUARANTINE;
use firebreak::containment::Containment;
use firebreak::fault::{Fault, FaultKind};
use firebreak::receipt::{Outcome, Step};
use firebreak::step::StepKind;
use firebreak::target::{Target, TargetKind};
use firebreak_aws::clock;
use firebreak_function::step::{skipped, step};
use firebreak_ledger::Held;
use firebreak_s3::policy::{self, Document};
use firebreak_s3::{settled, until_shown};
use tokio::time::sleep;

/// What people read of a statement that is left.
const STAYS: &str = "the statement about objects in quarantine stays in the bucket policy and denies nobody: no incident holds such an object. The \
                     release of the next set of objects takes it out";
/// The same, where the policy or the ledger could not be read.
const UNKNOWN: &str = "whether the bucket policy has a statement about objects in quarantine that nobody needs is not known";

/// Nothing: there is no such statement, somebody needs it, or another level is released than the one that only blocks public access. That the
/// statement stays is no failure, but a passing fault is: the next try takes it out.
pub(super) async fn take_out(of: &Of<'_>, door: Door) -> Option<Step> {
    if !of.call.target.scope.is_whole() || door == Door::Shut {
        return None;
    }
    let (fault, words) = match Box::pin(wanted(of)).await {
        Ok(None) => return None,
        Ok(Some(wanted)) => match Box::pin(write(of, &wanted)).await {
            Ok(()) => return Some(step(StepKind::RestorePolicy, async { Ok(Outcome::Applied) }).await),
            Err(fault) => (fault, STAYS),
        },
        Err(fault) => (fault, UNKNOWN),
    };
    if fault.kind == FaultKind::Transient {
        return Some(step(StepKind::RestorePolicy, async { Err(fault) }).await);
    }
    Some(skipped(StepKind::RestorePolicy, Fault::new(fault.kind, format!("{words}: {}", fault.message))))
}

/// The policy without the statement; nothing: it stays as it is.
async fn wanted(of: &Of<'_>) -> Result<Option<Document>, Fault> {
    let Of { call, bucket, base, others, .. } = of;
    let there = Box::pin(policy::get(bucket)).await?.without(&others.free_sids());
    let claims = others.claims(call.target.scope);
    // A statement of another form only calls itself so.
    if there.sid(QUARANTINE).is_none_or(|known| !claims.has(&there, known)) {
        return Ok(None);
    }
    let sets = Target::new(TargetKind::S3Object, call.target.id.clone(), call.target.place());
    let held = Held { target: &sets, containment: Containment::QuarantineObject };
    let rows = call.ledger.rows_of(held, clock::now()).await?;
    if rows.iter().any(|(_, row)| !row.holders.is_empty()) {
        return Ok(None);
    }
    let rest = there.without_exactly(QUARANTINE);
    // Byte for byte, where nobody changed anything else since the block.
    let recorded = Document::parse(base.policy.as_deref()).ok().filter(|recorded| recorded.is_same(&rest));
    Ok(Some(recorded.unwrap_or(rest)))
}

/// S3 can go by the old block for some seconds.
async fn write(of: &Of<'_>, wanted: &Document) -> Result<(), Fault> {
    let Of { call, bucket, .. } = of;
    let Some(text) = wanted.render() else {
        Box::pin(policy::delete(bucket)).await?;
        Box::pin(until_shown(bucket, call.settle, |now| now.sid(QUARANTINE).is_none())).await;
        return Ok(());
    };
    let mut tries = 1;
    loop {
        match settled(async || Box::pin(put_whole(bucket, &text)).await).await {
            Err(fault) if fault.kind == FaultKind::Denied && tries < TRIES => sleep(call.settle).await,
            Err(fault) => return Err(fault),
            Ok(()) => break,
        }
        tries += 1;
    }
    Box::pin(until_shown(bucket, call.settle, |now| now.sid(QUARANTINE).is_none())).await;
    Ok(())
}
