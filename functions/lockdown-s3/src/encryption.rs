//! The default encryption of a bucket, and which encryption S3 refuses there.
//!
//! Whoever encrypts with a key of his own (SSE-C) leaves objects behind that nobody else can read: that is ransom. S3 refuses such
//! writes for a bucket whose encryption setting blocks them (S3 user guide, "Blocking or unblocking SSE-C for a general purpose bucket").

mod restore;

pub(crate) use restore::restore;

use crate::base::{Algorithm, BaseState, Encryption};
use aws_sdk_s3::types::{
    BlockedEncryptionTypes, EncryptionType, ServerSideEncryption, ServerSideEncryptionByDefault,
    ServerSideEncryptionConfiguration, ServerSideEncryptionRule,
};
use firebreak::fault::Fault;
use firebreak::receipt::{Outcome, Step};
use firebreak::step::StepKind;
use firebreak_aws::classify::{OrFault, code, fault};
use firebreak_function::step::{step, unrecorded};
use firebreak_s3::{Bucket, settled};

/// The customer's own keys.
const CUSTOMER_KEYS: &str = "SSE-C";
/// Nothing is refused.
const NONE: &str = "NONE";

/// What a base keeps of the setting. Nothing: the bucket has none, which S3 itself has not shown since January 2023.
///
/// # Errors
/// S3 did not say.
pub(crate) async fn read(bucket: &Bucket) -> Result<Option<Encryption>, Fault> {
    Ok(get(bucket).await?.map(|rules| recorded(&rules)))
}

/// Has S3 refuse keys of customers. `held`: the state before is recorded.
pub(crate) async fn block_customer_keys(bucket: &Bucket, base: &BaseState, held: bool) -> Step {
    let outcome = async {
        if base.encryption.as_ref().is_some_and(|setting| blocks(&setting.blocked)) {
            return Ok(Outcome::Already);
        }
        if !held {
            return Err(unrecorded());
        }
        settled(async || Box::pin(block(bucket)).await).await
    };
    step(StepKind::BlockCustomerKeys, Box::pin(outcome)).await
}

async fn block(bucket: &Bucket) -> Result<Outcome, Fault> {
    let mut rules = match Box::pin(get(bucket)).await? {
        Some(rules) if !rules.is_empty() => rules,
        // What S3 does without a setting (S3 user guide, "Setting default server-side encryption behavior for Amazon S3 buckets").
        _ => vec![by_default()?],
    };
    let before = recorded(&rules).blocked;
    if blocks(&before) {
        return Ok(Outcome::Already);
    }
    let others = before.into_iter().filter(|kind| kind != NONE);
    refuse(&mut rules, others.chain([CUSTOMER_KEYS.to_owned()]));
    Box::pin(put(bucket, rules)).await?;
    Ok(Outcome::Applied)
}

fn blocks(kinds: &[String]) -> bool {
    kinds.iter().any(|kind| kind == CUSTOMER_KEYS)
}

/// The rules of the setting. S3 takes one.
async fn get(bucket: &Bucket) -> Result<Option<Vec<ServerSideEncryptionRule>>, Fault> {
    let asked = bucket.s3.get_bucket_encryption().bucket(&bucket.name).expected_bucket_owner(&bucket.owner);
    match asked.send().await {
        Ok(answer) => Ok(answer.server_side_encryption_configuration.map(|setting| setting.rules)),
        Err(error) if code(&error) == Some("ServerSideEncryptionConfigurationNotFoundError") => Ok(None),
        Err(error) => Err(fault("s3:GetBucketEncryption", &error)),
    }
}

async fn put(bucket: &Bucket, rules: Vec<ServerSideEncryptionRule>) -> Result<(), Fault> {
    let setting = ServerSideEncryptionConfiguration::builder().set_rules(Some(rules)).build();
    let put = bucket.s3.put_bucket_encryption().bucket(&bucket.name).expected_bucket_owner(&bucket.owner);
    let put = put.server_side_encryption_configuration(setting.map_err(|_| Fault::bug("an encryption setting without rules"))?);
    put.send().await.or_fault("s3:PutBucketEncryption").map(|_| ())
}

/// Writes into every rule what S3 refuses. Without the element S3 leaves what is in force
/// (<https://github.com/hashicorp/terraform-provider-aws/pull/47359>), so an empty list is written as `NONE`.
fn refuse(rules: &mut [ServerSideEncryptionRule], kinds: impl Iterator<Item = String>) {
    let mut kinds: Vec<EncryptionType> = kinds.map(|kind| EncryptionType::from(kind.as_str())).collect();
    if kinds.is_empty() {
        kinds.push(EncryptionType::None);
    }
    let blocked = BlockedEncryptionTypes::builder().set_encryption_type(Some(kinds)).build();
    for rule in rules {
        rule.blocked_encryption_types = Some(blocked.clone());
    }
}

fn by_default() -> Result<ServerSideEncryptionRule, Fault> {
    let default = ServerSideEncryptionByDefault::builder().sse_algorithm(ServerSideEncryption::Aes256).build();
    let default = default.map_err(|_| Fault::bug("an encryption without an algorithm"))?;
    Ok(ServerSideEncryptionRule::builder().apply_server_side_encryption_by_default(default).build())
}

fn recorded(rules: &[ServerSideEncryptionRule]) -> Encryption {
    let default = rules.iter().find_map(|rule| {
        let default = rule.apply_server_side_encryption_by_default()?;
        Some(Algorithm {
            kind: default.sse_algorithm().as_str().to_owned(),
            key: default.kms_master_key_id().map(str::to_owned),
            bucket_key: rule.bucket_key_enabled().unwrap_or(false),
        })
    });
    let blocked = rules.iter().filter_map(ServerSideEncryptionRule::blocked_encryption_types);
    let blocked = blocked.flat_map(BlockedEncryptionTypes::encryption_type).map(|kind| kind.as_str().to_owned()).collect();
    Encryption { default, blocked }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(rules: &[ServerSideEncryptionRule]) -> Vec<String> {
        recorded(rules).blocked
    }

    #[test]
    fn what_is_refused_is_said_in_every_rule_and_never_left_out() {
        let mut rules = vec![by_default().expect("a rule")];
        assert_eq!(kinds(&rules), [""; 0]);
        refuse(&mut rules, [CUSTOMER_KEYS.to_owned()].into_iter());
        assert_eq!(kinds(&rules), ["SSE-C"]);
        refuse(&mut rules, std::iter::empty());
        assert_eq!(kinds(&rules), ["NONE"], "without the element S3 would go on refusing");
    }

    #[test]
    fn a_kind_of_a_later_s3_is_kept_as_it_is_spelt() {
        let mut rules = vec![by_default().expect("a rule")];
        refuse(&mut rules, ["SSE-LATER".to_owned(), CUSTOMER_KEYS.to_owned()].into_iter());
        assert_eq!(kinds(&rules), ["SSE-LATER", "SSE-C"]);
    }
}
