//! An IAM user: planted, found, looked at.

use crate::{State, list};
use aws_sdk_iam::Client;
use aws_sdk_iam::types::{StatusType, Tag};
use firebreak::fault::Fault;
use firebreak_aws::classify::OrFault;
use firebreak_aws::pages;
use firebreak_aws::pages::whole;

/// A user as a finding names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// `AIDA…`.
    pub principal_id: String,
    /// An access key, an active one if there is one.
    pub access_key_id: Option<String>,
    /// Its tags.
    pub tags: Vec<(String, String)>,
}

/// What the planted user may do.
pub const POLICY: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*"}]}"#;

/// An SSH public key that belongs to nobody.
const SSH_KEY: &str = "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAAAgQDExampleExampleExampleExample drill@example.com";

/// Creates a user with an active and an inactive key, a password for one service, an SSH key, an inline policy and a tag; no console
/// password.
///
/// # Errors
/// AWS refuses.
pub async fn plant(iam: &Client, name: &str) -> Result<User, Fault> {
    let tag = Tag::builder().key("team").value("payments").build().map_err(|error| Fault::bug(error.to_string()))?;
    let made = iam.create_user().user_name(name).tags(tag).send().await.or_fault("iam:CreateUser")?;
    let made = made.user.ok_or_else(|| Fault::bug("iam:CreateUser answered without a user"))?;
    let allowed = iam.put_user_policy().user_name(name).policy_name("work").policy_document(POLICY).send().await;
    allowed.or_fault("iam:PutUserPolicy")?;
    let (active, old) = (key(iam, name).await?, key(iam, name).await?);
    let inactive = iam.update_access_key().user_name(name).access_key_id(old).status(StatusType::Inactive).send().await;
    inactive.or_fault("iam:UpdateAccessKey")?;
    let credential = iam.create_service_specific_credential().user_name(name).service_name("codecommit.amazonaws.com");
    credential.send().await.or_fault("iam:CreateServiceSpecificCredential")?;
    let uploaded = iam.upload_ssh_public_key().user_name(name).ssh_public_key_body(SSH_KEY).send().await;
    uploaded.or_fault("iam:UploadSSHPublicKey")?;
    let tags = vec![("team".to_owned(), "payments".to_owned())];
    Ok(User { principal_id: made.user_id, access_key_id: Some(active), tags })
}

async fn key(iam: &Client, name: &str) -> Result<String, Fault> {
    let made = iam.create_access_key().user_name(name).send().await.or_fault("iam:CreateAccessKey")?;
    made.access_key.map(|key| key.access_key_id).ok_or_else(|| Fault::bug("iam:CreateAccessKey answered without a key"))
}

/// Finds a user.
///
/// # Errors
/// AWS refuses, or there is none.
pub async fn find(iam: &Client, name: &str) -> Result<User, Fault> {
    let answer = iam.get_user().user_name(name).send().await.or_fault("iam:GetUser")?;
    let user = answer.user.ok_or_else(|| Fault::gone(format!("no user {name}")))?;
    let keys = whole("iam:ListAccessKeys", pages!(iam.list_access_keys().user_name(name), access_key_metadata).await)?;
    let active = keys.iter().find(|key| key.status() == Some(&StatusType::Active)).or(keys.first());
    let access_key_id = active.and_then(|key| key.access_key_id()).map(str::to_owned);
    let tags = user.tags.unwrap_or_default().into_iter().map(|tag| (tag.key, tag.value)).collect();
    Ok(User { principal_id: user.user_id, access_key_id, tags })
}

/// What AWS says now.
///
/// # Errors
/// AWS refuses.
pub async fn observe(iam: &Client, name: &str) -> Result<State, Fault> {
    let mut state = State::default();
    let answer = iam.get_user().user_name(name).send().await.or_fault("iam:GetUser")?;
    let user = answer.user.ok_or_else(|| Fault::gone(format!("no user {name}")))?;
    state.set("user id", user.user_id);
    let boundary = user.permissions_boundary.and_then(|boundary| boundary.permissions_boundary_arn);
    state.set("boundary", boundary.unwrap_or_else(|| "none".to_owned()));
    let credentials = pages!(iam.list_service_specific_credentials().user_name(name), service_specific_credentials).await;
    for credential in whole("iam:ListServiceSpecificCredentials", credentials)? {
        let field = format!("service credential {}", credential.service_specific_credential_id());
        state.set(field, credential.status().as_str());
    }
    let keys = pages!(iam.list_ssh_public_keys().user_name(name), ssh_public_keys).await;
    for key in whole("iam:ListSSHPublicKeys", keys)? {
        state.set(format!("SSH key {}", key.ssh_public_key_id()), key.status().as_str());
    }
    let certificates = pages!(iam.list_signing_certificates().user_name(name), certificates).await;
    for certificate in whole("iam:ListSigningCertificates", certificates)? {
        state.set(format!("signing certificate {}", certificate.certificate_id()), certificate.status().as_str());
    }
    let keys = pages!(iam.list_access_keys().user_name(name), access_key_metadata).await;
    for key in whole("iam:ListAccessKeys", keys)? {
        let status = key.status().map_or("unknown", StatusType::as_str);
        state.set(format!("access key {}", key.access_key_id().unwrap_or_default()), status);
    }
    let attached = pages!(iam.list_attached_user_policies().user_name(name), attached_policies).await;
    let attached = whole("iam:ListAttachedUserPolicies", attached)?;
    let names: Vec<&str> = attached.iter().filter_map(|policy| policy.policy_name()).collect();
    state.set("attached policies", list(&names));
    let inline = pages!(iam.list_user_policies().user_name(name), policy_names).await;
    state.set("inline policies", list(&whole("iam:ListUserPolicies", inline)?));
    let tags = whole("iam:ListUserTags", pages!(iam.list_user_tags().user_name(name), tags).await)?;
    tags.iter().for_each(|tag| state.set(format!("tag {}", tag.key()), tag.value()));
    Ok(state)
}
