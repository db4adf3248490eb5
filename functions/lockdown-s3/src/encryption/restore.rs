//! Lets S3 take again what it took before.
#![expect(clippy::disallowed_methods, reason = "this is the release of the encryption setting")]

use super::{CUSTOMER_KEYS, NONE, blocks, get, put, recorded, refuse};
use crate::base::{Algorithm, BaseState, Encryption};
use aws_sdk_s3::types::ServerSideEncryption;
use firebreak::fault::Fault;
use firebreak::receipt::{Outcome, Step};
use firebreak::step::StepKind;
use firebreak_aws::classify::OrFault;
use firebreak_function::step::step;
use firebreak_s3::{Bucket, settled};
use std::collections::BTreeSet;

/// Takes keys of customers off what S3 refuses, unless they were refused before. The default encryption stays as it is, whoever changed
/// it since.
pub(crate) async fn restore(bucket: &Bucket, base: &BaseState) -> Step {
    let before = base.encryption.as_ref();
    let outcome = async {
        if !base.planned.encryption || before.is_some_and(|setting| blocks(&setting.blocked)) {
            return Ok(Outcome::Already);
        }
        settled(async || Box::pin(unblock(bucket, before)).await).await
    };
    step(StepKind::RestoreEncryption, Box::pin(outcome)).await
}

async fn unblock(bucket: &Bucket, before: Option<&Encryption>) -> Result<Outcome, Fault> {
    let Some(mut rules) = Box::pin(get(bucket)).await? else { return Ok(Outcome::Already) };
    let now = recorded(&rules);
    if !blocks(&now.blocked) {
        return Ok(Outcome::Already);
    }
    if before.is_none() && is_ours(&now) {
        // Absent is not the same as the default, although S3 does the same for both.
        let delete = bucket.s3.delete_bucket_encryption().bucket(&bucket.name).expected_bucket_owner(&bucket.owner);
        Box::pin(delete.send()).await.or_fault("s3:DeleteBucketEncryption")?;
        return Ok(Outcome::Applied);
    }
    let before = before.map(|setting| setting.blocked.clone()).unwrap_or_default();
    refuse(&mut rules, left(&before, &now.blocked).into_iter());
    Box::pin(put(bucket, rules)).await?;
    Ok(Outcome::Applied)
}

/// Whether the setting is the one that a containment makes where there is none.
fn is_ours(now: &Encryption) -> bool {
    let is_default = |default: &Algorithm| {
        default.kind == ServerSideEncryption::Aes256.as_str() && default.key.is_none() && !default.bucket_key
    };
    now.default.as_ref().is_some_and(is_default) && now.blocked == [CUSTOMER_KEYS]
}

/// What S3 refuses from now on: as before, spelt as before, unless somebody has changed the rest of it since.
fn left(before: &[String], now: &[String]) -> Vec<String> {
    let others = |kinds: &[String]| kinds.iter().filter(|kind| *kind != CUSTOMER_KEYS && *kind != NONE).cloned().collect();
    let (then, rest): (BTreeSet<String>, BTreeSet<String>) = (others(before), others(now));
    if then == rest { before.to_vec() } else { rest.into_iter().collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(kinds: &[&str]) -> Vec<String> {
        kinds.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn what_was_refused_is_spelt_as_before_and_what_somebody_added_stays() {
        let left = |before: &[&str], now: &[&str]| left(&list(before), &list(now));
        assert_eq!(left(&["NONE"], &["SSE-C"]), ["NONE"]);
        assert_eq!(left(&[], &["SSE-C"]), [""; 0]);
        assert_eq!(left(&["NONE"], &["SSE-LATER", "SSE-C"]), ["SSE-LATER"]);
        assert_eq!(left(&["SSE-LATER"], &["SSE-C", "SSE-LATER"]), ["SSE-LATER"]);
        assert_eq!(left(&["SSE-LATER"], &["SSE-C"]), [""; 0], "somebody took it off since");
    }
}
