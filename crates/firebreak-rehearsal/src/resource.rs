//! A resource as the command line names it, and what a finding says about it.

use crate::{State, bucket, instance, role, user};
use aws_config::SdkConfig;
use firebreak::fault::Fault;
use firebreak::ids::{AccountId, Region};
use firebreak::target::TargetKind;
use firebreak_aws::classify::OrFault;
use serde::Deserialize;
use std::fmt;
use std::str::FromStr;

/// What can be used for a rehearsal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// An IAM user.
    User,
    /// A session of an IAM role.
    Role,
    /// An EC2 instance.
    Instance,
    /// An S3 bucket.
    Bucket,
}

impl Kind {
    /// The word on the command line and in a scenario.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Role => "role",
            Self::Instance => "instance",
            Self::Bucket => "bucket",
        }
    }

    /// What a decision calls it.
    #[must_use]
    pub fn target(self) -> TargetKind {
        match self {
            Self::User => TargetKind::IamUser,
            Self::Role => TargetKind::IamRole,
            Self::Instance => TargetKind::Ec2Instance,
            Self::Bucket => TargetKind::S3Bucket,
        }
    }
}

/// A resource: `user=NAME`, `role=NAME/SESSION`, `instance=ID` or `bucket=NAME`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resource {
    /// What it is.
    pub kind: Kind,
    /// Its name or id.
    pub name: String,
    /// Of a role: the session that the finding is about.
    pub session: Option<String>,
}

impl FromStr for Resource {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || "give user=NAME, role=NAME/SESSION, instance=ID or bucket=NAME".to_owned();
        let (kind, name) = text.split_once('=').ok_or_else(wrong)?;
        let whole = |kind| Self { kind, name: name.to_owned(), session: None };
        let resource = match (kind, name.split_once('/')) {
            ("role", Some((role, session))) if !session.is_empty() => {
                Self { kind: Kind::Role, name: role.to_owned(), session: Some(session.to_owned()) }
            }
            ("user", None) => whole(Kind::User),
            ("instance", None) => whole(Kind::Instance),
            ("bucket", None) => whole(Kind::Bucket),
            _ => return Err(wrong()),
        };
        if resource.name.is_empty() { Err(wrong()) } else { Ok(resource) }
    }
}

impl fmt::Display for Resource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let session = self.session.as_ref().map_or_else(String::new, |session| format!("/{session}"));
        write!(f, "{}={}{session}", self.kind.word(), self.name)
    }
}

/// A resource that exists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Which one.
    pub resource: Resource,
    /// Its account.
    pub account: AccountId,
    /// Its Region; of a principal, the Region in which it is used.
    pub region: Region,
    /// Of a user or a role: `AIDA…`, `AROA…`.
    pub principal_id: Option<String>,
    /// Of a user: one of its access keys.
    pub access_key_id: Option<String>,
    /// Its tags, as AWS has them now.
    pub tags: Vec<(String, String)>,
}

impl Resource {
    /// Finds the resource in the account and Region of `config`.
    ///
    /// # Errors
    /// AWS refuses, or there is no such resource.
    pub async fn find(&self, config: &SdkConfig) -> Result<Found, Fault> {
        let identity = aws_sdk_sts::Client::new(config).get_caller_identity().send().await.or_fault("sts:GetCallerIdentity")?;
        let account = identity.account.and_then(|account| AccountId::parse(&account).ok());
        let account = account.ok_or_else(|| Fault::malformed("sts:GetCallerIdentity answered without an account"))?;
        let region = config.region().and_then(|region| Region::parse(region.as_ref()).ok());
        let region = region.ok_or_else(|| Fault::malformed("no AWS Region is set"))?;
        let found = |principal_id, access_key_id, tags| {
            let (resource, account, region) = (self.clone(), account.clone(), region.clone());
            Found { resource, account, region, principal_id, access_key_id, tags }
        };
        let name = self.name.as_str();
        Ok(match self.kind {
            Kind::User => {
                let user = user::find(&aws_sdk_iam::Client::new(config), name).await?;
                let key = user.access_key_id.ok_or_else(|| Fault::gone(format!("user {name} has no access key to report")))?;
                found(Some(user.principal_id), Some(key), user.tags)
            }
            Kind::Role => {
                let role = role::find(&aws_sdk_iam::Client::new(config), name).await?;
                found(Some(role.principal_id), None, role.tags)
            }
            Kind::Instance => found(None, None, instance::tags(&aws_sdk_ec2::Client::new(config), name).await?),
            Kind::Bucket => found(None, None, bucket::tags(&aws_sdk_s3::Client::new(config), name).await?),
        })
    }

    /// What AWS says about the resource now.
    ///
    /// # Errors
    /// AWS refuses.
    pub async fn observe(&self, config: &SdkConfig) -> Result<State, Fault> {
        let name = self.name.as_str();
        match self.kind {
            Kind::User => user::observe(&aws_sdk_iam::Client::new(config), name).await,
            Kind::Role => role::observe(&aws_sdk_iam::Client::new(config), name).await,
            Kind::Instance => instance::observe(&aws_sdk_ec2::Client::new(config), name).await,
            Kind::Bucket => bucket::observe(&aws_sdk_s3::Client::new(config), name).await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_resource_is_read_and_shown_alike_and_anything_else_is_refused() {
        for text in ["user=alice", "role=ci/build-7", "instance=i-0123456789abcdef0", "bucket=acme-exports"] {
            assert_eq!(text.parse::<Resource>().map(|resource| resource.to_string()), Ok(text.to_owned()));
        }
        for text in ["alice", "user=", "role=ci", "role=ci/", "role=/x", "user=a/b", "key=AKIA", "instance=", ""] {
            assert!(text.parse::<Resource>().is_err(), "{text}");
        }
    }
}
