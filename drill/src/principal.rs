//! An IAM user and a role, planted and looked at.

use crate::{Result, State};
use aws_config::SdkConfig;
use aws_sdk_iam::Client;
use aws_sdk_iam::types::{StatusType, Tag};
use serde_json::{Value, json};

/// A user with an active and an inactive key, a password for one service, an SSH key, an inline policy and a tag; no console password.
pub struct PlantedUser {
    iam: Client,
    /// Its name.
    pub name: String,
    /// `AIDA…`.
    pub principal_id: String,
    /// The key the finding names.
    pub access_key_id: String,
}

/// A role somebody assumes.
pub struct PlantedRole {
    iam: Client,
    /// Its name.
    pub name: String,
    /// `AROA…`.
    pub principal_id: String,
}

/// An SSH public key that belongs to nobody.
const SSH_KEY: &str = "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAAAgQDExampleExampleExampleExample drill@example.com";

/// As many managed policies as a principal may have (IAM user guide, "IAM and AWS STS quotas": 10).
async fn fillers(iam: &Client) -> Result<Vec<String>> {
    let mut arns = Vec::new();
    for number in 0..10 {
        let name = format!("filler-{number}");
        let created = iam.create_policy().policy_name(&name).policy_document(POLICY).send().await;
        arns.push(match created {
            Ok(answer) => answer.policy.and_then(|policy| policy.arn).ok_or("no policy")?,
            // An earlier call made it.
            Err(error) if firebreak_aws::classify::code(&error) == Some("EntityAlreadyExists") => {
                let account = iam.get_policy().policy_arn(format!("arn:aws:iam::123456789012:policy/{name}")).send().await?;
                account.policy.and_then(|policy| policy.arn).ok_or("no policy")?
            }
            Err(error) => return Err(error.into()),
        });
    }
    Ok(arns)
}

const POLICY: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*"}]}"#;

impl PlantedUser {
    /// Creates the user.
    ///
    /// # Errors
    /// AWS refuses.
    pub async fn plant(config: &SdkConfig, name: &str) -> Result<Self> {
        let iam = Client::new(config);
        let tag = Tag::builder().key("team").value("payments").build()?;
        let user = iam.create_user().user_name(name).tags(tag).send().await?.user.ok_or("no user")?;
        iam.put_user_policy().user_name(name).policy_name("work").policy_document(POLICY).send().await?;
        let active = iam.create_access_key().user_name(name).send().await?.access_key.ok_or("no key")?;
        let old = iam.create_access_key().user_name(name).send().await?.access_key.ok_or("no key")?;
        iam.update_access_key().user_name(name).access_key_id(old.access_key_id).status(StatusType::Inactive).send().await?;
        iam.create_service_specific_credential().user_name(name).service_name("codecommit.amazonaws.com").send().await?;
        iam.upload_ssh_public_key().user_name(name).ssh_public_key_body(SSH_KEY).send().await?;
        Ok(Self { iam, name: name.to_owned(), principal_id: user.user_id, access_key_id: active.access_key_id })
    }

    /// Attaches policies until no more fit.
    ///
    /// # Errors
    /// AWS refuses.
    pub async fn fill_policy_quota(&self) -> Result<()> {
        for policy in fillers(&self.iam).await? {
            self.iam.attach_user_policy().user_name(&self.name).policy_arn(policy).send().await?;
        }
        Ok(())
    }

    /// Gives the user a permissions boundary; returns its ARN.
    ///
    /// # Errors
    /// AWS refuses.
    pub async fn set_boundary(&self) -> Result<String> {
        let boundary = fillers(&self.iam).await?.remove(0);
        self.iam.put_user_permissions_boundary().user_name(&self.name).permissions_boundary(&boundary).send().await?;
        Ok(boundary)
    }

    /// The client that planted it, to do what an attacker or an administrator does.
    #[must_use]
    pub fn iam(&self) -> &Client {
        &self.iam
    }

    /// What AWS says now.
    ///
    /// # Errors
    /// AWS refuses.
    pub async fn observe(&self) -> Result<State> {
        let (iam, name) = (&self.iam, &self.name);
        let mut state = State::default();
        let user = iam.get_user().user_name(name).send().await?.user.ok_or("no user")?;
        state.set("user id", user.user_id);
        let boundary = user.permissions_boundary.and_then(|boundary| boundary.permissions_boundary_arn);
        state.set("boundary", boundary.unwrap_or_else(|| "none".to_owned()));
        for credential in iam.list_service_specific_credentials().user_name(name).send().await?.service_specific_credentials() {
            let field = format!("service credential {}", credential.service_specific_credential_id());
            state.set(field, credential.status().as_str());
        }
        for key in iam.list_ssh_public_keys().user_name(name).send().await?.ssh_public_keys() {
            state.set(format!("SSH key {}", key.ssh_public_key_id()), key.status().as_str());
        }
        for key in iam.list_access_keys().user_name(name).send().await?.access_key_metadata() {
            let status = key.status().map_or("unknown", StatusType::as_str);
            state.set(format!("access key {}", key.access_key_id().unwrap_or_default()), status);
        }
        let attached = iam.list_attached_user_policies().user_name(name).send().await?;
        let names: Vec<&str> = attached.attached_policies().iter().filter_map(|p| p.policy_name()).collect();
        state.set("attached policies", list(&names));
        state.set("inline policies", list(iam.list_user_policies().user_name(name).send().await?.policy_names()));
        for tag in iam.list_user_tags().user_name(name).send().await?.tags() {
            state.set(format!("tag {}", tag.key()), tag.value());
        }
        Ok(state)
    }

    /// What a release leads back to: everything as `before`, but for the access key that the finding exposed.
    #[must_use]
    pub fn released(&self, before: &State) -> State {
        let mut state = before.clone();
        state.set(format!("access key {}", self.access_key_id), StatusType::Inactive.as_str());
        state
    }

    /// Makes a finding about an access key name this user.
    pub fn name_in(&self, event: &mut Value) {
        event["detail"]["resource"]["accessKeyDetails"] = json!({
            "accessKeyId": self.access_key_id,
            "principalId": self.principal_id,
            "userType": "IAMUser",
            "userName": self.name,
        });
    }
}

impl PlantedRole {
    /// Creates the role.
    ///
    /// # Errors
    /// AWS refuses.
    pub async fn plant(config: &SdkConfig, name: &str) -> Result<Self> {
        let iam = Client::new(config);
        let trust = json!({"Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}]});
        let role = iam.create_role().role_name(name).assume_role_policy_document(trust.to_string()).send().await?;
        let role = role.role.ok_or("no role")?;
        Ok(Self { iam, name: name.to_owned(), principal_id: role.role_id })
    }

    /// Attaches policies until no more fit.
    ///
    /// # Errors
    /// AWS refuses.
    pub async fn fill_policy_quota(&self) -> Result<()> {
        for policy in fillers(&self.iam).await? {
            self.iam.attach_role_policy().role_name(&self.name).policy_arn(policy).send().await?;
        }
        Ok(())
    }

    /// The client that planted it, to do what an attacker or an administrator does.
    #[must_use]
    pub fn iam(&self) -> &Client {
        &self.iam
    }

    /// What AWS says now.
    ///
    /// # Errors
    /// AWS refuses.
    pub async fn observe(&self) -> Result<State> {
        let mut state = State::default();
        let role = self.iam.get_role().role_name(&self.name).send().await?.role.ok_or("no role")?;
        let boundary = role.permissions_boundary.and_then(|boundary| boundary.permissions_boundary_arn);
        state.set("boundary", boundary.unwrap_or_else(|| "none".to_owned()));
        state.set("trust policy", role.assume_role_policy_document.unwrap_or_default());
        state.set("inline policies", list(self.iam.list_role_policies().role_name(&self.name).send().await?.policy_names()));
        let attached = self.iam.list_attached_role_policies().role_name(&self.name).send().await?;
        let names: Vec<&str> = attached.attached_policies().iter().filter_map(|p| p.policy_name()).collect();
        state.set("attached policies", list(&names));
        for tag in self.iam.list_role_tags().role_name(&self.name).send().await?.tags() {
            state.set(format!("tag {}", tag.key()), tag.value());
        }
        Ok(state)
    }

    /// Makes a finding about an access key name a session of this role.
    pub fn name_in(&self, event: &mut Value, session: &str) {
        event["detail"]["resource"]["accessKeyDetails"] = json!({
            "accessKeyId": "ASIA4442D469BC381BFB",
            "principalId": format!("{}:{session}", self.principal_id),
            "userType": "AssumedRole",
            "userName": self.name,
        });
    }
}

fn list(names: &[impl AsRef<str>]) -> String {
    let mut names: Vec<&str> = names.iter().map(AsRef::as_ref).collect();
    names.sort_unstable();
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}
