//! Locks: one writer at a time, for what AWS gives no condition to write on.
//!
//! A lock is a lease, won by one conditional write. Whoever is killed loses it when the lease ends. A writer that is slower than its
//! lease must not write: it asks [`Lock::lasts`] first.

use super::{Ledger, lost, sortable, text};
use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use firebreak::fault::{Fault, FaultKind};
use firebreak::ids::IncidentId;
use firebreak_aws::classify::OrFault;
use jiff::{SignedDuration, Timestamp};
use std::hash::{BuildHasher as _, Hasher as _, RandomState};

/// A lock that was won. It cannot be copied. Two attempts of one incident are two owners, unless the owner has a name of its own.
#[derive(Debug)]
#[must_use = "what is locked stays locked until the lease ends"]
pub struct Lock {
    name: String,
    owner: String,
    until: Timestamp,
}

impl Lock {
    /// Whether the lease reaches at least `time` beyond `at`.
    #[must_use]
    pub fn lasts(&self, time: SignedDuration, at: Timestamp) -> bool {
        at + time <= self.until
    }
}

impl Ledger {
    /// Locks `name` for one attempt of `incident` until `until`.
    ///
    /// # Errors
    /// The ledger could not be written; `Transient` while somebody else has the lock.
    pub async fn lock(&self, name: &str, incident: &IncidentId, at: Timestamp, until: Timestamp) -> Result<Lock, Fault> {
        // The incident is for people who look into the table; what makes the owner one of a kind is the number.
        let owner = format!("{incident}#{:016x}", RandomState::new().build_hasher().finish());
        let lock = self.lock_for(name, &owner, at, until).await?;
        lock.ok_or_else(|| Fault::new(FaultKind::Transient, format!("{name} is being changed for somebody else")))
    }

    /// Locks `name` for `owner` until `until`, also where `owner` has the lock already: a run that was killed must not keep the next one
    /// waiting. Two runs of one owner at the same time must write the same. Nothing while somebody else has the lock.
    ///
    /// # Errors
    /// The ledger could not be written.
    pub async fn lock_for(&self, name: &str, owner: &str, at: Timestamp, until: Timestamp) -> Result<Option<Lock>, Fault> {
        let locked = self
            .update_lock(name)
            .update_expression("SET locked_by = :me, locked_until = :until")
            // The SDK repeats a call whose answer got lost: it finds its own lock.
            .condition_expression("attribute_not_exists(locked_by) OR locked_until < :now OR locked_by = :me")
            .expression_attribute_values(":me", text(owner))
            .expression_attribute_values(":until", text(sortable(until)))
            .expression_attribute_values(":now", text(sortable(at)))
            .send()
            .await;
        if lost(&locked) {
            return Ok(None);
        }
        locked.or_fault("ledger: lock")?;
        Ok(Some(Lock { name: name.to_owned(), owner: owner.to_owned(), until }))
    }

    /// Ends `lock`. One that ended before, because its lease did, is somebody else's now and stays as it is.
    ///
    /// # Errors
    /// The ledger could not be written.
    pub async fn unlock(&self, lock: Lock) -> Result<(), Fault> {
        let unlocked = self
            .update_lock(&lock.name)
            .update_expression("REMOVE locked_by, locked_until")
            .condition_expression("locked_by = :me")
            .expression_attribute_values(":me", text(lock.owner))
            .send()
            .await;
        if lost(&unlocked) {
            return Ok(());
        }
        unlocked.or_fault("ledger: unlock")?;
        Ok(())
    }

    fn update_lock(&self, name: &str) -> UpdateItemFluentBuilder {
        self.update(text(format!("lock#{name}")), text("lock"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_lasts_as_long_as_its_lease_and_no_longer() {
        let until = Timestamp::UNIX_EPOCH + SignedDuration::from_secs(60);
        let lock = Lock { name: "p-x".to_owned(), owner: "fb-1".to_owned(), until };
        let at = |seconds| Timestamp::UNIX_EPOCH + SignedDuration::from_secs(seconds);
        assert!(lock.lasts(SignedDuration::from_secs(20), at(40)));
        assert!(!lock.lasts(SignedDuration::from_secs(20), at(41)));
        assert!(!lock.lasts(SignedDuration::ZERO, at(61)));
    }
}
