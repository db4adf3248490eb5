//! Writes a policy, without the statements that S3 does not take.
//!
//! S3 may refuse what it gave. Two such cases are known, and a containment must not fail on either:
//!
//! - A user or role was deleted. The policy then shows an id in place of the ARN, and S3 answers 400 `MalformedPolicy`, "Invalid principal
//!   in policy" (AWS knowledge center, "s3-invalid-principal-in-policy-error"; the code is from public reports). A Deny denies as many
//!   without them: it is written without them, and left out where it names nobody else.
//! - A statement is public, and `BlockPublicPolicy` was switched on for the bucket, its account or its organization since. S3 answers
//!   `AccessDenied`, as to a caller who may not write policies (Automated Security Response on AWS, "Issues with specific remediations",
//!   "`SetSSLBucketPolicy` fails with `AccessDenied` error").
//!
//! `ConfirmRemoveSelfBucketAccess` is never sent.

use super::candidates::{self, Why};
use super::{Document, LIMIT};
use crate::open::Bucket;
use crate::settled::settled;
use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::error::SdkError;
use aws_sdk_s3::operation::put_bucket_policy::PutBucketPolicyError;
use firebreak::fault::Fault;
use firebreak_aws::classify::{code, fault};
use serde_json::Value;
use std::collections::BTreeSet;
use std::time::Duration;
use tokio::time::Instant;

const PUT: &str = "s3:PutBucketPolicy";

/// How often statements that were left out are tried again. One wrong statement of 20 takes about 10 tries, each about 0.1 s.
const TRIES: usize = 32;
/// No such try begins later. A function of 60 seconds has waited for its turn before, and writes six other settings after it.
const LONGEST: Duration = Duration::from_secs(10);

/// What S3 did not take as it was.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Refused {
    /// Statements that are not in the policy.
    pub left_out: Vec<Value>,
    /// Denies, as they were, that are in the policy without those of their principals who were deleted.
    pub cut: Vec<Value>,
}

/// Writes the policy, and returns what was left out because S3 refuses it. An Allow can be left out, and a Deny that
/// [denies nobody](super::denies_nobody) any more; no other Deny ever is.
///
/// First all statements that S3 may have refused are left out together, so that a containment stands early. Then as many as S3 takes are
/// put back; until then somebody innocent may be without access. What S3 does not answer about, or what is not tried in time, stays out
/// and is returned, too.
///
/// `before` gets all statements that the next write leaves out, before that write: a caller that is killed between two tries knows from
/// its record what to put back. A Deny that is only [cut](Refused::cut) is not among them: it denies whom it denied.
///
/// Every statement left out: nothing would have been left, and nothing was written. A release then [deletes](fn@super::delete) the policy.
///
/// # Errors
/// S3's answer, where leaving out does not help: a Deny or a statement of Firebreak's is refused, the caller may write no policy, or the
/// policy has more than [`LIMIT`] bytes. That of `before`. The bucket's policy is as it was then.
pub async fn put(
    bucket: &Bucket,
    document: &Document,
    before: impl AsyncFnMut(&[Value]) -> Result<(), Fault>,
) -> Result<Refused, Fault> {
    let Some(refusal) = Box::pin(write(bucket, document)).await? else { return Ok(Refused::default()) };
    // A shorter policy would fit. What goes is then no question of what S3 happens to refuse.
    if document.bytes() > LIMIT {
        return Err(refusal.fault);
    }
    let (living, cut) = document.living();
    let refusal = if cut.is_empty() { Some(refusal) } else { Box::pin(write(bucket, &living)).await? };
    let out = match refusal {
        Some(refusal) => {
            let out = Box::pin(reduce(bucket, &living, refusal, before)).await?;
            Box::pin(put_back(bucket, &living, out)).await
        }
        None => BTreeSet::new(),
    };
    let cut: BTreeSet<usize> = cut.difference(&out).copied().collect();
    Ok(Refused { left_out: at(document, &out), cut: at(document, &cut) })
}

/// The statements at these places, in the order of the policy.
fn at(document: &Document, places: &BTreeSet<usize>) -> Vec<Value> {
    let all = document.statements().iter().enumerate();
    all.filter(|(at, _)| places.contains(at)).map(|(_, statement)| statement.clone()).collect()
}

/// S3 does not take the policy.
struct Refusal {
    why: Why,
    fault: Fault,
}

impl Refusal {
    fn of(error: &SdkError<PutBucketPolicyError, HttpResponse>) -> Option<Self> {
        let why = match code(error)? {
            "MalformedPolicy" => Why::Invalid,
            "AccessDenied" => Why::Denied,
            _ => return None,
        };
        Some(Self { why, fault: fault(PUT, error) })
    }

    /// No statement that could be left out is left.
    fn final_fault(self, out: &BTreeSet<usize>) -> Fault {
        if self.why == Why::Denied && out.is_empty() {
            return self.fault;
        }
        let told = "S3 refuses the bucket policy also without what allows something, and a Deny of somebody who exists is never left out";
        Fault::new(self.fault.kind, format!("{told}: {}", self.fault.message))
    }
}

/// Writes one version of the policy. Nothing: S3 took it.
async fn write(bucket: &Bucket, document: &Document) -> Result<Option<Refusal>, Fault> {
    let text = document.render().ok_or_else(|| Fault::bug("a bucket policy without statements is deleted, not written"))?;
    settled(async || {
        let put = bucket.s3.put_bucket_policy().bucket(&bucket.name).expected_bucket_owner(&bucket.owner).policy(&text);
        match put.send().await {
            Ok(_) => Ok(None),
            Err(error) => Refusal::of(&error).map(Some).ok_or_else(|| fault(PUT, &error)),
        }
    })
    .await
}

/// Leaves statements out until S3 takes the rest, or nothing is left.
async fn reduce(
    bucket: &Bucket,
    document: &Document,
    mut refusal: Refusal,
    mut before: impl AsyncFnMut(&[Value]) -> Result<(), Fault>,
) -> Result<BTreeSet<usize>, Fault> {
    let mut out = BTreeSet::new();
    loop {
        let more = candidates::next(document, refusal.why, &out);
        if more.is_empty() {
            return Err(refusal.final_fault(&out));
        }
        out.extend(more);
        Box::pin(before(&at(document, &out))).await?;
        let rest = document.leaving_all_out(&out);
        if rest.statements().is_empty() {
            return Ok(out);
        }
        match Box::pin(write(bucket, &rest)).await? {
            None => return Ok(out),
            Some(next) => refusal = next,
        }
    }
}

/// Puts back what S3 takes.
async fn put_back(bucket: &Bucket, document: &Document, out: BTreeSet<usize>) -> BTreeSet<usize> {
    let end = Instant::now() + LONGEST;
    let taken = async |out: &BTreeSet<usize>| {
        let written = Box::pin(write(bucket, &document.leaving_all_out(out))).await;
        written.map(|refusal| refusal.is_none())
    };
    Box::pin(fewest(out, || Instant::now() < end, taken)).await
}

/// What stays out, in halves of halves: what S3 refuses is found in few tries. A single statement was refused already. `is_taken`: S3 takes
/// the policy without these.
async fn fewest(
    mut out: BTreeSet<usize>,
    has_time: impl Fn() -> bool,
    mut is_taken: impl AsyncFnMut(&BTreeSet<usize>) -> Result<bool, Fault>,
) -> BTreeSet<usize> {
    let mut groups = halves(&out.iter().copied().collect::<Vec<usize>>());
    for _ in 0..TRIES {
        let Some(group) = groups.pop().filter(|_| has_time()) else { break };
        let without: BTreeSet<usize> = out.iter().copied().filter(|at| !group.contains(at)).collect();
        match is_taken(&without).await {
            Ok(true) => out = without,
            Ok(false) => groups.extend(halves(&group)),
            // The containment stands. Whether S3 took this is not known.
            Err(_) => break,
        }
    }
    out
}

/// The halves of a group, the first one last. One statement has none.
fn halves(group: &[usize]) -> Vec<Vec<usize>> {
    let (first, second) = group.split_at(group.len() / 2);
    if first.is_empty() { vec![] } else { vec![second.to_vec(), first.to_vec()] }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;

    /// What stays out of 20 statements of which S3 refuses the one at 13, and how often S3 was asked, where there is time for `tries`.
    async fn tried(tries: usize) -> (BTreeSet<usize>, usize) {
        let asked = Cell::new(0);
        let is_taken = async |out: &BTreeSet<usize>| {
            asked.set(asked.get() + 1);
            Ok::<_, Fault>(out.contains(&13))
        };
        let out = fewest((0..20).collect(), || asked.get() < tries, is_taken).await;
        (out, asked.get())
    }

    #[tokio::test]
    async fn what_is_not_tried_in_time_stays_out_with_what_s3_refuses() {
        let (out, _) = tried(TRIES).await;
        assert_eq!(out, BTreeSet::from([13]));
        // The first half goes back; the second one is refused, and then there is no time.
        assert_eq!(tried(2).await, ((10..20).collect(), 2));
        assert_eq!(tried(0).await, ((0..20).collect(), 0));
    }
}
