//! What is never used for a rehearsal: what might be real.

use crate::resource::Found;
use firebreak::decision::ReasonCode;
use firebreak::diagnosis::ConfiguredAccount;
use firebreak::plan::Plan;
use firebreak::policy::Protected;
use firebreak::text::inert;

/// Why a resource is not used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Policy does not say that its account is for tests.
    #[error(
        "account {account} is not marked for tests: set `test = true` under [accounts.{account}] of the response policy, and deploy"
    )]
    NoTestAccount {
        /// The account.
        account: String,
    },
    /// A tag says that it is in use.
    #[error("{resource} has the tag {tag}: it is production")]
    Production {
        /// The resource.
        resource: String,
        /// `key=value`.
        tag: String,
    },
    /// Policy, or Firebreak itself, protects it.
    #[error("{resource} is protected: {why}")]
    Protected {
        /// The resource.
        resource: String,
        /// By what.
        why: String,
    },
}

/// Values of a tag that tell of production, in lower case.
const PRODUCTION: [&str; 4] = ["prod", "production", "prd", "live"];
/// Keys of a tag that tell for what a resource is used, in lower case and without separators.
const STAGES: [&str; 5] = ["env", "environment", "stage", "tier", "lifecycle"];

/// Why `found` is not used, if so. `accounts` are those that the response policy names, `protected` is what it protects; `plan` is what
/// would be decided about the finding that names it.
///
/// # Errors
/// The reason, for people.
pub fn refuse(found: &Found, accounts: &[ConfiguredAccount], protected: &Protected, plan: &Plan) -> Result<(), Refusal> {
    let resource = || found.resource.to_string();
    let is_test = accounts.iter().any(|configured| configured.account == found.account && configured.test);
    if !is_test {
        return Err(Refusal::NoTestAccount { account: found.account.to_string() });
    }
    if let Some((key, value)) = found.tags.iter().find(|(key, value)| is_production(key, value)) {
        return Err(Refusal::Production { resource: resource(), tag: inert(&format!("{key}={value}"), 280) });
    }
    // A finding about a principal has no tags; AWS has.
    if let Some(tag) = protected.tags.iter().find(|tag| tag.matches(&found.tags)) {
        let why = format!("policy protects the tag {}={}", tag.key, tag.value);
        return Err(Refusal::Protected { resource: resource(), why });
    }
    let names = |id: &str| id == found.resource.name;
    let protected = plan.decisions.iter().find(|decision| decision.code == ReasonCode::Protected && names(&decision.target.id));
    protected.map_or(Ok(()), |decision| Err(Refusal::Protected { resource: resource(), why: decision.reason.clone() }))
}

fn is_production(key: &str, value: &str) -> bool {
    let letters: String = key.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase();
    STAGES.iter().any(|stage| letters == *stage) && PRODUCTION.contains(&value.trim().to_ascii_lowercase().as_str())
}
