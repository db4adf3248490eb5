//! What a principal was before Firebreak touched it.

use aws_sdk_iam::Client;
use aws_sdk_iam::types::Tag;
use firebreak::decision::{Target, TargetKind};
use firebreak::fault::Fault;
use firebreak_aws::classify::OrFault;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The recorded state of a user or role.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BaseState {
    /// The immutable id (`AIDA…`, `AROA…`): a re-created principal of the same name is another one.
    pub principal_id: String,
    /// The path, which tells service-linked and reserved roles.
    pub path: String,
    /// ARNs of attached managed policies. `None` when they could not be read: no reason to leave a suspect alone.
    pub attached_policies: Option<Vec<String>>,
    /// A user's access keys. Empty for roles.
    pub access_keys: Vec<AccessKey>,
    /// All tags. `None` when they could not be read.
    pub tags: Option<BTreeMap<String, String>>,
}

impl BaseState {
    /// A copy that also knows the keys of `later` which this one does not: a joining incident can find keys made since.
    #[must_use]
    pub(crate) fn with_keys_of(&self, later: &Self) -> Self {
        let new = later.access_keys.iter().filter(|key| !self.access_keys.iter().any(|known| known.id == key.id));
        Self { access_keys: self.access_keys.iter().chain(new).cloned().collect(), ..self.clone() }
    }

    /// Whether a policy is attached, as far as could be read.
    #[must_use]
    pub(crate) fn has_policy(&self, arn: &str) -> Option<bool> {
        self.attached_policies.as_ref().map(|attached| attached.iter().any(|policy| policy == arn))
    }
}

/// An access key's id and whether it works.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccessKey {
    /// `AKIA…`.
    pub id: String,
    /// True for `Active`.
    pub active: bool,
}

/// Reads the state of a principal: one wave of independent calls. Who it is and its keys are needed, the rest is welcome.
pub(crate) async fn read(iam: &Client, target: &Target) -> Result<BaseState, Fault> {
    match target.kind {
        TargetKind::IamUser => user(iam, &target.id).await,
        TargetKind::IamRole => role(iam, &target.id).await,
        _ => Err(Fault::malformed(format!("quarantine-iam cannot contain {target}"))),
    }
}

async fn user(iam: &Client, name: &str) -> Result<BaseState, Fault> {
    let (user, keys, policies, tags) = futures::join!(
        iam.get_user().user_name(name).send(),
        iam.list_access_keys().user_name(name).send(),
        iam.list_attached_user_policies().user_name(name).send(),
        iam.list_user_tags().user_name(name).send(),
    );
    let user = user.or_fault("iam:GetUser")?.user.ok_or_else(|| Fault::bug("iam:GetUser answered without a user"))?;
    let keys = keys.or_fault("iam:ListAccessKeys")?;
    Ok(BaseState {
        principal_id: user.user_id,
        path: user.path,
        attached_policies: policies.or_fault("iam:ListAttachedUserPolicies").ok().map(|p| arns(p.attached_policies())),
        access_keys: keys.access_key_metadata().iter().filter_map(access_key).collect(),
        tags: tags.or_fault("iam:ListUserTags").ok().map(|answer| tag_map(answer.tags)),
    })
}

async fn role(iam: &Client, name: &str) -> Result<BaseState, Fault> {
    let (role, policies, tags) = futures::join!(
        iam.get_role().role_name(name).send(),
        iam.list_attached_role_policies().role_name(name).send(),
        iam.list_role_tags().role_name(name).send(),
    );
    let role = role.or_fault("iam:GetRole")?.role.ok_or_else(|| Fault::bug("iam:GetRole answered without a role"))?;
    Ok(BaseState {
        principal_id: role.role_id,
        path: role.path,
        attached_policies: policies.or_fault("iam:ListAttachedRolePolicies").ok().map(|p| arns(p.attached_policies())),
        access_keys: vec![],
        tags: tags.or_fault("iam:ListRoleTags").ok().map(|answer| tag_map(answer.tags)),
    })
}

fn access_key(key: &aws_sdk_iam::types::AccessKeyMetadata) -> Option<AccessKey> {
    let active = key.status() == Some(&aws_sdk_iam::types::StatusType::Active);
    Some(AccessKey { id: key.access_key_id()?.to_owned(), active })
}

fn arns(policies: &[aws_sdk_iam::types::AttachedPolicy]) -> Vec<String> {
    policies.iter().filter_map(|policy| policy.policy_arn().map(str::to_owned)).collect()
}

fn tag_map(tags: Vec<Tag>) -> BTreeMap<String, String> {
    tags.into_iter().map(|tag| (tag.key, tag.value)).collect()
}

/// A tag for the IAM API.
pub(crate) fn tag(key: &str, value: &str) -> Result<Tag, Fault> {
    Tag::builder().key(key).value(value).build().map_err(|error| Fault::bug(format!("a tag could not be built: {error}")))
}
