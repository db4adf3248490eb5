//! The targets: planted for one case, and looked at afterwards.

use crate::end_to_end::buckets;
use firebreak_drill::{PlantedBucket, PlantedInstance, PlantedObject, PlantedRole, PlantedUser, Result, Stage, State};
use firebreak_testkit::{MEMBER_ACCOUNT, REGION, SECURITY_ACCOUNT};
use serde_json::{Value, json};

#[derive(Clone, Copy, Debug)]
pub(super) enum What {
    User,
    Key,
    Session,
    Role,
    OlderSessions,
    Instance,
    /// Public access to a bucket.
    Bucket,
    /// The freeze of one that was never versioned.
    Freeze,
    /// Destructive actions in one with rules.
    Destruction,
    /// An object of one.
    Object,
    Scp,
    FullQuota,
}

/// One target of one case.
pub(super) enum Planted {
    User(PlantedUser),
    Role(PlantedRole),
    Instance(PlantedInstance),
    Bucket(PlantedBucket),
    Object(PlantedObject),
    /// A user of another account than the organization's own, and whether the organization denies it.
    Denied(PlantedUser, aws_sdk_organizations::Client),
}

impl Planted {
    pub(super) async fn plant(stage: &Stage, what: What, case: usize) -> Result<Self> {
        let config = stage.config();
        Ok(match what {
            What::FullQuota => {
                let user = PlantedUser::plant(config, &format!("user-{case}-x")).await?;
                user.fill_policy_quota().await?;
                Self::User(user)
            }
            What::Scp => {
                let member = stage.aws.administrator(MEMBER_ACCOUNT).await?;
                let user = PlantedUser::plant(&member, &format!("user-{case}-x")).await?;
                Self::Denied(user, aws_sdk_organizations::Client::new(config))
            }
            What::User | What::Key => Self::User(PlantedUser::plant(config, &format!("user-{case}-x")).await?),
            What::Session | What::Role => Self::Role(PlantedRole::plant(config, &format!("role-{case}-x")).await?),
            What::OlderSessions => {
                let role = PlantedRole::plant(config, &format!("role-{case}-x")).await?;
                // As the containment of the session before it leaves the role: IAM lets nobody end sessions of another one.
                let label = aws_sdk_iam::types::Tag::builder().key("firebreak-state").value("quarantined").build()?;
                role.iam().tag_role().role_name(&role.name).tags(label).send().await?;
                Self::Role(role)
            }
            What::Instance => Self::Instance(PlantedInstance::plant(config, &format!("host-{case}-x")).await?),
            What::Bucket => Self::Bucket(PlantedBucket::plant(config, &format!("bucket-{case}-x")).await?),
            What::Object => Self::Object(Box::pin(PlantedObject::plant(config, &format!("bucket-{case}-x"))).await?),
            What::Freeze => Self::Bucket(PlantedBucket::plant_private(config, &format!("bucket-{case}-x")).await?),
            What::Destruction => Self::Bucket(Box::pin(buckets::private(config, &format!("bucket-{case}-x"))).await?),
        })
    }

    pub(super) fn target(&self, what: What) -> Value {
        let place = json!({ "account": SECURITY_ACCOUNT, "region": REGION, "partition": "aws" });
        let own = match self {
            Self::User(user) => json!({ "kind": "iam-user", "id": user.name, "by_identity": true,
                "principal_id": user.principal_id, "access_key_id": user.access_key_id }),
            Self::Denied(user, _) => {
                json!({ "kind": "iam-user", "id": user.name, "by_identity": true, "account": MEMBER_ACCOUNT })
            }
            Self::Role(role) => {
                json!({ "kind": "iam-role", "by_identity": true, "id": role.name, "principal_id": role.principal_id,
                "session": "i-0123456789abcdef0" })
            }
            Self::Instance(instance) => json!({ "kind": "ec2-instance", "id": instance.id }),
            Self::Bucket(bucket) => json!({ "kind": "s3-bucket", "id": bucket.name }),
            Self::Object(object) => json!({ "kind": "s3-object", "id": object.bucket.name,
                "objects": [{ "key": PlantedObject::KEY, "version": object.version }] }),
        };
        let scope = match what {
            What::Session => json!({ "scope": "session" }),
            What::OlderSessions => json!({ "scope": "older-sessions" }),
            What::Key => json!({ "scope": "access-key" }),
            What::Freeze => json!({ "scope": "freeze" }),
            What::Object => json!({ "scope": "objects" }),
            What::Destruction => json!({ "scope": "destruction" }),
            _ => json!({}),
        };
        let fields = [place, own, scope].into_iter().filter_map(|part| part.as_object().cloned()).flatten();
        Value::Object(fields.collect())
    }

    pub(super) async fn observe(&self) -> Result<State> {
        match self {
            Self::User(user) => user.observe().await,
            Self::Denied(user, organization) => {
                let filter = aws_sdk_organizations::types::PolicyType::ServiceControlPolicy;
                let list = organization.list_policies().filter(filter).send().await?;
                let ours =
                    list.policies().iter().find(|policy| policy.name() == Some("FirebreakQuarantine")).ok_or("no policy")?;
                let policy = organization.describe_policy().policy_id(ours.id().unwrap_or_default()).send().await?.policy;
                let content = policy.and_then(|policy| policy.content).ok_or("no content")?;
                let mut state = State::default();
                state.set("denied by the organization", content.matches(&format!("/{}\"", user.name)).count());
                Ok(state)
            }
            Self::Role(role) => role.observe().await,
            Self::Instance(instance) => instance.observe().await,
            Self::Bucket(bucket) => bucket.observe().await,
            Self::Object(object) => object.observe().await,
        }
    }
}

/// A state without what differs from case to case: ids, times, and the case's own number. Values in order.
pub(super) fn fingerprint(state: &State, case: usize) -> Vec<(String, String)> {
    let stable = |text: &str| text.replace(&format!("-{case}-x"), "-N-x").replace(&format!("{case:016x}"), "N");
    let known = ["access key ", "service credential ", "SSH key ", "security groups of "];
    let field =
        |name: &str| known.iter().find(|front| name.starts_with(**front)).map_or_else(|| stable(name), |f| (*f).to_owned());
    let skip = ["tag firebreak-at", "user id"];
    let all = state.fields().filter(|(name, _)| !skip.contains(name));
    let mut all: Vec<_> = all.map(|(name, value)| (field(name), stable(value))).collect();
    all.sort();
    all
}
