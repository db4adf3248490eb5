//! What took the place of an object.
//!
//! In a bucket without versions the tag is written to a key, and somebody can write there at the same time: then what is there now has the tag,
//! and nobody found anything in it.

use crate::find::{self, Found};
use crate::seen::Tagged;
use crate::tags::{self, KEY};
use firebreak::fault::{Fault, FaultKind};
use firebreak::objects::ObjectVersion;
use firebreak::text::inert;
use firebreak_s3::Bucket;

/// What has the key of an object that is gone, and Firebreak's tag. Nothing: there is no such object, or the one that is gone had a version id,
/// which no other object gets.
///
/// # Errors
/// The tags could not be read.
pub(crate) async fn marked(bucket: &Bucket, object: &ObjectVersion) -> Result<Option<Tagged>, Fault> {
    if object.version().is_some() {
        return Ok(None);
    }
    let found = Found { key: object.key().to_owned(), version: None };
    match Box::pin(tags::get(bucket, &found)).await {
        Ok(tags) => Ok(tags.contains_key(KEY).then_some(Tagged { found, tags })),
        Err(fault) if fault.kind == FaultKind::Gone => Ok(None),
        Err(fault) => Err(fault),
    }
}

/// Makes sure that an object that has just got the tag is still the one that was meant.
///
/// # Errors
/// `Malformed` where something else has the tag now, `Gone` where nothing has, and read errors.
pub(crate) async fn not_meanwhile(bucket: &Bucket, object: &ObjectVersion) -> Result<(), Fault> {
    let gone = match Box::pin(find::find(bucket, object)).await {
        Err(fault) if fault.kind == FaultKind::Gone => fault,
        found => return found.map(drop),
    };
    match marked(bucket, object).await? {
        None => Err(gone),
        Some(_) => Err(Fault::malformed(format!(
            "{object} was replaced while it got the tag: what has its key now has the tag, and is denied until a release or a person takes the \
             tag off"
        ))),
    }
}

/// What people are told of an object that is gone.
pub(crate) async fn told(bucket: &Bucket, object: &ObjectVersion) -> String {
    let what = match marked(bucket, object).await {
        Ok(None) if object.version().is_some() => "what has its key now, if anything, is another version".to_owned(),
        Ok(None) => "what has its key now, if anything, is not in quarantine".to_owned(),
        Ok(Some(now)) => {
            let value = now.tags.get(KEY).map(|value| inert(value, 40)).unwrap_or_default();
            format!("what has its key now has the tag {KEY} ({value}) and is denied: a release or a person takes the tag off")
        }
        Err(fault) => format!("whether what has its key now has the tag {KEY} is not known: {}", fault.message),
    };
    format!("{object} is gone; {what}")
}
