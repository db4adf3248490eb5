//! For `firebreak s3 recovery-plan`: which objects of a bucket were deleted or overwritten since an incident began, and which version of
//! each is from before. It reads a listing, and changes nothing.

mod judge;
mod keeps;
mod listing;
mod named;
mod page;

use firebreak::fault::Fault;
use firebreak::incident::Incident;
use firebreak::recovery::{Keeps, Losses, Seen, Wanted};
use firebreak::target::{Target, TargetKind};
use firebreak::text::inert;
use firebreak_aws::clients::MemberRole;
use firebreak_function::about;
use firebreak_function::containment::Responder;
use firebreak_ledger::Ledger;
use jiff::Timestamp;
use listing::Walk;
use tokio::time::Instant;

/// All that the session of a plan may do. `HeadBucket` needs `s3:ListBucket`.
const CALLS: [&str; 4] = ["s3:GetBucketLocation", "s3:GetBucketVersioning", "s3:ListBucket", "s3:ListBucketVersions"];
/// The longest key (Amazon S3 user guide, "Naming Amazon S3 objects"), in bytes.
const LONGEST_KEY: usize = 1024;

/// The incident that `wanted` names.
///
/// # Errors
/// `Gone` when there is none; the ledger could not be read.
pub(crate) async fn incident(ledger: &Ledger, wanted: &Wanted) -> Result<Incident, Fault> {
    about::incident(&wanted.incident);
    let record = ledger.record(&wanted.incident).await?;
    let gone = || Fault::gone(format!("there is no incident {}", wanted.incident));
    record.map(|record| record.incident).ok_or_else(gone)
}

/// What a bucket of `incident` lost since then, as much of it as one invocation has time and room for.
///
/// # Errors
/// `Malformed` when the bucket is none of the incident's, or the question has no answer; the bucket could not be reached or listed.
pub(crate) async fn losses(
    responder: &Responder,
    incident: &Incident,
    since: Timestamp,
    wanted: &Wanted,
) -> Result<Losses, Fault> {
    let began = Instant::now();
    // S3 says when a version was written in whole seconds.
    let since = Timestamp::from_second(since.as_second()).unwrap_or(since);
    let target = target(incident, &wanted.bucket)?;
    let prefixes = prefixes(wanted)?;
    let session = Box::pin(responder.aws().reader(&target, MemberRole::LockdownS3, &incident.id, &CALLS)).await?;
    let bucket = Box::pin(firebreak_s3::open(&session, &target)).await?;
    let losses = Losses {
        bucket: bucket.name.clone(),
        account: target.account.clone(),
        region: bucket.region.clone(),
        since,
        keeps: Box::pin(keeps::keeps(responder.ledger(), &bucket, &target, (&incident.id, since))).await,
        prefixes: wanted.prefixes.clone(),
        lost: vec![],
        by_hand: vec![],
        seen: Seen::default(),
        next: None,
    };
    if losses.keeps == Keeps::Nothing {
        return Ok(losses);
    }
    let mut walk = Walk::begin(&bucket, since, losses, began);
    if wanted.prefixes.is_empty() && wanted.after.is_none() {
        let keys = named::keys(responder.ledger(), incident, &bucket.name).await;
        Box::pin(walk.keys(&keys)).await?;
    }
    Box::pin(walk.prefixes(&prefixes, wanted.after.as_ref())).await?;
    Ok(walk.end())
}

/// The bucket as the incident knows it.
fn target(incident: &Incident, bucket: &str) -> Result<Target, Fault> {
    let targets = incident.decisions.iter().map(|decision| &decision.target);
    let its = targets.filter(|target| target.kind == TargetKind::S3Bucket).find(|target| target.id == bucket);
    let its = its.ok_or_else(|| Fault::malformed(format!("{} is no bucket of {}", inert(bucket, 80), incident.id)))?;
    Ok(its.whole())
}

/// What to list, each key once: a prefix that begins with another one is part of it.
fn prefixes(wanted: &Wanted) -> Result<Vec<String>, Fault> {
    if wanted.prefixes.len() > Wanted::MOST_PREFIXES {
        return Err(Fault::malformed(format!("ask for {} prefixes at most", Wanted::MOST_PREFIXES)));
    }
    if wanted.prefixes.iter().any(|prefix| prefix.len() > LONGEST_KEY) {
        return Err(Fault::malformed(format!("no key is longer than {LONGEST_KEY} bytes, so no prefix is")));
    }
    let mut sorted = wanted.prefixes.clone();
    sorted.sort();
    let mut prefixes: Vec<String> = Vec::new();
    for prefix in sorted {
        if prefixes.last().is_none_or(|last| !prefix.starts_with(last.as_str())) {
            prefixes.push(prefix);
        }
    }
    if prefixes.is_empty() {
        prefixes.push(String::new());
    }
    Ok(prefixes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use firebreak_testkit::room;

    fn wanted(prefixes: &[&str]) -> Wanted {
        let prefixes = prefixes.iter().map(|prefix| (*prefix).to_owned()).collect();
        Wanted { incident: room::incident("one"), bucket: "acme".to_owned(), prefixes, after: None }
    }

    #[test]
    fn no_key_is_listed_twice_and_no_prefix_is_the_whole_bucket() {
        assert_eq!(prefixes(&wanted(&["b/c", "a", "b/", "b/c/d", "a"])).expect("prefixes"), ["a", "b/"]);
        assert_eq!(prefixes(&wanted(&["x", ""])).expect("prefixes"), [""]);
        assert_eq!(prefixes(&wanted(&[])).expect("prefixes"), [""]);
        assert!(prefixes(&wanted(&["a"; Wanted::MOST_PREFIXES + 1])).is_err());
        assert!(prefixes(&wanted(&["a".repeat(LONGEST_KEY + 1).as_str()])).is_err());
    }
}
