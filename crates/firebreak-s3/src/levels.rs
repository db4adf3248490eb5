//! The statements by which `lockdown-s3` closes a bucket, level by level, by their names.
//!
//! S3 takes a bucket policy whole. So whoever writes one must know which statements of Firebreak's in it belong to nobody any more: S3 can show
//! a statement for some time after the release that took it out (Amazon S3 user guide, "Amazon S3 data consistency model"), and nobody would
//! take it out again.

use firebreak::containment::Containment;
use firebreak::fault::Fault;
use firebreak::target::{Scope, Target};
use firebreak_aws::clock;
use firebreak_ledger::{Held, Ledger};
use std::collections::BTreeSet;

/// Denies the suspects' users and roles.
pub const DENY_SUSPECTS: &str = "FirebreakDenySuspects";
/// Denies single sessions, and users by their id. With a number behind it: sessions of one role whose id is not known.
pub const DENY_SESSIONS: &str = "FirebreakDenySuspectsSessions";
/// Denies callers outside the organization whom the policy does not name.
pub const DENY_OUTSIDERS: &str = "FirebreakDenyOutsiders";
/// Refuses objects under keys that the caller keeps (SSE-C).
pub const DENY_CUSTOMER_KEYS: &str = "FirebreakDenyCustomerKeys";
/// Denies what destroys.
pub const DENY_DESTRUCTION: &str = "FirebreakDenyDestruction";
/// Denies everything.
pub const SEAL: &str = "FirebreakSeal";

/// The levels that have a base of their own.
pub const LEVELS: [Scope; 4] = [Scope::Principal, Scope::Freeze, Scope::Destruction, Scope::Seal];

/// The Sids of a level's statements. [`DENY_SESSIONS`] can have a number behind it.
#[must_use]
pub fn sids_of(level: Scope) -> &'static [&'static str] {
    match level {
        Scope::Freeze => &[DENY_SUSPECTS, DENY_SESSIONS, DENY_OUTSIDERS, DENY_CUSTOMER_KEYS],
        Scope::Destruction => &[DENY_DESTRUCTION],
        Scope::Seal => &[SEAL],
        _ => &[],
    }
}

/// The level of `bucket` whose row in the ledger has this key: the second half of [`Held::key`].
#[must_use]
pub fn level_of(bucket: &Target, key: &str) -> Option<Scope> {
    LEVELS.into_iter().find(|level| {
        let target = Target { scope: *level, ..bucket.clone() };
        Held { target: &target, containment: Containment::LockdownS3 }.key().1 == key
    })
}

/// How the statements of the levels begin that are not among `present`.
#[must_use]
pub fn free_sids_beside(present: &BTreeSet<Scope>) -> Vec<&'static str> {
    LEVELS.into_iter().filter(|level| !present.contains(level)).flat_map(sids_of).copied().collect()
}

/// How the statements of the levels of `bucket` begin that nobody holds.
///
/// # Errors
/// The ledger could not be read.
pub async fn free_sids(ledger: &Ledger, bucket: &Target) -> Result<Vec<&'static str>, Fault> {
    let held = Held { target: bucket, containment: Containment::LockdownS3 };
    let rows = ledger.rows_of(held, clock::now()).await?;
    let are_held = rows.iter().filter(|(_, row)| !row.holders.is_empty());
    Ok(free_sids_beside(&are_held.filter_map(|(key, _)| level_of(bucket, key)).collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_of_a_level_that_nobody_holds_are_nobodys() {
        let free = free_sids_beside(&BTreeSet::from([Scope::Seal, Scope::Destruction]));
        assert_eq!(free, sids_of(Scope::Freeze));
    }
}
