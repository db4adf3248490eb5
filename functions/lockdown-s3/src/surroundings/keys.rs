//! The KMS key with which a bucket encrypts what is new: what became of it, and who may use it.
//!
//! Whoever disables the key, schedules its deletion or deletes its imported material holds the objects to ransom, whatever the bucket's
//! policy says. A lockdown has no right to change a key: it names the commands. Where CloudTrail shows that a suspect took the key away, an
//! approval has `enable-key` give it back.

use super::{named, note};
use crate::base::BaseState;
use crate::suspects::Suspects;
use aws_sdk_kms::Client;
use aws_sdk_kms::config::{Builder, Region};
use aws_sdk_kms::types::{ExpirationModelType, GrantListEntry, KeyManagerType, KeyMetadata, KeyState};
use firebreak::digest::sha256_hex;
use firebreak::fault::Fault;
use firebreak::receipt::Step;
use firebreak::step::StepKind;
use firebreak::text::inert;
use firebreak_aws::classify::{OrFault, code, fault};
use firebreak_function::containment::Call;
use firebreak_s3::Bucket;
use jiff::Timestamp;
use std::collections::BTreeSet;

/// Grants that are read: one page.
const GRANTS: i32 = 100;
/// Principals that a line names.
const NAMED: usize = 4;

/// What is to be said of the key that the bucket's default encryption names. Nothing where S3's own keys encrypt: nobody can take those
/// away.
pub(super) async fn notes(call: &Call, bucket: &Bucket, base: &BaseState, suspects: &Suspects) -> Vec<Step> {
    let default = base.encryption.as_ref().and_then(|encryption| encryption.default.as_ref());
    let Some(named) = default.and_then(|algorithm| algorithm.key.as_deref()) else { return vec![] };
    let region = Region::new(bucket.region.clone());
    let kms = Client::from_conf(Builder::from(&call.config).region(region).build());
    let key = match Box::pin(described(&kms, named)).await {
        Ok(Some(key)) => key,
        // AWS's own key for S3.
        Ok(None) => return vec![],
        Err(line) => return vec![note(StepKind::NoteKey, &inert(named, 80), &line)],
    };
    if key.key_manager() == Some(&KeyManagerType::Aws) {
        return vec![];
    }
    let arn = key.arn().unwrap_or(named);
    let (policy, grants) = futures::join!(Box::pin(policy(&kms, arn, suspects)), Box::pin(grants(&kms, arn, suspects)));
    let id = key.key_id();
    let state = alarm(&key, &bucket.region).map(|line| note(StepKind::NoteKey, id, &line));
    let policy = note(StepKind::NoteKey, &format!("{id} policy"), &policy);
    let grants = grants.map(|line| note(StepKind::NoteKey, &format!("{id} grants"), &line));
    state.into_iter().chain([policy]).chain(grants).collect()
}

/// The key, or what to say where there is none or it is not known.
async fn described(kms: &Client, named: &str) -> Result<Option<KeyMetadata>, String> {
    let shown = inert(named, 80);
    match kms.describe_key().key_id(named).send().await {
        Ok(answer) => Ok(answer.key_metadata),
        Err(error) if code(&error) == Some("NotFoundException") => Err(format!(
            "KEY GONE: the bucket encrypts with key {shown}, which does not exist: nothing opens what it encrypted, and uploads fail"
        )),
        Err(error) => Err(format!("its key {shown} could not be looked at: {}", fault("kms:DescribeKey", &error).message)),
    }
}

/// What is wrong with a key, and the commands against that. The states are those of the KMS developer guide, "Key states of KMS keys".
fn alarm(key: &KeyMetadata, region: &str) -> Option<String> {
    let id = inert(key.key_id(), 40);
    let of = format!("--key-id {id} --region {region}");
    let cancel = format!("aws kms cancel-key-deletion {of}");
    let enable = format!("aws kms enable-key {of}");
    Some(match key.key_state()? {
        // The deletion of a multi-Region key that has replicas begins when they are gone: it has no date yet.
        KeyState::PendingDeletion | KeyState::PendingReplicaDeletion => {
            let when = key.deletion_date().and_then(|at| date(at.secs())).map(|at| format!(" on {at}")).unwrap_or_default();
            format!("KEY TO BE DELETED{when}: what {id} encrypted is closed already, and lost then. {cancel}, then {enable}")
        }
        KeyState::Disabled => {
            format!(
                "KEY DISABLED: nothing opens what {id} encrypted. {cancel} (fails if no deletion is scheduled), then {enable}"
            )
        }
        KeyState::PendingImport => format!(
            "KEY MATERIAL GONE: nothing opens what {id} encrypted until the same material is imported again; AWS has no copy. aws kms \
             get-parameters-for-import {of} --wrapping-algorithm RSAES_OAEP_SHA_256 --wrapping-key-spec RSA_4096, then aws kms \
             import-key-material"
        ),
        KeyState::Unavailable => {
            let store = key.custom_key_store_id().map_or_else(|| "ID".to_owned(), |store| inert(store, 40));
            format!(
                "KEY STORE DISCONNECTED: nothing opens what {id} encrypted. aws kms connect-custom-key-store --custom-key-store-id \
                 {store} --region {region}"
            )
        }
        KeyState::Enabled if key.expiration_model() == Some(&ExpirationModelType::KeyMaterialExpires) => {
            let when = key.valid_to().and_then(|at| date(at.secs())).unwrap_or_else(|| "a date that KMS does not say".to_owned());
            format!("the imported material of key {id} expires on {when}: nothing opens then what it encrypted")
        }
        _ => return None,
    })
}

fn date(seconds: i64) -> Option<String> {
    Some(Timestamp::from_second(seconds).ok()?.strftime("%Y-%m-%d").to_string())
}

/// The digest of the key's policy, and whom it lets use or administer the key.
async fn policy(kms: &Client, arn: &str, suspects: &Suspects) -> String {
    let text = match kms.get_key_policy().key_id(arn).send().await.or_fault("kms:GetKeyPolicy") {
        Ok(answer) => answer.policy.unwrap_or_default(),
        Err(Fault { message, .. }) => return format!("the policy of {} could not be read: {message}", shown(arn)),
    };
    let who = named::allowed(&text).map_or_else(|| "not read".to_owned(), |names| named::shown(&names, suspects, NAMED));
    // An account in a key's policy stands for every principal that the account's own policies let.
    format!("the policy of {} (SHA-256 {}) lets use or administer it: {who}", shown(arn), sha256_hex(text.as_bytes()))
}

/// The digest of the key's grants, and whom they let use the key. Nothing: it has none.
async fn grants(kms: &Client, arn: &str, suspects: &Suspects) -> Option<String> {
    let answer = match kms.list_grants().key_id(arn).limit(GRANTS).send().await.or_fault("kms:ListGrants") {
        Ok(answer) => answer,
        Err(Fault { message, .. }) => return Some(format!("the grants of {} could not be listed: {message}", shown(arn))),
    };
    let grants = answer.grants();
    let names = grants.iter().map(|grant| grantee(grant).to_owned()).collect();
    let more = if answer.truncated() { ", without the rest" } else { "" };
    let who = named::shown(&names, suspects, NAMED);
    let line = format!("{} grant(s) of {} (SHA-256 {}{more}) let use it: {who}", grants.len(), shown(arn), digest(grants));
    (!grants.is_empty()).then_some(line)
}

/// `key/1234abcd-…`: what follows the account in its ARN.
fn shown(arn: &str) -> String {
    inert(arn.rsplit(':').next().unwrap_or(arn), 80)
}

fn grantee(grant: &GrantListEntry) -> &str {
    grant.grantee_principal().or_else(|| grant.grantee_service_principal()).unwrap_or("somebody unnamed")
}

/// Of grants in whatever order KMS lists them.
fn digest(grants: &[GrantListEntry]) -> String {
    let line = |grant: &GrantListEntry| {
        let mut operations: Vec<&str> = grant.operations().iter().map(|operation| operation.as_str()).collect();
        operations.sort_unstable();
        format!("{} {} {}", grant.grant_id().unwrap_or_default(), grantee(grant), operations.join(","))
    };
    let lines: BTreeSet<String> = grants.iter().map(line).collect();
    sha256_hex(lines.into_iter().collect::<Vec<_>>().join("\n").as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_sdk_kms::primitives::DateTime;
    use aws_sdk_kms::types::GrantOperation;
    use aws_sdk_kms::types::builders::KeyMetadataBuilder;

    const ID: &str = "mrk-1234abcd12ab34cd56ef1234567890ab";
    /// The longest name of a Region.
    const REGION: &str = "ap-southeast-1";

    fn said(change: impl FnOnce(KeyMetadataBuilder) -> KeyMetadataBuilder) -> Option<String> {
        let key = change(KeyMetadata::builder().key_id(ID)).build().expect("a key");
        let line = alarm(&key, REGION)?;
        assert_eq!(inert(&line, 400), line, "a command must not be cut off");
        Some(line)
    }

    #[test]
    fn a_key_that_is_taken_away_is_said_with_the_commands_that_bring_it_back() {
        let (cancel, enable) = (
            format!("aws kms cancel-key-deletion --key-id {ID} --region {REGION}"),
            format!("aws kms enable-key --key-id {ID} --region {REGION}"),
        );
        let deleted = said(|key| key.key_state(KeyState::PendingDeletion).deletion_date(DateTime::from_secs(1_795_737_600)));
        let disabled = said(|key| key.key_state(KeyState::Disabled));
        let with_replicas = said(|key| key.key_state(KeyState::PendingReplicaDeletion));
        for line in [&deleted, &disabled, &with_replicas].map(|line| line.as_deref().expect("a line")) {
            assert!(line.contains(&cancel) && line.ends_with(&enable), "{line}");
        }
        assert!(deleted.is_some_and(|line| line.starts_with("KEY TO BE DELETED on 2026-11-27: ")));
        let material = said(|key| key.key_state(KeyState::PendingImport)).expect("a line");
        assert!(material.contains("aws kms get-parameters-for-import") && material.contains("AWS has no copy"), "{material}");
        let store =
            said(|key| key.key_state(KeyState::Unavailable).custom_key_store_id("cks-1234567890abcdef0")).expect("a line");
        assert!(store.contains("connect-custom-key-store --custom-key-store-id cks-1234567890abcdef0 --region"), "{store}");
    }

    #[test]
    fn a_key_that_works_is_no_alarm_unless_its_material_expires() {
        assert_eq!(said(|key| key.key_state(KeyState::Enabled)), None);
        assert_eq!(said(|key| key), None);
        let expires = |key: KeyMetadataBuilder| {
            let key = key.key_state(KeyState::Enabled).expiration_model(ExpirationModelType::KeyMaterialExpires);
            key.valid_to(DateTime::from_secs(1_795_737_600))
        };
        assert!(said(expires).is_some_and(|line| line.contains("expires on 2026-11-27")));
    }

    #[test]
    fn grants_have_one_digest_in_any_order_and_another_one_when_one_is_added() {
        let grant = |id: &str, operations: [GrantOperation; 2]| {
            let [first, second] = operations;
            GrantListEntry::builder().grant_id(id).grantee_principal("a").operations(first).operations(second).build()
        };
        let (a, b) = (
            grant("1", [GrantOperation::Decrypt, GrantOperation::Encrypt]),
            grant("2", [GrantOperation::Encrypt, GrantOperation::Decrypt]),
        );
        assert_eq!(digest(&[a.clone(), b.clone()]), digest(&[b.clone(), a.clone()]));
        let reordered = grant("2", [GrantOperation::Decrypt, GrantOperation::Encrypt]);
        assert_eq!(digest(&[a.clone(), b]), digest(&[a.clone(), reordered]));
        assert_ne!(
            digest(std::slice::from_ref(&a)),
            digest(&[a, grant("3", [GrantOperation::Decrypt, GrantOperation::Encrypt])])
        );
    }
}
