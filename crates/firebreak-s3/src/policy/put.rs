//! Writes a policy, without the statements that S3 does not take.
//!
//! S3 may refuse what it gave. Two such cases are known, and a containment must not fail on either:
//!
//! - A user or role was deleted. The policy then shows an id in place of the ARN, and S3 answers 400 `MalformedPolicy`, "Invalid principal
//!   in policy" (AWS knowledge center, "s3-invalid-principal-in-policy-error"; the code is from public reports).
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

const PUT: &str = "s3:PutBucketPolicy";

/// How often statements that were left out are tried again. One wrong statement of 20 takes about 10 tries, each about 0.1 s.
const TRIES: usize = 32;

/// Writes the policy, and returns the statements that were left out because S3 refuses them. An Allow can be left out, a Deny never.
///
/// First all statements that S3 may have refused are left out together, so that a containment stands early. Then as many as S3 takes are
/// put back; until then somebody innocent may be without access. What S3 does not answer about, or what is not tried in time, stays out
/// and is returned, too.
///
/// Every statement returned: nothing would have been left, and nothing was written. A release then [deletes](fn@super::delete) the policy.
///
/// # Errors
/// S3's answer, where leaving out does not help: a Deny or a statement of Firebreak's is refused, the caller may write no policy, or the
/// policy has more than [`LIMIT`] bytes. The bucket's policy is as it was then.
pub async fn put(bucket: &Bucket, document: &Document) -> Result<Vec<Value>, Fault> {
    let Some(refusal) = Box::pin(write(bucket, document)).await? else { return Ok(vec![]) };
    // A shorter policy would fit. What goes is then no question of what S3 happens to refuse.
    if document.bytes() > LIMIT {
        return Err(refusal.fault);
    }
    let out = Box::pin(reduce(bucket, document, refusal)).await?;
    let out = Box::pin(put_back(bucket, document, out)).await;
    let all = document.statements().iter().enumerate();
    Ok(all.filter(|(at, _)| out.contains(at)).map(|(_, statement)| statement.clone()).collect())
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
        let told = "S3 refuses the bucket policy also without what allows something, and a Deny is never left out";
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
async fn reduce(bucket: &Bucket, document: &Document, mut refusal: Refusal) -> Result<BTreeSet<usize>, Fault> {
    let mut out = BTreeSet::new();
    loop {
        let more = candidates::next(document, refusal.why, &out);
        if more.is_empty() {
            return Err(refusal.final_fault(&out));
        }
        out.extend(more);
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

/// Puts back what S3 takes, in halves of halves: what it refuses is found in few tries. A single statement was refused already.
async fn put_back(bucket: &Bucket, document: &Document, mut out: BTreeSet<usize>) -> BTreeSet<usize> {
    let mut groups = halves(&out.iter().copied().collect::<Vec<usize>>());
    for _ in 0..TRIES {
        let Some(group) = groups.pop() else { break };
        let without: BTreeSet<usize> = out.iter().copied().filter(|at| !group.contains(at)).collect();
        match Box::pin(write(bucket, &document.leaving_all_out(&without))).await {
            Ok(None) => out = without,
            Ok(Some(_)) => groups.extend(halves(&group)),
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
