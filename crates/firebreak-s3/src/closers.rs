//! For whom public access to a bucket is blocked and nothing else is denied. Meanwhile S3 takes no policy back that is public.

use crate::levels::level_of;
use firebreak::containment::Containment;
use firebreak::fault::Fault;
use firebreak::target::Target;
use firebreak_aws::clock;
use firebreak_ledger::{Held, Ledger};

/// The holders of the level of `bucket`'s lockdown that only blocks public access: incidents, and findings that joined one. A level that denies
/// more leaves out of the policy what S3 does not take back.
///
/// # Errors
/// The ledger could not be read.
pub async fn closers(ledger: &Ledger, bucket: &Target) -> Result<Vec<String>, Fault> {
    let held = Held { target: bucket, containment: Containment::LockdownS3 };
    let rows = ledger.rows_of(held, clock::now()).await?;
    let own = rows.into_iter().filter(|(key, _)| level_of(bucket, key).is_some_and(|level| level.is_whole()));
    Ok(own.flat_map(|(_, row)| row.holders).collect())
}
