//! Whether a bucket kept what was deleted and overwritten since an incident began. S3 says only how versioning is now, so a freeze tells how
//! it was: by its record, and after a release by its receipt and by that of the release.

use crate::base::{BaseState, Part, Versioning};
use aws_sdk_s3::types::BucketVersioningStatus;
use firebreak::containment::Containment;
use firebreak::fault::Fault;
use firebreak::ids::IncidentId;
use firebreak::receipt::{Outcome, Receipt, Step};
use firebreak::recovery::Keeps;
use firebreak::step::StepKind;
use firebreak::target::{Scope, Target, TargetKind};
use firebreak_aws::classify::OrFault;
use firebreak_aws::clock;
use firebreak_ledger::{Held, Ledger, Row};
use firebreak_s3::Bucket;
use futures::future::try_join_all;
use jiff::Timestamp;
use std::collections::BTreeSet;

/// So many incidents that froze the bucket are looked into.
const MOST_INCIDENTS: usize = 10;

/// An incident, and when it began.
pub(super) type Began<'a> = (&'a IncidentId, Timestamp);

/// Whether the bucket keeps what is deleted and overwritten, and did when the incident began. What cannot be read is no reason not to list.
pub(super) async fn keeps(ledger: &Ledger, bucket: &Bucket, target: &Target, incident: Began<'_>) -> Keeps {
    let ask = bucket.s3.get_bucket_versioning().bucket(&bucket.name).expected_bucket_owner(&bucket.owner);
    let (now, before) = futures::join!(Box::pin(ask.send()), Box::pin(before(ledger, target, incident)));
    let before = before.unwrap_or_else(|fault| {
        tracing::warn!(fault.message = %fault.message, "how the versioning of the bucket was is not known");
        None
    });
    match now.or_fault("s3:GetBucketVersioning") {
        Err(fault) => {
            tracing::warn!(fault.message = %fault.message, "the versioning of the bucket is not known");
            Keeps::Unknown
        }
        Ok(answer) => match (answer.status, before) {
            (None, _) => Keeps::Nothing,
            (Some(_), Some(Versioning::Never)) => Keeps::SinceTheIncident,
            (Some(BucketVersioningStatus::Enabled), None) => Keeps::Unknown,
            (Some(BucketVersioningStatus::Enabled), Some(Versioning::Enabled)) => Keeps::Versions,
            (Some(_), _) => Keeps::Suspended,
        },
    }
}

/// The versioning that a freeze of the bucket found. Nothing: no freeze says so.
async fn before(ledger: &Ledger, target: &Target, incident: Began<'_>) -> Result<Option<Versioning>, Fault> {
    let freeze = Target { scope: Scope::Freeze, ..target.clone() };
    let held = Held { target: &freeze, containment: Containment::LockdownS3 };
    let row = ledger.row(held, clock::now()).await?;
    if let Some(base) = row.base::<BaseState>()? {
        return Ok(Some(base.versioning).filter(|_| !base.unknown.contains(&Part::Versioning)));
    }
    Ok(told(&Box::pin(steps(ledger, &freeze, &row, incident)).await?))
}

/// The steps of the freeze and of its release, also for other incidents since this one began: the last one that let go has put the bucket
/// back, and the first one has changed it.
async fn steps(ledger: &Ledger, freeze: &Target, row: &Row, (own, since): Began<'_>) -> Result<Vec<Step>, Fault> {
    let holders = row.holders.iter().chain(&row.released_by).filter_map(|name| IncidentId::parse(name).ok());
    let others: BTreeSet<IncidentId> = holders.filter(|id| id != own).collect();
    if others.len() >= MOST_INCIDENTS {
        return Err(Fault::malformed(format!("{} incidents froze the bucket: too many to look into", others.len())));
    }
    let views = std::iter::once(own).chain(&others).map(|id| ledger.incident(id));
    let is_own = |receipt: &Receipt| {
        let Target { kind, scope, id, .. } = &receipt.target;
        *kind == TargetKind::S3Bucket && *scope == Scope::Freeze && *id == freeze.id
    };
    let mut steps = Vec::new();
    for view in try_join_all(views).await?.into_iter().flatten() {
        let is_meant = |at: Timestamp| view.record.incident.id == *own || at >= since;
        let receipts = view.receipts.into_iter().chain(view.releases).filter(is_own);
        let meant = receipts.filter(|receipt| receipt.finished_at.is_none_or(is_meant));
        steps.extend(meant.flat_map(|receipt| receipt.steps));
    }
    Ok(steps)
}

/// How versioning was, by steps of freezes and of their releases. Only where a freeze had to switch it on, a release has a step about it.
/// What is left open is taken for the worse: that it had never been on.
fn told(steps: &[Step]) -> Option<Versioning> {
    let ended = |kind: StepKind, outcome: Outcome| steps.iter().any(|step| step.is(kind) && step.outcome == outcome);
    if ended(StepKind::SuspendVersioning, Outcome::Applied) {
        return Some(Versioning::Suspended);
    }
    let is_put_back = steps.iter().any(|step| step.is(StepKind::SuspendVersioning));
    if is_put_back || ended(StepKind::EnableVersioning, Outcome::Applied) {
        return Some(Versioning::Never);
    }
    ended(StepKind::EnableVersioning, Outcome::Already).then_some(Versioning::Enabled)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(kind: StepKind, outcome: Outcome) -> Step {
        Step { name: kind.into(), outcome, error: None, digest: None, started_at: Timestamp::UNIX_EPOCH, ms: 0 }
    }

    #[test]
    fn what_a_freeze_switched_on_was_off_whoever_says_so() {
        use Outcome::{Already, Applied, Failed, Skipped};
        use StepKind::{EnableVersioning, SuspendVersioning};
        for (steps, before) in [
            (vec![], None),
            (vec![(EnableVersioning, Failed)], None),
            (vec![(EnableVersioning, Already)], Some(Versioning::Enabled)),
            (vec![(EnableVersioning, Applied)], Some(Versioning::Never)),
            // A run that was killed after the change: the next one found it on.
            (vec![(EnableVersioning, Already), (SuspendVersioning, Skipped)], Some(Versioning::Never)),
            // Another incident's freeze switched it on, and this one's found it on.
            (vec![(EnableVersioning, Already), (EnableVersioning, Applied)], Some(Versioning::Never)),
            (vec![(EnableVersioning, Applied), (SuspendVersioning, Applied)], Some(Versioning::Suspended)),
        ] {
            let told = told(&steps.iter().map(|(kind, outcome)| step(*kind, *outcome)).collect::<Vec<_>>());
            assert_eq!(told, before, "{steps:?}");
        }
    }
}
