//! What `firebreak doctor` asks a function, and what the function answers.
//!
//! Whether a member account lets Firebreak in can only be seen with the function's own role: its trust policy names that role and no
//! person. So the command asks each function, and the function looks. Nothing is changed by it.

use crate::ids::{AccountId, Partition, Region};
use crate::policy::{Policy, Protected, ResponseMode};
use serde::{Deserialize, Serialize};

/// The payload of an invocation that asks. The state machine never sends one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Question {
    /// Where to look.
    pub diagnose: Places,
}

/// Where to look. At most [`Places::MOST_ACCOUNTS`] accounts fit the time limit of a function.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Places {
    /// `aws`, `aws-us-gov`, `aws-cn`.
    pub partition: Partition,
    /// Member accounts. None: only what is not in a member account.
    #[serde(default)]
    pub accounts: Vec<AccountId>,
    /// Regions with resources to protect. The first is the one Firebreak runs in.
    pub regions: Vec<Region>,
}

impl Places {
    /// How many accounts to ask about in one invocation.
    pub const MOST_ACCOUNTS: usize = 20;
}

/// What a function answers.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Diagnosis {
    /// What it saw.
    pub observations: Vec<Observation>,
    /// Accounts that the response policy names, with their mode: only `triage` and `sweep` have the policy.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub accounts: Vec<ConfiguredAccount>,
    /// Finding types of the response policy's own rows that need an event rule of their own, in order; from `triage`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub own_types: Vec<String>,
    /// Security Hub products that the response policy lists beside GuardDuty.
    #[serde(default)]
    pub listed_products: Vec<String>,
    /// What the response policy never contains, from `triage`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub protected: Option<Protected>,
    /// The mode of accounts that the response policy does not name, from the same functions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default_mode: Option<ResponseMode>,
}

impl From<Vec<Observation>> for Diagnosis {
    fn from(observations: Vec<Observation>) -> Self {
        Self { observations, ..Self::default() }
    }
}

/// An account that the response policy names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConfiguredAccount {
    /// Its number.
    pub account: AccountId,
    /// How it responds.
    pub mode: ResponseMode,
    /// Policy says that it is for tests.
    #[serde(default)]
    pub test: bool,
}

impl ConfiguredAccount {
    /// Every account that `policy` names.
    #[must_use]
    pub fn all(policy: &Policy) -> Vec<Self> {
        policy.accounts.iter().map(|(account, of)| Self { account: account.clone(), mode: of.mode, test: of.test }).collect()
    }
}

/// How something was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Condition {
    /// As it must be.
    Sound,
    /// Works, and could be better. No reason for a bad exit code.
    Advice,
    /// Firebreak would not do its work, or not safely.
    Broken,
    /// It could not be looked at.
    Unknown,
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Observation {
    /// What it is about: a kebab-case name that scripts can match, such as `member-role`.
    pub check: String,
    /// Which one: a name, with the account and Region where it matters.
    pub subject: String,
    /// How it was found.
    pub condition: Condition,
    /// What was found, in a few words.
    pub found: String,
    /// The one command or setting that mends it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fix: Option<String>,
}

impl Observation {
    /// As it must be.
    #[must_use]
    pub fn sound(check: &str, subject: impl Into<String>, found: impl Into<String>) -> Self {
        Self { check: check.to_owned(), subject: subject.into(), condition: Condition::Sound, found: found.into(), fix: None }
    }

    /// Not as it must be, and what mends it.
    #[must_use]
    pub fn broken(check: &str, subject: impl Into<String>, found: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { condition: Condition::Broken, fix: Some(fix.into()), ..Self::sound(check, subject, found) }
    }

    /// Could be better, and how.
    #[must_use]
    pub fn advice(check: &str, subject: impl Into<String>, found: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { condition: Condition::Advice, fix: Some(fix.into()), ..Self::sound(check, subject, found) }
    }

    /// Could not be looked at, and what lets it be.
    #[must_use]
    pub fn unknown(check: &str, subject: impl Into<String>, found: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { condition: Condition::Unknown, fix: Some(fix.into()), ..Self::sound(check, subject, found) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn only_a_question_is_a_question() {
        let question = json!({ "diagnose": { "partition": "aws", "accounts": ["111122223333"], "regions": ["eu-central-1"] } });
        assert!(serde_json::from_value::<Question>(question.clone()).is_ok());
        let mut task = question;
        task["target"] = json!({ "kind": "iam-user" });
        assert!(serde_json::from_value::<Question>(task).is_err(), "a task is never taken for a question");
        let wrong = json!({ "diagnose": { "partition": "aws", "accounts": ["1111/../2222"], "regions": [] } });
        assert!(serde_json::from_value::<Question>(wrong).is_err(), "what is no account number is asked nowhere");
    }
}
