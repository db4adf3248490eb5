//! What `quarantine-iam` contains, planted to be measured.

use crate::{PlantedRole, PlantedUser, Result, Run, Stage};
use aws_sdk_iam::Client;
use firebreak_testkit::{Call, REGION, SECURITY_ACCOUNT};
use serde_json::{Value, json};

/// Of a user that nobody signs in as.
const PASSWORD: &str = "Unused-console-password-1";
const SESSION: &str = "i-0123456789abcdef0";

/// A kind of target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subject {
    /// A user with a console password and one active access key, which the finding names.
    UserWithOneKey,
    /// A user with other credentials besides: an inactive key, a password for one service, an SSH key.
    User,
    /// One session of a role.
    Session,
    /// A whole role.
    Role,
    /// One access key of a user; the rest keeps working.
    Key,
}

impl Subject {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::UserWithOneKey, Self::User, Self::Session, Self::Role, Self::Key];

    /// How people call it.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::UserWithOneKey => "user, one key",
            Self::User => "user, several credentials",
            Self::Session => "session of a role",
            Self::Role => "whole role",
            Self::Key => "access key",
        }
    }

    /// The calls without which nothing is denied: of a session, either alone denies nothing. A key is made inactive instead.
    #[must_use]
    pub fn denies(self) -> &'static [&'static str] {
        match self {
            Self::UserWithOneKey | Self::User => &["iam:AttachUserPolicy"],
            Self::Session => &["iam:AttachRolePolicy", "iam:TagRole"],
            Self::Role => &["iam:AttachRolePolicy"],
            Self::Key => &[],
        }
    }
}

/// A planted target.
#[derive(Debug, Clone)]
pub struct PlantedSubject {
    /// What it is.
    pub subject: Subject,
    /// The name of its user or role.
    pub name: String,
    /// The access key that the finding names.
    pub key: Option<String>,
    number: usize,
    target: Value,
}

impl PlantedSubject {
    /// Creates one. Each needs a number of its own, which becomes part of its name and of its incident's id.
    ///
    /// # Errors
    /// AWS refuses.
    pub async fn plant(stage: &Stage, subject: Subject, number: usize) -> Result<Self> {
        let name = format!("subject-{number}");
        let (principal_id, key) = match subject {
            Subject::Session | Subject::Role => (PlantedRole::plant(stage.config(), &name).await?.principal_id, None),
            Subject::UserWithOneKey => user_with_one_key(&Client::new(stage.config()), &name).await?,
            Subject::User | Subject::Key => {
                let user = PlantedUser::plant(stage.config(), &name).await?;
                user.iam().create_login_profile().user_name(&name).password(PASSWORD).send().await?;
                (user.principal_id, Some(user.access_key_id))
            }
        };
        let own = match subject {
            Subject::UserWithOneKey | Subject::User => json!({ "kind": "iam-user", "access_key_id": key }),
            Subject::Key => json!({ "kind": "iam-user", "access_key_id": key, "scope": "access-key" }),
            Subject::Session => json!({ "kind": "iam-role", "session": SESSION, "scope": "session" }),
            Subject::Role => json!({ "kind": "iam-role" }),
        };
        let place = json!({ "id": name, "principal_id": principal_id, "account": SECURITY_ACCOUNT, "region": REGION,
            "partition": "aws", "by_identity": true });
        let fields = [place, own].into_iter().filter_map(|part| part.as_object().cloned()).flatten();
        Ok(Self { subject, name, key, number, target: Value::Object(fields.collect()) })
    }

    /// What the state machine would send to `quarantine-iam`.
    #[must_use]
    pub fn request(&self) -> Value {
        request(self.number, &self.target)
    }

    /// How deep its containment was.
    #[must_use]
    pub fn depths(&self, run: &Run) -> Depths {
        let changes = |call: &Call| call.service == "iam" && call.operation.starts_with("Update");
        let exposed = |call: &Call| self.key.is_some() && call.params["AccessKeyId"].as_str() == self.key.as_deref();
        Depths {
            deny: run.all(self.subject.denies()),
            key: run.first(|call| changes(call) && exposed(call)),
            others: run.deepest(|call| changes(call) && !exposed(call)),
            answer: run.deepest(|_| true),
        }
    }
}

/// What the state machine would send to the containment of a target, for an incident of its own: `number` becomes part of its id.
#[must_use]
pub fn request(number: usize, target: &Value) -> Value {
    let finding = json!({ "id": null, "type": null, "severity": null, "severity_band": null, "source": "guardduty", "account": null,
        "region": null, "title": null });
    let incident = json!({ "id": format!("fb-{number:016x}"), "verdict": "respond", "reason": null, "dedupe_key": "round-trips",
        "decisions": [], "finding": finding, "execution_arn": "x", "opened_at": "2026-11-20T02:00:00Z",
        "timing": { "review_timeout_seconds": 60, "review_max_rounds": 1 } });
    json!({ "phase": "contain", "target": target, "incident": incident })
}

async fn user_with_one_key(iam: &Client, name: &str) -> Result<(String, Option<String>)> {
    let user = iam.create_user().user_name(name).send().await?.user.ok_or("no user")?;
    iam.create_login_profile().user_name(name).password(PASSWORD).send().await?;
    let key = iam.create_access_key().user_name(name).send().await?.access_key.ok_or("no key")?;
    Ok((user.user_id, Some(key.access_key_id)))
}

/// How many calls had to be answered, one after the other, until something was done. Nothing: it was not done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Depths {
    /// The target is denied.
    pub deny: Option<usize>,
    /// The access key of the finding is inactive.
    pub key: Option<usize>,
    /// Every other credential is inactive.
    pub others: Option<usize>,
    /// The function answers.
    pub answer: Option<usize>,
}

impl Depths {
    /// The lesser of each. A busy machine makes a run look deeper; nothing makes a run look shallower than its calls depend on one
    /// another.
    #[must_use]
    pub fn least(self, other: Self) -> Self {
        let least = |one: Option<usize>, other: Option<usize>| one.into_iter().chain(other).min();
        Self {
            deny: least(self.deny, other.deny),
            key: least(self.key, other.key),
            others: least(self.others, other.others),
            answer: least(self.answer, other.answer),
        }
    }
}
