//! What a bucket shows of the objects and of its policy.

use crate::base::{BaseState, Known};
use crate::find::{self, Found};
use crate::shared;
use crate::statement::{self, SID};
use crate::tags::{self, KEY, Tags};
use firebreak::fault::{Fault, FaultKind};
use firebreak::objects::ObjectVersion;
use firebreak_s3::Bucket;
use firebreak_s3::policy::{self, Document};
use futures::FutureExt as _;
use futures::future::join_all;

/// One read.
#[derive(Debug)]
pub(crate) struct Seen {
    /// Each object of the target.
    pub(crate) objects: Vec<(ObjectVersion, Result<Tagged, Fault>)>,
    /// The policy of the bucket.
    pub(crate) policy: Result<Document, Fault>,
}

/// An object that is there.
#[derive(Debug, Clone)]
pub(crate) struct Tagged {
    pub(crate) found: Found,
    pub(crate) tags: Tags,
}

impl Tagged {
    /// Whether it has Firebreak's tag, whatever the value.
    pub(crate) fn is_marked(&self) -> bool {
        self.tags.contains_key(KEY)
    }
}

/// Reads the objects and the policy, at the same time.
pub(crate) async fn see(bucket: &Bucket, objects: &[ObjectVersion]) -> Seen {
    let each = objects.iter().map(|object| async move { (object.clone(), read(bucket, object).await) }.boxed_local());
    let (policy, objects) = futures::join!(policy::get(bucket).boxed_local(), join_all(each));
    Seen { objects, policy }
}

/// One object.
///
/// # Errors
/// `Gone` when it does not exist, and read errors.
pub(crate) async fn read(bucket: &Bucket, object: &ObjectVersion) -> Result<Tagged, Fault> {
    let found = Box::pin(find::find(bucket, object)).await?;
    let tags = Box::pin(tags::get(bucket, &found)).await?;
    Ok(Tagged { found, tags })
}

/// Whether the fault of an object is that there is none.
pub(crate) fn is_gone(read: &Result<Tagged, Fault>) -> bool {
    read.as_ref().is_err_and(|fault| fault.kind == FaultKind::Gone)
}

impl Seen {
    /// Whether the policy has statements of Firebreak's that begin so.
    pub(crate) fn has(&self, sids: &[&str]) -> bool {
        self.policy.as_ref().is_ok_and(|now| now.without(sids).statements().len() < now.statements().len())
    }

    /// The same, without statements of Firebreak's that nobody holds: `free` says how they begin.
    pub(crate) fn without(self, free: &[&str]) -> Self {
        Self { policy: self.policy.map(|now| now.without(free)), ..self }
    }

    /// Why none of the objects exists, by the first of them. Nothing: one does, or that is not known.
    pub(crate) fn all_gone(&self) -> Option<&str> {
        let are_gone = self.objects.iter().all(|(_, read)| is_gone(read));
        let first = self.objects.iter().find_map(|(_, read)| read.as_ref().err());
        first.filter(|_| are_gone).map(|fault| fault.message.as_str())
    }

    /// Whether the bucket policy has the statement as Firebreak writes it.
    ///
    /// # Errors
    /// The policy could not be read.
    pub(crate) fn denies(&self, bucket: &Bucket) -> Result<bool, Fault> {
        let now = self.policy.as_ref().map_err(Clone::clone)?;
        statement::of(bucket).map(|ours| statement::is_in(now, &ours))
    }

    /// The state to record: as it was before Firebreak, also where another set of objects changed it earlier.
    pub(crate) fn base(&self, others: &[BaseState]) -> BaseState {
        let there = self.objects.iter().filter_map(|(object, read)| Some((object, read.as_ref().ok()?)));
        let objects = there
            .map(|(object, tagged)| Known { object: object.clone(), tags: shared::tags_before(object, &tagged.tags, others) });
        let policy = self.policy.as_ref().ok().and_then(|now| {
            let rest = now.without_exactly(SID);
            if rest.statements().len() == now.statements().len() { now.render() } else { shared::text_before(&rest, others) }
        });
        BaseState { objects: objects.collect(), policy, policy_known: self.policy.is_ok() }
    }
}
