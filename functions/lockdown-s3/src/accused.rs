//! Whom an incident accuses, in the forms in which a bucket policy can name them.

use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// One session, or one user, by `aws:userid` (IAM user guide, "AWS global condition context keys", `aws:userid`).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Session {
    /// The ARN of its role without a path, where the role's id is not known: whoever assumes another role may choose the same name.
    /// A person of Identity Center has every role below `aws-reserved/sso.amazonaws.com/`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    /// `AROA…:name`, or `*:name` beside a role. A user: `AIDA…`, which stays the same when the user gets another name.
    pub userid: String,
}

/// Whom somebody accuses. The base of a freeze has it for each holder.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Accused {
    /// Patterns of `aws:PrincipalArn`. A user or role under any path is two of them, `user/NAME` and `user/*/NAME`: a finding shows no
    /// path, and names are unique in an account.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub arns: BTreeSet<String>,
    /// Single sessions, and users by their immutable id.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub sessions: BTreeSet<Session>,
}

impl Accused {
    /// Whether it is nobody.
    pub(crate) fn is_empty(&self) -> bool {
        self.arns.is_empty() && self.sessions.is_empty()
    }

    /// Takes all of `more` in.
    pub(crate) fn add(&mut self, more: &Self) {
        self.arns.extend(more.arns.iter().cloned());
        self.sessions.extend(more.sessions.iter().cloned());
    }

    /// Takes all of `others` out.
    pub(crate) fn remove(&mut self, others: &Self) {
        self.arns.retain(|arn| !others.arns.contains(arn));
        self.sessions.retain(|session| !others.sessions.contains(session));
    }
}
