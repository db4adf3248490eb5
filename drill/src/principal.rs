//! An IAM user and a role, planted and looked at.

use crate::{Result, State};
use aws_config::SdkConfig;
use aws_sdk_iam::Client;
use aws_sdk_iam::types::StatusType;
use firebreak_rehearsal::{role, user};
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

/// As many managed policies as a principal may have (IAM user guide, "IAM and AWS STS quotas": 10).
async fn fillers(iam: &Client) -> Result<Vec<String>> {
    let mut arns = Vec::new();
    for number in 0..10 {
        let name = format!("filler-{number}");
        let created = iam.create_policy().policy_name(&name).policy_document(user::POLICY).send().await;
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

impl PlantedUser {
    /// Creates the user.
    ///
    /// # Errors
    /// AWS refuses.
    pub async fn plant(config: &SdkConfig, name: &str) -> Result<Self> {
        let iam = Client::new(config);
        let planted = user::plant(&iam, name).await?;
        let access_key_id = planted.access_key_id.ok_or("no key")?;
        Ok(Self { iam, name: name.to_owned(), principal_id: planted.principal_id, access_key_id })
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
        Ok(user::observe(&self.iam, &self.name).await?)
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
        let principal_id = role::plant(&iam, name).await?.principal_id;
        Ok(Self { iam, name: name.to_owned(), principal_id })
    }

    /// Creates one as Identity Center does from a permission set: under the path that AWS keeps for itself.
    ///
    /// # Errors
    /// AWS refuses.
    pub async fn plant_of_identity_center(config: &SdkConfig, name: &str) -> Result<Self> {
        let iam = Client::new(config);
        let trust =
            json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": "*", "Action": "sts:AssumeRole"}]});
        let create = iam.create_role().role_name(name).path("/aws-reserved/sso.amazonaws.com/");
        let role = create.assume_role_policy_document(trust.to_string()).send().await?.role.ok_or("no role")?;
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
        Ok(role::observe(&self.iam, &self.name).await?)
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
